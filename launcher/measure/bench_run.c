/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a case: a cluster comes, the application runs, the cluster goes, what was seen stays. */

#include "launcher/measure/bench_run.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <sys/stat.h>

#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/measure/eventlog.h"
#include "launcher/measure/sample.h"
#include "launcher/protocol/state.h"
#include "launcher/spark/directories.h"
#include "launcher/system/directory.h"
#include "launcher/system/files.h"
#include "profiles/load.h"

enum {
	LOOK_MS = 250,
	OUTPUT_MAX = 1 << 20,
	PATH = PROFILE_PATH + 64,
	TITLE = 256,
};

/* ---- directories */

int benching_open(struct benching *b, struct err *e)
{
	const char *scratch = b->in.profile.memory.scratch.path;
	struct err ignored;
	char *slash;
	int n;

	/*
	 * Beside the cluster's data: shuffle files of all sides are on one disk. What is above it
	 * is made as for a cluster, so that the workers' user can pass.
	 */
	if (cluster_make(&b->cluster, e) < 0)
		return e->code;
	n = snprintf(b->directory, PROFILE_PATH, "%s.XXXXXX", b->cluster.data);
	if (n >= PROFILE_PATH - 64)
		return err_errno(e, -ENAMETOOLONG, "%.300s", b->cluster.data);
	if (!mkdtemp(b->directory) || chmod(b->directory, 0711) < 0)
		return err_errno(e, -errno, "cannot make the directory %.300s", b->directory);
	cluster_remove(&b->cluster, REMAINS_NOTHING, &ignored);
	/* The workers' user has to reach what it needs, on all sides; plain Spark's tmp is there. */
	if (cluster_user_access(&b->cluster, b->directory, X_OK, e) < 0 ||
	    directories_try_one(b->directory, e) < 0 ||
	    cluster_user_access(&b->cluster, b->spark.home, R_OK | X_OK, e) < 0 ||
	    cluster_user_access(&b->cluster, b->spark.java, X_OK, e) < 0 ||
	    (b->spark.python[0] &&
	     cluster_user_access(&b->cluster, b->spark.python, X_OK, e) < 0) ||
	    (b->workload.name && cluster_user_access(&b->cluster, b->workload.script, R_OK, e) < 0))
		return e->code;
	slash = strrchr(b->directory, '/');
	if (!scratch[0]) {
		snprintf(b->local, PROFILE_PATH, "%s", b->directory);
		return 0;
	}
	if (snprintf(b->local, PROFILE_PATH, "%s/cleave-%s", scratch, slash + 1) >=
	    PROFILE_PATH - 64)
		return err_errno(e, -ENAMETOOLONG, "%.300s", scratch);
	return cluster_make_for_user(&b->cluster, b->local, 0700, e)
		       ? err_wrap(e, "memory.scratch.path")
		       : 0;
}

void benching_close(struct benching *b)
{
	struct err ignored; /* of files that are temporary */

	if (b->local[0])
		cluster_remove_for_user(&b->cluster, b->local, &ignored);
	if (b->directory[0])
		directory_remove(b->directory, &ignored);
	/* And what is above, if that is empty now. */
	if (b->directory[0])
		cluster_remove(&b->cluster, REMAINS_NOTHING, &ignored);
	argv_release(&b->words);
	free(take_pointer(b->expected));
}

/* ---- one run under way */

struct run {
	struct benching *b;
	const struct bench_case *what;
	char directory[PROFILE_PATH], out[PATH], log[PATH], events[PATH], scratch[PATH];
	char words[BENCH_WORDS], title[TITLE], tail[64];
	struct argv application; /* spark-submit's words, {scratch} replaced, with our properties */
	struct step step;
	struct sampler sampler;
	struct cpuset cpus; /* whose idle time counts */
	struct bench_run seen;
	int exit_code;		    /* of the application */
	bench_on_slices *on_slices; /* of benching_prepare() */
	void *context;
};

static void look(void *context)
{
	sampler_look(context);
}

