/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/decision/machines.h"

#include "tests/harness.h"

/* ---- the tree: a row of cores, cut into packages, nodes and L3s ---- */

struct row {
	unsigned count; /* cores */
	uint16_t package[TOPOLOGY_CPUS], node[TOPOLOGY_CPUS], l3[TOPOLOGY_CPUS];
	uint16_t kind[TOPOLOGY_CPUS], smt[TOPOLOGY_CPUS];
};

/* Number pieces of [first, end) from *next on: evenly into `pieces`, or at random places. */
static void cut(unsigned long long *state, uint16_t *out, unsigned first, unsigned end,
		unsigned pieces, bool even, unsigned *next)
{
	unsigned count = end - first;

	for (unsigned i = 0; i < count; i++) {
		bool begins = i == 0;

		if (even)
			begins |= i * pieces / count != (i - 1) * pieces / count && i > 0;
		else
			begins |= random_below(state, count) + 1 < pieces;
		if (begins)
			++*next;
		out[first + i] = (uint16_t)(*next - 1);
	}
}

/* Cut each run of equal `parents` by itself, or the whole row regardless of them. */
static void cut_runs(unsigned long long *state, uint16_t *out, const uint16_t *parents,
		     unsigned count, unsigned pieces, bool even)
{
	unsigned next = 0, first = 0;

	for (unsigned i = 1; i <= count; i++) {
		if (i < count && (!parents || parents[i] == parents[first]))
			continue;
		cut(state, out, first, i, pieces, even, &next);
		first = i;
	}
}

static unsigned random_cores(unsigned long long *state)
{
	if (random_once(state, 100))
		return 1 + random_below(state, 1024);
	if (random_once(state, 6))
		return 1 + random_below(state, 4);
	return 1 + random_below(state, 96);
}

static void random_row(unsigned long long *state, struct row *row)
{
	static const uint16_t whole[TOPOLOGY_CPUS];
	unsigned smt = random_once(state, 3) ? 1 : 1 + random_below(state, 4);
	unsigned kinds = random_once(state, 6) ? 2 + random_below(state, 2) : 1;
	bool even = !random_once(state, 3);
	unsigned packages = 1 + random_below(state, random_once(state, 6) ? 24 : 6);

	memset(row, 0, sizeof(*row));
	row->count = random_cores(state);
	if (even && row->count > packages)
		row->count -= row->count % packages;
	cut_runs(state, row->package, whole, row->count, packages, even);
	cut_runs(state, row->node, random_once(state, 6) ? NULL : row->package, row->count,
		 1 + random_below(state, 4), even || random_once(state, 2));
	cut_runs(state, row->l3, random_once(state, 6) ? row->package : row->node, row->count,
		 1 + random_below(state, 4), even || random_once(state, 2));
	for (unsigned i = 0; i < row->count; i++) {
		row->kind[i] = (uint16_t)(i * kinds / row->count);
		row->smt[i] = (uint16_t)(random_once(state, 40) ? 1 + random_below(state, 8) : smt);
	}
}

/* An L3 that spans packages exists in virtual machines, a core with two L3s does not. */
static void add_cpus(const struct row *row, struct topology *t)
{
	for (unsigned i = 0; i < row->count; i++) {
		for (unsigned k = 0; k < row->smt[i] && t->cpu_count < TOPOLOGY_CPUS; k++)
			t->cpus[t->cpu_count++] = (struct topology_cpu){
				.core = (uint16_t)i,
				.l3 = row->l3[i],
				.package = row->package[i],
				.kind = row->kind[i],
			};
	}
}

/* ---- OS indexes ---- */

/* `count` different numbers below `limit`: counted up, counted up with holes, or shuffled. */
static void random_indexes(unsigned long long *state, uint16_t *out, unsigned count, unsigned limit)
{
	unsigned spread = limit - count, next = 0, style = random_below(state, 3);

	for (unsigned i = 0; i < count; i++) {
		if (style && spread && random_once(state, 8)) {
			unsigned hole = 1 + random_below(state, spread < 8 ? spread : 8);

			next += hole;
			spread -= hole;
		}
		out[i] = (uint16_t)next++;
	}
	for (unsigned i = count; style == 2 && i-- > 1;) {
		unsigned other = random_below(state, i + 1);
		uint16_t kept = out[i];

		out[i] = out[other];
		out[other] = kept;
	}
}

/* ---- nodes ---- */

