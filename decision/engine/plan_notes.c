/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/plan_notes.h"

#include "decision/base/size_text.h"
#include "decision/partition/parents.h"

/* ---- the machine ---- */

/* Memory that no slice uses, although it may. */
static void warn_of_memory_only(const struct topology *t, struct plan *out)
{
	uint64_t used = 0, left = 0, bytes = 0;
	struct cpuset ids;

	for (unsigned i = 0; i < t->numa_count; i++)
		used |= t->numa[i].nodes;
	for (unsigned i = 0; i < t->node_count; i++) {
		const struct topology_node *node = &t->nodes[i];

		if (!node->memory_only || !node->allowed || !node->usable_bytes || used >> i & 1)
			continue;
		left |= UINT64_C(1) << i;
		bytes += node->usable_bytes;
	}
	ids = topology_node_ids(t, left);
	if (left)
		plan_warn(out, WARN_MEMORY_ONLY_NODES,
			  "%s of memory on %s %s are left alone, for no CPU that is allowed is "
			  "there: partition.memory_only_nodes: true adds it to the nearest slices",
			  SIZE_STRING(bytes), cpuset_count(&ids) == 1 ? "node" : "nodes",
			  CPUSET_STRING(&ids));
}

/* Lists that may be long come last in what follows: there they are cut. */
static void warn_of_huge_pages(const struct topology *t, struct plan *out)
{
	uint64_t huge = 0, all = 0, with = 0, spent = 0;
	struct cpuset ids, spent_ids;

	for (unsigned i = 0; i < t->node_count; i++) {
		const struct topology_node *node = &t->nodes[i];

		if (!node->allowed || !node->huge_bytes)
			continue;
		with |= UINT64_C(1) << i;
		spent |= node->usable_bytes ? 0 : UINT64_C(1) << i;
		huge += node->huge_bytes;
		all += node->memory_bytes;
	}
	ids = topology_node_ids(t, with);
	spent_ids = topology_node_ids(t, spent);
	plan_warn(out, WARN_HUGE_PAGES,
		  "%s of %s are reserved as huge pages, of which no heap is made: reserve fewer "
		  "(vm.nr_hugepages, hugepages=) to give slices more of %s %s%s%s",
		  SIZE_STRING(huge), SIZE_STRING(all), cpuset_count(&ids) == 1 ? "node" : "nodes",
		  CPUSET_STRING(&ids), spent ? "; too little is left on " : "",
		  CPUSET_STRING(&spent_ids));
}

/*
 * CPUs of one kind that are apart: left out by partition.cpus: all, or, if they are named, in
 * slices of more than one CPU.
 */
static void warn_of_apart(const struct engine *g, enum warning_code code, const char *kind,
			  const char *why, const struct cpuset *cpus, struct plan *out)
{
	struct cpuset ours = cpuset_and(cpus, &out->allowed), slices = {0};

	for (unsigned i = 0; i < out->slice_count; i++)
		if (cpuset_count(&out->slices[i].cpus) > 1 &&
		    cpuset_intersects(&out->slices[i].cpus, &ours))
			cpuset_add(&slices, i);
	if (g->profile->partition.all_cpus && !cpuset_is_empty(&ours))
		plan_warn(out, code,
			  "%s CPUs (%s) are left out unless partition.cpus names them: %s", kind,
			  why, CPUSET_STRING(&ours));
	else if (!cpuset_is_empty(&slices))
		plan_warn(out, code,
			  "%s CPUs (%s) are in slices of several CPUs: leave them out of "
			  "partition.cpus, or make slices of one CPU there; slices %s",
			  kind, why, CPUSET_STRING(&slices));
}

