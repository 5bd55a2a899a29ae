/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the straggler monitor costs with eight slices: CPU time and memory of a real supervisor over
 * real groups with fake workers in them, while nothing happens, while CPUs are lent, and while
 * loans come and go each second. Prints a table and writes build/bench/monitor.json. Run in the
 * source tree: bench_monitor [SECONDS of each].
 *
 * The eight one-core slices need not find eight CPUs: tests/fold/fold.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/commands/command.h"
#include "launcher/system/files.h"
#include "profiles/load.h"
#include "tests/fold/fold.h"
#include "tests/harness.h"
#include "tests/launcher/fake_orders.h"
#include "tests/launcher/fake_spark.h"
#include "tests/launcher/own_cluster.h"

enum { SLICES = 8, DEFAULT_SECONDS = 20, BUSY_THREADS = 2 };

#define MACHINE	   "numa:1(memory=68719476736) core:8 pu:1"
#define SHARE_MAX  0.01
#define MEMORY_MAX (16 << 20)

static const char result_path[] = "build/bench/monitor.json";
static volatile sig_atomic_t interrupted;

/* ---- what the slices do; called each second */

static unsigned stage;

/* The one application says that slice `busy` has two tasks; SLICES: that there is nothing to do. */
static void work_on(unsigned busy)
{
	uint32_t addresses[SLICES];
	unsigned running[SLICES] = {0};
	struct fake_application application = {.id = "app-20260101000000-0000",
					       .addresses = addresses,
					       .count = SLICES,
					       .running = running,
					       .stage = ++stage};

	for (unsigned i = 0; i < SLICES; i++) {
		addresses[i] = own.state.plan.slices[i].address;
		running[i] = i == busy ? BUSY_THREADS : 0;
		fake_burn(own.orders, addresses[i], running[i]);
	}
	fake_tell(own.orders, &application);
}

static void stay_idle(unsigned second)
{
	if (!second)
		work_on(SLICES);
}

static void lag(unsigned second)
{
	if (!second)
		work_on(0);
}

static void lag_in_turn(unsigned second)
{
	work_on(second % SLICES);
}

static const struct {
	const char *what;
	void (*each_second)(unsigned second);
} loads[] = {
	{"nothing to do", stay_idle},
	{"one slice lags", lag},
	{"another one lags each second", lag_in_turn},
};
enum { LOADS = sizeof(loads) / sizeof(loads[0]) };

/* ---- the measure */

struct cost {
	double seconds, cpu_seconds;
	unsigned loan_steps; /* that changed loans */
	double resident_bytes, resident_most_bytes;
};

static double now_s(void)
{
	return (double)clock_now_ns() / 1e9;
}

