/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel's side of lending costs. The write of a loan through the driver, that is with
 * the kernel's answer read back, into a group of 64 busy threads; beside it the bare write to the
 * same file, and `docker update` where an engine is there (on a container that sleeps: it needs an
 * image, $CLEAVE_BENCH_IMAGE or any that the engine has). Then what a tick reads of 8 groups.
 * Prints tables and writes build/bench/write.json. Run in the source tree.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "containers/where/placement.h"
#include "tests/bench/groups.h"

enum {
	ROUNDS = 250,
	ROUNDS_MAX = 10000,
	DOCKER_ROUNDS = 15,
	THREADS = 64,
	GROUPS = 8,
	WORK_US = 200, /* of a thread, then it sleeps 5 … 15 ms: all of them fill 1.3 CPUs */
	PAUSE_MS = 2,  /* between writes */
};

static const char names[GROUPS][8] = {"slice-0", "slice-1", "slice-2", "slice-3",
				      "slice-4", "slice-5", "slice-6", "slice-7"};

static struct cpuset narrow, wide;
static char raw_path[3 * LAYOUT_PATH];
static int raw_fd;

/* ---- what runs in the groups */

static void *work(void *arg)
{
	unsigned long long state = (unsigned long long)(uintptr_t)arg;

	for (;;) {
		uint64_t end = clock_now_ns() + WORK_US * UINT64_C(1000);

		while (clock_now_ns() < end)
			;
		state = state * 6364136223846793005u + 1442695040888963407u;
		bench_pause(5 + (int)((state >> 33) % 11));
	}
	return NULL;
}

static int be_threads(unsigned count)
{
	pthread_t thread;

	for (uintptr_t i = 1; i < count; i++)
		if (pthread_create(&thread, NULL, work, (void *)i))
			return EXIT_FAILURE;
	work(NULL);
	return 0;
}

/* ---- writes and reads, each timed */

struct timed {
	const char *what;
	int (*call)(struct driver *d, struct err *e);
	unsigned calls; /* groups that one call asks: the figure is for one of them */
	double us[ROUNDS_MAX];
};

static int driver_widen(struct driver *d, struct err *e)
{
	return d->ops->set_cpus(d, names[0], &wide, NULL, e);
}

static int driver_narrow(struct driver *d, struct err *e)
{
	return d->ops->set_cpus(d, names[0], &narrow, NULL, e);
}

static int raw_write(const struct cpuset *cpus, struct err *e)
{
	char text[CPUSET_TEXT];

	cpuset_format(cpus, text, sizeof(text));
	return pwrite(raw_fd, text, strlen(text), 0) < 0
		       ? err_errno(e, -errno, "cannot write %s", raw_path)
		       : 0;
}

static int raw_widen(struct driver *d, struct err *e)
{
	(void)d;
	return raw_write(&wide, e);
}

static int raw_narrow(struct driver *d, struct err *e)
{
	(void)d;
	return raw_write(&narrow, e);
}

static int weight_up(struct driver *d, struct err *e)
{
	return d->ops->set_weight(d, names[0], WEIGHT_MAX, e);
}

static int weight_down(struct driver *d, struct err *e)
{
	return d->ops->set_weight(d, names[0], WEIGHT_DEFAULT, e);
}

static int read_usage(struct driver *d, struct err *e)
{
	struct sample s;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < GROUPS; i++)
		rc = d->ops->usage(d, names[i], &s, e);
	return rc;
}

static int look(struct driver *d, struct err *e)
{
	struct observed_group seen;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < GROUPS; i++)
		rc = d->ops->look(d, names[i], &seen, e);
	return rc;
}

static int observe(struct driver *d, struct err *e)
{
	static struct observation seen;

	return d->ops->observe(d, &seen, e);
}

static int read_allowed(struct driver *d, struct err *e)
{
	struct cpuset cpus;

	return d->ops->allowed(d, &cpus, e);
}

static int count_runnable(struct driver *d, struct err *e)
{
	unsigned runnable;

	return d->ops->runnable(d, names[0], &runnable, e);
}

