/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lending is worth, simulated: jobs of one stage whose tasks are pinned to slices, unevenly,
 * on slices without and with loans as rebalance_step() decides them, tick by tick, from the samples
 * that a kernel would give. Makespans are held against a bound: the work over all
 * CPUs, or the longest task, which is one thread. All runs of a job meet the same tasks. Then what
 * a step costs. Prints tables and writes build/bench/lending.json. Run in the source tree.
 */

#include <jansson.h>
#include <math.h>

#include "containers/proc/clock.h"
#include "decision/lending/rebalance.h"
#include "tests/bench/groups.h"
#include "tests/decision/laws.h"
#include "tests/decision/machines.h"
#include "tests/decision/plans.h"
#include "tests/harness.h"

enum {
	JOBS = 60, /* a number of slices */
	SIZES = 6,
	SLOTS_MAX = 4, /* a CPU */
	CPUS_MAX = 16, /* a slice */
	TASKS_MAX = 1024,
	RUNNABLE_TICKS = 20, /* threads are counted once a second */
	STEPS = 2000,
};

/*
 * INSTANT: every CPU that is idle is at once where it is wanted; no lender of CPUs can do better.
 */
enum how { UNLENT, SHARED, EXCLUSIVE, INSTANT, HOWS };

static const unsigned sizes[SIZES] = {2, 4, 8, 16, 32, 64};
static const uint64_t tick_ns = 50000000;

static unsigned long long state;
static struct topology t;
static struct plan home, plan, next;
static struct rebalance memory;

static double uniform(double low, double high)
{
	return low + (high - low) * (double)(test_random(&state) >> 11) / 9007199254740992.0;
}

/* Box, Muller. */
static double normal(void)
{
	return sqrt(-2 * log(uniform(1e-12, 1))) * cos(uniform(0, 2 * M_PI));
}

/* ---- jobs ---- */

static struct job {
	unsigned slices, cpus; /* a slice */
	unsigned count[SLICES_MAX];
	double work[SLICES_MAX][TASKS_MAX]; /* CPU seconds of one thread */
} job;

/*
 * One to four tasks a CPU, of half a second to four in the mean, spread log-normally; and a skew
 * between slices, log-normal too, of how many tasks they have or of how long they are: from none to
 * one that leaves most slices idle for most of the time.
 */
static void random_job(unsigned slices)
{
	double sigma = uniform(0, 1.2), mean = uniform(0.5, 4), waves = uniform(1, 4);
	bool longer = random_once(&state, 2);

	job.slices = slices;
	job.cpus = 1 + random_below(&state, CPUS_MAX);
	for (unsigned i = 0; i < slices; i++) {
		double skew = fmin(exp(sigma * normal()), 12);
		double count = waves * job.cpus * (longer ? 1 : skew);

		job.count[i] = (unsigned)fmin(fmax(count, 1), TASKS_MAX);
		for (unsigned k = 0; k < job.count[i]; k++)
			job.work[i][k] = mean * (longer ? skew : 1) * exp(0.3 * normal());
	}
}

static void make_machine(void)
{
	unsigned packages = job.slices < 8 ? job.slices : 8;

	machine_regular(&(struct machine_shape){packages, 1, 1, job.slices / packages * job.cpus, 1,
						UINT64_C(64) << 30},
			&t);
	plan_of_parents(&t, BY_SOCKET, job.slices, &home);
}

struct bounds {
	double cpus;  /* work over all CPUs, and the longest task */
	double slots; /* a slice's work over its slots too: it never has more threads */
};

static struct bounds find_bounds(unsigned slots)
{
	double all = 0, longest = 0, narrow = 0;
	struct bounds b;

	for (unsigned i = 0; i < job.slices; i++) {
		double work = 0;

		for (unsigned k = 0; k < job.count[i]; k++) {
			work += job.work[i][k];
			longest = fmax(longest, job.work[i][k]);
		}
		all += work;
		narrow = fmax(narrow, work / (slots * job.cpus));
	}
	b.cpus = fmax(all / (job.slices * job.cpus), longest);
	b.slots = fmax(b.cpus, narrow);
	return b;
}

/* ---- a run ---- */

/*
 * One slice: its tasks share its CPUs evenly, and finish when each has been served what it needs.
 */
