/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/partition/reserve.h"

#include "decision/base/size_text.h"

/* ---- cores ---- */

int reserve_count(int wanted, unsigned usable, struct err *e)
{
	unsigned count;

	if (wanted != AMOUNT_AUTO)
		count = (unsigned)wanted;
	else
		count = usable <= 4 ? 0 : usable <= 64 ? 1 : usable <= 256 ? 2 : 4;
	if (count >= usable)
		return err_impossible(e,
				      "partition.reserve.cores: %u of %u usable cores leave none "
				      "for slices: write at most %u",
				      count, usable, usable - 1);
	return (int)count;
}

enum { PACKAGE_APART = 4 };

struct taken {
	uint16_t package[TOPOLOGY_CPUS], numa[TOPOLOGY_CPUS], l3[TOPOLOGY_CPUS];
	uint16_t free[TOPOLOGY_CPUS]; /* by package */
	unsigned large;		      /* the largest had so many free */
};

static void taken_count(struct taken *taken, const struct topology_core *core)
{
	taken->package[core->package]++;
	taken->numa[core->numa]++;
	taken->l3[core->l3]++;
}

/* Far smaller ones first: no slice wants them. Of equals the first from `start` on. */
static unsigned fewest_taken_package(const struct topology *t, const struct taken *taken,
				     unsigned start)
{
	unsigned best = TOPOLOGY_NONE;
	uint64_t best_key = UINT64_MAX;

	for (unsigned k = 0; k < t->package_count; k++) {
		unsigned i = (start + k) % t->package_count;
		unsigned numa = t->cores[t->packages[i].first].numa;
		/*
		 * A node of several packages counts like a package, or its slices would lose a core
		 * for each.
		 */
		bool is_small = taken->free[i] * PACKAGE_APART < taken->large;
		bool is_larger = t->numa[numa].cores.count > t->packages[i].count;
		uint64_t key = (uint64_t)!is_small << 48 | (uint64_t)taken->package[i] << 32 |
			       (is_larger ? taken->numa[numa] : 0);

		if (taken->free[i] && key < best_key) {
			best = i;
			best_key = key;
		}
	}
	return best;
}

/* The 16 bits in reverse: 0, 1, 2, 3 … come to lie far apart, whatever number of them is taken. */
static uint64_t far_apart(unsigned i)
{
	uint64_t out = 0;

	for (unsigned bit = 0; bit < 16; bit++)
		out |= (uint64_t)(i >> bit & 1) << (15 - bit);
	return out;
}

/*
 * Fewest taken from its node, then the first node, then fewest taken from its L3, then an L3 far
 * from those, so that slices of several L3s each lose as much, then the first core.
 */
static unsigned fewest_taken_core(const struct topology *t, const struct taken *taken,
				  const uint16_t *owner, struct topology_span package)
{
	unsigned best = TOPOLOGY_NONE, first = t->cores[package.first].l3;
	uint64_t best_key = UINT64_MAX;

	for (unsigned i = package.first; i < package.first + (unsigned)package.count; i++) {
		const struct topology_core *core = &t->cores[i];
		uint64_t key = (uint64_t)taken->numa[core->numa] << 48 |
			       (uint64_t)core->numa << 32 | (uint64_t)taken->l3[core->l3] << 16 |
			       far_apart(core->l3 - first);

		if (owner[i] == CORE_FREE && key < best_key) {
			best = i;
			best_key = key;
		}
	}
	return best;
}

void reserve_cores(const struct topology *t, uint16_t *owner, unsigned count, uint16_t mark)
{
	struct taken taken = {0};

	for (unsigned i = 0; i < t->core_count; i++) {
		if (owner[i] == CORE_FREE)
			taken.free[t->cores[i].package]++;
		else if (owner[i] == CORE_RESERVED)
			taken_count(&taken, &t->cores[i]);
	}
	for (unsigned i = 0; i < t->package_count; i++)
		taken.large = taken.free[i] > taken.large ? taken.free[i] : taken.large;
	for (unsigned k = 0; k < count; k++) {
		/* Few cores come from packages far apart, so that neighbours can be joined. */
		unsigned start = count < t->package_count ? k * t->package_count / count : 0;
		unsigned package = fewest_taken_package(t, &taken, start);
		unsigned core = fewest_taken_core(t, &taken, owner, t->packages[package]);

		owner[core] = mark;
		taken.free[package]--;
		taken_count(&taken, &t->cores[core]);
	}
}

