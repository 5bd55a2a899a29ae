/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/machine/topology.h"

#include <limits.h>
#include <string.h>

/* ---- what a reader handed over: is it a machine at all? ---- */

static int check_cpus(const struct topology *t, struct err *e)
{
	struct cpuset seen = {0};

	if (t->cpu_count == 0)
		return err_wrong(e, "the topology has no CPU that is allowed");
	if (t->cpu_count > TOPOLOGY_CPUS)
		return err_wrong(e, "the topology has %u CPUs; the limit is %d", t->cpu_count,
				 TOPOLOGY_CPUS);
	for (unsigned i = 0; i < t->cpu_count; i++) {
		unsigned index = t->cpus[i].os_index;

		if (index >= CPUSET_MAX)
			return err_wrong(e, "the topology has a CPU %u; the highest index is %d",
					 index, CPUSET_MAX - 1);
		if (cpuset_has(&seen, index))
			return err_wrong(e, "the topology has CPU %u twice", index);
		if (cpuset_has(&t->disallowed, index))
			return err_wrong(e, "the topology has CPU %u as allowed and as disallowed",
					 index);
		cpuset_add(&seen, index);
	}
	return 0;
}

static int check_nodes(const struct topology *t, struct err *e)
{
	bool usable = false, sized = false, huge = false;

	if (t->node_count > TOPOLOGY_NODES)
		return err_wrong(e, "the topology has %u NUMA nodes; the limit is %d",
				 t->node_count, TOPOLOGY_NODES);
	for (unsigned i = 0; i < t->node_count; i++) {
		unsigned id = t->nodes[i].id;

		if (id >= TOPOLOGY_NODE_IDS)
			return err_wrong(e, "the topology has a NUMA node %u; the highest is %d",
					 id, TOPOLOGY_NODE_IDS - 1);
		if (i > 0 && id <= t->nodes[i - 1].id)
			return err_wrong(e, "NUMA node %u comes after node %u in the topology", id,
					 t->nodes[i - 1].id);
		if (t->nodes[i].huge_bytes > t->nodes[i].memory_bytes)
			return err_wrong(e, "NUMA node %u has more huge pages than memory", id);
		sized |= t->nodes[i].memory_bytes != 0;
	}
	for (unsigned i = 0; i < t->node_count; i++) {
		const struct topology_node *node = &t->nodes[i];

		usable |= node->allowed && (node->memory_bytes > node->huge_bytes || !sized);
		huge |= node->allowed && node->huge_bytes;
	}
	if (!usable && huge)
		return err_impossible(e, "all memory of the NUMA nodes that are allowed is "
					 "reserved as huge pages: reserve fewer (vm.nr_hugepages, "
					 "hugepages= on the kernel command line)");
	if (!usable)
		return err_wrong(e, "the topology has no NUMA node with memory that is allowed");
	return 0;
}

/* The same object may not come again after another one has begun. */
static int check_runs(const struct topology *t, struct err *e)
{
	static const char *const names[] = {"core", "L3", "package"};

	for (unsigned level = 0; level < 3; level++) {
		uint64_t seen[(UINT16_MAX + 1) / 64] = {0};
		uint16_t last = TOPOLOGY_NONE;

		for (unsigned i = 0; i < t->cpu_count; i++) {
			const struct topology_cpu *cpu = &t->cpus[i];
			uint16_t id = (uint16_t[]){cpu->core, cpu->l3, cpu->package}[level];
			bool begins = id != last && id != TOPOLOGY_NONE;

			last = id;
			if (begins && seen[id / 64] >> id % 64 & 1)
				return err_wrong(e,
						 "%s %u lies in two places of the topology: CPU %u "
						 "does not follow the others",
						 names[level], id, cpu->os_index);
			if (begins)
				seen[id / 64] |= UINT64_C(1) << id % 64;
		}
	}
	return 0;
}

