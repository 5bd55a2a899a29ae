/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container engine answers, as foreign bytes, to every reader of it: a value within its
 * bounds, or a sentence and nothing written. And as a log: no byte is lost or made, however the
 * stream is cut.
 */

#include <assert.h>
#include <stdint.h>

#include "containers/engine/answer.h"
#include "containers/engine/frames.h"
#include "decision/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct streams {
	size_t bytes[3];
	uint32_t sum[3];
};

static int put(void *context, int stream, const char *bytes, size_t size)
{
	struct streams *s = context;

	assert((stream == 1 || stream == 2) && size > 0);
	s->bytes[stream] += size;
	for (size_t i = 0; i < size; i++)
		s->sum[stream] = s->sum[stream] * 31 + (unsigned char)bytes[i];
	return 0;
}

static void feed_frames(const char *bytes, size_t size)
{
	struct frames whole = {0}, cut = {0};
	struct streams a = {0}, b = {0};
	const int r = frames_feed(&whole, bytes, size, put, &a);
	int r2 = 0;

	for (size_t at = 0; at < size && !r2; at++)
		r2 = frames_feed(&cut, bytes + at, 1, put, &b);
	assert(r == r2 && !memcmp(&a, &b, sizeof(a)) && a.bytes[1] + a.bytes[2] <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct container_state state;
	static struct engine_about about;
	static struct image image;
	static struct container_path path;
	cleanup_free char *text = malloc(size + 1);
	char id[CONTAINER_ID], ids[3][CONTAINER_ID], least[16], shown[64];
	struct exec_state exec;
	struct err e = {0};
	int code = 77, count;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	state.pid = 77;
	if (container_parse(text, size, &state, &e))
		assert(e.msg[0] && state.pid == 77);
	else
		assert(state.id[0] && !strpbrk(state.id, "/?#% ") && state.pid >= 0);
	count = container_list_parse(text, size, ids, 3, &e);
	for (int i = 0; i < count && i < 3; i++) /* they go into paths */
		assert(ids[i][0] && !strpbrk(ids[i], "/?#% "));
	if (!created_parse(text, size, id, &e))
		assert(id[0] && !strpbrk(id, "/?#% "));
	if (!waited_parse(text, size, &code, &e))
		assert(code >= 0);
	if (!version_parse(text, size, &about, least, &e))
		assert(about.api[0]);
	info_parse(text, size, &about, &e);
	image_parse(text, size, &image, &e);
	exec_parse(text, size, &exec, &e);
	path_stat_parse(text, &path, &e);
	if (!pull_line_parse(text, size, shown, sizeof(shown), &e))
		assert(!strpbrk(shown, "\n\r\x1b"));
	answer_message(text, size, shown, sizeof(shown));
	assert(strlen(shown) < sizeof(shown));
	feed_frames(text, size);
	return 0;
}
