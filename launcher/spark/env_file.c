/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/spark-env.sh: what it makes of an environment, and what daemons have of it.
 */

#include "launcher/spark/doors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/room.h"
#include "launcher/system/capture.h"
#include "launcher/system/owner.h"

enum {
	SOURCE_TIMEOUT_MS = 20 * 1000, /* it may ask `hadoop classpath`, some shell scripts */
	SOURCE_MAX = 256 << 10,	       /* what it prints, and the environment that it leaves */
	DAEMON_HEAP_LEAST_MB = 64,     /* a Master with less dies of it */
};

/*
 * What bin/load-spark-env.sh does. The mark, which nobody knows beforehand, parts what the file
 * printed from what it made, and tells that it came to its end.
 */
#define PROGRAM                      \
	"set -a; . \"$0\"; set +a; " \
	"builtin printf '%%b%%s%%b' '\\0' %s '\\0'; builtin exec /usr/bin/env -0"

/* ---- the file */

void doors_directory(const struct spark *s, char directory[PROFILE_PATH])
{
	const char *own = getenv("SPARK_CONF_DIR");
	char mark[PROFILE_PATH];
	int n;

	snprintf(directory, PROFILE_PATH, "%.*s/conf", PROFILE_PATH - 8, s->home);
	if (!own || own[0] != '/')
		return;
	/* `env` leads there: what is in it was made of the user's. */
	n = snprintf(mark, sizeof(mark), "%s/../" SPARK_APPLICATIONS, own);
	if (n >= PROFILE_PATH || (access(mark, F_OK) == 0))
		return;
	snprintf(directory, PROFILE_PATH, "%s", own);
}

int doors_find_file(const char *directory, const char *name, uid_t uid, char path[PROFILE_PATH],
		    struct err *e)
{
	struct owner stranger;
	struct stat st;
	int r;

	if (snprintf(path, PROFILE_PATH, "%s/%s", directory, name) >= PROFILE_PATH)
		return err_set(e, -ENAMETOOLONG, "the path of %s in %s is too long", name,
			       directory);
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	r = owner_find_stranger(path, uid, &stranger);
	if (r < 0)
		return err_errno(e, r, "%s", path);
	return r ? owner_refuse(&stranger, uid, name, e) : 1;
}

/* What it printed, in short: its first line. */
static void note_noise(const char *path, char *text, size_t size, struct argv *notes)
{
	for (size_t i = 0; i < size; i++)
		if (!text[i])
			text[i] = ' ';
	text[size] = '\0';
	text += strspn(text, " \t\r\n");
	text[strcspn(text, "\n")] = '\0';
	if (text[0])
		argv_addf(notes, "%s printed: %.300s", path, text);
}

bool doors_keeps(const char *item)
{
	static const char *const of_shells[] = {
		"_=",	     "PWD=",  "OLDPWD=",	   "SHLVL=", "BASH_FUNC_",
		"BASHOPTS=", "BASH_", "SPARK_ENV_LOADED=", NULL};
	size_t length = strspn(item, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
				     "0123456789");

	if (item[length] != '=')
		return false;
	for (const char *const *own = of_shells; *own; own++)
		if (strncmp(item, *own, strlen(*own)) == 0)
			return false;
	return true;
}