static int check_cores(const struct topology *t, struct err *e)
{
	for (unsigned i = 1; i < t->cpu_count; i++) {
		const struct topology_cpu *a = &t->cpus[i - 1], *b = &t->cpus[i];

		if (a->core == TOPOLOGY_NONE || a->core != b->core)
			continue;
		if (a->package != b->package)
			return err_wrong(e, "CPUs %u and %u are one core, but in two packages",
					 a->os_index, b->os_index);
		if (a->l3 != b->l3)
			return err_wrong(e, "CPUs %u and %u are one core, but of two L3 caches",
					 a->os_index, b->os_index);
	}
	return 0;
}

/* ---- CPUs, cores, packages ---- */

/*
 * Number cores and L3s from 0 in tree order, and note the package of each CPU: a run without a
 * package is one of its own. "No package" and "no L3" stay as they are in cpus[], so that a machine
 * can be derived again after its CPUs were restricted.
 */
static void number_objects(struct topology *t, uint16_t packages[TOPOLOGY_CPUS])
{
	struct topology_cpu last = {0};
	uint16_t core = 0, l3 = 0, package = 0;
	bool any = false;

	for (unsigned i = 0; i < t->cpu_count; i++) {
		struct topology_cpu *cpu = &t->cpus[i], raw = *cpu;

		any |= raw.package != TOPOLOGY_NONE;
		core = (uint16_t)(core +
				  (i && (raw.core == TOPOLOGY_NONE || raw.core != last.core)));
		package = (uint16_t)(package + (i && raw.package != last.package));
		if (i && raw.l3 != last.l3 && last.l3 != TOPOLOGY_NONE)
			l3++;
		cpu->core = core;
		packages[i] = package;
		if (raw.package != TOPOLOGY_NONE)
			cpu->package = package;
		if (raw.l3 != TOPOLOGY_NONE)
			cpu->l3 = l3;
		last = raw;
	}
	for (unsigned i = 0; any && i < t->cpu_count; i++) {
		if (t->cpus[i].package == TOPOLOGY_NONE)
			t->oddities |= TOPOLOGY_CPUS_WITHOUT_PACKAGE;
	}
	if (!any)
		t->oddities |= TOPOLOGY_NO_PACKAGES;
}

static void span_add(struct topology_span *spans, unsigned *count, unsigned core, bool begin)
{
	if (begin)
		spans[(*count)++] = (struct topology_span){(uint16_t)core, 0};
	spans[*count - 1].count++;
}

static void build_cores(struct topology *t, const uint16_t packages[TOPOLOGY_CPUS])
{
	t->core_count = 0;
	t->package_count = 0;
	t->allowed = (struct cpuset){0};
	for (unsigned i = 0; i < t->cpu_count; i++) {
		const struct topology_cpu *cpu = &t->cpus[i];

		cpuset_add(&t->allowed, cpu->os_index);
		if (cpu->core < t->core_count) {
			t->cores[cpu->core].cpus++;
			continue;
		}
		t->cores[t->core_count++] = (struct topology_core){
			.first_cpu = (uint16_t)i,
			.cpus = 1,
			.package = packages[i],
			.kind = cpu->kind,
		};
		if (cpu->kind != t->cpus[0].kind)
			t->oddities |= TOPOLOGY_HYBRID_CORES;
		span_add(t->packages, &t->package_count, cpu->core,
			 packages[i] == t->package_count);
	}
}

static void find_apart(struct topology *t)
{
	t->apart = cpuset_or(&t->isolated, &t->nohz_full);
	t->apart = cpuset_and(&t->apart, &t->allowed);
	if (cpuset_intersects(&t->isolated, &t->allowed))
		t->oddities |= TOPOLOGY_ISOLATED_CPUS;
	if (cpuset_intersects(&t->nohz_full, &t->allowed))
		t->oddities |= TOPOLOGY_NOHZ_FULL_CPUS;
}

