/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes through the shell, strings of JVM options and the words of `run`, judged by the one
 * list.
 */

#include "launcher/spark/doors.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/spark/room.h"

/* ---- strings of options */

/*
 * The next word of a string of options: where it lies, and in `word` (as long as the string) what
 * it says. 1; 0: none; -EINVAL: a quote has no end.
 */
static int next_option(const char **at, const char **begin, char *word)
{
	const char *from = *at;
	char quote = '\0', *to = word;

	from += strspn(from, " \t\r\n\v\f");
	*begin = from;
	if (!*from)
		return 0;
	for (; *from && (quote || !isspace((unsigned char)*from)); from++) {
		if (*from == '\\' && from[1] && quote != '\'') {
			*to++ = *++from;
		} else if (quote ? *from == quote : *from == '\'' || *from == '"') {
			quote = quote ? '\0' : *from;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	*at = from;
	return quote ? -EINVAL : 1;
}

int doors_split_options(const char *options, struct argv *out, struct err *e)
{
	cleanup_free char *word = strdup(options);
	const char *at = options, *begin;
	int r;

	if (!word)
		return err_set(e, -ENOMEM, "out of memory");
	while ((r = next_option(&at, &begin, word)) > 0)
		argv_add(out, word);
	if (r)
		return err_wrong(e, "a quote has no end in the JVM options %.200s", options);
	return out->failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* "-Dspark.ui.filters" of "-Dspark.ui.filters=x": what is said of it, for values may be secrets. */
static int option_name(const char *option)
{
	size_t length = strcspn(option, "=");

	return length < 100 ? (int)length : 100;
}

int doors_filter_options(const char *options, enum setting_jvm jvm, const char *from,
			 struct argv *notes, char **out, struct err *e)
{
	cleanup_free char *word = strdup(options), *kept = calloc(1, strlen(options) + 1);
	const char *at = options, *begin, *why;
	size_t used = 0;
	int r;

	if (!word || !kept)
		return err_set(e, -ENOMEM, "out of memory");
	while ((r = next_option(&at, &begin, word)) > 0) {
		why = setting_refuse_option(word, jvm);
		if (why) {
			argv_addf(notes, "%.*s %s is left out: %s", option_name(word), word, from,
				  why);
			continue;
		}
		if (used)
			kept[used++] = ' ';
		memcpy(kept + used, begin, (size_t)(at - begin));
		used += (size_t)(at - begin);
	}
	if (r)
		return err_wrong(e, "a quote has no end in the JVM options %s", from);
	*out = take_pointer(kept);
	return 0;
}

int doors_check_options(const char *from, const char *options, enum setting_jvm jvm, struct err *e)
{
	cleanup_argv struct argv words = {0};

	if (doors_split_options(options, &words, e))
		return err_wrap(e, "%s", from);
	for (size_t i = 0; i < words.count; i++) {
		const char *why = setting_refuse_option(words.items[i], jvm);

		if (why)
			return err_wrong(e, "%s: %.*s: %s; remove it", from,
					 option_name(words.items[i]), words.items[i], why);
	}
	return 0;
}

/* Whether the property is a string of options, and whose. */
static bool has_options(const char *key, enum setting_jvm *jvm)
{
	static const char of_drivers[] = "spark.driver.", of_executors[] = "spark.executor.";
	const char *rest = key;

	if (strncmp(key, of_drivers, sizeof(of_drivers) - 1) == 0) {
		*jvm = SETTING_OF_DRIVERS;
		rest += sizeof(of_drivers) - 1;
	} else if (strncmp(key, of_executors, sizeof(of_executors) - 1) == 0) {
		*jvm = SETTING_OF_EXECUTORS;
		rest += sizeof(of_executors) - 1;
	}
	return rest != key &&
	       (strcmp(rest, "extraJavaOptions") == 0 || strcmp(rest, "defaultJavaOptions") == 0);
}

int doors_check_value(const char *from, const char *key, const char *value, struct err *e)
{
	enum setting_jvm jvm = SETTING_OF_DRIVERS;
	char where[256];

	if (!has_options(key, &jvm))
		return 0;
	snprintf(where, sizeof(where), "%s%s", from, key);
	return doors_check_options(where, value, jvm, e);
}

int doors_filter_value(const char *key, const char *from, const char *value, struct argv *notes,
		       char **out, struct err *e)
{
	enum setting_jvm jvm;

	if (has_options(key, &jvm))
		return doors_filter_options(value, jvm, from, notes, out, e);
	*out = strdup(value);
	return *out ? 0 : err_set(e, -ENOMEM, "out of memory");
}

/* ---- environments */

/* The name of an environment's item, cut to what a name may have. */
static void name_of(const char *item, char name[128])
{
	size_t length = strcspn(item, "=");

	snprintf(name, 128, "%.*s", length < 127 ? (int)length : 127, item);
}

int doors_judge_environment(struct argv *env, const struct argv *ours, const char *from,
			    struct argv *notes, struct err *e)
{
	for (size_t i = 0; i < env->count;) {
		const char *value = strchr(env->items[i], '='), *own;
		const struct setting *s;
		char name[128], drop[130], where[PROFILE_PATH + 160];

		name_of(env->items[i], name);
		s = value ? setting_of_variable(name) : NULL;
		if (s && s->rule == SETTING_OPTIONS) {
			snprintf(where, sizeof(where), "%s %s", name, from);
			if (doors_check_options(where, value + 1, SETTING_OF_DRIVERS, e))
				return e->code;
		}
		if (!s || s->rule != SETTING_OURS) {
			i++;
			continue;
		}
		own = argv_value(ours, name);
		if (value[1] && (!own || strcmp(own, value + 1) != 0))
			argv_addf(notes, "%s %s is left out: %s", name, from, s->why);
		snprintf(drop, sizeof(drop), "%s=", name);
		argv_drop(env, drop);
	}
	return notes->failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* ---- the words of `run` */

static bool closes_pages(const struct spark_cluster *c)
{
	return c->profile->security.ui != UI_OPEN;
}

/* A property that the words set. */
static int check_property(const struct spark_cluster *c, const char *option, const char *key,
			  const char *value, struct argv *notes, struct err *e)
{
	const struct setting *s = setting_of_property(key);
	char from[32];

	snprintf(from, sizeof(from), "%s ", option);
	if (s && (s->rule == SETTING_OURS || (s->rule == SETTING_PAGES && closes_pages(c))))
		return err_wrong(e, "%s %s: %s; remove it", option, key, s->why);
	if (s && (s->rule == SETTING_DEAD || s->rule == SETTING_NO_DRIVER))
		argv_addf(notes, "%s %s has no effect: %s", option, key, s->why);
	return doors_check_value(from, key, value, e);
}

/* spark-submit's options that are other names of properties. */
static const struct {
	const char *option, *key;
} options[] = {
	{"--driver-java-options", "spark.driver.extraJavaOptions"},
	{"--remote", "spark.remote"},
	{"--num-executors", "spark.executor.instances"},
	{NULL, NULL},
};

int doors_check_words(const struct spark_cluster *c, char *const *words, struct argv *notes,
		      struct err *e)
{
	for (size_t at = 0, next; words[at] && words[at][0] == '-'; at = next) {
		const char *name = words[at], *equals = strchr(name, '='), *value = "";
		size_t length = equals ? (size_t)(equals - name) : strlen(name);
		char option[32], key[256];

		next = spark_after_option(words, at);
		if (equals)
			value = equals + 1;
		else if (next > at + 1)
			value = words[at + 1];
		snprintf(option, sizeof(option), "%.*s", length < 31 ? (int)length : 31, name);
		if (strcmp(option, "--properties-file") == 0)
			return err_wrong(e,
					 "--properties-file would replace cleave's own, which "
					 "holds the cluster's secret; use --conf, or spark.conf of "
					 "the profile");
		if (strcmp(option, "--deploy-mode") == 0 && strcmp(value, "client") != 0)
			return err_wrong(e, "--deploy-mode: %s; remove it",
					 setting_of_property("spark.submit.deployMode")->why);
		if (strcmp(option, "--conf") == 0 || strcmp(option, "-c") == 0) {
			length = strcspn(value, "=");
			snprintf(key, sizeof(key), "%.*s", length < 255 ? (int)length : 255, value);
			value += length + (value[length] == '=');
			if (strcmp(key, "spark.submit.deployMode") == 0 &&
			    strcmp(value, "client") == 0)
				continue;
			if (check_property(c, option, key, value, notes, e))
				return e->code;
		}
		for (size_t i = 0; options[i].option; i++)
			if (strcmp(option, options[i].option) == 0 &&
			    check_property(c, option, options[i].key, value, notes, e))
				return e->code;
	}
	return notes->failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}