/* CPU time of the supervisor: its CPU clock, which counts nanoseconds. */
static double cpu_s(void)
{
	struct timespec used = {0};
	clockid_t clock;

	if (clock_getcpuclockid(own.state.supervisor.pid, &clock) == 0)
		clock_gettime(clock, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* A line of /proc/PID/status, "VmRSS:", in bytes; 0: it is not there. */
static double status_bytes(const char *key)
{
	char path[64], line[256];
	cleanup_fclose FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)own.state.supervisor.pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			return strtod(line + strlen(key), NULL) * 1024;
	return 0;
}

static unsigned count_loan_steps(void)
{
	char path[PROFILE_PATH + 32], *line = NULL;
	cleanup_fclose FILE *file = NULL;
	unsigned count = 0;
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/events.jsonl", own.cluster.state);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0)
		count += strstr(line, "\"what\":\"loan\"") != NULL;
	free(line);
	return count;
}

/* 0, or -EINTR. */
static int measure(void (*each_second)(unsigned second), unsigned seconds, struct cost *out)
{
	double begin_s = now_s(), used_s = cpu_s();
	unsigned steps = count_loan_steps();

	for (unsigned second = 0; second < seconds; second++) {
		each_second(second);
		while (!interrupted && now_s() < begin_s + second + 1)
			poll(NULL, 0, 50);
	}
	*out = (struct cost){.seconds = now_s() - begin_s,
			     .cpu_seconds = cpu_s() - used_s,
			     .loan_steps = count_loan_steps() - steps,
			     .resident_bytes = status_bytes("VmRSS:"),
			     .resident_most_bytes = status_bytes("VmHWM:")};
	return interrupted ? -EINTR : 0;
}

/* ---- the result */

static const char *reached(bool is_so)
{
	return is_so ? "reached" : "not reached";
}

static double most_of(const struct cost *costs, double (*what)(const struct cost *))
{
	double most = 0;

	for (unsigned i = 0; i < LOADS; i++)
		if (what(&costs[i]) > most)
			most = what(&costs[i]);
	return most;
}

static double share(const struct cost *c)
{
	return c->cpu_seconds / c->seconds;
}

static double resident_most(const struct cost *c)
{
	return c->resident_most_bytes;
}

static int report(const struct cost *costs, struct err *e)
{
	json_t *list = json_array();
	json_auto_t *all = NULL;
	double most = most_of(costs, share), memory = most_of(costs, resident_most);

	printf("the supervisor of %d slices, %.0f s of each, groups and processes real\n", SLICES,
	       costs[0].seconds);
	printf("%-30s %12s %12s %10s %10s\n", "", "of one CPU", "loan steps", "resident",
	       "at most");
	for (unsigned i = 0; i < LOADS; i++) {
		const struct cost *c = &costs[i];

		printf("%-30s %10.2f %% %12u %7.1f MB %7.1f MB\n", loads[i].what, 100 * share(c),
		       c->loan_steps, c->resident_bytes / 1048576,
		       c->resident_most_bytes / 1048576);
		json_array_append_new(list,
				      json_pack("{s:s, s:f, s:f, s:i, s:f, s:f}", "what",
						loads[i].what, "seconds", c->seconds, "cpu_seconds",
						c->cpu_seconds, "loan_steps", (int)c->loan_steps,
						"resident_bytes", c->resident_bytes,
						"resident_most_bytes", c->resident_most_bytes));
	}
	printf("CPU time: %.2f %% of one CPU, at most %.0f %%: %s\n", 100 * most, 100 * SHARE_MAX,
	       reached(most <= SHARE_MAX));
	printf("memory: %.1f MB, at most %d MB: %s\n", memory / 1048576, MEMORY_MAX >> 20,
	       reached(memory <= MEMORY_MAX));
	all = json_pack("{s:s, s:i, s:o}", "schema", "cleave.bench-monitor/1", "slices", SLICES,
			"loads", list);
	if ((mkdir("build/bench", 0777) < 0 && errno != EEXIST) || !all ||
	    json_dump_file(all, result_path, JSON_INDENT(2)) < 0)
		return err_set(e, -EIO, "%s cannot be written", result_path);
	printf("\nwritten to %s\n", result_path);
	return 0;
}

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* own_begin() is for Check programs only: what it does, in ours. */
static int begin(struct err *e)
{
	cleanup_free char *text = NULL;

	snprintf(own.name, sizeof(own.name), "bench-monitor-%d", (int)getpid());
	snprintf(own.top, sizeof(own.top), "%s/%s", test_directory(), own.name);
	snprintf(own.file, sizeof(own.file), "%s/p.yaml", own.top);
	fake_spark_make(own.top, own.name, &own.profile);
	fake_spark_orders(own.top, own.orders, sizeof(own.orders));
	own.profile.partition.slices = SLICES;
	own.options = (struct options){.roots.state_dir = own.top, .purge = true};
	if (profile_emit(&own.profile, &text, e) ||
	    file_replace(own.file, text, strlen(text), 0644, e))
		return e->code;
	return cluster_paths(own.top, own.name, &own.cluster, e);
}

static int measure_all(unsigned seconds, struct err *e)
{
	struct cost costs[LOADS];
	enum reply_result result;

	if (own_up(&result, e))
		return e->code;
	for (unsigned i = 0; i < LOADS; i++)
		if (measure(loads[i].each_second, seconds, &costs[i]))
			return err_set(e, -EINTR, "interrupted");
	return report(costs, e);
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : DEFAULT_SECONDS;
	char why[ERR_TEXT];
	struct err e, down;
	int r;

	if (fake_is_java(argv[0]))
		return fake_java(argc, argv);
	setenv(FOLD_MACHINE, MACHINE, 1);
	r = begin(&e);
	if (!r && !own_is_usable(why)) {
		printf("bench_monitor: %s; skipped\n", why);
		return 0;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!r)
		r = measure_all(seconds ? seconds : DEFAULT_SECONDS, &e);
	if (down_cluster(&own.options, own.name, &down) && !r) {
		e = down;
		r = e.code;
	}
	if (r)
		fprintf(stderr, "bench_monitor: %s\n", e.msg);
	return r ? EXIT_FAILURE : 0;
}
