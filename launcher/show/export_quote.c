/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/export_quote.h"

#include <stdbool.h>
#include <string.h>

#include "decision/base/foreign.h"

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=,+@-"

static bool is_plain(const char *text)
{
	return *text && !text[strspn(text, PLAIN)];
}

/* Whether the character at `text` is shown as it is; *length is its bytes. */
static bool is_shown(const char *text, unsigned *length)
{
	char shown[FOREIGN_CHAR];

	*length = foreign_char(text, shown);
	return strlen(shown) == *length && !memcmp(shown, text, *length);
}

static bool is_all_shown(const char *text)
{
	for (unsigned length; *text; text += length)
		if (!is_shown(text, &length))
			return false;
	return true;
}

static void put_bytes(const char *text, unsigned length, FILE *to)
{
	for (unsigned i = 0; i < length; i++)
		fprintf(to, "\\x%02x", (unsigned char)text[i]);
}

/*
 * Bytes rather than \u in $'…', which depends on the locale. \xHH takes two digits and no more.
 */
void export_put_shell(const char *text, FILE *to)
{
	if (is_plain(text)) {
		fputs(text, to);
		return;
	}
	if (is_all_shown(text)) {
		fputc('\'', to);
		for (; *text; text++) {
			if (*text == '\'')
				fputs("'\\''", to);
			else
				fputc(*text, to);
		}
		fputc('\'', to);
		return;
	}
	fputs("$'", to);
	for (unsigned length; *text; text += length) {
		if (!is_shown(text, &length))
			put_bytes(text, length, to);
		else if (*text == '\'' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else
			fwrite(text, 1, length, to);
	}
	fputc('\'', to);
}

/* foreign_char()'s escapes of text are YAML's too. */
static void put_yaml(const char *text, enum yaml_place place, FILE *to)
{
	char shown[FOREIGN_CHAR];

	for (unsigned length; *text; text += length) {
		length = foreign_char(text, shown);
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		if (*text == '$' && place == YAML_EXPANDED)
			fputc('$', to);
		fputs(shown, to);
	}
}

void export_put_yaml(const char *text, enum yaml_place place, FILE *to)
{
	fputc('"', to);
	put_yaml(text, place, to);
	fputc('"', to);
}

void export_put_yaml_path(const char *directory, const char *file, FILE *to)
{
	fputc('"', to);
	put_yaml(directory, YAML_EXPANDED, to);
	fputc('/', to);
	put_yaml(file, YAML_EXPANDED, to);
	fputc('"', to);
}

void export_put_systemd(const char *text, enum systemd_place place, FILE *to)
{
	fputc('"', to);
	for (unsigned length; *text; text += length) {
		if (!is_shown(text, &length)) {
			put_bytes(text, length, to);
			continue;
		}
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		if (*text == '%' || (*text == '$' && place == SYSTEMD_ARGUMENT))
			fputc(*text, to);
		fwrite(text, 1, length, to);
	}
	fputc('"', to);
}
