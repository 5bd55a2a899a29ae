/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/size_text.h"
#include "launcher/commands/command.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/topology_json.h"
#include "launcher/show/table.h"
#include "launcher/system/json.h"

static void print_head(const struct topology *t, const struct cpuset *mask)
{
	const struct {
		const char *head, *remark;
		const struct cpuset *cpus;
	} apart[] = {
		{"isolated", "no load balancing; left out unless partition.cpus names them",
		 &t->isolated},
		{"nohz_full", "for one thread each; left out unless partition.cpus names them",
		 &t->nohz_full},
		{"rcu_nocbs", "other CPUs do RCU's work for them", &t->rcu_nocbs},
	};
	uint64_t memory = 0, huge = 0;

	for (unsigned i = 0; i < t->node_count; i++) {
		memory += t->nodes[i].allowed ? t->nodes[i].memory_bytes : 0;
		huge += t->nodes[i].allowed ? t->nodes[i].huge_bytes : 0;
	}
	printf("source    %s\n", FOREIGN(t->source));
	printf("packages  %u\nnodes     %u\nL3s       %u\ncores     %u\nCPUs      %u (%s)\n",
	       t->package_count, t->node_count, t->l3_count, t->core_count, t->cpu_count,
	       CPUSET_STRING(&t->allowed));
	printf("memory    %s",
	       t->oddities & TOPOLOGY_MEMORY_UNKNOWN ? "unknown" : SIZE_STRING(memory));
	if (huge)
		printf(" (%s in huge pages)", SIZE_STRING(huge));
	puts("");
	if (!cpuset_is_empty(&t->disallowed))
		printf("not ours  CPUs %s (offline, or outside our cpuset)\n",
		       CPUSET_STRING(&t->disallowed));
	for (size_t i = 0; i < sizeof(apart) / sizeof(*apart); i++)
		if (!cpuset_is_empty(apart[i].cpus))
			printf("%-9s CPUs %s (%s)\n", apart[i].head, CPUSET_STRING(apart[i].cpus),
			       apart[i].remark);
	if (!cpuset_is_empty(mask))
		printf("ignored   this process is bound to CPUs %s\n", CPUSET_STRING(mask));
}

static bool same_place(const struct topology_core *a, const struct topology_core *b)
{
	return a->package == b->package && a->numa == b->numa && a->l3 == b->l3 &&
	       a->kind == b->kind && a->cpus == b->cpus;
}

/* One row for each run of like cores that share package, nodes and L3. */
static int print_cores(const struct topology *t)
{
	static const char *const titles[] = {">package", ">nodes", ">L3",  ">cores",
					     ">threads", ">kind",  "CPUs", NULL};
	cleanup_table struct table table;

	table_init(&table, titles);
	for (unsigned i = 0, run; i < t->core_count; i += run) {
		const struct topology_core *c = &t->cores[i];
		struct cpuset nodes = topology_node_ids(t, t->numa[c->numa].nodes), cpus;

		for (run = 1; i + run < t->core_count && same_place(c, c + run);)
			run++;
		cpus = topology_span_cpus(t, (struct topology_span){(uint16_t)i, (uint16_t)run});
		table_add(&table, "%u", c->package);
		table_add(&table, "%s", CPUSET_STRING(&nodes));
		table_add(&table, "%u", c->l3);
		table_add(&table, "%u", run);
		table_add(&table, "%u", c->cpus);
		table_add(&table, "%u", c->kind);
		table_add(&table, "%s", CPUSET_STRING(&cpus));
	}
	puts("");
	return table_print(&table, stdout);
}