/* "about 6 min left", by the runs so far. */
static void estimate(struct run *r)
{
	const struct bench *b = &r->b->bench;
	double left = b->run_count ? r->b->spent / b->run_count * bench_left(b) : 0;

	r->tail[0] = '\0';
	if (left >= 90)
		snprintf(r->tail, sizeof(r->tail), "; about %.0f min left", ceil(left / 60));
	else if (left > 0)
		snprintf(r->tail, sizeof(r->tail), "; about %.0f s left", left);
}

static unsigned repetition_of(const struct bench *b, unsigned case_id)
{
	unsigned count = 0;

	for (unsigned i = 0; i < b->run_count; i++)
		count += b->runs[i].case_id == case_id;
	return count;
}

/*
 * The event log tells what the JVMs say of their collectors; all sides write one alike. The
 * application's own words come later and win.
 */
static int make_application(struct run *r, struct err *e)
{
	static const char *const properties[] = {"spark.eventLog.enabled=true",
						 "spark.eventLog.compress=false",
						 "spark.eventLog.rolling.enabled=false",
						 "spark.executor.metrics.pollingInterval=250ms"};
	char *const *word = r->b->words.items;
	char events[SPARK_QUOTED];

	for (unsigned i = 0; i < sizeof(properties) / sizeof(*properties); i++) {
		argv_add(&r->application, "--conf");
		argv_add(&r->application, properties[i]);
	}
	argv_add(&r->application, "--conf");
	spark_url(r->events, events);
	argv_addf(&r->application, "spark.eventLog.dir=file:%s", events);
	for (; *word; word++)
		if (step_add_word(*word, r->scratch, &r->application) < 0)
			break;
	return r->application.failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

static int begin(struct run *r, struct benching *b, unsigned case_id, struct err *e)
{
	const struct bench *c = &b->bench;
	unsigned repetition = repetition_of(c, case_id);
	char cores[32] = "";

	*r = (struct run){.b = b, .what = &c->cases[case_id], .exit_code = -1};
	r->seen = (struct bench_run){.case_id = case_id,
				     .repetition = repetition,
				     .seconds = -1,
				     .start_seconds = -1,
				     .cpu_idle = -1,
				     .gc_seconds = -1,
				     .local_share = -1,
				     .peak_bytes = UINT64_MAX,
				     .written_bytes = UINT64_MAX};
	snprintf(r->directory, sizeof(r->directory), "%.*s/run", PROFILE_PATH - 8, b->directory);
	snprintf(r->out, sizeof(r->out), "%s/out", r->directory);
	snprintf(r->log, sizeof(r->log), "%s/log", r->directory);
	snprintf(r->events, sizeof(r->events), "%s/events", r->directory);
	snprintf(r->scratch, sizeof(r->scratch), "%s/scratch", r->directory);
	bench_case_words(c, case_id, r->words);
	if (r->what->is_sweep)
		snprintf(cores, sizeof(cores), " on %u core%s", r->what->cores,
			 r->what->cores == 1 ? "" : "s");
	snprintf(r->title, sizeof(r->title), "run %u of %u: %s%s, repetition %u of %u",
		 c->run_count + 1, c->run_count + bench_left(c), r->words, cores, repetition + 1,
		 c->repetitions);
	estimate(r);
	r->step = (struct step){.foreground = &b->foreground,
				.title = r->title,
				.tail = r->tail,
				.log = r->log,
				.is_terminal = isatty(STDERR_FILENO) == 1};
	r->cpus = b->in.topology.allowed;
	if (directory_remove(r->directory, e) < 0)
		return e->code;
	if (mkdir(r->directory, 0711) < 0)
		return err_errno(e, -errno, "cannot make the directory %s", r->directory);
	if (cluster_make_for_user(&b->cluster, r->events, 0700, e) < 0 ||
	    cluster_make_for_user(&b->cluster, r->scratch, 0700, e) < 0)
		return e->code;
	return make_application(r, e);
}

/* It is not counted, for this reason; the last line of its log tells more. */
static void failed(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void failed(struct run *r, const char *format, ...)
{
	char *text = r->seen.failed;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(r->seen.failed), format, args);
	va_end(args);
	text[string_cut(text, sizeof(r->seen.failed) - 1)] = '\0';
}

/* A program has ended: why goes to stderr, the cause to the report. */
static void program_failed(struct run *r, const char *who, const char *log, const char *why)
{
	char cause[STEP_CAUSE];

	step_show_why(log, cause);
	failed(r, "%s %s%s%s", who, why, cause[0] ? ": " : "", cause);
}

/*
 * Spark gives its own stdout to a Python application for both outputs (deploy/PythonRunner.scala,
 * redirectErrorStream), so the trace of an exception is there.
 */
static void application_failed(struct run *r, const char *why)
{
	static const char python[] = ".py";
	char *const *words = r->b->words.items;
	const char *application = words[spark_application_word(words)];
	size_t length = strlen(application), suffix = strlen(python);
	struct stat st;
	bool is_python = length > suffix && !strcmp(application + length - suffix, python) &&
			 stat(r->out, &st) == 0 && st.st_size > 0;

	program_failed(r, "the application", is_python ? r->out : r->log, why);
}

/*
 * Wait for the application with the Workers in sight. 0: it ended, well or not, or was ended for the
 * time it took.
 */
static int watch(struct run *r, const pid_t *workers, unsigned count, const struct process *plain,
		 const struct step_program *program, struct err *e)
{
	const char *const words[] = {"run", "--cluster", r->b->cluster.name, "--", NULL};
	struct cpu_times before, after;
	bool has_times = cpu_times_read(&r->cpus, &before);
	char why[64];
	int status;

	if (sampler_begin(&r->sampler, workers, count, &r->b->in.topology) < 0)
		return err_set(e, -ENOMEM, "out of memory");
	r->step.what = NULL;
	r->step.out = r->out;
	r->step.limit_ms = r->b->limit_ms;
	r->step.look = look;
	r->step.context = &r->sampler;
	r->step.period_ms = LOOK_MS;
	status = plain ? step_run(&r->step, program, e)
		       : step_cleave(&r->step, r->b->roots, words, r->application.items, e);
	r->sampler.next_ns = 0;
	sampler_look(&r->sampler);
	if (has_times && cpu_times_read(&r->cpus, &after))
		r->seen.cpu_idle = cpu_times_idle(&before, &after);
	r->seen.seconds = r->step.seconds;
	r->seen.peak_bytes = sampler_peak_bytes(&r->sampler);
	r->seen.written_bytes = sampler_written_bytes(&r->sampler);
	r->seen.local_share = sampler_local_share(&r->sampler);
	r->exit_code = status;
	if (status == -ETIMEDOUT)
		snprintf(why, sizeof(why), "did not end within %g s (--time-limit)",
			 (double)r->b->limit_ms / 1e3);
	else if (status < 0)
		return status;
	else
		snprintf(why, sizeof(why), "ended with exit code %d", status);
	if (status)
		application_failed(r, why);
	return 0;
}

/* ---- cleave's side */

static int write_profile(const struct run *r, const char *path, struct err *e)
{
	cleanup_free struct profile *p = malloc(sizeof(*p));
	cleanup_free char *text = NULL;

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	benching_profile(r->b, r->what, p);
	/* What the runs read and write is there. */
	if (profile_has_engine(p) &&
	    strings_addf(&p->docker.mounts, "%s:%s", r->b->directory, r->b->directory))
		return err_set(e, -E2BIG, "docker.mounts: too many to add %s", r->b->directory);
	if (profile_emit(p, &text, e) < 0)
		return e->code;
	return file_replace(path, text, strlen(text), 0600, e);
}

static int watch_slices(struct run *r, struct err *e)
{
	cleanup_free struct state *s = malloc(sizeof(*s));
	pid_t workers[SLICES_MAX];

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	if (state_read(&r->b->cluster, s, e) < 0)
		return e->code;
	for (unsigned i = 0; i < s->plan.slice_count; i++)
		workers[i] = s->workers[i].id.pid;
	/* With the JDK known, the plan may have become another one. */
	r->b->bench.cases[r->seen.case_id].slices = s->plan.slice_count;
	return watch(r, workers, s->plan.slice_count, NULL, NULL, e);
}

/* What is done while the slices are up. */
typedef int while_up(struct run *r, struct err *e);

static int run_slices(struct run *r, while_up *use, struct err *e)
{
	char path[PATH], log[PATH], why[64];
	const char *const up[] = {"up", path, NULL};
	const char *const down[] = {"down", r->b->cluster.name, "--purge", NULL};
	struct step s = r->step;
	unsigned interrupts;
	struct err ours;
	int status, ended;

	snprintf(path, sizeof(path), "%s/profile.yaml", r->directory);
	snprintf(log, sizeof(log), "%s/steps", r->directory);
	if (write_profile(r, path, e) < 0)
		return e->code;
	s.log = log;
	s.what = "starting";
	s.title = r->title;
	status = step_cleave(&s, r->b->roots, up, NULL, e);
	r->seen.start_seconds = s.seconds;
	if (status > 0) {
		snprintf(why, sizeof(why), "ended with exit code %d", status);
		program_failed(r, "cleave up", log, why);
	} else if (status == 0) {
		status = use(r, e);
	}
	/* Whatever happened, and whatever else the user presses now: the cluster goes. */
	interrupts = r->b->foreground.interrupts;
	r->b->foreground.interrupts = 0;
	s.is_shielded = true;
	s.what = "down";
	ended = step_cleave(&s, r->b->roots, down, NULL, &ours);
	if (ended > 0)
		ended = step_check(&s, ended, "down", &ours);
	r->b->foreground.interrupts += interrupts;
	if (status >= 0 && ended < 0) {
		*e = ours;
		return ended;
	}
	return status < 0 ? status : 0;
}

/* ---- the plain side */

static int run_plain(struct run *r, struct err *e)
{
	cleanup_free struct plain_request *request = calloc(1, sizeof(*request));
	cleanup_process struct process process = {0};
	struct step_program program;
	struct plain plain;
	int status;

	if (!request)
		return err_set(e, -ENOMEM, "out of memory");
	benching_plain(r->b, r->what, request);
	r->cpus = request->cpus;
	string_copy(request->directory, r->directory);
	snprintf(request->local, sizeof(request->local), "%.*s/local", PROFILE_PATH - 8,
		 r->b->local);
	if (cluster_make_for_user(&r->b->cluster, request->local, 0700, e) < 0)
		return e->code;
	r->step.what = "starting";
	status = plain_up(request, &r->step, &plain, e);
	if (status == -EIO || status == -ETIMEDOUT)
		failed(r, "%s", e->msg);
	if (status < 0)
		return r->seen.failed[0] ? 0 : status;
	r->seen.start_seconds = plain.seconds;
	status = plain_submit(&plain, NULL, r->application.items, &process, e);
	program = plain_program(request, &process);
	if (status == 0)
		status = watch(r, plain.workers, request->workers, &process, &program, e);
	r->step.what = "down";
	step_show(&r->step);
	plain_down(&plain);
	step_wipe(&r->step);
	cluster_remove_for_user(&r->b->cluster, request->local, &(struct err){0});
	return status;
}

/* ---- what it printed */

/* What differs from run to run by its nature, at any depth. */
static const char times_key[] = "seconds";

static size_t count_keys(const json_t *object)
{
	return json_object_size(object) - (json_object_get(object, times_key) != NULL);
}

static bool json_is_close(json_t *a, json_t *b)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_number(a) && json_is_number(b)) {
		double x = json_number_value(a), y = json_number_value(b);

		/* Sums of fractions depend on the order of their parts. */
		return fabs(x - y) <= 1e-6 * fmax(fabs(x), fabs(y));
	}
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_object(a)) {
		if (count_keys(a) != count_keys(b))
			return false;
		json_object_foreach(a, key, value)
		{
			json_t *other = json_object_get(b, key);

			if (strcmp(key, times_key) != 0 && (!other || !json_is_close(value, other)))
				return false;
		}
		return true;
	}
	if (json_is_array(a)) {
		if (json_array_size(a) != json_array_size(b))
			return false;
		json_array_foreach(a, i, value)
		{
			if (!json_is_close(value, json_array_get(b, i)))
				return false;
		}
		return true;
	}
	return json_equal(a, b);
}