/* Memory and CPUs that are there, but reserved for something else. */
static void warn_of_reserved(const struct engine *g, struct plan *out)
{
	const struct topology *t = g->t;
	struct cpuset quiet = cpuset_and(&t->rcu_nocbs, &t->allowed);

	if (t->oddities & TOPOLOGY_HUGE_PAGES)
		warn_of_huge_pages(t, out);
	if (t->oddities & TOPOLOGY_ISOLATED_CPUS)
		warn_of_apart(g, WARN_ISOLATED_CPUS, "isolated",
			      "isolcpus=, partitions: no load is balanced between them",
			      &t->isolated, out);
	if (t->oddities & TOPOLOGY_NOHZ_FULL_CPUS)
		warn_of_apart(g, WARN_NOHZ_FULL_CPUS, "nohz_full",
			      "nohz_full=: made for one thread each", &t->nohz_full, out);
	if (!cpuset_is_empty(&quiet))
		plan_note(out, "rcu_nocbs=: other CPUs do RCU's work for CPUs %s",
			  CPUSET_STRING(&quiet));
}

static void warn_of_machine(const struct engine *g, enum partition_by by, struct plan *out)
{
	unsigned oddities = g->t->oddities;

	if (oddities & TOPOLOGY_NO_PACKAGES)
		plan_warn(out, WARN_NO_PACKAGES,
			  "the topology names no packages: the machine counts as one");
	if (oddities & TOPOLOGY_CPUS_WITHOUT_PACKAGE)
		plan_warn(out, WARN_CPUS_WITHOUT_PACKAGE,
			  "some CPUs are in no package: those that are neighbours count as one");
	if (oddities & TOPOLOGY_NO_L3 && by == BY_L3)
		plan_warn(out, WARN_NO_L3,
			  "the topology names no L3 caches: partition.by: l3 divides nodes, or "
			  "packages where there are none");
	if (oddities & TOPOLOGY_NO_DISTANCES)
		plan_warn(out, WARN_NO_DISTANCES,
			  "the topology names no distances between nodes: %d inside a node and %d "
			  "between nodes are assumed",
			  DISTANCE_LOCAL, DISTANCE_REMOTE);
	if (oddities & TOPOLOGY_CPUS_WITHOUT_NODE)
		plan_warn(out, WARN_CPUS_WITHOUT_NODE,
			  "some CPUs have no node with memory that is allowed: they use the "
			  "nearest one");
	if (oddities & TOPOLOGY_MEMORY_UNKNOWN)
		plan_warn(out, WARN_MEMORY_UNKNOWN,
			  "the topology names no memory sizes: slices get no memory limit");
	if (oddities & TOPOLOGY_HIDDEN_NODES)
		plan_warn(out, WARN_HIDDEN_NODES,
			  "the kernel has memory on nodes %s, which hwloc does not show (several "
			  "nodes with the same CPUs, as with numa=fake): no slice uses it",
			  CPUSET_STRING(&g->t->hidden_nodes));
	if (!g->profile->partition.memory_only_nodes)
		warn_of_memory_only(g->t, out);
	warn_of_reserved(g, out);
}

/* ---- sizes ---- */

static void warn_of_sizes(const struct partition *p, struct plan *out)
{
	enum warning_code code = p->by == BY_SOCKET ? WARN_UNEVEN_PACKAGES : WARN_UNEVEN_NODES;
	const char *joined = p->joined > 1 ? "joined " : "";
	bool divided = p->by != BY_MACHINE;

	if (divided && p->largest - p->smallest > 1)
		plan_warn(out, code,
			  "%s%s are unequal: %s %u (in tree order) has %u cores for slices, "
			  "%s %u has %u",
			  joined, parent_noun(p->by, 2), parent_noun(p->by, 1), p->smallest_at,
			  p->smallest, parent_noun(p->by, 1), p->largest_at, p->largest);
	else if (divided && p->fewest && p->most != p->fewest)
		plan_warn(out, code,
			  "%u slices do not divide evenly among %u %s: some hold %u, others %u",
			  p->slices, p->parents, parent_noun(p->by, p->parents), p->most,
			  p->fewest);
	if (p->emptied)
		plan_warn(out, WARN_PACKAGE_RESERVED,
			  "the reserve took the last core of %u %s: no slice is there", p->emptied,
			  parent_noun(p->by, p->emptied));
}

