/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/cut.h"

#include <limits.h>
#include <math.h>

#include "decision/base/size_text.h"
#include "decision/engine/engine.h"

/* ---- slots ---- */

/*
 * Of a core: one, and one more for each doubling of its hardware threads, which are worth less and
 * less; so that a slice has tasks for CPUs that it is lent, more than there are CPUs.
 */
static unsigned core_slots(const struct engine *g, unsigned cpus, bool for_loans)
{
	int written = g->profile->spark.slots_per_cpu;
	unsigned slots = 1;

	if (written != AMOUNT_AUTO)
		return cpus * (unsigned)written;
	for (unsigned threads = cpus; threads > 1; threads /= 2)
		slots++;
	return for_loans && slots <= cpus && cpus <= 2 ? cpus + 1 : slots;
}

static void set_slots(const struct engine *g, const struct partition *p, bool for_loans,
		      struct budget_slice shares[SLICES_MAX])
{
	unsigned most = UINT_MAX;

	for (unsigned i = 0; i < p->slices; i++)
		shares[i].slots = 0;
	for (unsigned core = 0; core < g->t->core_count; core++) {
		if (p->owner[core] < p->slices)
			shares[p->owner[core]].slots += core_slots(g, g->cpus[core], for_loans);
	}
	if (g->profile->spark.slots_per_cpu != AMOUNT_AUTO || !p->slices)
		return;
	if (!g->data_assumed)
		most = cost_tasks_most(g->coefficients, &g->job) / p->slices;
	for (unsigned i = 0; i < p->slices; i++) {
		unsigned *slots = &shares[i].slots;

		if (*slots > most)
			*slots = most ? most : 1;
	}
}

/* ---- memory ---- */

static struct budget_wish wish_for(const struct engine *g, unsigned executors)
{
	struct budget_wish wish = {
		.executors = executors,
		.data_bytes = g->data_assumed ? 0 : g->job.data_bytes,
		.needs = cost_needs(&g->job),
		.daemon_heap = g->daemon_heap,
	};

	if (g->data_assumed) /* what nobody measured asks for nothing */
		wish.needs.cached_bytes = wish.needs.read_bytes = 0;
	return wish;
}

static bool memory_is_known(const struct engine *g)
{
	return !(g->t->oddities & TOPOLOGY_MEMORY_UNKNOWN);
}

/*
 * Automatic slots go down before one gets too little memory; where the heap is written, not below
 * one a core.
 */
static void fit_slots(const struct engine *g, unsigned executors, struct cut *out)
{
	const struct profile *p = g->profile;
	struct budget_wish wish = wish_for(g, executors);
	unsigned count = out->partition.slices, most;

	if (p->spark.slots_per_cpu != AMOUNT_AUTO)
		return;
	if (g->slots_for_loans && count > 1) {
		set_slots(g, &out->partition, true, out->shares);
		most = budget_slots(&p->memory, &wish, out->shares, count, memory_is_known(g),
				    BUDGET_SLOT_GOOD / 4 * 5);
		for (unsigned i = 0; i < count; i++) {
			if (out->shares[i].slots > most && p->memory.heap.unit == SIZE_AUTO)
				set_slots(g, &out->partition, false, out->shares);
		}
	}
	most = budget_slots(&p->memory, &wish, out->shares, count, memory_is_known(g),
			    BUDGET_SLOT_LEAST);
	for (unsigned i = 0; i < count; i++) {
		unsigned *slots = &out->shares[i].slots, least = most;

		if (p->memory.heap.unit != SIZE_AUTO && least < out->partition.cores[i])
			least = out->partition.cores[i];
		if (*slots > least)
			*slots = least;
	}
}

/* The fewest and the most slots of a slice. */
static void slots_range(const struct cut *cut, unsigned *least, unsigned *most)
{
	*least = UINT_MAX;
	*most = 0;
	for (unsigned i = 0; i < cut->partition.slices; i++) {
		unsigned slots = cut->shares[i].slots;

		*least = slots < *least ? slots : *least;
		*most = slots > *most ? slots : *most;
	}
}

/*
 * As many executors as the memory is best divided into, or a few more if slots then come out even;
 * each has a core at least. One where slices are too unequal for executors of one size.
 */
static unsigned best_executors(const struct engine *g, const struct cut *cut)
{
	struct budget_wish wish = wish_for(g, 1);
	unsigned wanted = budget_executors(&g->profile->memory, &wish, cut->shares,
					   cut->partition.slices, memory_is_known(g));
	unsigned least, slots, cores = UINT_MAX, best, waste = UINT_MAX;

	slots_range(cut, &least, &slots);
	for (unsigned i = 0; i < cut->partition.slices; i++)
		cores = cut->partition.cores[i] < cores ? cut->partition.cores[i] : cores;
	cores = cores < least ? cores : least;
	cores = cores < SLICE_EXECUTORS ? cores : SLICE_EXECUTORS;
	if (wanted <= 1 || !cores || slots > least + least / 2)
		return 1;
	best = wanted = wanted < cores ? wanted : cores;
	for (unsigned i = wanted; i <= cores && i <= wanted + wanted / 4 + 1; i++) {
		unsigned over = (slots + i - 1) / i * i - slots;

		if (over < waste) {
			waste = over;
			best = i;
		}
	}
	return best;
}

