/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/plan/bench.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "decision/base/strings.h"

/* Medians that differ by less say nothing: so much a machine at rest varies from day to day. */
static const double MATTERS = 1.02;

/* ---- words ---- */

static const struct {
	const char *name, *words;
} sides[BENCH_SIDES] = {
	[BENCH_PLAIN] = {"plain", "plain Spark"},
	[BENCH_BALANCED] = {"balanced", "plain Spark with balanced pages"},
	[BENCH_WORKERS] = {"workers", "Workers without binding"},
	[BENCH_SLICED] = {"sliced", "slices"},
	[BENCH_LENT] = {"lent", "slices with loans"},
};

const char *bench_side_name(unsigned side)
{
	return sides[side].name;
}

const char *bench_side_words(enum bench_side side)
{
	return sides[side].words;
}

const char *bench_metric_name(unsigned metric)
{
	static const char *const names[BENCH_METRICS] = {
		[BENCH_SECONDS] = "seconds",	   [BENCH_START] = "start_seconds",
		[BENCH_THROUGHPUT] = "throughput", [BENCH_CPU_IDLE] = "cpu_idle",
		[BENCH_GC] = "gc_seconds",	   [BENCH_LOCAL] = "local_share",
		[BENCH_PEAK] = "peak_bytes",	   [BENCH_WRITTEN] = "written_bytes",
	};

	return names[metric];
}

const char *bench_verdict_name(unsigned verdict)
{
	static const char *const names[BENCH_VERDICTS] = {
		[BENCH_UNKNOWN] = "unknown",
		[BENCH_PAID] = "paid",
		[BENCH_DID_NOT_PAY] = "did-not-pay",
		[BENCH_NO_MATTER] = "no-matter",
	};

	return names[verdict];
}

const char *bench_collector(enum gc gc)
{
	static const char *const names[] = {
		[GC_AUTO] = "auto", [GC_PARALLEL] = "Parallel",	    [GC_G1] = "G1",
		[GC_ZGC] = "ZGC",   [GC_SHENANDOAH] = "Shenandoah", [GC_SERIAL] = "Serial",
	};

	return names[gc];
}

bool bench_has_collectors(const struct bench *b)
{
	for (unsigned i = 1; i < b->case_count; i++)
		if (b->cases[i].gc != b->cases[0].gc)
			return true;
	return false;
}

void bench_case_side(const struct bench *b, unsigned case_id, char text[BENCH_WORDS])
{
	static const char *const ones[BENCH_SIDES] = {
		[BENCH_WORKERS] = "1 Worker without binding",
		[BENCH_SLICED] = "1 slice",
		[BENCH_LENT] = "1 slice with loans",
	};
	const struct bench_case *c = &b->cases[case_id];
	const bool is_counted = ones[c->side] && c->slices > 0;

	if (is_counted && c->slices > 1)
		snprintf(text, BENCH_WORDS, "%u %s", c->slices, bench_side_words(c->side));
	else
		snprintf(text, BENCH_WORDS, "%s",
			 is_counted ? ones[c->side] : bench_side_words(c->side));
}

void bench_case_words(const struct bench *b, unsigned case_id, char text[BENCH_WORDS])
{
	size_t used;

	bench_case_side(b, case_id, text);
	used = strlen(text);
	if (bench_has_collectors(b))
		snprintf(text + used, BENCH_WORDS - used, " under %s",
			 bench_collector(b->cases[case_id].gc));
}

char *bench_number(double value, char text[BENCH_NUMBER])
{
	snprintf(text, BENCH_NUMBER, "%.*f", value < 9.995 ? 2 : value < 999.95 ? 1 : 0, value);
	return text;
}

/* ---- what is in its place ---- */

static int check_case(const struct bench_case *c, struct err *e)
{
	if (c->gc == GC_AUTO)
		return err_wrong(e, "gc: a case has one collector, not auto");
	if (c->slices > SLICES_MAX || (!c->skipped[0] && c->slices == 0))
		return err_wrong(e, "slices: %u is not in 1 … %d", c->slices, SLICES_MAX);
	if (c->cores > TOPOLOGY_CPUS || (!c->skipped[0] && c->cores == 0))
		return err_wrong(e, "cores: %u is not in 1 … %d", c->cores, TOPOLOGY_CPUS);
	return 0;
}

