/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a probe reads and what it is called: the part of the data, and the words of the application.
 */

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/inputs/data.h"
#include "launcher/measure/tune.h"
#include "tests/harness.h"

static char top[PROFILE_PATH / 2];
static struct tuning t;

static void make_directory(const char *name, char path[PROFILE_PATH])
{
	snprintf(path, PROFILE_PATH, "%s/%s", top, name);
	ck_assert_msg(mkdir(path, 0777) == 0 || errno == EEXIST, "%s", path);
}

static void make_file(const char *name, size_t bytes)
{
	char path[PROFILE_PATH];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	for (size_t i = 0; i < bytes; i++)
		fputc('x', file);
	ck_assert_int_eq(fclose(file), 0);
}

static void setup(void)
{
	static unsigned number;

	snprintf(top, sizeof(top), "%s/%u-%d", test_directory(), number++, (int)getpid());
	ck_assert_int_eq(mkdir(top, 0777), 0);
	memset(&t, 0, sizeof(t));
	snprintf(t.directory, sizeof(t.directory), "%s", top);
}

/* ---- the data */

static unsigned long long linked_bytes, linked_files;
static char first[PROFILE_PATH], last[PROFILE_PATH];

static int count_link(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)walk;
	if (type != FTW_F)
		return 0;
	linked_bytes += (unsigned long long)st->st_size;
	linked_files++;
	if (!first[0] || strcmp(path, first) < 0)
		snprintf(first, sizeof(first), "%s", path);
	if (strcmp(path, last) > 0)
		snprintf(last, sizeof(last), "%s", path);
	return 0;
}

/*
 * Forty files in two folders, an index that Spark skips: an eighth at most, from both folders,
 * readable through the links.
 */