/* ---- memory ---- */

enum { AUTO_PERCENT = 2, MOST_PERCENT = 25 };
#define AUTO_BYTES (UINT64_C(2) << 30)

static uint64_t reserve_total(const struct size *wanted, uint64_t capacity)
{
	uint64_t share = size_share(capacity, AUTO_PERCENT, 100);
	uint64_t most = size_share(capacity, MOST_PERCENT, 100);

	if (wanted->unit != SIZE_AUTO)
		return size_bytes(wanted, capacity);
	if (share < AUTO_BYTES)
		share = AUTO_BYTES;
	return share < most ? share : most;
}

/*
 * What one node may give at most: a quarter of itself, or, where more than a quarter of all is
 * wanted, the same part of itself, in 65536ths rounded up.
 */
static uint64_t node_most(uint64_t bytes, uint64_t wanted, uint64_t capacity)
{
	uint64_t part;

	if (wanted <= size_share(capacity, MOST_PERCENT, 100) || capacity < 1 << 16)
		return size_share(bytes, MOST_PERCENT, 100);
	part = wanted / (capacity >> 16) + 1;
	return part >> 16 ? bytes : (bytes >> 16) * part;
}

static void give_evenly(const struct topology *t, uint64_t nodes, uint64_t wanted,
			uint64_t capacity, struct reserve_memory *out)
{
	uint64_t left = wanted;
	bool capped = true;

	*out = (struct reserve_memory){0};
	/* Each round fixes the nodes that cannot give an even part of what is left. */
	while (capped && nodes) {
		uint64_t part = left / (unsigned)__builtin_popcountll(nodes);

		capped = false;
		for (unsigned i = 0; i < t->node_count; i++) {
			uint64_t most = node_most(t->nodes[i].usable_bytes, wanted, capacity);

			if (!(nodes & UINT64_C(1) << i))
				continue;
			out->node[i] = part;
			if (most > part)
				continue;
			out->node[i] = most;
			left -= most;
			nodes &= ~(UINT64_C(1) << i);
			capped = true;
		}
	}
	for (unsigned i = 0; i < t->node_count; i++)
		out->total += out->node[i];
}

int reserve_memory(const struct topology *t, uint64_t nodes, const struct size *wanted,
		   struct reserve_memory *out, struct err *e)
{
	uint64_t capacity = 0, total;

	for (unsigned i = 0; i < t->node_count; i++) {
		if (!(nodes & UINT64_C(1) << i))
			continue;
		if (__builtin_add_overflow(capacity, t->nodes[i].usable_bytes, &capacity))
			return err_wrong(e, "the topology's nodes have more than 16 EB of memory");
	}
	total = reserve_total(wanted, capacity);
	if (total > capacity)
		return err_impossible(e,
				      "partition.reserve.memory: %s are more than the %s of the "
				      "nodes: write a smaller size",
				      SIZE_STRING(total), SIZE_STRING(capacity));
	if (total && total == capacity)
		return err_impossible(e,
				      "partition.reserve.memory: %s are all that the nodes have "
				      "and leave none for slices: write a smaller size",
				      SIZE_STRING(total));
	give_evenly(t, nodes, total, capacity, out);
	return 0;
}

int reserve_for(const struct topology *t, const struct profile_partition *wanted, uint64_t *nodes,
		struct reserve_memory *out, struct err *e)
{
	uint64_t mask = 0;

	for (unsigned core = 0; core < t->core_count; core++) {
		if (partition_core_cpus(t, wanted, core, NULL))
			mask |= t->numa[t->cores[core].numa].nodes;
	}
	*nodes = mask;
	*out = (struct reserve_memory){0};
	if (t->oddities & TOPOLOGY_MEMORY_UNKNOWN)
		return 0;
	return reserve_memory(t, mask, &wanted->reserve_memory, out, e);
}
