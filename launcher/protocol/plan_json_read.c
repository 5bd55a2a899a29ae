#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/plan_json.h"
#include "launcher/system/json.h"

/* ---- values of an object that json.h has not ---- */

static int read_bytes(json_t *o, const char *key, uint64_t *out, struct err *e)
{
	int64_t bytes;
	int code = json_read_integer(o, key, 0, INT64_MAX, &bytes, e);

	if (code == 0)
		*out = (uint64_t)bytes;
	return code;
}

/* ---- the plan's parts ---- */

static int read_memory(json_t *o, struct slice_memory *m, struct err *e)
{
	json_t *j = json_object_get(o, "memory");

	if (read_bytes(j, "max_bytes", &m->max_bytes, e) < 0 ||
	    read_bytes(j, "heap_bytes", &m->heap_bytes, e) < 0 ||
	    read_bytes(j, "direct_bytes", &m->direct_bytes, e) < 0 ||
	    read_bytes(j, "off_heap_bytes", &m->off_heap_bytes, e) < 0 ||
	    read_bytes(j, "python_bytes", &m->python_bytes, e) < 0 ||
	    read_bytes(j, "native_bytes", &m->native_bytes, e) < 0 ||
	    read_bytes(j, "daemon_bytes", &m->daemon_bytes, e) < 0 ||
	    read_bytes(j, "scratch_bytes", &m->scratch_bytes, e) < 0 ||
	    read_bytes(j, "page_cache_bytes", &m->page_cache_bytes, e) < 0 ||
	    read_bytes(j, "high_bytes", &m->high_bytes, e) < 0 ||
	    read_bytes(j, "low_bytes", &m->low_bytes, e) < 0 ||
	    read_bytes(j, "swap_bytes", &m->swap_bytes, e) < 0)
		return err_wrap(e, "memory");
	return 0;
}

static int read_address(json_t *o, uint32_t *out, struct err *e)
{
	const char *text = json_string_value(json_object_get(o, "address"));
	struct in_addr address;

	if (!text || inet_pton(AF_INET, text, &address) != 1)
		return err_wrong(e, "address is not an IPv4 address");
	*out = ntohl(address.s_addr);
	return 0;
}

static int read_strings(json_t *o, const char *key, struct strings *out, struct err *e)
{
	json_t *list, *item;
	size_t i;

	if (json_read_list(o, key, STRINGS_POOL, &list, e) < 0)
		return e->code;
	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item) || strings_add(out, json_string_value(item)) < 0)
			return err_wrong(
				e,
				"%s[%zu]: a string is expected, all of them together of less than %d bytes",
				key, i, STRINGS_POOL);
	}
	return 0;
}

static int read_slice(json_t *j, unsigned i, struct plan *p, struct err *e)
{
	struct slice *s = &p->slices[i];

	if (json_read_unsigned(j, "id", SLICES_MAX - 1, &s->id, e) < 0 ||
	    json_read_text(j, "name", s->name, sizeof(s->name), e) < 0 ||
	    json_read_cpuset(j, "cpus", &s->cpus, e) < 0 ||
	    json_read_cpuset(j, "nodes", &s->nodes, e) < 0 ||
	    json_read_cpuset(j, "packages", &s->packages, e) < 0 ||
	    json_read_unsigned(j, "cores", TOPOLOGY_CPUS, &s->cores, e) < 0 ||
	    json_read_unsigned(j, "slots", INT32_MAX, &s->slots, e) < 0 ||
	    read_address(j, &s->address, e) < 0 || read_memory(j, &s->memory, e) < 0 ||
	    read_strings(j, "jvm_options", &s->jvm_options, e) < 0)
		return e->code;
	if (s->id != i)
		return err_wrong(e, "id is %u instead of %u", s->id, i);
	if (!profile_name_is_valid(s->name))
		return err_wrong(e, "name '%s' is not a slice's name", s->name);
	return 0;
}

static int read_host(json_t *o, struct plan_host *h, struct err *e)
{
	json_t *j = json_object_get(o, "host");

	if (json_read_cpuset(j, "cpus", &h->cpus, e) < 0 ||
	    json_read_bool(j, "shared", &h->shared, e) < 0 ||
	    json_read_cpuset(j, "nodes", &h->nodes, e) < 0 ||
	    read_bytes(j, "memory_bytes", &h->memory_bytes, e) < 0)
		return err_wrap(e, "host");
	return 0;
}

static int read_unused(json_t *j, unsigned i, struct plan *p, struct err *e)
{
	if (json_read_cpuset(j, "cpus", &p->unused[i].cpus, e) < 0)
		return e->code;
	return json_read_text(j, "why", p->unused[i].why, sizeof(p->unused[i].why), e);
}

static int read_loan(json_t *j, unsigned i, struct plan *p, struct err *e)
{
	struct loan *l = &p->loans[i];
	unsigned mode = 0;

	if (p->slice_count == 0)
		return err_wrong(e, "there are loans, but no slices");
	if (json_read_unsigned(j, "from", p->slice_count - 1, &l->from, e) < 0 ||
	    json_read_unsigned(j, "to", p->slice_count - 1, &l->to, e) < 0 ||
	    json_read_cpuset(j, "cpus", &l->cpus, e) < 0 ||
	    json_read_word(j, "mode", loan_mode_name, LOANS_EXCLUSIVE + 1, &mode, e) < 0 ||
	    json_read_bool(j, "by_hand", &l->by_hand, e) < 0)
		return e->code;
	l->mode = (enum loan_mode)mode;
	return 0;
}

