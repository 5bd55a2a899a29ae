/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/partition/shape.h"

struct part {
	unsigned cores, cpus;
	uint64_t homes, memories;     /* masks over topology.nodes */
	double home[TOPOLOGY_NODES];  /* cores that belong to the node */
	double share[TOPOLOGY_NODES]; /* of the slice's memory that is there */
	double same;		      /* pairs of cores of one unit and parent */
	unsigned run;		      /* cores seen of the unit and parent at hand */
	unsigned last;		      /* core seen last */
};

/* The node that the parent's cores belong to, also if it has no memory. */
static unsigned home_of(const struct topology *t, const struct topology_numa *numa)
{
	unsigned cpu = t->cpus[t->cores[numa->cores.first].first_cpu].os_index;

	for (unsigned i = 0; numa->stand_in && i < t->node_count; i++) {
		if (cpuset_has(&t->nodes[i].cpus, cpu))
			return i;
	}
	return (unsigned)__builtin_ctzll(numa->nodes);
}

/*
 * What firmware calls 20 to 32 takes 1.15 to 1.63 times as long as local memory, and gives so many
 * times less of it: latencies and bandwidths measured between sockets of published machines.
 */
#define RATIO_MOST 1.63

/*
 * How many times as far as its own memory; never less than once, whatever the firmware says. Its
 * distances are no measure, latencies are.
 */
static double ratio(const struct topology *t, unsigned from, unsigned to)
{
	unsigned local = topology_distance(t, from, from);
	double r = (double)topology_distance(t, from, to) / local;

	if (r > RATIO_MOST && !t->has_latencies)
		return RATIO_MOST;
	return r > 1 ? r : 1;
}

static void end_run(struct part *part)
{
	part->same += (double)part->run * part->run;
	part->run = 0;
}

static void add_core(const struct topology *t, struct part *part, unsigned core, unsigned home,
		     struct shape_place *place)
{
	const struct topology_core *c = &t->cores[core], *last = &t->cores[part->last];
	uint64_t nodes = t->numa[c->numa].nodes;
	double share = 1.0 / __builtin_popcountll(nodes);

	if (part->cores) {
		place->crosses_packages |= last->unit != c->unit;
		place->crosses_nodes |= last->numa != c->numa;
		if (last->numa != c->numa || last->unit != c->unit)
			end_run(part);
	}
	part->last = core;
	part->run++;
	part->cores++;
	part->homes |= UINT64_C(1) << home;
	part->home[home]++;
	part->memories |= nodes;
	for (; nodes; nodes &= nodes - 1)
		part->share[__builtin_ctzll(nodes)] += share;
}

/* Mean distance between the cores, each also with itself. */
static double between_cores(const struct topology *t, const struct part *part)
{
	double sum = 0, inside = 0;

	for (uint64_t i = part->homes; i; i &= i - 1) {
		unsigned from = (unsigned)__builtin_ctzll(i);

		inside += part->home[from] * part->home[from];
		for (uint64_t j = part->homes; j; j &= j - 1) {
			unsigned to = (unsigned)__builtin_ctzll(j);

			if (to != from)
				sum += part->home[from] * part->home[to] * ratio(t, from, to);
		}
	}
	sum += inside;
	if (inside > part->same)
		sum += (inside - part->same) * (RATIO_MOST - 1);
	return sum / ((double)part->cores * part->cores);
}

static double to_memory(const struct topology *t, const struct part *part)
{
	double sum = 0;

	for (uint64_t i = part->homes; i; i &= i - 1) {
		unsigned from = (unsigned)__builtin_ctzll(i);

		for (uint64_t j = part->memories; j; j &= j - 1) {
			unsigned to = (unsigned)__builtin_ctzll(j);

			sum += part->home[from] * part->share[to] * ratio(t, from, to);
		}
	}
	return sum / ((double)part->cores * part->cores);
}

static bool holds_several(const struct partition *p, struct topology_span span)
{
	unsigned first = SLICES_MAX;

	for (unsigned core = span.first; core < span.first + (unsigned)span.count; core++) {
		unsigned owner = p->owner[core];

		if (owner >= p->slices)
			continue;
		if (first != SLICES_MAX && owner != first)
			return true;
		first = owner;
	}
	return false;
}

static void read_parts(const struct topology *t, const struct partition *p, const uint16_t *cpus,
		       struct part parts[SLICES_MAX], struct shape_place *place)
{
	for (unsigned i = 0; i < t->l3_count; i++)
		place->splits_l3 |= holds_several(p, t->l3s[i]);
	for (unsigned i = 0; i < t->numa_count; i++) {
		struct topology_span span = t->numa[i].cores;
		unsigned home = home_of(t, &t->numa[i]);

		place->splits_node |= holds_several(p, span);
		for (unsigned core = span.first; core < span.first + (unsigned)span.count; core++) {
			unsigned owner = p->owner[core];

			if (owner >= p->slices)
				continue;
			parts[owner].cpus += cpus[core];
			add_core(t, &parts[owner], core, home, place);
		}
	}
}

void shape_read(const struct topology *t, const struct partition *p,
		const uint16_t cpus[TOPOLOGY_CPUS], struct cost_shape *out,
		struct shape_place *place)
{
	struct part parts[SLICES_MAX] = {0};
	struct cost_shape sum = {.slices = p->slices, .executors = 1};

	*place = (struct shape_place){0};
	read_parts(t, p, cpus, parts, place);
	for (unsigned i = 0; i < p->slices; i++) {
		struct part *part = &parts[i];
		double cores = part->cores;

		end_run(part);
		sum.cores += part->cores;
		sum.others += cores * (cores - 1);
		sum.pairs += cores * cores * (cores - 1) * between_cores(t, part);
		sum.access += cores * to_memory(t, part);
		sum.cpus += cores * part->cpus;
	}
	sum.others /= sum.cores;
	sum.pairs /= sum.cores;
	sum.access /= sum.cores;
	sum.cpus /= sum.cores;
	*out = sum;
}