struct server {
	unsigned next, running;
	double finish[SLOTS_MAX * CPUS_MAX]; /* in served seconds */
	double first;			     /* least of them */
	double served;			     /* of each task that runs all the time */
	double rate;			     /* CPUs it uses */
	double used;			     /* CPU seconds so far */
	unsigned asked_running, asked_pending;
};

static struct run {
	enum how how;
	unsigned slots; /* a slice */
	double now;
	struct server servers[SLICES_MAX];
	struct sample samples[SLICES_MAX];
	unsigned changes;
} run;

static void start_tasks(unsigned i)
{
	struct server *s = &run.servers[i];

	while (s->running < run.slots && s->next < job.count[i])
		s->finish[s->running++] = s->served + job.work[i][s->next++];
	s->first = INFINITY;
	for (unsigned k = 0; k < s->running; k++)
		s->first = fmin(s->first, s->finish[k]);
}

static void end_tasks(unsigned i)
{
	struct server *s = &run.servers[i];
	unsigned kept = 0;

	if (s->first > s->served + 1e-9)
		return;
	for (unsigned k = 0; k < s->running; k++) {
		if (s->finish[k] > s->served + 1e-9)
			s->finish[kept++] = s->finish[k];
	}
	s->running = kept;
	start_tasks(i);
}

/*
 * The same to all that lack CPUs, until the first lacks none; again, until nobody does or none is
 * idle.
 */
static void share_idle_cpus(void)
{
	double idle = 0;

	for (unsigned i = 0; i < job.slices; i++)
		idle += job.cpus - run.servers[i].rate;
	while (idle > 1e-9) {
		double least = INFINITY;
		unsigned waiting = 0;

		for (unsigned i = 0; i < job.slices; i++) {
			double lacks = run.servers[i].running - run.servers[i].rate;

			if (lacks > 1e-9) {
				least = fmin(least, lacks);
				waiting++;
			}
		}
		if (!waiting)
			return;
		least = fmin(least, idle / waiting);
		for (unsigned i = 0; i < job.slices; i++) {
			if (run.servers[i].running - run.servers[i].rate > 1e-9)
				run.servers[i].rate += least;
		}
		idle -= least * waiting;
	}
}

/* Shared: a donor takes what it needs of its own, spread evenly; borrowers have the rest. */
static void share_cpus(void)
{
	double has[SLICES_MAX];

	for (unsigned i = 0; i < job.slices; i++)
		has[i] = job.cpus;
	for (unsigned i = 0; i < plan.loan_count; i++) {
		const struct loan *loan = &plan.loans[i];
		double lent = cpuset_count(&loan->cpus), own = run.servers[loan->from].running;

		if (loan->mode == LOANS_EXCLUSIVE)
			has[loan->from] -= lent;
		else
			lent *= 1 - fmin(own, job.cpus) / job.cpus;
		has[loan->to] += lent;
	}
	for (unsigned i = 0; i < job.slices; i++)
		run.servers[i].rate = fmin(has[i], run.servers[i].running);
	if (run.how == INSTANT)
		share_idle_cpus();
}

/* Until the next task ends, or `until`. */
static void advance(double until)
{
	double step = until - run.now;

	share_cpus();
	for (unsigned i = 0; i < job.slices; i++) {
		const struct server *s = &run.servers[i];

		if (s->running && s->rate > 0)
			step = fmin(step, (s->first - s->served) * s->running / s->rate);
	}
	run.now += step;
	for (unsigned i = 0; i < job.slices; i++) {
		struct server *s = &run.servers[i];

		if (!s->running)
			continue;
		s->served += step * s->rate / s->running;
		s->used += step * s->rate;
		end_tasks(i);
	}
}

/* Spark answers with what was so a tick ago. */
static void take_sample(unsigned i, unsigned tick, uint64_t now_ns)
{
	struct server *server = &run.servers[i];
	struct sample *s = &run.samples[i];

	s->at_ns = now_ns;
	s->cpu_usage_us = 1000000 + (uint64_t)(server->used * 1e6);
	s->processes = 2;
	s->known = SAMPLE_RUNNABLE;
	if (tick % RUNNABLE_TICKS == 0)
		s->runnable = server->running;
	if (run.how != EXCLUSIVE)
		return;
	s->known |= SAMPLE_TASKS;
	s->tasks_at_ns = now_ns - tick_ns;
	s->tasks_running = server->asked_running;
	s->tasks_pending = server->asked_pending;
	server->asked_running = server->running;
	server->asked_pending = job.count[i] - server->next;
}

