#include "launcher/system/argv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "decision/base/cleanup.h"

/* Take over `text`, NULL included. */
static int words_take(struct words *w, char *text)
{
	char **items = text ? realloc(w->items, (w->count + 2) * sizeof(*items)) : NULL;

	if (!items) {
		free(text);
		w->failed = true;
		return -ENOMEM;
	}
	w->items = items;
	items[w->count++] = text;
	items[w->count] = NULL;
	return 0;
}

int words_add(struct words *w, const char *text)
{
	return words_take(w, strdup(text));
}

static char *format_text(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static char *format_text(const char *format, va_list args)
{
	char *text;

	return vasprintf(&text, format, args) < 0 ? NULL : text;
}

int words_addf(struct words *w, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	return words_take(w, text);
}

static bool is_variable(const char *word, const char *name)
{
	size_t length = strlen(name);

	return strncmp(word, name, length) == 0 && word[length] == '=';
}

int words_put(struct words *env, const char *name, const char *value)
{
	char *text;

	for (size_t i = 0; i < env->count; i++) {
		if (!is_variable(env->items[i], name))
			continue;
		if (asprintf(&text, "%s=%s", name, value) < 0) {
			env->failed = true;
			return -ENOMEM;
		}
		free(env->items[i]);
		env->items[i] = text;
		return 0;
	}
	return words_addf(env, "%s=%s", name, value);
}

int words_putf(struct words *env, const char *name, const char *format, ...)
{
	cleanup_free char *value = NULL;
	va_list args;

	va_start(args, format);
	value = format_text(format, args);
	va_end(args);
	if (!value) {
		env->failed = true;
		return -ENOMEM;
	}
	return words_put(env, name, value);
}

const char *words_value(const struct words *env, const char *name)
{
	for (size_t i = 0; i < env->count; i++)
		if (is_variable(env->items[i], name))
			return env->items[i] + strlen(name) + 1;
	return NULL;
}

void words_drop(struct words *env, const char *prefix)
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

void words_release(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->items[i]);
	free(w->items);
	*w = (struct words){0};
}
