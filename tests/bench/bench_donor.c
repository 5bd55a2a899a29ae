/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a donor has of its CPU when it comes back while the loan is out. Two groups of one CPU each
 * on the real kernel; the borrower, two busy threads, is widened onto the donor's CPU. The donor
 * sleeps, is woken and is busy for 300 ms: its share of its CPU in the first 20 ms after the
 * wake-up, and from then to 220 ms. With the donor's weight raised, as for each loan; in turn with
 * the default weight, and with nothing lent: what else runs on that CPU takes its part of all
 * three, so the last one says how quiet the machine is. Prints a table and writes
 * build/bench/donor.json. Run in the source tree.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "tests/bench/groups.h"

enum {
	ROUNDS = 25,
	ROUNDS_MAX = 1000,
	BUSY_MS = 300,
	REST_MS = 200, /* of the donor between wake-ups: the borrower has both CPUs */
	THREADS = 2,
};
static const uint64_t first_ns = 20000000, then_ns = 220000000;

static const char donor[] = "slice-0", borrower[] = "slice-1";

/* Shares of one CPU, 0 … 1. */
struct shares {
	double first, then;
};

/* ---- the donor: woken by the time at which it was, answers with its shares */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/*
 * Be busy until `end`, and return the CPU time there. Off the CPU the loop stands still, so the
 * last value before `end` is the one at `end`.
 */
static uint64_t spin_until(uint64_t end)
{
	uint64_t cpu = cpu_ns();

	while (clock_now_ns() < end)
		cpu = cpu_ns();
	return cpu;
}

static int be_donor(void)
{
	uint64_t woken;

	while (read(STDIN_FILENO, &woken, sizeof(woken)) == sizeof(woken)) {
		uint64_t begin = cpu_ns();
		uint64_t early = spin_until(woken + first_ns), late = spin_until(woken + then_ns);
		struct shares s = {(double)(early - begin) / (double)first_ns,
				   (double)(late - early) / (double)(then_ns - first_ns)};

		spin_until(woken + BUSY_MS * UINT64_C(1000000));
		if (write(STDOUT_FILENO, &s, sizeof(s)) != sizeof(s))
			return EXIT_FAILURE;
	}
	return 0;
}

/* ---- the borrower */

static void *spin(void *arg)
{
	volatile unsigned long turns = 0;

	for (;;)
		turns++;
	return arg;
}

static int be_borrower(unsigned threads)
{
	pthread_t thread;

	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, spin, NULL))
			return EXIT_FAILURE;
	spin(NULL);
	return 0;
}

/* ---- the measurement */

struct side {
	const char *name;
	unsigned weight;
	bool lent;
	double first[ROUNDS_MAX], then[ROUNDS_MAX];
	double used[ROUNDS_MAX]; /* CPUs, by the borrower while the donor sleeps */
};

enum { RAISED, DEFAULT, UNLENT, SIDES };
static struct side sides[SIDES] = {
	[RAISED] = {.name = "weight raised", .weight = WEIGHT_MAX, .lent = true},
	[DEFAULT] = {.name = "default weight", .weight = WEIGHT_DEFAULT, .lent = true},
	[UNLENT] = {.name = "nothing lent", .weight = WEIGHT_DEFAULT},
};

static struct cpuset own[2], both; /* donor's, borrower's */

/* CPUs that a group uses while the donor rests. */
static double used_at_rest(struct driver *d, const char *group)
{
	struct sample before, after;
	struct err e = {0};

	if (d->ops->usage(d, group, &before, &e) < 0)
		bench_die(group, e.msg);
	bench_pause(REST_MS);
	if (d->ops->usage(d, group, &after, &e) < 0)
		bench_die(group, e.msg);
	return (double)(after.cpu_usage_us - before.cpu_usage_us) * 1000 /
	       (double)(after.at_ns - before.at_ns);
}