static int print_nodes(const struct topology *t)
{
	static const char *const titles[] = {">node",  ">package", ">memory",
					     "remark", "CPUs",	   NULL};
	cleanup_table struct table table;

	table_init(&table, titles);
	for (unsigned i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];

		table_add(&table, "%u", n->id);
		table_add(&table, n->package == TOPOLOGY_NONE ? "-" : "%u", n->package);
		if (n->huge_bytes)
			table_add(&table, "%s (%s in huge pages)", SIZE_STRING(n->memory_bytes),
				  SIZE_STRING(n->huge_bytes));
		else
			table_add(&table, "%s",
				  n->memory_bytes ? SIZE_STRING(n->memory_bytes) : "-");
		table_add(&table, "%s",
			  !n->allowed	   ? "not ours"
			  : n->memory_only ? "memory only"
					   : "");
		table_add(&table, "%s", n->memory_only ? "" : CPUSET_STRING(&n->cpus));
	}
	puts("");
	return table_print(&table, stdout);
}

static void print_distances(const struct topology *t)
{
	if (t->node_count < 2 || !t->has_distances)
		return;
	printf("\ndistance from node (rows) to node\n     ");
	for (unsigned to = 0; to < t->node_count; to++)
		printf(" %5u", t->nodes[to].id);
	for (unsigned from = 0; from < t->node_count; from++) {
		printf("\n%5u", t->nodes[from].id);
		for (unsigned to = 0; to < t->node_count; to++)
			printf(" %5u", topology_distance(t, from, to));
	}
	puts("");
}

static const struct {
	enum topology_oddity oddity;
	const char *sentence;
} sentences[] = {
	{TOPOLOGY_NO_PACKAGES, "no packages are known; the machine counts as one"},
	{TOPOLOGY_NO_L3, "no L3 caches are known; nodes or packages stand in for them"},
	{TOPOLOGY_NO_DISTANCES,
	 "no distances are known; 10 within a node and 20 between nodes are assumed"},
	{TOPOLOGY_CPUS_WITHOUT_NODE,
	 "some CPUs have no usable memory node of their own; the nearest stand in"},
	{TOPOLOGY_MEMORY_UNKNOWN, "no node's size is known; slices get no memory limit"},
	{TOPOLOGY_HYBRID_CORES, "cores are of more than one kind"},
	{TOPOLOGY_CPUS_WITHOUT_PACKAGE,
	 "some CPUs are in no package; neighbours of them count as one"},
	{TOPOLOGY_HUGE_PAGES, "huge pages are reserved; no heap is made of them"},
	{TOPOLOGY_ISOLATED_CPUS, "some CPUs are isolated"},
	{TOPOLOGY_NOHZ_FULL_CPUS, "some CPUs are nohz_full"},
	{TOPOLOGY_HIDDEN_NODES, "hwloc shows fewer nodes than the kernel has with memory"},
};

static int run_topology(const struct invocation *in, struct err *e)
{
	cleanup_free struct topology *t = malloc(sizeof(*t));
	struct caller caller;
	struct cpuset mask;

	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	if (load_topology_of_caller(&in->options.roots, t, &mask, &caller, e) < 0)
		return e->code;
	for (unsigned i = 0; i < caller.note_count; i++)
		fprintf(stderr, "cleave: %s\n", caller.notes[i]);
	if (in->options.json)
		return json_print(topology_json(t), JSON_INDENT(2), e);
	print_head(t, &mask);
	if (print_cores(t) < 0 || print_nodes(t) < 0)
		return err_set(e, -ENOMEM, "out of memory");
	print_distances(t);
	if (t->oddities)
		puts("");
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (t->oddities & sentences[i].oddity)
			printf("%s: %s\n", topology_oddity_name(sentences[i].oddity),
			       sentences[i].sentence);
	return 0;
}

static const struct option options[] = {{OPTION_JSON}, {0}};

const struct command cmd_topology = {
	.name = "topology",
	.arguments = "",
	.summary = "Show the machine as cleave sees it",
	.details =
		"Packages, NUMA nodes, L3 caches, cores and CPUs (by the kernel's numbers), where that comes\n"
		"from, and what is odd about it.",
	.options = options,
	.run = run_topology,
};
