/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine against rules of thumb, on the machines with hidden laws of tests/decision/laws.h: how
 * much longer a job takes than on the best partition. All rules meet the same machines and laws.
 * Prints a table and writes build/bench/regret.json. Run in the source tree.
 */

#include <jansson.h>

#include "tests/bench/groups.h"
#include "tests/decision/laws.h"
#include "tests/harness.h"

enum { LAWS = 5000 };

static struct law law;
static double regrets[RULES][LAWS];

int main(void)
{
	unsigned long long state = test_seed();
	json_t *list = json_array();

	for (unsigned i = 0; i < LAWS; i++) {
		double regret[RULES];

		law_random(&state, &law);
		law_regrets(&state, &law, regret);
		for (enum rule rule = 0; rule < RULES; rule++)
			regrets[rule][i] = regret[rule];
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
	bench_write("regret",
		    json_pack("{s:s, s:i, s:I, s:o}", "schema", "cleave.bench-regret/1", "laws",
			      LAWS, "seed", (json_int_t)test_seed(), "rules", list));
	return 0;
}
