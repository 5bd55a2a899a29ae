#include "decision/lending/loan_request.h"

#include "decision/machine/nearness.h"

static int check_parties(const struct plan *now, const struct loan_wish *w, struct err *e)
{
	const unsigned ids[] = {w->from, w->to};

	if (!w->cores)
		return err_wrong(e, "0 cores are no loan: lend at least 1");
	for (unsigned i = 0; i < 2; i++) {
		if (ids[i] >= now->slice_count)
			return err_impossible(e, "there is no slice %u: the plan has %u, from 0 on",
					      ids[i], now->slice_count);
	}
	if (w->from == w->to)
		return err_impossible(e, "slice %u cannot lend to itself", w->from);
	for (unsigned i = 0; i < now->loan_count; i++) {
		const struct loan *loan = &now->loans[i];

		if (loan->to == w->from)
			return err_impossible(
				e, "slice %u borrows CPUs %s of slice %u and cannot lend meanwhile",
				w->from, CPUSET_STRING(&loan->cpus), loan->from);
		if (loan->from == w->to)
			return err_impossible(
				e, "slice %u lends CPUs %s to slice %u and cannot borrow meanwhile",
				w->to, CPUSET_STRING(&loan->cpus), loan->to);
	}
	return 0;
}

/* What the donor has of its home set and lends to nobody. */
static struct cpuset unlent(const struct plan *now, const struct loan_wish *w)
{
	struct cpuset cpus = now->slices[w->from].cpus;

	for (unsigned i = 0; i < now->loan_count; i++) {
		if (now->loans[i].from == w->from)
			cpus = cpuset_and_not(&cpus, &now->loans[i].cpus);
	}
	return cpus;
}

/* The donor's CPUs of a core, if none of them is lent; else none. */
static struct cpuset whole_core(const struct plan *now, const struct topology *t,
				const struct loan_wish *w, const struct cpuset *free, unsigned core)
{
	struct cpuset cpus = topology_core_cpus(t, core), none = {0};

	cpus = cpuset_and(&cpus, &now->slices[w->from].cpus);
	return cpuset_is_subset(&cpus, free) ? cpus : none;
}

/* The nearest core of those in `free`, the first of equal ones; empty if there is none. */
static struct cpuset nearest_core(const struct plan *now, const struct topology *t,
				  const struct loan_wish *w, const struct nearness *near,
				  const struct cpuset *free)
{
	struct cpuset best = {0};
	unsigned least = UINT32_MAX;

	for (unsigned core = 0; core < t->core_count; core++) {
		struct cpuset cpus = whole_core(now, t, w, free, core);
		unsigned rank;

		if (cpuset_is_empty(&cpus))
			continue;
		rank = nearness_rank(near, t, core);
		if (rank < least) {
			least = rank;
			best = cpus;
		}
	}
	return best;
}

/* CPUs of the home set that the donor has. */
static unsigned rest(const struct plan *now, const struct topology *t, const struct loan_wish *w)
{
	struct cpuset own = plan_effective_cpus(now, w->from);

	own = cpuset_and(&own, &t->allowed);
	return cpuset_count(&own);
}

static int choose(const struct plan *now, const struct topology *t, const struct loan_wish *w,
		  struct cpuset *out, struct err *e)
{
	struct nearness near = nearness_of(t, &now->slices[w->to].cpus);
	struct cpuset free = unlent(now, w), chosen = {0};
	unsigned keep = w->keep ? w->keep : 1, own = rest(now, t, w), cores = 0;

	for (; cores < w->cores; cores++) {
		struct cpuset core = nearest_core(now, t, w, &near, &free);
		unsigned count = cpuset_count(&core);

		if (!count || (w->mode == LOANS_EXCLUSIVE && own < count + keep))
			break;
		own -= count;
		free = cpuset_and_not(&free, &core);
		chosen = cpuset_or(&chosen, &core);
	}
	if (cores < w->cores && w->mode == LOANS_EXCLUSIVE)
		return err_impossible(
			e,
			"slice %u cannot lend %u cores exclusively: at most %u, because "
			"it keeps %u CPUs (rebalance.keep), in whole cores, and lends "
			"no core twice",
			w->from, w->cores, cores, keep);
	if (cores < w->cores)
		return err_impossible(e, "slice %u cannot lend %u cores: %u of its %u are not lent",
				      w->from, w->cores, cores, now->slices[w->from].cores);
	*out = chosen;
	return 0;
}

/* The loan by hand that these CPUs add to, or the place of a new one. */
static unsigned find_loan(const struct plan *now, const struct loan_wish *w)
{
	unsigned i = 0;

	while (i < now->loan_count && (now->loans[i].from != w->from || now->loans[i].to != w->to ||
				       now->loans[i].mode != w->mode || !now->loans[i].by_hand))
		i++;
	return i;
}

int loan_wish(const struct plan *now, const struct topology *t, const struct loan_wish *wish,
	      struct plan *out, struct err *e)
{
	struct cpuset cpus;
	unsigned at = find_loan(now, wish);

	if (check_parties(now, wish, e) < 0)
		return e->code;
	if (at == SLICES_MAX)
		return err_impossible(e, "there are %u loans already, and no more are kept",
				      now->loan_count);
	if (choose(now, t, wish, &cpus, e) < 0)
		return e->code;
	*out = *now;
	if (at == now->loan_count) {
		out->loan_count++;
		out->loans[at] = (struct loan){
			.from = wish->from, .to = wish->to, .mode = wish->mode, .by_hand = true};
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
