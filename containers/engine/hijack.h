/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_ENGINE_HIJACK_H
#define CONTAINERS_ENGINE_HIJACK_H

/*
 * Requests to a container engine whose answer is a connection, which libcurl does not give away
 * (Engine API, "Hijacking"), or comes while we do something else.
 */

#include <stddef.h>

#include "decision/base/err.h"

enum { HIJACK_HEAD = 16 << 10 };

struct hijack {
	int fd;	     /* non-blocking */
	size_t size; /* of what came with the head, and is the first of the stream */
	char first[HIJACK_HEAD];
};

enum hijack_way {
	HIJACK_STREAM, /* both ways, as bytes */
	HIJACK_LATER   /* the head comes at once, the body when there is something to say */
};

/*
 * POST to `path` ("/v1.41/…") with `body`, or NULL, and read the head of the answer, at most 30 s.
 * A status that is no success is an error with the engine's words, as of api_call().
 */
int hijack_open(const char *socket, const char *path, const char *body, enum hijack_way way,
		struct hijack *out, struct err *e);

/* The rest of what is said, until the end of the connection; NUL-terminated, -EFBIG. */
int hijack_read_all(struct hijack *h, int timeout_ms, char *text, size_t size, size_t *length,
		    struct err *e);

#endif