/* Negated, so that what is no number is wrong as well. */
static int check_run(const struct bench *b, const struct bench_run *run, struct err *e)
{
	if (run->case_id >= b->case_count)
		return err_wrong(e, "case: %u, but there are %u", run->case_id, b->case_count);
	if (b->cases[run->case_id].skipped[0])
		return err_wrong(e, "case: %u is one that is not run here", run->case_id);
	if (run->repetition >= b->repetitions)
		return err_wrong(e, "repetition: %u, but there are %u", run->repetition,
				 b->repetitions);
	if (!run->failed[0] && !(run->seconds >= BENCH_SECONDS_LEAST))
		return err_wrong(e, "seconds: %g is less than %g", run->seconds,
				 BENCH_SECONDS_LEAST);
	if (!(run->seconds <= BENCH_SECONDS_MOST) || !(run->start_seconds <= BENCH_SECONDS_MOST) ||
	    !(run->gc_seconds <= BENCH_SECONDS_MOST))
		return err_wrong(e, "seconds: more than %g", BENCH_SECONDS_MOST);
	if (!(run->cpu_idle <= 1) || !(run->local_share <= 1))
		return err_wrong(e, "a share of more than 1");
	return 0;
}

int bench_check(const struct bench *b, struct err *e)
{
	bool seen[BENCH_CASES][BENCH_REPETITIONS_MAX] = {0};

	if (b->repetitions < 1 || b->repetitions > BENCH_REPETITIONS_MAX)
		return err_wrong(e, "repetitions: %u is not in 1 … %d", b->repetitions,
				 BENCH_REPETITIONS_MAX);
	for (unsigned i = 0; i < b->case_count; i++)
		if (check_case(&b->cases[i], e))
			return err_wrap(e, "cases[%u]", i);
	for (unsigned i = 0; i < b->run_count; i++) {
		const struct bench_run *run = &b->runs[i];

		if (check_run(b, run, e))
			return err_wrap(e, "runs[%u]", i);
		if (seen[run->case_id][run->repetition])
			return err_wrong(e, "runs[%u]: case %u has a repetition %u already", i,
					 run->case_id, run->repetition);
		seen[run->case_id][run->repetition] = true;
	}
	return 0;
}

/* ---- figures ---- */

static double bytes_value(uint64_t bytes)
{
	return bytes == UINT64_MAX ? -1 : (double)bytes;
}

