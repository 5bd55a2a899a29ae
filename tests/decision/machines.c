/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/decision/machines.h"

#include "tests/harness.h"

#define GIB (UINT64_C(1) << 30)

unsigned random_below(unsigned long long *state, unsigned below)
{
	return (unsigned)(test_random(state) % below);
}

bool random_once(unsigned long long *state, unsigned in)
{
	return random_below(state, in) == 0;
}

/* ---- a tree in the making: CPUs in tree order, OS indexes given at the end ---- */

enum { NOBODY = TOPOLOGY_NONE };

struct builder {
	struct topology *t;
	uint16_t node[TOPOLOGY_CPUS];	/* of each CPU, index of nodes[], or NOBODY */
	uint16_t thread[TOPOLOGY_CPUS]; /* rank in its core */
	unsigned cores;
};

static void begin(struct builder *b, struct topology *out, const char *name)
{
	memset(out, 0, sizeof(*out));
	memset(b, 0, sizeof(*b));
	b->t = out;
	snprintf(out->source, sizeof(out->source), "synthetic:%s", name);
}

static void add_core(struct builder *b, unsigned package, unsigned l3, unsigned node, unsigned smt,
		     unsigned kind)
{
	struct topology *t = b->t;

	for (unsigned i = 0; i < smt && t->cpu_count < TOPOLOGY_CPUS; i++) {
		b->node[t->cpu_count] = (uint16_t)node;
		b->thread[t->cpu_count] = (uint16_t)i;
		t->cpus[t->cpu_count++] = (struct topology_cpu){
			.core = (uint16_t)b->cores,
			.l3 = (uint16_t)l3,
			.package = (uint16_t)package,
			.kind = (uint16_t)kind,
		};
	}
	b->cores++;
}

static void add_node(struct builder *b, unsigned id, uint64_t bytes)
{
	struct topology *t = b->t;

	if (t->node_count == TOPOLOGY_NODES)
		abort();
	t->nodes[t->node_count++] =
		(struct topology_node){.id = (uint16_t)id, .allowed = true, .memory_bytes = bytes};
}

/* Linux's numbering: the first threads of all cores, then the second ones. */
static void number_cpus(struct builder *b)
{
	uint16_t next = 0;

	for (unsigned thread = 0; next < b->t->cpu_count; thread++) {
		for (unsigned i = 0; i < b->t->cpu_count; i++) {
			if (b->thread[i] == thread)
				b->t->cpus[i].os_index = next++;
		}
	}
}

static void fill_nodes(struct builder *b)
{
	for (unsigned i = 0; i < b->t->cpu_count; i++) {
		if (b->node[i] != NOBODY)
			cpuset_add(&b->t->nodes[b->node[i]].cpus, b->t->cpus[i].os_index);
	}
}

/* Take CPUs away from tree order, as hwloc's reader does with those that are not ours. */
static void disallow(struct topology *t, const bool gone[TOPOLOGY_CPUS])
{
	unsigned kept = 0;

	for (unsigned i = 0; i < t->cpu_count; i++) {
		if (gone[i])
			cpuset_add(&t->disallowed, t->cpus[i].os_index);
		else
			t->cpus[kept++] = t->cpus[i];
	}
	memset(t->cpus + kept, 0, (t->cpu_count - kept) * sizeof(t->cpus[0]));
	t->cpu_count = kept;
}

static void derive(struct topology *t)
{
	struct err e = {0};

	if (topology_derive(t, &e) < 0) {
		fprintf(stderr, "%s: %s\n", t->source, e.msg);
		abort();
	}
}

/* ---- regular and named machines ---- */

static void add_regular(struct builder *b, const struct machine_shape *s)
{
	unsigned l3s = s->l3s ? s->l3s : 1;

	for (unsigned node = 0; node < s->packages * s->nodes; node++) {
		add_node(b, node, s->node_bytes);
		for (unsigned core = 0; core < l3s * s->cores; core++)
			add_core(b, node / s->nodes,
				 s->l3s ? node * l3s + core / s->cores : TOPOLOGY_NONE, node,
				 s->smt, 0);
	}
}

static void set_distances(struct topology *t, unsigned nodes_a_package)
{
	t->has_distances = true;
	for (unsigned i = 0; i < t->node_count; i++) {
		for (unsigned j = 0; j < t->node_count; j++) {
			unsigned a = i / nodes_a_package, c = j / nodes_a_package;
			unsigned far = a > c ? a - c : c - a;

			if (i == j)
				t->distance[i][j] = DISTANCE_LOCAL;
			else
				t->distance[i][j] = (uint16_t)(far ? 20 + far : 12);
		}
	}
}

void machine_regular(const struct machine_shape *shape, struct topology *out)
{
	static struct builder b;

	begin(&b, out, "regular");
	add_regular(&b, shape);
	number_cpus(&b);
	fill_nodes(&b);
	set_distances(out, shape->nodes);
	derive(out);
}

/* Sapphire Rapids in SNC4: the L3 is one a package, over its four nodes. */
static void make_snc4(struct builder *b)
{
	for (unsigned node = 0; node < 8; node++) {
		add_node(b, node, 64 * GIB);
		for (unsigned core = 0; core < 12; core++)
			add_core(b, node / 4, node / 4, node, 2, 0);
	}
	number_cpus(b);
	fill_nodes(b);
	set_distances(b->t, 4);
}

