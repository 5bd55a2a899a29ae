/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/shipped.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "decision/base/cleanup.h"
#include "decision/base/nearest.h"
#include "decision/base/strings.h"

enum { SHIPPED_MAX = 64 };

static const char suffix[] = ".yaml";

static bool ends_in_suffix(const char *text)
{
	size_t length = strlen(text), end = strlen(suffix);

	return length > end && !strcmp(text + length - end, suffix);
}

bool shipped_is_path(const char *profile)
{
	return strchr(profile, '/') || ends_in_suffix(profile);
}

/* Beside the running binary: installed (PREFIX/bin), in build/, in build/VARIANT/. */
static int find_directory(char directory[PROFILE_PATH], struct err *e)
{
	static const char *const places[] = {"../share/cleave/profiles", "../profiles",
					     "../../profiles"};
	char binary[PROFILE_PATH];
	ssize_t n = readlink("/proc/self/exe", binary, sizeof(binary) - 1);

	binary[n < 0 ? 0 : n] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places) && strrchr(binary, '/'); i++) {
		int length = (int)(strrchr(binary, '/') - binary);

		if (snprintf(directory, PROFILE_PATH, "%.*s/%s", length, binary, places[i]) <
			    PROFILE_PATH &&
		    access(directory, R_OK | X_OK) == 0)
			return 0;
	}
	return err_wrong(e,
			 "no shipped profiles are installed beside %s (%s); give the path of a "
			 "file",
			 binary, places[0]);
}

static int is_profile(const struct dirent *entry)
{
	return ends_in_suffix(entry->d_name);
}

/* The sentence has the nearest name, and all that there are in alphabetical order. */
static int unknown(const char *name, const char *directory, struct err *e)
{
	const char *names[SHIPPED_MAX + 1] = {NULL}, *nearest;
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_profile, alphasort);
	char list[256] = "";
	size_t used = 0;

	for (int i = 0; i < count && i < SHIPPED_MAX; i++) {
		char *end = entries[i]->d_name + strlen(entries[i]->d_name) - strlen(suffix);

		*end = '\0';
		names[i] = entries[i]->d_name;
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
						 i ? ", " : "", names[i]);
	}
	nearest = word_nearest(name, names);
	err_wrong(
		e,
		"no shipped profile is called '%s'%s%s%s; there are: %s; a file's path needs a '/' "
		"or ends in .yaml",
		name, nearest ? "; the nearest is '" : "", nearest ? nearest : "",
		nearest ? "'" : "", list);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return e->code;
}

int shipped_find(const char *name, char path[PROFILE_PATH], struct err *e)
{
	char directory[PROFILE_PATH];
	int length;

	if (find_directory(directory, e) < 0)
		return err_wrap(e, "profile '%s'", name);
	length = snprintf(path, PROFILE_PATH, "%s/%s%s", directory, name, suffix);
	if (length < PROFILE_PATH && *name && access(path, F_OK) == 0)
		return 0;
	return unknown(name, directory, e);
}
