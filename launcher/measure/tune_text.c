/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/size_text.h"
#include "launcher/measure/tune.h"
#include "launcher/show/table.h"

/* As decision/cost/cost.h has them. */
static const char *const units[COST_TERMS] = {
	[COST_FIXED] = "s",
	[COST_SLICE] = "core-s an executor",
	[COST_COLD] = "s",
	[COST_STAGE] = "s",
	[COST_SERIAL] = "s/GB",
	[COST_WORK] = "core-s/GB",
	[COST_CONTENTION] = "core-s/GB a core",
	[COST_COHERENCY] = "core-s/GB a pair of cores",
	[COST_GC] = "s/GB, one thread",
	[COST_REMOTE] = "core-s/GB at twice the distance",
	[COST_SHUFFLE] = "core-s/GB sent",
	[COST_SPILL] = "s/GB",
	[COST_TAIL] = "core-s/GB of a task",
};

static int print_runs(const struct tuning *t)
{
	static const char *const titles[] = {">probe",	   "partition", ">slots",  ">data", "run",
					     ">predicted", ">measured", ">fitted", NULL};
	cleanup_table struct table table;

	table_init(&table, titles);
	for (unsigned i = 0; i < t->run_count; i++) {
		const struct tuning_run *run = &t->did[i];

		table_add(&table, "%u", run->probe + 1);
		table_add(&table, "%s", TUNING_SIZES(tuning_candidate(t, run->option)));
		table_add(&table, "%.0f", t->tune.slots[run->option]);
		table_add(&table, "%s", SIZE_STRING(t->data[run->what.size].bytes));
		table_add(&table, "%s", run->what.is_warm ? "warm" : "cold");
		table_add(&table, "%.1f s", run->expected);
		table_add(&table, "%.1f s", t->runs[i].seconds);
		table_add(&table, "%.1f s", cost_seconds(&t->fit.theta, &t->runs[i].x));
	}
	return table_print(&table, stdout);
}

static int print_coefficients(const struct tuning *t)
{
	static const char *const titles[] = {"coefficient", ">built in", ">fitted",
					     ">confidence", "unit",	 NULL};
	const struct cost_coefficients *builtin = t->engine.coefficients;
	cleanup_table struct table table;

	table_init(&table, titles);
	for (unsigned i = 0; i < COST_TERMS; i++) {
		table_add(&table, "%s", cost_term_name((enum cost_term)i));
		table_add(&table, "%.3g", builtin->c[i]);
		table_add(&table, "%.3g", t->fit.theta.c[i]);
		table_add(&table, "%.0f %%", 100 * t->fit.confidence[i]);
		table_add(&table, "%s", units[i]);
	}
	return table_print(&table, stdout);
}

/* What the engine takes with the fitted coefficients, beside what it takes without. */
static int print_choice(const struct tuning *t, struct err *e)
{
	cleanup_free struct engine *tuned = malloc(sizeof(*tuned));
	const struct candidate *before = &t->engine.candidates[t->engine.chosen], *now;
	struct facts facts = t->in.facts;

	if (!tuned)
		return err_set(e, -ENOMEM, "out of memory");
	facts.has_model = true;
	facts.model = t->fit.theta;
	facts.model_error = fmax(t->fit.error, FIT_NOISE);
	if (engine_decide(&t->in.topology, &t->in.profile, &facts, &t->reserve, tuned, e) < 0)
		return e->code;
	now = &tuned->candidates[tuned->chosen];
	printf("\nRecommended: %s, %u task slots each, %.0f s predicted for %s%s.\n",
	       TUNING_SIZES(now), now->slots, now->seconds, SIZE_STRING(tuned->job.data_bytes),
	       tuned->data_assumed ? " (assumed: workload.data.size is not known)" : "");
	if (now->slices == before->slices && now->cores == before->cores &&
	    now->executors == before->executors)
		puts("The built-in table takes the same.");
	else
		printf("The built-in table takes %s: %.0f s by the fitted coefficients.\n",
		       TUNING_SIZES(before), cost_seconds(&t->fit.theta, &before->features));
	puts("With partition left to auto, this line in the profile has that taken:");
	printf("  workload: {model: \"%s\"}\n", FOREIGN(t->model_path));
	puts("Written out, without the model, it is:");
	printf("  partition: {by: %s", partition_by_name(now->choice.by));
	if (now->choice.slices != AMOUNT_AUTO)
		printf(", slices: %d", now->choice.slices);
	if (now->choice.cores != AMOUNT_AUTO)
		printf(", cores: %d", now->choice.cores);
	printf("}\n  spark: {executors: %u}\n", now->executors);
	return 0;
}

int tuning_report(const struct tuning *t, struct err *e)
{
	int r = print_runs(t);

	putchar('\n');
	if (!r)
		r = print_coefficients(t);
	if (r)
		return err_set(e, r, "out of memory");
	printf("\nThe fit is off by %.1f %% in the mean. Confidence: the share of the table's doubt "
	       "that the probes removed.\n",
	       100 * t->fit.error);
	if (t->fit.error > 2 * FIT_NOISE)
		puts("That is much: something else used the machine, or the model lacks what matters "
		     "to this application.");
	return print_choice(t, e);
}
