#include "decision/engine/plan_make.h"

#include <math.h>

#include "decision/engine/engine.h"
#include "decision/engine/plan_notes.h"
#include "decision/partition/reserve.h"
#include "decision/partition/usable.h"

/* All that is decided before the first byte of the plan is written. */
struct draft {
	const struct topology *t;
	const struct profile *profile;
	const struct facts *facts;
	uint64_t host_nodes; /* mask over topology.nodes: those of the usable cores */
	struct reserve_memory reserve;
	struct engine engine;
	struct cut cut;
	struct strings jvm_options[SLICES_MAX];
	struct cpuset cpus[SLICES_MAX], host_cpus;
	uint32_t first_address;
};

/* ---- deciding ---- */

static void read_cpus(struct draft *d)
{
	const struct profile_partition *wish = &d->profile->partition;

	d->host_cpus = (struct cpuset){0};
	for (unsigned i = 0; i < d->cut.partition.slices; i++)
		d->cpus[i] = (struct cpuset){0};
	for (unsigned core = 0; core < d->t->core_count; core++) {
		uint16_t owner = d->cut.partition.owner[core];

		if (owner < d->cut.partition.slices)
			partition_core_cpus(d->t, wish, core, &d->cpus[owner]);
		else if (owner == CORE_RESERVED)
			partition_core_cpus(d->t, wish, core, &d->host_cpus);
	}
}

static int decide_cut(struct draft *d, struct err *e)
{
	const struct engine *g = &d->engine;

	if (engine_decide(d->t, d->profile, d->facts, &d->reserve, &d->engine, e) < 0 ||
	    engine_cut(g, &g->candidates[g->chosen].way, &d->cut, e) < 0)
		return e->code;
	read_cpus(d);
	return 0;
}

static int check_taken(const struct draft *d, struct err *e)
{
	struct cpuset ours = d->host_cpus;

	for (unsigned i = 0; i < d->cut.partition.slices; i++)
		ours = cpuset_or(&ours, &d->cpus[i]);
	return facts_check_cpus(d->facts, &ours, e);
}

static int decide_address(struct draft *d, struct err *e)
{
	uint32_t first = d->profile->spark.first_address;

	if (!first)
		first = d->facts->first_address ? d->facts->first_address : PLAN_FIRST_ADDRESS;
	if (first > UINT32_MAX - d->cut.partition.slices)
		return err_impossible(e,
				      "spark.first_address: %u addresses do not fit behind "
				      "%u.%u.%u.%u: write a lower one",
				      d->cut.partition.slices, first >> 24, first >> 16 & 255,
				      first >> 8 & 255, first & 255);
	d->first_address = first;
	return 0;
}

static const char *gc_option(enum gc gc)
{
	switch (gc) {
	case GC_G1:
		return "-XX:+UseG1GC";
	case GC_ZGC:
		return "-XX:+UseZGC";
	case GC_SHENANDOAH:
		return "-XX:+UseShenandoahGC";
	case GC_SERIAL:
		return "-XX:+UseSerialGC";
	case GC_AUTO:
	case GC_PARALLEL:
		break;
	}
	return "-XX:+UseParallelGC";
}

/* The user's options come last, so that they win. */
static int decide_jvm_options(struct draft *d, struct err *e)
{
	const struct profile_jvm *jvm = &d->profile->jvm;
	const struct candidate *chosen = &d->engine.candidates[d->engine.chosen];

	for (unsigned i = 0; i < d->cut.partition.slices; i++) {
		struct strings *options = &d->jvm_options[i];
		uint64_t direct = d->cut.budget.slices[i].direct_bytes;
		int full;

		*options = (struct strings){0};
		full = strings_add(options,
				   gc_option(chosen->gc == GC_AUTO ? jvm->gc : chosen->gc)) < 0 ||
		       strings_addf(options, "-XX:MaxDirectMemorySize=%llu",
				    (unsigned long long)direct) < 0;
		strings_for_each(option, &jvm->options)
		{
			full |= strings_add(options, option) < 0;
		}
		if (full)
			return err_impossible(
				e,
				"jvm.options: with cleave's own they are more than %d "
				"bytes: write fewer",
				STRINGS_POOL);
	}
	return 0;
}

static int decide(struct draft *d, struct err *e)
{
	if (reserve_for(d->t, &d->profile->partition, &d->host_nodes, &d->reserve, e) < 0 ||
	    decide_cut(d, e) < 0 || check_taken(d, e) < 0 || decide_address(d, e) < 0)
		return e->code;
	return decide_jvm_options(d, e);
}

/* ---- writing the plan down ---- */

static void write_slices(const struct draft *d, struct plan *out)
{
	const struct topology *t = d->t;

	out->slice_count = d->cut.partition.slices;
	for (unsigned i = 0; i < out->slice_count; i++) {
		struct slice *slice = &out->slices[i];

		slice->id = i;
		snprintf(slice->name, sizeof(slice->name), "slice-%u", i);
		slice->cpus = d->cpus[i];
		slice->nodes = topology_node_ids(t, d->cut.shares[i].nodes);
		slice->cores = d->cut.partition.cores[i];
		slice->slots = d->cut.shares[i].slots;
		slice->address = d->first_address + i;
		slice->memory = d->cut.budget.slices[i];
		slice->jvm_options = d->jvm_options[i];
	}
	for (unsigned core = 0; core < t->core_count; core++) {
		uint16_t owner = d->cut.partition.owner[core];

		if (owner < out->slice_count)
			cpuset_add(&out->slices[owner].packages, t->cores[core].package);
	}
}

