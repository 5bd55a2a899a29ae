/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_JSON_BOUND_H
#define LAUNCHER_SYSTEM_JSON_BOUND_H

/*
 * What a foreign JSON text may cost, checked while its bytes arrive and before it is parsed: some
 * bytes of text are fifty of a parser's memory ("[],[],…"), and nesting is its stack. What nobody
 * will read of it can be left out on the way. No grammar is checked: what no parser takes may pass,
 * what it takes within the limits does.
 */

#include <stdio.h>

/*
 * A text, key or other scalar is one value; a list or object, which takes jansson as much memory as
 * three (some 250 bytes, a scalar 80 and its text), is three.
 */
enum { JSON_CONTAINER_VALUES = 3, JSON_KEY = 24 };

struct json_limits {
	size_t bytes;	/* of the text as it comes */
	size_t values;	/* of what is kept */
	unsigned depth; /* of lists and objects in one another */
	/*
	 * The keys, of fewer than JSON_KEY bytes, NULL at the end, of the members that are kept; all
	 * others become 0. NULL: all are kept.
	 */
	const char *const *wanted;
};

/* {.most = …, .kept = …}: nothing has come yet. */
struct json_bound {
	struct json_limits most;
	FILE *kept; /* borrowed, where what is kept goes; NULL: nowhere */
	size_t bytes, values;
	unsigned depth;
	unsigned left_out; /* the depth of the object whose member is being left out; 0: none */
	char key[JSON_KEY];
	unsigned key_size; /* of the last string, its end cut off */
	enum { JSON_BETWEEN, JSON_IN_WORD, JSON_IN_STRING, JSON_IN_ESCAPE } at;
};

/*
 * Take in the next bytes. -EFBIG: more bytes or values than the limits allow; -EBADMSG: nested more
 * deeply, or more brackets closed than opened. It is the last call then. Errors of `kept` stay with
 * it.
 */
int json_bound_feed(struct json_bound *b, const char *text, size_t size);

#endif
