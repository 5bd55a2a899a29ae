#include "decision/engine/plan_notes.h"

#include "decision/partition/parents.h"

/* ---- the machine ---- */

static void remark_oddities(const struct remark *r, struct plan *out)
{
	unsigned oddities = r->t->oddities;

	if (oddities & TOPOLOGY_NO_PACKAGES)
		plan_warn(out, WARN_NO_PACKAGES,
			  "the topology names no packages: the machine counts as one");
	if (oddities & TOPOLOGY_NO_L3 && r->partition->by == BY_L3)
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
}

/* ---- sizes ---- */

static void remark_uneven(const struct remark *r, struct plan *out)
{
	const struct partition *p = r->partition;
	enum warning_code code = p->by == BY_SOCKET ? WARN_UNEVEN_PACKAGES : WARN_UNEVEN_NODES;
	const char *joined = p->joined > 1 ? "joined " : "";

	if (p->by == BY_MACHINE)
		return;
	if (p->largest - p->smallest > 1)
		plan_warn(out, code,
			  "%s%s are unequal: %s %u (in tree order) has %u cores for slices, "
			  "%s %u has %u",
			  joined, parent_noun(p->by, 2), parent_noun(p->by, 1), p->smallest_at,
			  p->smallest, parent_noun(p->by, 1), p->largest_at, p->largest);
	else if (p->fewest && p->most != p->fewest)
		plan_warn(out, code,
			  "%u slices do not divide evenly among %u %s: some hold %u, others %u",
			  p->slices, p->parents, parent_noun(p->by, p->parents), p->most,
			  p->fewest);
}

