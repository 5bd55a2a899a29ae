/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CONTAINERS_ENGINE_FAKE_ENGINE_H
#define TESTS_CONTAINERS_ENGINE_FAKE_ENGINE_H

/* A container engine that says what a test wants, on a socket of its own, in a child. */

#include <stddef.h>

struct fake_answer {
	const char *request; /* what it begins with, "GET /v1.41/info" */
	const char *text;    /* all of the answer, its head too */
	size_t size;	     /* of text; 0: until its NUL */
	size_t fill;	     /* and then as many commas */
	enum {
		FAKE_CLOSE,
		FAKE_STAY, /* say no more, and wait until the other side goes */
		FAKE_ECHO /* what comes goes back as frames of stdout; at its end "end" on stderr */
	} then;
};

/* A head, and a body that ends with the connection. */
#define FAKE_HEAD(status)	"HTTP/1.1 " status "\r\nConnection: close\r\n\r\n"
#define FAKE_SAYS(status, body) FAKE_HEAD(status) body
#define FAKE_VERSION                                                       \
	{                                                                  \
		.request = "GET /version",                                 \
		.text = FAKE_SAYS("200 OK", "{\"Version\":\"20.10.24\","   \
					    "\"ApiVersion\":\"1.41\","     \
					    "\"MinAPIVersion\":\"1.12\"}") \
	}

/*
 * Start it; it ends with this process. `answers` end with one without a text; the first whose
 * request fits is given, to others a 404. Return its socket.
 */
const char *fake_engine_start(const struct fake_answer *answers);

/* What it was asked so far: "POST /v1.41/x BODY\n" and so on. */
const char *fake_engine_asked(void);

/* A file of recorded answers (tests/fuzz/corpus/engine); the caller's to free(). */
char *fake_engine_recorded(const char *name, size_t *size);

#endif
