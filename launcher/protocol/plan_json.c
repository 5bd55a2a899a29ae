#include "launcher/protocol/plan_json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/topology_json.h"

/*
 * Append `item` and give it up. Without memory the array becomes NULL and stays so; json_pack() with "o" then fails as a
 * whole, so that no caller needs to look before the end.
 */
static void append(json_t **array, json_t *item)
{
	if (!*array) {
		json_decref(item);
	} else if (json_array_append_new(*array, item) < 0) {
		json_decref(*array);
		*array = NULL;
	}
}

static json_t *strings_json(const struct strings *list)
{
	json_t *out = json_array();

	strings_for_each(item, list) append(&out, json_string(item));
	return out;
}

static json_t *memory_json(const struct slice_memory *m)
{
	const struct {
		const char *key;
		uint64_t bytes;
	} terms[] = {
		{"max_bytes", m->max_bytes},
		{"heap_bytes", m->heap_bytes},
		{"direct_bytes", m->direct_bytes},
		{"off_heap_bytes", m->off_heap_bytes},
		{"python_bytes", m->python_bytes},
		{"native_bytes", m->native_bytes},
		{"daemon_bytes", m->daemon_bytes},
		{"scratch_bytes", m->scratch_bytes},
		{"page_cache_bytes", m->page_cache_bytes},
		{"high_bytes", m->high_bytes},
		{"low_bytes", m->low_bytes},
		{"swap_bytes", m->swap_bytes},
	};
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof(terms) / sizeof(*terms); i++) {
		if (json_object_set_new(out, terms[i].key,
					json_integer((json_int_t)terms[i].bytes)) < 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static json_t *slices_json(const struct plan *p)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct slice *s = &p->slices[i];
		struct in_addr address = {htonl(s->address)};
		char dotted[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, &address, dotted, sizeof(dotted));
		append(&out,
		       json_pack("{s:i, s:s, s:s, s:s, s:i, s:s, s:i, s:s, s:o, s:o}", "id",
				 (int)s->id, "name", s->name, "cpus", CPUSET_STRING(&s->cpus),
				 "nodes", CPUSET_STRING(&s->nodes), "cores", (int)s->cores,
				 "packages", CPUSET_STRING(&s->packages), "slots", (int)s->slots,
				 "address", dotted, "memory", memory_json(&s->memory),
				 "jvm_options", strings_json(&s->jvm_options)));
	}
	return out;
}

static json_t *host_json(const struct plan_host *h)
{
	return json_pack("{s:s, s:b, s:s, s:I}", "cpus", CPUSET_STRING(&h->cpus), "shared",
			 (int)h->shared, "nodes", CPUSET_STRING(&h->nodes), "memory_bytes",
			 (json_int_t)h->memory_bytes);
}

static json_t *unused_json(const struct plan *p)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < p->unused_count; i++)
		append(&out, json_pack("{s:s, s:s}", "cpus", CPUSET_STRING(&p->unused[i].cpus),
				       "why", p->unused[i].why));
	return out;
}

static json_t *loans_json(const struct plan *p)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < p->loan_count; i++) {
		const struct loan *l = &p->loans[i];

		append(&out, json_pack("{s:i, s:i, s:s, s:s, s:b}", "from", (int)l->from, "to",
				       (int)l->to, "cpus", CPUSET_STRING(&l->cpus), "mode",
				       loan_mode_name(l->mode), "by_hand", (int)l->by_hand));
	}
	return out;
}

static json_t *decision_json(const struct plan *p)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < p->candidate_count; i++) {
		const struct plan_candidate *c = &p->candidates[i];
		json_t *terms = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "startup",
					  c->terms.startup, "work", c->terms.work, "gc",
					  c->terms.gc, "remote", c->terms.remote, "shuffle",
					  c->terms.shuffle, "tail", c->terms.tail);

		append(&out, json_pack("{s:s, s:i, s:i, s:b, s:s, s:f, s:o}", "by",
				       partition_by_name(c->by), "slices", (int)c->slices, "cores",
				       (int)c->cores, "feasible", (int)c->feasible, "why", c->why,
				       "throughput", c->throughput, "terms", terms));
	}
	return json_pack("{s:i, s:o}", "chosen", (int)p->chosen, "candidates", out);
}

static json_t *warnings_json(const struct plan *p)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < p->warning_count; i++)
		append(&out, json_pack("{s:s, s:s}", "code", warning_code_name(p->warnings[i].code),
				       "message", p->warnings[i].message));
	return out;
}

static json_t *notes_json(const struct plan *p)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < p->note_count; i++)
		append(&out, json_string(p->notes[i]));
	return out;
}

json_t *plan_json_build(const struct plan *p, const struct topology *t)
{
	json_t *summary = t ? topology_json_summary(t) : NULL;

	if (t && !summary)
		return NULL;
	return json_pack("{s:s, s:s, s:o*, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "schema",
			 "cleave.plan/1", "name", p->name, "topology", summary, "slices",
			 slices_json(p), "host", host_json(&p->host), "unused", unused_json(p),
			 "decision", decision_json(p), "loans", loans_json(p), "warnings",
			 warnings_json(p), "notes", notes_json(p), "allowed_cpus",
			 CPUSET_STRING(&p->allowed), "usable_cpus", CPUSET_STRING(&p->usable));
}

int plan_json_format(const struct plan *p, const struct topology *t, char **text, struct err *e)
{
	json_t *json = plan_json_build(p, t);
	char *out = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;

	json_decref(json);
	if (!out)
		return err_set(e, -ENOMEM, "no memory for the plan's JSON");
	*text = out;
	return 0;
}
