/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a user's spark-submit: which of them is the application, and whether they would make
 * other executors than the plan has memory for.
 */

#include "launcher/spark/room.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

size_t spark_after_option(char *const *words, size_t at)
{
	/* SparkSubmitOptionParser's switches, which take none. */
	static const char *const switches[] = {
		"--help",    "-h", "--supervise", "--usage-error",
		"--verbose", "-v", "--version",	  "--load-spark-defaults",
		NULL,
	};
	const char *option = words[at++];

	if (strncmp(option, "--", 2) == 0 && strchr(option, '='))
		return at;
	for (const char *const *s = switches; *s; s++)
		if (strcmp(option, *s) == 0)
			return at;
	return words[at] ? at + 1 : at;
}

size_t spark_application_word(char *const *words)
{
	size_t at = 0;

	while (words[at] && words[at][0] == '-')
		at = spark_after_option(words, at);
	return at;
}

/* ---- executors */

/*
 * What they say of executors; 0: nothing, or nothing that can be read, which is Spark's to refuse.
 */
struct said {
	unsigned long cores, total_cores, memory_mb;
	unsigned long off_heap_mb; /* rounded up */
	enum { OFF_HEAP_UNSAID, OFF_HEAP_OFF, OFF_HEAP_ON } off_heap;
	bool is_elsewhere; /* another master */
};

/* A number of cores. */
static unsigned long read_cores(const char *text)
{
	char *end;
	unsigned long n = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;

	return n && !*end ? n : 0;
}

/*
 * JavaUtils.byteStringAs(): a number and a unit in either case; what has none is MiB here, or bytes.
 * In MiB, begun ones `up`.
 */
static unsigned long read_memory(const char *text, char without, bool up)
{
	static const char units[] = "bkmgtp";
	char *end;
	unsigned long n = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
	const char *unit;

	if (!n)
		return n;
	unit = strchr(units, *end ? tolower((unsigned char)*end) : without);
	if (!unit ||
	    (*end && end[1] && (*unit == 'b' || tolower((unsigned char)end[1]) != 'b' || end[2])))
		return 0;
	for (; unit > units + 2; unit--)
		if (__builtin_mul_overflow(n, 1024, &n))
			return ULONG_MAX;
	for (; unit < units + 2; unit++)
		n = n / 1024 + (up && n % 1024 > 0);
	return n;
}

/* Its own options win over --conf, and the later of two. */
static struct said read_words(char *const *words)
{
	struct said options = {0}, conf = {0};

	for (size_t at = 0, next; words[at] && words[at][0] == '-'; at = next) {
		const char *name = words[at], *equals = strchr(name, '='), *value = "";
		size_t length = equals ? (size_t)(equals - name) : strlen(name);
		struct said *to = &options;

		next = spark_after_option(words, at);
		if (equals)
			value = equals + 1;
		else if (next > at + 1)
			value = words[at + 1];
		if ((length == 6 && !strncmp(name, "--conf", length)) || !strcmp(name, "-c")) {
			to = &conf;
			name = value;
			length = strcspn(name, "=");
			value = name + length + (name[length] == '=');
		}
#define IS(text) (length == sizeof(text) - 1 && !strncmp(name, text, length))
		if (IS("--executor-cores") || IS("spark.executor.cores"))
			to->cores = read_cores(value);
		else if (IS("--total-executor-cores") || IS("spark.cores.max"))
			to->total_cores = read_cores(value);
		else if (IS("--executor-memory") || IS("spark.executor.memory"))
			to->memory_mb = read_memory(value, 'm', false);
		else if (IS("spark.memory.offHeap.size"))
			to->off_heap_mb = read_memory(value, 'b', true);
		else if (IS("spark.memory.offHeap.enabled"))
			to->off_heap = strcasecmp(value, "true") ? OFF_HEAP_OFF : OFF_HEAP_ON;
		else if (IS("--master") || IS("spark.master"))
			to->is_elsewhere = true;
#undef IS
	}
	if (!options.cores)
		options.cores = conf.cores;
	if (!options.total_cores)
		options.total_cores = conf.total_cores;
	if (!options.memory_mb)
		options.memory_mb = conf.memory_mb;
	options.off_heap_mb = conf.off_heap_mb;
	options.off_heap = conf.off_heap;
	options.is_elsewhere |= conf.is_elsewhere;
	return options;
}

