/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/decision/laws.h"

#include <math.h>

#include "decision/cost/fit.h"
#include "decision/engine/cut.h"
#include "decision/engine/tune.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

#define GIB (UINT64_C(1) << 30)

/* How far a law lies from the table: standard deviations of logarithms. */
#define LAW_STARTUP 0.3
#define LAW_COLD    0.5
#define LAW_STAGE   1.5 /* an application may have any number of stages */
#define LAW_WORK    0.6 /* each term by itself, beside the common speed */
#define LAW_SPEED   1.0 /* common speed: log-uniform, e^-1 … e */
#define LAW_NOISE   0.05
#define LAW_MISSING 0.10

/*
 * As far as published measurements lie from what was once assumed, log-uniform from there to the
 * table: no core more made 0.06 of it slower, 0.1 of it was sent, collecting took 5 times as long.
 */
#define LAW_SERIAL  0.06
#define LAW_SHUFFLE 0.1
#define LAW_GC	    5.0

/* What tasks hold, times the table's, log-uniform. */
#define LAW_FOOTPRINT_LEAST 0.5
#define LAW_FOOTPRINT_MOST  3.0

static double uniform(unsigned long long *state, double low, double high)
{
	return low + (high - low) * (double)(test_random(state) >> 11) / 9007199254740992.0;
}

/* Box, Muller. */
static double normal(unsigned long long *state)
{
	return sqrt(-2 * log(uniform(state, 1e-12, 1))) * cos(uniform(state, 0, 2 * M_PI));
}

static void must(int code, const struct err *e)
{
	if (code < 0) {
		fprintf(stderr, "a law: %s\n", e->msg);
		abort();
	}
}

/* ---- machines and jobs ---- */

/*
 * Servers that are sold: 1 … 8 packages, sub-NUMA clustering, chiplets; memory in proportion to the
 * cores.
 */
static void random_server(unsigned long long *state, struct topology *out)
{
	static const unsigned packages[] = {1, 1, 2, 2, 2, 4, 4, 8}, nodes[] = {1, 1, 1, 2, 4};
	static const unsigned l3s[] = {0, 1, 1, 2, 4}, cores[] = {2, 4, 6, 8, 12, 15};
	struct machine_shape s = {
		.packages = packages[random_below(state, 8)],
		.nodes = nodes[random_below(state, 5)],
		.l3s = l3s[random_below(state, 5)],
		.cores = cores[random_below(state, 6)],
		.smt = 1 + random_below(state, 2),
	};
	double stretch = uniform(state, 0.5, 2);

	s.node_bytes = (uint64_t)(s.cores * (s.l3s ? s.l3s : 1) * uniform(state, 2, 8)) * GIB;
	machine_regular(&s, out);
	for (unsigned i = 0; i < out->node_count; i++) {
		for (unsigned j = 0; j < out->node_count; j++)
			out->distance[i][j] =
				(uint16_t)(DISTANCE_LOCAL +
					   stretch * (out->distance[i][j] - DISTANCE_LOCAL));
	}
}

static void random_job(unsigned long long *state, struct law *law)
{
	struct profile *p = &law->profile;
	double gib_a_core = exp(uniform(state, log(0.5), log(32)));

	profile_default(p);
	p->partition.reserve_cores = 0;
	p->jvm.gc = GC_PARALLEL;
	if (random_once(state, 2))
		p->spark.slots_per_cpu = 1 + (int)random_below(state, 2);
	p->workload.type = (enum workload_type)(1 + random_below(state, WORKLOAD_STREAMING));
	p->workload.data_size =
		(struct size){SIZE_BYTES, (uint64_t)(gib_a_core * law->t.core_count * (double)GIB)};
	if (random_once(state, 2))
		p->memory.heap = (struct size){SIZE_BYTES, (2 + random_below(state, 7)) * GIB};
}

static int decide(const struct law *law, const struct facts *f, struct engine *out, struct err *e)
{
	static struct reserve_memory reserve;
	uint64_t nodes;

	if (reserve_for(&law->t, &law->profile.partition, &nodes, &reserve, e) < 0)
		return e->code;
	return engine_decide(&law->t, &law->profile, f, &reserve, out, e);
}

/* ---- the truth ---- */

enum { MISSING_KINDS = 4 };

/* What the model does not know, by kind; > 0. */
static double missing_shape(const struct law *law, const struct cost_shape *s)
{
	double each = 1 + s->others;

	switch (law->missing_kind) {
	case 0: /* slices know each other */
		return log(1.0 + s->slices);
	case 1: /* a lock that all cores of a JVM queue for */
		return sqrt(each);
	case 2: /* memory bandwidth of the nodes that are used */
		return (double)s->cores / law->t.core_count;
	default: /* something that hangs on the exact size: neighbours differ by chance */
		return 1 + 0.5 * sin(37.0 * s->slices + 11.0 * each);
	}
}

/*
 * Tasks that hold twice as much leave a heap that is worth half. Pointers stay as wide as they are;
 * where nothing would fit any more, the table is right about memory.
 */