bool bench_result_is_same(const char *a, const char *b)
{
	struct err ignored; /* no JSON: the texts are compared */
	json_auto_t *one = json_read(a, strlen(a), &ignored);
	json_auto_t *two = json_read(b, strlen(b), &ignored);

	if (!one || !two)
		return !strcmp(a, b);
	return json_is_close(one, two);
}

static void judge_output(struct run *r)
{
	struct benching *b = r->b;
	cleanup_free char *text = NULL;
	const char *result;
	struct err why;
	size_t size;
	int status = file_read(r->out, OUTPUT_MAX, &text, &size, &why);

	if (status < 0 && !b->workload.name)
		return; /* it printed too much to be looked at, which is its right */
	if (status < 0) {
		failed(r, "the workload's output cannot be read: %s", why.msg);
		return;
	}
	if (!size) {
		bench_note(&b->bench, b->workload.name ? "a run of the workload printed nothing"
						       : "the application printed nothing");
		if (b->workload.name)
			failed(r, "the workload printed no result");
		return;
	}
	if (!b->workload.name)
		return;
	/* The result is the last line: what Python warns of is there, too. */
	text[size - (text[size - 1] == '\n')] = '\0';
	result = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
	if (!b->expected)
		b->expected = strdup(result);
	else if (!bench_result_is_same(b->expected, result))
		bench_note(&b->bench,
			   "%s, repetition %u, printed another result than the first run, though "
			   "a correct one",
			   r->words, r->seen.repetition + 1);
}

