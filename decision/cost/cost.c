/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/cost/cost.h"

#include <limits.h>
#include <math.h>

#include "decision/plan/plan.h"

#define GIB 1073741824.0
#define MIB 1048576.0

/* ---- the built-in table ---- */

/*
 * Where the numbers come from. "Paper" is the published study of four of these workloads on 8
 * sockets × 15 cores with a heap of 4 GB, "public" are published times of SQL on Spark 3 with 2 …
 * 192 cores (README.md has both). Only ratios to them are known, so WORK sets the scale of a row
 * and the others follow from it.
 *
 * FIXED       assumed: a short application that is submitted and does nothing
 * SLICE       measured: 7.4 core-s until a Worker's JVM has started and registered
 * COLD        measured: a short job of two cores took 54 s in one JVM, 71 s in two of one core each
 * STAGE       sql: fitted to public; K-means: 20 iterations of two stages of 1 s, others two stages
 *             of 1 s: assumed within the 0.2 … 1.9 s a stage that were measured
 * SERIAL      3 % of WORK: one value for the paper's gains of wordcount, grep and Naive Bayes at
 *             120 cores (1.6, 1.5, 1.7); of K-means fitted to its gain of 1.1 alone; sql: public
 *             shows none
 * WORK        assumed: one core reads 30 … 100 MB/s of text, less in the iterations of K-means
 * CONTENTION  sql: fitted to public; others assumed: σ = 0.2 % of WORK (0.1 % for K-means, whose
 *             tasks share few structures)
 * COHERENCY   sql: fitted to public; others to the paper's peak of one JVM near 60 cores: κ =
 *             1.1e-4 of WORK with N* = √((1 - σ) / (κ d)), d = 1.47 over four of its sockets
 * GC          assumed: 1 … 6 GB allocated a GB of input, traced at 1 GB/s by one thread
 * REMOTE      assumed: share of the time that waits for memory: 30 % for grep, which streams,
 *             5 … 15 % for the others
 * SHUFFLE     sql: measured, at most 1 % of WORK; others assumed: grep and K-means send next to
 *             nothing, Naive Bayes term counts
 * SPILL       assumed: written once and read once at 2 GB/s
 * TAIL        assumed: half a task longer than the mean
 *
 * streaming   assumed: wordcount in small batches of short tasks, with more stages
 */
static const struct cost_coefficients table[] = {
	/* By enum cost_term: fixed slice cold stage, serial work contention coherency gc remote,
	 * shuffle spill tail */
	[WORKLOAD_WORDCOUNT] = {{8, 7.4, 6.4, 2, 0.9, 30, 0.06, 3.3e-3, 4, 3, 1, 1, 15}},
	[WORKLOAD_GREP] = {{8, 7.4, 6.4, 2, 0.3, 10, 0.02, 1.1e-3, 2, 3, 0.05, 1, 5}},
	[WORKLOAD_NAIVE_BAYES] = {{8, 7.4, 6.4, 4, 1.35, 45, 0.09, 4.95e-3, 6, 6.75, 2, 1, 22.5}},
	[WORKLOAD_KMEANS] = {{8, 7.4, 6.4, 40, 26, 120, 0.12, 12.5e-3, 4, 6, 0.2, 1, 60}},
	[WORKLOAD_SQL] = {{8, 7.4, 6.4, 22, 1e-3, 36, 0.017, 2.6e-4, 0.9, 2, 0.36, 1, 18}},
	[WORKLOAD_STREAMING] = {{8, 7.4, 6.4, 20, 0.9, 30, 0.06, 3.3e-3, 4, 3, 1, 1, 15}},
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
		[COST_COLD] = "cold",
		[COST_STAGE] = "stage",
		[COST_SERIAL] = "serial",
		[COST_WORK] = "work",
		[COST_CONTENTION] = "contention",
		[COST_COHERENCY] = "coherency",
		[COST_GC] = "gc",
		[COST_REMOTE] = "remote",
		[COST_SHUFFLE] = "shuffle",
		[COST_SPILL] = "spill",
		[COST_TAIL] = "tail",
	};

	return names[term];
}

uint64_t cost_assumed_bytes(unsigned cores)
{
	return (uint64_t)cores << 33;
}

/* ---- memory ---- */

/* What tasks keep in memory, in MB a slot and shares of the input. */
struct footprint {
	double user; /* what Spark does not manage and cannot spill: buffers, the user's objects */
	double mean; /* execution memory of a task, in the mean … */
	double most; /* … and at the 95th percentile; what does not fit is spilled */
	double passing; /* share of the input that goes through execution memory */
	double cached;	/* share that is kept in memory between stages */
	double again;	/* share whose files are read again */
	bool off_heap;	/* execution memory can lie outside the heap */
};

/*
 * sql is measured: TPC-DS tasks hold 160 MB in the mean and 410 MB at the top. The others are
 * assumed, so that 240 tasks fit into the 4 GB that the paper's single JVM had for them; what is
 * cached or read again is what the algorithms do.
 */
