/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/inputs/data.h"
#include "launcher/measure/tune.h"
#include "launcher/spark/spark.h"

static const char scratch[] = "{scratch}";

/* Both name the same local path, with or without "file://". */
static bool is_data(const struct profile *p, const char *word)
{
	const char *data = data_local_path(p->workload.data_path), *path = data_local_path(word);

	return data && *data && path && !strcmp(data, path);
}

bool tuning_has_data_word(const struct profile *p, char *const *words)
{
	for (size_t i = spark_application_word(words); words[i]; i++)
		if (is_data(p, words[i]))
			return true;
	return false;
}

/* Append a word with every {scratch} replaced. */
static int add_word(const char *word, const char *directory, struct argv *out)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return argv_add(out, NULL);
	for (const char *at; (at = strstr(word, scratch)); word = at + strlen(scratch))
		fprintf(file, "%.*s%s", (int)(at - word), word, directory);
	fputs(word, file);
	if (fclose(file) != 0)
		return -ENOMEM;
	return argv_add(out, text);
}

/* --probe-args, at its blanks. */
static int add_arguments(const char *arguments, const char *directory, struct argv *out)
{
	static const char blanks[] = " \t\n";

	while (*(arguments += strspn(arguments, blanks))) {
		size_t length = strcspn(arguments, blanks);
		cleanup_free char *word = strndup(arguments, length);

		if (!word || add_word(word, directory, out) < 0)
			return -ENOMEM;
		arguments += length;
	}
	return 0;
}

int tuning_words(const struct tuning *t, unsigned probe, struct argv *out, struct err *e)
{
	size_t application = spark_application_word(t->words);
	char directory[PROFILE_PATH];
	int failed = 0;
	int n = snprintf(directory, sizeof(directory), "%s/scratch-%u", t->directory, probe);

	if (n < 0 || n >= PROFILE_PATH)
		return err_errno(e, -ENAMETOOLONG, "%s", t->directory);
	/* Everybody may write to it: the application may run as another user. */
	if (mkdir(directory, 0700) < 0 || chmod(directory, 01777) < 0)
		return err_errno(e, -errno, "cannot make the directory %s", directory);
	for (size_t i = 0; t->words[i] && !failed; i++) {
		bool own = i > application;

		if (own && t->probe_args)
			break;
		if (own && t->data[0] && is_data(&t->in.profile, t->words[i]))
			failed = argv_addf(out, "%s%s", strstr(t->words[i], "://") ? "file://" : "",
					   t->data);
		else
			failed = add_word(t->words[i], directory, out);
	}
	if (!failed && t->probe_args)
		failed = add_arguments(t->probe_args, directory, out);
	return failed || out->failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}
