#include "launcher/protocol/state.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/plan_json.h"
#include "launcher/system/files.h"
#include "launcher/system/json.h"
#include "profiles/load.h"

static const char state_schema[] = "cleave.state/1";
static const char home_schema[] = "cleave.home/1";

static const char *const phase_names[] = {
	[PHASE_DOWN] = "down",	       [PHASE_STARTING] = "starting", [PHASE_UP] = "up",
	[PHASE_DEGRADED] = "degraded", [PHASE_STOPPING] = "stopping",
};
enum { PHASES = sizeof(phase_names) / sizeof(phase_names[0]) };

const char *cluster_phase_name(enum cluster_phase phase)
{
	return (unsigned)phase < PHASES ? phase_names[phase] : "unknown";
}

/* ---- the parts of a state: a format_ and a parse_ each */

static json_t *format_process(const struct process_id *id)
{
	return json_pack("{s:i, s:I}", "pid", (int)id->pid, "start_time",
			 (json_int_t)id->start_time);
}

static int parse_process(json_t *object, struct process_id *out, struct err *e)
{
	int64_t start_time;
	int pid = 0;
	int r = json_read_int(object, "pid", 0, INT_MAX, &pid, e);

	if (!r)
		r = json_read_integer(object, "start_time", 0, INT64_MAX, &start_time, e);
	if (!r)
		*out = (struct process_id){pid, (uint64_t)start_time};
	return r;
}

static json_t *format_workers(const struct state *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->plan.slice_count; i++)
		json_array_append_new(list, json_pack("{s:o, s:i}", "process",
						      format_process(&s->workers[i].id), "restarts",
						      (int)s->workers[i].restarts));
	return list;
}

static int parse_workers(json_t *list, struct state *out, struct err *e)
{
	if (!json_is_array(list) || json_array_size(list) != out->plan.slice_count)
		return err_wrong(e, "workers: a list of %u is expected, one a slice",
				 out->plan.slice_count);
	for (unsigned i = 0; i < out->plan.slice_count; i++) {
		json_t *item = json_array_get(list, i);
		json_t *process;
		int restarts = 0;
		int r = json_read_object(item, "process", &process, e);

		if (!r)
			r = parse_process(process, &out->workers[i].id, e);
		if (!r)
			r = json_read_int(item, "restarts", 0, INT_MAX, &restarts, e);
		if (r)
			return err_wrap(e, "workers");
		out->workers[i].restarts = (unsigned)restarts;
	}
	return 0;
}

static json_t *format_spark(const struct spark *s)
{
	json_t *launch = json_array();

	strings_for_each(word, &s->launch) json_array_append_new(launch, json_string(word));
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:o}", "home", s->home, "version",
			 s->version, "scala_version", s->scala_version, "java", s->java,
			 "java_version", s->java_version, "python", s->python, "launch", launch);
}

static int parse_launch(json_t *list, struct strings *out, struct err *e)
{
	if (!json_is_array(list))
		return err_wrong(e, "launch: a list is expected");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word = json_string_value(json_array_get(list, i));

		if (!word)
			return err_wrong(e, "launch: a list of strings is expected");
		if (strings_add(out, word))
			return err_wrong(e, "launch: more than %d bytes", STRINGS_POOL);
	}
	return 0;
}

static int parse_spark(json_t *object, struct spark *out, struct err *e)
{
	int r = json_read_text(object, "home", out->home, sizeof(out->home), e);

	if (!r)
		r = json_read_text(object, "version", out->version, sizeof(out->version), e);
	if (!r)
		r = json_read_text(object, "scala_version", out->scala_version,
				   sizeof(out->scala_version), e);
	if (!r)
		r = json_read_text(object, "java", out->java, sizeof(out->java), e);
	if (!r)
		r = json_read_int(object, "java_version", 0, 1000, &out->java_version, e);
	if (!r)
		r = json_read_text(object, "python", out->python, sizeof(out->python), e);
	return r ? r : parse_launch(json_object_get(object, "launch"), &out->launch, e);
}

static json_t *format_cluster(const struct cluster *c)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "name", c->name, "state", c->state,
			 "data", c->data, "uid", (json_int_t)c->uid, "gid", (json_int_t)c->gid,
			 "user", c->user);
}

static int parse_cluster(json_t *object, struct cluster *out, struct err *e)
{
	int64_t uid = 0, gid = 0;
	int r = json_read_text(object, "name", out->name, sizeof(out->name), e);

	if (!r && !profile_name_is_valid(out->name))
		r = err_wrong(e, "name: %s is not a cluster's name", out->name);
	if (!r)
		r = json_read_text(object, "state", out->state, sizeof(out->state), e);
	if (!r)
		r = json_read_text(object, "data", out->data, sizeof(out->data), e);
	if (!r)
		r = json_read_integer(object, "uid", 0, UINT32_MAX - 1, &uid, e);
	if (!r)
		r = json_read_integer(object, "gid", 0, UINT32_MAX - 1, &gid, e);
	if (!r)
		r = json_read_text(object, "user", out->user, sizeof(out->user), e);
	out->uid = (uid_t)uid;
	out->gid = (gid_t)gid;
	return r;
}

