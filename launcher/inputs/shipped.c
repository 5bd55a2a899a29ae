/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/shipped.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "decision/base/cleanup.h"
#include "decision/base/nearest.h"
#include "decision/base/strings.h"

enum { SHIPPED_MAX = 64, PLACES = 3 };

/* What there is, and where below the running binary's directory: installed, in build/ and below. */
struct kind {
	const char *one, *more; /* "profile", "profiles" */
	const char *suffix;
	const char *hint; /* what to give instead */
	const char *places[PLACES];
	bool (*is_one)(const char *name); /* of those with the suffix; NULL: all are */
};

static const struct kind profiles = {
	.one = "profile",
	.more = "profiles",
	.suffix = ".yaml",
	.hint = "; a file's path needs a '/' or ends in .yaml",
	.places = {"../share/cleave/profiles", "../profiles", "../../profiles"},
};

/* What the workloads share lies beside them. */
static bool is_workload(const char *name)
{
	return strcmp(name, "workload.py") != 0;
}

static const struct kind workloads = {
	.one = "workload",
	.more = "workloads",
	.suffix = ".py",
	.hint = "",
	.places = {"../share/cleave/workloads", "../launcher/measure/workloads",
		   "../../launcher/measure/workloads"},
	.is_one = is_workload,
};

static bool ends_in(const char *text, const char *suffix)
{
	size_t length = strlen(text), end = strlen(suffix);

	return length > end && !strcmp(text + length - end, suffix);
}

bool shipped_is_path(const char *profile)
{
	return strchr(profile, '/') || ends_in(profile, profiles.suffix);
}

static int find_directory(const struct kind *k, char directory[PROFILE_PATH], struct err *e)
{
	char binary[PROFILE_PATH];
	ssize_t n = readlink("/proc/self/exe", binary, sizeof(binary) - 1);

	binary[n < 0 ? 0 : n] = '\0';
	for (size_t i = 0; i < PLACES && strrchr(binary, '/'); i++) {
		int length = (int)(strrchr(binary, '/') - binary);

		if (snprintf(directory, PROFILE_PATH, "%.*s/%s", length, binary, k->places[i]) <
			    PROFILE_PATH &&
		    access(directory, R_OK | X_OK) == 0)
			return 0;
	}
	return err_wrong(e, "no shipped %s are installed beside %s (%s)%s", k->more, binary,
			 k->places[0], k->hint);
}

/* The sentence has the nearest name, and all that there are in alphabetical order. */
static int unknown(const struct kind *k, const char *name, const char *directory, struct err *e)
{
	const char *names[SHIPPED_MAX + 1] = {NULL}, *nearest;
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, NULL, alphasort);
	char list[256] = "";
	unsigned found = 0;
	size_t used = 0;

	for (int i = 0; i < count && found < SHIPPED_MAX; i++) {
		char *entry = entries[i]->d_name;

		if (!ends_in(entry, k->suffix) || (k->is_one && !k->is_one(entry)))
			continue;
		entry[strlen(entry) - strlen(k->suffix)] = '\0';
		names[found] = entry;
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
						 found ? ", " : "", entry);
		found++;
	}
	nearest = word_nearest(name, names);
	err_wrong(e, "no shipped %s is called '%s'%s%s%s; there are: %s%s", k->one, name,
		  nearest ? "; the nearest is '" : "", nearest ? nearest : "", nearest ? "'" : "",
		  list, k->hint);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return e->code;
}

static int find(const struct kind *k, const char *name, char path[PROFILE_PATH], struct err *e)
{
	char directory[PROFILE_PATH], file[PROFILE_WORD], real[PATH_MAX];
	int length;

	if (find_directory(k, directory, e) < 0)
		return err_wrap(e, "%s '%s'", k->one, name);
	snprintf(file, sizeof(file), "%s%s", name, k->suffix);
	length = snprintf(path, PROFILE_PATH, "%s/%s", directory, file);
	if (length < PROFILE_PATH && *name && !strchr(name, '/') &&
	    (!k->is_one || k->is_one(file)) && realpath(path, real) &&
	    !string_copy_n(path, PROFILE_PATH, real))
		return 0;
	return unknown(k, name, directory, e);
}

int shipped_find(const char *name, char path[PROFILE_PATH], struct err *e)
{
	return find(&profiles, name, path, e);
}

int shipped_workload(const char *name, char path[PROFILE_PATH], struct err *e)
{
	return find(&workloads, name, path, e);
}