static struct timed writes[] = {
	{.what = "driver, wider", .call = driver_widen, .calls = 1},
	{.what = "driver, narrower", .call = driver_narrow, .calls = 1},
	{.what = "bare write, wider", .call = raw_widen, .calls = 1},
	{.what = "bare write, narrower", .call = raw_narrow, .calls = 1},
	{.what = "driver, weight up", .call = weight_up, .calls = 1},
	{.what = "driver, weight down", .call = weight_down, .calls = 1},
};

static struct timed reads[] = {
	{.what = "usage, a group", .call = read_usage, .calls = GROUPS},
	{.what = "look, a group", .call = look, .calls = GROUPS},
	{.what = "observe, a group", .call = observe, .calls = GROUPS},
	{.what = "allowed", .call = read_allowed, .calls = 1},
	{.what = "runnable, 64 threads", .call = count_runnable, .calls = 1},
};

enum {
	WRITES = sizeof(writes) / sizeof(writes[0]),
	READS = sizeof(reads) / sizeof(reads[0]),
};

/*
 * All in turn, so that what else the machine does meets all of them, and every second round
 * backwards, because what went before is felt in the caches; `group` of them stay together.
 */
static void measure(struct driver *d, struct timed *list, unsigned count, unsigned group,
		    unsigned rounds)
{
	struct err e = {0};

	for (unsigned round = 0; round < rounds; round++)
		for (unsigned k = 0; k < count; k++) {
			unsigned place = k / group, last = count / group - 1;
			unsigned i = (round % 2 ? last - place : place) * group + k % group;
			uint64_t begin = clock_now_ns();

			if (list[i].call(d, &e) < 0)
				bench_die(list[i].what, e.msg);
			list[i].us[round] = (double)(clock_now_ns() - begin) / 1e3 / list[i].calls;
			bench_pause(PAUSE_MS);
		}
}

static void print_line(const char *what, const double *us, unsigned count)
{
	printf("%-24s %9.1f %9.1f %9.1f\n", what, bench_quantile(us, count, 0.5),
	       bench_quantile(us, count, 0.95), bench_quantile(us, count, 0.99));
}

static json_t *report(const char *title, struct timed *list, unsigned count, unsigned rounds)
{
	json_t *all = json_array();

	printf("%s, %u calls each, µs\n%-24s %9s %9s %9s\n", title, rounds, "", "median", "p95",
	       "p99");
	for (unsigned i = 0; i < count; i++) {
		bench_sort(list[i].us, rounds);
		print_line(list[i].what, list[i].us, rounds);
		json_array_append_new(all, json_pack("{s:s, s:o}", "what", list[i].what, "us",
						     bench_spread(list[i].us, rounds)));
	}
	return all;
}

/* ---- docker update */

static char container[128]; /* "": none */