int doors_source(const char *directory, const struct cluster *as, const struct argv *before,
		 struct argv *out, struct argv *notes, struct err *e)
{
	char path[PROFILE_PATH], mark[33], program[sizeof(PROGRAM) + sizeof(mark)];
	uint64_t bytes[2];
	cleanup_free char *text = malloc(SOURCE_MAX);
	cleanup_free struct printed *p = calloc(1, sizeof(*p));
	char reason[PRINTED_REASON];
	cleanup_argv struct argv env = {0}, after = {0};
	const char *loaded = argv_value(before, "SPARK_ENV_LOADED");
	const char *check[] = {"/bin/bash", "-n", path, NULL};
	const char *argv[] = {"/bin/bash", "-c", program, path, NULL};
	char *found, *at;
	int r = loaded && loaded[0] ? 0
				    : doors_find_file(directory, "spark-env.sh", as->uid, path, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < before->count; i++)
		argv_add(&env, before->items[i]);
	if (!text || !p || env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	p->out = text;
	p->size = SOURCE_MAX;
	if (r == 0) {
		*out = env;
		env = (struct argv){0};
		return 0;
	}
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_errno(e, -errno, "cannot get random bytes");
	snprintf(mark, sizeof(mark), "%016" PRIx64 "%016" PRIx64, bytes[0], bytes[1]);
	snprintf(program, sizeof(program), PROGRAM, mark);
	argv_put(&env, "SPARK_ENV_LOADED", "1");
	argv_put(&env, "SPARK_CONF_DIR", directory);
	argv_drop(&env, "BASH_ENV=");
	if (env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	r = capture(as, check, (const char *const *)env.items, SOURCE_TIMEOUT_MS, p, e);
	if (r < 0)
		return err_wrap(e, "%s", path);
	if (r > 0)
		return err_set(e, -ENOEXEC, "%s cannot be parsed: %s", path,
			       printed_reason(p, reason));
	r = capture(as, argv, (const char *const *)env.items, SOURCE_TIMEOUT_MS, p, e);
	if (r < 0)
		return err_wrap(e, "%s, which Spark's programs source", path);
	found = memmem(text, p->length, mark, strlen(mark) + 1);
	if (!found || r)
		return err_set(e, -ENOEXEC,
			       "%s ended before its last line (status %d), and Spark's programs "
			       "source it: it may not call exit or exec, or fail under set -e%s%s",
			       path, r, printed_reason(p, reason)[0] ? "; it printed: " : "",
			       reason);
	note_noise(path, text, (size_t)(found - 1 - text), notes);
	note_noise(path, p->err, strlen(p->err), notes);
	for (at = found + strlen(mark) + 1; at < text + p->length; at += strlen(at) + 1)
		if (doors_keeps(at))
			argv_add(&after, at);
	/* What bash takes for itself. */
	for (size_t i = 0; i < before->count; i++)
		if (!doors_keeps(before->items[i]))
			argv_add(&after, before->items[i]);
	if (after.failed || notes->failed)
		return err_set(e, -ENOMEM, "out of memory");
	*out = after;
	after = (struct argv){0};
	return 0;
}

/* ---- of daemons */

const char *spark_daemon_value(const struct profile *p, const struct spark *s, const char *name)
{
	const char *own = strings_value(&p->spark.env, name);

	return own || !s ? own : strings_value(&s->env, name);
}

int spark_daemon_heap(const struct profile *p, const struct spark *s, uint64_t *bytes,
		      struct err *e)
{
	static const char name[] = "SPARK_DAEMON_MEMORY", units[] = "kmgt";
	const char *value = spark_daemon_value(p, s, name), *unit;
	uint64_t n = 0;
	char *end;

	if (!value || !value[0]) {
		*bytes = SPARK_DAEMON_HEAP;
		return 0;
	}
	/* What a JVM takes for -Xmx. */
	errno = 0;
	n = value[0] >= '0' && value[0] <= '9' ? strtoull(value, &end, 10) : 0;
	if (!n || errno || strlen(end) > 1)
		return err_set(e, -EINVAL, "%s: found %.40s, and a size is expected, as 512m or 1g",
			       name, value);
	unit = *end ? strchr(units, *end | 0x20) : NULL;
	if (*end && !unit)
		return err_set(e, -EINVAL, "%s: found %.40s, and a size is expected, as 512m or 1g",
			       name, value);
	for (const char *u = units; unit && u <= unit; u++)
		if (__builtin_mul_overflow(n, 1024, &n))
			return err_set(e, -EINVAL, "%s: %.40s is more than can be counted", name,
				       value);
	if (n < DAEMON_HEAP_LEAST_MB * (uint64_t)MIB)
		return err_set(e, -EINVAL,
			       "%s: %.40s is less than %d MB, with which no daemon of Spark runs",
			       name, value, DAEMON_HEAP_LEAST_MB);
	*bytes = n / MIB * MIB;
	return 0;
}
