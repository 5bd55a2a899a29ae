/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/engine/frames.h"

#include <errno.h>
#include <string.h>

/* 0 is what goes to stdin, said again; 3 an error of the engine's own. */
enum { FRAME_OUT = 1, FRAME_ERR = 2, FRAME_SYSTEM = 3 };

/* The head is whole: what does it say? */
static int head_read(struct frames *f)
{
	const unsigned char *h = f->head;

	if (h[0] > FRAME_SYSTEM || h[1] || h[2] || h[3])
		return -EBADMSG;
	f->left = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	f->head_size = 0;
	return 0;
}

int frames_feed(struct frames *f, const char *bytes, size_t size, frames_put *put, void *context)
{
	for (size_t count; size; bytes += count, size -= count) {
		int r = 0;

		if (f->left) {
			count = f->left < size ? f->left : size;
			f->left -= (uint32_t)count;
			r = put(context, f->head[0] >= FRAME_ERR ? FRAME_ERR : FRAME_OUT, bytes,
				count);
		} else {
			count = sizeof(f->head) - f->head_size;
			count = count < size ? count : size;
			memcpy(f->head + f->head_size, bytes, count);
			f->head_size += (unsigned)count;
			if (f->head_size == sizeof(f->head))
				r = head_read(f);
		}
		if (r)
			return r;
	}
	return 0;
}
