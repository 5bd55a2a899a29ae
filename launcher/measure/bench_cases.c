/* SPDX-License-Identifier: Apache-2.0 */
/* What is compared: the cases of a wish on this machine, and what each of them is run with. */

#include <errno.h>
#include <stdarg.h>

#include "decision/base/cleanup.h"
#include "launcher/measure/bench_run.h"

/* The collector that the plan gives to its executors. */
static enum gc plan_gc(const struct plan *p)
{
	static const enum gc all[] = {GC_PARALLEL, GC_G1, GC_ZGC, GC_SHENANDOAH, GC_SERIAL};
	static const char *const options[] = {"-XX:+UseParallelGC", "-XX:+UseG1GC", "-XX:+UseZGC",
					      "-XX:+UseShenandoahGC", "-XX:+UseSerialGC"};

	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++)
		strings_for_each(option, &p->slices[0].jvm_options)
		{
			if (!strcmp(option, options[i]))
				return all[i];
		}
	return GC_PARALLEL;
}

/* Physical cores that slices and reserve were cut from. */
static unsigned usable_cores(const struct inputs *in)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < in->topology.core_count; i++) {
		struct cpuset core = topology_core_cpus(&in->topology, i);

		sum += cpuset_intersects(&core, &in->plan.usable);
	}
	return sum;
}

/* So many Workers as a user would start who has no plan but knows that one is too few. */
static unsigned unbound_workers(const struct inputs *in)
{
	if (in->plan.slice_count > 1)
		return in->plan.slice_count;
	if (in->topology.package_count > 1)
		return in->topology.package_count < SLICES_MAX ? in->topology.package_count
							       : SLICES_MAX;
	return in->topology.cpu_count > 1 ? 2 : 1;
}

static int add_case(struct bench *b, const struct bench_case *c, struct err *e)
{
	if (b->case_count == BENCH_CASES || (b->case_count + 1) * b->repetitions > BENCH_RUNS)
		return err_impossible(e,
				      "%u repetitions of more than %u cases are more runs than a "
				      "comparison can have, %d: choose fewer",
				      b->repetitions, b->case_count, BENCH_RUNS);
	b->cases[b->case_count++] = *c;
	return 0;
}

static int add_side(struct benching *b, enum bench_side side, enum gc gc, struct err *e)
{
	const struct inputs *in = &b->in;
	bool is_ours = side == BENCH_SLICED || side == BENCH_LENT;
	struct bench_case c = {.side = side,
			       .gc = gc,
			       .cores = is_ours ? usable_cores(in) : in->topology.core_count,
			       .slices = is_ours		 ? in->plan.slice_count
					 : side == BENCH_WORKERS ? unbound_workers(in)
								 : 1};

	if (side == BENCH_BALANCED && in->topology.node_count < 2)
		string_copy(c.skipped, "this machine has one NUMA node: no page can be moved");
	else if (side == BENCH_BALANCED && !b->is_balancing)
		string_copy(c.skipped, "kernel.numa_balancing is not 1: the kernel moves no pages");
	else if (side == BENCH_WORKERS && c.slices < 2)
		string_copy(c.skipped, "this machine has one CPU");
	else if (side == BENCH_LENT && c.slices < 2)
		string_copy(c.skipped, "the plan has one slice, which can lend to nobody");
	return add_case(&b->bench, &c, e);
}

/* A point of the sweep. `scratch` is where the plan for so many cores is made. */
static int add_point(struct benching *b, enum bench_side side, unsigned cores, enum gc gc,
		     struct inputs *scratch, struct err *e)
{
	struct bench_case c = {side, gc, cores, 1, true, ""};
	struct err why;

	if (side == BENCH_SLICED) {
		*scratch = b->in;
		benching_profile(b, &c, &scratch->profile);
		if (inputs_decide(scratch, &why) == 0)
			c.slices = scratch->plan.slice_count;
		else
			snprintf(c.skipped, sizeof(c.skipped), "%.*s",
				 (int)string_cut(why.msg, sizeof(c.skipped) - 1), why.msg);
	}
	return add_case(&b->bench, &c, e);
}