static void remark_emptied(const struct remark *r, struct plan *out)
{
	const struct partition *p = r->partition;

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

/* Slices that would fit into the largest container of their kind, but lie in several. */
static struct cpuset crossing_slices(const struct crossing *c, const struct plan *p)
{
	struct cpuset slices = {0};

	for (unsigned i = 0; i < p->slice_count; i++) {
		if (c->touched[i] > 1 && p->slices[i].cores <= c->largest)
			cpuset_add(&slices, i);
	}
	return slices;
}

static void warn_crossing(struct plan *out, enum warning_code code, const char *container,
			  const struct crossing *c)
{
	struct cpuset slices = crossing_slices(c, out);
	unsigned count = cpuset_count(&slices);

	if (count)
		plan_warn(out, code, "%s %s %s in several %s, though %s would fit in the largest",
			  count == 1 ? "slice" : "slices", CPUSET_STRING(&slices),
			  count == 1 ? "lies" : "lie", container, count == 1 ? "it" : "each");
}

/* Whether a slice lies in more containers than its cores need. */
static bool is_scattered(const struct crossing *c, const struct plan *p)
{
	for (unsigned i = 0; i < p->slice_count; i++) {
		if ((c->touched[i] - 1) * c->largest >= p->slices[i].cores)
			return true;
	}
	return false;
}

/* Return whether locality is worse than the slices' sizes ask for. */
static bool remark_crossings(const struct remark *r, struct plan *out)
{
	struct crossing l3 = {0}, node = {0}, package = {0};
	unsigned before = out->warning_count;

	for (unsigned i = 0; i < r->t->core_count; i++) {
		const struct topology_core *core = &r->t->cores[i];
		unsigned owner = r->partition->owner[i];

		crossing_add(&l3, core->l3, owner, i == 0);
		crossing_add(&node, core->numa, owner, i == 0);
		crossing_add(&package, core->package, owner, i == 0);
	}
	if (!(r->t->oddities & TOPOLOGY_NO_L3))
		warn_crossing(out, WARN_CROSSES_L3, "L3s", &l3);
	warn_crossing(out, WARN_CROSSES_NODE, "nodes", &node);
	warn_crossing(out, WARN_CROSSES_PACKAGE, "packages", &package);
	return out->warning_count > before || is_scattered(&package, out);
}

/* ---- several kinds of cores ---- */

/* Whether slices have more than one core of the kind more or less than each other. */
static bool kind_is_uneven(const struct remark *r, unsigned kind)
{
	unsigned count[SLICES_MAX] = {0}, least = UINT16_MAX, most = 0;

	for (unsigned i = 0; i < r->t->core_count; i++) {
		if (r->partition->owner[i] < SLICES_MAX && r->t->cores[i].kind == kind)
			count[r->partition->owner[i]]++;
	}
	for (unsigned i = 0; i < r->partition->slices; i++) {
		least = count[i] < least ? count[i] : least;
		most = count[i] > most ? count[i] : most;
	}
	return most - least > 1;
}

static bool kinds_are_uneven(const struct remark *r)
{
	uint64_t done[(UINT16_MAX + 1) / 64] = {0};

	for (unsigned i = 0; i < r->t->core_count; i++) {
		unsigned kind = r->t->cores[i].kind;

		if (done[kind / 64] >> kind % 64 & 1)
			continue;
		done[kind / 64] |= UINT64_C(1) << kind % 64;
		if (kind_is_uneven(r, kind))
			return true;
	}
	return false;
}

static void remark_hybrid(const struct remark *r, bool scattered, struct plan *out)
{
	if (!(r->t->oddities & TOPOLOGY_HYBRID_CORES))
		return;
	if (kinds_are_uneven(r))
		plan_warn(out, WARN_HYBRID_CORES,
			  "the machine has several kinds of cores, and where they lie gives "
			  "slices different numbers of each");
	else if (scattered)
		plan_warn(out, WARN_HYBRID_CORES,
			  "the machine has several kinds of cores: an equal share of each kind "
			  "spreads slices over several caches, nodes or packages");
}

/* ---- memory, slots ---- */

/* An automatic heap, and what the model says it has to hold. */
static void remark_heap(const struct remark *r, const struct slice_memory *m, struct plan *out)
{
	const struct engine *g = r->engine;
	const struct candidate *c = &g->candidates[g->chosen];
	unsigned long long heap = m->heap_bytes / BUDGET_MIB;
	char load[128] = "";

	if (!m->max_bytes) {
		plan_note(out,
			  "memory.heap: auto is Spark's own default, %llu MB: no memory sizes are "
			  "known",
			  heap);
		return;
	}
	if (c->predicted)
		snprintf(load, sizeof(load), "; predicted: %.0f MB live, %.2g s of collections",
			 cost_live_bytes(&c->shape, &g->job) / (double)BUDGET_MIB,
			 g->coefficients->c[COST_GC] * c->features.x[COST_GC]);
	plan_note(
		out,
		"memory.heap: auto is %llu MB, what the smallest slice has beside %d %% for the page "
		"cache, at most %llu MB, the most with 4-byte pointers%s",
		heap, BUDGET_PAGE_CACHE_PERCENT,
		(unsigned long long)(BUDGET_HEAP_MOST / BUDGET_MIB), load);
}

static void remark_memory(const struct remark *r, struct plan *out)
{
	const struct slice_memory *m = &out->slices[0].memory;
	unsigned long long heap = m->heap_bytes / BUDGET_MIB;

	if (r->engine->refused > out->slice_count)
		plan_warn(out, WARN_MEMORY_SMALL,
			  "%u slice%s instead of %u, so that each has enough memory",
			  out->slice_count, out->slice_count == 1 ? "" : "s", r->engine->refused);
	else if (r->budget->tight)
		plan_warn(
			out, WARN_MEMORY_SMALL,
			"the smallest slice has little memory: direct memory or room for the page "
			"cache was given up for the heap of %llu MB",
			heap);
	if (m->heap_bytes > BUDGET_HEAP_MOST)
		plan_note(out,
			  "memory.heap: above %llu MB the JVM's object pointers are 8 bytes long "
			  "instead of 4",
			  (unsigned long long)(BUDGET_HEAP_MOST / BUDGET_MIB));
	if (r->profile->memory.heap.unit == SIZE_AUTO)
		remark_heap(r, m, out);
}

/* ---- slots and the collector ---- */

static void note_slots(const struct remark *r, struct plan *out)
{
	const struct engine *g = r->engine;

	if (r->profile->rebalance.mode == REBALANCE_OFF)
		plan_note(out, "spark.slots_per_cpu: auto is 1, because nothing is lent");
	else if (g->slots_per_cpu == 1)
		plan_note(out,
			  "spark.slots_per_cpu: auto is 1: 2, for CPUs that are lent, would cost "
			  "%.1f %%, more than %.0f %%",
			  100 * g->slots_cost, 100 * ENGINE_SLOTS);
	else
		plan_note(out,
			  "spark.slots_per_cpu: auto is 2, so that slices have tasks for CPUs that "
			  "they are lent; predicted to cost %.1f %%",
			  100 * g->slots_cost);
}

static void remark_slots(const struct remark *r, struct plan *out)
{
	const struct profile *p = r->profile;
	bool lends = p->rebalance.mode != REBALANCE_OFF;

	if (lends && out->slices[0].slots == cpuset_count(&out->slices[0].cpus))
		plan_warn(
			out, WARN_SLOTS_EQUAL_CPUS,
			"slots equal CPUs, so a slice has no task for CPUs that it is lent: write "
			"spark.slots_per_cpu: 2 or rebalance.mode: off");
	if (p->spark.slots_per_cpu == AMOUNT_AUTO)
		note_slots(r, out);
}

static const char *gc_name(enum gc gc)
{
	static const char *const names[] = {
		[GC_AUTO] = "auto", [GC_PARALLEL] = "parallel",	    [GC_G1] = "g1",
		[GC_ZGC] = "zgc",   [GC_SHENANDOAH] = "shenandoah", [GC_SERIAL] = "serial",
	};

	return names[gc];
}

/* What the chosen collector gains over the other that a reader would think of. */
static void remark_collector(const struct remark *r, struct plan *out)
{
	const struct engine *g = r->engine;
	const struct candidate *c = &g->candidates[g->chosen];
	struct cost_job job = g->job;
	struct cost_features other;
	struct err ignored;

	job.gc = c->gc == GC_PARALLEL ? GC_G1 : GC_PARALLEL;
	if (!c->predicted || cost_features(&c->shape, &job, &other, &ignored) < 0) {
		plan_note(out, "jvm.gc: auto is parallel, ahead of G1 on batch workloads");
		return;
	}
	plan_note(out, "jvm.gc: auto is %s, predicted %.1f %% faster here than %s", gc_name(c->gc),
		  100 * (cost_seconds(g->coefficients, &other) / c->seconds - 1), gc_name(job.gc));
}

/* ---- assumptions ---- */

static void remark_workload(const struct remark *r, struct plan *out)
{
	const struct profile_workload *w = &r->profile->workload;
	const struct engine *g = r->engine;

	if (w->type == WORKLOAD_AUTO)
		plan_note(out, "workload.type: auto is predicted as %s",
			  workload_type_name(g->job.type));
	if (g->data_assumed)
		plan_note(out, "workload.data.size: %s; predictions assume %llu GB, 1 GB a core",
			  w->data_size.unit == SIZE_BYTES ? "0 is no size" : "not known",
			  (unsigned long long)(g->job.data_bytes >> 30));
}

static void remark_assumptions(const struct remark *r, struct plan *out)
{
	if (!r->facts->java_version)
		plan_note(out, "jvm.home: the JDK is not known; its options are those of JDK 17");
	if (r->profile->jvm.gc == GC_AUTO)
		remark_collector(r, out);
	remark_workload(r, out);
	strings_for_each(key, &r->facts->missing)
	{
		plan_note(out, "%s: no controller of this machine has it", key);
	}
}

void remark_plan(const struct remark *r, struct plan *out)
{
	remark_oddities(r, out);
	remark_uneven(r, out);
	remark_emptied(r, out);
	remark_hybrid(r, remark_crossings(r, out), out);
	remark_memory(r, out);
	remark_slots(r, out);
	remark_assumptions(r, out);
}
