/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/partition/parents.h"

#include <string.h>

#include "decision/machine/nearness.h"
#include "decision/partition/usable.h"

const char *parent_noun(enum partition_by by, unsigned count)
{
	static const char *const nouns[][2] = {
		[BY_AUTO] = {"machine", "machines"},
		[BY_MACHINE] = {"machine", "machines"},
		[BY_SOCKET] = {"package", "packages"},
		[BY_NUMA] = {"node", "nodes"},
		[BY_L3] = {"L3", "L3s"},
	};

	return nouns[by][count != 1];
}

unsigned parents_count(const struct topology *t, enum partition_by by)
{
	return by == BY_SOCKET ? t->package_count
	       : by == BY_NUMA ? t->numa_count
	       : by == BY_L3   ? t->l3_count
			       : 1;
}

/* The cores of the parent number `i` on the whole machine. */
static struct topology_span parent_span(const struct topology *t, enum partition_by by, unsigned i)
{
	return by == BY_SOCKET ? t->packages[i]
	       : by == BY_NUMA ? t->numa[i].cores
	       : by == BY_L3   ? t->l3s[i]
			       : (struct topology_span){0, (uint16_t)t->core_count};
}

unsigned parents_largest(const struct topology *t, enum partition_by by)
{
	unsigned largest = 0;

	for (unsigned i = 0; i < parents_count(t, by); i++) {
		unsigned cores = parent_span(t, by, i).count;

		largest = cores > largest ? cores : largest;
	}
	return largest;
}

void parents_read(const struct topology *t, const uint16_t *owner, enum partition_by by,
		  struct parents *out)
{
	out->count = 0;
	out->emptied = 0;
	for (unsigned i = 0; i < parents_count(t, by); i++) {
		struct topology_span span = parent_span(t, by, i);
		struct parent p = {.members = 1, .package = t->cores[span.first].package};
		unsigned end = span.first + (unsigned)span.count;

		for (unsigned core = span.first; core < end; core++) {
			p.usable = (uint16_t)(p.usable + (owner[core] != CORE_OUTSIDE));
			p.cores = (uint16_t)(p.cores + (owner[core] == CORE_FREE));
			p.nodes |= t->numa[t->cores[core].numa].nodes;
		}
		p.quota = p.cores;
		for (unsigned core = span.first; core < end; core++)
			out->of_core[core] = p.cores ? (uint16_t)out->count : TOPOLOGY_NONE;
		if (p.cores)
			out->list[out->count++] = p;
		else if (p.usable)
			out->emptied++;
	}
}

/* ---- joining neighbours ---- */

enum {
	NEIGHBOURS = 64
}; /* so many parents not yet joined are looked at, so that joining is linear */

/*
 * The nearest parent without a group, one of the package at hand before all others; the first in
 * tree order.
 */
static unsigned nearest_parent(const struct node_distances *distances, const struct parents *ps,
			       const uint16_t *group, unsigned from, uint16_t package)
{
	unsigned best = TOPOLOGY_NONE, nearest = UINT32_MAX, seen = 0;

	for (unsigned i = from; i < ps->count && seen < NEIGHBOURS; i++) {
		unsigned distance;

		if (group[i] != TOPOLOGY_NONE)
			continue;
		if (ps->list[i].package == package)
			return i;
		seen++;
		distance = node_distances_mean(distances, ps->list[i].nodes);
		if (distance < nearest) {
			best = i;
			nearest = distance;
		}
	}
	return best;
}

static void parent_add(struct parent *to, const struct parent *from)
{
	to->usable = (uint16_t)(to->usable + from->usable);
	to->cores = (uint16_t)(to->cores + from->cores);
	to->quota = (uint16_t)(to->quota + from->quota);
	to->members = (uint16_t)(to->members + from->members);
	to->package = from->package;
	to->nodes |= from->nodes;
}

void parents_join(const struct topology *t, struct parents *ps, unsigned count)
{
	struct parents old = *ps;
	uint16_t group[TOPOLOGY_CPUS];
	unsigned left = 0, parents = old.count, next = 0;

	memset(group, 0xff, sizeof(group)); /* TOPOLOGY_NONE */
	for (unsigned i = 0; i < old.count; i++)
		left += old.list[i].cores;
	ps->count = count;
	for (unsigned g = 0; g < count; g++) {
		struct parent *to = &ps->list[g];
		unsigned groups = count - g; /* still to be made */
		struct node_distances distances = {0};

		for (; group[next] != TOPOLOGY_NONE; next++)
			;
		*to = old.list[next];
		group[next] = (uint16_t)g;
		parents--;
		while (parents > groups - 1) {
			unsigned add;

			if (distances.from != to->nodes)
				distances = node_distances_of(t, to->nodes);
			add = nearest_parent(&distances, &old, group, next, to->package);
			/* one more would be further from left / groups than none */
			if (groups > 1 &&
			    (2u * to->cores + old.list[add].cores) * groups > 2 * left)
				break;
			parent_add(to, &old.list[add]);
			group[add] = (uint16_t)g;
			parents--;
		}
		left -= to->cores;
	}
	for (unsigned core = 0; core < t->core_count; core++) {
		if (old.of_core[core] != TOPOLOGY_NONE)
			ps->of_core[core] = group[old.of_core[core]];
	}
}