/* ---- containment ---- */

struct crossing {
	uint16_t last[SLICES_MAX];
	unsigned touched[SLICES_MAX]; /* containers, by slice */
	unsigned run, largest;	      /* cores of the container being read, of the largest */
	uint16_t current;
};

static void crossing_add(struct crossing *c, unsigned container, unsigned owner, bool first)
{
	c->run = !first && c->current == container ? c->run + 1 : 1;
	c->current = (uint16_t)container;
	c->largest = c->run > c->largest ? c->run : c->largest;
	if (owner >= SLICES_MAX || (c->touched[owner] && c->last[owner] == container))
		return;
	c->last[owner] = (uint16_t)container;
	c->touched[owner]++;
}

/* Of slices that would fit into the largest container of their kind, but lie in several. */
static void warn_of_crossing(struct plan *out, enum warning_code code, const char *container,
			     const struct crossing *c)
{
	struct cpuset slices = {0};
	unsigned count;

	for (unsigned i = 0; i < out->slice_count; i++) {
		if (c->touched[i] > 1 && out->slices[i].cores <= c->largest)
			cpuset_add(&slices, i);
	}
	count = cpuset_count(&slices);
	if (count)
		plan_warn(out, code, "%s %s %s in several %s, though %s would fit in the largest",
			  count == 1 ? "slice" : "slices", CPUSET_STRING(&slices),
			  count == 1 ? "lies" : "lie", container, count == 1 ? "it" : "each");
}

/* Return whether locality is worse than the slices' sizes ask for. */
static bool warn_of_crossings(const struct topology *t, const struct partition *p, struct plan *out)
{
	struct crossing l3 = {0}, node = {0}, package = {0};
	unsigned before = out->warning_count;
	bool scattered = false;

	for (unsigned i = 0; i < t->core_count; i++) {
		const struct topology_core *core = &t->cores[i];
		unsigned owner = p->owner[i];

		crossing_add(&l3, core->l3, owner, i == 0);
		crossing_add(&node, core->numa, owner, i == 0);
		crossing_add(&package, core->unit, owner, i == 0);
	}
	if (!(t->oddities & TOPOLOGY_NO_L3))
		warn_of_crossing(out, WARN_CROSSES_L3, "L3s", &l3);
	warn_of_crossing(out, WARN_CROSSES_NODE, "nodes", &node);
	warn_of_crossing(out, WARN_CROSSES_PACKAGE, "packages", &package);
	/* In more packages than its cores need. */
	for (unsigned i = 0; i < out->slice_count; i++)
		scattered |= (package.touched[i] - 1) * package.largest >= out->slices[i].cores;
	return scattered || out->warning_count > before;
}

/* ---- several kinds of cores ---- */

/* Whether slices have more than one core of some kind more or less than each other. */
static bool kinds_are_uneven(const struct topology *t, const struct partition *p)
{
	uint64_t done[(UINT16_MAX + 1) / 64] = {0};

	for (unsigned first = 0; first < t->core_count; first++) {
		unsigned count[SLICES_MAX] = {0}, least = UINT16_MAX, most = 0;
		unsigned kind = t->cores[first].kind;

		if (done[kind / 64] >> kind % 64 & 1)
			continue;
		done[kind / 64] |= UINT64_C(1) << kind % 64;
		for (unsigned i = first; i < t->core_count; i++) {
			if (p->owner[i] < SLICES_MAX && t->cores[i].kind == kind)
				count[p->owner[i]]++;
		}
		for (unsigned i = 0; i < p->slices; i++) {
			least = count[i] < least ? count[i] : least;
			most = count[i] > most ? count[i] : most;
		}
		if (most - least > 1)
			return true;
	}
	return false;
}

