/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/scratch.h"

#include <errno.h>
#include <sys/stat.h>

static const char key[] = "memory.scratch.path";

int scratch_path(const struct cluster *c, const char *top, const char *slice,
		 char path[PROFILE_PATH], struct err *e)
{
	if (snprintf(path, PROFILE_PATH, "%s/cleave-%s-%s", top, c->name, slice) >= PROFILE_PATH)
		return err_set(e, -ENAMETOOLONG, "%s is longer than %d bytes", key,
			       PROFILE_PATH - 64);
	return 0;
}

int scratch_check(const struct cluster *c, const char *top, unsigned slices, struct err *e)
{
	char slice[NAME_MAX_BYTES + 1], path[PROFILE_PATH];
	struct stat st;
	int r = 0;

	for (unsigned i = 0; !r && i < slices; i++) {
		snprintf(slice, sizeof(slice), "slice-%u", i);
		r = scratch_path(c, top, slice, path, e);
		if (!r && lstat(path, &st) == 0)
			r = err_set(e, -EEXIST,
				    "%s: %s is there already: remove it, or choose another place",
				    key, path);
	}
	return r;
}

int scratch_make(const struct cluster *c, const char *top, const char *slice, struct err *e)
{
	char path[PROFILE_PATH];

	if (scratch_path(c, top, slice, path, e))
		return e->code;
	return cluster_make_for_user(c, path, 0700, e) ? err_wrap(e, "%s", key) : 0;
}

int scratch_remove(const struct cluster *c, const char *top, struct err *e)
{
	char slice[NAME_MAX_BYTES + 1], path[PROFILE_PATH];
	struct stat st;
	int r = 0;

	for (unsigned i = 0; !r && top[0] && i < SLICES_MAX; i++) {
		snprintf(slice, sizeof(slice), "slice-%u", i);
		r = scratch_path(c, top, slice, path, e);
		if (!r && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == c->uid)
			r = cluster_remove_for_user(c, path, e);
	}
	return r;
}
