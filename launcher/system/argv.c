/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/argv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "decision/base/cleanup.h"

/* Take over `text`, NULL included. */
static int argv_take(struct argv *a, char *text)
{
	char **items = text ? realloc(a->items, (a->count + 2) * sizeof(*items)) : NULL;

	if (!items) {
		free(text);
		a->failed = true;
		return -ENOMEM;
	}
	a->items = items;
	items[a->count++] = text;
	items[a->count] = NULL;
	return 0;
}

int argv_add(struct argv *a, const char *text)
{
	return argv_take(a, strdup(text));
}

int argv_replace(struct argv *a, size_t at, const char *text)
{
	char *copy = strdup(text);

	if (!copy) {
		a->failed = true;
		return -ENOMEM;
	}
	free(a->items[at]);
	a->items[at] = copy;
	return 0;
}

static char *format_text(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static char *format_text(const char *format, va_list args)
{
	char *text;

	return vasprintf(&text, format, args) < 0 ? NULL : text;
}

int argv_addf(struct argv *a, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	return argv_take(a, text);
}

static bool is_variable(const char *word, const char *name)
{
	size_t length = strlen(name);

	return strncmp(word, name, length) == 0 && word[length] == '=';
}

int argv_put(struct argv *env, const char *name, const char *value)
{
	return argv_putf(env, name, "%s", value);
}

int argv_putf(struct argv *env, const char *name, const char *format, ...)
{
	cleanup_free char *value = NULL;
	char *text;
	va_list args;

	va_start(args, format);
	value = format_text(format, args);
	va_end(args);
	if (!value || asprintf(&text, "%s=%s", name, value) < 0)
		return argv_take(env, NULL);
	for (size_t i = 0; i < env->count; i++) {
		if (!is_variable(env->items[i], name))
			continue;
		free(env->items[i]);
		env->items[i] = text;
		return 0;
	}
	return argv_take(env, text);
}

const char *argv_value(const struct argv *env, const char *name)
{
	for (size_t i = 0; i < env->count; i++)
		if (is_variable(env->items[i], name))
			return env->items[i] + strlen(name) + 1;
	return NULL;
}

void argv_drop(struct argv *env, const char *prefix)
{
	size_t kept = 0;

	for (size_t i = 0; i < env->count; i++) {
		if (strncmp(env->items[i], prefix, strlen(prefix)) == 0)
			free(env->items[i]);
		else
			env->items[kept++] = env->items[i];
	}
	env->count = kept;
	if (env->items)
		env->items[kept] = NULL;
}

void argv_release(struct argv *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->items[i]);
	free(a->items);
	*a = (struct argv){0};
}
