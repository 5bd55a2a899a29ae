/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/state.h"

#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>

#include "decision/base/cleanup.h"
#include "decision/check/plan_check.h"
#include "launcher/protocol/plan_json.h"
#include "launcher/system/files.h"
#include "profiles/load.h"

const char *cluster_phase_name(unsigned phase)
{
	static const char *const names[] = {
		[PHASE_DOWN] = "down",	       [PHASE_STARTING] = "starting", [PHASE_UP] = "up",
		[PHASE_DEGRADED] = "degraded", [PHASE_STOPPING] = "stopping",
	};

	return names[phase];
}

/* ---- the parts of a state */

#define T struct cluster
static const struct json_field cluster_fields[] = {
	{"name", JSON_AT(T, name), .is_valid = profile_name_is_valid, .valid = "a cluster's name"},
	{"state", JSON_AT(T, state)},
	{"data", JSON_AT(T, data)},
	{"uid", JSON_AT(T, uid), .max = UINT32_MAX - 1},
	{"gid", JSON_AT(T, gid), .max = UINT32_MAX - 1},
	{"user", JSON_AT(T, user)},
	JSON_END,
};
#undef T

#define T struct spark
static const struct json_field spark_fields[] = {
	{"home", JSON_AT(T, home)},
	{"version", JSON_AT(T, version)},
	{"scala_version", JSON_AT(T, scala_version)},
	{"java", JSON_AT(T, java)},
	{"java_home", JSON_AT(T, java_home), .is_new = true},
	{"java_version", JSON_AT(T, java_version), .max = 1000},
	{"python", JSON_AT(T, python)},
	{"launch", JSON_AT(T, launch)},
	{"fingerprint", JSON_AT(T, fingerprint), .is_new = true},
	{"image", JSON_AT(T, image), .is_new = true},
	{"mounts_home", JSON_AT(T, mounts_home), .is_new = true},
	{"mounts_java", JSON_AT(T, mounts_java), .is_new = true},
	{"env", JSON_AT(T, env), .is_new = true},
	JSON_END,
};
#undef T

#define T struct spark_engine
const struct json_field engine_fields[] = {
	{"socket", JSON_AT(T, socket)},
	{"name", JSON_AT(T, name)},
	{"version", JSON_AT(T, version)},
	{"cgroup_driver", JSON_AT(T, cgroup_driver)},
	{"is_rootless", JSON_AT(T, is_rootless), .is_new = true},
	JSON_END,
};
#undef T

#define T struct endpoints
static const struct json_field endpoint_fields[] = {
	{"address", JSON_AT(T, address)},
	{"port", JSON_AT(T, port), .max = 65535},
	{"ui_port", JSON_AT(T, ui_port), .max = 65535},
	JSON_END,
};
#undef T

static const struct json_field process_fields[] = {
	{"pid", JSON_AT(struct process_id, pid)},
	{"start_time", JSON_AT(struct process_id, start_time)},
	JSON_END,
};

static const struct json_field worker_fields[] = {
	{"process", JSON_PART(struct worker_record, id, process_fields)},
	{"restarts", JSON_AT(struct worker_record, restarts)},
	{"ui_port", JSON_AT(struct worker_record, ui_port), .max = 65535, .is_new = true},
	JSON_END,
};

/* A profile is its YAML. */
static int write_profile(const struct json_field *f, const void *value, const struct json_walk *w,
			 json_t *object)
{
	const struct state *s = value;
	cleanup_free char *text = NULL;
	int r = profile_emit(&s->profile, &text, w->e);

	return r ? r : json_put(object, f->key, json_string(text), w->e);
}

static int read_profile(const struct json_field *f, void *value, const struct json_walk *w,
			json_t *object)
{
	const json_t *json = json_object_get(object, f->key);
	struct state *s = value;

	if (!json_is_string(json))
		return err_wrong(w->e, "%s: a string is expected", f->key);
	return profile_parse(json_string_value(json), json_string_length(json), f->key, &s->profile,
			     w->e);
}
static const struct json_type profile_type = {write_profile, read_profile};

/* ---- state.json */

#define T struct state
static const struct json_field state_fields[] = {
	{"cluster", JSON_PART(T, cluster, cluster_fields)},
	{"phase", JSON_WORD(T, phase, cluster_phase_name, PHASE_STOPPING + 1)},
	{"why", JSON_AT(T, why)},
	{"profile", JSON_OTHER(&profile_type)},
	{"plan", JSON_BY(JSON_AS_PART, T, plan), .table = &plan_table},
	{"spark", JSON_PART(T, spark, spark_fields)},
	{"engine", JSON_PART(T, engine, engine_fields), .is_new = true},
	{"contained", JSON_PART(T, contained, spark_fields), .is_new = true},
	{"master", JSON_PART(T, master, endpoint_fields)},
	{"location", JSON_AT(T, location)},
	{"other_scratch", JSON_AT(T, other_scratch), .is_new = true},
	{"supervisor", JSON_PART(T, supervisor, process_fields)},
	{"master_process", JSON_PART(T, master_process, process_fields)},
	{"workers", JSON_LIST(T, workers, plan.slice_count, worker_fields), .is_counted = true},
	JSON_END,
};

static int check_state(const void *value, struct err *e)
{
	const struct state *s = value;

	if (plan_check(&s->plan, NULL, e))
		return err_wrap(e, "plan");
	for (unsigned i = 0; !s->profile.spark.first_address && i < s->plan.slice_count; i++)
		if (s->plan.slices[i].address >> 24 != IN_LOOPBACKNET)
			return err_wrong(e,
					 "plan: slices[%u] has an address outside of 127.0.0.0/8, "
					 "which the profile does not ask for",
					 i);
	return 0;
}

