/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/bench_json.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"

/* ---- what may be missing: null, and in older or shorter files no key */

/* json_real(), null where there is no such number. */
static json_t *number_or_null(double value)
{
	return isfinite(value) && value >= 0 ? json_real(value) : json_null();
}

static int write_number(const struct json_field *f, const void *value, const struct json_walk *w,
			json_t *object)
{
	const double *number = (const void *)((const char *)value + f->offset);

	return json_put(object, f->key, number_or_null(*number), w->e);
}

static int read_number(const struct json_field *f, void *value, const struct json_walk *w,
		       json_t *object)
{
	double *number = (void *)((char *)value + f->offset);
	const json_t *json = json_object_get(object, f->key);

	*number = -1;
	if (!json || json_is_null(json))
		return 0;
	if (!json_is_number(json) || !(json_number_value(json) >= 0))
		return err_wrong(w->e, "%s: a number of at least 0, or null, is expected", f->key);
	*number = json_number_value(json);
	return 0;
}
static const struct json_type number = {write_number, read_number};

static int write_bytes(const struct json_field *f, const void *value, const struct json_walk *w,
		       json_t *object)
{
	const uint64_t *bytes = (const void *)((const char *)value + f->offset);

	return json_put(object, f->key,
			*bytes > INT64_MAX ? json_null() : json_integer((json_int_t)*bytes), w->e);
}

static int read_bytes(const struct json_field *f, void *value, const struct json_walk *w,
		      json_t *object)
{
	uint64_t *bytes = (void *)((char *)value + f->offset);
	const json_t *json = json_object_get(object, f->key);

	*bytes = UINT64_MAX;
	if (!json || json_is_null(json))
		return 0;
	if (!json_is_integer(json) || json_integer_value(json) < 0)
		return err_wrong(w->e, "%s: a count of bytes, or null, is expected", f->key);
	*bytes = (uint64_t)json_integer_value(json);
	return 0;
}
static const struct json_type bytes = {write_bytes, read_bytes};

/* Why something is not there. */
static int write_why(const struct json_field *f, const void *value, const struct json_walk *w,
		     json_t *object)
{
	const char *why = (const char *)value + f->offset;

	return json_put(object, f->key, *why ? json_text(why) : json_null(), w->e);
}

static int read_why(const struct json_field *f, void *value, const struct json_walk *w,
		    json_t *object)
{
	const json_t *json = json_object_get(object, f->key);

	if (!json || json_is_null(json))
		return 0;
	return json_read_text(object, f->key, (char *)value + f->offset, f->size, w->e);
}
static const struct json_type why = {write_why, read_why};

#define MAYBE(type_, T, member) \
	JSON_OTHER(&(type_)), .offset = offsetof(T, member), .size = sizeof(((T *)NULL)->member)

/* ---- what follows from the runs: written, not read */

static int write_spread(const struct bench *b, unsigned case_id, enum bench_metric metric,
			json_t *figures, struct err *e)
{
	const struct bench_spread s = bench_spread(b, case_id, metric);
	json_t *spread = s.count ? json_object() : json_null();
	int r = json_put(figures, bench_metric_name(metric), spread, e);

	if (r || !s.count)
		return r;
	if ((r = json_put(spread, "count", json_integer(s.count), e)) ||
	    (r = json_put(spread, "median", json_real(s.median), e)) ||
	    (r = json_put(spread, "min", json_real(s.min), e)))
		return r;
	return json_put(spread, "max", json_real(s.max), e);
}

static int write_figures(const struct json_field *f, const void *value, const struct json_walk *w,
			 json_t *object)
{
	const struct bench *b = w->document;
	const struct bench_case *c = value;
	const unsigned case_id = (unsigned)(c - b->cases);
	json_t *figures = json_object();
	int r = json_put(object, f->key, figures, w->e);

	for (unsigned m = 0; !r && m < BENCH_METRICS; m++)
		r = write_spread(b, case_id, (enum bench_metric)m, figures, w->e);
	return r ? r
		 : json_put(object, "times_plain", number_or_null(bench_times_plain(b, case_id)),
			    w->e);
}
static const struct json_type figures = {write_figures, NULL};

static json_t *case_or_null(const struct bench *b, unsigned case_id)
{
	return case_id < b->case_count ? json_integer(case_id) : json_null();
}

