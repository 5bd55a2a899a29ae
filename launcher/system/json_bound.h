/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_JSON_BOUND_H
#define LAUNCHER_SYSTEM_JSON_BOUND_H

/*
 * What a foreign JSON text may cost, checked while its bytes arrive and before it is parsed: some
 * bytes of text are fifty of a parser's memory ("[],[],…"), and nesting is its stack. Nothing is
 * kept of the text, and no grammar is checked: what no parser takes may pass, what it takes within
 * the limits does.
 */

#include <stddef.h>

/*
 * A text, key or other scalar is one value; a list or object, which takes jansson as much memory as
 * three (some 250 bytes, a scalar 80 and its text), is three.
 */
enum { JSON_CONTAINER_VALUES = 3 };

struct json_limits {
	size_t bytes, values;
	unsigned depth; /* of lists and objects in one another */
};

/* {.most = …}: nothing has come yet. */
struct json_bound {
	struct json_limits most;
	size_t bytes, values;
	unsigned depth;
	enum { JSON_BETWEEN, JSON_IN_WORD, JSON_IN_STRING, JSON_IN_ESCAPE } at;
};

/*
 * Take in the next bytes. -EFBIG: more bytes or values than the limits allow; -EBADMSG: nested more
 * deeply, or more brackets closed than opened. It is the last call then.
 */
int json_bound_feed(struct json_bound *b, const char *text, size_t size);

#endif