/* ---- nodes ---- */

/* Node masks are over indexes of nodes[]; positions are indexes of cpus[]. */
struct locality {
	uint16_t owner[CPUSET_MAX];	       /* by OS index: the node a CPU belongs to, or NONE */
	uint16_t first_cpu[TOPOLOGY_NODES];    /* position of the node's first own CPU, or NONE */
	uint64_t own;			       /* nodes that serve the CPUs they own */
	uint64_t stand_ins;		       /* nodes that may serve others */
	uint64_t package_nodes[TOPOLOGY_CPUS]; /* own nodes by package */
	uint64_t any_package;		       /* all of those together */
};

static uint64_t node_bit(unsigned node)
{
	return UINT64_C(1) << node;
}

static void find_owners(const struct topology *t, struct locality *l)
{
	memset(l->owner, 0xff, sizeof(l->owner));
	memset(l->first_cpu, 0xff, sizeof(l->first_cpu));
	for (unsigned node = t->node_count; node-- > 0;) {
		cpuset_for_each(cpu, &t->nodes[node].cpus) l->owner[cpu] = (uint16_t)node;
	}
	for (unsigned i = t->cpu_count; i-- > 0;) {
		uint16_t node = l->owner[t->cpus[i].os_index];

		if (node != TOPOLOGY_NONE)
			l->first_cpu[node] = (uint16_t)i;
	}
}

static uint16_t cpu_package(const struct topology *t, unsigned position)
{
	return t->cores[t->cpus[position].core].package;
}

/* Where a node is: the package of its first CPU in tree order, its own or not. */
static uint16_t node_package(const struct topology *t, const struct topology_node *node)
{
	if (!cpuset_intersects(&node->cpus, &t->allowed))
		return TOPOLOGY_NONE;
	for (unsigned i = 0; i < t->cpu_count; i++) {
		if (cpuset_has(&node->cpus, t->cpus[i].os_index))
			return cpu_package(t, i);
	}
	return TOPOLOGY_NONE;
}

/*
 * Heaps are not made of huge pages. An application has one executor size, so a node of which they
 * leave next to nothing would shrink every heap to what fits there: if another one has much more
 * left, its CPUs use that one's memory, as those of a node without memory do.
 */
static void find_usable_bytes(struct topology *t)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < t->node_count; i++) {
		struct topology_node *node = &t->nodes[i];

		node->usable_bytes = node->memory_bytes - node->huge_bytes;
		if (node->allowed && node->usable_bytes > most)
			most = node->usable_bytes;
		if (node->allowed && node->huge_bytes)
			t->oddities |= TOPOLOGY_HUGE_PAGES;
	}
	for (unsigned i = 0; i < t->node_count; i++) {
		struct topology_node *node = &t->nodes[i];

		if (node->usable_bytes < node->memory_bytes / TOPOLOGY_NODE_PART &&
		    node->usable_bytes < most / TOPOLOGY_NODE_PART)
			node->usable_bytes = 0;
	}
}

static void classify_nodes(struct topology *t, struct locality *l)
{
	unsigned allowed = 0;
	bool sized = false;

	find_usable_bytes(t);
	for (unsigned i = 0; i < t->node_count; i++) {
		allowed += t->nodes[i].allowed;
		sized |= t->nodes[i].memory_bytes != 0;
	}
	if (!sized)
		t->oddities |= TOPOLOGY_MEMORY_UNKNOWN;
	for (unsigned i = 0; i < t->node_count; i++) {
		struct topology_node *node = &t->nodes[i];
		bool only = node->allowed && allowed == 1;

		node->memory_only = l->first_cpu[i] == TOPOLOGY_NONE && !only;
		node->package = node_package(t, node);
		if (node->allowed && (node->usable_bytes || !sized)) {
			l->stand_ins |= node_bit(i);
			if (!node->memory_only)
				l->own |= node_bit(i);
		}
	}
	if (l->own)
		l->stand_ins = l->own;
}

