/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of events as foreign bytes, replayed on a machine of eight cores in two packages: refused
 * with a sentence, or each step is decided again. What is read is written and read back equal.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "launcher/commands/replay.h"
#include "tests/decision/equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CORES = 8 };

static const struct topology *machine(void)
{
	static struct topology t;
	struct err e;

	if (t.core_count)
		return &t;
	string_copy(t.source, "fuzz");
	t.cpu_count = CORES;
	for (unsigned i = 0; i < CORES; i++) {
		t.cpus[i] = (struct topology_cpu){.os_index = (uint16_t)i,
						  .core = (uint16_t)i,
						  .l3 = TOPOLOGY_NONE,
						  .package = (uint16_t)(i / 4)};
		cpuset_add(&t.nodes[i / 4].cpus, i);
	}
	t.node_count = 2;
	for (unsigned n = 0; n < 2; n++) {
		t.nodes[n].id = (uint16_t)n;
		t.nodes[n].allowed = true;
		t.nodes[n].memory_bytes = 1 << 30;
	}
	assert(topology_derive(&t, &e) == 0);
	return &t;
}

/* What was read is written and read back equal. */
static void check_step(const struct replay *r)
{
	static struct rebalance_event back;
	const struct rebalance_event *ev = &r->event;
	char *line = rebalance_event_format(ev, 0);
	struct err e;

	assert(r->is_same == !r->difference[0]);
	assert(line && rebalance_event_parse(line, strlen(line), &back, &e) == 1);
	assert(plan_is_equal(&back.before, &ev->before));
	assert(back.decisions.count == ev->decisions.count);
	assert(back.loan_count == ev->loan_count && back.writes == ev->writes);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct replay r;
	struct err e = {0};
	unsigned steps = 0;
	int found;

	r = (struct replay){
		.text = (const char *)data, .end = (const char *)data + size, .machine = machine()};
	while ((found = replay_next(&r, &e)) > 0) {
		steps++;
		check_step(&r);
	}
	if (found < 0)
		assert(e.msg[0] && (e.exit == ERR_WRONG || e.exit == ERR_IMPOSSIBLE));
	assert(r.steps == steps && r.same <= steps);
	return 0;
}