static int read_terms(json_t *o, struct plan_terms *t, struct err *e)
{
	json_t *j = json_object_get(o, "terms");

	if (json_read_real(j, "startup", &t->startup, e) < 0 ||
	    json_read_real(j, "work", &t->work, e) < 0 || json_read_real(j, "gc", &t->gc, e) < 0 ||
	    json_read_real(j, "remote", &t->remote, e) < 0 ||
	    json_read_real(j, "shuffle", &t->shuffle, e) < 0 ||
	    json_read_real(j, "tail", &t->tail, e) < 0)
		return err_wrap(e, "terms");
	return 0;
}

static const char *by_word(unsigned by)
{
	return partition_by_name((enum partition_by)by);
}

static int read_candidate(json_t *j, unsigned i, struct plan *p, struct err *e)
{
	struct plan_candidate *c = &p->candidates[i];
	unsigned by = 0;

	if (json_read_word(j, "by", by_word, BY_L3 + 1, &by, e) < 0 ||
	    json_read_unsigned(j, "slices", INT32_MAX, &c->slices, e) < 0 ||
	    json_read_unsigned(j, "cores", TOPOLOGY_CPUS, &c->cores, e) < 0 ||
	    json_read_bool(j, "feasible", &c->feasible, e) < 0 ||
	    json_read_text(j, "why", c->why, sizeof(c->why), e) < 0 ||
	    json_read_real(j, "throughput", &c->throughput, e) < 0 ||
	    read_terms(j, &c->terms, e) < 0)
		return e->code;
	c->by = (enum partition_by)by;
	return 0;
}

static const char *warning_word(unsigned code)
{
	return warning_code_name((enum warning_code)code);
}

static int read_warning(json_t *j, unsigned i, struct plan *p, struct err *e)
{
	struct plan_warning *w = &p->warnings[i];
	unsigned code = 0;

	if (json_read_word(j, "code", warning_word, WARN_COUNT, &code, e) < 0)
		return e->code;
	w->code = (enum warning_code)code;
	return json_read_text(j, "message", w->message, sizeof(w->message), e);
}

static int read_note(json_t *j, unsigned i, struct plan *p, struct err *e)
{
	const char *text = json_string_value(j);

	if (!text || string_copy(p->notes[i], text) < 0)
		return err_wrong(e, "not a text of at most %d bytes", PLAN_TEXT - 1);
	return 0;
}

/* Read each item of an array into its place in the plan. */
static int read_array(json_t *o, const char *key, unsigned limit,
		      int (*read)(json_t *, unsigned, struct plan *, struct err *), struct plan *p,
		      unsigned *count, struct err *e)
{
	json_t *list;

	if (json_read_list(o, key, limit, &list, e) < 0)
		return e->code;
	*count = (unsigned)json_array_size(list);
	for (unsigned i = 0; i < *count; i++)
		if (read(json_array_get(list, i), i, p, e) < 0)
			return err_wrap(e, "%s[%u]", key, i);
	return 0;
}

static int read_decision(json_t *o, struct plan *p, struct err *e)
{
	json_t *j = json_object_get(o, "decision");

	if (read_array(j, "candidates", PLAN_CANDIDATES, read_candidate, p, &p->candidate_count,
		       e) < 0 ||
	    json_read_unsigned(j, "chosen", p->candidate_count ? p->candidate_count - 1 : 0,
			       &p->chosen, e) < 0)
		return err_wrap(e, "decision");
	return 0;
}

static int read_plan(json_t *j, struct plan *p, struct err *e)
{
	if (json_check_schema(j, "cleave.plan/1", e) < 0)
		return e->code;
	if (json_read_text(j, "name", p->name, sizeof(p->name), e) < 0 ||
	    json_read_cpuset(j, "allowed_cpus", &p->allowed, e) < 0 ||
	    json_read_cpuset(j, "usable_cpus", &p->usable, e) < 0 ||
	    read_array(j, "slices", SLICES_MAX, read_slice, p, &p->slice_count, e) < 0 ||
	    read_host(j, &p->host, e) < 0 ||
	    read_array(j, "unused", PLAN_UNUSED, read_unused, p, &p->unused_count, e) < 0 ||
	    read_array(j, "loans", SLICES_MAX, read_loan, p, &p->loan_count, e) < 0 ||
	    read_decision(j, p, e) < 0 ||
	    read_array(j, "warnings", PLAN_WARNINGS, read_warning, p, &p->warning_count, e) < 0)
		return e->code;
	return read_array(j, "notes", PLAN_NOTES, read_note, p, &p->note_count, e);
}

int plan_json_read(json_t *json, struct plan *out, struct err *e)
{
	cleanup_free struct plan *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(e, -ENOMEM, "no memory for a plan");
	if (read_plan(json, p, e) < 0)
		return err_wrap(e, "plan");
	*out = *p;
	return 0;
}

int plan_json_parse(const char *text, size_t size, struct plan *out, struct err *e)
{
	json_t *json;
	int code;

	if (size > PLAN_JSON_MAX)
		return err_wrong(e, "plan: %zu bytes are more than %d", size, PLAN_JSON_MAX);
	json = json_read(text, size, e);
	if (!json)
		return err_wrap(e, "plan");
	code = plan_json_read(json, out, e);
	json_decref(json);
	return code;
}