static int write_result(const struct json_field *f, const void *value, const struct json_walk *w,
			json_t *object)
{
	const struct bench *b = value;
	const struct bench_result result = bench_result(b);
	const bool is_known = result.verdict != BENCH_UNKNOWN;
	char sentence[BENCH_TEXT];
	json_t *to = json_object();
	int r;

	bench_sentence(b, sentence);
	if ((r = json_put(object, f->key, to, w->e)) ||
	    (r = json_put(to, "verdict", json_string(bench_verdict_name(result.verdict)), w->e)) ||
	    (r = json_put(to, "sentence", json_text(sentence), w->e)) ||
	    (r = json_put(to, "plain", case_or_null(b, result.plain), w->e)) ||
	    (r = json_put(to, "best", case_or_null(b, result.best), w->e)) ||
	    (r = json_put(to, "ratio", number_or_null(is_known ? result.ratio : -1), w->e)) ||
	    (r = json_put(to, "least", number_or_null(is_known ? result.least : -1), w->e)))
		return r;
	return json_put(to, "most", number_or_null(is_known ? result.most : -1), w->e);
}
static const struct json_type result = {write_result, NULL};

/* ---- the tables */

static const char *gc_name(unsigned gc)
{
	return gc_words[gc];
}

#define T struct bench_case
static const struct json_field case_fields[] = {
	{"side", JSON_WORD(T, side, bench_side_name, BENCH_SIDES)},
	{"gc", JSON_WORD(T, gc, gc_name, GC_SERIAL + 1)},
	{"cores", JSON_AT(T, cores), .max = TOPOLOGY_CPUS},
	{"slices", JSON_AT(T, slices), .max = SLICES_MAX},
	{"sweep", JSON_AT(T, is_sweep)},
	{"skipped", MAYBE(why, T, skipped)},
	{"figures", JSON_OTHER(&figures)},
	JSON_END,
};
#undef T

#define T struct bench_run
static const struct json_field run_fields[] = {
	{"case", JSON_BY(JSON_AS_PLACE, T, case_id), .max = BENCH_CASES},
	{"repetition", JSON_AT(T, repetition), .max = BENCH_REPETITIONS_MAX - 1},
	{"failed", MAYBE(why, T, failed)},
	{"seconds", MAYBE(number, T, seconds)},
	{"start_seconds", MAYBE(number, T, start_seconds)},
	{"cpu_idle", MAYBE(number, T, cpu_idle)},
	{"gc_seconds", MAYBE(number, T, gc_seconds)},
	{"local_share", MAYBE(number, T, local_share)},
	{"peak_bytes", MAYBE(bytes, T, peak_bytes)},
	{"written_bytes", MAYBE(bytes, T, written_bytes)},
	JSON_END,
};
#undef T

static int check_bench(const void *value, struct err *e)
{
	return bench_check(value, e);
}

#define T struct bench
static const struct json_field bench_fields[] = {
	{"name", JSON_AT(T, name)},
	{"workload", JSON_AT(T, workload)},
	{"application", JSON_AT(T, application)},
	{"machine", JSON_AT(T, machine)},
	{"spark", JSON_AT(T, spark)},
	{"java", JSON_AT(T, java)},
	{"made", JSON_AT(T, made)},
	{"data_bytes", JSON_AT(T, data_bytes)},
	{"repetitions", JSON_AT(T, repetitions), .max = BENCH_REPETITIONS_MAX},
	{"interrupted", JSON_AT(T, is_interrupted)},
	{"notes", JSON_ITEMS(T, notes, note_count)},
	{"result", JSON_OTHER(&result)},
	{"cases", JSON_LIST(T, cases, case_count, case_fields)},
	{"runs", JSON_LIST(T, runs, run_count, run_fields)},
	JSON_END,
};
const struct json_table bench_table = {
	.fields = bench_fields,
	.check = check_bench,
	.schema = "cleave.bench/1",
	.size = sizeof(T),
	.style = JSON_INDENT(2),
};
#undef T

int bench_format(const struct bench *b, char **text, struct err *e)
{
	return json_table_format(&bench_table, b, text, e);
}

int bench_write(const char *path, const struct bench *b, struct err *e)
{
	cleanup_free char *text = NULL;
	int r = bench_format(b, &text, e);

	return r ? r : file_replace(path, text, strlen(text), 0644, e);
}

int bench_read(const char *path, struct bench *out, struct err *e)
{
	cleanup_free char *text = NULL;
	size_t size;

	if (file_read(path, JSON_MAX_BYTES, &text, &size, e) < 0) {
		e->exit = ERR_WRONG;
		return e->code;
	}
	return json_table_parse(&bench_table, text, size, out, e) ? err_wrap(e, "%s", path) : 0;
}
