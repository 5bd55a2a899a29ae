#include "decision/plan.h"

#include "decision/budget.h"
#include "decision/partition.h"
#include "decision/remark.h"
#include "decision/reserve.h"

/* All that is decided before the first byte of the plan is written. */
struct draft {
	const struct topology *t;
	const struct profile *profile;
	const struct facts *facts;
	struct partition partition;
	uint64_t host_nodes; /* mask over topology.nodes: those of the usable cores */
	struct reserve_memory reserve;
	struct budget_slice shares[SLICES_MAX];
	struct budget budget;
	unsigned slots_per_cpu;
	unsigned refused; /* slices that had too little memory, 0: none */
	struct strings jvm_options[SLICES_MAX];
	struct cpuset cpus[SLICES_MAX], host_cpus;
	uint32_t first_address;
};

/* ---- deciding ---- */

static unsigned slots_per_cpu(const struct profile *p)
{
	if (p->spark.slots_per_cpu != AMOUNT_AUTO)
		return (unsigned)p->spark.slots_per_cpu;
	return p->rebalance.mode == REBALANCE_OFF ? 1 : 2;
}

static void read_cpus(struct draft *d)
{
	const struct profile_partition *wish = &d->profile->partition;

	d->host_cpus = (struct cpuset){0};
	for (unsigned i = 0; i < d->partition.slices; i++)
		d->cpus[i] = (struct cpuset){0};
	for (unsigned core = 0; core < d->t->core_count; core++) {
		uint16_t owner = d->partition.owner[core];

		if (owner < d->partition.slices)
			partition_core_cpus(d->t, wish, core, &d->cpus[owner]);
		else if (owner == CORE_RESERVED)
			partition_core_cpus(d->t, wish, core, &d->host_cpus);
	}
}

/*
 * The host group's memory comes from the nodes of the cores that we may use: others' are not ours
 * to take.
 */
static int decide_reserve(struct draft *d, struct err *e)
{
	bool unknown = d->t->oddities & TOPOLOGY_MEMORY_UNKNOWN;

	d->host_nodes = 0;
	for (unsigned core = 0; core < d->t->core_count; core++) {
		if (partition_core_cpus(d->t, &d->profile->partition, core, NULL))
			d->host_nodes |= d->t->numa[d->t->cores[core].numa].nodes;
	}
	d->reserve = (struct reserve_memory){0};
	if (unknown)
		return 0;
	return reserve_memory(d->t, d->host_nodes, &d->profile->partition.reserve_memory,
			      &d->reserve, e);
}

static int decide_memory(struct draft *d, struct err *e)
{
	const struct profile *p = d->profile;

	budget_shares(d->t, &d->partition, p->partition.memory_only_nodes, &d->reserve, d->shares);
	for (unsigned i = 0; i < d->partition.slices; i++)
		d->shares[i].slots = cpuset_count(&d->cpus[i]) * d->slots_per_cpu;
	return budget_make(&p->memory, d->shares, d->partition.slices,
			   !(d->t->oddities & TOPOLOGY_MEMORY_UNKNOWN), &d->budget, e);
}

/*
 * Fewer slices until the smallest has enough memory, where the profile leaves their number to us.
 */
static int decide_slices(struct draft *d, struct err *e)
{
	unsigned most = SLICES_MAX;

	for (;;) {
		if (partition_make(d->t, &d->profile->partition, most, &d->partition, e) < 0)
			return e->code;
		read_cpus(d);
		if (decide_memory(d, e) == 0)
			return 0;
		if (!partition_is_auto(&d->profile->partition) || d->partition.slices == 1)
			return e->code;
		if (!d->refused)
			d->refused = d->partition.slices;
		most = d->partition.slices - 1;
	}
}

int facts_check_cpus(const struct facts *f, const struct cpuset *cpus, struct err *e)
{
	struct cpuset both = cpuset_and(cpus, &f->taken);

	if (cpuset_is_empty(&both))
		return 0;
	return err_impossible(e,
			      "partition.cpus: CPUs %.300s belong to the cluster %s: write CPUs "
			      "without them",
			      CPUSET_STRING(&both), f->taken_by);
}

static int check_taken(const struct draft *d, struct err *e)
{
	struct cpuset ours = d->host_cpus;

	for (unsigned i = 0; i < d->partition.slices; i++)
		ours = cpuset_or(&ours, &d->cpus[i]);
	return facts_check_cpus(d->facts, &ours, e);
}

static int decide_address(struct draft *d, struct err *e)
{
	uint32_t first = d->profile->spark.first_address;

	if (!first)
		first = d->facts->first_address ? d->facts->first_address : PLAN_FIRST_ADDRESS;
	if (first > UINT32_MAX - d->partition.slices)
		return err_impossible(e,
				      "spark.first_address: %u addresses do not fit behind "
				      "%u.%u.%u.%u: write a lower one",
				      d->partition.slices, first >> 24, first >> 16 & 255,
				      first >> 8 & 255, first & 255);
	d->first_address = first;
	return 0;
}