static void monitor(const struct rebalance_policy *policy, unsigned tick)
{
	uint64_t now_ns = (tick + 100) * tick_ns;

	for (unsigned i = 0; i < job.slices; i++)
		take_sample(i, tick, now_ns);
	if (rebalance_step(&plan, &t, policy, run.samples, job.slices, now_ns, &memory, &next) != 1)
		return;
	plan.loan_count = next.loan_count;
	memcpy(plan.loans, next.loans, sizeof(plan.loans));
	run.changes++;
}

static bool has_work(void)
{
	for (unsigned i = 0; i < job.slices; i++) {
		if (run.servers[i].running)
			return true;
	}
	return false;
}

/* The makespan in seconds. */
static double simulate(unsigned slots, enum how how)
{
	struct profile profile;
	struct rebalance_policy policy;

	profile_default(&profile);
	policy = rebalance_policy_of(&profile.rebalance);
	policy.loans = how == EXCLUSIVE ? LOANS_EXCLUSIVE : LOANS_SHARED;
	memset(&memory, 0, sizeof(memory));
	memset(&run, 0, sizeof(run));
	run.how = how;
	run.slots = slots * job.cpus;
	plan = home;
	for (unsigned i = 0; i < job.slices; i++)
		start_tasks(i);
	for (unsigned tick = 0; has_work(); tick++) {
		double until = (tick + 1) * (double)tick_ns / 1e9;

		if (how == SHARED || how == EXCLUSIVE)
			monitor(&policy, tick);
		while (run.now < until && has_work())
			advance(until);
	}
	return run.now;
}

/* ---- results ---- */

/* By job; makespans over the bound, and gains. */
static struct results {
	double over[HOWS][SIZES * JOBS];
	double over_slots[SIZES * JOBS]; /* shared */
	double over_instant[SIZES * JOBS];
	double faster[SIZES * JOBS];
	double changes[SIZES * JOBS];
} results[SLOTS_MAX + 1];

static void run_job(unsigned at)
{
	for (unsigned slots = 1; slots <= SLOTS_MAX; slots++) {
		struct results *r = &results[slots];
		struct bounds bound = find_bounds(slots);
		double seconds[HOWS];

		for (enum how how = 0; how < HOWS; how++) {
			seconds[how] = simulate(slots, how);
			r->over[how][at] = seconds[how] / bound.cpus;
			if (how == SHARED)
				r->changes[at] = run.changes;
		}
		r->over_slots[at] = seconds[SHARED] / bound.slots;
		r->over_instant[at] = seconds[SHARED] / seconds[INSTANT];
		r->faster[at] = seconds[UNLENT] / seconds[SHARED];
	}
}

/* The quantile of `count` values from `first` on, which stay in their order. */
static double of(const double *values, unsigned first, unsigned count, double p)
{
	static double sorted[SIZES * JOBS];

	memcpy(sorted, values + first, count * sizeof(*values));
	return quantile(sorted, count, p);
}

static json_t *distribution(const double *values, unsigned first, unsigned count)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f}", "p5", of(values, first, count, 0.05),
			 "median", of(values, first, count, 0.5), "p75",
			 of(values, first, count, 0.75), "p95", of(values, first, count, 0.95),
			 "p99", of(values, first, count, 0.99));
}

static json_t *report(unsigned slots, unsigned slices, unsigned first, unsigned count)
{
	const struct results *r = &results[slots];
	char text[16] = "2..64";

	if (slices)
		snprintf(text, sizeof(text), "%u", slices);
	printf("%5u %6s", slots, text);
	for (enum how how = 0; how < HOWS; how++)
		printf("  %6.2f %6.2f", of(r->over[how], first, count, 0.5),
		       of(r->over[how], first, count, 0.95));
	printf("  %6.2f %6.2f  %6.2f %6.2f  %5.2f %5.2f %5.2f %7.0f\n",
	       of(r->over_slots, first, count, 0.5), of(r->over_slots, first, count, 0.95),
	       of(r->over_instant, first, count, 0.5), of(r->over_instant, first, count, 0.95),
	       of(r->faster, first, count, 0.05), of(r->faster, first, count, 0.5),
	       of(r->faster, first, count, 0.95), of(r->changes, first, count, 0.5));
	return json_pack("{s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "slots_per_cpu",
			 (int)slots, "slices", (int)slices, "jobs", (int)count, "unlent",
			 distribution(r->over[UNLENT], first, count), "shared",
			 distribution(r->over[SHARED], first, count), "exclusive",
			 distribution(r->over[EXCLUSIVE], first, count), "instant",
			 distribution(r->over[INSTANT], first, count), "shared_over_instant",
			 distribution(r->over_instant, first, count), "shared_over_slots",
			 distribution(r->over_slots, first, count), "faster",
			 distribution(r->faster, first, count), "changes",
			 distribution(r->changes, first, count));
}