static void read_events(struct run *r)
{
	struct err why;

	if (eventlog_read(r->events, &r->seen.gc_seconds, &why) < 0)
		bench_note(&r->b->bench, "the time of collectors is not known: %.400s", why.msg);
}

static int call_on_slices(struct run *r, struct err *e)
{
	cleanup_free struct state *s = malloc(sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	if (state_read(&r->b->cluster, s, e) < 0)
		return e->code;
	r->on_slices(r->context, s);
	return 0;
}

int benching_prepare(struct benching *b, unsigned case_id, bench_on_slices *f, void *context,
		     struct err *e)
{
	cleanup_free struct run *r = calloc(1, sizeof(*r));
	struct err ignored;
	int status;

	if (!r)
		return err_set(e, -ENOMEM, "out of memory");
	status = begin(r, b, case_id, e);
	r->on_slices = f;
	r->context = context;
	r->tail[0] = '\0';
	snprintf(r->title, sizeof(r->title), "before the first run");
	if (status == 0)
		status = run_slices(r, call_on_slices, e);
	directory_remove(r->directory, &ignored);
	argv_release(&r->application);
	return status < 0				? status
	       : foreground_interrupted(&b->foreground) ? err_set(e, -EINTR, "interrupted")
							: 0;
}

int benching_run(struct benching *b, unsigned case_id, struct err *e)
{
	cleanup_free struct run *r = calloc(1, sizeof(*r));
	uint64_t begin_ns = clock_now_ns();
	struct err ignored;
	int status;

	if (!r)
		return err_set(e, -ENOMEM, "out of memory");
	status = begin(r, b, case_id, e);
	if (status == 0 && (r->what->side == BENCH_SLICED || r->what->side == BENCH_LENT))
		status = run_slices(r, watch_slices, e);
	else if (status == 0)
		status = run_plain(r, e);
	if (status == 0 && r->exit_code == 0) {
		judge_output(r);
		read_events(r);
	}
	directory_remove(r->directory, &ignored);
	sampler_release(&r->sampler);
	argv_release(&r->application);
	if (status < 0)
		return status;
	b->spent += (double)(clock_now_ns() - begin_ns) / 1e9;
	b->bench.runs[b->bench.run_count++] = r->seen;
	if (r->seen.failed[0])
		fprintf(stderr, "cleave: %s failed: %s\n", r->title, FOREIGN(r->seen.failed));
	else
		fprintf(stderr, "cleave: %s: %.1f s\n", r->title, r->seen.seconds);
	return 0;
}
