/* SPDX-License-Identifier: Apache-2.0 */
#define DECISION_ERR_SOURCE
#include "decision/base/err.h"

#include <errno.h>
#include <stdarg.h>

#include "decision/base/foreign.h"
#include "decision/base/strings.h"

/* Write at most size - 1 bytes, ending at the end of a character; return how many. */
__attribute__((format(printf, 3, 0))) static size_t format_cut(char *to, size_t size,
							       const char *format, va_list args)
{
	int length = vsnprintf(to, size, format, args);

	if (length < 0) {
		to[0] = '\0';
		return 0;
	}
	if ((size_t)length < size)
		return (size_t)length;
	to[string_cut(to, size - 1)] = '\0';
	return strlen(to);
}

/*
 * The sentence is made beside e->msg, because the arguments may point into it. Foreign text (file
 * names, what a user wrote) may be quoted in it: it must stay one line and not speak to the
 * terminal.
 */
__attribute__((format(printf, 4, 0))) static int store(struct err *e, int code, enum err_exit exit,
						       const char *format, va_list args)
{
	char text[ERR_TEXT];

	format_cut(text, sizeof(text), format, args);
	foreign_escape(text, e->msg, ERR_TEXT);
	e->code = code;
	e->exit = exit;
	return code;
}

/* Append ": " and as much of `tail` as there is room for. */
static void append(char text[ERR_TEXT], size_t length, const char *tail)
{
	size_t room = ERR_TEXT - 1 - length;
	size_t count;

	if (room < 3)
		return;
	memcpy(text + length, ": ", 2);
	count = string_cut(tail, room - 2);
	memcpy(text + length + 2, tail, count);
	text[length + 2 + count] = '\0';
}

int err_set(struct err *e, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	store(e, code, ERR_FAILED, format, args);
	va_end(args);
	return code;
}

int err_wrong(struct err *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	store(e, -EINVAL, ERR_WRONG, format, args);
	va_end(args);
	return -EINVAL;
}

int err_impossible(struct err *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	store(e, -ERANGE, ERR_IMPOSSIBLE, format, args);
	va_end(args);
	return -ERANGE;
}

int err_errno(struct err *e, int code, const char *format, ...)
{
	const char *reason = strerrordesc_np(-code);
	va_list args;

	va_start(args, format);
	store(e, code, ERR_FAILED, format, args);
	va_end(args);
	append(e->msg, strlen(e->msg), reason ? reason : "unknown error");
	return code;
}

int err_wrap(struct err *e, const char *format, ...)
{
	char text[ERR_TEXT], front[ERR_TEXT];
	va_list args;

	va_start(args, format);
	format_cut(text, sizeof(text), format, args);
	va_end(args);
	foreign_escape(text, front, ERR_TEXT);
	append(front, strlen(front), e->msg);
	memcpy(e->msg, front, strlen(front) + 1);
	return e->code;
}
