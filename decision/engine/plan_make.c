/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/plan_make.h"

#include <math.h>

#include "decision/engine/cut.h"
#include "decision/engine/engine.h"
#include "decision/engine/plan_notes.h"
#include "decision/engine/reason.h"
#include "decision/partition/reserve.h"
#include "decision/partition/usable.h"

/* What the plan comes from, and the plan: handed out when nothing can fail any more. */
struct draft {
	const struct topology *t;
	const struct profile *profile;
	const struct facts *facts;
	uint64_t host_nodes; /* mask over topology.nodes: those of the usable cores */
	struct reserve_memory reserve;
	struct engine engine;
	struct cut cut;
	struct cpuset used; /* by slices and the reserve */
	struct plan plan;
};

/* ---- what may fail ---- */

static int decide_cut(struct draft *d, struct err *e)
{
	const struct profile_partition *wanted = &d->profile->partition;
	const struct candidate *chosen;
	struct plan *p = &d->plan;

	if (engine_decide(d->t, d->profile, d->facts, &d->reserve, &d->engine, e) < 0)
		return e->code;
	chosen = &d->engine.candidates[d->engine.chosen];
	if (cut_make(&d->engine, &chosen->choice, chosen->executors, &d->cut, e) < 0)
		return e->code;
	p->slice_count = d->cut.partition.slices;
	for (unsigned core = 0; core < d->t->core_count; core++) {
		uint16_t owner = d->cut.partition.owner[core];

		if (owner >= p->slice_count && owner != CORE_RESERVED)
			continue;
		partition_core_cpus(d->t, wanted, core, &d->used);
		if (owner == CORE_RESERVED) {
			partition_core_cpus(d->t, wanted, core, &p->host.cpus);
			continue;
		}
		partition_core_cpus(d->t, wanted, core, &p->slices[owner].cpus);
		cpuset_add(&p->slices[owner].packages, d->t->cores[core].package);
	}
	return facts_check_cpus(d->facts, &d->used, e);
}

static int decide_slices(struct draft *d, struct err *e)
{
	uint32_t first = d->profile->spark.first_address;

	if (!first)
		first = d->facts->first_address ? d->facts->first_address : PLAN_FIRST_ADDRESS;
	if (first > UINT32_MAX - d->plan.slice_count)
		return err_impossible(e,
				      "spark.first_address: %u addresses do not fit behind "
				      "%u.%u.%u.%u: write a lower one",
				      d->plan.slice_count, first >> 24, first >> 16 & 255,
				      first >> 8 & 255, first & 255);
	for (unsigned i = 0; i < d->plan.slice_count; i++) {
		struct slice *slice = &d->plan.slices[i];

		slice->id = i;
		snprintf(slice->name, sizeof(slice->name), "slice-%u", i);
		slice->nodes = topology_node_ids(d->t, d->cut.shares[i].nodes);
		slice->cores = d->cut.partition.cores[i];
		slice->slots = d->cut.shares[i].slots;
		slice->executors = d->cut.executors;
		slice->address = first + i;
		slice->memory = d->cut.budget.slices[i];
	}
	return 0;
}

