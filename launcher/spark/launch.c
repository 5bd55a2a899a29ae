/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Spark's launcher and the JDK answered is kept in the cache and not asked again while neither
 * has changed.
 */

#include "launcher/spark/room.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/system/cache.h"
#include "launcher/system/files.h"
#include "launcher/system/json.h"

enum { RECORD_MAX = 64 << 10 };

/*
 * One for each user that was asked: he runs the program that answers, and can make it say what he
 * wants, but what it says is executed as him alone.
 */
enum { RECORD_NAME = 32 };
static void name_record(uid_t uid, char name[RECORD_NAME])
{
	snprintf(name, RECORD_NAME, "launch-%u.json", uid);
}

#define T struct spark
static const struct json_field record_fields[] = {
	{"home", JSON_AT(T, home)},
	{"java", JSON_AT(T, java)},
	{"java_home", JSON_AT(T, java_home)},
	{"java_version", JSON_AT(T, java_version), .max = 1000},
	{"java_full", JSON_AT(T, java_full)},
	{"java_vendor", JSON_AT(T, java_vendor)},
	{"launch", JSON_AT(T, launch)},
	JSON_END,
};
static const struct json_table record_table = {
	.fields = record_fields,
	.schema = "cleave.launch/2",
	.size = sizeof(T),
};
#undef T

/* ---- which Spark and which JDK, to the byte as far as file times tell */

/* FNV-1a, 64 bits (Fowler, Noll, Vo): nobody gains by making two that are equal. */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t mix_file(uint64_t hash, int dir, const char *path)
{
	struct stat st = {0};
	int64_t what[4];

	if (fstatat(dir, path, &st, 0))
		st = (struct stat){0};
	what[0] = st.st_size;
	what[1] = st.st_mtim.tv_sec;
	what[2] = st.st_mtim.tv_nsec;
	what[3] = (int64_t)st.st_ino;
	return mix(mix(hash, path, strlen(path) + 1), what, sizeof(what));
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int mix_jars(uint64_t *hash, const char *home, struct err *e)
{
	cleanup_close int jars = -1;
	char path[PROFILE_PATH + 16];
	struct dirent **entries = NULL;
	int count;

	snprintf(path, sizeof(path), "%s/jars", home);
	jars = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (jars < 0 || (count = scandirat(jars, ".", &entries, is_file, alphasort)) < 0)
		return err_errno(e, -errno, "%s", path);
	for (int i = 0; i < count; i++) {
		*hash = mix_file(*hash, jars, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static uint64_t mix_java(uint64_t hash, const struct spark *s)
{
	static const char *const of_java[] = {
		"bin/java", "lib/server/libjvm.so", "lib/modules", "lib/rt.jar", "release", NULL};
	cleanup_close int java = open(s->java_home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (const char *const *file = of_java; *file; file++)
		hash = mix_file(hash, java, *file);
	return mix_file(hash, AT_FDCWD, s->java);
}

int spark_fingerprint(const struct spark *s, char out[SPARK_FINGERPRINT], struct err *e)
{
	bool has_home = !s->image[0] || s->mounts_home, has_java = !s->image[0] || s->mounts_java;
	uint64_t hash = mix(FNV_BASIS, CLEAVE_VERSION, sizeof(CLEAVE_VERSION));

	/* An image's name is that of all it has. */
	hash = mix(hash, s->image, strlen(s->image) + (s->image[0] != '\0'));
	hash = mix(mix(hash, s->home, strlen(s->home) + 1), s->java, strlen(s->java) + 1);
	if (has_home && mix_jars(&hash, s->home, e))
		return e->code;
	if (has_java)
		hash = mix_java(hash, s);
	snprintf(out, SPARK_FINGERPRINT, "%016" PRIx64, hash);
	return 0;
}

void spark_text_fingerprint(const char *text, char out[SPARK_FINGERPRINT])
{
	snprintf(out, SPARK_FINGERPRINT, "%016" PRIx64, mix(FNV_BASIS, text, strlen(text)));
}

/* ---- the record */

bool spark_launch_recall(struct spark *s, uid_t uid)
{
	cleanup_free struct spark *known = calloc(1, sizeof(*known));
	cleanup_free char *text = NULL;
	char directory[PROFILE_PATH], path[PROFILE_PATH + 32], record_file[RECORD_NAME];
	struct err ignored; /* it is computed again */
	cleanup_close int entry = cache_open(s->fingerprint, directory, &ignored);
	struct stat st;
	size_t size;

	name_record(uid, record_file);
	/* Its words are executed: the file has to be as ours as its directory. */
	if (entry < 0 || !known || fstatat(entry, record_file, &st, AT_SYMLINK_NOFOLLOW) ||
	    !cache_is_ours(&st))
		return false;
	snprintf(path, sizeof(path), "%s/%s", directory, record_file);
	if (file_read(path, RECORD_MAX, &text, &size, &ignored) ||
	    json_table_parse(&record_table, text, size, known, &ignored) ||
	    strcmp(known->home, s->home) != 0 || strcmp(known->java, s->java) != 0 ||
	    strcmp(known->java_home, s->java_home) != 0 || !known->java_version ||
	    !known->launch.count)
		return false;
	s->java_version = known->java_version;
	string_copy(s->java_full, known->java_full);
	string_copy(s->java_vendor, known->java_vendor);
	s->launch = known->launch;
	cache_used(entry);
	return true;
}

void spark_launch_remember(const struct spark *s, uid_t uid)
{
	cleanup_free char *text = NULL;
	char directory[PROFILE_PATH], path[PROFILE_PATH + 32], record_file[RECORD_NAME];
	struct err ignored; /* it is computed again */
	cleanup_close int entry = cache_open(s->fingerprint, directory, &ignored);

	name_record(uid, record_file);
	if (entry < 0 || json_table_format(&record_table, s, &text, &ignored))
		return;
	snprintf(path, sizeof(path), "%s/%s", directory, record_file);
	if (file_replace(path, text, strlen(text), 0644, &ignored) == 0)
		cache_used(entry);
}