int benching_list(struct benching *b, struct err *e)
{
	const struct bench_wish *w = &b->wish;
	enum gc planned = plan_gc(&b->in.plan);
	unsigned collectors = w->gc_count ? w->gc_count : 1, all = b->in.topology.core_count;
	cleanup_free struct inputs *scratch = NULL;

	b->bench.case_count = 0;
	for (unsigned g = 0; g < collectors; g++)
		for (unsigned side = 0; side < BENCH_SIDES; side++)
			if (w->sides[side] &&
			    add_side(b, side, w->gc_count ? w->gcs[g] : planned, e) < 0)
				return e->code;
	if (!w->is_sweep)
		return 0;
	scratch = malloc(sizeof(*scratch));
	if (!scratch)
		return err_set(e, -ENOMEM, "out of memory");
	/* On all cores the point is the comparison's own. */
	for (unsigned cores = 1; cores < all; cores *= 2)
		for (unsigned side = 0; side < BENCH_SIDES; side++)
			if (w->sides[side] && (side == BENCH_PLAIN || side == BENCH_SLICED) &&
			    add_point(b, side, cores, w->gc_count ? w->gcs[0] : planned, scratch,
				      e) < 0)
				return e->code;
	return 0;
}

/*
 * The user's, for this side. A point of the sweep keeps how to cut and leaves open into how many:
 * what was written for all cores does not fit fewer.
 */
void benching_profile(const struct benching *b, const struct bench_case *c, struct profile *out)
{
	*out = b->in.profile;
	out->jvm.gc = c->gc;
	out->rebalance.mode = c->side == BENCH_LENT ? REBALANCE_ACT : REBALANCE_OFF;
	if (!c->is_sweep)
		return;
	out->partition.max_cores = (int)c->cores;
	out->partition.slices = AMOUNT_AUTO;
	out->partition.cores = AMOUNT_AUTO;
}

void benching_plain(const struct benching *b, const struct bench_case *c, struct plain_request *out)
{
	const struct topology *t = &b->in.topology;
	uint64_t memory = 0;
	unsigned cpus = 0, taken = 0;

	/* Where a limit above us says less than the machine has, so do the nodes. */
	for (unsigned i = 0; i < t->node_count; i++)
		memory += t->nodes[i].allowed ? t->nodes[i].usable_bytes : 0;
	out->cpus = (struct cpuset){0};
	for (unsigned i = 0; i < t->core_count && taken < c->cores; i++) {
		struct cpuset core = topology_core_cpus(t, i);

		/* Not where nothing balances: that would be no comparison. */
		core = cpuset_and_not(&core, &t->apart);
		out->cpus = cpuset_or(&out->cpus, &core);
		taken += !cpuset_is_empty(&core);
	}
	cpus = cpuset_count(&out->cpus);
	out->profile = &b->in.profile;
	out->spark = &b->spark;
	out->cluster = &b->cluster;
	out->allowed = &t->allowed;
	out->workers = c->slices;
	out->cores = cpus / c->slices ? cpus / c->slices : 1;
	out->heap_mb = plain_heap_mb(memory, c->slices);
	out->gc = c->gc;
	out->is_local = b->is_balancing && c->side != BENCH_BALANCED;
}

/* ---- texts */

void bench_words_text(char *const *words, char text[PLAN_TEXT])
{
	static const char more[] = "…";
	size_t used = 0;

	text[0] = '\0';
	for (; *words; words++) {
		int n = snprintf(text + used, PLAN_TEXT - used, "%s%s", used ? " " : "", *words);

		if (n < 0 || used + (size_t)n >= PLAN_TEXT) {
			used = string_cut(text, PLAN_TEXT - sizeof(more));
			memcpy(text + used, more, sizeof(more));
			return;
		}
		used += (size_t)n;
	}
}

void bench_note(struct bench *b, const char *format, ...)
{
	char text[BENCH_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text[string_cut(text, sizeof(text) - 1)] = '\0';
	for (unsigned i = 0; i < b->note_count; i++)
		if (!strcmp(b->notes[i], text))
			return;
	if (b->note_count < BENCH_NOTES)
		string_copy(b->notes[b->note_count++], text);
}