static void warn_of_kinds(const struct topology *t, const struct partition *p, bool scattered,
			  struct plan *out)
{
	if (!(t->oddities & TOPOLOGY_HYBRID_CORES))
		return;
	if (kinds_are_uneven(t, p))
		plan_warn(out, WARN_HYBRID_CORES,
			  "the machine has several kinds of cores, and where they lie gives "
			  "slices different numbers of each");
	else if (scattered)
		plan_warn(out, WARN_HYBRID_CORES,
			  "the machine has several kinds of cores: an equal share of each kind "
			  "spreads slices over several caches, nodes or packages");
}

/* ---- memory ---- */

/* What a task slot has of heap and of memory outside it. */
static uint64_t slot_bytes(const struct slice *s)
{
	return s->slots ? (s->memory.heap_bytes + s->memory.off_heap_bytes) / s->slots : 0;
}

/* Why heaps are as large as they are. */
static const char *heap_reason(const struct engine *g, const struct plan *out)
{
	const struct slice *s = &out->slices[0];
	uint64_t each = slot_bytes(s);

	if (g->profile->memory.heap.unit != SIZE_AUTO)
		return "memory.heap is written";
	if (s->memory.page_cache_bytes <
	    size_share(s->memory.max_bytes, BUDGET_PAGE_CACHE_PERCENT, 100))
		return "a slot gets its first GB before files do";
	if (s->memory.heap_bytes == s->executors * BUDGET_HEAP_MOST && each < BUDGET_SLOT_AIM)
		return "a heap of more than 31 GB has pointers of 8 bytes";
	if (each + (64 << 20) >= BUDGET_SLOT_AIM)
		return "a slot has its 4 GB, and more serves files best";
	if (!g->data_assumed &&
	    s->memory.page_cache_bytes >
		    size_share(s->memory.max_bytes, BUDGET_PAGE_CACHE_PERCENT, 100) +
			    (UINT64_C(1) << 30))
		return "four times the data, 1 GB a slot at least; more would be idle";
	return "a quarter is left to files, as Spark's manual has it";
}

/* What of the machine's memory is what, in one line. */
static void note_memory_parts(const struct engine *g, struct plan *out)
{
	uint64_t all = out->host.memory_bytes, heap = 0, off_heap = 0, files = 0, rest;

	if (!out->slices[0].memory.max_bytes)
		return;
	for (unsigned i = 0; i < out->slice_count; i++) {
		const struct slice_memory *m = &out->slices[i].memory;

		all += m->max_bytes;
		heap += m->heap_bytes;
		off_heap += m->off_heap_bytes;
		files += m->page_cache_bytes;
	}
	rest = all - heap - off_heap - files - out->host.memory_bytes;
	plan_note(
		out,
		"memory: of %s, heap %s (%s a slot), off-heap %s, page cache %s, JVMs and Workers "
		"%s, reserve %s: %s",
		SIZE_STRING(all), SIZE_STRING(heap), SIZE_STRING(slot_bytes(&out->slices[0])),
		SIZE_STRING(off_heap), SIZE_STRING(files), SIZE_STRING(rest),
		SIZE_STRING(out->host.memory_bytes), heap_reason(g, out));
}

/* An automatic heap, and what the model says it has to hold. */
static void note_heap(const struct engine *g, const struct slice *s, struct plan *out)
{
	const struct candidate *c = &g->candidates[g->chosen];
	uint64_t heap = s->memory.heap_bytes / s->executors;

	if (!s->memory.max_bytes)
		plan_note(out,
			  "memory.heap: auto is Spark's own default, %s: no memory sizes are known",
			  SIZE_STRING(heap));
	else if (c->predicted)
		plan_note(out,
			  "memory.heap: auto is %s an executor; predicted: %s live, %.2g s of "
			  "collections",
			  SIZE_STRING(heap),
			  SIZE_STRING((uint64_t)cost_live_bytes(&c->shape, &g->job)),
			  g->coefficients->c[COST_GC] * c->features.x[COST_GC]);
}

enum { HELD_PART = 16 }; /* short of less than this part is no news: the kernel's own, caches */

