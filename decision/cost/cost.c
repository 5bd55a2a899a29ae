/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/cost/cost.h"

#include "decision/plan/plan.h"

#define GIB 1073741824.0
#define MIB 1048576.0

/* ---- the built-in table ---- */

/*
 * Where the numbers come from. "Paper" is the published study of these four workloads on 8 sockets
 * × 15 cores with a heap of 4 GB (decision/cost/README.md); only ratios to it are known, so WORK
 * sets the scale of a row and the others follow from it.
 *
 * FIXED       assumed: a short application that is submitted and does nothing
 * SLICE       measured: 7.4 core-s until a Worker's JVM has started and registered
 * SERIAL      fitted to the paper's gains at 120 cores (1.6, 1.5, 1.7, 1.1)
 * WORK        assumed: one core reads 30 … 100 MB/s of text, less in the iterations of K-means
 * CONTENTION  assumed: σ = 0.2 % of WORK (0.1 % for K-means, whose tasks share few structures)
 * COHERENCY   fitted to the paper's peak of one JVM near 60 cores: κ = 9e-5 of WORK (8.5e-5 for
 *             K-means) with N* = √((1 - σ) / (κ d)), d = 1.75 over four of its sockets
 * GC          assumed: 2 … 6 GB allocated a GB of input, traced at 1 GB/s by one thread
 * REMOTE      assumed: share of the time that waits for memory: 30 % for grep, which streams,
 *             5 … 15 % for the others
 * SHUFFLE     assumed: grep and K-means send next to nothing, Naive Bayes term counts
 * TAIL        assumed: half a task longer than the mean, a whole one for sql's skewed keys
 *
 * sql         assumed: wordcount at columnar speed with more shuffle, memory traffic and skew
 * streaming   assumed: wordcount in small batches of short tasks, with more driver work
 */
static const struct cost_coefficients table[] = {
	/* By enum cost_term: fixed slice serial work contention coherency gc remote shuffle tail */
	[WORKLOAD_WORDCOUNT] = {{8, 7.4, 1.11, 30, 0.06, 2.7e-3, 4, 3, 1, 15}},
	[WORKLOAD_GREP] = {{8, 7.4, 0.46, 10, 0.02, 0.9e-3, 2, 3, 0.05, 5}},
	[WORKLOAD_NAIVE_BAYES] = {{8, 7.4, 1.55, 45, 0.09, 4.05e-3, 6, 6.75, 2, 22.5}},
	[WORKLOAD_KMEANS] = {{8, 7.4, 35.45, 120, 0.12, 10.2e-3, 4, 6, 0.2, 60}},
	[WORKLOAD_SQL] = {{8, 7.4, 0.74, 20, 0.04, 1.8e-3, 4, 5, 4, 20}},
	[WORKLOAD_STREAMING] = {{8, 7.4, 1.5, 30, 0.06, 2.7e-3, 4, 3, 1, 15}},
};

static enum workload_type known_type(enum workload_type type)
{
	return type == WORKLOAD_AUTO ? WORKLOAD_WORDCOUNT : type;
}

const struct cost_coefficients *cost_builtin(enum workload_type type)
{
	return &table[known_type(type)];
}

const char *cost_term_name(enum cost_term term)
{
	static const char *const names[COST_TERMS] = {
		[COST_FIXED] = "fixed",
		[COST_SLICE] = "slice",
		[COST_SERIAL] = "serial",
		[COST_WORK] = "work",
		[COST_CONTENTION] = "contention",
		[COST_COHERENCY] = "coherency",
		[COST_GC] = "gc",
		[COST_REMOTE] = "remote",
		[COST_SHUFFLE] = "shuffle",
		[COST_TAIL] = "tail",
	};

	return names[term];
}

uint64_t cost_assumed_bytes(unsigned cores)
{
	return (uint64_t)cores << 30;
}

/* ---- garbage collection ---- */

/* What tasks keep in the heap. */
struct footprint {
	/* MB a slot that Spark does not manage and cannot spill: buffers, the user's own objects */
	double user;
	double managed; /* MB a slot that Spark spills where it does not fit */
	double cached;	/* share of the input that is kept in memory between stages */
};

