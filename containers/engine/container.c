/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: what is asked for, and their lives. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "containers/engine/answer.h"
#include "containers/engine/api.h"
#include "containers/proc/process.h"
#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

enum { LIST_MAX = 1024 };

/* ---- what is asked for */

/* A list of words; NULL: out of memory, or one is no UTF-8. */
static json_t *words(char *const *word)
{
	json_auto_t *list = json_array();

	for (; word && *word; word++)
		if (json_array_append_new(list, json_string(*word)))
			return NULL;
	return take_pointer(list);
}

static json_t *mounts_of(const struct container_spec *spec)
{
	json_auto_t *list = json_array();

	/* As "Mounts" and not "Binds": a source that is not there is an error, not a new directory.
	 */
	for (unsigned i = 0; i < spec->mount_count; i++) {
		const struct mount *m = &spec->mounts[i];

		if (json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "Type", "bind",
							  "Source", m->source, "Target", m->target,
							  "ReadOnly", !m->is_writable)))
			return NULL;
	}
	return take_pointer(list);
}

static bool is_mounted(const struct container_spec *spec, const char *target)
{
	for (unsigned i = 0; i < spec->mount_count; i++)
		if (!strcmp(spec->mounts[i].target, target))
			return true;
	return false;
}

/* Where one has to write (/tmp/hsperfdata_*) though the root is read-only; charged to the slice. */
static json_t *tmpfs_of(const struct container_spec *spec)
{
	static const char *const places[][2] = {
		{"/tmp", "rw,nosuid,nodev,noexec,size=64m,mode=1777"},
		{"/run", "rw,nosuid,nodev,noexec,size=16m,mode=755"}};
	json_auto_t *all = json_object();

	for (unsigned i = 0; i < 2; i++)
		if (!is_mounted(spec, places[i][0]) &&
		    json_object_set_new(all, places[i][0], json_string(places[i][1])))
			return NULL;
	return take_pointer(all);
}

/* More than the engine has itself is what it often may not give: so only what is wished. */
static json_t *ulimits_of(const struct container_spec *spec)
{
	return spec->open_files ? json_pack("[{s:s, s:I, s:I}]", "Name", "nofile", "Soft",
					    (json_int_t)spec->open_files, "Hard",
					    (json_int_t)spec->open_files)
				: json_array();
}

static json_t *host_config(const struct container_spec *spec)
{
	/*
	 * UsernsMode: users are the host's also where the engine shifts them else, for the mounts
	 * are theirs. label=disable: SELinux would hide what is mounted, and relabelling it is not
	 * ours to do. PidsLimit: none but the slice's; Podman has one of its own.
	 */
	return json_pack(
		"{s:s, s:s, s:b, s:b, s:o, s:o, s:[s], s:[s, s], s:s, s:s, s:b, s:i, s:{s:s}, "
		"s:{s:s, s:{s:s, s:s}}, s:o, s:i}",
		"NetworkMode", "host", "CgroupParent", spec->parent, "ReadonlyRootfs", true,
		"AutoRemove", spec->keeps_no_record, "Mounts", mounts_of(spec), "Tmpfs",
		tmpfs_of(spec), "CapDrop", "ALL", "SecurityOpt", "no-new-privileges",
		"label=disable", "UsernsMode", "host", "IpcMode", "private", "Init", false,
		"OomScoreAdj", 0, "RestartPolicy", "Name", "no", "LogConfig", "Type", "json-file",
		"Config", "max-size", "16m", "max-file", "2", "Ulimits", ulimits_of(spec),
		"PidsLimit", -1);
}

char *container_body(const struct container_spec *spec)
{
	static char *none[] = {NULL};
	char *const *rest = spec->argv && spec->argv[0] ? spec->argv + 1 : none;
	const bool is_attached = spec->takes_input || spec->takes_terminal;
	json_auto_t *body = json_pack(
		"{s:s, s:[s], s:o, s:o, s:s, s:s, s:{s:s, s:s}, s:b, s:b, s:b, s:b, s:b, s:b, "
		"s:{s:[s]}, s:o}",
		"Image", spec->image, "Entrypoint", rest == none ? "" : spec->argv[0], "Cmd",
		words(rest), "Env", words(spec->envp), "User", spec->user, "WorkingDir",
		spec->directory, "Labels", LABEL_CLUSTER, spec->cluster, LABEL_SLICE, spec->slice,
		"Tty", spec->takes_terminal, "OpenStdin", spec->takes_input, "StdinOnce",
		spec->takes_input, "AttachStdin", spec->takes_input, "AttachStdout", is_attached,
		"AttachStderr", is_attached, "Healthcheck", "Test", "NONE", "HostConfig",
		host_config(spec));

	return body ? json_dumps(body, JSON_COMPACT) : NULL;
}