static void find_package_nodes(const struct topology *t, struct locality *l)
{
	for (unsigned i = 0; i < t->cpu_count; i++) {
		uint16_t node = l->owner[t->cpus[i].os_index];

		if (node == TOPOLOGY_NONE || !(l->own & node_bit(node)))
			continue;
		l->package_nodes[cpu_package(t, i)] |= node_bit(node);
		l->any_package |= node_bit(node);
	}
}

/* Nearest by distance, of these those in the same package if there are any. */
static uint64_t nearest_nodes(const struct topology *t, const struct locality *l, unsigned from,
			      uint16_t package)
{
	unsigned best_cost = UINT_MAX;
	uint64_t best = 0;

	for (unsigned i = 0; i < t->node_count; i++) {
		unsigned cost =
			topology_distance(t, from, i) << 1 | (t->nodes[i].package != package);

		if (!(l->stand_ins & node_bit(i)) || cost > best_cost)
			continue;
		best = node_bit(i) | (cost < best_cost ? 0 : best);
		best_cost = cost;
	}
	return best;
}

/* The nodes that serve a core without a usable node of its own. */
static uint64_t stand_in_nodes(const struct topology *t, const struct locality *l,
			       const struct topology_core *core)
{
	uint16_t node = l->owner[t->cpus[core->first_cpu].os_index];

	if (node != TOPOLOGY_NONE && t->has_distances)
		return nearest_nodes(t, l, node, core->package);
	if (l->package_nodes[core->package])
		return l->package_nodes[core->package];
	return l->stand_ins;
}

/*
 * Runs of cores with one own node, and of cores without (one a package, or one in all if no package
 * has nodes).
 */
static void build_numa(struct topology *t, const struct locality *l)
{
	unsigned last_key = 0;

	t->numa_count = 0;
	for (unsigned i = 0; i < t->core_count; i++) {
		struct topology_core *core = &t->cores[i];
		uint16_t node = l->owner[t->cpus[core->first_cpu].os_index];
		bool own = node != TOPOLOGY_NONE && (l->own & node_bit(node));
		unsigned key = own ? node : TOPOLOGY_NODES + (l->any_package ? core->package : 0u);
		struct topology_numa *numa;

		if (i == 0 || key != last_key)
			t->numa[t->numa_count++] =
				(struct topology_numa){.cores = {(uint16_t)i, 0}, .stand_in = !own};
		numa = &t->numa[t->numa_count - 1];
		numa->cores.count++;
		numa->nodes |= own ? node_bit(node) : stand_in_nodes(t, l, core);
		core->numa = (uint16_t)(t->numa_count - 1);
		if (!own)
			t->oddities |= TOPOLOGY_CPUS_WITHOUT_NODE;
		last_key = key;
	}
}

/* ---- units ---- */

static bool package_is_unit(const struct topology *t, const struct topology_core *core)
{
	unsigned cores = t->packages[core->package].count;

	return cores >= t->numa[core->numa].cores.count ||
	       (t->numa_count == 1 && cores >= TOPOLOGY_PACKAGE_CORES);
}

static void build_units(struct topology *t)
{
	t->unit_count = 0;
	for (unsigned i = 0; i < t->core_count; i++) {
		const struct topology_core *a = &t->cores[i ? i - 1 : 0], *b = &t->cores[i];
		bool whole = package_is_unit(t, b);
		bool same = whole == package_is_unit(t, a) &&
			    (whole ? a->package == b->package : a->numa == b->numa);

		span_add(t->units, &t->unit_count, i, i == 0 || !same);
		t->cores[i].unit = (uint16_t)(t->unit_count - 1);
	}
}

bool topology_packages_are_units(const struct topology *t)
{
	bool all = true;

	for (unsigned i = 0; i < t->core_count; i++)
		all &= package_is_unit(t, &t->cores[i]);
	return all;
}

