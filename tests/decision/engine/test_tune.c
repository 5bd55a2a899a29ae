/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tuning on machines with hidden laws: after at most six probes the engine's choice is near the
 * best, and nearer than any rule of thumb. The line that it prints is the proof.
 */

#include <math.h>

#include "decision/engine/tune.h"
#include "tests/decision/laws.h"
#include "tests/harness.h"

enum { LAWS = 2000 };

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
	ck_assert_msg(median[RULE_TUNED] <= 0.02 && p95[RULE_TUNED] <= 0.10,
		      "SEED=%lu: tuned: median %g, 95th percentile %g", test_seed(),
		      median[RULE_TUNED], p95[RULE_TUNED]);
	ck_assert_msg(median[RULE_TUNED] <= best_rule,
		      "SEED=%lu: the best rule of thumb has median %g, tuned %g", test_seed(),
		      best_rule, median[RULE_TUNED]);
}
END_TEST

TEST_MAIN("tune", test_case("regret", regret_is_small))
