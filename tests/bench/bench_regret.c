/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine against rules of thumb, on the machines with hidden laws of tests/decision/laws.h: how
 * much longer a job takes than on the best partition. All rules meet the same machines and laws.
 * Prints a table and writes build/bench/regret.json. Run in the source tree.
 */

#include <jansson.h>
#include <math.h>

#include "tests/bench/groups.h"
#include "tests/decision/laws.h"
#include "tests/harness.h"

enum { LAWS = 5000 };

static struct law law;
static double regrets[RULES][LAWS];
static double tuned_off[LAWS], cold_off[LAWS];

/* How far predictions of the tuned model are off, as factors less 1. */
static json_t *add_predictions(const char *name, double *off)
{
	double median = expm1(quantile(off, LAWS, 0.5)), p95 = expm1(quantile(off, LAWS, 0.95));

	printf("whole job as predicted, %-24s off by %.1f %% in the median, 95th percentile "
	       "%.1f %%\n",
	       name, 100 * median, 100 * p95);
	return json_pack("{s:s, s:f, s:f}", "rule", name, "median", median, "p95", p95);
}

int main(void)
{
	unsigned long long state = test_seed();
	json_t *list = json_array(), *predictions = json_array();

	for (unsigned i = 0; i < LAWS; i++) {
		double regret[RULES];

		law_random(&state, &law);
		law_regrets(&state, &law, regret);
		for (enum rule rule = 0; rule < RULES; rule++)
			regrets[rule][i] = regret[rule];
		tuned_off[i] = fabs(log(law.tuned_off));
		cold_off[i] = fabs(log(law.cold_off));
	}
	printf("regret over %d random machines with hidden laws, seed %lu\n", LAWS, test_seed());
	printf("%-24s %9s %9s %9s %9s\n", "", "median", "75th", "95th", "99th");
	for (enum rule rule = 0; rule < RULES; rule++) {
		double *r = regrets[rule];
		double median = quantile(r, LAWS, 0.5), p75 = quantile(r, LAWS, 0.75);
		double p95 = quantile(r, LAWS, 0.95), p99 = quantile(r, LAWS, 0.99);

		printf("%-24s %7.2f %% %7.2f %% %7.2f %% %7.2f %%\n", rule_name(rule), 100 * median,
		       100 * p75, 100 * p95, 100 * p99);
		json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f, s:f}", "rule",
						      rule_name(rule), "median", median, "p75", p75,
						      "p95", p95, "p99", p99));
	}
	json_array_append_new(predictions, add_predictions(rule_name(RULE_TUNED), tuned_off));
	json_array_append_new(predictions, add_predictions(rule_name(RULE_TUNED_COLD), cold_off));
	bench_write("regret",
		    json_pack("{s:s, s:i, s:I, s:o, s:o}", "schema", "cleave.bench-regret/2",
			      "laws", LAWS, "seed", (json_int_t)test_seed(), "rules", list,
			      "predictions", predictions));
	return 0;
}
