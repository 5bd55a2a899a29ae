#include "launcher/protocol/model_file.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "launcher/system/json.h"

static const char schema[] = "cleave.model/1";

/* ---- writing */

static json_t *format_terms(const double values[COST_TERMS])
{
	json_t *object = json_object();

	for (unsigned i = 0; i < COST_TERMS; i++)
		json_object_set_new(object, cost_term_name((enum cost_term)i),
				    json_real(values[i]));
	return object;
}

static json_t *format_machine(const struct machine_identity *m)
{
	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:I}", "cpu", m->cpu, "packages",
			 (int)m->packages, "nodes", (int)m->nodes, "cores", (int)m->cores, "cpus",
			 (int)m->cpus, "distances", (json_int_t)m->distances);
}

static json_t *format_probes(const struct model *m)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < m->probe_count; i++) {
		const struct model_probe *p = &m->probes[i];

		json_array_append_new(
			list,
			json_pack("{s:i, s:i, s:I, s:f, s:f}", "slices", (int)p->slices, "cores",
				  (int)p->cores, "data_bytes", (json_int_t)p->data_bytes,
				  "predicted_s", p->predicted, "measured_s", p->measured));
	}
	return list;
}

int model_format(const struct model *m, char **text, struct err *e)
{
	json_auto_t *root = json_pack(
		"{s:s, s:s, s:s, s:o, s:o, s:o, s:f, s:o}", "schema", schema, "made", m->made,
		"workload", workload_type_name(m->type), "machine", format_machine(&m->machine),
		"coefficients", format_terms(m->theta.c), "confidence", format_terms(m->confidence),
		"error", m->error, "probes", format_probes(m));

	*text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	return *text ? 0 : err_set(e, -ENOMEM, "the model cannot be written as JSON");
}

int model_write(const char *path, const struct model *m, struct err *e)
{
	cleanup_free char *text = NULL;
	int r = model_format(m, &text, e);

	return r ? r : file_replace(path, text, strlen(text), 0644, e);
}

/* ---- reading */

static int parse_terms(json_t *root, const char *key, double out[COST_TERMS], struct err *e)
{
	json_t *object;
	int r = json_read_object(root, key, &object, e);

	for (unsigned i = 0; !r && i < COST_TERMS; i++)
		r = json_read_real(object, cost_term_name((enum cost_term)i), &out[i], e)
			    ? err_wrap(e, "%s", key)
			    : 0;
	return r;
}

static int parse_machine(json_t *root, struct machine_identity *out, struct err *e)
{
	json_t *object;
	int64_t distances = 0;
	int r = json_read_object(root, "machine", &object, e);

	if (r)
		return r;
	if (json_read_text(object, "cpu", out->cpu, sizeof(out->cpu), e) ||
	    json_read_unsigned(object, "packages", TOPOLOGY_CPUS, &out->packages, e) ||
	    json_read_unsigned(object, "nodes", TOPOLOGY_NODES, &out->nodes, e) ||
	    json_read_unsigned(object, "cores", TOPOLOGY_CPUS, &out->cores, e) ||
	    json_read_unsigned(object, "cpus", TOPOLOGY_CPUS, &out->cpus, e) ||
	    json_read_integer(object, "distances", 0, UINT32_MAX, &distances, e))
		return err_wrap(e, "machine");
	out->distances = (uint32_t)distances;
	return 0;
}

static int parse_probe(json_t *object, struct model_probe *out, struct err *e)
{
	int64_t bytes = 0;
	int r;

	if ((r = json_read_unsigned(object, "slices", SLICES_MAX, &out->slices, e)) ||
	    (r = json_read_unsigned(object, "cores", TOPOLOGY_CPUS, &out->cores, e)) ||
	    (r = json_read_integer(object, "data_bytes", 0, INT64_MAX, &bytes, e)) ||
	    (r = json_read_real(object, "predicted_s", &out->predicted, e)))
		return r;
	out->data_bytes = (uint64_t)bytes;
	return json_read_real(object, "measured_s", &out->measured, e);
}

static int parse_probes(json_t *root, struct model *out, struct err *e)
{
	json_t *list;
	int r = json_read_list(root, "probes", MODEL_PROBES, &list, e);

	for (unsigned i = 0; !r && i < json_array_size(list); i++) {
		if (parse_probe(json_array_get(list, i), &out->probes[i], e))
			r = err_wrap(e, "probes.%u", i);
		out->probe_count = i + 1;
	}
	return r;
}

static int parse_workload(json_t *root, enum workload_type *out, struct err *e)
{
	char name[32];
	int r = json_read_text(root, "workload", name, sizeof(name), e);

	if (r)
		return r;
	for (unsigned i = WORKLOAD_AUTO; i <= WORKLOAD_STREAMING; i++) {
		if (strcmp(name, workload_type_name((enum workload_type)i)) == 0) {
			*out = (enum workload_type)i;
			return 0;
		}
	}
	return err_wrong(e, "workload: %.40s is no workload.type", name);
}

static int parse_model(json_t *root, struct model *out, struct err *e)
{
	int r;

	if ((r = json_check_schema(root, schema, e)) ||
	    (r = json_read_text(root, "made", out->made, sizeof(out->made), e)) ||
	    (r = parse_workload(root, &out->type, e)) ||
	    (r = parse_machine(root, &out->machine, e)) ||
	    (r = parse_terms(root, "coefficients", out->theta.c, e)) ||
	    (r = parse_terms(root, "confidence", out->confidence, e)) ||
	    (r = json_read_real(root, "error", &out->error, e)) || (r = parse_probes(root, out, e)))
		return r;
	return model_check(out, e);
}

int model_parse(const char *text, size_t size, struct model *out, struct err *e)
{
	json_auto_t *root = json_read(text, size, e);
	struct model made = {0};
	int r = root ? parse_model(root, &made, e) : e->code;

	if (!r)
		*out = made;
	return r;
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
	return model_parse(text, size, out, e) < 0 ? err_wrap(e, "workload.model: %s", path) : 0;
}
