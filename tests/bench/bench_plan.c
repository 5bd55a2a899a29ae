/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision costs: plan_make alone where everything is automatic, so that all candidates are
 * judged; plan_make + plan_check + JSON for 64 slices on 256 … 4096 CPUs; and the whole process
 * `cleave plan --json` beside a process that does nothing but hwloc's own load of the same input.
 * Medians; everything that is compared runs in turn. Prints a table and writes
 * build/bench/plan.json. Run in the source tree.
 */

#include <errno.h>
#include <fcntl.h>
#include <hwloc.h>
#include <inttypes.h>
#include <jansson.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "decision/check/plan_check.h"
#include "decision/engine/plan_make.h"
#include "decision/plan/plan.h"
#include "launcher/inputs/host_hwloc.h"
#include "launcher/protocol/plan_json.h"
#include "tests/bench/groups.h"

enum { ROUNDS = 51, PROCESSES = 15, SIZES = 5 };

static const char profile_path[] = "build/bench/plan.yaml";
static const char xml_path[] = "build/bench/4096.xml";

static const struct {
	unsigned cpus;
	const char *text;
} machines[SIZES] = {
	{256, "pack:8 numa:1(memory=512GiB) l3:8 core:2 pu:2"},
	{512, "pack:8 numa:1(memory=512GiB) l3:8 core:4 pu:2"},
	{1024, "pack:8 numa:1(memory=512GiB) l3:8 core:8 pu:2"},
	{2048, "pack:8 numa:1(memory=512GiB) l3:8 core:16 pu:2"},
	{4096, "pack:8 numa:1(memory=512GiB) l3:8 core:32 pu:2"},
};

/* Everything automatic: what plan_make may take at most. */
static const struct {
	unsigned cpus;
	double most_ms;
	const char *text;
} automatic[] = {
	{120, 5, "pack:8 [numa(memory=64GiB)] core:15 pu:1"},
	{256, 5, "pack:2 numa:4(memory=64GiB) l3:4 core:4 pu:2"},
	{4096, 50, "pack:16 numa:4(memory=128GiB) l3:4 core:8 pu:2"},
	{4096, 50, "pack:1 [numa(memory=1TiB)] l3:64 core:64 pu:1"},
};

static struct topology topology;
static struct profile profile;
static struct plan plan;

static double now_ms(void)
{
	return (double)clock_now_ns() / 1e6;
}

static double median(double *values, unsigned count)
{
	bench_sort(values, count);
	return values[count / 2];
}

/* ---- inside one process ---- */

struct cost {
	double make_ms, check_ms, json_ms, total_ms;
};

static void decide_once(struct cost *c)
{
	const struct facts facts = {0};
	struct err e = {0};
	double begin = now_ms(), made, checked, end;
	char *text;

	if (plan_make(&topology, &profile, &facts, &plan, &e) < 0)
		bench_die("plan_make", e.msg);
	made = now_ms();
	if (plan_check(&plan, &topology, &e) < 0)
		bench_die("plan_check", e.msg);
	checked = now_ms();
	if (plan_json_format(&plan, &topology, &text, &e) < 0)
		bench_die("plan_json_format", e.msg);
	end = now_ms();
	free(text);
	*c = (struct cost){made - begin, checked - made, end - checked, end - begin};
}

static struct cost measure_decision(const char *text)
{
	const struct topology_source source = {.text = text};
	double make[ROUNDS], check[ROUNDS], json[ROUNDS], total[ROUNDS];
	struct cpuset mask;
	struct err e = {0};
	struct cost c;

	if (topology_read(&source, &topology, &mask, &e) < 0)
		bench_die(text, e.msg);
	for (unsigned i = 0; i < ROUNDS; i++) {
		decide_once(&c);
		make[i] = c.make_ms;
		check[i] = c.check_ms;
		json[i] = c.json_ms;
		total[i] = c.total_ms;
	}
	if (plan.slice_count != SLICES_MAX)
		bench_die(text, "not 64 slices");
	return (struct cost){median(make, ROUNDS), median(check, ROUNDS), median(json, ROUNDS),
			     median(total, ROUNDS)};
}

static double measure_make(const char *text)
{
	const struct topology_source source = {.text = text};
	const struct facts facts = {0};
	double make[ROUNDS];
	struct cpuset mask;
	struct err e = {0};

	if (topology_read(&source, &topology, &mask, &e) < 0)
		bench_die(text, e.msg);
	for (unsigned i = 0; i < ROUNDS; i++) {
		double begin = now_ms();

		if (plan_make(&topology, &profile, &facts, &plan, &e) < 0)
			bench_die("plan_make", e.msg);
		make[i] = now_ms() - begin;
	}
	return median(make, ROUNDS);
}

/* ---- whole processes ---- */

static double run(char *const *argv)
{
	posix_spawn_file_actions_t actions;
	double begin = now_ms();
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		bench_die(argv[0], "failed");
	posix_spawn_file_actions_destroy(&actions);
	return now_ms() - begin;
}

struct process_cost {
	double cleave_ms, hwloc_ms;
};

static struct process_cost measure_process(const char *source)
{
	char *const cleave[] = {(char *)"build/cleave",
				(char *)"--topology",
				(char *)source,
				(char *)"plan",
				(char *)"--json",
				(char *)profile_path,
				NULL};
	char *const load[] = {(char *)"/proc/self/exe", (char *)"--load", (char *)source, NULL};
	double ours[PROCESSES], theirs[PROCESSES];

