/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "decision/base/cleanup.h"
#include "launcher/measure/step.h"
#include "launcher/measure/tune.h"
#include "launcher/spark/spark.h"

/* Both name the same local path, with or without "file://". */
static bool is_data(const struct profile *p, const char *word)
{
	const char *data = spark_local_path(p->workload.data_path), *path = spark_local_path(word);

	return data && *data && path && !strcmp(data, path);
}

bool tuning_has_data_word(const struct profile *p, char *const *words)
{
	for (size_t i = spark_application_word(words); words[i]; i++)
		if (is_data(p, words[i]))
			return true;
	return false;
}

/* --probe-args, at its blanks. */
static int add_arguments(const char *arguments, const char *directory, struct argv *out)
{
	static const char blanks[] = " \t\n";

	while (*(arguments += strspn(arguments, blanks))) {
		size_t length = strcspn(arguments, blanks);
		cleanup_free char *word = strndup(arguments, length);

		if (!word || step_add_word(word, directory, out) < 0)
			return -ENOMEM;
		arguments += length;
	}
	return 0;
}

static int own_scratch(const struct tuning *t, unsigned repetition, char out[PROFILE_PATH],
		       struct err *e)
{
	int n = snprintf(out, PROFILE_PATH, "%s/scratch-%u-%u", t->directory, t->probe_count,
			 repetition);

	return n < 0 || n >= PROFILE_PATH ? err_errno(e, -ENAMETOOLONG, "%s", t->directory) : 0;
}

/* The application's own words for data of a size, {scratch} being a new directory. */
static int add_own(const struct tuning *t, enum tune_size size, unsigned repetition,
		   struct argv *out, struct err *e)
{
	const struct tuning_data *data = &t->data[size];
	char directory[PROFILE_PATH];
	int failed = 0;

	if (own_scratch(t, repetition, directory, e) < 0)
		return e->code;
	if (cluster_make_for_user(&t->cluster, directory, 0700, e) < 0)
		return e->code;
	if (data->args)
		failed = add_arguments(data->args, directory, out);
	for (char *const *word = t->words + spark_application_word(t->words) + 1;
	     !data->args && *word && !failed; word++) {
		if (data->part[0] && is_data(&t->in.profile, *word))
			failed = argv_addf(out, "%s%s", strstr(*word, "://") ? "file://" : "",
					   data->part);
		else
			failed = step_add_word(*word, directory, out);
	}
	return failed || out->failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* One repetition's words behind their number. */
static int add_repetition(const struct tuning *t, enum tune_size size, unsigned repetition,
			  struct argv *out, struct err *e)
{
	cleanup_argv struct argv own = {0};

	if (add_own(t, size, repetition, &own, e) < 0)
		return e->code;
	argv_addf(out, "%zu", own.count);
	for (size_t i = 0; i < own.count; i++)
		argv_add(out, own.items[i]);
	return 0;
}

bool tuning_can_repeat(char *const *words)
{
	static const char python[] = ".py";
	const char *path = spark_local_path(words[spark_application_word(words)]);
	size_t length = path ? strlen(path) : 0;

	return length > strlen(python) && !strcmp(path + length - strlen(python), python) &&
	       access(path, R_OK) == 0;
}

int tuning_words(const struct tuning *t, unsigned option, struct argv *out, struct err *e)
{
	size_t application = spark_application_word(t->words);
	unsigned count = t->tune.options[option].run_count;
	const struct tune_run *runs = t->tune.runs[option];
	char directory[PROFILE_PATH];

	if (own_scratch(t, 0, directory, e) < 0)
		return e->code;
	for (size_t i = 0; i < application; i++)
		if (step_add_word(t->words[i], directory, out) < 0)
			return err_set(e, -ENOMEM, "out of memory");
	if (count == 1) {
		argv_add(out, t->words[application]);
		return add_own(t, runs[0].size, 0, out, e);
	}
	argv_addf(out, "%s/driver.py", t->directory);
	argv_addf(out, "%s/times", t->directory);
	argv_add(out, spark_local_path(t->words[application]));
	/* The second one warms the JVMs up, and is not counted. */
	for (unsigned i = 0; i <= count; i++)
		if (add_repetition(t, runs[i ? i - 1 : 0].size, i, out, e) < 0)
			return e->code;
	return 0;
}