static double law_part(const struct law *law, const struct cost_shape *shape,
		       const struct cost_job *job)
{
	const double narrow = 32.0 * GIB - 1;
	struct cost_shape s = *shape;
	struct cost_features f;
	double heap = (double)s.heap_bytes / law->footprint;
	struct err e;

	if ((double)s.heap_bytes <= narrow)
		heap = fmin(heap, narrow);
	else
		heap = fmax(heap, narrow + 1);
	s.heap_bytes = (uint64_t)heap;
	s.off_heap_bytes = (uint64_t)((double)s.off_heap_bytes / law->footprint);
	if (cost_features(&s, job, &f, &e) < 0)
		must(cost_features(shape, job, &f, &e), &e);
	return cost_seconds(&law->theta, &f);
}

double law_seconds(const struct law *law, const struct candidate *c)
{
	struct cost_job job = law->engine.job;

	job.gc = c->gc;
	return law_part(law, &c->shape, &job) + law->missing * missing_shape(law, &c->shape);
}

static const struct candidate *find_best(const struct law *law)
{
	const struct candidate *best = NULL;

	for (unsigned i = 0; i < law->engine.count; i++) {
		const struct candidate *c = &law->engine.candidates[i];

		if (candidate_is_automatic(c) &&
		    (!best || law_seconds(law, c) < law_seconds(law, best)))
			best = c;
	}
	return best;
}

static void random_law(unsigned long long *state, struct law *law)
{
	double speed = exp(uniform(state, -LAW_SPEED, LAW_SPEED));
	const struct candidate *best;

	law->theta = *cost_builtin(law->profile.workload.type);
	for (unsigned i = 0; i < COST_TERMS; i++) {
		bool startup = i == COST_FIXED || i == COST_SLICE;
		double spread = startup		  ? LAW_STARTUP
				: i == COST_COLD  ? LAW_COLD
				: i == COST_STAGE ? LAW_STAGE
						  : LAW_WORK;

		law->theta.c[i] *= exp(normal(state) * spread) *
				   (startup || i == COST_COLD || i == COST_STAGE ? 1 : speed);
	}
	law->theta.c[COST_SERIAL] *= exp(uniform(state, log(LAW_SERIAL), 0));
	law->theta.c[COST_SHUFFLE] *= exp(uniform(state, log(LAW_SHUFFLE), 0));
	law->theta.c[COST_GC] *= exp(uniform(state, 0, log(LAW_GC)));
	law->footprint = exp(uniform(state, log(LAW_FOOTPRINT_LEAST), log(LAW_FOOTPRINT_MOST)));
	law->missing_kind = random_below(state, MISSING_KINDS);
	law->missing = 0;
	best = find_best(law);
	law->missing = uniform(state, 0, LAW_MISSING) * law_seconds(law, best) /
		       missing_shape(law, &best->shape);
	law->best = law_seconds(law, find_best(law));
}

/*
 * Machines that firmware has been seen to make are every fourth. One too small for Spark is none.
 */
void law_random(unsigned long long *state, struct law *out)
{
	const struct facts none = {0};
	struct err e;

	do {
		if (random_once(state, 4))
			machine_random(state, &out->t);
		else
			random_server(state, &out->t);
		random_job(state, out);
	} while (decide(out, &none, &out->engine, &e) < 0 || !find_best(out));
	random_law(state, out);
}

/* ---- tuning ---- */

static const double run_shares[TUNE_SIZES] = {TUNE_SHARE, TUNE_SHARE_SMALL};

static uint64_t run_bytes(const struct law *law, enum tune_size size)
{
	return (uint64_t)(run_shares[size] * (double)law->profile.workload.data_size.value);
}

static double noisy(unsigned long long *state, double seconds)
{
	return seconds * exp(LAW_NOISE * normal(state));
}

/* A run takes what the law says of it; what the model lacks shrinks with the data. */
static double run_seconds(unsigned long long *state, const struct law *law, const struct tune *tune,
			  unsigned option, unsigned run)
{
	const struct candidate *c = &law->engine.candidates[tune->candidate[option]];
	struct cost_job job = law->engine.job;
	double share = run_shares[tune->runs[option][run].size];
	struct cost_shape shape = c->shape;

	job.gc = c->gc;
	job.data_bytes = run_bytes(law, tune->runs[option][run].size);
	job.is_warm = tune->runs[option][run].is_warm;
	shape.heap_bytes = tune->heap_bytes[option];
	shape.slots = tune->slots[option];
	return noisy(state, law_part(law, &shape, &job) +
				    share * law->missing * missing_shape(law, &c->shape));
}

static void fit(const struct law *law, const struct fit_run *runs, unsigned count, struct fit *out)
{
	struct err e;

	must(fit_make(cost_builtin(law->profile.workload.type), runs, count, 0, out, &e), &e);
}