const struct json_table state_table = {
	.fields = state_fields,
	.check = check_state,
	.schema = "cleave.state/2",
	.size = sizeof(T),
	.style = JSON_COMPACT,
};
#undef T

/*
 * A file of the cluster, at most as large as a state. -ENOENT; -EBADMSG: it is there and cannot be
 * understood.
 */
static int read_file(const struct cluster *c, const char *file, const struct json_table *t,
		     int (*check)(const struct cluster *c, const void *value, struct err *e),
		     void *out, struct err *e)
{
	cleanup_free void *value = malloc(t->size);
	cleanup_free char *text = NULL;
	cleanup_close int state = cluster_open_state(c, e);
	size_t size;
	int r;

	if (state < 0 || !value)
		return state < 0 ? state : err_set(e, -ENOMEM, "no memory for %s", file);
	r = file_read_at(state, file, STATE_MAX_BYTES, &text, &size, e);
	if (r && r != -EFBIG)
		return r;
	if (!r)
		r = json_table_parse(t, text, size, value, e);
	if (!r)
		r = check(c, value, e);
	if (!r) {
		memcpy(out, value, t->size);
		return 0;
	}
	err_wrap(e, "%s/%s", c->state, file);
	e->code = -EBADMSG;
	e->exit = ERR_FAILED;
	return e->code;
}

static int write_file(const struct cluster *c, const char *file, const struct json_table *t,
		      const void *value, struct err *e)
{
	cleanup_free char *text = NULL;
	cleanup_close int state = cluster_open_state(c, e);

	if (state < 0)
		return state;
	if (json_table_format(t, value, &text, e))
		return err_wrap(e, "%s/%s", c->state, file);
	return file_replace_at(state, file, text, strlen(text), FILE_OF_CALLER(0600), e);
}

static int check_name(const struct cluster *c, const void *value, struct err *e)
{
	const struct state *s = value;

	if (strcmp(s->cluster.name, c->name) != 0)
		return err_wrong(e, "this is the state of a cluster %s", s->cluster.name);
	return 0;
}

/* An older version kept its java alone, which lay in bin/ of its home. */
static void complete_java(struct spark *s)
{
	static const char below[] = "/bin/java";
	size_t length = strlen(s->java);

	if (!s->java_home[0] && length > sizeof(below) - 1 &&
	    strcmp(s->java + length - (sizeof(below) - 1), below) == 0)
		snprintf(s->java_home, sizeof(s->java_home), "%.*s",
			 (int)(length - (sizeof(below) - 1)), s->java);
}

int state_read(const struct cluster *c, struct state *out, struct err *e)
{
	int r = read_file(c, "state.json", &state_table, check_name, out, e);

	if (!r) {
		complete_java(&out->spark);
		complete_java(&out->contained);
	}
	return r;
}

int state_write(const struct state *s, struct err *e)
{
	return write_file(&s->cluster, "state.json", &state_table, s, e);
}

/* ---- home.json */

#define T struct slice
static const struct json_field home_slice_fields[] = {
	{"name", JSON_AT(T, name)},
	{"cpus", JSON_AT(T, cpus)},
	{"nodes", JSON_AT(T, nodes)},
	JSON_END,
};
#undef T

#define T struct plan
static const struct json_field home_fields[] = {
	{"name", JSON_AT(T, name)},
	{"slices", JSON_LIST(T, slices, slice_count, home_slice_fields)},
	JSON_END,
};
static const struct json_table home_table = {
	.fields = home_fields,
	.schema = "cleave.home/1",
	.size = sizeof(T),
	.style = JSON_COMPACT,
};
#undef T

/* A CPU that two slices own proves nothing. */
static int check_home(const struct cluster *c, const void *value, struct err *e)
{
	const struct plan *p = value;
	struct cpuset seen = {0};

	(void)c;
	for (unsigned i = 0; i < p->slice_count; i++) {
		if (cpuset_intersects(&p->slices[i].cpus, &seen))
			return err_wrong(e, "slices[%u]: another one has CPUs of it, too", i);
		seen = cpuset_or(&seen, &p->slices[i].cpus);
	}
	return 0;
}

int home_read(const struct cluster *c, struct plan *out, struct err *e)
{
	int r = read_file(c, "home.json", &home_table, check_home, out, e);

	for (unsigned i = 0; !r && i < out->slice_count; i++) {
		out->slices[i].id = i;
		out->slices[i].executors = 1; /* not known; it has some */
	}
	return r;
}

int home_write(const struct cluster *c, const struct plan *p, struct err *e)
{
	return write_file(c, "home.json", &home_table, p, e);
}

struct spark_cluster state_spark(const struct state *s)
{
	return (struct spark_cluster){
		.cluster = &s->cluster,
		.profile = &s->profile,
		.plan = &s->plan,
		.spark = &s->spark,
		.contained = s->engine.socket[0] ? &s->contained : NULL,
		.engine = s->engine.socket[0] ? &s->engine : NULL,
		.master = s->master,
	};
}

struct driver_request state_groups(const struct state *s, const char *cgroup_root)
{
	return (struct driver_request){
		.cluster = s->cluster.name,
		.cgroup_root = cgroup_root,
		.backend = s->profile.backend,
		.user = s->cluster.uid,
		.engine_cgroups = s->engine.socket[0] ? s->engine.cgroup_driver : NULL,
		.location = s->location[0] ? s->location : NULL,
	};
}