static const struct footprint footprints[] = {
	[WORKLOAD_WORDCOUNT] = {1, 2, 4, 0.1, 0, 0, false},
	[WORKLOAD_GREP] = {1, 1, 2, 0, 0, 0, false},
	[WORKLOAD_NAIVE_BAYES] = {1, 3, 6, 0.1, 0, 1, false},
	[WORKLOAD_KMEANS] = {1, 2, 4, 0, 1, 0, false},
	[WORKLOAD_SQL] = {1, 160, 410, 0.3, 0, 1, true},
	[WORKLOAD_STREAMING] = {1, 2, 4, 0.1, 0, 0, false},
};

static uint64_t whole_bytes(double bytes)
{
	return bytes < (double)UINT64_MAX ? (uint64_t)bytes : UINT64_MAX;
}

struct cost_needs cost_needs(const struct cost_job *job)
{
	const struct footprint *f = &footprints[known_type(job->type)];
	double data = (double)job->data_bytes;

	return (struct cost_needs){
		.slot_bytes = whole_bytes(f->most * MIB),
		.cached_bytes = whole_bytes(f->cached * data),
		.read_bytes = whole_bytes(f->again * data),
		.off_heap = f->off_heap,
	};
}

/* ---- slots ---- */

/*
 * Each doubling of the hardware threads of a core: 1.17 … 1.38 measured on SQL with two threads;
 * assumed for more.
 */
#define SMT_GAIN 0.2

double cost_capacity(double cores, double cpus, double slots)
{
	double each = (slots < cpus ? slots : cpus) / cores;

	return each < 1 ? slots : cores * (1 + SMT_GAIN * log2(each));
}

unsigned cost_tasks_most(const struct cost_coefficients *c, const struct cost_job *job)
{
	static const double task_seconds = 0.05;
	double tasks = c->c[COST_WORK] * (double)job->data_bytes / GIB / task_seconds;

	return tasks < 1 ? 1 : tasks < UINT_MAX ? (unsigned)tasks : UINT_MAX;
}

/* ---- garbage collection ---- */

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

/* Cores of a slice, and executors of all of them. */
static double slice_cores(const struct cost_shape *s)
{
	return s->others + 1;
}

static double executors(const struct cost_shape *s)
{
	return (double)s->slices * s->executors;
}

/* Input that one executor works on. */
static double executor_bytes(const struct cost_shape *s, const struct cost_job *job)
{
	return (double)job->data_bytes * slice_cores(s) / s->cores / s->executors;
}

static double executor_slots(const struct cost_shape *s)
{
	return s->slots / s->executors;
}

static double user_bytes(const struct cost_shape *s, const struct cost_job *job)
{
	return executor_slots(s) * footprints[known_type(job->type)].user * MIB;
}

/* What Spark manages in a heap of this worth. */
static double heap_room(double heap)
{
	return heap > RESERVED_BYTES ? MANAGED_SHARE * (heap - RESERVED_BYTES) : 0;
}

/* Execution memory outside the heap is none of the collector's. */
static double off_heap_room(const struct cost_shape *s, const struct footprint *f)
{
	return f->off_heap ? (double)s->off_heap_bytes : 0;
}

/* Where it does not fit, what Spark manages is spilled or evicted. */
static double live_bytes(const struct cost_shape *s, const struct cost_job *job, double heap)
{
	const struct footprint *f = &footprints[known_type(job->type)];
	double tasks = executor_slots(s) * f->mean * MIB - off_heap_room(s, f);
	double managed = (tasks > 0 ? tasks : 0) + f->cached * executor_bytes(s, job);
	double room = heap_room(heap);

	return RESERVED_BYTES + user_bytes(s, job) + (managed < room ? managed : room);
}

double cost_heap_worth(const struct cost_shape *s, const struct cost_job *job)
{
	double heap = (double)s->heap_bytes;

	return collectors[job->gc].wide_pointers || heap >= WIDE_FROM ? heap / WIDE_FACTOR : heap;
}

double cost_live_bytes(const struct cost_shape *s, const struct cost_job *job)
{
	return live_bytes(s, job, s->heap_bytes ? cost_heap_worth(s, job) : (double)UINT64_MAX);
}

/*
 * Each byte allocated costs live / (heap - live) bytes of tracing (Jones, Hosking, Moss, The
 * Garbage Collection Handbook, "Copying garbage collection"); executors collect side by side, each
 * for its own share of the input, with its share of the CPUs. HotSpot takes 5/8 of the CPUs above 8
 * as threads (runtime/vm_version, nof_parallel_worker_threads), and what they gain saturates near
 * 16: a stop-the-world collector on eight nodes stops gaining there (Gidra, Thomas, Sopena,
 * Shapiro, "A Study of the Scalability of Stop-the-World Garbage Collectors on Multicores", ASPLOS
 * 2013).
 */
static double gc_feature(const struct cost_shape *s, const struct cost_job *job)
{
	const struct collector *c = &collectors[job->gc];
	double heap = cost_heap_worth(s, job), live = live_bytes(s, job, heap);
	double cpus = s->cpus / s->executors > 1 ? s->cpus / s->executors : 1;
	double threads = cpus <= 8 ? cpus : 8 + (cpus - 8) * 5 / 8;
	double speed = c->one_thread ? 1 : threads / (1 + (threads - 1) / 16);

	if (!s->heap_bytes)
		return 0;
	return executor_bytes(s, job) / GIB * c->pause * live / (heap - live) * s->access / speed;
}