/* The truth of what the engine takes once the probes are fitted. */
static double tuned_seconds(unsigned long long *state, struct law *law, bool repeats, double *off)
{
	static struct tune tune;
	static struct engine engine;
	const uint64_t bytes[TUNE_SIZES] = {run_bytes(law, TUNE_LARGE), run_bytes(law, TUNE_SMALL)};
	struct fit_run runs[FIT_RUNS];
	struct facts f = {.has_model = true};
	unsigned count = 0;
	struct fit now;
	struct err e;

	tune_list(&law->engine, bytes, repeats, &tune);
	fit(law, runs, 0, &now);
	for (law->probes = 0; law->probes < PROBES_MOST; law->probes++) {
		unsigned next = probe_next(tune.options, tune.count, &now);

		if (next == tune.count)
			break;
		tune.options[next].tried = true;
		for (unsigned i = 0; i < tune.options[next].run_count; i++)
			runs[count++] = (struct fit_run){tune.options[next].runs[i],
							 run_seconds(state, law, &tune, next, i)};
		fit(law, runs, count, &now);
	}
	f.model = now.theta;
	f.model_error = now.error;
	must(decide(law, &f, &engine, &e), &e);
	*off = engine.candidates[engine.chosen].seconds /
	       law_seconds(law, &engine.candidates[engine.chosen]);
	return law_seconds(law, &engine.candidates[engine.chosen]);
}

/* ---- rules of thumb ---- */

/* What a rule takes; false if it cannot be followed here. */
static bool follow(const struct law *law, const struct choice *choice, struct candidate *out)
{
	static struct cut cut;
	struct cost_job job = law->engine.job;
	struct err ignored;

	*out = (struct candidate){.choice = *choice, .gc = GC_PARALLEL};
	if (cut_make(&law->engine, choice, 1, &cut, &ignored) < 0)
		return false;
	shape_read(&law->t, &cut.partition, law->engine.cpus, &out->shape, &out->place);
	for (unsigned i = 0; i < cut.partition.slices; i++)
		out->shape.slots +=
			(double)cut.shares[i].slots * cut.partition.cores[i] / out->shape.cores;
	if (cut.budget.known) {
		out->shape.heap_bytes = cut.budget.slices[0].heap_bytes;
		out->shape.off_heap_bytes = cut.budget.slices[0].off_heap_bytes;
	}
	return cost_features(&out->shape, &job, &out->features, &ignored) == 0;
}

static double rule_seconds(const struct law *law, enum rule rule)
{
	static const struct choice choices[RULES][2] = {
		[RULE_MACHINE] = {{BY_MACHINE, 1, AMOUNT_AUTO}},
		[RULE_SOCKET] = {{BY_SOCKET, AMOUNT_AUTO, AMOUNT_AUTO}},
		[RULE_NODE] = {{BY_NUMA, AMOUNT_AUTO, AMOUNT_AUTO}},
		[RULE_FIVE] = {{BY_NUMA, AMOUNT_AUTO, 5}, {BY_MACHINE, AMOUNT_AUTO, 5}},
	};
	static const struct choice instead[] = {{BY_MACHINE, 1, AMOUNT_AUTO},
						{BY_SOCKET, AMOUNT_AUTO, AMOUNT_AUTO},
						{BY_NUMA, AMOUNT_AUTO, AMOUNT_AUTO}};
	struct candidate c;

	for (unsigned i = 0; i < 2; i++) {
		if (choices[rule][i].by != BY_AUTO && follow(law, &choices[rule][i], &c))
			return law_seconds(law, &c);
	}
	for (unsigned i = 0; i < 3; i++) {
		if (follow(law, &instead[i], &c))
			return law_seconds(law, &c);
	}
	return law_seconds(law, &law->engine.candidates[law->engine.chosen]);
}

void law_regrets(unsigned long long *state, struct law *law, double regret[RULES])
{
	double best = law->best;

	regret[RULE_ENGINE] = law_seconds(law, &law->engine.candidates[law->engine.chosen]);
	regret[RULE_TUNED] = tuned_seconds(state, law, true, &law->tuned_off);
	regret[RULE_TUNED_COLD] = tuned_seconds(state, law, false, &law->cold_off);
	for (enum rule rule = RULE_MACHINE; rule < RULES; rule++)
		regret[rule] = rule_seconds(law, rule);
	/*
	 * Other coefficients make other slots, and so other executors than the engine's list has.
	 */
	for (enum rule rule = 0; rule < RULES; rule++)
		best = fmin(best, regret[rule]);
	for (enum rule rule = 0; rule < RULES; rule++)
		regret[rule] = regret[rule] / best - 1;
}

const char *rule_name(enum rule rule)
{
	static const char *const names[RULES] = {
		[RULE_ENGINE] = "engine, built-in table",
		[RULE_TUNED] = "engine, tuned",
		[RULE_TUNED_COLD] = "engine, tuned, cold runs",
		[RULE_MACHINE] = "one executor a machine",
		[RULE_SOCKET] = "one a package",
		[RULE_NODE] = "one a node",
		[RULE_FIVE] = "5 cores each",
	};

	return names[rule];
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double quantile(double *values, unsigned count, double p)
{
	qsort(values, count, sizeof(*values), compare);
	return values[(unsigned)(p * (count - 1) + 0.5)];
}
