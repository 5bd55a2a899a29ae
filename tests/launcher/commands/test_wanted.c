/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `up` wants, and how often commands read a profile for it.
 * link: -Wl,--wrap=profile_load
 */

#include "launcher/commands/wanted.h"

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

extern const struct command cmd_plan, cmd_up, cmd_run, cmd_status, cmd_rebalance, cmd_exec,
	cmd_logs, cmd_env, cmd_down, cmd_tune, cmd_verify;

static struct err e;
static char state_dir[PROFILE_PATH], file[PROFILE_PATH + 16];

static unsigned loads;
int __real_profile_load(const char *path, struct profile *out, struct err *error);
int __wrap_profile_load(const char *path, struct profile *out, struct err *error);
int __wrap_profile_load(const char *path, struct profile *out, struct err *error)
{
	loads++;
	return __real_profile_load(path, out, error);
}

/* ---- a profile is read once */

/* What they print is not what is asked here. */
static int run_command(const struct command *c, struct options o, const char *operand)
{
	static const char *const words[] = {"app.py", NULL};
	const struct invocation in = {
		.options = o, .operand = operand, .words = (char **)(uintptr_t)words};

	loads = 0;
	return c->run(&in, &e);
}

/* Docker is refused when all that `up` reads is read. */
static void write_profile(void)
{
	static const char text[] = "version: 1\nname: once\nbackend: docker\n";

	snprintf(state_dir, sizeof(state_dir), "%s", test_directory());
	snprintf(file, sizeof(file), "%s/p.yaml", state_dir);
	ck_assert_int_eq(file_replace(file, text, strlen(text), 0600, &e), 0);
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
}

#define ck_reads_once(...)                                               \
	do {                                                             \
		run_command(__VA_ARGS__);                                \
		ck_assert_msg(loads == 1, "%u times: %s", loads, e.msg); \
	} while (0)

START_TEST(a_profile_is_read_once)
{
	const struct options none = {.roots.state_dir = state_dir};
	struct options o = none;

	write_profile();
	ck_reads_once(&cmd_plan, none, file);
	ck_reads_once(&cmd_up, none, file);
	ck_assert_int_lt(run_command(&cmd_up, none, file), 0);
	ck_reads_once(&cmd_run, none, file);
	ck_reads_once(&cmd_tune, none, file);
	ck_reads_once(&cmd_status, none, file);
	ck_reads_once(&cmd_down, none, file);
	ck_reads_once(&cmd_env, none, file);
	ck_reads_once(&cmd_verify, none, file);
	o.slices = "0";
	ck_reads_once(&cmd_run, o, file);
	o = none;
	o.foreground = true;
	ck_reads_once(&cmd_up, o, file);
	o = none;
	o.dry_run = true;
	ck_reads_once(&cmd_plan, o, file);
	o = none;
	o.reset = true;
	ck_reads_once(&cmd_rebalance, o, file);
	o = none;
	o.cluster = file;
	ck_reads_once(&cmd_exec, o, "0");
	ck_reads_once(&cmd_logs, o, NULL);
}
END_TEST

/* ---- what is found out on this machine */

/* The machine in one slice, of a Spark and a JDK that are made up. false: it is too small, by e. */
static bool make_one_slice(const struct options *o, struct inputs *in, struct state *out)
{
	ck_assert_int_eq(inputs_profile(NULL, in, &e), 0);
	spark_tree_fake(test_directory(), spark_tree_java, in->profile.spark.home,
			in->profile.jvm.home);
	in->profile.partition.by = BY_MACHINE;
	in->profile.partition.slices = 1;
	if (wanted_make(o, NULL, in, out, &e) < 0 && e.exit == ERR_IMPOSSIBLE)
		return false;
	ck_assert_msg(e.code == 0, "%s", e.msg);
	return true;
}

/* This JDK is asked, not guessed; where to listen is left to the supervisor. */
START_TEST(the_plan_has_the_jdk)
{
	static struct inputs in;
	static struct state out, known;
	const struct options o = {.roots.state_dir = test_directory()};

	if (!make_one_slice(&o, &in, &out))
		test_skip("%s", e.msg);
	ck_assert_int_eq(out.spark.java_version, 21);
	ck_assert_int_eq(in.facts.java_version, 21);
	for (unsigned i = 0; i < out.plan.note_count; i++)
		ck_assert_msg(!strstr(out.plan.notes[i], "JDK is not known"), "%s",
			      out.plan.notes[i]);
	ck_assert_int_eq(out.master.port, 0);
	/* What runs is passed on as it is. */
	known.plan.slice_count = 1;
	known.plan.slices[0].address = PLAN_FIRST_ADDRESS + 7;
	known.master.port = 7078;
	ck_assert_msg(wanted_make(&o, &known, &in, &out, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(out.plan.slices[0].address, PLAN_FIRST_ADDRESS + 7);
	ck_assert_int_eq(out.master.port, 7078);
}
END_TEST

/* What it was cut for is kept, and the next `up`, whatever it would see, takes that. */
START_TEST(a_running_cluster_keeps_its_workload)
{
	static struct inputs in;
	static struct state out, known;
	static char app[PROFILE_PATH + 16];
	static const char text[] = "KMeans()\n";
	char *const words[] = {app, NULL};
	const struct options o = {.roots.state_dir = test_directory()};

	snprintf(app, sizeof(app), "%s/app.py", test_directory());
	ck_assert_int_eq(file_replace(app, text, strlen(text), 0600, &e), 0);
	in.application = words;
	if (!make_one_slice(&o, &in, &out))
		test_skip("%s", e.msg);
	ck_assert_int_eq(out.profile.workload.type, WORKLOAD_KMEANS);
	known = out;
	known.profile.workload.type = WORKLOAD_STREAMING;
	ck_assert_msg(wanted_make(&o, &known, &in, &out, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(in.facts.workload, WORKLOAD_STREAMING);
	ck_assert_int_eq(out.profile.workload.type, WORKLOAD_STREAMING);
	in.profile.workload.type = WORKLOAD_SQL;
	ck_assert_msg(wanted_make(&o, &known, &in, &out, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(out.profile.workload.type, WORKLOAD_SQL);
}
END_TEST

TEST_MAIN("wanted", test_case("profile", a_profile_is_read_once),
	  test_case("wanted", the_plan_has_the_jdk, a_running_cluster_keeps_its_workload))