/*
 * GB of all executors that memory does not hold: cached data, and of what passes through execution
 * memory the part by which the room of a task falls short of its most.
 */
static double spill_feature(const struct cost_shape *s, const struct cost_job *job)
{
	const struct footprint *f = &footprints[known_type(job->type)];
	double data = executor_bytes(s, job), most = executor_slots(s) * f->most * MIB;
	double room = heap_room(cost_heap_worth(s, job)), rest, missing = 0;

	if (!s->heap_bytes)
		return 0;
	rest = room + off_heap_room(s, f) - most;
	if (rest < 0)
		missing = f->passing * data * -rest / most;
	rest = rest > 0 ? (rest < room ? rest : room) : 0; /* only the heap caches */
	if (f->cached * data > rest)
		missing += f->cached * data - rest;
	return missing / GIB * executors(s);
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
static double tail_feature(const struct cost_shape *s, const struct cost_job *job, double others)
{
	const double *c = cost_builtin(job->type)->c;
	double slots = s->slots * s->slices > 1 ? s->slots * s->slices : 1;
	double task = (double)job->data_bytes / slots;
	double slowness = 1 + (c[COST_CONTENTION] * others + c[COST_COHERENCY] * s->pairs +
			       c[COST_REMOTE] * (s->access - 1)) /
				      c[COST_WORK];

	if (task > SPLIT_BYTES)
		task = SPLIT_BYTES;
	return task / GIB * collectors[job->gc].barrier * slowness;
}

/*
 * What a CPU loses by each further task on it: 6 % with two on a balanced job (engine/README.md),
 * assumed no more from four on.
 */
static double crowding(const struct cost_shape *s)
{
	double more = s->slots / s->cpus - 1;

	return 1 + 0.06 * (more < 0 ? 0 : more > 3 ? 3 : more);
}

/*
 * Compiling takes a JVM a time of its own, however many cores it has, and with few cores compiler
 * and tasks are in each other's way.
 */
#define COLD_CORES 4

/* So many tasks start at once in the time of one stage's latency; fitted to the public times. */
#define STAGE_TASKS 90

int cost_features(const struct cost_shape *s, const struct cost_job *job, struct cost_features *out,
		  struct err *e)
{
	double heap = cost_heap_worth(s, job);
	/* What tasks fill with what Spark does not manage. */
	double least = RESERVED_BYTES + user_bytes(s, job) / (1 - MANAGED_SHARE);
	double data = (double)job->data_bytes / GIB, start = !job->is_warm;
	double capacity =
		s->cores / slice_cores(s) * cost_capacity(slice_cores(s), s->cpus, s->slots);
	double work = data / capacity * collectors[job->gc].barrier * crowding(s);
	double cores = slice_cores(s) / s->executors;
	double others = cores > 1 ? cores - 1 : 0;

	if (s->heap_bytes && heap <= least)
		return err_impossible(
			e,
			"memory.heap: %.0f MB are not more than the %.0f MB that %.0f tasks at once "
			"fill: write more, or fewer spark.slots_per_cpu",
			heap / MIB, least / MIB, executor_slots(s));
	*out = (struct cost_features){{
		[COST_FIXED] = start,
		[COST_SLICE] = start * executors(s) / s->cores,
		[COST_COLD] = start * (1 + COLD_CORES / cores),
		[COST_STAGE] = 1 + s->slots * s->slices / STAGE_TASKS,
		[COST_SERIAL] = data,
		[COST_WORK] = work,
		/*
		 * Gunther's Universal Scalability Law: the capacity of c cores is c / (1 + σ(c - 1)
		 * + κc(c - 1)) (Gunther, Guerrilla Capacity Planning, ch. 4-6), so a unit of work
		 * takes 1 + σ(c - 1) + κc(c - 1) times as long. Locks are a JVM's. Lines travel
		 * through the slice, as far as its cores lie apart: several JVMs on the same cores
		 * gain nothing noticeable there (paper: Workers without pinning).
		 */
		[COST_CONTENTION] = work * others,
		[COST_COHERENCY] = work * s->pairs,
		[COST_GC] = gc_feature(s, job),
		[COST_REMOTE] = work * (s->access - 1),
		[COST_SHUFFLE] = data / capacity * (executors(s) - 1) / executors(s),
		[COST_SPILL] = spill_feature(s, job),
		[COST_TAIL] = tail_feature(s, job, others),
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
		.cold = part(c, f, COST_COLD, COST_COLD),
		.work = part(c, f, COST_STAGE, COST_COHERENCY),
		.gc = part(c, f, COST_GC, COST_GC),
		.remote = part(c, f, COST_REMOTE, COST_REMOTE),
		.shuffle = part(c, f, COST_SHUFFLE, COST_SHUFFLE),
		.spill = part(c, f, COST_SPILL, COST_SPILL),
		.tail = part(c, f, COST_TAIL, COST_TAIL),
	};
}
