/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/decision/machines.h"

#include "tests/harness.h"

static int random_amount(unsigned long long *state, unsigned around, unsigned max)
{
	unsigned value = 1 + random_below(state, around ? around : 1);

	if (random_once(state, 10))
		value = 1 + random_below(state, max);
	return (int)(value < max ? value : max);
}

static struct size random_size(unsigned long long *state)
{
	if (random_once(state, 2))
		return (struct size){SIZE_PERCENT, random_below(state, 101)};
	return (struct size){SIZE_BYTES, test_random(state) >> (24 + random_below(state, 30))};
}

static void random_partition(unsigned long long *state, const struct topology *t,
			     struct profile_partition *p)
{
	static const enum partition_by by[] = {BY_AUTO, BY_MACHINE, BY_SOCKET, BY_NUMA, BY_L3};

	p->by = by[random_below(state, 5)];
	if (random_once(state, 2))
		p->slices =
			random_amount(state, t->core_count < 12 ? t->core_count : 12, SLICES_MAX);
	if (random_once(state, 4))
		p->cores = random_amount(state, t->core_count, TOPOLOGY_CPUS);
	if (random_once(state, 6))
		p->max_cores = random_amount(state, t->core_count, TOPOLOGY_CPUS);
	if (random_once(state, 4))
		p->smt = SMT_ONE;
	p->memory_only_nodes = random_once(state, 4);
	if (random_once(state, 3))
		p->reserve_cores = random_amount(state, 8, TOPOLOGY_CPUS) - 1;
	if (random_once(state, 6))
		p->reserve_memory = random_size(state);
	if (!random_once(state, 6))
		return;
	p->all_cpus = false;
	for (unsigned i = 0; i < t->cpu_count; i++) {
		if (i == 0 || !random_once(state, 5))
			cpuset_add(&p->cpus, t->cpus[i].os_index);
	}
}

static void random_memory(unsigned long long *state, struct profile_memory *m)
{
	struct size *const sizes[] = {&m->limit,    &m->heap,	&m->direct,
				      &m->off_heap, &m->python, &m->page_cache,
				      &m->high,	    &m->low,	&m->swap};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (random_once(state, 6))
			*sizes[i] = random_size(state);
	}
	if (random_once(state, 6)) {
		m->scratch.type = random_once(state, 2) ? SCRATCH_TMPFS : SCRATCH_DISK;
		m->scratch.size = (struct size){SIZE_BYTES, UINT64_C(1) << random_below(state, 34)};
	}
}

void profile_random(unsigned long long *state, const struct topology *t, struct profile *out)
{
	profile_default(out);
	random_partition(state, t, &out->partition);
	if (random_once(state, 4))
		random_memory(state, &out->memory);
	out->jvm.gc = (enum gc)random_below(state, GC_SERIAL + 1);
	out->rebalance.mode = (enum rebalance_mode)random_below(state, REBALANCE_ACT + 1);
	if (random_once(state, 4))
		out->spark.slots_per_cpu = 1 + (int)random_below(state, 16);
}