/* assumed, so that 240 tasks fit into the 4 GB that the paper's single JVM had for them */
static const struct footprint footprints[] = {
	[WORKLOAD_WORDCOUNT] = {1, 2, 0},   [WORKLOAD_GREP] = {1, 1, 0},
	[WORKLOAD_NAIVE_BAYES] = {1, 3, 0}, [WORKLOAD_KMEANS] = {1, 2, 1},
	[WORKLOAD_SQL] = {1, 4, 0},	    [WORKLOAD_STREAMING] = {1, 2, 0},
};

/*
 * What a collector costs beside the parallel one. barrier: factor on the tasks' own time; pause: on
 * the time of collecting, for concurrent collectors what they take from the tasks. Assumed, in the
 * order that Cai, Blackburn, Bond and Maas, "Distilling the Real Cost of Production Garbage
 * Collectors", ISPASS 2022, found; the paper has parallel before G1. ZGC has no compressed
 * pointers.
 */
struct collector {
	double barrier, pause;
	bool one_thread, wide_pointers;
};

static const struct collector collectors[] = {
	[GC_AUTO] = {1, 1, false, false},   [GC_PARALLEL] = {1, 1, false, false},
	[GC_SERIAL] = {1, 1, true, false},  [GC_G1] = {1.1, 0.8, false, false},
	[GC_ZGC] = {1.2, 0.3, false, true}, [GC_SHENANDOAH] = {1.2, 0.3, false, false},
};

/*
 * Spark sets 300 MB aside and manages 60 % of the rest (core/…/memory/UnifiedMemoryManager.scala).
 */
#define RESERVED_BYTES (300 * MIB)
#define MANAGED_SHARE  0.6

/*
 * The same objects with 8-byte pointers need about 1.5 times the heap (OpenJDK wiki,
 * CompressedOops); the JVM takes them from 32 GB on.
 */
#define WIDE_FACTOR 1.5
#define WIDE_FROM   (32 * GIB)

/* Input that one slice works on. */
static double slice_bytes(const struct cost_shape *s, const struct cost_job *job)
{
	return (double)job->data_bytes * (s->others + 1) / s->cores;
}

static double user_bytes(const struct cost_shape *s, const struct cost_job *job)
{
	return s->slots * footprints[known_type(job->type)].user * MIB;
}

/* Where it does not fit, what Spark manages is spilled or evicted. */
static double live_bytes(const struct cost_shape *s, const struct cost_job *job, double heap)
{
	const struct footprint *f = &footprints[known_type(job->type)];
	double managed = s->slots * f->managed * MIB + f->cached * slice_bytes(s, job);
	double room = MANAGED_SHARE * (heap - RESERVED_BYTES);

	if (managed > room)
		managed = room > 0 ? room : 0;
	return RESERVED_BYTES + user_bytes(s, job) + managed;
}

/* What the heap is worth in bytes of objects with 4-byte pointers. */
static double heap_worth(const struct cost_shape *s, const struct cost_job *job)
{
	double heap = (double)s->heap_bytes;

	return collectors[job->gc].wide_pointers || heap >= WIDE_FROM ? heap / WIDE_FACTOR : heap;
}

double cost_live_bytes(const struct cost_shape *s, const struct cost_job *job)
{
	return live_bytes(s, job, s->heap_bytes ? heap_worth(s, job) : (double)UINT64_MAX);
}

/*
 * Each byte allocated costs live / (heap - live) bytes of tracing (Jones, Hosking, Moss, The
 * Garbage Collection Handbook, "Copying garbage collection"); slices collect side by side, each for
 * its own share of the input. HotSpot takes 5/8 of the CPUs above 8 as threads (runtime/vm_version,
 * nof_parallel_worker_threads), and what they gain saturates near 16: a stop-the-world collector on
 * eight nodes stops gaining there (Gidra, Thomas, Sopena, Shapiro, "A Study of the Scalability of
 * Stop-the-World Garbage Collectors on Multicores", ASPLOS 2013).
 */