int container_create(struct engine *g, const struct container_spec *spec, char id[CONTAINER_ID],
		     struct err *e)
{
	struct api_request q = {.method = "POST", .timeout_ms = API_WORK_MS};
	cleanup_free char *body = container_body(spec);
	cleanup_answer struct api_answer answer = {0};
	char path[API_PATH];

	if (!body)
		return err_set(e, -EINVAL,
			       "container %s: a word, a variable or a path of it is no UTF-8",
			       spec->name);
	q.path = path;
	q.body = body;
	if (api_path(path, e, "/containers/create?name=%s", spec->name))
		return e->code;
	if (api_call(g, &q, &answer, e, "container %s", spec->name)) {
		/* Podman 4 answers 500. */
		if (e->code == -EBUSY || (e->code == -EIO && strstr(e->msg, "already in use")))
			e->code = -EEXIST;
		return e->code;
	}
	if (created_parse(answer.body, answer.size, id, e))
		return err_wrap(e, "container %s", spec->name);
	return 0;
}

int exec_create(struct engine *g, const char *container, const struct container_spec *command,
		char id[CONTAINER_ID], struct err *e)
{
	struct api_request q = {.method = "POST", .timeout_ms = API_SOON_MS};
	cleanup_answer struct api_answer answer = {0};
	cleanup_free char *body = NULL;
	char path[API_PATH];
	json_auto_t *json = json_pack("{s:b, s:b, s:b, s:b, s:o, s:o, s:s, s:s}", "AttachStdin",
				      command->takes_input, "AttachStdout", true, "AttachStderr",
				      true, "Tty", command->takes_terminal, "Cmd",
				      words(command->argv), "Env", words(command->envp), "User",
				      command->user, "WorkingDir", command->directory);

	body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (!body)
		return err_set(e, -EINVAL,
			       "container %s: a word or a variable of the command is no UTF-8",
			       container);
	q.path = path;
	q.body = body;
	if (api_path(path, e, "/containers/%s/exec", container) ||
	    api_call(g, &q, &answer, e, "container %.*s", api_shown(container), container))
		return e->code;
	if (created_parse(answer.body, answer.size, id, e))
		return err_wrap(e, "container %.*s", api_shown(container), container);
	return 0;
}

int exec_inspect(struct engine *g, const char *id, struct exec_state *out, struct err *e)
{
	struct api_request q = {.method = "GET", .timeout_ms = API_SOON_MS};
	cleanup_answer struct api_answer answer = {0};
	char path[API_PATH];

	q.path = path;
	if (api_path(path, e, "/exec/%s/json", id) ||
	    api_call(g, &q, &answer, e, "command %.*s", api_shown(id), id))
		return e->code;
	return exec_parse(answer.body, answer.size, out, e);
}

/*
 * Its process, if it is ours to see, is of this machine and in the container's group, whose name has
 * the container's id in it with every engine. A number alone may be anybody's.
 */
bool exec_signal(struct engine *g, const char *id, int number)
{
	struct exec_state state = {0};
	cleanup_close int pidfd = -1;
	cleanup_free char *groups = NULL;
	struct err e;

	if (exec_inspect(g, id, &state, &e) || !state.is_running || state.pid <= 0)
		return false;
	pidfd = pidfd_open(state.pid, 0);
	if (pidfd < 0 || strlen(state.container) != CONTAINER_ID - 1 ||
	    !(groups = proc_read_all(state.pid, "cgroup")) || !strstr(groups, state.container))
		return false;
	if (getpgid(state.pid) == state.pid)
		return kill(-state.pid, number) == 0;
	return pidfd_send_signal(pidfd, number, NULL, 0) == 0;
}

/* ---- their lives */

/* Ask for "/containers/ID" + `path`, whose own answer says no more than that it is so. */
static int ask(struct engine *g, const char *method, const char *id, const char *path,
	       unsigned timeout_ms, struct err *e)
{
	struct api_request q = {.method = method, .timeout_ms = timeout_ms};
	cleanup_answer struct api_answer answer = {0};
	char whole[API_PATH];
	size_t used;

	if (api_path(whole, e, "/containers/%s", id))
		return e->code;
	used = strlen(whole);
	snprintf(whole + used, sizeof(whole) - used, "%s", path);
	q.path = whole;
	return api_call(g, &q, &answer, e, "container %.*s", api_shown(id), id);
}

int container_start(struct engine *g, const char *id, struct err *e)
{
	return ask(g, "POST", id, "/start", API_WORK_MS, e);
}

int container_inspect(struct engine *g, const char *id, struct container_state *out, struct err *e)
{
	struct api_request q = {.method = "GET", .timeout_ms = API_SOON_MS};
	cleanup_answer struct api_answer answer = {0};
	char path[API_PATH];

	q.path = path;
	if (api_path(path, e, "/containers/%s/json", id) ||
	    api_call(g, &q, &answer, e, "container %.*s", api_shown(id), id))
		return e->code;
	if (container_parse(answer.body, answer.size, out, e))
		return err_wrap(e, "container %.*s", api_shown(id), id);
	return 0;
}

