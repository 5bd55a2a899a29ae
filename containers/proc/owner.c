/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/proc/owner.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "decision/base/cleanup.h"

static bool is_one_of(uid_t uid, const struct users *u)
{
	return uid == u->caller || uid == u->workers;
}

/* Real, effective, saved, file-system. */
static bool read_uids(pid_t pid, uid_t uids[4])
{
	char text[64];

	return proc_read_status(pid, "Uid:", text, sizeof(text)) &&
	       sscanf(text, " %u %u %u %u", &uids[0], &uids[1], &uids[2], &uids[3]) == 4;
}

uid_t proc_user(pid_t pid)
{
	uid_t uids[4];

	return read_uids(pid, uids) ? uids[0] : (uid_t)-1;
}

bool proc_is_of(pid_t pid, const struct users *u)
{
	uid_t uids[4];

	if (!read_uids(pid, uids))
		return false;
	return is_one_of(uids[0], u) && uids[1] == uids[0] && uids[2] == uids[0] &&
	       uids[3] == uids[0];
}

/* By AT_SECURE of getauxval(3), which the kernel has set at exec for set-uid and the like. */
bool proc_is_elevated(pid_t pid)
{
	unsigned long pair[2];
	char path[64];
	cleanup_fclose FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	f = fopen(path, "re");
	while (f && fread(pair, sizeof(pair), 1, f) == 1)
		if (pair[0] == AT_SECURE)
			return pair[1] != 0;
	return true;
}

bool proc_may_be_of(int proc, pid_t pid, const struct users *u)
{
	struct stat st;
	char name[16];

	snprintf(name, sizeof(name), "%d", pid);
	return fstatat(proc, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_uid == 0 || is_one_of(st.st_uid, u));
}