/* Run docker with these words; what it prints is in `text`, up to the first newline. */
static int docker(const char *const *argv, char *text, size_t size)
{
	posix_spawn_file_actions_t actions;
	int ends[2], status, rc;
	char bytes[512];
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(&pid, "docker", &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	/* To its end: docker dies of a pipe that nobody reads. */
	while (rc == 0 && (n = read(ends[0], bytes, sizeof(bytes))) > 0) {
		size_t kept = (size_t)n < size - 1 - used ? (size_t)n : size - 1 - used;

		memcpy(text + used, bytes, kept);
		used += kept;
	}
	close(ends[0]);
	text[used] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (rc || waitpid(pid, &status, 0) != pid)
		return rc ? -rc : -ECHILD;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

#define DOCKER(text, ...) \
	docker((const char *const[]){"docker", __VA_ARGS__, NULL}, (text), sizeof(text))

static void end_container(void)
{
	char text[256];

	if (container[0])
		DOCKER(text, "rm", "-f", container);
	container[0] = '\0';
}

/* Start one that sleeps. NULL, or why there is none. */
static const char *start_container(void)
{
	const char *wanted = getenv("CLEAVE_BENCH_IMAGE");
	char text[256], image[256];

	if (DOCKER(text, "version"))
		return "no engine answers `docker version`";
	if (wanted)
		snprintf(image, sizeof(image), "%s", wanted);
	else if (DOCKER(image, "images", "-q") || !image[0])
		return "the engine has no image: name one in CLEAVE_BENCH_IMAGE";
	if (DOCKER(text, "run", "-d", "--rm", "--network", "none", "--entrypoint", "sleep", image,
		   "600"))
		return "`docker run` of an image that can sleep failed";
	snprintf(container, sizeof(container), "%.100s", text);
	return NULL;
}

static json_t *measure_docker(void)
{
	const char *why = start_container();
	char texts[2][CPUSET_TEXT];
	double us[DOCKER_ROUNDS];

	cpuset_format(&wide, texts[0], CPUSET_TEXT);
	cpuset_format(&narrow, texts[1], CPUSET_TEXT);
	for (unsigned i = 0; !why && i < DOCKER_ROUNDS; i++) {
		uint64_t begin = clock_now_ns();
		char text[256];

		if (DOCKER(text, "update", "--cpuset-cpus", texts[i % 2], container))
			why = "`docker update --cpuset-cpus` failed";
		us[i] = (double)(clock_now_ns() - begin) / 1e3;
	}
	end_container();
	if (why) {
		printf("%-24s skipped: %s\n", "docker update", why);
		return json_pack("{s:s}", "skipped", why);
	}
	bench_sort(us, DOCKER_ROUNDS);
	print_line("docker update", us, DOCKER_ROUNDS);
	return bench_spread(us, DOCKER_ROUNDS);
}

/* ---- */

static void open_raw(struct driver *d)
{
	struct placement place;
	struct err e = {0};

	if (placement_parse(driver_location(d), &place, &e) < 0)
		bench_die(driver_location(d), e.msg);
	snprintf(raw_path, sizeof(raw_path), "%s/%s%s/cpuset.cpus", place.base[CONTROLLER_CPUSET],
		 place.kind == PLACEMENT_SCOPE ? "" : "cleave/bench/", names[0]);
	raw_fd = open(raw_path, O_WRONLY | O_CLOEXEC);
	if (raw_fd < 0)
		bench_die(raw_path, strerrordesc_np(errno));
}

static void begin(struct driver *d, const struct cpuset *allowed)
{
	wide = *allowed;
	cpuset_add(&narrow, cpuset_first(allowed));
	for (unsigned i = 0; i < GROUPS; i++) {
		bench_group(names[i], &narrow);
		bench_spawn(names[i], "--threads", i ? 1 : THREADS, -1, -1);
	}
	open_raw(d);
	bench_pause(200); /* until the threads are there */
}

int main(int argc, char **argv)
{
	json_t *write_list, *read_list, *docker_side, *targets = json_array();
	struct cpuset allowed;
	unsigned rounds;
	struct driver *d;

	if (argc == 3 && !strcmp(argv[1], "--threads"))
		return be_threads((unsigned)strtoul(argv[2], NULL, 10));
	rounds = bench_rounds(argc, argv, ROUNDS);
	if (rounds > ROUNDS_MAX)
		rounds = ROUNDS_MAX;
	d = bench_groups(2, &allowed);
	atexit(end_container);
	begin(d, &allowed);
	measure(d, writes, WRITES, 2, rounds); /* there and back */
	measure(d, reads, READS, 1, rounds);
	write_list = report("writes, 64 threads inside", writes, WRITES, rounds);
	docker_side = measure_docker();
	printf("\n");
	read_list = report("reads, 8 groups", reads, READS, rounds);
	bench_at_most(targets, "write of a loan with 64 threads inside, median",
		      bench_quantile(writes[0].us, rounds, 0.5), 200, "µs");
	bench_at_most(targets, "usage of a group, median", bench_quantile(reads[0].us, rounds, 0.5),
		      15, "µs");
	bench_write("write", json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:o}", "schema",
				       "cleave.bench-write/1", "driver", d->ops->name, "threads",
				       THREADS, "writes", write_list, "docker_update_us",
				       docker_side, "reads", read_list, "targets", targets));
	return 0;
}