int container_find(struct engine *g, const char *name, const char *cluster,
		   struct container_state *out, struct err *e)
{
	struct container_state found;

	if (container_inspect(g, name, &found, e))
		return e->code;
	if (strcmp(found.cluster, cluster) == 0) {
		*out = found;
		return 0;
	}
	err_impossible(e,
		       "the engine has a container %s that is not of this cluster (it has no label "
		       "%s=%s): remove or rename it, or give the cluster another name",
		       name, LABEL_CLUSTER, cluster);
	return e->code = -EEXIST;
}

int container_stop(struct engine *g, const char *id, unsigned grace_s, struct err *e)
{
	char path[32];

	snprintf(path, sizeof(path), "/stop?t=%u", grace_s);
	return ask(g, "POST", id, path, API_WORK_MS + grace_s * 1000, e);
}

int container_kill(struct engine *g, const char *id, int signal_number, struct err *e)
{
	char path[32];

	snprintf(path, sizeof(path), "/kill?signal=%d", signal_number);
	return ask(g, "POST", id, path, API_SOON_MS, e);
}

int container_unpause(struct engine *g, const char *id, struct err *e)
{
	return ask(g, "POST", id, "/unpause", API_SOON_MS, e);
}

int container_remove(struct engine *g, const char *id, struct err *e)
{
	int r = ask(g, "DELETE", id, "?force=1&v=1", API_WORK_MS, e);

	/* Somebody else, or the engine itself, is removing it already. */
	if (r == -EBUSY)
		r = ask(g, "POST", id, "/wait?condition=removed", API_WORK_MS, e);
	return r == -ENOENT ? 0 : r;
}

int container_wait(struct engine *g, const char *id, unsigned timeout_ms, int *exit_code,
		   struct err *e)
{
	struct api_request q = {.method = "POST", .timeout_ms = timeout_ms ? timeout_ms : 1};
	cleanup_answer struct api_answer answer = {0};
	char path[API_PATH];

	q.path = path;
	if (api_path(path, e, "/containers/%s/wait?condition=not-running", id))
		return e->code;
	if (api_call(g, &q, &answer, e, "container %.*s", api_shown(id), id))
		return e->code == -ETIMEDOUT
			       ? err_set(e, -ETIMEDOUT, "container %.*s did not end within %g s",
					 api_shown(id), id, timeout_ms / 1e3)
			       : e->code;
	if (waited_parse(answer.body, answer.size, exit_code, e))
		return err_wrap(e, "container %.*s", api_shown(id), id);
	return 0;
}

int container_list(struct engine *g, const char *cluster, struct container_state *out, size_t size,
		   struct err *e)
{
	struct api_request q = {.method = "GET", .timeout_ms = API_SOON_MS};
	cleanup_answer struct api_answer answer = {0};
	cleanup_free char(*ids)[CONTAINER_ID] = calloc(LIST_MAX, CONTAINER_ID);
	char filters[128], path[API_PATH];
	int listed, count, kept = 0;

	if (!ids)
		return err_set(e, -ENOMEM, "out of memory");
	snprintf(filters, sizeof(filters), "{\"label\":[\"" LABEL_CLUSTER "=%s\"]}", cluster);
	q.path = path;
	if (api_path(path, e, "/containers/json?all=1&filters=%s", filters) ||
	    api_call(g, &q, &answer, e, "the containers of %s", cluster))
		return e->code;
	listed = count = container_list_parse(answer.body, answer.size, ids, LIST_MAX, e);
	if (listed < 0)
		return err_wrap(e, "the containers of %s", cluster);
	for (int i = 0; i < listed && i < LIST_MAX && (size_t)kept < size; i++) {
		int r = container_inspect(g, ids[i], &out[kept], e);

		if (r && r != -ENOENT)
			return r;
		if (r) /* gone meanwhile */
			count--;
		else
			kept++;
	}
	return count;
}

int container_stat(struct engine *g, const char *id, const char *path, struct container_path *out,
		   struct err *e)
{
	struct api_request q = {.method = "HEAD",
				.timeout_ms = API_SOON_MS,
				.header = "X-Docker-Container-Path-Stat"};
	cleanup_answer struct api_answer answer = {0};
	char whole[API_PATH];

	q.path = whole;
	if (api_path(whole, e, "/containers/%s/archive?path=%s", id, path))
		return e->code;
	if (api_call(g, &q, &answer, e, "%s in container %.*s", path, api_shown(id), id)) {
		/* A HEAD has no body to say it in. */
		if (e->code == -ENOENT)
			err_set(e, -ENOENT, "container %.*s has no %s", api_shown(id), id, path);
		return e->code;
	}
	if (!answer.header)
		return err_set(e, -EBADMSG, "container %.*s: the engine says nothing of %s",
			       api_shown(id), id, path);
	if (path_stat_parse(answer.header, out, e))
		return err_wrap(e, "%s in container %.*s", path, api_shown(id), id);
	return 0;
}