static void sort_nodes(struct topology *t)
{
	for (unsigned i = 1; i < t->node_count; i++) {
		for (unsigned j = i; j > 0 && t->nodes[j].id < t->nodes[j - 1].id; j--) {
			struct topology_node kept = t->nodes[j];

			t->nodes[j] = t->nodes[j - 1];
			t->nodes[j - 1] = kept;
		}
	}
}

/* Nodes beside those with CPUs: without any, or seen by a node's CPUs or by everybody. */
static void add_memory_only(unsigned long long *state, struct topology *t, const uint16_t *ids,
			    uint64_t bytes)
{
	unsigned extra = random_once(state, 4) ? 1 + random_below(state, 4) : 0;
	unsigned with_cpus = t->node_count;

	for (unsigned i = 0; i < extra && t->node_count < TOPOLOGY_NODES; i++) {
		struct topology_node *node = &t->nodes[t->node_count];

		*node = (struct topology_node){
			.id = ids[t->node_count], .allowed = true, .memory_bytes = 4 * bytes};
		if (random_once(state, 2))
			node->cpus = t->nodes[random_below(state, with_cpus)].cpus;
		t->node_count++;
	}
}

static void random_nodes(unsigned long long *state, const struct row *row, struct topology *t)
{
	uint64_t bytes = UINT64_C(1) << (28 + random_below(state, 12));
	bool uneven = random_once(state, 4), unknown = random_once(state, 10);
	bool absent = random_once(state, 12);
	uint16_t ids[TOPOLOGY_NODES];

	random_indexes(state, ids, TOPOLOGY_NODES,
		       random_once(state, 2) ? TOPOLOGY_NODES : TOPOLOGY_NODE_IDS);
	for (unsigned i = 0; i < t->cpu_count; i++) {
		unsigned node = row->node[t->cpus[i].core];

		/* CPUs beyond the bound on nodes have none. */
		if (node >= TOPOLOGY_NODES || (absent && node % 2))
			continue;
		for (; t->node_count <= node; t->node_count++)
			t->nodes[t->node_count] = (struct topology_node){
				.id = ids[t->node_count],
				.allowed = true,
				.memory_bytes =
					uneven ? bytes / (1 + random_below(state, 4)) : bytes,
			};
		cpuset_add(&t->nodes[node].cpus, t->cpus[i].os_index);
	}
	add_memory_only(state, t, ids, bytes);
	for (unsigned i = 0; i < t->node_count; i++) {
		if (unknown || (i > 0 && random_once(state, 30)))
			t->nodes[i].memory_bytes = 0;
		if (i > 0 && random_once(state, 30))
			t->nodes[i].allowed = false;
	}
	sort_nodes(t);
}

static void random_distances(unsigned long long *state, struct topology *t)
{
	bool asymmetric = random_once(state, 4), flat = random_once(state, 3);

	t->has_distances = !random_once(state, 4);
	for (unsigned i = 0; t->has_distances && i < t->node_count; i++) {
		for (unsigned j = 0; j <= i; j++) {
			unsigned value = flat ? 20 : 11 + random_below(state, 30);

			t->distance[i][j] = (uint16_t)(i == j ? DISTANCE_LOCAL : value);
			t->distance[j][i] =
				(uint16_t)(t->distance[i][j] +
					   (asymmetric && i != j ? random_below(state, 9) : 0));
		}
	}
}

/* ---- a cpuset above us, CPUs offline ---- */

static void random_disallow(unsigned long long *state, struct topology *t)
{
	unsigned in = 2 + random_below(state, 20), kept = 0;
	bool by_core = random_once(state, 2);
	unsigned last = TOPOLOGY_NONE;
	bool gone = false;

	for (unsigned i = 0; i < t->cpu_count; i++) {
		if (!by_core || t->cpus[i].core != last)
			gone = random_once(state, in);
		last = t->cpus[i].core;
		/* The last one stays if it is the only one. */
		if (gone && (kept || i + 1 < t->cpu_count))
			cpuset_add(&t->disallowed, t->cpus[i].os_index);
		else
			t->cpus[kept++] = t->cpus[i];
	}
	t->cpu_count = kept;
}

/* ---- what is there, but reserved for something else */

