/* SPDX-License-Identifier: Apache-2.0 */
/* The data of a workload of ours: made once, by its own program on plain Spark in one JVM. */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/base/size_text.h"
#include "launcher/inputs/data.h"
#include "launcher/measure/bench_run.h"
#include "launcher/system/files.h"
#include "launcher/system/json.h"

enum {
	PATH = PROFILE_PATH + 64,
	FACTS_MAX = 4 << 20,
	HEAP_MOST_MB = 16 << 10, /* what is made goes to disk at once */
};

/* Data that were kept are what was asked for, or a result would be compared with another's. */
static int check_kept(const struct bench_workload *w, struct err *e)
{
	cleanup_free char *text = NULL;
	/* It may be the workers' user's: no links. */
	cleanup_close int data = open(w->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_auto_t *root = NULL;
	json_t *bytes, *seed;
	size_t size;

	if (data < 0)
		return err_errno(e, -errno, "--data-dir: %s", w->data);
	if (file_read_at(data, "expected.json", FACTS_MAX, &text, &size, e) < 0)
		return err_wrap(e, "--data-dir");
	root = json_read(text, size, e);
	if (!root)
		return err_wrap(e, "--data-dir: %s/expected.json", w->data);
	bytes = json_object_get(root, "size");
	seed = json_object_get(root, "seed");
	if (json_integer_value(bytes) == (json_int_t)w->bytes &&
	    json_integer_value(seed) == (json_int_t)w->seed)
		return 0;
	return err_wrong(e,
			 "--data-dir %s holds data of %s with seed %lld, not of %s with seed %llu: "
			 "choose another directory, or those",
			 w->data, SIZE_STRING((uint64_t)json_integer_value(bytes)),
			 (long long)json_integer_value(seed), SIZE_STRING(w->bytes),
			 (unsigned long long)w->seed);
}

static int make(struct benching *b, struct err *e)
{
	const struct bench_workload *w = &b->workload;
	cleanup_free struct plain_request *r = calloc(1, sizeof(*r));
	const struct bench_case all = {
		.gc = GC_PARALLEL, .cores = b->in.topology.core_count, .slices = 1};
	cleanup_process struct process process = {0};
	cleanup_argv struct argv words = {0};
	char log[PATH], out[PATH], title[PROFILE_WORD];
	struct step s = {.foreground = &b->foreground,
			 .title = title,
			 .log = log,
			 .out = out,
			 .is_terminal = isatty(STDERR_FILENO) == 1};
	struct step_program program;
	int status;

	if (!r)
		return err_set(e, -ENOMEM, "out of memory");
	benching_plain(b, &all, r);
	string_copy(r->directory, b->directory);
	if (r->heap_mb > HEAP_MOST_MB)
		r->heap_mb = HEAP_MOST_MB;
	snprintf(log, sizeof(log), "%s/make.log", b->directory);
	snprintf(out, sizeof(out), "%s/make.out", b->directory);
	snprintf(title, sizeof(title), "making %s of data for %.64s", SIZE_STRING(w->bytes),
		 w->name);
	argv_add(&words, w->script);
	argv_add(&words, "make");
	argv_addf(&words, "--data=%s", w->data);
	argv_addf(&words, "--size=%llu", (unsigned long long)w->bytes);
	argv_addf(&words, "--seed=%llu", (unsigned long long)w->seed);
	if (words.failed)
		return err_set(e, -ENOMEM, "out of memory");
	if (plain_submit_alone(r, words.items, &process, e) < 0)
		return e->code;
	program = plain_program(r, &process);
	status = step_check(&s, step_run(&s, &program, e), "the workload", e);
	if (status == 0)
		fprintf(stderr, "cleave: %s: %.1f s\n", title, s.seconds);
	return status;
}

int benching_make_data(struct benching *b, struct err *e)
{
	struct bench_workload *w = &b->workload;
	char path[PATH];
	bool is_there;

	snprintf(path, sizeof(path), "%s/complete", w->data);
	is_there = access(path, F_OK) == 0;
	if (is_there && check_kept(w, e) < 0)
		return e->code;
	if (!is_there && access(w->data, F_OK) < 0 &&
	    cluster_make_for_user(&b->cluster, w->data, 0755, e) < 0)
		return e->code;
	if (!is_there && make(b, e) < 0)
		return e->code;
	snprintf(path, sizeof(path), "%s/input", w->data);
	b->bench.data_bytes = data_measure(path);
	return 0;
}