static json_t *bench_jobs(void)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < SIZES * JOBS; i++) {
		random_job(sizes[i / JOBS]);
		make_machine();
		run_job(i);
	}
	printf("makespan over the bound of %d simulated jobs, seed %lu\n", SIZES * JOBS,
	       test_seed());
	printf("%12s  %13s  %13s  %13s  %13s  %13s  %13s  %17s\n", "", "unlent", "shared",
	       "exclusive", "instant", "shared, slots", "sh. / instant", "shared is faster");
	printf("%5s %6s", "slots", "slices");
	for (unsigned i = 0; i < 6; i++)
		printf("  %6s %6s", "median", "95th");
	printf("  %5s %5s %5s %7s\n", "5th", "50th", "95th", "changes");
	for (unsigned slots = 1; slots <= SLOTS_MAX; slots++)
		json_array_append_new(list, report(slots, 0, 0, SIZES * JOBS));
	for (unsigned i = 0; i < SIZES; i++)
		json_array_append_new(list, report(2, sizes[i], i * JOBS, JOBS));
	return list;
}

/* ---- what a step costs ---- */

/*
 * A half is idle and lends to the other: steps before, the one in which it happens, and after it.
 */
static json_t *bench_step(unsigned slices, unsigned cpus)
{
	static double times[STEPS];
	struct profile profile;
	struct rebalance_policy policy;
	double lends = 0;

	job.slices = slices;
	job.cpus = cpus;
	make_machine();
	profile_default(&profile);
	policy = rebalance_policy_of(&profile.rebalance);
	memset(&memory, 0, sizeof(memory));
	memset(&run, 0, sizeof(run));
	plan = home;
	for (unsigned step = 0; step < STEPS; step++) {
		uint64_t now_ns = (step + 100) * tick_ns;
		double begin;
		int changed;

		for (unsigned i = 0; i < slices; i++) {
			double used = i % 2 ? 0 : plan.loan_count ? 2 * cpus : cpus;

			run.samples[i].at_ns = now_ns;
			run.samples[i].processes = 2;
			run.samples[i].cpu_usage_us += 1 + (uint64_t)(used * 50000);
		}
		begin = (double)clock_now_ns() / 1e3;
		changed = rebalance_step(&plan, &t, &policy, run.samples, slices, now_ns, &memory,
					 &next);
		times[step] = (double)clock_now_ns() / 1e3 - begin;
		if (changed == 1) {
			lends = times[step];
			plan = next;
		}
	}
	printf("%6u %6u %10.1f %10.1f %10.1f %11.3f %%\n", slices, slices * cpus,
	       quantile(times, STEPS, 0.5), quantile(times, STEPS, 0.99), lends,
	       100 * quantile(times, STEPS, 0.5) / ((double)tick_ns / 1e3));
	return json_pack("{s:i, s:i, s:f, s:f, s:f}", "slices", (int)slices, "cpus",
			 (int)(slices * cpus), "median_us", quantile(times, STEPS, 0.5), "p99_us",
			 quantile(times, STEPS, 0.99), "lending_us", lends);
}

static json_t *bench_steps(void)
{
	json_t *list = json_array();

	printf("\nrebalance_step() while half of the slices lend, microseconds\n");
	printf("%6s %6s %10s %10s %10s %13s\n", "slices", "CPUs", "median", "99th", "lending",
	       "of one CPU");
	json_array_append_new(list, bench_step(2, 1));
	json_array_append_new(list, bench_step(8, 15));
	json_array_append_new(list, bench_step(64, 4));
	json_array_append_new(list, bench_step(64, 64));
	return list;
}

int main(void)
{
	json_t *jobs, *steps;

	state = test_seed();
	jobs = bench_jobs();
	steps = bench_steps();
	bench_write("lending",
		    json_pack("{s:s, s:I, s:o, s:o}", "schema", "cleave.bench-lending/1", "seed",
			      (json_int_t)test_seed(), "jobs", jobs, "steps", steps));
	return 0;
}