START_TEST(a_part_is_spread_and_small_enough)
{
	char data[PROFILE_PATH], part[PROFILE_PATH], name[64];
	struct data_part got;
	struct err e;

	setup();
	make_directory("data", data);
	make_directory("data/a=1", part);
	make_directory("data/a=2", part);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "data/a=%u/part-%02u", 1 + i / 20, i);
		make_file(name, 100 + i);
	}
	make_file("data/_SUCCESS", 100000);
	make_file("data/a=1/.part-00.crc", 100000);
	make_directory("part", part);
	ck_assert_msg(data_part_make(data, 0.12, part, &got, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(got.total, 40 * 100 + 39 * 40 / 2);
	ck_assert_uint_le(got.bytes * 100, got.total * 12);
	ck_assert_uint_gt(got.bytes * 100, got.total * 7);
	linked_bytes = linked_files = 0;
	first[0] = last[0] = '\0';
	ck_assert_int_eq(nftw(part, count_link, 8, 0), 0);
	ck_assert_uint_eq(linked_bytes, got.bytes);
	ck_assert_uint_eq(linked_files, got.files);
	ck_assert(strstr(first, "/a=1/") && strstr(last, "/a=2/"));
}
END_TEST

START_TEST(data_that_cannot_be_cut_is_refused)
{
	char data[PROFILE_PATH], part[PROFILE_PATH];
	struct data_part got = {.files = 77};
	struct err e;

	setup();
	make_directory("data", data);
	make_directory("part", part);
	ck_assert_int_eq(data_part_make(data, 0.12, part, &got, &e), -ENOENT);
	for (unsigned i = 0; i < 8; i++) {
		char name[64];

		snprintf(name, sizeof(name), "data/part-%u", i);
		make_file(name, 1000);
	}
	ck_assert(data_part_make(data, 0.12, part, &got, &e) < 0 && e.exit == ERR_IMPOSSIBLE);
	ck_assert(strstr(e.msg, "12.5 %") && strstr(e.msg, "--probe-args"));
	make_file("data/tiny", 10); /* last of all, but small enough by itself */
	ck_assert_int_eq(data_part_make(data, 0.12, part, &got, &e), 0);
	ck_assert(got.files == 1 && got.bytes == 10);
	ck_assert(data_part_make("/nonexistent", 0.12, part, &got, &e) < 0 &&
		  strstr(e.msg, "/nonexistent"));
}
END_TEST

/* ---- the words */

static void words_are(char *const *given, const char *const *expected)
{
	cleanup_argv struct argv out = {0};
	unsigned i = 0;
	struct err e;

	t.words = given;
	ck_assert_msg(tuning_words(&t, 1, &out, &e) == 0, "%s", e.msg);
	for (; expected[i]; i++)
		ck_assert_msg(i < out.count && !strcmp(out.items[i], expected[i]), "word %u: %s", i,
			      i < out.count ? out.items[i] : "none");
	ck_assert_uint_eq(out.count, i);
}

#define LIST(...)  ((const char *const[]){__VA_ARGS__, NULL})
#define WORDS(...) ((char *const *)LIST(__VA_ARGS__))

/* Probe 3 is of option 1, whose runs are these. */
static void try_option(unsigned count, enum tune_size size)
{
	setup();
	t.probe_count = 3;
	t.tune.options[1].run_count = count;
	t.tune.runs[1][0] = (struct tune_run){size, false};
	t.tune.runs[1][1] = (struct tune_run){TUNE_LARGE, true};
	t.tune.runs[1][2] = (struct tune_run){TUNE_SMALL, true};
}

START_TEST(the_data_path_is_replaced)
{
	try_option(1, TUNE_LARGE);
	string_copy(t.in.profile.workload.data_path, "/big/text");
	string_copy(t.data[TUNE_LARGE].part, "/tmp/part");
	words_are(WORDS("--conf", "/big/text", "app.py", "/big/text", "file:///big/text",
			"/big/text2"),
		  LIST("--conf", "/big/text", "app.py", "/tmp/part", "file:///tmp/part",
		       "/big/text2"));
	ck_assert(tuning_has_data_word(&t.in.profile, WORDS("app.py", "1", "file:///big/text")));
	ck_assert(
		!tuning_has_data_word(&t.in.profile, WORDS("--x", "/big/text", "app.py", "/big")));
	t.in.profile.workload.data_path[0] = '\0';
	ck_assert(!tuning_has_data_word(&t.in.profile, WORDS("app.py", "")));
	string_copy(t.in.profile.workload.data_path, "hdfs://host/text");
	ck_assert(!tuning_has_data_word(&t.in.profile, WORDS("app.py", "hdfs://host/text")));
}
END_TEST

START_TEST(probe_arguments_replace_the_applications)
{
	try_option(1, TUNE_SMALL);
	t.data[TUNE_LARGE].args = "larger";
	t.data[TUNE_SMALL].args = "  small 2\tx ";
	words_are(WORDS("--class", "A", "app.jar", "large", "100"),
		  LIST("--class", "A", "app.jar", "small", "2", "x"));
}
END_TEST

START_TEST(scratch_is_a_new_directory)
{
	char expected[3 * PROFILE_PATH], option[PROFILE_PATH + 64], path[PROFILE_PATH + 32];
	struct stat st;

	try_option(1, TUNE_LARGE);
	snprintf(path, sizeof(path), "%s/scratch-3-0", top);
	snprintf(expected, sizeof(expected), "file://%s/out,%s", path, path);
	snprintf(option, sizeof(option), "a=%s", path);
	words_are(WORDS("--conf", "a={scratch}", "app.py", "file://{scratch}/out,{scratch}"),
		  LIST("--conf", option, "app.py", expected));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
}
END_TEST

/* Four repetitions of three runs: the second warms up with the words of the third. */
START_TEST(a_repeated_application_has_words_each_time)
{
	char driver[PROFILE_PATH], times[PROFILE_PATH], out[4][PROFILE_PATH];

	try_option(3, TUNE_LARGE);
	t.data[TUNE_LARGE].args = "large {scratch}";
	t.data[TUNE_SMALL].args = "{scratch}";
	snprintf(driver, sizeof(driver), "%s/driver.py", top);
	snprintf(times, sizeof(times), "%s/times", top);
	for (unsigned i = 0; i < 4; i++)
		snprintf(out[i], sizeof(out[i]), "%s/scratch-3-%u", top, i);
	words_are(WORDS("--conf", "a=b", "file:///app.py", "1"),
		  LIST("--conf", "a=b", driver, times, "/app.py", "2", "large", out[0], "2",
		       "large", out[1], "2", "large", out[2], "1", out[3]));
}
END_TEST

START_TEST(python_here_can_be_repeated)
{
	char path[PROFILE_PATH], url[PROFILE_PATH + 8];

	setup();
	make_file("app.py", 1);
	make_file("app.jar", 1);
	snprintf(path, sizeof(path), "%s/app.py", top);
	snprintf(url, sizeof(url), "file://%s", path);
	ck_assert(tuning_can_repeat(WORDS("--conf", "a=b", path, "app.jar")));
	ck_assert(tuning_can_repeat(WORDS(url)));
	ck_assert(!tuning_can_repeat(WORDS("hdfs://host/app.py")));
	ck_assert(!tuning_can_repeat(WORDS("/nonexistent/app.py")));
	snprintf(path, sizeof(path), "%s/app.jar", top);
	ck_assert(!tuning_can_repeat(WORDS("--class", "A", path, "app.py")));
}
END_TEST

/* ---- the times */

static void times_are(const char *text, unsigned count, const double *expected)
{
	double seconds[PROBE_RUNS] = {0};

	ck_assert_msg(tuning_read_times(text, 100, 3, seconds) == count, "%s", text);
	for (unsigned i = 0; i < count; i++)
		ck_assert_msg(fabs(seconds[i] - expected[i]) < 1e-9, "%s: run %u: %g", text, i,
			      seconds[i]);
}

#define SECONDS(...) ((const double[]){__VA_ARGS__})

/* The first has all that no other repetition has: 100 s less what is behind its end. */
START_TEST(times_are_read)
{
	times_are("0 10 50\n1 51 60\n2 60 68\n3 68.5 70.5\n", 3, SECONDS(79.5, 8, 2));
	times_are("0 10 50\n2 60 68\n3 68.5 70.5\n", 3, SECONDS(79.5, 8, 2));
	times_are("0 10 50\n1 51 60\n2 60 68\n", 2, SECONDS(82, 8));
	times_are("0 10 50\n1 51 60\n", 1, SECONDS(90));
	times_are("0 10 50\n", 1, SECONDS(100));
	times_are("", 1, SECONDS(100)); /* it left without a word */
	times_are("0 10 50\n2 60 68\n2 60 68\n7 68 69\n", 2, SECONDS(81, 8));
	times_are("0 10 50\n2 68 60\n2 1 inf\n2 nan 3\n2\nx y\n2 60 68", 1, SECONDS(100));
	times_are("-1 2 3\n4294967296 60 68\n0 10 50\n", 1, SECONDS(100));
}
END_TEST

/* ---- the profile of a probe */

START_TEST(a_probe_has_the_users_profile)
{
	struct profile p;

	try_option(1, TUNE_SMALL);
	profile_default(&t.in.profile);
	string_copy(t.in.profile.name, "mine-tune");
	t.in.profile.memory.python = (struct size){SIZE_BYTES, 123};
	t.engine.candidates[5] = (struct candidate){
		.choice = {BY_NUMA, 4, 3},
		.gc = GC_SERIAL,
		.executors = 3,
		.shape = {.executors = 3, .cpus = 6, .slots = 6, .off_heap_bytes = 100 << 20}};
	t.engine.job.type = WORKLOAD_SQL;
	t.tune.candidate[1] = 5;
	t.tune.heap_bytes[1] = 500 << 20;
	t.tune.slots[1] = 12;
	t.in.profile.workload.data_size = (struct size){SIZE_BYTES, 7000};
	tuning_probe_profile(&t, 1, &p);
	ck_assert(p.partition.by == BY_NUMA && p.partition.slices == 4 && p.partition.cores == 3);
	ck_assert(p.workload.type == WORKLOAD_SQL && p.jvm.gc == GC_SERIAL &&
		  p.spark.slots_per_cpu == 2 && p.spark.executors == 3);
	ck_assert(p.memory.heap.value == 500 << 20 && p.memory.off_heap.value == 300 << 20);
	ck_assert(p.memory.python.value == 123 && p.workload.data_size.value == 7000);
	ck_assert_str_eq(p.name, "mine-tune");
	t.tune.slots[1] = 9; /* no number a CPU: as the engine decides */
	tuning_probe_profile(&t, 1, &p);
	ck_assert_int_eq(p.spark.slots_per_cpu, AMOUNT_AUTO);
}
END_TEST

TEST_MAIN("tuning",
	  test_case("data", a_part_is_spread_and_small_enough, data_that_cannot_be_cut_is_refused),
	  test_case("words", the_data_path_is_replaced, probe_arguments_replace_the_applications,
		    scratch_is_a_new_directory, a_repeated_application_has_words_each_time,
		    python_here_can_be_repeated),
	  test_case("times", times_are_read), test_case("profile", a_probe_has_the_users_profile))