/*
 * auto is the parallel collector, which the paper's workloads ran fastest on (SPARK.md, "Workloads
 * of the paper").
 */
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

	for (unsigned i = 0; i < d->partition.slices; i++) {
		struct strings *options = &d->jvm_options[i];
		uint64_t direct = d->budget.slices[i].direct_bytes;
		int full;

		*options = (struct strings){0};
		full = strings_add(options, gc_option(jvm->gc)) < 0 ||
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
	d->slots_per_cpu = slots_per_cpu(d->profile);
	if (decide_reserve(d, e) < 0 || decide_slices(d, e) < 0 || check_taken(d, e) < 0 ||
	    decide_address(d, e) < 0)
		return e->code;
	return decide_jvm_options(d, e);
}

/* ---- writing the plan down ---- */

static void write_slices(const struct draft *d, struct plan *out)
{
	const struct topology *t = d->t;

	out->slice_count = d->partition.slices;
	for (unsigned i = 0; i < out->slice_count; i++) {
		struct slice *slice = &out->slices[i];

		slice->id = i;
		snprintf(slice->name, sizeof(slice->name), "slice-%u", i);
		slice->cpus = d->cpus[i];
		slice->nodes = topology_node_ids(t, d->shares[i].nodes);
		slice->cores = d->partition.cores[i];
		slice->slots = d->shares[i].slots;
		slice->address = d->first_address + i;
		slice->memory = d->budget.slices[i];
		slice->jvm_options = d->jvm_options[i];
	}
	for (unsigned core = 0; core < t->core_count; core++) {
		uint16_t owner = d->partition.owner[core];

		if (owner < out->slice_count)
			cpuset_add(&out->slices[owner].packages, t->cores[core].package);
	}
}

static void write_host(const struct draft *d, struct plan *out)
{
	out->host.cpus = d->host_cpus;
	out->host.shared = d->partition.reserved == 0;
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
	return d->partition.owner[core] == CORE_FREE || d->partition.owner[core] == CORE_ABOVE;
}

static bool max_cores_binds(const struct draft *d)
{
	int most = d->profile->partition.max_cores;

	return most != AMOUNT_ALL && (unsigned)most < d->partition.usable - d->partition.reserved;
}

/* Why cores that we could use have no slice; a warning unless the ceiling alone explains it. */
static void explain_left_over(const struct draft *d, unsigned left, struct plan *out,
			      char why[PLAN_TEXT])
{
	const struct profile_partition *wish = &d->profile->partition;
	unsigned free = d->partition.usable - d->partition.reserved;
	bool capped = max_cores_binds(d);

	if (wish->cores == AMOUNT_AUTO) {
		snprintf(why, PLAN_TEXT, "above partition.max_cores: %d", wish->max_cores);
		return;
	}
	snprintf(why, PLAN_TEXT, "left over: %u slices of %d cores (partition.cores%s)",
		 d->partition.slices, wish->cores, capped ? ", partition.max_cores" : "");
	if (!capped || left > free - (unsigned)wish->max_cores)
		plan_warn(out, WARN_UNUSED_CORES,
			  "%u of %u cores belong to no slice: %u slices of partition.cores: %d "
			  "leave them over",
			  left, free, d->partition.slices, wish->cores);
}

static void write_unused(const struct draft *d, struct plan *out)
{
	const struct profile_partition *wish = &d->profile->partition;
	struct cpuset rest = cpuset_and_not(&d->t->allowed, &d->host_cpus), over = {0};
	struct cpuset outside = {0};
	char why[PLAN_TEXT] = "";
	unsigned left = 0;

	for (unsigned i = 0; i < d->partition.slices; i++)
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

static void write_candidate(const struct draft *d, struct plan *out)
{
	const struct partition *p = &d->partition;
	struct plan_candidate *taken = &out->candidates[0];
	bool wished = d->profile->partition.by != BY_AUTO;

	out->candidate_count = 1;
	taken->by = p->by;
	taken->slices = p->slices;
	taken->feasible = true;
	for (unsigned i = 0; i < p->slices; i++) {
		if (p->cores[i] > taken->cores)
			taken->cores = p->cores[i];
	}
	snprintf(taken->why, PLAN_TEXT,
		 "%s, slices of at most %u cores%s; its throughput is not predicted, and 0 here",
		 wished ? "as partition.by says" : "partition.by: auto", taken->cores,
		 p->joined > 1 ? ", neighbours joined" : "");
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
	write_candidate(&d, out);
	remark_plan(&(struct remark){.t = t,
				     .profile = p,
				     .facts = f,
				     .partition = &d.partition,
				     .budget = &d.budget,
				     .refused = d.refused},
		    out);
	return 0;
}