/* Where slices may use more than can be had now. Nodes of one slice give by their size. */
static void warn_of_held(const struct engine *g, const struct cut *cut, struct plan *out)
{
	const struct topology *t = g->t;
	uint64_t wanted[TOPOLOGY_NODES] = {0}, most = 0;
	unsigned worst = 0, count = 0;

	for (unsigned i = 0; i < out->slice_count; i++) {
		uint64_t nodes = cut->shares[i].nodes, all = 0;

		for (unsigned n = 0; n < t->node_count; n++)
			all += nodes >> n & 1 ? t->nodes[n].usable_bytes : 0;
		for (unsigned n = 0; all && n < t->node_count; n++)
			if (nodes >> n & 1)
				wanted[n] +=
					(uint64_t)((double)out->slices[i].memory.max_bytes *
						   (double)t->nodes[n].usable_bytes / (double)all);
	}
	for (unsigned n = 0; n < t->node_count; n++) {
		const struct topology_node *node = &t->nodes[n];
		uint64_t lacks = wanted[n] > node->free_bytes ? wanted[n] - node->free_bytes : 0;

		if (!node->held_bytes || lacks <= wanted[n] / HELD_PART)
			continue;
		count++;
		if (lacks > most) {
			most = lacks;
			worst = n;
		}
	}
	if (count)
		plan_warn(out, WARN_MEMORY_HELD,
			  "slices may use %s of node %u, of which %s could be had when this was "
			  "planned, for others and the kernel held %s%s: end those, or write a "
			  "smaller memory.limit",
			  SIZE_STRING(wanted[worst]), t->nodes[worst].id,
			  SIZE_STRING(t->nodes[worst].free_bytes),
			  SIZE_STRING(t->nodes[worst].held_bytes),
			  count > 1 ? ", and other nodes are short, too" : "");
}

static void note_memory(const struct engine *g, const struct budget *budget, struct plan *out)
{
	const struct slice *s = &out->slices[0];
	uint64_t heap = s->memory.heap_bytes / s->executors;

	if (g->refused > out->slice_count)
		plan_warn(out, WARN_MEMORY_SMALL,
			  "%u slice%s instead of %u, so that each has enough memory",
			  out->slice_count, out->slice_count == 1 ? "" : "s", g->refused);
	else if (budget->tight)
		plan_warn(
			out, WARN_MEMORY_SMALL,
			"the smallest slice has little memory: direct memory or room for the page "
			"cache was given up for the heap of %s",
			SIZE_STRING(heap));
	note_memory_parts(g, out);
	if (heap > BUDGET_HEAP_MOST)
		plan_note(out,
			  "memory.heap: above %s the JVM's object pointers are 8 bytes long "
			  "instead of 4",
			  SIZE_STRING(BUDGET_HEAP_MOST));
	if (g->profile->memory.heap.unit == SIZE_AUTO)
		note_heap(g, s, out);
}

/* ---- slots, executors and the collector ---- */

static void note_slots(const struct engine *g, struct plan *out)
{
	bool lends = g->profile->rebalance.mode != REBALANCE_OFF && out->slice_count > 1;
	const struct slice *s = &out->slices[0];
	unsigned cpus = cpuset_count(&s->cpus);
	char sizes[64];

	/* Fewer than cores have a reason of their own, below. */
	if (lends && s->slots <= cpus && s->slots >= s->cores)
		plan_warn(
			out, WARN_SLOTS_EQUAL_CPUS,
			"there are no more slots than CPUs, so a slice has no task for CPUs that it "
			"is lent: write spark.slots_per_cpu: 2 or rebalance.mode: off");
	if (g->profile->spark.slots_per_cpu != AMOUNT_AUTO)
		return;
	snprintf(sizes, sizeof(sizes), "%u slot%s on %u core%s", s->slots, s->slots == 1 ? "" : "s",
		 s->cores, s->cores == 1 ? "" : "s");
	if (s->slots < s->cores)
		plan_note(out, "spark.slots_per_cpu: auto is %s: %s", sizes,
			  !g->data_assumed && cost_tasks_most(g->coefficients, &g->job) <=
						      s->slots * out->slice_count
				  ? "more tasks of so little data would be shorter than 50 ms"
				  : "a slot gets 512 MB before there are more");
	else if (lends && g->slots_for_loans && s->slots > cpus)
		plan_note(out,
			  "spark.slots_per_cpu: auto is %s, more than CPUs, so that slices have "
			  "tasks for CPUs that they are lent; predicted to cost %.0f %%",
			  sizes, 100 * g->slots_cost);
	else
		plan_note(out,
			  "spark.slots_per_cpu: auto is %s: one a core, and one for each doubling "
			  "of its hardware threads",
			  sizes);
}