static void random_reserved(unsigned long long *state, struct topology *t)
{
	bool isolated = random_once(state, 8), nohz_full = random_once(state, 8);
	unsigned from = random_below(state, t->cpu_count), in = 1 + random_below(state, 3);

	for (unsigned i = 0; i < t->node_count && random_once(state, 6); i++)
		t->nodes[i].huge_bytes = t->nodes[i].memory_bytes / 16 * random_below(state, 17);
	/* By CPU, not by core: firmware's numbers do not tell users which ones are siblings. */
	for (unsigned i = from; i < t->cpu_count; i++) {
		if (isolated && random_once(state, in))
			cpuset_add(&t->isolated, t->cpus[i].os_index);
		if (nohz_full && random_once(state, in))
			cpuset_add(&t->nohz_full, t->cpus[i].os_index);
	}
}

void machine_random(unsigned long long *state, struct topology *out)
{
	static struct row row;
	uint16_t indexes[TOPOLOGY_CPUS];
	bool no_packages = random_once(state, 12), no_l3 = random_once(state, 5);
	struct err e = {0};

	do {
		memset(out, 0, sizeof(*out));
		snprintf(out->source, sizeof(out->source), "synthetic:random");
		random_row(state, &row);
		add_cpus(&row, out);
		random_indexes(state, indexes, out->cpu_count, TOPOLOGY_CPUS);
		for (unsigned i = 0; i < out->cpu_count; i++) {
			out->cpus[i].os_index = indexes[i];
			if (no_packages)
				out->cpus[i].package = TOPOLOGY_NONE;
			if (no_l3)
				out->cpus[i].l3 = TOPOLOGY_NONE;
		}
		random_nodes(state, &row, out);
		random_distances(state, out);
		if (random_once(state, 3))
			random_disallow(state, out);
		random_reserved(state, out);
		/*
		 * The machines that are refused here have no allowed node with memory left, or no
		 * CPU that is not apart: draw again.
		 */
	} while (topology_derive(out, &e) < 0 || cpuset_is_equal(&out->apart, &out->allowed));
}

/* ---- the same machine with other numbers ---- */

static bool nodes_overlap(const struct topology *t)
{
	for (unsigned i = 0; i < t->node_count; i++) {
		if (t->nodes[i].memory_only)
			return true; /* equally near ones are taken by their order */
		for (unsigned j = 0; j < i; j++) {
			if (cpuset_intersects(&t->nodes[i].cpus, &t->nodes[j].cpus))
				return true;
		}
	}
	return false;
}

static struct cpuset renamed(const struct cpuset *set, const uint16_t *names)
{
	struct cpuset out = {0};

	cpuset_for_each(index, set) cpuset_add(&out, names[index]);
	return out;
}

/* Give nodes new ids; from[i] is where the i-th of the new order was. */
static void rename_nodes(unsigned long long *state, struct topology *t, bool shuffle)
{
	uint16_t ids[TOPOLOGY_NODES] = {0}, place[TOPOLOGY_NODE_IDS] = {0};
	struct topology *old = malloc(sizeof(*old));

	if (!old)
		abort();
	random_indexes(state, ids, t->node_count, TOPOLOGY_NODE_IDS);
	for (unsigned i = 0; i < t->node_count; i++) {
		if (!shuffle)
			ids[i] = (uint16_t)(3 * i + 1);
		t->nodes[i].id = ids[i];
	}
	*old = *t;
	sort_nodes(t);
	for (unsigned i = 0; i < t->node_count; i++)
		place[t->nodes[i].id] = (uint16_t)i;
	for (unsigned i = 0; i < t->node_count; i++) {
		for (unsigned j = 0; j < t->node_count; j++)
			t->distance[place[ids[i]]][place[ids[j]]] = old->distance[i][j];
	}
	free(old);
}

void machine_renumber(unsigned long long *state, const struct topology *in, struct topology *out)
{
	uint16_t names[CPUSET_MAX];
	struct err e = {0};

	*out = *in;
	random_indexes(state, names, CPUSET_MAX, CPUSET_MAX);
	for (unsigned i = CPUSET_MAX; i-- > 1;) {
		unsigned other = random_below(state, i + 1);
		uint16_t kept = names[i];

		names[i] = names[other];
		names[other] = kept;
	}
	for (unsigned i = 0; i < out->cpu_count; i++)
		out->cpus[i].os_index = names[in->cpus[i].os_index];
	out->disallowed = renamed(&in->disallowed, names);
	out->isolated = renamed(&in->isolated, names);
	out->nohz_full = renamed(&in->nohz_full, names);
	for (unsigned i = 0; i < out->node_count; i++)
		out->nodes[i].cpus = renamed(&in->nodes[i].cpus, names);
	rename_nodes(state, out, !nodes_overlap(in));
	if (topology_derive(out, &e) < 0)
		abort();
}
