/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tune can try, and tuning on machines with hidden laws: after at most six probes the engine's
 * choice is near the best, and nearer than any rule of thumb. The line that it prints is the proof.
 */

#include <math.h>

#include "decision/engine/tune.h"
#include "tests/decision/laws.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

enum { LAWS = 2000, LISTS = 200 };

static struct law law;
static double regrets[RULES][LAWS];

START_TEST(regret_is_small)
{
	unsigned long long state = test_seed();
	double median[RULES], p95[RULES], best_rule = INFINITY;
	unsigned most = 0;

	for (unsigned round = 0; round < LAWS; round++) {
		unsigned long long before = state;
		double regret[RULES];

		law_random(&state, &law);
		law_regrets(&state, &law, regret);
		most = law.probes > most ? law.probes : most;
		for (enum rule rule = 0; rule < RULES; rule++) {
			ck_assert_msg(isfinite(regret[rule]) && regret[rule] >= 0,
				      "SEED=%lu state %#llx: %s: %g", test_seed(), before,
				      rule_name(rule), regret[rule]);
			regrets[rule][round] = regret[rule];
		}
	}
	for (enum rule rule = 0; rule < RULES; rule++) {
		median[rule] = quantile(regrets[rule], LAWS, 0.5);
		p95[rule] = quantile(regrets[rule], LAWS, 0.95);
		printf("# SEED=%lu regret over %d laws, %-24s median %5.2f %%, 95th %6.2f %%\n",
		       test_seed(), LAWS, rule_name(rule), 100 * median[rule], 100 * p95[rule]);
		if (rule >= RULE_MACHINE)
			best_rule = fmin(best_rule, median[rule]);
	}
	ck_assert(most <= PROBES_MOST);
	for (enum rule rule = RULE_TUNED; rule <= RULE_TUNED_COLD; rule++)
		ck_assert_msg(median[rule] <= 0.02 && p95[rule] <= 0.10,
			      "SEED=%lu: %s: median %g, 95th percentile %g", test_seed(),
			      rule_name(rule), median[rule], p95[rule]);
	ck_assert_msg(p95[RULE_TUNED] < p95[RULE_ENGINE],
		      "SEED=%lu: 95th percentile: tuned %g, with the built-in table %g",
		      test_seed(), p95[RULE_TUNED], p95[RULE_ENGINE]);
	ck_assert_msg(median[RULE_TUNED] <= best_rule,
		      "SEED=%lu: the best rule of thumb has median %g, tuned %g", test_seed(),
		      best_rule, median[RULE_TUNED]);
}
END_TEST

/* ---- the list */

static struct tune list;

static void option_is_right(unsigned at, bool has_small, bool repeats, const char *where)
{
	const struct probe_option *o = &list.options[at];
	const struct candidate *c = &law.engine.candidates[list.candidate[at]];
	bool is_large = list.runs[at][0].size == TUNE_LARGE;
	const double *cold = o->runs[0].x, *warm = o->runs[1].x, *less = o->runs[2].x;

	ck_assert_msg(candidate_is_automatic(c) && !o->tried, "%s", where);
	ck_assert_msg(memcmp(&o->whole, &c->features, sizeof(o->whole)) == 0, "%s", where);
	ck_assert_msg(o->run_count == (is_large && repeats ? 2u + has_small : 1u), "%s: %u runs",
		      where, o->run_count);
	ck_assert_msg(is_large || has_small, "%s", where);
	ck_assert_msg(!list.runs[at][0].is_warm && cold[COST_FIXED] == 1 && cold[COST_COLD] > 0,
		      "%s", where);
	/* with slots for loans, up to four a CPU, a task is up to 18 % slower */
	ck_assert_msg(cold[COST_WORK] > 0 &&
			      cold[COST_WORK] < 1.19 * TUNE_SHARE * o->whole.x[COST_WORK],
		      "%s: work %g of %g", where, cold[COST_WORK], o->whole.x[COST_WORK]);
	ck_assert_msg(c->shape.heap_bytes ? list.heap_bytes[at] >= HEAP_LEAST_BYTES
					  : !list.heap_bytes[at],
		      "%s", where);
	if (o->run_count >= 2)
		ck_assert_msg(warm[COST_FIXED] == 0 && warm[COST_SLICE] == 0 &&
				      warm[COST_COLD] == 0 && warm[COST_WORK] == cold[COST_WORK],
			      "%s", where);
	if (o->run_count == 3)
		ck_assert_msg(less[COST_COLD] == 0 && less[COST_WORK] < warm[COST_WORK] / 3, "%s",
			      where);
}

/*
 * Every candidate that may be taken is there once, and with slots for loans, in each size where it
 * is not repeated.
 */
START_TEST(each_candidate_is_a_probe_of_each_size)
{
	unsigned long long state = test_seed();
	char where[64];

	for (unsigned round = 0; round < LISTS; round++) {
		bool has_small = random_once(&state, 2), repeats = random_once(&state, 2);
		unsigned seen[TUNE_SIZES] = {0}, open = 0;
		uint64_t bytes[TUNE_SIZES] = {0};

		law_random(&state, &law);
		snprintf(where, sizeof(where), "SEED=%lu round %u", test_seed(), round);
		bytes[TUNE_LARGE] = (uint64_t)(TUNE_SHARE * (double)law.engine.job.data_bytes);
		if (has_small)
			bytes[TUNE_SMALL] = bytes[TUNE_LARGE] / 4;
		tune_list(&law.engine, bytes, repeats, &list);
		for (unsigned i = 0; i < list.count; i++) {
			option_is_right(i, has_small, repeats, where);
			seen[list.runs[i][0].size]++;
		}
		for (unsigned i = 0; i < law.engine.count; i++) {
			const struct candidate *c = &law.engine.candidates[i];

			if (candidate_is_automatic(c))
				open += c->slots >= 2 * c->shape.slots ? 2 : 1;
		}
		ck_assert_msg(seen[TUNE_LARGE] == open &&
				      seen[TUNE_SMALL] == (has_small && !repeats ? open : 0),
			      "%s: %u and %u of %u", where, seen[TUNE_LARGE], seen[TUNE_SMALL],
			      open);
	}
}
END_TEST

TEST_MAIN("tune", test_case("list", each_candidate_is_a_probe_of_each_size),
	  test_case("regret", regret_is_small))
