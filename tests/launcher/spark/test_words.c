/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many executors the Master starts on each slice: as many as the plan says, whatever the
 * profile's spark.cores.max is; and which words of spark-submit would make it others.
 */

#include "launcher/spark/room.h"

#include "decision/base/cleanup.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

enum { LOOPS = 3000, WORDS = 12 };

static struct spark_tree *tree;
static struct err e;

/* Two slices of so many executors of two slots and 1000 MB each. */
static void cut(unsigned executors)
{
	free(tree);
	tree = spark_tree_new("/t");
	for (unsigned i = 0; i < 2; i++) {
		tree->plan.slices[i].executors = executors;
		tree->plan.slices[i].slots = 2 * executors;
		tree->plan.slices[i].memory.heap_bytes = executors * UINT64_C(1000) * MIB;
	}
}

static struct spark_request request(const char *cores_max, const char *list)
{
	struct cpuset slices;

	tree->profile.spark.conf = (struct strings){0};
	if (cores_max) {
		strings_add(&tree->profile.spark.conf, "spark.cores.max");
		strings_add(&tree->profile.spark.conf, cores_max);
	}
	ck_assert_int_eq(spark_slices_parse(list, &tree->plan, &slices, &e), 0);
	return spark_request(&tree->plan, &tree->profile.spark.conf, &slices);
}

START_TEST(an_application_asks_for_equal_executors)
{
	struct spark_request r;

	cut(3);
	r = request(NULL, "0-1");
	ck_assert_uint_eq(r.cores_max, 12);
	ck_assert_uint_eq(r.executor_cores, 2);
	ck_assert_uint_eq(r.heap_mb, 1000);
	ck_assert_uint_eq(request(NULL, "1").cores_max, 6);
	/* Cores that are no whole executor would be waited for. */
	ck_assert_uint_eq(request("5", "0-1").cores_max, 4);
	ck_assert_uint_eq(request("99", "0-1").cores_max, 12);
	/* Fewer than one executor's: one that is smaller. */
	r = request("1", "0-1");
	ck_assert_uint_eq(r.cores_max, 1);
	ck_assert_uint_eq(r.executor_cores, 1);
	/* What does not divide evenly is nobody's; the smallest slice decides. */
	tree->plan.slices[1].memory.heap_bytes = 1000 * MIB - 1;
	ck_assert_uint_eq(request(NULL, "0-1").heap_mb, 333);
	ck_assert_uint_eq(spark_worker_memory_mb(&tree->plan.slices[1]), 999);
}
END_TEST

START_TEST(one_executor_takes_what_its_worker_has)
{
	cut(1);
	tree->plan.slices[1].slots = 7;
	ck_assert_uint_eq(request(NULL, "0-1").executor_cores, 0);
	ck_assert_uint_eq(request(NULL, "0-1").cores_max, 9);
	ck_assert_uint_eq(request("8", "0-1").cores_max, 8);
}
END_TEST

static int check(const char *const *words)
{
	struct cpuset all = {0};

	for (unsigned i = 0; i < tree->plan.slice_count; i++)
		cpuset_add(&all, i);
	return spark_words_check(&tree->all, &all, (char *const *)words, &e);
}

