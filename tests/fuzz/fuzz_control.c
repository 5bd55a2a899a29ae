/*
 * The control socket's bytes, in pieces of sizes that the input chooses: whole lines come out whole, and each is a request or
 * is refused with a sentence.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "launcher/protocol/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read can be asked for again in words that mean the same. */
static void check_wish(const struct rebalance_request *wish)
{
	struct control_request again;
	struct err e;
	char *text;

	assert(wish->from < SLICES_MAX && wish->to < SLICES_MAX && wish->cores <= CPUSET_MAX);
	assert(rebalance_request_format(wish, &text, &e) == 0);
	assert(control_request_parse(text, strlen(text), &again, &e) == 0);
	assert(memcmp(&again.rebalance, wish, sizeof(*wish)) == 0);
	free(text);
}

static void parse(const char *line, size_t length)
{
	struct control_request request;
	struct err e = {0};

	assert(strlen(line) <= length);
	if (control_request_parse(line, length, &request, &e)) {
		assert(e.msg[0] && (e.exit == ERR_WRONG || e.exit == ERR_FAILED));
		return;
	}
	assert((request.command == CONTROL_APPLY) == (request.state != NULL));
	assert(!request.state || request.state[0] == '{');
	if (request.command == CONTROL_REBALANCE)
		check_wish(&request.rebalance);
	control_request_release(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line_buffer b = {0};
	size_t lines = 0, newlines = 0;

	for (size_t at = 0; at < size;) {
		size_t piece = data[at] % 64 + 1u, length;
		char *line;

		piece = piece < size - at ? piece : size - at;
		assert(line_buffer_add(&b, (const char *)data + at, piece) == 0);
		at += piece;
		while ((line = line_buffer_next(&b, &length))) {
			parse(line, length);
			lines++;
		}
	}
	for (size_t i = 0; i < size; i++)
		newlines += data[i] == '\n';
	assert(lines == newlines);
	line_buffer_release(&b);
	return 0;
}