static json_t *format_endpoints(const struct endpoints *m)
{
	return json_pack("{s:s, s:i, s:i}", "address", m->address, "port", m->port, "ui_port",
			 m->ui_port);
}

static int parse_endpoints(json_t *object, struct endpoints *out, struct err *e)
{
	int r = json_read_text(object, "address", out->address, sizeof(out->address), e);

	if (!r)
		r = json_read_int(object, "port", 0, 65535, &out->port, e);
	return r ? r : json_read_int(object, "ui_port", 0, 65535, &out->ui_port, e);
}

int cluster_phase_parse(const char *name, enum cluster_phase *out, struct err *e)
{
	for (unsigned i = 0; i < PHASES; i++)
		if (strcmp(name, phase_names[i]) == 0) {
			*out = (enum cluster_phase)i;
			return 0;
		}
	return err_wrong(e, "%.40s is not one of down, starting, up, degraded, stopping", name);
}

static int parse_phase(json_t *root, enum cluster_phase *out, struct err *e)
{
	char name[16];
	int r = json_read_text(root, "phase", name, sizeof(name), e);

	return r ? r : cluster_phase_parse(name, out, e);
}

static int parse_profile(json_t *root, struct profile *out, struct err *e)
{
	json_t *value = json_object_get(root, "profile");

	if (!json_is_string(value))
		return err_wrong(e, "profile: a string is expected");
	return profile_parse(json_string_value(value), json_string_length(value), "profile", out,
			     e);
}

static int parse_plan(json_t *root, struct plan *out, struct err *e)
{
	json_t *object;
	int r = json_read_object(root, "plan", &object, e);
	cleanup_free char *text = NULL;

	if (r)
		return r;
	text = json_dumps(object, JSON_COMPACT);
	if (!text)
		return err_set(e, -ENOMEM, "no memory for a plan");
	r = plan_json_parse(text, strlen(text), out, e);
	return r ? err_wrap(e, "plan") : 0;
}

/* ---- the whole */

static json_t *state_to_json(const struct state *s, const char *profile, json_t *plan)
{
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "schema",
			 state_schema, "cluster", format_cluster(&s->cluster), "phase",
			 cluster_phase_name(s->phase), "why", s->why, "profile", profile, "plan",
			 plan, "spark", format_spark(&s->spark), "master",
			 format_endpoints(&s->master), "location", s->location, "supervisor",
			 format_process(&s->supervisor), "master_process",
			 format_process(&s->master_process), "workers", format_workers(s));
}

int state_format(const struct state *s, char **text, struct err *e)
{
	cleanup_free char *profile = NULL;
	cleanup_free char *plan_text = NULL;
	json_auto_t *root = NULL;
	json_t *plan;
	int r = profile_emit(&s->profile, &profile, e);

	if (!r)
		r = plan_json_format(&s->plan, NULL, &plan_text, e);
	if (r)
		return r;
	plan = json_loads(plan_text, 0, NULL);
	root = plan ? state_to_json(s, profile, plan) : NULL;
	*text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	return *text ? 0
		     : err_set(e, -ENOMEM, "the state of %s cannot be written as JSON",
			       s->cluster.name);
}

static int parse_members(json_t *root, struct state *out, struct err *e)
{
	json_t *cluster, *spark, *master, *supervisor, *master_process;
	int r = json_check_schema(root, state_schema, e);

	if (r || (r = json_read_object(root, "cluster", &cluster, e)) ||
	    (r = json_read_object(root, "spark", &spark, e)) ||
	    (r = json_read_object(root, "master", &master, e)) ||
	    (r = json_read_object(root, "supervisor", &supervisor, e)) ||
	    (r = json_read_object(root, "master_process", &master_process, e)) ||
	    (r = parse_cluster(cluster, &out->cluster, e)) ||
	    (r = parse_phase(root, &out->phase, e)) ||
	    (r = json_read_text(root, "why", out->why, sizeof(out->why), e)) ||
	    (r = parse_profile(root, &out->profile, e)) || (r = parse_plan(root, &out->plan, e)) ||
	    (r = parse_spark(spark, &out->spark, e)) ||
	    (r = parse_endpoints(master, &out->master, e)) ||
	    (r = json_read_text(root, "location", out->location, sizeof(out->location), e)) ||
	    (r = parse_process(supervisor, &out->supervisor, e)) ||
	    (r = parse_process(master_process, &out->master_process, e)))
		return r;
	return parse_workers(json_object_get(root, "workers"), out, e);
}

int state_parse(const char *text, size_t size, struct state *out, struct err *e)
{
	json_auto_t *root = NULL;
	cleanup_free struct state *state = calloc(1, sizeof(*state));
	int r;

	if (!state)
		return err_set(e, -ENOMEM, "no memory for a state");
	root = json_read(text, size, e);
	if (!root)
		return e->code;
	r = parse_members(root, state, e);
	if (!r)
		*out = *state;
	return r;
}