START_TEST(words_that_work)
{
	static const char *const taken[][WORDS] = {
		{"app.py"},
		{"--executor-cores", "2", "app.py"},
		/* Slots stay unused, and that is the user's right. */
		{"--executor-cores", "1", "app.py"},
		{"--executor-memory", "700m", "app.py"},
		{"--executor-memory", "1500M", "app.py"},
		{"--executor-cores", "4", "--executor-memory", "2000MB", "app.py"},
		{"--total-executor-cores", "2", "app.py"},
		{"--conf", "spark.executor.cores=1", "--total-executor-cores=1", "app.py"},
		/* An option wins over --conf, a later one over one before. */
		{"--executor-cores", "2", "--conf", "spark.executor.cores=9", "app.py"},
		{"--executor-cores", "9", "--executor-cores", "2", "app.py"},
		/* The application's own. */
		{"app.py", "--executor-cores", "9"},
		{"--name", "--executor-cores", "app.py", "9"},
		/* Elsewhere, or Spark's to refuse. */
		{"--master", "local[2]", "--executor-cores", "9", "app.py"},
		{"--executor-cores", "x", "app.py"},
		{"--executor-memory", "9 apples", "app.py"},
		{"--executor-memory", "1000mx", "app.py"},
		{"--executor-cores"},
		{"--conf"},
		/* Off-heap memory within the plan's 64 MB of an executor, or not in use. */
		{"--conf", "spark.memory.offHeap.size=67108864", "app.py"},
		{"--conf", "spark.memory.offHeap.size=64M", "app.py"},
		{"--conf", "spark.memory.offHeap.enabled=false", "-c",
		 "spark.memory.offHeap.size=9g", "app.py"},
		{"--master", "local[2]", "-c", "spark.memory.offHeap.size=9g", "app.py"},
	};

	cut(2);
	tree->plan.slices[0].memory.off_heap_bytes = UINT64_C(128) * MIB;
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		ck_assert_msg(check(taken[i]) == 0, "case %zu: %s", i, e.msg);
	string_copy(tree->profile.spark.join, "spark://big:7077");
	ck_assert_int_eq(check((const char *const[]){"--executor-cores", "9", "app.py", NULL}), 0);
}
END_TEST

START_TEST(off_heap_memory_is_the_plans)
{
	static const char *const on = "spark.memory.offHeap.enabled=true";
	static const char *const refused[][WORDS] = {
		{"--conf", "spark.memory.offHeap.size=67108865", "app.py"},
		{"-c", "spark.memory.offHeap.size=65m", "app.py"},
		{"--conf=spark.memory.offHeap.size=99999999999p", "app.py"},
	};
	static const char sentence[] = " MB is more than the 64 MB of an executor here: write "
				       "memory.off_heap in the profile";

	cut(2);
	ck_assert_int_eq(
		check((const char *const[]){"-c", "spark.memory.offHeap.size=1g", "app.py", NULL}),
		0); /* it is off */
	ck_assert_int_lt(check((const char *const[]){"-c", on, "-c", "spark.memory.offHeap.size=1g",
						     "app.py", NULL}),
			 0);
	ck_assert_str_eq(e.msg, "spark.memory.offHeap.size: 1024 MB is more than the 0 MB of an "
				"executor here: write memory.off_heap in the profile");
	tree->plan.slices[0].memory.off_heap_bytes = UINT64_C(128) * MIB;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		ck_assert_msg(check(refused[i]) < 0, "case %zu", i);
		ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
		ck_assert_msg(strstr(e.msg, sentence) != NULL, "%s", e.msg);
	}
}
END_TEST

START_TEST(words_that_contradict_the_plan)
{
	static const struct {
		const char *words[WORDS], *sentence;
	} refused[] = {
		{{"--executor-cores", "5", "app.py"},
		 "no executor of 5 cores and 1000 MB can start: a slice has 4 slots and 2000 MB of "
		 "heap, for spark.executors: 2 of them"},
		{{"--executor-memory=3g", "app.py"}, "of 2 cores and 3072 MB can start"},
		{{"--executor-memory", "2048001K", "app.py"}, "of 2 cores and 2000 MB"},
		{{"-c", "spark.executor.memory=1T", "app.py"}, "and 1048576 MB can start"},
		{{"--conf=spark.executor.memory=99999999999p", "app.py"}, "can start"},
		{{"--executor-cores", "1", "--executor-memory", "500m", "app.py"},
		 "4 executors of 1 cores and 500 MB would start on slice-0, which has memory for "
		 "spark.executors: 2; write spark.executors: 4"},
		{{"--total-executor-cores", "1", "app.py"},
		 "no executor of 2 cores can start within the 1 of spark.cores.max "
		 "(--total-executor-cores): add --executor-cores 1"},
	};

	cut(2);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		int r = check(refused[i].words);

		if (i == 2) { /* whole MiB, as Spark takes them */
			ck_assert_int_eq(r, 0);
			continue;
		}
		ck_assert_msg(r < 0, "case %zu", i);
		ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
		ck_assert_msg(strstr(e.msg, refused[i].sentence), "%s", e.msg);
	}
}
END_TEST