/* ---- L3 caches ---- */

/* Without L3 caches: the nodes, or the packages where no CPU has a node. */
static void stand_in_l3s(struct topology *t)
{
	bool nodes = false;

	t->oddities |= TOPOLOGY_NO_L3;
	for (unsigned i = 0; i < t->numa_count; i++)
		nodes |= !t->numa[i].stand_in;
	t->l3_count = nodes ? t->numa_count : t->package_count;
	for (unsigned i = 0; i < t->l3_count; i++)
		t->l3s[i] = nodes ? t->numa[i].cores : t->packages[i];
	for (unsigned i = 0; i < t->core_count; i++)
		t->cores[i].l3 = nodes ? t->cores[i].numa : t->cores[i].package;
}

/* Neighbours without an L3 beside cores that have one (LP-E cores) count as if they shared one. */
static bool shares_l3(const struct topology *t, unsigned core)
{
	const struct topology_core *a = &t->cores[core - 1], *b = &t->cores[core];

	if (t->cpus[a->first_cpu].l3 != t->cpus[b->first_cpu].l3)
		return false;
	return t->cpus[b->first_cpu].l3 != TOPOLOGY_NONE ||
	       (a->numa == b->numa && a->package == b->package);
}

static void build_l3s(struct topology *t)
{
	bool any = false;

	for (unsigned i = 0; i < t->cpu_count && !any; i++)
		any = t->cpus[i].l3 != TOPOLOGY_NONE;
	if (!any) {
		stand_in_l3s(t);
		return;
	}
	t->l3_count = 0;
	for (unsigned i = 0; i < t->core_count; i++) {
		span_add(t->l3s, &t->l3_count, i, i == 0 || !shares_l3(t, i));
		t->cores[i].l3 = (uint16_t)(t->l3_count - 1);
	}
}

int topology_derive(struct topology *t, struct err *e)
{
	uint16_t packages[TOPOLOGY_CPUS] = {0};
	struct locality locality = {0};

	if (check_cpus(t, e) < 0 || check_nodes(t, e) < 0 || check_runs(t, e) < 0 ||
	    check_cores(t, e) < 0)
		return e->code;

	t->oddities = 0;
	if (!t->has_distances && t->node_count > 1)
		t->oddities |= TOPOLOGY_NO_DISTANCES;
	if (!cpuset_is_empty(&t->hidden_nodes))
		t->oddities |= TOPOLOGY_HIDDEN_NODES;
	number_objects(t, packages);
	build_cores(t, packages);
	find_apart(t);
	find_owners(t, &locality);
	classify_nodes(t, &locality);
	find_package_nodes(t, &locality);
	build_numa(t, &locality);
	build_units(t);
	build_l3s(t);
	return 0;
}

unsigned topology_distance(const struct topology *t, unsigned from, unsigned to)
{
	if (t->has_distances && t->distance[from][to])
		return t->distance[from][to];
	return from == to ? DISTANCE_LOCAL : DISTANCE_REMOTE;
}

struct cpuset topology_span_cpus(const struct topology *t, struct topology_span span)
{
	struct cpuset out = {0};

	for (unsigned core = span.first; core < (unsigned)span.first + span.count; core++) {
		for (unsigned i = 0; i < t->cores[core].cpus; i++)
			cpuset_add(&out, t->cpus[t->cores[core].first_cpu + i].os_index);
	}
	return out;
}

struct cpuset topology_core_cpus(const struct topology *t, unsigned core)
{
	return topology_span_cpus(t, (struct topology_span){(uint16_t)core, 1});
}

struct cpuset topology_node_ids(const struct topology *t, uint64_t mask)
{
	struct cpuset out = {0};

	for (unsigned i = 0; i < t->node_count; i++) {
		if (mask & node_bit(i))
			cpuset_add(&out, t->nodes[i].id);
	}
	return out;
}
