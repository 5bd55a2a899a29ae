/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/launcher/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "decision/base/cleanup.h"

enum { FILES = 4096 };

static char mounted[1024];

/* At the end, before the test's directory is removed: a directory with a mount stays. */
static void unmount(void)
{
	umount2(mounted, MNT_DETACH);
}

int small_disk_mount(const char *path, const char *options, struct err *e)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", path, "tmpfs", 0, options))
		return err_errno(e, -errno, "no small file system can be mounted");
	snprintf(mounted, sizeof(mounted), "%s", path);
	atexit(unmount);
	return 0;
}

static void name(char file[512], const char *path, unsigned i)
{
	snprintf(file, 512, "%s/filler-%u", path, i);
}

void small_disk_fill(const char *path, enum small_disk_what what)
{
	static const char bytes[4096];
	char file[512];

	for (unsigned i = 0; i < (what == SMALL_DISK_SPACE ? 1 : FILES); i++) {
		cleanup_close int fd = -1;

		name(file, path, i);
		fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (fd < 0)
			return;
		while (what == SMALL_DISK_SPACE && write(fd, bytes, sizeof(bytes)) > 0)
			;
	}
}

void small_disk_free(const char *path)
{
	char file[512];

	for (unsigned i = 0; i < FILES; i++) {
		name(file, path, i);
		if (unlink(file))
			return;
	}
}
