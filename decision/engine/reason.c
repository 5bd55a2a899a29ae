/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/reason.h"

#include <math.h>
#include <stdarg.h>

#include "decision/partition/usable.h"

/* What the slower one of two spends more on. */
static const char *const causes[COST_TERMS] = {
	[COST_FIXED] = "its driver",
	[COST_SLICE] = "starting more JVMs",
	[COST_COLD] = "JVMs that are cold",
	[COST_STAGE] = "starting more tasks",
	[COST_SERIAL] = "work that no core shares",
	[COST_WORK] = "having fewer cores",
	[COST_CONTENTION] = "locks inside a JVM",
	[COST_COHERENCY] = "coherency between the cores of a JVM",
	[COST_GC] = "garbage collection",
	[COST_REMOTE] = "remote memory",
	[COST_SHUFFLE] = "shuffle between JVMs",
	[COST_SPILL] = "what memory does not hold",
	[COST_TAIL] = "waiting for the last tasks",
};

struct sizes_text {
	char text[64];
};

/* "8 slices of 15 cores", "one JVM on 120 cores". */
static char *sizes(const struct candidate *c, struct sizes_text *out)
{
	const char *plural = c->cores == 1 ? "" : "s", *most = "";

	if (c->slices == 1 && c->executors == 1) {
		snprintf(out->text, sizeof(out->text), "one JVM on %u core%s", c->cores, plural);
		return out->text;
	}
	if (c->executors > 1) {
		snprintf(out->text, sizeof(out->text), "%u slice%s of %u core%s and %u executors",
			 c->slices, c->slices == 1 ? "" : "s", c->cores, plural, c->executors);
		return out->text;
	}
	if (c->shape.cores && c->shape.cores != c->slices * c->cores)
		most = "at most ";
	snprintf(out->text, sizeof(out->text), "%u slices of %s%u core%s", c->slices, most,
		 c->cores, plural);
	return out->text;
}
#define SIZES(c) sizes((c), &(struct sizes_text){{0}})

__attribute__((format(printf, 2, 3))) static void append(char why[PLAN_TEXT], const char *format,
							 ...)
{
	size_t used = strlen(why);
	va_list args;

	va_start(args, format);
	vsnprintf(why + used, PLAN_TEXT - used, format, args);
	va_end(args);
}

/* Where `slow` loses most against `fast`. */
static void append_loss(const struct engine *g, const struct candidate *slow,
			const struct candidate *fast, char why[PLAN_TEXT])
{
	enum cost_term term = COST_FIXED;
	double seconds = 0;

	for (enum cost_term i = 0; i < COST_TERMS; i++) {
		double more = g->coefficients->c[i] * (slow->features.x[i] - fast->features.x[i]);

		if (more > seconds) {
			seconds = more;
			term = i;
		}
	}
	if (seconds > 0)
		append(why, "%.*f s to %s", seconds < 10 ? 1 : 0, seconds, causes[term]);
}

static const char *asks_reason(const struct candidate *c)
{
	return c->place.splits_node ? "cutting a node"
	       : c->executors > 1   ? "more executors than memory asks for"
				    : "leaving cores idle";
}

/* Measured coefficients leave nothing to prefer but slices that stay in a package. */
static const char *preference(const struct engine *g, const struct candidate *a,
			      const struct candidate *b)
{
	if (g->is_measured && a->place.crosses_packages == b->place.crosses_packages)
		return NULL;
	return engine_preference(a, b);
}

/* "12 % slower": as many digits as a prediction is good for. */
static void append_speed(double slower, char why[PLAN_TEXT])
{
	double percent = 100 * fabs(slower);

	if (slower > 1)
		append(why, "%.1f × the time", 1 + slower);
	else if (percent < 0.5)
		append(why, "as fast");
	else
		append(why, "%.0f %% %s", percent, slower < 0 ? "faster" : "slower");
}

/* Why `c` is not the chosen one. */
static void explain_other(const struct engine *g, struct candidate *c)
{
	const struct candidate *chosen = &g->candidates[g->chosen];
	double slower = c->seconds / chosen->seconds - 1;
	const char *why = preference(g, chosen, c), *and = slower < 0 ? "but" : "and";
	bool is_auto = partition_is_auto(&g->profile->partition);

	append_speed(slower, c->why);
	if (c->is_starved) {
		append(c->why, ", %s with several executors a task has more memory", and);
	} else if (is_auto && (c->is_small || c->is_uneven)) {
		append(c->why, ", %s it has slices that are %s", and,
		       c->is_small ? "too small" : "unequal parts of a node");
	} else if (slower > ENGINE_TIE) {
		append(c->why, ": ");
		append_loss(g, c, chosen, c->why);
	} else if (is_auto && c->needs_reason && !chosen->needs_reason && !g->is_measured) {
		append(c->why, ", %s %s must gain %.0f %%", and, asks_reason(c), 100 * g->error);
	} else if (is_auto && why) {
		append(c->why, ", %s %s", and, why);
	}
}

/* The winner beside the one that a reader would ask about. */
static void explain_against(const struct engine *g, struct candidate *c, const struct candidate *r)
{
	double ratio = r->seconds / c->seconds;
	const char *why = preference(g, c, r);

	if (ratio > 1 + ENGINE_TIE) {
		append(c->why, "%.1f (%.1f … %.1f) × %s, which lose%s ", ratio,
		       ratio / (1 + g->error), ratio * (1 + g->error), SIZES(r),
		       r->slices > 1 ? "" : "s");
		append_loss(g, r, c, c->why);
	} else if (r->needs_reason && !c->needs_reason && !g->is_measured &&
		   partition_is_auto(&g->profile->partition)) {
		append(c->why, "%s would be ", SIZES(r));
		append_speed(ratio - 1, c->why);
		append(c->why, ", and %s must gain %.0f %%", asks_reason(r), 100 * g->error);
	} else if (why || ratio >= 1) {
		append(c->why, "%.1f × %s%s%s", ratio, SIZES(r),
		       why ? ", within the error of the model; " : "", why ? why : "");
	} else {
		append(c->why, "%.1f × %s, against which it loses ", ratio, SIZES(r));
		append_loss(g, c, r, c->why);
	}
}

static void explain_chosen(const struct engine *g, struct candidate *c)
{
	const struct candidate *rival = &g->candidates[g->rival];
	bool is_auto = partition_is_auto(&g->profile->partition);

	if (!c->predicted) { /* its refusal by the model is there already */
		append(c->why, "%staken unpredicted", c->why[0] ? "; " : "");
		return;
	}
	append(c->why, "%s%s", is_auto ? "" : "as the profile says, ", SIZES(c));
	if (rival == c || !candidate_is_open(rival))
		return;
	append(c->why, ": ");
	explain_against(g, c, rival);
}

void engine_explain(struct engine *g)
{
	for (unsigned i = 0; i < g->count; i++) {
		struct candidate *c = &g->candidates[i];

		if (i == g->chosen)
			explain_chosen(g, c);
		else if (candidate_is_open(c))
			explain_other(g, c);
	}
}
