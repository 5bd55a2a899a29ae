/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/machine/nearness.h"

enum { RANK_NODE, RANK_PACKAGE, RANK_ELSEWHERE, RANK_SHIFT = 16 };

struct nearness nearness_of(const struct topology *t, const struct cpuset *cpus)
{
	struct nearness n = {0};

	for (unsigned i = 0; i < t->cpu_count; i++) {
		const struct topology_core *core = &t->cores[t->cpus[i].core];

		if (!cpuset_has(cpus, t->cpus[i].os_index))
			continue;
		n.nodes |= t->numa[core->numa].nodes;
		cpuset_add(&n.packages, core->package);
	}
	return n;
}

bool nearness_has_package(const struct nearness *n, const struct topology *t, unsigned core)
{
	return cpuset_has(&n->packages, t->cores[core].package);
}

/*
 * From a core's nodes to the nearest of the memory. A machine may have nodes without a distance to
 * each other: 20.
 */
static unsigned least_distance(const struct topology *t, uint64_t from, uint64_t to)
{
	unsigned least = UINT16_MAX;

	for (; from; from &= from - 1) {
		for (uint64_t rest = to; rest; rest &= rest - 1) {
			unsigned distance = topology_distance(t, (unsigned)__builtin_ctzll(from),
							      (unsigned)__builtin_ctzll(rest));

			least = distance < least ? distance : least;
		}
	}
	return least;
}

unsigned nearness_rank(const struct nearness *n, const struct topology *t, unsigned core)
{
	uint64_t nodes = t->numa[t->cores[core].numa].nodes;
	unsigned level = nodes & n->nodes		    ? RANK_NODE
			 : nearness_has_package(n, t, core) ? RANK_PACKAGE
							    : RANK_ELSEWHERE;

	return level << RANK_SHIFT | least_distance(t, nodes, n->nodes);
}

struct node_distances node_distances_of(const struct topology *t, uint64_t from)
{
	struct node_distances d = {.from = from};

	for (unsigned to = 0; to < t->node_count; to++) {
		for (uint64_t i = from; i; i &= i - 1) {
			unsigned node = (unsigned)__builtin_ctzll(i);

			d.sum[to] +=
				topology_distance(t, node, to) + topology_distance(t, to, node);
		}
	}
	return d;
}

unsigned node_distances_mean(const struct node_distances *d, uint64_t to)
{
	unsigned pairs = (unsigned)(__builtin_popcountll(d->from) * __builtin_popcountll(to));
	uint64_t sum = 0;

	for (uint64_t i = to; i; i &= i - 1)
		sum += d->sum[__builtin_ctzll(i)];
	return pairs ? (unsigned)(sum * 8 / pairs) : 0;
}
