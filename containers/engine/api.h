/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_ENGINE_API_H
#define CONTAINERS_ENGINE_API_H

/*
 * HTTP with a container engine: one request, its answer, within bounds of time and size. No proxy,
 * no redirect, no other way than the socket. What an engine's answers mean is answer.h's.
 */

#include <stddef.h>
#include <stdint.h>

#include "containers/engine/engine.h"

enum {
	API_PATH = 4096,
	API_ANSWER_MAX = 4 << 20, /* bytes of a body that is kept */
	API_HEAD_MAX = 64 << 10,  /* of what is before it */
	API_SOON_MS = 30000,	  /* for what an engine answers at once, but when it is busy */
	API_WORK_MS = 120000	  /* for what it has to do something: create, start, remove */
};

/* The version that we speak (Docker 20.10), unless an engine has given it up for a later one. */
#define API_VERSION "1.41"

struct api_request {
	const char *method, *path; /* path: "/containers/json?all=1", percent-encoded */
	const char *body;	   /* JSON, or NULL */
	unsigned timeout_ms;	   /* of the whole; 0: none */
	unsigned stall_s;	   /* without a byte; 0: any time */
	const char *header;	   /* the one of the answer that is wanted, or NULL */
	/* Is given the body of a success as it comes, instead of keeping it; 0, or its errno. */
	int (*feed)(void *context, const char *bytes, size_t size);
	void *context;
};

struct api_answer {
	int status;   /* HTTP's */
	char *body;   /* NUL-terminated, "" where there is none */
	char *header; /* NULL: it is not there */
	size_t size;
};

void api_answer_release(struct api_answer *a);
#define cleanup_answer __attribute__((cleanup(api_answer_release)))

/*
 * Ask and wait. Any status is an answer; -ECONNREFUSED, -ETIMEDOUT, -EFBIG, -EBADMSG and what
 * `feed` returned are errors.
 */
int api_ask(struct engine *g, const struct api_request *q, struct api_answer *out, struct err *e);

/*
 * The code of a status that is no success: -ENOENT for 404, -EBUSY for 409 (what is asked for does
 * not go with the state that things are in), -EINVAL for 400, -EPERM for 401 and 403, -EIO else.
 */
int api_status_code(int status);

/*
 * The same for what only a status below 300 or 304 (it is so already) answers: of every other one
 * the engine's own words are the error, in front of them the object that was asked about.
 */
int api_call(struct engine *g, const struct api_request *q, struct api_answer *out, struct err *e,
	     const char *object, ...) __attribute__((format(printf, 5, 6)));

/*
 * A path from printf()'s format, whose %s are percent-encoded, but for what a path has anyway
 * (letters, digits, "-._~/:@"). -ENAMETOOLONG.
 */
int api_path(char path[API_PATH], struct err *e, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The version that is spoken: "1.41". */
const char *api_version(const struct engine *g);
const char *api_socket(const struct engine *g);

/* For "%.*s": how much of an id people need to see; a name is shown whole. */
int api_shown(const char *id);

/* Connect to a unix socket: a descriptor, or why that is not possible (engine_open()). */
int api_connect(const char *socket, struct err *e);

#endif
