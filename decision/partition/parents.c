#include "decision/partition/parents.h"

#include <string.h>

#include "decision/machine/nearness.h"
#include "decision/partition/reserve.h"

const char *parent_noun(enum partition_by by, unsigned count)
{
	static const char *const one[] = {
		[BY_AUTO] = "machine", [BY_MACHINE] = "machine", [BY_SOCKET] = "package",
		[BY_NUMA] = "node",    [BY_L3] = "L3",
	};
	static const char *const many[] = {
		[BY_AUTO] = "machines", [BY_MACHINE] = "machines", [BY_SOCKET] = "packages",
		[BY_NUMA] = "nodes",	[BY_L3] = "L3s",
	};

	return count == 1 ? one[by] : many[by];
}

/* The cores of the parent number `i` on the whole machine. Return false past the last one. */
static bool span_at(const struct topology *t, enum partition_by by, unsigned i,
		    struct topology_span *out)
{
	*out = (struct topology_span){0, (uint16_t)t->core_count};
	switch (by) {
	case BY_SOCKET:
		if (i < t->package_count)
			*out = t->packages[i];
		return i < t->package_count;
	case BY_NUMA:
		if (i < t->numa_count)
			*out = t->numa[i].cores;
		return i < t->numa_count;
	case BY_L3:
		if (i < t->l3_count)
			*out = t->l3s[i];
		return i < t->l3_count;
	case BY_AUTO:
	case BY_MACHINE:
		break;
	}
	return i == 0;
}

unsigned parents_largest(const struct topology *t, enum partition_by by)
{
	struct topology_span span;
	unsigned largest = 0;

	for (unsigned i = 0; span_at(t, by, i, &span); i++)
		largest = span.count > largest ? span.count : largest;
	return largest;
}

static struct parent parent_read(const struct topology *t, const uint16_t *owner,
				 struct topology_span span)
{
	struct parent parent = {.members = 1, .package = t->cores[span.first].package};

	for (unsigned core = span.first; core < span.first + (unsigned)span.count; core++) {
		if (owner[core] != CORE_OUTSIDE)
			parent.usable++;
		if (owner[core] == CORE_FREE)
			parent.cores++;
		parent.nodes |= t->numa[t->cores[core].numa].nodes;
	}
	parent.quota = parent.cores;
	return parent;
}

void parents_read(const struct topology *t, const uint16_t *owner, enum partition_by by,
		  struct parents *out)
{
	struct topology_span span;

	out->count = 0;
	out->emptied = 0;
	for (unsigned i = 0; span_at(t, by, i, &span); i++) {
		struct parent parent = parent_read(t, owner, span);
		uint16_t index = parent.cores ? (uint16_t)out->count : TOPOLOGY_NONE;

		for (unsigned core = span.first; core < span.first + (unsigned)span.count; core++)
			out->of_core[core] = index;
		if (parent.cores)
			out->list[out->count++] = parent;
		else if (parent.usable)
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
