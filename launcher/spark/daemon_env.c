/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the caller's shell and spark-env.sh set for Master and Workers, and through these for
 * executors.
 */

#include "launcher/spark/doors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/room.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * Put it into the list; a string of options without what daemons, or the executors that inherit it,
 * may not have.
 */
static int take_variable(struct strings *out, const char *name, const char *value, const char *path,
			 struct argv *notes, struct err *e)
{
	const struct setting *s = setting_of_variable(name);
	cleanup_free char *kept = NULL, *both = NULL;
	char from[PROFILE_PATH + 128];

	snprintf(from, sizeof(from), "of %.40s (%.1000s)", name, path);
	if (s && (s->rule == SETTING_DAEMON_OPTIONS || s->rule == SETTING_OPTIONS)) {
		if (doors_filter_options(value, SETTING_OF_DAEMONS, from, notes, &kept, e))
			return e->code;
		value = kept;
	}
	if (s && s->rule == SETTING_OPTIONS) {
		if (doors_filter_options(value, SETTING_OF_EXECUTORS, from, notes, &both, e))
			return e->code;
		value = both;
	}
	if (strings_add(out, name) || strings_add(out, value))
		return err_set(
			e, -E2BIG,
			"%s: what is set for daemons outside of the profile is longer than %d "
			"bytes, with %.100s of %zu: write less, as wildcards for jars",
			path, STRINGS_POOL, name, strlen(value));
	return 0;
}

int spark_take_environment(const struct profile *p, const struct cluster *c, struct spark *s,
			   struct argv *notes, struct err *e)
{
	cleanup_argv struct argv base = {0}, before = {0}, after = {0};
	char directory[PROFILE_PATH], path[PROFILE_PATH + 32];
	const char *search = getenv("PATH");
	uint64_t heap;

	if (s->image[0])
		return spark_daemon_heap(p, s, &heap, e);
	doors_directory(s, directory);
	snprintf(path, sizeof(path), "%s/spark-env.sh", directory);
	/* The daemons' begin: the same from whatever shell `up` is called. */
	spark_put_user(c, p, &base);
	spark_put_homes(s, &base);
	for (size_t i = 0; i < base.count; i++)
		argv_add(&before, base.items[i]);
	if (search) /* for what the file calls; that of daemons stays as it is */
		argv_putf(&before, "PATH", "%s:%s", search, argv_value(&base, "PATH"));
	for (char **item = environ; *item; item++) {
		char name[64];
		const struct setting *t;

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*item, "="), *item);
		t = setting_of_variable(name);
		if (t && (t->rule == SETTING_DAEMONS || t->rule == SETTING_DAEMON_OPTIONS) &&
		    !argv_value(&base, name))
			argv_add(&before, *item);
	}
	if (before.failed || base.failed)
		return err_set(e, -ENOMEM, "out of memory");
	if (doors_source(directory, c, &before, &after, notes, e))
		return e->code;
	s->env = (struct strings){0};
	if (after.count)
		qsort(after.items, after.count, sizeof(*after.items), by_name);
	for (size_t i = 0; i < after.count; i++) {
		char *value = strchr(after.items[i], '='), *name = after.items[i];
		const char *was, *shell;
		const struct setting *t;

		if (!value || !doors_keeps(name))
			continue;
		*value++ = '\0';
		was = argv_value(&base, name);
		shell = getenv(name);
		t = setting_of_variable(name);
		if ((was && strcmp(was, value) == 0) || strcmp(name, "PATH") == 0 ||
		    strcmp(name, "SPARK_CONF_DIR") == 0 || (t && t->rule == SETTING_SCRIPTS))
			continue;
		if (t && (t->rule == SETTING_OURS || t->rule == SETTING_PLACE))
			argv_addf(notes, "%s in %s is left out: %s", name, path, t->why);
		else if (!strings_value(&p->spark.env, name) &&
			 take_variable(&s->env, name, value,
				       shell && !strcmp(shell, value) ? "the environment" : path,
				       notes, e))
			return e->code;
	}
	if (notes->failed)
		return err_set(e, -ENOMEM, "out of memory");
	return spark_daemon_heap(p, s, &heap, e);
}