static void write_host(const struct draft *d, struct plan *out)
{
	out->host.cpus = d->host_cpus;
	out->host.shared = d->cut.partition.reserved == 0;
	out->host.nodes = topology_node_ids(d->t, d->host_nodes);
	out->host.memory_bytes = d->reserve.total;
}

static void add_unused(struct plan *out, const struct cpuset *cpus, const char *why)
{
	struct plan_unused *unused = &out->unused[out->unused_count];

	if (cpuset_is_empty(cpus))
		return;
	unused->cpus = *cpus;
	string_copy(unused->why, why);
	out->unused_count++;
}

static bool is_left_over(const struct draft *d, unsigned core)
{
	return d->cut.partition.owner[core] == CORE_FREE ||
	       d->cut.partition.owner[core] == CORE_ABOVE;
}

static bool max_cores_binds(const struct draft *d)
{
	int most = d->profile->partition.max_cores;

	return most != AMOUNT_ALL &&
	       (unsigned)most < d->cut.partition.usable - d->cut.partition.reserved;
}

/* Why cores that we could use have no slice; a warning unless the ceiling alone explains it. */
static void explain_left_over(const struct draft *d, unsigned left, struct plan *out,
			      char why[PLAN_TEXT])
{
	const struct profile_partition *wish = &d->profile->partition;
	unsigned free = d->cut.partition.usable - d->cut.partition.reserved;
	bool capped = max_cores_binds(d);

	if (wish->cores == AMOUNT_AUTO) {
		snprintf(why, PLAN_TEXT, "above partition.max_cores: %d", wish->max_cores);
		return;
	}
	snprintf(why, PLAN_TEXT, "left over: %u slices of %d cores (partition.cores%s)",
		 d->cut.partition.slices, wish->cores, capped ? ", partition.max_cores" : "");
	if (!capped || left > free - (unsigned)wish->max_cores)
		plan_warn(out, WARN_UNUSED_CORES,
			  "%u of %u cores belong to no slice: %u slices of partition.cores: %d "
			  "leave them over",
			  left, free, d->cut.partition.slices, wish->cores);
}

static void write_unused(const struct draft *d, struct plan *out)
{
	const struct profile_partition *wish = &d->profile->partition;
	struct cpuset rest = cpuset_and_not(&d->t->allowed, &d->host_cpus), over = {0};
	struct cpuset outside = {0};
	char why[PLAN_TEXT] = "";
	unsigned left = 0;

	for (unsigned i = 0; i < d->cut.partition.slices; i++)
		rest = cpuset_and_not(&rest, &d->cpus[i]);
	for (unsigned core = 0; core < d->t->core_count; core++) {
		if (!is_left_over(d, core))
			continue;
		partition_core_cpus(d->t, wish, core, &over);
		left++;
	}
	if (left)
		explain_left_over(d, left, out, why);
	add_unused(out, &over, why);
	rest = cpuset_and_not(&rest, &over);
	if (!wish->all_cpus)
		outside = cpuset_and_not(&rest, &wish->cpus);
	add_unused(out, &outside, "outside partition.cpus");
	rest = cpuset_and_not(&rest, &outside);
	add_unused(out, &rest, "other hardware threads of the cores (partition.smt: one)");
}

/* What was divided: max_cores takes whole cores away, partition.cpus also single CPUs. */
static void write_usable(const struct draft *d, struct plan *out)
{
	const struct profile_partition *wish = &d->profile->partition;

	out->allowed = d->t->allowed;
	out->usable = wish->all_cpus ? out->allowed : cpuset_and(&out->allowed, &wish->cpus);
	if (!max_cores_binds(d))
		return;
	for (unsigned core = 0; core < d->t->core_count; core++) {
		struct cpuset cpus = topology_core_cpus(d->t, core);

		if (is_left_over(d, core))
			out->usable = cpuset_and_not(&out->usable, &cpus);
	}
}

/* To whole thousandths, so that other compilers' rounding makes the same plan. */
static double round_off(double value)
{
	return floor(value * 1000 + 0.5) / 1000;
}

static void write_terms(const struct engine *g, const struct candidate *c, struct plan_terms *out)
{
	struct plan_terms t;

	cost_terms(g->coefficients, &c->features, &t);
	*out = (struct plan_terms){round_off(t.startup), round_off(t.work),    round_off(t.gc),
				   round_off(t.remote),	 round_off(t.shuffle), round_off(t.tail)};
}

static void write_candidates(const struct engine *g, struct plan *out)
{
	out->candidate_count = g->count;
	out->chosen = g->chosen;
	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *from = &g->candidates[i];
		struct plan_candidate *to = &out->candidates[i];

		to->by = from->way.by;
		to->slices = from->slices;
		to->cores = from->cores;
		to->feasible = from->feasible && (from->predicted || i == g->chosen);
		to->throughput = round_off(engine_throughput(g, from));
		if (from->predicted)
			write_terms(g, from, &to->terms);
		string_copy(to->why, from->why);
	}
}

int plan_make(const struct topology *t, const struct profile *p, const struct facts *f,
	      struct plan *out, struct err *e)
{
	struct draft d = {.t = t, .profile = p, .facts = f};

	if (decide(&d, e) < 0)
		return e->code;
	*out = (struct plan){0};
	string_copy(out->name, p->name);
	write_usable(&d, out);
	write_slices(&d, out);
	write_host(&d, out);
	write_unused(&d, out);
	write_candidates(&d.engine, out);
	remark_plan(&(struct remark){.t = t,
				     .profile = p,
				     .facts = f,
				     .partition = &d.cut.partition,
				     .budget = &d.cut.budget,
				     .engine = &d.engine},
		    out);
	return 0;
}
