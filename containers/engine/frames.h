/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_ENGINE_FRAMES_H
#define CONTAINERS_ENGINE_FRAMES_H

/*
 * stdout and stderr of a container without a terminal, in one stream: frames of a head of 8 bytes
 * (stream, 0, 0, 0, length as big-endian) and as many bytes (Engine API, "Attach to a container").
 */

#include <stddef.h>
#include <stdint.h>

/* {0}: nothing has come yet. */
struct frames {
	unsigned char head[8];
	unsigned head_size;
	uint32_t left; /* of the frame that is being read */
};

/* stream: 1 stdout, 2 stderr. Return 0, or negative errno, which ends the walk. */
typedef int frames_put(void *context, int stream, const char *bytes, size_t size);

/*
 * Take in the next bytes, however they are cut, and hand on what is in the frames. Return 0, what
 * `put` returned, or -EBADMSG where no frame can begin so.
 */
int frames_feed(struct frames *f, const char *bytes, size_t size, frames_put *put, void *context);

#endif
