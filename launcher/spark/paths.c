/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things of a cluster are, which bytes of a path bash, Java and Spark take, and how they want
 * them written.
 */

#include "launcher/spark/room.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "decision/base/foreign.h"
#include "launcher/system/scratch.h"

/* What a path is used for, and the bytes that its reader takes for something else. */
static const struct {
	const char *bytes, *why;
} readers[] = {
	[SPARK_PATH_FILE] = {NULL, NULL},
	[SPARK_PATH_LOCAL_DIR] = {",", "a comma, at which Spark splits SPARK_LOCAL_DIRS"},
	/* URLClassPath, JarURLConnection; Spark's ConfigReader replaces ${env:…}. */
	[SPARK_PATH_CLASSES] = {":!$", "one of : ! $, which end a place in a class path, the path "
				       "in a jar's URL, and a word of Spark's configuration"},
	[SPARK_PATH_JDK] = {":", "a colon, at which the JVM splits the paths of its libraries"},
};

int spark_path_check(const char *from, const char *path, enum spark_path kind, struct err *e)
{
	const char *bytes = readers[kind].bytes;

	for (const char *at = path; *at;) {
		const unsigned char first = (unsigned char)*at;
		char shown[FOREIGN_CHAR];
		const unsigned count = foreign_char(at, shown);

		if (first < 0x20 || first == 0x7f)
			return err_wrong(e,
					 "%s: the path %s has a control character, %s: Spark and "
					 "Java read it from lines of text; choose a path without",
					 from, path, shown);
		if (first >= 0x80 && count == 1)
			return err_wrong(e,
					 "%s: the path %s has the byte %s, which is no UTF-8: Java "
					 "makes another name of it; choose a path without",
					 from, path, shown);
		at += count;
	}
	if (bytes && path[strcspn(path, bytes)])
		return err_wrong(e, "%s: the path %s has %s; choose a path without", from, path,
				 readers[kind].why);
	return 0;
}

int spark_paths_check(const struct cluster *c, const struct profile *p, struct err *e)
{
	if (spark_path_check("--state-dir (else XDG_RUNTIME_DIR)", c->state, SPARK_PATH_FILE, e) ||
	    spark_path_check("--state-dir (else XDG_STATE_HOME)", c->data, SPARK_PATH_LOCAL_DIR, e))
		return e->code;
	return spark_path_check("memory.scratch.path", p->memory.scratch.path, SPARK_PATH_LOCAL_DIR,
				e);
}

void spark_quote(const char *path, char quoted[SPARK_QUOTED])
{
	static const char quote[] = "'\"'\"'";
	size_t used = 0;

	for (; *path && used + sizeof(quote) < SPARK_QUOTED; path++) {
		const size_t size = *path == '\'' ? sizeof(quote) - 1 : 1;

		memcpy(quoted + used, *path == '\'' ? quote : path, size);
		used += size;
	}
	quoted[used] = '\0';
}

void spark_url(const char *path, char url[SPARK_QUOTED])
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-._~/";
	size_t used = 0;

	for (; *path && used + sizeof("%00") < SPARK_QUOTED; path++)
		used += (size_t)snprintf(url + used, SPARK_QUOTED - used,
					 strchr(safe, *path) ? "%c" : "%%%02X",
					 (unsigned char)*path);
	url[used] = '\0';
}

int spark_data_path(const struct cluster *c, char path[PROFILE_PATH], struct err *e,
		    const char *format, ...)
{
	int n = snprintf(path, PROFILE_PATH, "%s/", c->data), m = 0;
	va_list args;

	va_start(args, format);
	if (n < PROFILE_PATH)
		m = vsnprintf(path + n, PROFILE_PATH - (size_t)n, format, args);
	va_end(args);
	if (n + m >= PROFILE_PATH)
		return err_set(e, -ENAMETOOLONG,
			       "the data directory %.200s… is too long (limit %d bytes); choose a "
			       "shorter --state-dir",
			       c->data, PROFILE_PATH - 64);
	return 0;
}

int spark_scratch(const struct spark_cluster *c, unsigned slice, char path[PROFILE_PATH],
		  struct err *e)
{
	const char *name = c->plan->slices[slice].name, *own = c->profile->memory.scratch.path;

	return own[0] ? scratch_path(c->cluster, own, name, path, e)
		      : spark_data_path(c->cluster, path, e, "%s/scratch", name);
}

const char *spark_local_path(const char *path)
{
	static const char scheme[] = "file:";

	if (!strncmp(path, scheme, sizeof(scheme) - 1)) {
		path += sizeof(scheme) - 1;
		return !strncmp(path, "//", 2) ? path + 2 : path;
	}
	return strstr(path, "://") ? NULL : path;
}
