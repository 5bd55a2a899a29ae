/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/model_file.h"

#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"

/* A number for each term of the cost model. */
static int write_terms(const struct json_field *f, const void *value, const struct json_walk *w,
		       json_t *object)
{
	const double *numbers = (const void *)((const char *)value + f->offset);
	json_t *terms = json_object();
	int r = json_put(object, f->key, terms, w->e);

	for (unsigned i = 0; !r && i < COST_TERMS; i++)
		r = json_put(terms, cost_term_name((enum cost_term)i), json_real(numbers[i]), w->e);
	return r;
}

static int read_terms(const struct json_field *f, void *value, const struct json_walk *w,
		      json_t *object)
{
	double *numbers = (void *)((char *)value + f->offset);
	json_t *terms = json_object_get(object, f->key);

	if (!json_is_object(terms))
		return err_wrong(w->e, "%s: an object is expected", f->key);
	for (unsigned i = 0; i < COST_TERMS; i++) {
		const char *name = cost_term_name((enum cost_term)i);
		const json_t *number = json_object_get(terms, name);

		if (!json_is_number(number))
			return err_wrong(w->e, "%s: %s: a number is expected", f->key, name);
		numbers[i] = json_number_value(number);
	}
	return 0;
}
static const struct json_type terms = {write_terms, read_terms};

#define T struct machine_identity
static const struct json_field machine_fields[] = {
	{"cpu", JSON_AT(T, cpu)},
	{"packages", JSON_AT(T, packages), .max = TOPOLOGY_CPUS},
	{"nodes", JSON_AT(T, nodes), .max = TOPOLOGY_NODES},
	{"cores", JSON_AT(T, cores), .max = TOPOLOGY_CPUS},
	{"cpus", JSON_AT(T, cpus), .max = TOPOLOGY_CPUS},
	{"distances", JSON_AT(T, distances), .max = UINT32_MAX},
	JSON_END,
};
#undef T

#define T struct model_run
static const struct json_field run_fields[] = {
	{"slices", JSON_AT(T, slices), .max = SLICES_MAX},
	{"cores", JSON_AT(T, cores), .max = TOPOLOGY_CPUS},
	{"executors", JSON_AT(T, executors), .max = SLICE_EXECUTORS},
	{"slots", JSON_AT(T, slots)},
	{"warm", JSON_AT(T, is_warm)},
	{"data_bytes", JSON_AT(T, data_bytes)},
	{"predicted_s", JSON_AT(T, predicted)},
	{"measured_s", JSON_AT(T, measured)},
	JSON_END,
};
#undef T

static int check_model(const void *value, struct err *e)
{
	return model_check(value, e);
}

#define T struct model
static const struct json_field model_fields[] = {
	{"made", JSON_AT(T, made)},
	{"workload", JSON_WORD(T, type, workload_type_name, WORKLOAD_STREAMING + 1)},
	{"machine", JSON_PART(T, machine, machine_fields)},
	{"coefficients", JSON_OTHER(&terms), .offset = offsetof(T, theta.c)},
	{"confidence", JSON_OTHER(&terms), .offset = offsetof(T, confidence)},
	{"error", JSON_AT(T, error)},
	{"runs", JSON_LIST(T, runs, run_count, run_fields)},
	JSON_END,
};
const struct json_table model_table = {
	.fields = model_fields,
	.check = check_model,
	.schema = "cleave.model/2",
	.size = sizeof(T),
	.style = JSON_INDENT(2),
};
#undef T

int model_write(const char *path, const struct model *m, struct err *e)
{
	cleanup_free char *text = NULL;
	int r = json_table_format(&model_table, m, &text, e);

	return r ? r : file_replace(path, text, strlen(text), 0644, e);
}

int model_read(const char *path, struct model *out, struct err *e)
{
	cleanup_free char *text = NULL;
	size_t size;

	if (file_read(path, MODEL_FILE_MAX, &text, &size, e) < 0) {
		if (e->code == -ENOENT)
			return err_wrong(e,
					 "workload.model: there is no file %s: write it with "
					 "cleave tune, or leave the key out",
					 path);
		e->exit = ERR_WRONG;
		return err_wrap(e, "workload.model");
	}
	if (!json_table_parse(&model_table, text, size, out, e))
		return 0;
	if (strstr(text, "\"cleave.model/1\""))
		return err_wrong(e,
				 "workload.model: %s was made by an older cleave, whose cost model "
				 "has fewer terms: run cleave tune again, or leave the key out",
				 path);
	return err_wrap(e, "workload.model: %s", path);
}