static void wake_donor(struct driver *d, struct side *side, unsigned round, int in, int out)
{
	struct shares s;
	struct err e = {0};
	uint64_t now;

	if (d->ops->set_weight(d, donor, side->weight, &e) < 0 ||
	    d->ops->set_cpus(d, borrower, side->lent ? &both : &own[1], NULL, &e) < 0)
		bench_die(donor, e.msg);
	side->used[round] = used_at_rest(d, borrower);
	now = clock_now_ns();
	if (write(in, &now, sizeof(now)) != sizeof(now) || read(out, &s, sizeof(s)) != sizeof(s))
		bench_die(donor, "it has ended");
	side->first[round] = s.first;
	side->then[round] = s.then;
}

static void measure(struct driver *d, const struct cpuset *allowed, unsigned rounds)
{
	int in[2], out[2];

	cpuset_add(&own[0], cpuset_first(allowed));
	cpuset_add(&own[1], cpuset_next(allowed, cpuset_first(allowed)));
	both = cpuset_or(&own[0], &own[1]);
	bench_group(donor, &own[0]);
	bench_group(borrower, &own[1]);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		bench_die("pipe", strerrordesc_np(errno));
	bench_spawn(donor, "--donor", 0, in[0], out[1]);
	bench_spawn(borrower, "--borrower", THREADS, -1, -1);
	close(in[0]);
	close(out[1]);
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned k = 0; k < SIDES; k++)
			wake_donor(d, &sides[(k + round) % SIDES], round, in[1], out[0]);
}

/* ---- results */

static json_t *report(struct side *side, unsigned rounds)
{
	bench_sort(side->first, rounds);
	bench_sort(side->then, rounds);
	bench_sort(side->used, rounds);
	printf("%-14s %14.1f %8.1f %14.1f %8.1f %16.2f\n", side->name,
	       100 * bench_quantile(side->first, rounds, 0.5), 100 * side->first[0],
	       100 * bench_quantile(side->then, rounds, 0.5), 100 * side->then[0],
	       bench_quantile(side->used, rounds, 0.5));
	return json_pack("{s:s, s:i, s:b, s:o, s:o, s:o}", "side", side->name, "weight",
			 (int)side->weight, "lent", (int)side->lent, "first_20_ms",
			 bench_spread(side->first, rounds), "20_to_220_ms",
			 bench_spread(side->then, rounds), "borrower_cpus_at_rest",
			 bench_spread(side->used, rounds));
}

int main(int argc, char **argv)
{
	json_t *list = json_array(), *targets = json_array();
	double load[3] = {0};
	struct cpuset allowed;
	unsigned rounds;
	struct driver *d;

	if (argc == 3 && !strcmp(argv[1], "--donor"))
		return be_donor();
	if (argc == 3 && !strcmp(argv[1], "--borrower"))
		return be_borrower((unsigned)strtoul(argv[2], NULL, 10));
	rounds = bench_rounds(argc, argv, ROUNDS);
	if (rounds > ROUNDS_MAX)
		rounds = ROUNDS_MAX;
	if (getloadavg(load, 3) < 1)
		load[0] = -1;
	d = bench_groups(2, &allowed);
	measure(d, &allowed, rounds);
	printf("donor's share of its CPU after a wake-up while the loan is out, %u wake-ups a "
	       "side, %%\n%-14s %14s %8s %14s %8s %16s\n",
	       rounds, "", "first 20 ms", "least", "20 to 220 ms", "least", "borrower's CPUs");
	for (unsigned i = 0; i < SIDES; i++)
		json_array_append_new(list, report(&sides[i], rounds));
	bench_at_least(targets, "donor's share in the first 20 ms, median",
		       100 * bench_quantile(sides[RAISED].first, rounds, 0.5), 80, "%");
	bench_at_least(targets, "donor's share from 20 to 220 ms, median",
		       100 * bench_quantile(sides[RAISED].then, rounds, 0.5), 97, "%");
	bench_write("donor", json_pack("{s:s, s:s, s:f, s:o, s:o}", "schema",
				       "cleave.bench-donor/1", "driver", d->ops->name,
				       "load_before", load[0], "sides", list, "targets", targets));
	return 0;
}
