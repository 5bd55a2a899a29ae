/* SPDX-License-Identifier: Apache-2.0 */
/* What is compared on which machine, what plain Spark is started with, and how a step ends. */

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/measure/bench_run.h"
#include "launcher/measure/step.h"
#include "launcher/system/files.h"
#include "tests/harness.h"

/* ---- cases */

static struct benching *b;

/* A machine of this text with a profile of so many slices (AMOUNT_AUTO: left open), decided. */
static void decide(const char *machine, int slices)
{
	static struct roots roots;
	struct err e;

	if (b)
		argv_release(&b->words);
	free(b);
	b = calloc(1, sizeof(*b));
	ck_assert_ptr_nonnull(b);
	roots.topology = machine;
	b->roots = &roots;
	b->bench.repetitions = 3;
	for (unsigned i = 0; i < BENCH_SIDES; i++)
		b->wish.sides[i] = true;
	profile_default(&b->in.profile);
	b->in.profile.partition.slices = slices;
	b->in.profile.partition.reserve_cores = 0;
	ck_assert_msg(inputs_read(&roots, &b->in, &e) == 0, "%s", e.msg);
	ck_assert_msg(inputs_decide(&b->in, &e) == 0, "%s", e.msg);
}

static void list(void)
{
	struct err e;

	ck_assert_msg(benching_list(b, &e) == 0, "%s", e.msg);
}

static const char two_packages[] = "pack:2 [numa(memory=64GiB)] core:8 pu:2";

START_TEST(all_sides_on_two_packages)
{
	decide(two_packages, 2);
	b->is_balancing = true;
	list();
	ck_assert_uint_eq(b->bench.case_count, BENCH_SIDES);
	for (unsigned i = 0; i < BENCH_SIDES; i++) {
		const struct bench_case *c = &b->bench.cases[i];

		ck_assert_uint_eq(c->side, i);
		ck_assert_uint_eq(c->gc, GC_PARALLEL);
		ck_assert_uint_eq(c->cores, 16);
		ck_assert_uint_eq(c->slices, i == BENCH_PLAIN || i == BENCH_BALANCED ? 1 : 2);
		ck_assert_str_eq(c->skipped, "");
	}
}
END_TEST

START_TEST(what_makes_no_sense_is_skipped_and_says_why)
{
	decide(two_packages, 2);
	list();
	ck_assert_str_ne(b->bench.cases[BENCH_BALANCED].skipped, "");
	ck_assert_uint_eq(bench_left(&b->bench), 4 * 3);

	/* One slice: as many Workers as packages. */
	decide(two_packages, AMOUNT_AUTO);
	b->in.profile.partition.by = BY_MACHINE;
	b->in.profile.partition.slices = 1;
	ck_assert_int_eq(inputs_decide(&b->in, &(struct err){0}), 0);
	list();
	ck_assert_str_ne(b->bench.cases[BENCH_LENT].skipped, "");
	ck_assert_uint_eq(b->bench.cases[BENCH_WORKERS].slices, 2);

	decide("pack:1 [numa(memory=64GB)] core:4 pu:1", 1);
	b->is_balancing = true;
	list();
	ck_assert_str_ne(b->bench.cases[BENCH_BALANCED].skipped, "");
	ck_assert_uint_eq(b->bench.cases[BENCH_WORKERS].slices, 2);

	decide("pack:1 [numa(memory=64GB)] core:1 pu:1", 1);
	list();
	ck_assert_str_ne(b->bench.cases[BENCH_WORKERS].skipped, "");
}
END_TEST