static void note_executors(const struct engine *g, struct plan *out)
{
	const struct slice *s = &out->slices[0];

	if (g->profile->spark.executors != AMOUNT_AUTO)
		return;
	if (s->executors == 1)
		plan_note(out, "spark.executors: auto is 1 a slice");
	else
		plan_note(
			out,
			"spark.executors: auto is %u a slice, of %u slots and %s of heap each: one "
			"heap with 4-byte pointers ends at %s",
			s->executors, s->slots / s->executors,
			SIZE_STRING(s->memory.heap_bytes / s->executors),
			SIZE_STRING(BUDGET_HEAP_MOST));
}

/* What the chosen collector gains over the other that a reader would think of. */
static void note_collector(const struct engine *g, struct plan *out)
{
	const struct candidate *c = &g->candidates[g->chosen];
	struct cost_job job = g->job;
	struct cost_features other;
	struct err ignored;

	job.gc = c->gc == GC_PARALLEL ? GC_G1 : GC_PARALLEL;
	if (!c->predicted || cost_features(&c->shape, &job, &other, &ignored) < 0) {
		plan_note(out, "jvm.gc: auto is parallel, ahead of G1 on batch workloads");
		return;
	}
	plan_note(out, "jvm.gc: auto is %s, predicted %.0f %% faster here than %s", gc_words[c->gc],
		  100 * (cost_seconds(g->coefficients, &other) / c->seconds - 1), gc_words[job.gc]);
}

/* ---- the whole ---- */

static void note_assumptions(const struct engine *g, const struct facts *f, struct plan *out)
{
	const struct profile_workload *w = &g->profile->workload;

	if (!f->java_version)
		plan_note(out, "jvm.home: the JDK is not known; its options are those of JDK 17");
	if (g->profile->jvm.gc == GC_AUTO)
		note_collector(g, out);
	if (w->type == WORKLOAD_AUTO && f->workload != WORKLOAD_AUTO)
		plan_note(out, "workload.type: auto is predicted as %s: %s",
			  workload_type_name(g->job.type), f->workload_from);
	else if (w->type == WORKLOAD_AUTO)
		plan_note(out, "workload.type: auto is predicted as %s, which is assumed",
			  workload_type_name(g->job.type));
	if (g->data_assumed)
		plan_note(out, "workload.data.size: %s; predictions assume %llu GB, 8 GB a core",
			  w->data_size.unit == SIZE_BYTES ? "0 is no size" : "not known",
			  (unsigned long long)(g->job.data_bytes >> 30));
	strings_for_each(key, &f->missing)
	{
		plan_note(out, "%s: no controller of this machine has it", key);
	}
}

void plan_add_notes(const struct engine *g, const struct cut *cut, const struct facts *f,
		    struct plan *out)
{
	const struct partition *p = &cut->partition;

	warn_of_machine(g, p->by, out);
	warn_of_sizes(p, out);
	warn_of_kinds(g->t, p, warn_of_crossings(g->t, p, out), out);
	note_memory(g, &cut->budget, out);
	warn_of_held(g, cut, out);
	note_slots(g, out);
	note_executors(g, out);
	note_assumptions(g, f, out);
}
