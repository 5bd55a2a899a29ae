/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_BASE_ERR_H
#define DECISION_BASE_ERR_H

/*
 * The error value: owned by the caller, without allocation. A function that can fail returns 0 or a
 * negative errno and, on failure, leaves one sentence here: the object, the value, the limit, and
 * what to change. Whoever gets an error either returns it (err_wrap) or shows it, never both.
 */

/*
 * What the program exits with if nobody handles the error; the numbers are those of the manual
 * page.
 */
enum err_exit {
	ERR_FAILED = 1,	    /* ports, files, Spark, the engine, rights */
	ERR_WRONG = 2,	    /* wrong use, or input that cannot be read or parsed */
	ERR_IMPOSSIBLE = 3, /* a valid request that this machine cannot fulfil */
	ERR_DRIFT = 4,	    /* plan and kernel differ */
};

enum { ERR_TEXT = 768 };

struct err {
	int code; /* negative errno */
	enum err_exit exit;
	char msg[ERR_TEXT]; /* one sentence as people see it (foreign.h), cut at a character */
};

/* Store a sentence with exit class ERR_FAILED. `code` is a negative errno. Return `code`. */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for bad input (ERR_WRONG); return -EINVAL. */
int err_wrong(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for what does not fit here (ERR_IMPOSSIBLE); return -ERANGE. */
int err_impossible(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Like err_set, and append ": " and the text of errno value -code. */
int err_errno(struct err *e, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "<text>: " in front of the sentence that is there. Return the code that is there. */
int err_wrap(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#if defined(__clang_analyzer__) && !defined(DECISION_ERR_SOURCE)
/* The analyzer reads one file at a time: tell it that these results are negative. */
#define err_set(...)	    ((void)(err_set)(__VA_ARGS__), -1)
#define err_wrong(...)	    ((void)(err_wrong)(__VA_ARGS__), -1)
#define err_impossible(...) ((void)(err_impossible)(__VA_ARGS__), -1)
#define err_errno(...)	    ((void)(err_errno)(__VA_ARGS__), -1)
#define err_wrap(...)	    ((void)(err_wrap)(__VA_ARGS__), -1)
#endif

#endif