START_TEST(collectors_and_sides_multiply)
{
	decide(two_packages, 2);
	memset(b->wish.sides, 0, sizeof(b->wish.sides));
	b->wish.sides[BENCH_PLAIN] = b->wish.sides[BENCH_LENT] = true;
	b->wish.gc_count = 2;
	b->wish.gcs[0] = GC_G1;
	b->wish.gcs[1] = GC_PARALLEL;
	list();
	ck_assert_uint_eq(b->bench.case_count, 4);
	ck_assert_uint_eq(b->bench.cases[1].side, BENCH_LENT);
	ck_assert_uint_eq(b->bench.cases[1].gc, GC_G1);
	ck_assert_uint_eq(b->bench.cases[2].side, BENCH_PLAIN);
	ck_assert_uint_eq(b->bench.cases[2].gc, GC_PARALLEL);
}
END_TEST

/* 1, 2, 4 and 8 of 16 cores on both sides; on all of them it is the comparison itself. */
START_TEST(a_sweep_stops_below_all_cores)
{
	struct profile p;

	decide(two_packages, 2);
	b->wish.is_sweep = true;
	list();
	ck_assert_uint_eq(b->bench.case_count, BENCH_SIDES + 2 * 4);
	for (unsigned i = 0; i < 4; i++) {
		const struct bench_case *plain = &b->bench.cases[BENCH_SIDES + 2 * i];

		ck_assert(plain[0].is_sweep && plain[1].is_sweep);
		ck_assert_uint_eq(plain[0].side, BENCH_PLAIN);
		ck_assert_uint_eq(plain[1].side, BENCH_SLICED);
		ck_assert_uint_eq(plain[0].cores, 1u << i);
		ck_assert_uint_eq(plain[1].cores, 1u << i);
		benching_profile(b, &plain[1], &p);
		ck_assert_int_eq(p.partition.max_cores, 1 << i);
		ck_assert_int_eq(p.partition.slices, AMOUNT_AUTO);
	}
}
END_TEST

START_TEST(too_many_runs_are_refused)
{
	struct err e;

	decide("pack:8 [numa(memory=64GB)] core:15 pu:1", 8);
	b->bench.repetitions = 100;
	b->wish.is_sweep = true;
	ck_assert_int_eq(benching_list(b, &e), -ERANGE);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
}
END_TEST

START_TEST(sides_of_cleave_differ_in_loans_only)
{
	struct profile sliced, lent;

	decide(two_packages, 2);
	list();
	benching_profile(b, &b->bench.cases[BENCH_SLICED], &sliced);
	benching_profile(b, &b->bench.cases[BENCH_LENT], &lent);
	ck_assert_int_eq(sliced.rebalance.mode, REBALANCE_OFF);
	ck_assert_int_eq(lent.rebalance.mode, REBALANCE_ACT);
	ck_assert_int_eq(sliced.jvm.gc, GC_PARALLEL);
	sliced.rebalance.mode = REBALANCE_ACT;
	ck_assert_mem_eq(&sliced, &lent, sizeof(lent));
}
END_TEST

/* ---- plain Spark */

START_TEST(heaps_are_what_sparks_guide_says)
{
	const uint64_t gb = UINT64_C(1) << 30;

	ck_assert_uint_eq(plain_heap_mb(16 * gb, 1), 12 << 10);
	ck_assert_uint_eq(plain_heap_mb(16 * gb, 2), 6 << 10);
	ck_assert_uint_eq(plain_heap_mb(1024 * gb, 1), 200 << 10);
	ck_assert_uint_eq(plain_heap_mb(1024 * gb, 8), 96 << 10);
}
END_TEST

START_TEST(workers_share_cpus_and_memory)
{
	struct plain_request r = {0};

	decide(two_packages, 2);
	list();
	benching_plain(b, &b->bench.cases[BENCH_PLAIN], &r);
	ck_assert_uint_eq(r.workers, 1);
	ck_assert_uint_eq(r.cores, 32);
	ck_assert_uint_eq(r.heap_mb, 96 << 10);
	ck_assert(cpuset_is_equal(&r.cpus, &b->in.topology.allowed));
	ck_assert(!r.is_local);
	b->is_balancing = true;
	benching_plain(b, &b->bench.cases[BENCH_WORKERS], &r);
	ck_assert_uint_eq(r.workers, 2);
	ck_assert_uint_eq(r.cores, 16);
	ck_assert_uint_eq(r.heap_mb, 48 << 10);
	/* Nothing for the kernel to move, but on the side that is about that. */
	ck_assert(r.is_local);
	benching_plain(b, &b->bench.cases[BENCH_BALANCED], &r);
	ck_assert(!r.is_local);
}
END_TEST

