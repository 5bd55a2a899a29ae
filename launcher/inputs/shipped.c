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
	size_t length = strlen(text), end = sizeof(suffix) - 1;

	return length > end && !strcmp(text + length - end, suffix);
}

bool shipped_is_path(const char *profile)
{
	return strchr(profile, '/') || ends_in_suffix(profile);
}

/* Relative to the running binary: installed (PREFIX/bin), in build/, in build/VARIANT/. The first that is there. */
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

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a directory, sorted, into `names` (NULL-terminated), each to be freed. */
static void list_names(const char *directory, char *names[SHIPPED_MAX + 1])
{
	DIR *dir = opendir(directory);
	size_t count = 0;

	for (struct dirent *entry; dir && count < SHIPPED_MAX && (entry = readdir(dir));)
		if (ends_in_suffix(entry->d_name)) {
			names[count] = strndup(entry->d_name,
					       strlen(entry->d_name) - (sizeof(suffix) - 1));
			count += names[count] != NULL;
		}
	names[count] = NULL;
	if (dir)
		closedir(dir);
	qsort(names, count, sizeof(*names), compare_words);
}

static int unknown(const char *name, const char *directory, struct err *e)
{
	char *names[SHIPPED_MAX + 1], list[256] = "";
	const char *nearest;

	list_names(directory, names);
	for (size_t i = 0, used = 0; names[i] && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
					 names[i]);
	nearest = word_nearest(name, (const char *const *)names);
	err_wrong(
		e,
		"no shipped profile is called '%s'%s%s%s; there are: %s; a file's path needs a '/' "
		"or ends in .yaml",
		name, nearest ? "; the nearest is '" : "", nearest ? nearest : "",
		nearest ? "'" : "", list);
	for (size_t i = 0; names[i]; i++)
		free(names[i]);
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
