/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an application says, as foreign bytes: answers to /executors, /stages and /environment in
 * turn, each ended by a NUL; the facts that come of them stay within their bounds, and what is
 * counted never goes down.
 */

#include <assert.h>
#include <limits.h>

#include "launcher/watch/application.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct slice_addresses slices = {3, {0x7f00000a, 0x7f00000b, 0}};

static int take(struct application *a, unsigned turn, const char *text, size_t size)
{
	struct err e = {0};
	int r = turn % 3 == 0	? application_read_executors(a, &slices, text, size, turn + 1, &e)
		: turn % 3 == 1 ? application_read_stages(a, text, size, turn + 1, &e)
				: application_read_environment(a, text, size, &e);

	assert(!r || e.msg[0]);
	return r;
}

static void check(const struct application *a)
{
	uint64_t on_slices = 0;

	assert(a->number_count <= EXECUTORS_MAX && a->stage_count <= STAGES_MAX);
	assert(!(a->slices & ~UINT64_C(3))); /* a slice without an address has nobody */
	for (unsigned i = 0; i < SLICES_MAX; i++) {
		assert(!a->executors[i] == !(a->slices >> i & 1));
		on_slices += a->running[i];
	}
	assert(on_slices <= a->running_everywhere);
	assert(application_pending(a) >= a->waiting);
	assert(a->waiting <= (uint64_t)STAGES_MAX * INT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct application a, before;
	uint64_t begun[SLICES_MAX] = {0}, last[2] = {0};
	const char *text = (const char *)data, *end = text + size;

	a = (struct application){0};
	for (unsigned turn = 0; text < end; turn++) {
		size_t length = strnlen(text, (size_t)(end - text));

		before = a;
		if (take(&a, turn, text, length))
			assert(memcmp(&a, &before, sizeof(a)) == 0);
		application_count_stages(&a, begun);
		check(&a);
		for (unsigned i = 0; i < 2; i++) {
			assert(begun[i] >= last[i] && begun[i] - last[i] <= STAGES_MAX);
			last[i] = begun[i];
		}
		text += length < (size_t)(end - text) ? length + 1 : length;
	}
	return 0;
}
