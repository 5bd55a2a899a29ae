/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/proc/oom.h"

#include <errno.h>
#include <fcntl.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

static const char file[] = "/proc/self/oom_score_adj";

/* The process's, as the value in the kernel is; "": not protected. */
static char before[16];

int oom_protect(void)
{
	char value[16], now[16];
	int r;

	if (before[0])
		return 0;
	r = control_read(AT_FDCWD, file, now, sizeof(now), &(struct err){0});
	if (r < 0)
		return r;
	snprintf(value, sizeof(value), "%d", OOM_PROTECTED);
	r = control_write(AT_FDCWD, file, value, &(struct err){0});
	if (r == 0)
		memcpy(before, now, sizeof(before));
	return r;
}

void oom_restore(void)
{
	int fd = before[0] ? open(file, O_WRONLY | O_CLOEXEC) : -1;

	/* To a greater value, which everybody may set: it can fail for lack of memory only. */
	if (fd >= 0 && write(fd, before, strlen(before)) >= 0)
		before[0] = '\0';
	if (fd >= 0)
		close(fd);
}