	for (unsigned i = 0; i < PROCESSES; i++) {
		ours[i] = run(cleave);
		theirs[i] = run(load);
	}
	return (struct process_cost){median(ours, PROCESSES), median(theirs, PROCESSES)};
}

/* What `--load` does: hwloc's defaults, and nothing else. */
static int load_only(const char *source)
{
	hwloc_topology_t h;
	int code = hwloc_topology_init(&h);

	if (code == 0)
		code = strchr(source, '/') ? hwloc_topology_set_xml(h, source)
					   : hwloc_topology_set_synthetic(h, source);
	if (code == 0)
		code = hwloc_topology_load(h);
	if (code == 0)
		hwloc_topology_destroy(h);
	return code ? EXIT_FAILURE : 0;
}

static void prepare_files(void)
{
	FILE *file;
	hwloc_topology_t h;

	mkdir("build/bench", 0777);
	file = fopen(profile_path, "w");
	if (!file ||
	    fputs("version: 1\nname: bench\npartition:\n  by: machine\n  slices: 64\n"
		  "  reserve: {cores: 0}\n",
		  file) < 0 ||
	    fclose(file) != 0)
		bench_die(profile_path, strerrordesc_np(errno));
	if (hwloc_topology_init(&h) < 0 ||
	    hwloc_topology_set_synthetic(h, machines[SIZES - 1].text) < 0 ||
	    hwloc_topology_load(h) < 0 || hwloc_topology_export_xml(h, xml_path, 0) < 0)
		bench_die(xml_path, "hwloc cannot write it");
	hwloc_topology_destroy(h);
}

/* ---- results ---- */

static json_t *bench_choices(void)
{
	json_t *list = json_array();

	printf("plan_make, everything automatic, median of %d, ms\n", ROUNDS);
	printf("%6s %10s %9s %9s\n", "CPUs", "candidates", "make", "at most");
	for (size_t i = 0; i < sizeof(automatic) / sizeof(automatic[0]); i++) {
		double ms = measure_make(automatic[i].text);

		printf("%6u %10u %9.3f %9.0f%s\n", automatic[i].cpus, plan.candidate_count, ms,
		       automatic[i].most_ms, ms > automatic[i].most_ms ? "  TOO SLOW" : "");
		json_array_append_new(list,
				      json_pack("{s:s, s:i, s:i, s:f, s:f}", "machine",
						automatic[i].text, "cpus", (int)automatic[i].cpus,
						"candidates", (int)plan.candidate_count, "make_ms",
						ms, "most_ms", automatic[i].most_ms));
	}
	printf("\n");
	return list;
}

static json_t *bench_decisions(void)
{
	json_t *list = json_array();
	double before = 0;

	printf("decision, 64 slices, median of %d, ms\n", ROUNDS);
	printf("%6s %9s %9s %9s %9s  %s\n", "CPUs", "make", "check", "JSON", "sum",
	       "to the half of the CPUs");
	for (unsigned i = 0; i < SIZES; i++) {
		struct cost c = measure_decision(machines[i].text);

		printf("%6u %9.3f %9.3f %9.3f %9.3f", machines[i].cpus, c.make_ms, c.check_ms,
		       c.json_ms, c.total_ms);
		if (i > 0)
			printf("  x %.2f", c.total_ms / before);
		printf("\n");
		before = c.total_ms;
		json_array_append_new(list, json_pack("{s:i, s:f, s:f, s:f, s:f}", "cpus",
						      (int)machines[i].cpus, "make_ms", c.make_ms,
						      "check_ms", c.check_ms, "json_ms", c.json_ms,
						      "total_ms", c.total_ms));
	}
	return list;
}

static json_t *bench_processes(void)
{
	json_t *list = json_array();

	printf("\nwhole process, median of %d, ms\n", PROCESSES);
	printf("%6s %-9s %12s %12s %12s\n", "CPUs", "input", "cleave plan", "hwloc's load",
	       "difference");
	for (unsigned i = 0; i <= SIZES; i++) {
		bool xml = i == SIZES;
		unsigned cpus = machines[xml ? SIZES - 1 : i].cpus;
		struct process_cost c = measure_process(xml ? xml_path : machines[i].text);

		printf("%6u %-9s %12.1f %12.1f %+12.1f\n", cpus, xml ? "XML" : "synthetic",
		       c.cleave_ms, c.hwloc_ms, c.cleave_ms - c.hwloc_ms);
		json_array_append_new(list,
				      json_pack("{s:i, s:s, s:f, s:f}", "cpus", (int)cpus, "input",
						xml ? "xml" : "synthetic", "cleave_ms", c.cleave_ms,
						"hwloc_ms", c.hwloc_ms));
	}
	return list;
}

int main(int argc, char **argv)
{
	json_t *choices, *decisions, *processes;

	if (argc == 3 && !strcmp(argv[1], "--load"))
		return load_only(argv[2]);
	prepare_files();
	profile_default(&profile);
	choices = bench_choices();
	profile.partition.by = BY_MACHINE;
	profile.partition.slices = SLICES_MAX;
	profile.partition.reserve_cores = 0;
	decisions = bench_decisions();
	processes = bench_processes();
	bench_write("plan",
		    json_pack("{s:s, s:o, s:o, s:o}", "schema", "cleave.bench-plan/2", "choices",
			      choices, "decisions", decisions, "processes", processes));
	return 0;
}