/* How many the Master can start on the slice's Worker; `cores` 0: one that takes all of them. */
static unsigned long fitting(const struct slice *s, unsigned long cores, unsigned long memory_mb)
{
	unsigned long by_memory = spark_worker_memory_mb(s) / memory_mb;
	unsigned long by_cores = cores ? s->slots / cores : 1;

	return by_memory < by_cores ? by_memory : by_cores;
}

/* Off-heap memory is no Worker's to count: what is more than the plan's is others' memory. */
static int check_off_heap(const struct spark_cluster *c, const struct said *said, struct err *e)
{
	const struct slice *s = &c->plan->slices[0];
	uint64_t has = s->memory.off_heap_bytes / (s->executors ? s->executors : 1);
	bool is_on = said->off_heap == OFF_HEAP_ON || (said->off_heap == OFF_HEAP_UNSAID && has);

	if (!is_on || said->off_heap_mb <= (has + MIB - 1) / MIB)
		return 0;
	return err_impossible(e,
			      "spark.memory.offHeap.size: %lu MB is more than the %llu MB of an "
			      "executor here: write memory.off_heap in the profile",
			      said->off_heap_mb, (unsigned long long)(has / MIB));
}

int spark_words_check(const struct spark_cluster *c, const struct cpuset *slices,
		      char *const *words, struct err *e)
{
	struct spark_request ours = spark_request(c->plan, &c->profile->spark.conf, slices);
	struct said said = read_words(words);
	unsigned long cores = said.cores ? said.cores : ours.executor_cores;
	unsigned long memory_mb = said.memory_mb ? said.memory_mb : ours.heap_mb;
	unsigned long total = said.total_cores ? said.total_cores : ours.cores_max;
	unsigned long workers = 0, started[SLICES_MAX] = {0}, left, before;
	const struct slice *s = &c->plan->slices[cpuset_first(slices)];

	/* Other Workers of another Master may have room for anything. */
	if (said.is_elsewhere || c->profile->spark.join[0])
		return 0;
	if (check_off_heap(c, &said, e))
		return e->code;
	if ((!said.cores && !said.total_cores && !said.memory_mb) || !memory_mb)
		return 0;
	for (unsigned i = 0; i < c->plan->slice_count; i++) {
		if (!cpuset_has(slices, i))
			continue;
		if (c->plan->slices[i].slots > s->slots)
			s = &c->plan->slices[i];
		workers += fitting(&c->plan->slices[i], cores, memory_mb) > 0;
	}
	if (!workers)
		return err_impossible(
			e,
			"no executor of %lu cores and %lu MB can start: a slice has %u slots and %u "
			"MB of heap, for spark.executors: %u of them; change --executor-cores or "
			"--executor-memory, or spark.executors or memory.heap of the profile",
			cores ? cores : s->slots, memory_mb, s->slots, spark_worker_memory_mb(s),
			s->executors);
	if (total < cores)
		return err_impossible(e,
				      "no executor of %lu cores can start within the %lu of "
				      "spark.cores.max (--total-executor-cores): add "
				      "--executor-cores %lu",
				      cores, total, total);
	if (!cores)
		return 0;
	/* The Master goes round, an executor a Worker, until nothing is left or fits. */
	left = total / cores;
	do {
		before = left;
		for (unsigned i = 0; left && i < c->plan->slice_count; i++) {
			s = &c->plan->slices[i];
			if (!cpuset_has(slices, i) || started[i] >= fitting(s, cores, memory_mb))
				continue;
			started[i]++;
			left--;
		}
	} while (left && left < before);
	for (unsigned i = 0; i < c->plan->slice_count; i++) {
		s = &c->plan->slices[i];
		if (started[i] > s->executors)
			return err_impossible(
				e,
				"%lu executors of %lu cores and %lu MB would start on %s, which has "
				"memory for spark.executors: %u; write spark.executors: %lu in the "
				"profile, or change --executor-cores or --executor-memory",
				started[i], cores, memory_mb, s->name, s->executors, started[i]);
	}
	return 0;
}
