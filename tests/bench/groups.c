/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/groups.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "containers/where/tree.h"

static struct driver *driver;
static char root[64];

noreturn void bench_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
	exit(EXIT_FAILURE);
}

noreturn void bench_skip(const char *why)
{
	printf("%s: skipped: %s\n", program_invocation_short_name, why);
	exit(0);
}

unsigned bench_rounds(int argc, char **argv, unsigned usual)
{
	const char *text = getenv("ROUNDS");
	char *end;
	unsigned long rounds;

	if (argc == 3 && !strcmp(argv[1], "--rounds"))
		text = argv[2];
	else if (argc > 1)
		bench_die(argv[1], "the only option is --rounds N");
	if (!text || !*text)
		return usual;
	rounds = strtoul(text, &end, 10);
	if (*end || rounds < 1 || rounds > 100000)
		bench_die(text, "rounds are 1 to 100000");
	return (unsigned)rounds;
}

/* ---- groups */

static void end_groups(void)
{
	static const char *const groups[] = {"slice-0", "slice-1", "slice-2", "slice-3",
					     "slice-4", "slice-5", "slice-6", "slice-7"};
	struct err e;

	if (!driver)
		return;
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		driver->ops->kill(driver, groups[i], 5000, &e);
		driver->ops->remove(driver, groups[i], &e);
	}
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	driver->ops->enter(driver, NULL, &e);
	driver->ops->remove(driver, GROUP_SUPERVISOR, &e);
	if (driver_destroy(driver, &e))
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, e.msg);
	driver = NULL;
}

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = number;
}

static void end_on_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal}; /* read() and poll() return */

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

struct driver *bench_groups(unsigned cpus, struct cpuset *allowed)
{
	struct driver_request r = {
		.cluster = "bench", .cgroup_root = root, .backend = BACKEND_CGROUP};
	struct cpuset nodes;
	struct tree tree;
	struct err e = {0};

	snprintf(root, sizeof(root), "cleave-bench-%d", getpid());
	if (geteuid())
		bench_skip("not root");
	if (tree_read(NULL, &tree, &e) < 0 || tree_allowed(&tree, allowed, &nodes, &e) < 0 ||
	    driver_open(&r, &driver, &e) < 0)
		bench_skip(e.msg);
	atexit(end_groups);
	end_on_signals();
	if (cpuset_count(allowed) < cpus)
		bench_skip("too few CPUs");
	bench_group(GROUP_SUPERVISOR, allowed);
	if (driver->ops->set_weight(driver, GROUP_SUPERVISOR, WEIGHT_MAX, &e) < 0 ||
	    driver->ops->enter(driver, GROUP_SUPERVISOR, &e) < 0)
		bench_die("the supervisor's leaf", e.msg);
	return driver;
}

void bench_group(const char *name, const struct cpuset *cpus)
{
	struct group_spec g = {
		.name = name, .cpus = *cpus, .nodes = driver->nodes, .weight = WEIGHT_DEFAULT};
	struct err e = {0};

	if (driver->ops->create(driver, &g, &e) < 0)
		bench_die(name, e.msg);
}

pid_t bench_spawn(const char *group, const char *word, unsigned number, int in, int out)
{
	char file[4096] = "", text[16];
	char *argv[] = {file, (char *)word, text, NULL}, *envp[] = {NULL};
	struct spawn s = {.group = group,
			  .file = file,
			  .argv = argv,
			  .envp = envp,
			  .in = in,
			  .out = out,
			  .err = STDERR_FILENO,
			  .uid = (uid_t)-1};
	struct err e = {0};
	pid_t pid;
	int fd;

	snprintf(text, sizeof(text), "%u", number);
	if (readlink("/proc/self/exe", file, sizeof(file) - 1) < 0)
		bench_die("/proc/self/exe", strerrordesc_np(errno));
	if (driver->ops->spawn(driver, &s, &pid, &fd, &e) < 0)
		bench_die(word, e.msg);
	close(fd);
	return pid;
}

/* ---- figures */

void bench_pause(int ms)
{
	poll(NULL, 0, ms);
	if (stopped)
		exit(128 + stopped);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void bench_sort(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
}

double bench_quantile(const double *sorted, unsigned count, double share)
{
	unsigned i = (unsigned)(share * count);

	return sorted[i < count ? i : count - 1];
}

json_t *bench_spread(const double *sorted, unsigned count)
{
	return json_pack("{s:i, s:f, s:f, s:f, s:f, s:f}", "count", (int)count, "median",
			 bench_quantile(sorted, count, 0.5), "min", sorted[0], "p95",
			 bench_quantile(sorted, count, 0.95), "p99",
			 bench_quantile(sorted, count, 0.99), "max", sorted[count - 1]);
}

static void add_target(json_t *targets, const char *what, double value, const char *word,
		       double limit, const char *unit, bool reached)
{
	printf("%s: %.4g %s, %s %g: %s\n", what, value, unit, word, limit,
	       reached ? "reached" : "not reached");
	json_array_append_new(targets,
			      json_pack("{s:s, s:f, s:f, s:s, s:b}", "what", what, "value", value,
					"limit", limit, "unit", unit, "reached", (int)reached));
}

void bench_at_most(json_t *targets, const char *what, double value, double limit, const char *unit)
{
	add_target(targets, what, value, "at most", limit, unit, value <= limit);
}

void bench_at_least(json_t *targets, const char *what, double value, double limit, const char *unit)
{
	add_target(targets, what, value, "at least", limit, unit, value >= limit);
}

void bench_write(const char *name, json_t *all)
{
	char path[256];

	mkdir("build/bench", 0777);
	snprintf(path, sizeof(path), "build/bench/%s.json", name);
	if (!all || json_dump_file(all, path, JSON_INDENT(2)) < 0)
		bench_die(path, "cannot be written");
	json_decref(all);
	printf("written to %s\n", path);
}
