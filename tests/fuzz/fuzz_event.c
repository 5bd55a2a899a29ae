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

static void on_step(void *context, const struct replay_step *step)
{
	static struct rebalance_event back;
	char *line = rebalance_event_format(step->event, 0);
	unsigned *steps = context;
	struct err e;

	++*steps;
	assert(step->is_same == !step->difference[0]);
	assert(line && rebalance_event_parse(line, strlen(line), &back, &e) == 1);
	assert(plan_is_equal(&back.before, &step->event->before));
	assert(back.decisions.count == step->event->decisions.count);
	assert(back.loan_count == step->event->loan_count && back.writes == step->event->writes);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct replay result = {.steps = 12345};
	struct err e = {0};
	unsigned steps = 0;

	if (replay_run((const char *)data, size, machine(), on_step, &steps, &result, &e)) {
		assert(e.msg[0] && (e.exit == ERR_WRONG || e.exit == ERR_IMPOSSIBLE));
		assert(result.steps == 12345);
		return 0;
	}
	assert(result.steps == steps && result.same <= steps);
	return 0;
}
