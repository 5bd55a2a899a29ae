/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_GROUPS_H
#define TESTS_BENCH_GROUPS_H

/*
 * What benches on the real kernel share: groups of their own below cleave-bench-PID, gone at exit
 * whatever happens; processes in them; spreads and targets. A machine that cannot do it is a skip
 * with its reason, not a failure.
 */

#include <jansson.h>
#include <stdnoreturn.h>

#include "containers/driver.h"

/* How many rounds: --rounds N, or $ROUNDS, which `make bench` passes on, or `usual`. */
unsigned bench_rounds(int argc, char **argv, unsigned usual);

noreturn void bench_die(const char *what, const char *why);
noreturn void bench_skip(const char *why);

/*
 * A driver whose groups end with the program. Enters the supervisor's leaf with the greatest
 * weight, as the supervisor does. Skips where this user or this kernel cannot make groups, or has
 * fewer than `cpus` CPUs; *allowed are these.
 */
struct driver *bench_groups(unsigned cpus, struct cpuset *allowed);

/* A group on these CPUs. */
void bench_group(const char *name, const struct cpuset *cpus);

/*
 * This program again, in a group: its command line is `word` and `number`, `in` and `out` are its
 * stdin and stdout (-1: /dev/null).
 */
pid_t bench_spawn(const char *group, const char *word, unsigned number, int in, int out);

/* Wait for some milliseconds; ends the program, and its groups, after SIGINT or SIGTERM. */
void bench_pause(int ms);

/* Sorted ascending by the first call. `share` 0 … 1: the least value that so many do not exceed. */
void bench_sort(double *values, unsigned count);
double bench_quantile(const double *sorted, unsigned count, double share);

/* {"count", "median", "min", "p95", "p99", "max"} of sorted values. */
json_t *bench_spread(const double *sorted, unsigned count);

/* Print a figure beside what it should be, and note it in the list `targets`. Never an error. */
void bench_at_most(json_t *targets, const char *what, double value, double limit, const char *unit);
void bench_at_least(json_t *targets, const char *what, double value, double limit,
		    const char *unit);

/* Write build/bench/NAME.json; takes `all`. */
void bench_write(const char *name, json_t *all);

#endif