/*
 * Executors of one application have equally many slots: the same number in all slices, rounded up,
 * by the smallest slice where they are too unequal for that.
 */
static void share_slots(struct cut *out)
{
	unsigned least, most, each;

	if (out->executors <= 1)
		return;
	slots_range(out, &least, &most);
	each = ((most > least + least / 2 ? least : most) + out->executors - 1) / out->executors;
	for (unsigned i = 0; i < out->partition.slices; i++)
		out->shares[i].slots = each * out->executors;
}

/* ---- the whole ---- */

int cut_cores(const struct engine *g, const struct choice *choice, struct cut *out, struct err *e)
{
	struct profile_partition wanted = g->profile->partition;

	wanted.by = choice->by;
	wanted.slices = choice->slices;
	wanted.cores = choice->cores;
	out->partition.slices = 0;
	if (partition_make(g->t, &wanted, &out->partition, e) < 0)
		return e->code;
	budget_shares(g->t, &out->partition, wanted.memory_only_nodes, g->reserve, out->shares);
	return 0;
}

/* Where a slice has too little, huge pages may be why: its nodes look larger than they are. */
static int name_huge_pages(const struct topology *t, struct err *e)
{
	uint64_t huge = 0;

	for (unsigned i = 0; i < t->node_count; i++)
		huge += t->nodes[i].allowed ? t->nodes[i].huge_bytes : 0;
	return huge ? err_wrap(e, "beside %s in huge pages (vm.nr_hugepages)", SIZE_STRING(huge))
		    : e->code;
}

int cut_memory(const struct engine *g, unsigned executors, struct cut *out, struct err *e)
{
	const struct profile *p = g->profile;
	bool auto_slots = p->spark.slots_per_cpu == AMOUNT_AUTO;
	struct budget_wish wish;
	unsigned least, most;

	if (p->spark.executors != AMOUNT_AUTO)
		executors = (unsigned)p->spark.executors;
	set_slots(g, &out->partition, false, out->shares);
	fit_slots(g, executors ? executors : 1, out);
	for (unsigned i = 0; i < out->partition.slices; i++) {
		if (auto_slots && out->shares[i].slots < executors)
			out->shares[i].slots = executors;
	}
	out->executors = executors ? executors : best_executors(g, out);
	slots_range(out, &least, &most);
	if (out->executors > least)
		return err_impossible(
			e,
			"spark.executors: %u executors a slice need a task slot each, "
			"and the smallest slice has %u: write at most %u, or more "
			"spark.slots_per_cpu",
			out->executors, least, least);
	share_slots(out);
	wish = wish_for(g, out->executors);
	if (budget_make(&p->memory, &wish, out->shares, out->partition.slices, memory_is_known(g),
			&out->budget, e) < 0)
		return name_huge_pages(g->t, e);
	/* A larger slice has no larger heap than the smallest. */
	for (unsigned i = 0; i < out->partition.slices && out->executors == 1; i++) {
		const struct slice_memory *m = &out->budget.slices[i];
		uint64_t room = (m->heap_bytes + m->off_heap_bytes) / BUDGET_SLOT_LEAST;

		if (auto_slots && p->memory.heap.unit == SIZE_AUTO && m->max_bytes &&
		    out->shares[i].slots > room)
			out->shares[i].slots = room ? (unsigned)room : 1;
	}
	return 0;
}

int cut_make(const struct engine *g, const struct choice *choice, unsigned executors,
	     struct cut *out, struct err *e)
{
	if (cut_cores(g, choice, out, e) < 0)
		return e->code;
	return cut_memory(g, executors, out, e);
}

static double mean_slots(const struct partition *p, const struct budget_slice shares[SLICES_MAX])
{
	double slots = 0, cores = 0;

	for (unsigned i = 0; i < p->slices; i++) {
		slots += (double)shares[i].slots * p->cores[i];
		cores += p->cores[i];
	}
	return slots / cores;
}

double cut_mean_slots(const struct engine *g, const struct cut *cut)
{
	const struct partition *p = &cut->partition;
	struct budget_slice fewer[SLICES_MAX];
	double mean = mean_slots(p, cut->shares);

	if (g->profile->spark.slots_per_cpu != AMOUNT_AUTO)
		return mean;
	set_slots(g, p, false, fewer);
	return fmin(mean, mean_slots(p, fewer));
}