double bench_value(const struct bench *b, const struct bench_run *run, enum bench_metric metric)
{
	switch (metric) {
	case BENCH_SECONDS:
		return run->seconds;
	case BENCH_START:
		return run->start_seconds;
	case BENCH_THROUGHPUT:
		return b->data_bytes && run->seconds > 0 ? (double)b->data_bytes / run->seconds
							 : -1;
	case BENCH_CPU_IDLE:
		return run->cpu_idle;
	case BENCH_GC:
		return run->gc_seconds;
	case BENCH_LOCAL:
		return run->local_share;
	case BENCH_PEAK:
		return bytes_value(run->peak_bytes);
	case BENCH_WRITTEN:
		return bytes_value(run->written_bytes);
	case BENCH_METRICS:
		break;
	}
	return -1;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct bench_spread bench_spread(const struct bench *b, unsigned case_id, enum bench_metric metric)
{
	double values[BENCH_RUNS];
	unsigned n = 0;

	for (unsigned i = 0; i < b->run_count; i++) {
		const struct bench_run *run = &b->runs[i];
		double value = bench_value(b, run, metric);

		if (run->case_id == case_id && !run->failed[0] && value >= 0)
			values[n++] = value;
	}
	if (n == 0)
		return (struct bench_spread){0};
	qsort(values, n, sizeof(*values), compare);
	return (struct bench_spread){
		.count = n,
		.median = (values[(n - 1) / 2] + values[n / 2]) / 2,
		.min = values[0],
		.max = values[n - 1],
	};
}

double bench_times_plain(const struct bench *b, unsigned case_id)
{
	const struct bench_case *c = &b->cases[case_id];
	const double own = bench_spread(b, case_id, BENCH_SECONDS).median;

	/* A point of the sweep on all cores is the comparison's own: both are looked through. */
	for (unsigned i = 0; own > 0 && i < b->case_count; i++) {
		const struct bench_case *plain = &b->cases[i];
		double seconds;

		if (plain->side != BENCH_PLAIN || plain->gc != c->gc ||
		    (c->is_sweep ? plain->cores != c->cores : plain->is_sweep))
			continue;
		seconds = bench_spread(b, i, BENCH_SECONDS).median;
		if (seconds > 0)
			return seconds / own;
	}
	return -1;
}

/* ---- the order ---- */

/* How many runs each case has; BENCH_RUNS: it is to have no more. */
static void count_runs(const struct bench *b, unsigned counts[BENCH_CASES])
{
	for (unsigned i = 0; i < b->case_count; i++)
		counts[i] = b->cases[i].skipped[0] ? BENCH_RUNS : 0;
	for (unsigned i = 0; i < b->run_count; i++) {
		unsigned *count = &counts[b->runs[i].case_id];

		*count = b->runs[i].failed[0] ? BENCH_RUNS : *count + (*count < BENCH_RUNS);
	}
}

unsigned bench_next(const struct bench *b)
{
	unsigned counts[BENCH_CASES], fewest = b->repetitions, next = b->case_count;

	count_runs(b, counts);
	for (unsigned i = 0; i < b->case_count; i++)
		fewest = counts[i] < fewest ? counts[i] : fewest;
	if (fewest == b->repetitions || b->run_count == BENCH_RUNS)
		return b->case_count;
	for (unsigned i = 0; i < b->case_count; i++)
		if (counts[i] == fewest && (next == b->case_count || fewest % 2 == 1))
			next = i;
	return next;
}

unsigned bench_left(const struct bench *b)
{
	unsigned counts[BENCH_CASES], left = 0;

	count_runs(b, counts);
	for (unsigned i = 0; i < b->case_count; i++)
		if (counts[i] < b->repetitions)
			left += b->repetitions - counts[i];
	return left < BENCH_RUNS - b->run_count ? left : BENCH_RUNS - b->run_count;
}

/* ---- what came of it ---- */

/* The compared case of either side whose median is least; case_count: none has a run. */
static unsigned fastest(const struct bench *b, enum bench_side one, enum bench_side other)
{
	unsigned found = b->case_count;
	double least = 0;

	for (unsigned i = 0; i < b->case_count; i++) {
		const struct bench_case *c = &b->cases[i];
		struct bench_spread s;

		if (c->is_sweep || (c->side != one && c->side != other))
			continue;
		s = bench_spread(b, i, BENCH_SECONDS);
		if (s.median > 0 && (found == b->case_count || s.median < least)) {
			found = i;
			least = s.median;
		}
	}
	return found;
}

struct bench_result bench_result(const struct bench *b)
{
	struct bench_result result = {
		.plain = fastest(b, BENCH_PLAIN, BENCH_BALANCED),
		.best = fastest(b, BENCH_SLICED, BENCH_LENT),
	};
	struct bench_spread plain, best;

	if (result.plain == b->case_count || result.best == b->case_count)
		return result;
	plain = bench_spread(b, result.plain, BENCH_SECONDS);
	best = bench_spread(b, result.best, BENCH_SECONDS);
	result.ratio = plain.median / best.median;
	result.least = plain.min / best.max;
	result.most = plain.max / best.min;
	if (best.max < plain.min && result.ratio >= MATTERS)
		result.verdict = BENCH_PAID;
	else if (best.min > plain.max && result.ratio <= 1 / MATTERS)
		result.verdict = BENCH_DID_NOT_PAY;
	else
		result.verdict = BENCH_NO_MATTER;
	return result;
}

/* ---- the sentence ---- */

/* Room for all that is said, before it is cut once. */
enum { SAID = 4 * BENCH_TEXT };

__attribute__((format(printf, 2, 3))) static void say(char said[SAID], const char *format, ...)
{
	const size_t used = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + used, SAID - used, format, args);
	va_end(args);
}

/* "8 slices took 41.2 s (40.9 … 41.7 s in 3 runs)" */
static void say_case(const struct bench *b, unsigned case_id, char said[SAID])
{
	const struct bench_spread s = bench_spread(b, case_id, BENCH_SECONDS);
	char words[BENCH_WORDS];

	bench_case_words(b, case_id, words);
	say(said, "%s took %s s (", words, BENCH_NUMBER_STRING(s.median));
	if (s.count > 1)
		say(said, "%s … %s s in ", BENCH_NUMBER_STRING(s.min), BENCH_NUMBER_STRING(s.max));
	if (s.count < b->repetitions)
		say(said, "%u of %u runs)", s.count, b->repetitions);
	else
		say(said, "%u run%s)", s.count, s.count == 1 ? "" : "s");
}