/* The user's options come last, so that they win. */
static int decide_jvm_options(struct draft *d, struct err *e)
{
	const struct profile_jvm *jvm = &d->profile->jvm;
	enum gc gc = d->engine.candidates[d->engine.chosen].gc;

	for (unsigned i = 0; i < d->plan.slice_count; i++) {
		struct strings *options = &d->plan.slices[i].jvm_options;
		uint64_t direct = d->plan.slices[i].memory.direct_bytes / d->cut.executors;
		int full;

		full = strings_add(options, gc_option(gc == GC_AUTO ? jvm->gc : gc)) < 0 ||
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

/* ---- what cannot fail ---- */

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
static void explain_left_over(struct draft *d, unsigned left, char why[PLAN_TEXT])
{
	const struct profile_partition *wanted = &d->profile->partition;
	const struct partition *p = &d->cut.partition;
	unsigned free = p->usable - p->reserved;
	bool capped = max_cores_binds(d);

	if (p->spared) {
		snprintf(why, PLAN_TEXT, "left over: %u slices of %u cores each", p->slices,
			 p->cores[0]);
		plan_warn(&d->plan, WARN_UNUSED_CORES,
			  "%u of %u cores belong to no slice, so that %u slices have %u each: "
			  "partition.reserve.cores: %u gives them to the host",
			  left, free, p->slices, p->cores[0], p->reserved + left);
		return;
	}
	if (wanted->cores == AMOUNT_AUTO && capped && left == free - (unsigned)wanted->max_cores) {
		snprintf(why, PLAN_TEXT, "above partition.max_cores: %d", wanted->max_cores);
		return;
	}
	if (wanted->cores == AMOUNT_AUTO) {
		snprintf(why, PLAN_TEXT, "left idle: no slice is predicted to gain by them");
		plan_warn(&d->plan, WARN_UNUSED_CORES,
			  "%u of %u cores belong to no slice: %u slices of %u cores are predicted "
			  "to be as fast, or faster, without them",
			  left, free, p->slices, p->cores[0]);
		return;
	}
	snprintf(why, PLAN_TEXT, "left over: %u slices of %d cores (partition.cores%s)", p->slices,
		 wanted->cores, capped ? ", partition.max_cores" : "");
	if (!capped || left > free - (unsigned)wanted->max_cores)
		plan_warn(&d->plan, WARN_UNUSED_CORES,
			  "%u of %u cores belong to no slice: %u slices of partition.cores: %d "
			  "leave them over",
			  left, free, p->slices, wanted->cores);
}

static void write_unused(struct draft *d)
{
	const struct profile_partition *wanted = &d->profile->partition;
	struct cpuset rest = cpuset_and_not(&d->t->allowed, &d->used), over = {0};
	struct cpuset outside = {0}, isolated, nohz_full;
	struct plan *out = &d->plan;
	char why[PLAN_TEXT] = "";
	unsigned left = 0;

	for (unsigned core = 0; core < d->t->core_count; core++) {
		if (!is_left_over(d, core))
			continue;
		partition_core_cpus(d->t, wanted, core, &over);
		left++;
	}
	if (left)
		explain_left_over(d, left, why);
	add_unused(out, &over, why);
	rest = cpuset_and_not(&rest, &over);
	if (!wanted->all_cpus)
		outside = cpuset_and_not(&rest, &wanted->cpus);
	add_unused(out, &outside, "outside partition.cpus");
	rest = cpuset_and_not(&rest, &outside);
	if (wanted->all_cpus) {
		isolated = cpuset_and(&rest, &d->t->isolated);
		rest = cpuset_and_not(&rest, &isolated);
		nohz_full = cpuset_and(&rest, &d->t->nohz_full);
		rest = cpuset_and_not(&rest, &nohz_full);
		add_unused(out, &isolated, "isolated, and not named in partition.cpus");
		add_unused(out, &nohz_full, "nohz_full, and not named in partition.cpus");
	}
	add_unused(out, &rest, "other hardware threads of the cores (partition.smt: one)");
}

/* What was divided: max_cores takes whole cores away, partition.cpus also single CPUs. */
static void write_usable(struct draft *d)
{
	const struct profile_partition *wanted = &d->profile->partition;
	struct plan *out = &d->plan;

	out->allowed = d->t->allowed;
	out->apart = d->t->apart;
	out->usable = wanted->all_cpus ? cpuset_and_not(&out->allowed, &out->apart)
				       : cpuset_and(&out->allowed, &wanted->cpus);
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

static void write_candidates(const struct engine *g, struct plan *out)
{
	out->candidate_count = g->count;
	out->chosen = g->chosen;
	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *from = &g->candidates[i];
		struct plan_candidate *to = &out->candidates[i];
		double throughput = engine_throughput(g, from);
		double error = from == engine_base(g) ? 0 : g->error;
		struct plan_terms t = {0};

		if (from->predicted)
			cost_terms(g->coefficients, &from->features, &t);
		to->by = from->choice.by;
		to->slices = from->slices;
		to->cores = from->cores;
		to->executors = from->executors;
		to->feasible = from->feasible && (from->predicted || i == g->chosen);
		to->throughput = round_off(throughput);
		to->low = round_off(throughput / (1 + error));
		to->high = round_off(throughput * (1 + error));
		to->terms = (struct plan_terms){
			.startup = round_off(t.startup),
			.cold = round_off(t.cold),
			.work = round_off(t.work),
			.gc = round_off(t.gc),
			.remote = round_off(t.remote),
			.shuffle = round_off(t.shuffle),
			.spill = round_off(t.spill),
			.tail = round_off(t.tail),
		};
		string_copy(to->why, from->why);
	}
}

int plan_make(const struct topology *t, const struct profile *p, const struct facts *f,
	      struct plan *out, struct err *e)
{
	struct draft d = {.t = t, .profile = p, .facts = f};

	if (partition_check_cpus(t, &p->partition, e) < 0 ||
	    reserve_for(t, &p->partition, &d.host_nodes, &d.reserve, e) < 0 ||
	    decide_cut(&d, e) < 0 || decide_slices(&d, e) < 0 || decide_jvm_options(&d, e) < 0)
		return e->code;
	engine_explain(&d.engine);
	d.plan.host.shared = d.cut.partition.reserved == 0;
	d.plan.host.nodes = topology_node_ids(t, d.host_nodes);
	d.plan.host.memory_bytes = d.reserve.total;
	string_copy(d.plan.name, p->name);
	write_usable(&d);
	write_unused(&d);
	write_candidates(&d.engine, &d.plan);
	plan_add_notes(&d.engine, &d.cut, f, &d.plan);
	*out = d.plan;
	return 0;
}