static double gc_feature(const struct cost_shape *s, const struct cost_job *job)
{
	const struct collector *c = &collectors[job->gc];
	double heap = heap_worth(s, job), live = live_bytes(s, job, heap);
	double threads = s->cpus <= 8 ? s->cpus : 8 + (s->cpus - 8) * 5 / 8;
	double speed = c->one_thread ? 1 : threads / (1 + (threads - 1) / 16);

	if (!s->heap_bytes)
		return 0;
	return slice_bytes(s, job) / GIB * c->pause * live / (heap - live) * s->access / speed;
}

/* ---- the others ---- */

/*
 * The largest split of a file: spark.sql.files.maxPartitionBytes; with less data, each slot gets
 * one.
 */
#define SPLIT_BYTES (128 * MIB)

/*
 * A task that is behind takes as long as one core of its slice needs: with the shares of
 * contention, coherency and remote memory that the built-in table gives this workload.
 */
static double tail_feature(const struct cost_shape *s, const struct cost_job *job)
{
	const double *c = cost_builtin(job->type)->c;
	double slots = s->slots * s->slices > 1 ? s->slots * s->slices : 1;
	double task = (double)job->data_bytes / slots;
	double slowness = 1 + (c[COST_CONTENTION] * s->others + c[COST_COHERENCY] * s->pairs +
			       c[COST_REMOTE] * (s->access - 1)) /
				      c[COST_WORK];

	if (task > SPLIT_BYTES)
		task = SPLIT_BYTES;
	return task / GIB * collectors[job->gc].barrier * slowness;
}

int cost_features(const struct cost_shape *s, const struct cost_job *job, struct cost_features *out,
		  struct err *e)
{
	double heap = heap_worth(s, job);
	/* What tasks fill with what Spark does not manage. */
	double least = RESERVED_BYTES + user_bytes(s, job) / (1 - MANAGED_SHARE);
	double data = (double)job->data_bytes / GIB;
	double work = data / s->cores * collectors[job->gc].barrier;

	if (s->heap_bytes && heap <= least)
		return err_impossible(
			e,
			"memory.heap: %.0f MB are not more than the %.0f MB that %.0f tasks at once "
			"fill: write more, or fewer spark.slots_per_cpu",
			heap / MIB, least / MIB, s->slots);
	*out = (struct cost_features){{
		[COST_FIXED] = 1,
		[COST_SLICE] = (double)s->slices / s->cores,
		[COST_SERIAL] = data,
		[COST_WORK] = work,
		/*
		 * Gunther's Universal Scalability Law, a JVM being the system that is scaled: the
		 * capacity of c cores is c / (1 + σ(c - 1) + κc(c - 1)) (Gunther, Guerrilla
		 * Capacity Planning, ch. 4-6), so a unit of work takes 1 + σ(c - 1) + κc(c - 1)
		 * times as long; lines travel as far as the cores lie apart.
		 */
		[COST_CONTENTION] = work * s->others,
		[COST_COHERENCY] = work * s->pairs,
		[COST_GC] = gc_feature(s, job),
		[COST_REMOTE] = work * (s->access - 1),
		[COST_SHUFFLE] = data / s->cores * (s->slices - 1) / s->slices,
		[COST_TAIL] = tail_feature(s, job),
	}};
	return 0;
}

/* ---- sums ---- */

static double part(const struct cost_coefficients *c, const struct cost_features *f,
		   enum cost_term first, enum cost_term last)
{
	double sum = 0;

	for (enum cost_term term = first; term <= last; term++)
		sum += c->c[term] * f->x[term];
	return sum;
}

double cost_seconds(const struct cost_coefficients *c, const struct cost_features *f)
{
	return part(c, f, COST_FIXED, COST_TAIL);
}

void cost_terms(const struct cost_coefficients *c, const struct cost_features *f,
		struct plan_terms *out)
{
	*out = (struct plan_terms){
		.startup = part(c, f, COST_FIXED, COST_SLICE),
		.work = part(c, f, COST_SERIAL, COST_COHERENCY),
		.gc = part(c, f, COST_GC, COST_GC),
		.remote = part(c, f, COST_REMOTE, COST_REMOTE),
		.shuffle = part(c, f, COST_SHUFFLE, COST_SHUFFLE),
		.tail = part(c, f, COST_TAIL, COST_TAIL),
	};
}