static bool is_opponent(const struct bench_case *c, bool is_plain)
{
	return !c->is_sweep && (is_plain ? c->side == BENCH_PLAIN || c->side == BENCH_BALANCED
					 : c->side == BENCH_SLICED || c->side == BENCH_LENT);
}

/* Why there is no run of one of the two: a run that failed says more than a side left out. */
static void say_unknown(const struct bench *b, const struct bench_result *result, char said[SAID])
{
	const bool is_plain = result->plain == b->case_count;
	const char *why = NULL;
	size_t length;

	for (unsigned i = 0; !why && i < b->run_count; i++)
		if (b->runs[i].failed[0] && is_opponent(&b->cases[b->runs[i].case_id], is_plain))
			why = b->runs[i].failed;
	for (unsigned i = 0; !why && i < b->case_count; i++)
		if (b->cases[i].skipped[0] && is_opponent(&b->cases[i], is_plain))
			why = b->cases[i].skipped;
	if (!why)
		why = b->is_interrupted ? "it was interrupted before" : "there was none";
	length = strlen(why);
	while (length > 0 && strchr(". \n", why[length - 1]))
		length--;
	say(said, "Whether slicing pays here is unknown, for no run %s counts: %.*s.",
	    is_plain ? "of plain Spark" : "on slices", (int)length, why);
}

/* As many Workers, bound to nothing, that did as well: then it is not the binding that paid. */
static void say_unbound(const struct bench *b, const struct bench_result *result, char said[SAID])
{
	const unsigned unbound = fastest(b, BENCH_WORKERS, BENCH_WORKERS);

	if (unbound == b->case_count || bench_spread(b, unbound, BENCH_SECONDS).min >
						bench_spread(b, result->best, BENCH_SECONDS).max)
		return;
	say(said, " It is several JVMs that paid, not their binding: ");
	say_case(b, unbound, said);
	say(said, ".");
}

static void say_result(const struct bench *b, const struct bench_result *result, char said[SAID])
{
	static const char *const beginnings[BENCH_VERDICTS] = {
		[BENCH_UNKNOWN] = "",
		[BENCH_PAID] = "Slicing paid here: ",
		[BENCH_DID_NOT_PAY] = "Slicing did not pay here: ",
		[BENCH_NO_MATTER] = "Slicing made no clear difference here: ",
	};
	const double ratio = result->ratio, apart = ratio > 1 ? ratio : 1 / ratio;

	say(said, "%s", beginnings[result->verdict]);
	say_case(b, result->best, said);
	say(said, ", ");
	say_case(b, result->plain, said);
	if (result->verdict == BENCH_PAID)
		say(said, ": %s times as fast (%s … %s).", BENCH_NUMBER_STRING(ratio),
		    BENCH_NUMBER_STRING(result->least), BENCH_NUMBER_STRING(result->most));
	else if (result->verdict == BENCH_DID_NOT_PAY)
		say(said, ": %s times as long (%s … %s).", BENCH_NUMBER_STRING(1 / ratio),
		    BENCH_NUMBER_STRING(1 / result->most), BENCH_NUMBER_STRING(1 / result->least));
	else if (apart < MATTERS)
		say(said, "; the medians differ by less than 2 %%.");
	else
		say(said, "; the medians differ by %.0f %%, but the runs overlap.",
		    100 * (apart - 1));
	if (result->verdict == BENCH_PAID)
		say_unbound(b, result, said);
}

void bench_sentence(const struct bench *b, char text[BENCH_TEXT])
{
	static const char end[] = "….";
	const struct bench_result result = bench_result(b);
	const unsigned left = bench_left(b);
	char said[SAID] = "";
	size_t fits;

	if (result.verdict == BENCH_UNKNOWN)
		say_unknown(b, &result, said);
	else
		say_result(b, &result, said);
	if (b->is_interrupted && left > 0)
		say(said, " It was interrupted when %u run%s missing.", left,
		    left == 1 ? " was" : "s were");
	else if (result.verdict != BENCH_UNKNOWN &&
		 (bench_spread(b, result.plain, BENCH_SECONDS).count < BENCH_REPETITIONS_MIN ||
		  bench_spread(b, result.best, BENCH_SECONDS).count < BENCH_REPETITIONS_MIN))
		say(said, " So few runs are little to go by.");
	if (string_copy_n(text, BENCH_TEXT, said) == 0)
		return;
	fits = string_cut(said, BENCH_TEXT - sizeof(end));
	memcpy(text, said, fits);
	memcpy(text + fits, end, sizeof(end));
}
