/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/lending/loan_request.h"

#include "decision/machine/nearness.h"

static int check_parties(const struct plan *now, const struct loan_request *q, struct err *e)
{
	const unsigned ids[] = {q->from, q->to};

	if (!q->cores)
		return err_wrong(e, "0 cores are no loan: lend at least 1");
	for (unsigned i = 0; i < 2; i++) {
		if (ids[i] >= now->slice_count)
			return err_impossible(e, "there is no slice %u: the plan has %u, from 0 on",
					      ids[i], now->slice_count);
	}
	if (q->from == q->to)
		return err_impossible(e, "slice %u cannot lend to itself", q->from);
	for (unsigned i = 0; i < now->loan_count; i++) {
		const struct loan *loan = &now->loans[i];

		if (loan->to == q->from)
			return err_impossible(
				e, "slice %u borrows CPUs %s of slice %u and cannot lend meanwhile",
				q->from, CPUSET_STRING(&loan->cpus), loan->from);
		if (loan->from == q->to)
			return err_impossible(
				e, "slice %u lends CPUs %s to slice %u and cannot borrow meanwhile",
				q->to, CPUSET_STRING(&loan->cpus), loan->to);
	}
	return 0;
}

/*
 * The nearest core of which `free` has all that is the donor's, the first of equal ones; empty if
 * there is none.
 */
static struct cpuset nearest_core(const struct topology *t, const struct cpuset *home,
				  const struct nearness *near, const struct cpuset *free)
{
	struct cpuset best = {0};
	unsigned least = UINT32_MAX;

	for (unsigned core = 0; core < t->core_count; core++) {
		struct cpuset cpus = topology_core_cpus(t, core);
		unsigned rank;

		cpus = cpuset_and(&cpus, home);
		if (cpuset_is_empty(&cpus) || !cpuset_is_subset(&cpus, free))
			continue;
		rank = nearness_rank(near, t, core);
		if (rank < least) {
			least = rank;
			best = cpus;
		}
	}
	return best;
}

static int choose(const struct plan *now, const struct topology *t, const struct loan_request *q,
		  struct cpuset *out, struct err *e)
{
	struct nearness near = nearness_of(t, &now->slices[q->to].cpus);
	const struct slice *donor = &now->slices[q->from];
	struct cpuset free = donor->cpus, chosen = {0}, has = plan_effective_cpus(now, q->from);
	unsigned keep = q->keep ? q->keep : 1, left, cores = 0;

	for (unsigned i = 0; i < now->loan_count; i++) {
		if (now->loans[i].from == q->from)
			free = cpuset_and_not(&free, &now->loans[i].cpus);
	}
	has = cpuset_and(&has, &t->allowed);
	left = cpuset_count(&has);
	for (; cores < q->cores; cores++) {
		struct cpuset core = nearest_core(t, &donor->cpus, &near, &free);
		unsigned count = cpuset_count(&core);

		if (!count || (q->mode == LOANS_EXCLUSIVE && left < count + keep))
			break;
		left -= count;
		free = cpuset_and_not(&free, &core);
		chosen = cpuset_or(&chosen, &core);
	}
	if (cores < q->cores && q->mode == LOANS_EXCLUSIVE)
		return err_impossible(
			e,
			"slice %u cannot lend %u cores exclusively: at most %u, because "
			"it keeps %u CPUs (rebalance.keep), in whole cores, and lends "
			"no core twice",
			q->from, q->cores, cores, keep);
	if (cores < q->cores)
		return err_impossible(e, "slice %u cannot lend %u cores: %u of its %u are not lent",
				      q->from, q->cores, cores, donor->cores);
	*out = chosen;
	return 0;
}

int loan_request(const struct plan *now, const struct topology *t,
		 const struct loan_request *request, struct plan *out, struct err *e)
{
	const struct loan loan = {
		.from = request->from, .to = request->to, .mode = request->mode, .by_hand = true};
	struct cpuset cpus;
	unsigned at = 0;

	if (check_parties(now, request, e) < 0)
		return e->code;
	/* The loan by hand that these CPUs add to, or the place of a new one. */
	while (at < now->loan_count && !loan_is_same(&now->loans[at], &loan))
		at++;
	if (at == SLICES_MAX)
		return err_impossible(e, "there are %u loans already, and no more are kept",
				      now->loan_count);
	if (choose(now, t, request, &cpus, e) < 0)
		return e->code;
	*out = *now;
	if (at == now->loan_count) {
		out->loan_count++;
		out->loans[at] = loan;
	}
	out->loans[at].cpus = cpuset_or(&out->loans[at].cpus, &cpus);
	return 0;
}

void loan_reset(const struct plan *now, struct plan *out)
{
	*out = *now;
	memset(out->loans, 0, sizeof(out->loans));
	out->loan_count = 0;
}
