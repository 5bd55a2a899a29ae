/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/plan_make.h"
#include "launcher/protocol/state.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/reconcile/life.h"
#include "launcher/protocol/status.h"
#include "launcher/system/files.h"
#include "tests/decision/equal.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

static struct topology topology;
static struct profile profile;
static struct facts facts;
static struct state state, back;
static struct plan home;
static struct err e;

static void fill(struct state *s)
{
	const struct machine_shape shape = {2, 2, 0, 4, 2, UINT64_C(64) << 30};

	memset(s, 0, sizeof(*s));
	machine_regular(&shape, &topology);
	profile_default(&profile);
	string_copy(profile.name, "stored");
	ck_assert_msg(plan_make(&topology, &profile, &facts, &s->plan, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(cluster_paths(test_directory(), "stored", &s->cluster, &e), 0);
	s->phase = PHASE_DEGRADED;
	string_copy(s->why, "because \"of\" this");
	s->profile = profile;
	string_copy(s->spark.home, "/opt/spark");
	string_copy(s->spark.version, "4.1.0");
	string_copy(s->spark.scala_version, "2.13");
	string_copy(s->spark.java, "/usr/lib/jvm/17/bin/java");
	string_copy(s->spark.java_home, "/usr/lib/jvm/17");
	s->spark.java_version = 17;
	strings_add(&s->spark.launch, "/usr/bin/java");
	strings_add(&s->spark.launch, "-cp");
	s->master = (struct endpoints){"127.0.0.1", 7077, 8080};
	string_copy(s->location, "cgroup1 cpuset=/x");
	s->supervisor = (struct process_id){12, 345};
	s->master_process = (struct process_id){13, UINT64_C(1) << 60};
	for (unsigned i = 0; i < s->plan.slice_count; i++)
		s->workers[i] = (struct worker_record){{(pid_t)(100 + i), i}, i, (int)(30000 + i)};
}

START_TEST(written_and_read_back)
{
	struct stat st;
	char path[PROFILE_PATH];

	fill(&state);
	ck_assert_uint_gt(state.plan.slice_count, 1);
	ck_assert_int_eq(cluster_make(&state.cluster, &e), 0);
	ck_assert_msg(state_write(&state, &e) == 0, "%s", e.msg);
	ck_assert_msg(state_read(&state.cluster, &back, &e) == 0, "%s", e.msg);
	ck_assert(plan_is_equal(&state.plan, &back.plan));
	ck_assert_int_eq(memcmp(&state.profile, &back.profile, sizeof(profile)), 0);
	ck_assert_int_eq(memcmp(&state.spark, &back.spark, sizeof(back.spark)), 0);
	ck_assert_int_eq(memcmp(&state.cluster, &back.cluster, sizeof(back.cluster)), 0);
	ck_assert_int_eq(memcmp(&state.workers, &back.workers, sizeof(back.workers)), 0);
	ck_assert_str_eq(back.why, state.why);
	ck_assert_str_eq(back.location, state.location);
	ck_assert_int_eq(back.phase, PHASE_DEGRADED);
	ck_assert_uint_eq(back.master_process.start_time, UINT64_C(1) << 60);
	ck_assert_int_eq(back.supervisor.pid, 12);
	ck_assert_int_eq(back.master.ui_port, 8080);
	ck_assert_int_eq(cluster_file(&state.cluster, "state.json", path, &e), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(none_is_told_from_unreadable)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"schema\":\"cleave.state/1\"}", "\"x\"", "{\"schema\":1}",
	};
	struct cluster c;
	char path[PROFILE_PATH];

	ck_assert_int_eq(cluster_paths(test_directory(), "bad", &c, &e), 0);
	ck_assert_int_eq(state_read(&c, &back, &e), -ENOENT);
	ck_assert_int_eq(cluster_make(&c, &e), 0);
	ck_assert_int_eq(cluster_file(&c, "state.json", path, &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(file_replace(path, bad[i], strlen(bad[i]), 0600, &e), 0);
		ck_assert_int_eq(state_read(&c, &back, &e), -EBADMSG);
		ck_assert_int_eq(e.exit, ERR_FAILED);
		ck_assert_ptr_nonnull(strstr(e.msg, path));
	}
	ck_assert_int_eq(truncate(path, STATE_MAX_BYTES + 1), 0);
	ck_assert_int_eq(state_read(&c, &back, &e), -EBADMSG);
}
END_TEST

/* The version before had a plan without executors: not misread, and the sentence says why. */
START_TEST(a_state_of_the_version_before)
{
	cleanup_free char *text = NULL;
	char path[PROFILE_PATH];
	size_t size;

	fill(&state);
	ck_assert_int_eq(cluster_make(&state.cluster, &e), 0);
	ck_assert_int_eq(state_write(&state, &e), 0);
	ck_assert_int_eq(cluster_file(&state.cluster, "state.json", path, &e), 0);
	ck_assert_int_eq(file_read(path, STATE_MAX_BYTES, &text, &size, &e), 0);
	strstr(text, "cleave.state/2")[strlen("cleave.state/")] = '1';
	ck_assert_int_eq(file_replace(path, text, size, 0600, &e), 0);
	ck_assert_int_eq(state_read(&state.cluster, &back, &e), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(e.msg, "schema: cleave.state/2 is expected, found "
					    "cleave.state/1, which another version of cleave "
					    "writes"));
}
END_TEST

/* Versions before kept the java alone, which was that in the bin/ of its home. */
START_TEST(a_state_without_a_java_home)
{
	cleanup_free char *text = NULL;
	char path[PROFILE_PATH], *at, *end;
	size_t size;

	fill(&state);
	ck_assert_int_eq(cluster_make(&state.cluster, &e), 0);
	ck_assert_int_eq(state_write(&state, &e), 0);
	ck_assert_int_eq(cluster_file(&state.cluster, "state.json", path, &e), 0);
	ck_assert_int_eq(file_read(path, STATE_MAX_BYTES, &text, &size, &e), 0);
	at = strstr(text, "\"java_home\"");
	end = strchr(at, ',');
	memset(at, ' ', (size_t)(end + 1 - at));
	ck_assert_int_eq(file_replace(path, text, size, 0600, &e), 0);
	ck_assert_int_eq(state_read(&state.cluster, &back, &e), 0);
	ck_assert_str_eq(back.spark.java_home, "/usr/lib/jvm/17");
	ck_assert_str_eq(back.contained.java_home, "");
}
END_TEST

/* Cut anywhere, or with any byte changed: refused, or read as some state; never half a one. */
START_TEST(cut_and_changed)
{
	cleanup_free char *text = NULL;
	unsigned long long random = test_seed();
	size_t size;

	fill(&state);
	ck_assert_int_eq(json_table_format(&state_table, &state, &text, &e), 0);
	size = strlen(text);
	for (size_t cut = 0; cut < size; cut += 1 + size / 40) {
		back.phase = PHASE_STOPPING;
		ck_assert_int_lt(json_table_parse(&state_table, text, cut, &back, &e), 0);
		ck_assert_int_eq(back.phase, PHASE_STOPPING);
	}
	for (unsigned round = 0; round < 60; round++) {
		size_t at = test_random(&random) % size;
		char was = text[at];

		text[at] = (char)test_random(&random);
		if (json_table_parse(&state_table, text, size, &back, &e) == 0)
			ck_assert_msg(back.plan.slice_count <= SLICES_MAX, "seed %lu round %u",
				      test_seed(), round);
		text[at] = was;
	}
}
END_TEST

/* What the file says must be a plan: a CPU that two slices own would be given to both. */
START_TEST(a_plan_that_is_none_is_unreadable)
{
	char path[PROFILE_PATH];

	fill(&state);
	ck_assert_int_eq(cluster_paths(test_directory(), "overlap", &state.cluster, &e), 0);
	ck_assert_int_eq(cluster_make(&state.cluster, &e), 0);
	state.plan.slices[1].cpus = state.plan.slices[0].cpus;
	ck_assert_int_eq(state_write(&state, &e), 0);
	back.phase = PHASE_STOPPING;
	ck_assert_int_eq(state_read(&state.cluster, &back, &e), -EBADMSG);
	ck_assert_int_eq(e.exit, ERR_FAILED);
	ck_assert_int_eq(back.phase, PHASE_STOPPING);
	ck_assert_int_eq(cluster_file(&state.cluster, "state.json", path, &e), 0);
	ck_assert_int_eq(state_read(&state.cluster, &back, &e), -EBADMSG);
	ck_assert_msg(strstr(e.msg, path) && strstr(e.msg, "plan: invariant 1: slice-1"), "%s",
		      e.msg);
	ck_assert_int_eq(home_write(&state.cluster, &state.plan, &e), 0);
	ck_assert_int_eq(home_read(&state.cluster, &home, &e), -EBADMSG);
	ck_assert_msg(strstr(e.msg, "home.json: slices[1]: "), "%s", e.msg);
}
END_TEST

/* The state of another cluster is not this one's. */
/* An address that nobody asked for is not one that we have chosen. */
START_TEST(addresses_elsewhere_are_the_profile_s)
{
	fill(&state);
	state.plan.slices[1].address = 0x0a010203;
	ck_assert_int_eq(cluster_make(&state.cluster, &e), 0);
	ck_assert_msg(state_write(&state, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(state_read(&state.cluster, &back, &e), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(e.msg, "slices[1]"));
	state.profile.spark.first_address = 0x0a010202;
	ck_assert_msg(state_write(&state, &e) == 0, "%s", e.msg);
	ck_assert_msg(state_read(&state.cluster, &back, &e) == 0, "%s", e.msg);
}
END_TEST

START_TEST(a_state_of_another_cluster)
{
	cleanup_free char *text = NULL;
	struct cluster other;
	char path[PROFILE_PATH];

	fill(&state);
	ck_assert_int_eq(json_table_format(&state_table, &state, &text, &e), 0);
	ck_assert_int_eq(cluster_paths(test_directory(), "other", &other, &e), 0);
	ck_assert_int_eq(cluster_make(&other, &e), 0);
	ck_assert_int_eq(cluster_file(&other, "state.json", path, &e), 0);
	ck_assert_int_eq(file_replace(path, text, strlen(text), 0600, &e), 0);
	ck_assert_int_eq(state_read(&other, &back, &e), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(e.msg, "this is the state of a cluster stored"));
}
END_TEST

/* File names are bytes: those that are no UTF-8 come back as they were. */
START_TEST(names_of_any_bytes)
{
	fill(&state);
	ck_assert_int_eq(cluster_paths(test_directory(), "bytes", &state.cluster, &e), 0);
	ck_assert_int_eq(cluster_make(&state.cluster, &e), 0);
	string_copy(state.spark.home, "/opt/caf\xe9/\xff\x80 \xef\x9e\x80");
	strings_add(&state.spark.launch, "-Dname=\xc3");
	ck_assert_int_eq(state_write(&state, &e), 0);
	ck_assert_msg(state_read(&state.cluster, &back, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(memcmp(&state.spark, &back.spark, sizeof(back.spark)), 0);
}
END_TEST

START_TEST(home_sets)
{
	char path[PROFILE_PATH];

	fill(&state);
	ck_assert_int_eq(cluster_paths(test_directory(), "home", &state.cluster, &e), 0);
	ck_assert_int_eq(home_read(&state.cluster, &home, &e), -ENOENT);
	ck_assert_int_eq(cluster_make(&state.cluster, &e), 0);
	ck_assert_int_eq(home_write(&state.cluster, &state.plan, &e), 0);
	ck_assert_int_eq(home_read(&state.cluster, &home, &e), 0);
	ck_assert_uint_eq(home.slice_count, state.plan.slice_count);
	for (unsigned i = 0; i < home.slice_count; i++) {
		ck_assert_str_eq(home.slices[i].name, state.plan.slices[i].name);
		ck_assert(cpuset_is_equal(&home.slices[i].cpus, &state.plan.slices[i].cpus));
		ck_assert(cpuset_is_equal(&home.slices[i].nodes, &state.plan.slices[i].nodes));
	}
	ck_assert_int_eq(cluster_file(&state.cluster, "home.json", path, &e), 0);
	ck_assert_int_eq(file_replace(path, "{}", 2, 0600, &e), 0);
	ck_assert_int_eq(home_read(&state.cluster, &home, &e), -EBADMSG);
}
END_TEST

/* A full disk: the old file stays, whole, and nothing lies beside it. */
START_TEST(a_full_disk)
{
	char top[PROFILE_PATH], path[PROFILE_PATH], filler[PROFILE_PATH + 16];
	cleanup_free char *zeros = calloc(1, 1 << 20);
	int r, fd;

	snprintf(top, sizeof(top), "%s/full", test_directory());
	ck_assert_int_eq(mkdir(top, 0700), 0);
	if (mount("none", top, "tmpfs", 0, "size=128k"))
		test_skip("cannot mount a small tmpfs: %s", strerror(errno));
	fill(&state);
	r = cluster_paths(top, "stored", &state.cluster, &e);
	r = r ? r : cluster_make(&state.cluster, &e);
	r = r ? r : state_write(&state, &e);
	snprintf(filler, sizeof(filler), "%s/filler", top);
	fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, zeros, 4096) > 0)
		;
	close(fd);
	state.phase = PHASE_UP;
	if (!r)
		r = state_write(&state, &e) == -ENOSPC ? 0 : -1;
	if (!r)
		r = state_read(&state.cluster, &back, &e);
	cluster_file(&state.cluster, "state.json.new", path, &(struct err){0});
	r = r ? r : access(path, F_OK) == 0;
	umount2(top, MNT_DETACH);
	ck_assert_msg(r == 0, "%s", e.msg);
	ck_assert_int_eq(back.phase, PHASE_DEGRADED);
	ck_assert_ptr_nonnull(strstr(e.msg, "No space left"));
}
END_TEST

/* ---- the status */

START_TEST(status_there_and_back)
{
	static struct status s, t;
	cleanup_free char *text = NULL;

	memset(&s, 0, sizeof(s));
	string_copy(s.name, "demo");
	s.phase = PHASE_DEGRADED;
	string_copy(s.why, "slice-0 ended");
	s.supervisor_pid = 5;
	s.uptime_s = 1.5;
	string_copy(s.master_url, "spark://127.0.0.1:7077");
	s.master_pid = 6;
	s.alive_workers = 2;
	string_copy(s.ui_url, "http://127.0.0.1:8080/");
	s.ui = UI_ACL;
	s.slice_count = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct slice_status *slice = &s.slices[i];

		snprintf(slice->name, sizeof(slice->name), "slice-%u", i);
		string_copy(slice->state, worker_state_name(WORKER_RUNNING));
		cpuset_add(&slice->cpus, i);
		cpuset_add(&slice->home_cpus, i);
		cpuset_add(&slice->nodes, 0);
		slice->worker_pid = (pid_t)(7 + i);
		slice->cpu_used = 0.25;
		slice->memory_bytes = UINT64_C(1) << 40;
		slice->local_share = 0.5;
		slice->oom_kills = 3;
		slice->throttled = i;
		slice->tasks_pending = 4 + i;
		slice->executors = 2 + i;
		slice->executors_planned = 3;
		slice->foreign = (struct strangers){
			.count = 20, .listed = 1, .items = {{.pid = 99, .uid = 1, .name = "x"}}};
		snprintf(slice->doing, sizeof(slice->doing), "idle for %u s", i);
	}
	s.loan_count = 1;
	s.loans[0] = (struct status_loan){{1, 0, LOANS_EXCLUSIVE, s.slices[1].cpus, true}, 0.5};
	s.monitor = (struct status_monitor){.mode = REBALANCE_OBSERVE,
					    .loans = LOANS_EXCLUSIVE,
					    .tasks = "the UI is off",
					    .recent_count = 2,
					    .recent = {{0.5, "slice-1 lends"}, {1.5, "more"}}};
	s.warning_count = 1;
	s.warnings[0] = (struct plan_warning){.code = WARN_NO_L3, .message = "no L3"};
	ck_assert_int_eq(json_table_format(&status_table, &s, &text, &e), 0);
	ck_assert_msg(json_table_parse(&status_table, text, strlen(text), &t, &e) == 0, "%s",
		      e.msg);
	ck_assert_int_eq(memcmp(&s, &t, sizeof(s)), 0);
	ck_assert_int_lt(json_table_parse(&status_table, text, strlen(text) - 1, &t, &e), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"tasks\":\"unknown: the UI is off\""));
	free(text);
	s.monitor.tasks[0] = '\0';
	ck_assert_int_eq(json_table_format(&status_table, &s, &text, &e), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"tasks\":\"known\""));
	ck_assert_int_eq(json_table_parse(&status_table, text, strlen(text), &t, &e), 0);
	ck_assert_str_eq(t.monitor.tasks, "");
}
END_TEST

/*
 * A part that cannot be written makes all of it fail: nobody reads a list that is short of a slice.
 */
START_TEST(no_part_of_a_status_is_lost)
{
	static struct status s, t;
	cleanup_free char *text = NULL;

	memset(&s, 0, sizeof(s));
	s.slice_count = 3;
	s.loan_count = 2;
	for (unsigned i = 0; i < s.slice_count; i++)
		snprintf(s.slices[i].name, sizeof(s.slices[i].name), "slice-%u", i);
	string_copy(s.slices[1].doing, "says \xff\xfe");
	string_copy(s.why, "because of \x80");
	ck_assert_int_eq(json_table_format(&status_table, &s, &text, &e), 0);
	ck_assert_msg(json_table_parse(&status_table, text, strlen(text), &t, &e) == 0, "%s",
		      e.msg);
	ck_assert_int_eq(memcmp(&s, &t, sizeof(s)), 0);
	s.slices[1].cpu_used = (double)NAN;
	free(text);
	text = NULL;
	ck_assert_int_eq(json_table_format(&status_table, &s, &text, &e), -EINVAL);
	ck_assert_ptr_null(text);
	ck_assert_str_eq(e.msg, "slices[1]: cpu_used: JSON has no number nan");
	s.slices[1].cpu_used = 0;
	s.loans[1].loan.mode = (enum loan_mode)7;
	ck_assert_int_eq(json_table_format(&status_table, &s, &text, &e), -EINVAL);
	ck_assert_str_eq(e.msg, "loans[1]: mode has no word for 7");
}
END_TEST

START_TEST(cpus_used)
{
	struct sample a = {.at_ns = 1000000000, .cpu_usage_us = 500000};
	struct sample b = {.at_ns = 3000000000, .cpu_usage_us = 3500000};

	ck_assert_double_eq_tol(sample_cpus_used(&a, &b), 1.5, 1e-9);
	ck_assert_double_eq(sample_cpus_used(&b, &a), 0);
	ck_assert_double_eq(sample_cpus_used(&(struct sample){0}, &b), 0);
}
END_TEST

TEST_MAIN("state",
	  test_case("state", written_and_read_back, none_is_told_from_unreadable,
		    a_state_without_a_java_home, a_state_of_the_version_before, cut_and_changed,
		    a_plan_that_is_none_is_unreadable, addresses_elsewhere_are_the_profile_s,
		    a_state_of_another_cluster, names_of_any_bytes, home_sets, a_full_disk),
	  test_case("status", status_there_and_back, no_part_of_a_status_is_lost, cpus_used))