/* Two packages with a memory expander each: nodes 2 and 3 have no CPUs. */
static void make_cxl(struct builder *b)
{
	add_regular(b, &(struct machine_shape){2, 1, 1, 16, 2, 128 * GIB});
	add_node(b, 2, 256 * GIB);
	add_node(b, 3, 256 * GIB);
	number_cpus(b);
	fill_nodes(b);
	b->t->nodes[2].cpus = b->t->nodes[0].cpus; /* hwloc shows an expander's nearest CPUs */
	set_distances(b->t, 1);
}

/*
 * Four packages; the memory of the third is gone, and the firmware says which node is near to it.
 */
static void make_memoryless(struct builder *b)
{
	add_regular(b, &(struct machine_shape){4, 1, 1, 8, 1, 32 * GIB});
	b->t->nodes[2].memory_bytes = 0;
	number_cpus(b);
	fill_nodes(b);
	set_distances(b->t, 1);
	b->t->distance[2][3] = 15;
}

static void make_no_packages(struct builder *b)
{
	for (unsigned node = 0; node < 2; node++) {
		add_node(b, node, 32 * GIB);
		for (unsigned core = 0; core < 8; core++)
			add_core(b, TOPOLOGY_NONE, TOPOLOGY_NONE, node, 1, 0);
	}
	number_cpus(b);
	fill_nodes(b);
}

/* Three packages over four nodes: firmware that lies. */
static void make_broken_3x4(struct builder *b)
{
	for (unsigned node = 0; node < 4; node++)
		add_node(b, node, 16 * GIB);
	for (unsigned core = 0; core < 12; core++)
		add_core(b, core / 4, core / 4, core / 3, 1, 0);
	number_cpus(b);
	fill_nodes(b);
	set_distances(b->t, 1);
}

/* Eight fast cores with two threads, eight small ones with one, in one L3. */
static void make_hybrid(struct builder *b)
{
	add_node(b, 0, 64 * GIB);
	for (unsigned core = 0; core < 16; core++)
		add_core(b, 0, 0, 0, core < 8 ? 2 : 1, core < 8 ? 1 : 0);
	number_cpus(b);
	fill_nodes(b);
}

/* Two packages of sixteen; twelve of the second are offline. */
static void make_half_offline(struct builder *b)
{
	static bool gone[TOPOLOGY_CPUS];

	add_regular(b, &(struct machine_shape){2, 1, 1, 16, 1, 64 * GIB});
	number_cpus(b);
	fill_nodes(b);
	set_distances(b->t, 1);
	for (unsigned i = 20; i < 32; i++)
		gone[i] = true;
	disallow(b->t, gone);
}

/* A hypervisor that shows no nodes for the second package's CPUs. */
static void make_nodeless(struct builder *b)
{
	add_node(b, 0, 32 * GIB);
	for (unsigned core = 0; core < 16; core++)
		add_core(b, core / 8, core / 8, core < 8 ? 0 : NOBODY, 2, 0);
	number_cpus(b);
	fill_nodes(b);
}

static const struct {
	const char *name;
	void (*make)(struct builder *b); /* or: */
	struct machine_shape shape;
} named[] = {
	{"paper-8x15", NULL, {8, 1, 1, 15, 1, 64 * GIB}},
	{"nps4", NULL, {2, 4, 2, 8, 2, 64 * GIB}},
	{"l3-24", NULL, {2, 1, 12, 4, 1, 192 * GIB}},
	{"no-l3", NULL, {2, 2, 0, 8, 1, 32 * GIB}},
	{"one-cpu", NULL, {1, 1, 1, 1, 1, 4 * GIB}},
	{"memory-unknown", NULL, {2, 1, 1, 8, 1, 0}},
	{"cpus-4096", NULL, {16, 4, 4, 8, 2, 128 * GIB}},
	{"snc4", make_snc4, {0}},
	{"cxl", make_cxl, {0}},
	{"memoryless", make_memoryless, {0}},
	{"no-packages", make_no_packages, {0}},
	{"broken-3x4", make_broken_3x4, {0}},
	{"hybrid", make_hybrid, {0}},
	{"half-offline", make_half_offline, {0}},
	{"nodeless", make_nodeless, {0}},
};

const char *const machine_names[] = {
	"paper-8x15", "nps4",	      "l3-24",	  "no-l3",	"one-cpu",     "memory-unknown",
	"cpus-4096",  "snc4",	      "cxl",	  "memoryless", "no-packages", "broken-3x4",
	"hybrid",     "half-offline", "nodeless", NULL,
};

void machine_named(const char *name, struct topology *out)
{
	static struct builder b;

	for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (strcmp(named[i].name, name) != 0)
			continue;
		if (named[i].make) {
			begin(&b, out, name);
			named[i].make(&b);
			derive(out);
		} else {
			machine_regular(&named[i].shape, out);
			snprintf(out->source, sizeof(out->source), "synthetic:%s", name);
		}
		return;
	}
	fprintf(stderr, "no machine is called %s\n", name);
	abort();
}