static bool has_pair(const struct argv *a, const char *option, const char *value)
{
	for (size_t i = 0; i + 1 < a->count; i++)
		if (!strcmp(a->items[i], option) && !strcmp(a->items[i + 1], value))
			return true;
	return false;
}

START_TEST(spark_submit_has_the_users_wishes_and_nothing_of_the_plan)
{
	char *const conf[] = {(char[]){"spark.eventLog.enabled=true"}, NULL};
	char *const words[] = {(char[]){"app.py"}, (char[]){"7"}, NULL};
	struct cluster cluster = {.uid = geteuid()};
	struct spark spark = {
		.home = "/opt/spark", .java = "/opt/jdk/bin/java", .java_home = "/opt/jdk"};
	struct plain_request r = {
		.cluster = &cluster, .spark = &spark, .gc = GC_G1, .heap_mb = 700};
	struct plain p = {.request = &r, .address = 0x7f00000c, .port = 7078};
	cleanup_process struct process got = {0};
	static struct profile profile;
	struct err e;

	profile_default(&profile);
	r.profile = &profile;
	strings_add(&profile.jvm.options, "-Dmine=1");
	strings_add(&profile.spark.conf, "spark.executor.extraJavaOptions");
	strings_add(&profile.spark.conf, "-Dother=2");
	strings_add(&profile.spark.conf, "spark.sql.shuffle.partitions");
	strings_add(&profile.spark.conf, "9");
	snprintf(r.directory, sizeof(r.directory), "%s", test_directory());
	setenv("SPARK_EXECUTOR_CORES", "3", 1);
	setenv("_JAVA_OPTIONS", "-Xmx1g", 1);
	setenv("MINE", "kept", 1);
	ck_assert_msg(plain_submit(&p, conf, words, &got, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(got.argv.items[0], "/opt/spark/bin/spark-submit");
	ck_assert(has_pair(&got.argv, "--master", "spark://127.0.0.12:7078"));
	ck_assert(has_pair(&got.argv, "--conf", "spark.executor.memory=700m"));
	ck_assert(has_pair(&got.argv, "--conf", "spark.sql.shuffle.partitions=9"));
	ck_assert(has_pair(&got.argv, "--conf", "spark.eventLog.enabled=true"));
	ck_assert(has_pair(&got.argv, "--conf",
			   "spark.executor.extraJavaOptions=-XX:-UsePerfData -XX:+UseG1GC "
			   "-Dmine=1 -Dother=2"));
	ck_assert_str_eq(got.argv.items[got.argv.count - 2], "app.py");
	ck_assert_str_eq(got.argv.items[got.argv.count - 1], "7");
	ck_assert_str_eq(argv_value(&got.env, "SPARK_LOCAL_IP"), "127.0.0.12");
	ck_assert_str_eq(argv_value(&got.env, "JAVA_HOME"), "/opt/jdk");
	ck_assert_str_eq(argv_value(&got.env, "MINE"), "kept");
	ck_assert_ptr_null(argv_value(&got.env, "SPARK_EXECUTOR_CORES"));
	ck_assert_ptr_null(argv_value(&got.env, "_JAVA_OPTIONS"));
}
END_TEST

/* ---- results */

START_TEST(times_in_a_result_may_differ)
{
	const char *one = "{\"workload\":\"sql\",\"seconds\":3.1,\"result\":{\"sum\":0.1}}\n";

	ck_assert(bench_result_is_same(
		one, "{\"workload\":\"sql\",\"seconds\":9,\"result\":{\"sum\":0.10000000001}}"));
	ck_assert(!bench_result_is_same(
		one, "{\"workload\":\"sql\",\"seconds\":3.1,\"result\":{\"sum\":0.2}}"));
	ck_assert(!bench_result_is_same(one, "{\"workload\":\"sql\",\"seconds\":3.1}"));
	ck_assert(!bench_result_is_same(
		one, "{\"workload\":\"sql\",\"seconds\":3.1,\"result\":{\"sum\":[0.1]}}"));
	/* Times at any depth: those of single queries. */
	ck_assert(bench_result_is_same("{\"result\":{\"seconds\":{\"q\":1},\"n\":2}}",
				       "{\"result\":{\"seconds\":{\"q\":3},\"n\":2}}"));
	ck_assert(!bench_result_is_same("{\"result\":{\"seconds\":{\"q\":1},\"n\":2}}",
					"{\"result\":{\"seconds\":{\"q\":1},\"n\":3}}"));
	ck_assert(
		!bench_result_is_same("{\"result\":{\"n\":2,\"m\":1}}", "{\"result\":{\"n\":2}}"));
	ck_assert(bench_result_is_same("[1, [2]]", "[1,[2]]"));
	ck_assert(!bench_result_is_same("[1, [2]]", "[1,[2,3]]"));
	ck_assert(bench_result_is_same("no JSON", "no JSON"));
	ck_assert(!bench_result_is_same("no JSON", one));
}
END_TEST

START_TEST(words_are_cut_where_they_are_too_many)
{
	static char word[] = "wörd-wörd-wörd-wörd-wörd-wörd-wörd";
	char *many[] = {word, word, word, word, word, word, word, word, NULL}, text[PLAN_TEXT];
	char *few[] = {word, NULL};

	bench_words_text(few, text);
	ck_assert_str_eq(text, word);
	bench_words_text(many, text);
	ck_assert_uint_lt(strlen(text), PLAN_TEXT);
	ck_assert_str_eq(text + strlen(text) - strlen("…"), "…");
	ck_assert_uint_eq(string_cut(text, strlen(text)), strlen(text));
}
END_TEST

START_TEST(a_note_is_there_once)
{
	static struct bench bench;

	bench_note(&bench, "the application printed %s", "nothing");
	bench_note(&bench, "the application printed nothing");
	ck_assert_uint_eq(bench.note_count, 1);
	for (unsigned i = 0; i < 2 * BENCH_NOTES; i++)
		bench_note(&bench, "%u", i);
	ck_assert_uint_eq(bench.note_count, BENCH_NOTES);
}
END_TEST

/* ---- a step */

static struct foreground foreground;
static char out[PATH_MAX], log_path[PATH_MAX];

/* Run a shell's words. Return as step_run(). */
static int shell(struct step *s, const char *words, struct err *e)
{
	char sh[] = "sh", dash_c[] = "-c";
	char *argv[] = {sh, dash_c, (char *)(uintptr_t)words, NULL};
	struct step_program p = {.file = "/bin/sh", .argv = argv};
	int r;

	snprintf(out, sizeof(out), "%s/out", test_directory());
	snprintf(log_path, sizeof(log_path), "%s/log", test_directory());
	s->foreground = &foreground;
	s->title = "a test";
	s->out = out;
	s->log = log_path;
	ck_assert_int_eq(foreground_block(&foreground, e), 0);
	r = step_run(s, &p, e);
	foreground_release(&foreground);
	return r;
}

static void expect_text(const char *path, const char *expected)
{
	cleanup_free char *text = NULL;
	struct err e;
	size_t size;

	ck_assert_msg(file_read(path, 4096, &text, &size, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(text, expected);
}

START_TEST(outputs_go_to_their_files)
{
	struct step s = {0};
	struct err e;

	ck_assert_int_eq(shell(&s, "echo data; echo words >&2; read line; exit 7", &e), 7);
	expect_text(out, "data\n");
	expect_text(log_path, "words\n");
	ck_assert(s.seconds > 0);
	/* They are those of the last run only. */
	ck_assert_int_eq(shell(&s, "echo more", &e), 0);
	expect_text(out, "more\n");
}
END_TEST

/* Also a grandchild in a group of its own, and one that stopped itself. */
START_TEST(after_the_limit_nothing_is_left)
{
	struct step s = {.limit_ms = 300};
	cleanup_free char *text = NULL;
	struct err e;
	size_t size;
	char *at;

	ck_assert_int_eq(shell(&s,
			       "setsid sh -c 'echo $$; exec sleep 60' & sh -c 'echo $$; kill -STOP "
			       "$$' & echo $$; sleep 61; echo no",
			       &e),
			 -ETIMEDOUT);
	ck_assert_str_eq(e.msg, "a test did not end within 0.3 s");
	ck_assert_int_eq(file_read(out, 4096, &text, &size, &e), 0);
	at = text;
	for (unsigned i = 0; i < 3; i++) {
		pid_t pid = (pid_t)strtol(at, &at, 10);
		struct process_id id;

		ck_assert_int_gt(pid, 1);
		ck_assert_int_eq(process_identify(pid, &id, &e), -ESRCH);
	}
}
END_TEST

static void count_looks(void *context)
{
	++*(unsigned *)context;
}

START_TEST(it_is_looked_at_while_it_runs)
{
	unsigned looks = 0;
	struct step s = {.look = count_looks, .context = &looks, .period_ms = 20};
	struct err e;

	ck_assert_int_eq(shell(&s, "sleep 0.3", &e), 0);
	ck_assert_uint_ge(looks, 3);
	ck_assert_uint_le(looks, 20);
}
END_TEST

START_TEST(another_user_has_no_more_rights)
{
	const struct passwd *nobody = getpwnam("nobody");
	char id[] = "id", dash_u[] = "-u";
	char *argv[] = {id, dash_u, NULL}, expected[32];
	struct step_program p = {.file = "/usr/bin/id", .argv = argv, .dies_with_us = true};
	struct step s = {.foreground = &foreground, .title = "a test"};
	struct err e;

	if (geteuid() != 0 || !nobody)
		test_skip("only root can be another user");
	p.uid = nobody->pw_uid;
	p.gid = nobody->pw_gid;
	p.user = nobody->pw_name;
	snprintf(out, sizeof(out), "%s/out", test_directory());
	snprintf(log_path, sizeof(log_path), "%s/log", test_directory());
	s.out = out;
	s.log = log_path;
	ck_assert_int_eq(foreground_block(&foreground, &e), 0);
	ck_assert_int_eq(step_run(&s, &p, &e), 0);
	snprintf(expected, sizeof(expected), "%u\n", (unsigned)nobody->pw_uid);
	expect_text(out, expected);
	p.file = "/usr/bin/there-is-no-such-program";
	ck_assert_int_eq(step_run(&s, &p, &e), -ENOENT);
	foreground_release(&foreground);
}
END_TEST

TEST_MAIN("bench",
	  test_case("cases", all_sides_on_two_packages, what_makes_no_sense_is_skipped_and_says_why,
		    collectors_and_sides_multiply, a_sweep_stops_below_all_cores,
		    too_many_runs_are_refused, sides_of_cleave_differ_in_loans_only),
	  test_case("plain", heaps_are_what_sparks_guide_says, workers_share_cpus_and_memory,
		    spark_submit_has_the_users_wishes_and_nothing_of_the_plan),
	  test_case("results", times_in_a_result_may_differ, words_are_cut_where_they_are_too_many,
		    a_note_is_there_once),
	  test_case("steps", outputs_go_to_their_files, after_the_limit_nothing_is_left,
		    it_is_looked_at_while_it_runs, another_user_has_no_more_rights))