/* Master.scheduleExecutorsOnWorkers() with spread-out, for an application with executor cores. */
static void schedule(unsigned long cores, unsigned long memory, unsigned long max,
		     unsigned long executors[])
{
	const struct plan *p = &tree->plan;
	unsigned long to_assign = 0;
	bool any = true;

	for (unsigned i = 0; i < p->slice_count; i++) {
		executors[i] = 0;
		to_assign += p->slices[i].slots;
	}
	to_assign = max < to_assign ? max : to_assign;
	while (any) {
		any = false;
		for (unsigned i = 0; i < p->slice_count; i++) {
			unsigned long used = executors[i];

			if (to_assign < cores || p->slices[i].slots - used * cores < cores ||
			    spark_worker_memory_mb(&p->slices[i]) - used * memory < memory)
				continue;
			executors[i]++;
			to_assign -= cores;
			any = true;
		}
	}
}

/* What is let through starts something, and nowhere more than there is memory for; and no more. */
START_TEST(what_the_master_would_do)
{
	unsigned long long seed = test_seed(), state = seed;
	unsigned refused = 0;

	for (unsigned loop = 0; loop < LOOPS; loop++) {
		unsigned executors = 1 + (unsigned)(test_random(&state) % 4);
		unsigned long cores = 1 + test_random(&state) % 10;
		unsigned long memory = 200 + test_random(&state) % 2000;
		unsigned long max = 1 + test_random(&state) % 20, started[SLICES_MAX];
		bool has_none = true, has_more = false;
		char of_cores[32], of_memory[32], of_max[32];
		const char *const words[] = {"--executor-cores",
					     of_cores,
					     "--executor-memory",
					     of_memory,
					     "--total-executor-cores",
					     of_max,
					     "app.py",
					     NULL};

		cut(executors);
		tree->plan.slice_count = 1 + (unsigned)(test_random(&state) % 2);
		if (executors == 1)
			tree->plan.slices[0].slots = 1 + (unsigned)(test_random(&state) % 9);
		snprintf(of_cores, sizeof(of_cores), "%lu", cores);
		snprintf(of_memory, sizeof(of_memory), "%lum", memory);
		snprintf(of_max, sizeof(of_max), "%lu", max);
		schedule(cores, memory, max, started);
		for (unsigned i = 0; i < tree->plan.slice_count; i++) {
			has_none = has_none && !started[i];
			has_more = has_more || started[i] > executors;
		}
		refused += has_none || has_more;
		ck_assert_msg((check(words) < 0) == (has_none || has_more),
			      "seed %llu: %u slices of %u executors: %s cores, %s, max %s: %s",
			      seed, tree->plan.slice_count, executors, of_cores, of_memory, of_max,
			      has_none	 ? "none"
			      : has_more ? "more"
					 : e.msg);
	}
	ck_assert_uint_gt(refused, LOOPS / 10);
	ck_assert_uint_lt(refused, LOOPS - LOOPS / 10);
}
END_TEST

/* The plan's own request starts what the plan says: never one more, never one less. */
START_TEST(the_plan_is_what_starts)
{
	unsigned long long seed = test_seed(), state = seed;

	for (unsigned loop = 0; loop < LOOPS; loop++) {
		unsigned executors = 2 + (unsigned)(test_random(&state) % 8);
		unsigned slots = executors * (1 + (unsigned)(test_random(&state) % 8));
		unsigned long started[SLICES_MAX];
		struct spark_request r;

		cut(executors);
		for (unsigned i = 0; i < 2; i++) {
			tree->plan.slices[i].slots = slots;
			tree->plan.slices[i].memory.heap_bytes = executors * UINT64_C(500) * MIB +
								 test_random(&state) % (1000 * MIB);
		}
		r = request(NULL, "0-1");
		schedule(r.executor_cores, r.heap_mb, r.cores_max, started);
		ck_assert_msg(started[0] == executors && started[1] == executors,
			      "seed %llu: %lu and %lu instead of %u", seed, started[0], started[1],
			      executors);
	}
}
END_TEST

TEST_MAIN("spark_words",
	  test_case("request", an_application_asks_for_equal_executors,
		    one_executor_takes_what_its_worker_has, the_plan_is_what_starts),
	  test_case("words", words_that_work, words_that_contradict_the_plan,
		    off_heap_memory_is_the_plans, what_the_master_would_do))