/* A file that exists and cannot be understood is told apart (-EBADMSG) from one that cannot be read. */
static int unreadable(const char *path, struct err *e)
{
	err_wrap(e, "%s", path);
	e->code = -EBADMSG;
	e->exit = ERR_FAILED;
	return -EBADMSG;
}

static int parse_state_of(const struct cluster *c, const char *text, size_t size, struct state *out,
			  struct err *e)
{
	cleanup_free struct state *state = malloc(sizeof(*state));
	int r = state ? state_parse(text, size, state, e)
		      : err_set(e, -ENOMEM, "no memory for a state");

	if (r)
		return r;
	if (strcmp(state->cluster.name, c->name) != 0)
		return err_set(e, -EBADMSG, "this is the state of a cluster %s",
			       state->cluster.name);
	*out = *state;
	return 0;
}

int state_read(const struct cluster *c, struct state *out, struct err *e)
{
	char path[PROFILE_PATH];
	cleanup_free char *text = NULL;
	size_t size;
	int r = cluster_file(c, "state.json", path, e);

	if (!r)
		r = file_read(path, STATE_MAX_BYTES, &text, &size, e);
	if (r)
		return r == -EFBIG ? unreadable(path, e) : r;
	return parse_state_of(c, text, size, out, e) ? unreadable(path, e) : 0;
}

int state_write(const struct state *s, struct err *e)
{
	char path[PROFILE_PATH];
	cleanup_free char *text = NULL;
	int r = cluster_file(&s->cluster, "state.json", path, e);

	if (!r)
		r = state_format(s, &text, e);
	return r ? r : file_replace(path, text, strlen(text), 0600, e);
}

/* ---- home.json */

static int parse_home(json_t *root, struct plan *out, struct err *e)
{
	json_t *list;
	int r = json_check_schema(root, home_schema, e);

	if (!r)
		r = json_read_text(root, "name", out->name, sizeof(out->name), e);
	if (!r)
		r = json_read_list(root, "slices", SLICES_MAX, &list, e);
	for (unsigned i = 0; !r && i < json_array_size(list); i++) {
		json_t *item = json_array_get(list, i);
		struct slice *slice = &out->slices[i];

		slice->id = i;
		r = json_read_text(item, "name", slice->name, sizeof(slice->name), e);
		if (!r)
			r = json_read_cpuset(item, "cpus", &slice->cpus, e);
		if (!r)
			r = json_read_cpuset(item, "nodes", &slice->nodes, e);
		out->slice_count = i + 1;
	}
	return r;
}

int home_read(const struct cluster *c, struct plan *out, struct err *e)
{
	char path[PROFILE_PATH];
	cleanup_free char *text = NULL;
	cleanup_free struct plan *plan = calloc(1, sizeof(*plan));
	json_auto_t *root = NULL;
	size_t size;
	int r = cluster_file(c, "home.json", path, e);

	if (!plan)
		return err_set(e, -ENOMEM, "no memory for a plan");
	if (!r)
		r = file_read(path, STATE_MAX_BYTES, &text, &size, e);
	if (r)
		return r;
	root = json_read(text, size, e);
	if (!root || parse_home(root, plan, e))
		return unreadable(path, e);
	*out = *plan;
	return 0;
}

int home_write(const struct cluster *c, const struct plan *p, struct err *e)
{
	char path[PROFILE_PATH], cpus[CPUSET_TEXT], nodes[CPUSET_TEXT];
	json_t *slices = json_array();
	json_auto_t *root = NULL;
	cleanup_free char *text = NULL;
	int r = cluster_file(c, "home.json", path, e);

	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct slice *s = &p->slices[i];

		json_array_append_new(
			slices, json_pack("{s:s, s:s, s:s}", "name", s->name, "cpus",
					  cpuset_format(&s->cpus, cpus, sizeof(cpus)), "nodes",
					  cpuset_format(&s->nodes, nodes, sizeof(nodes))));
	}
	root = json_pack("{s:s, s:s, s:o}", "schema", home_schema, "name", p->name, "slices",
			 slices);
	if (r)
		return r;
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	if (!text)
		return err_set(e, -ENOMEM, "no memory for %s", path);
	return file_replace(path, text, strlen(text), 0600, e);
}

struct spark_cluster state_spark(const struct state *s)
{
	return (struct spark_cluster){
		.cluster = &s->cluster,
		.profile = &s->profile,
		.plan = &s->plan,
		.spark = &s->spark,
		.master = s->master,
	};
}

struct driver_request state_groups(const struct state *s, const char *cgroup_root)
{
	return (struct driver_request){
		.cluster = s->cluster.name,
		.cgroup_root = cgroup_root,
		.backend = s->profile.backend,
		.location = s->location[0] ? s->location : NULL,
	};
}
