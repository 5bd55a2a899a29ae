/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket's bytes, in pieces of sizes that the input chooses: whole lines come out
 * whole, and each is a request or is refused with a sentence; and a reply or none.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "launcher/protocol/control_line.h"
#include "launcher/protocol/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read can be requested again in words that mean the same. */
static void check_again(const struct control_request *request)
{
	const struct rebalance_request *r = &request->rebalance;
	struct control_request again;
	struct err e;
	char *text;

	assert(r->from < SLICES_MAX && r->to < SLICES_MAX && r->cores <= CPUSET_MAX);
	assert(control_request_format(request, &text, &e) == 0);
	assert(control_request_parse(text, strlen(text), &again, &e) == 0);
	assert(again.command == request->command && memcmp(&again.rebalance, r, sizeof(*r)) == 0);
	control_request_release(&again);
	free(text);
}

/* The same line as a command reads it. */
static void check_reply(const char *line, size_t length)
{
	static struct reply reply, again;
	struct err e = {0};
	char *text;

	if (reply_parse(line, length, &reply, &e)) {
		assert(e.msg[0] && e.exit == ERR_WRONG);
		return;
	}
	assert(reply_format(&reply, &text, &e) == 0);
	assert(reply_parse(text, strlen(text), &again, &e) == 0);
	assert(again.kind == reply.kind && !strcmp(again.line, reply.line));
	free(text);
}

static void parse(const char *line, size_t length)
{
	struct control_request request;
	struct err e = {0};

	assert(strlen(line) <= length);
	check_reply(line, length);
	if (control_request_parse(line, length, &request, &e)) {
		assert(e.msg[0] && (e.exit == ERR_WRONG || e.exit == ERR_FAILED));
		return;
	}
	assert((request.command == CONTROL_APPLY) == (request.state != NULL));
	check_again(&request);
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
