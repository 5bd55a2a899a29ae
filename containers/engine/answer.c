/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/engine/answer.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/strings.h"

/* ---- JSON */

/*
 * The most values that a text can have, for a few bytes of it ("[],[],…") are a hundred times as
 * many of the parser's.
 */
static size_t most_values(const char *text, size_t size)
{
	size_t count = 1;

	for (size_t i = 0; i < size; i++)
		count += text[i] == ',' || text[i] == '[' || text[i] == '{' || text[i] == ':';
	return count;
}

/* A new reference; NULL with an error. */
static json_t *parse(const char *text, size_t size, struct err *e)
{
	json_error_t error;
	json_t *root;

	if (most_values(text, size) > ANSWER_VALUES) {
		err_set(e, -EBADMSG, "the container engine's answer has too many values");
		return NULL;
	}
	root = json_loadb(text, size, 0, &error);
	if (!root)
		err_set(e, -EBADMSG, "the container engine's answer is no JSON: %s", error.text);
	return root;
}

/* The member of a member; NULL where there is none. */
static json_t *member(json_t *root, const char *outer, const char *inner)
{
	return json_object_get(outer ? json_object_get(root, outer) : root, inner);
}

/* Its text, cut where it does not fit; "" where there is none. */
static void copy_cut(json_t *text, char *to, size_t size)
{
	const char *from = json_string_value(text);
	const size_t length = from ? string_cut(from, size - 1) : 0;

	if (length)
		memcpy(to, from, length);
	to[length] = '\0';
}

/* Its text, or "" where it does not fit: what is cut would be another one's. */
static void copy_whole(json_t *text, char *to, size_t size)
{
	if (!json_is_string(text) || string_copy_n(to, size, json_string_value(text)))
		to[0] = '\0';
}

static int count_of(json_t *number)
{
	const json_int_t value = json_integer_value(number);

	return value < 0 ? 0 : value > INT_MAX ? INT_MAX : (int)value;
}

/* Of an id nothing is left out, and no answer can do without; it goes into paths. */
static bool copy_id(json_t *text, char *to, size_t size)
{
	copy_whole(text, to, size);
	return to[0] && to[strspn(to, "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.:-")] == '\0';
}

static int lacks(struct err *e, const char *what)
{
	return err_set(e, -EBADMSG, "the container engine's answer has no %s", what);
}

/* As uname(1) says it: Go has words of its own, and engines say now this, now that. */
static void copy_architecture(json_t *text, char to[ENGINE_WORD])
{
	static const char *const words[][2] = {
		{"amd64", "x86_64"}, {"arm64", "aarch64"}, {"386", "i686"}, {"arm", "armv7l"}};

	copy_cut(text, to, ENGINE_WORD);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(to, words[i][0]))
			snprintf(to, ENGINE_WORD, "%s", words[i][1]);
}

/* ---- the engine */

int version_parse(const char *text, size_t size, struct engine_about *out, char least[16],
		  struct err *e)
{
	json_auto_t *root = parse(text, size, e);
	struct engine_about about = {.name = "docker"};
	json_t *component;
	size_t i;

	if (!root)
		return e->code;
	copy_cut(member(root, NULL, "Version"), about.version, sizeof(about.version));
	copy_whole(member(root, NULL, "ApiVersion"), about.api, sizeof(about.api));
	if (!about.api[0])
		return lacks(e, "ApiVersion");
	json_array_foreach(member(root, NULL, "Components"), i, component)
	{
		const char *name = json_string_value(member(component, NULL, "Name"));

		if (name && !strncmp(name, "Podman", 6))
			snprintf(about.name, sizeof(about.name), "podman");
	}
	copy_whole(member(root, NULL, "MinAPIVersion"), least, 16);
	*out = about;
	return 0;
}

int info_parse(const char *text, size_t size, struct engine_about *out, struct err *e)
{
	json_auto_t *root = parse(text, size, e);
	char version[8];
	json_t *option;
	size_t i;

	if (!root)
		return e->code;
	if (!json_is_object(root))
		return lacks(e, "CgroupDriver");
	copy_architecture(member(root, NULL, "Architecture"), out->architecture);
	copy_cut(member(root, NULL, "CgroupDriver"), out->cgroup_driver,
		 sizeof(out->cgroup_driver));
	/* Engines that do not say are those of before version 2. */
	copy_cut(member(root, NULL, "CgroupVersion"), version, sizeof(version));
	out->cgroup_version = version[0] == '2' ? 2 : 1;
	out->has_cpuset = json_is_true(member(root, NULL, "CPUSet"));
	out->has_memory_limit = json_is_true(member(root, NULL, "MemoryLimit"));
	out->keeps_containers = json_is_true(member(root, NULL, "LiveRestoreEnabled"));
	out->is_rootless = json_is_true(member(root, NULL, "Rootless"));
	json_array_foreach(member(root, NULL, "SecurityOptions"), i, option)
	{
		const char *word = json_string_value(option);

		if (word && !strcmp(word, "name=rootless"))
			out->is_rootless = true;
	}
	return 0;
}

/* ---- images */

int image_parse(const char *text, size_t size, struct image *out, struct err *e)
{
	json_auto_t *root = parse(text, size, e);
	const struct {
		const char *name;
		char *to;
	} wanted[] = {{"SPARK_HOME=", out->spark_home},
		      {"JAVA_HOME=", out->java_home},
		      {"PATH=", out->path}};
	json_t *variable;
	size_t i;
	char id[sizeof(out->id)];

	if (!root)
		return e->code;
	if (!copy_id(member(root, NULL, "Id"), id, sizeof(id)))
		return lacks(e, "Id");
	*out = (struct image){0};
	memcpy(out->id, id, sizeof(id));
	copy_architecture(member(root, NULL, "Architecture"), out->architecture);
	copy_whole(member(root, "Config", "User"), out->user, sizeof(out->user));
	json_array_foreach(member(root, "Config", "Env"), i, variable)
	{
		const char *pair = json_string_value(variable);

		for (size_t k = 0; pair && k < sizeof(wanted) / sizeof(*wanted); k++) {
			const size_t length = strlen(wanted[k].name);

			if (!strncmp(pair, wanted[k].name, length) &&
			    string_copy_n(wanted[k].to, PROFILE_PATH, pair + length))
				wanted[k].to[0] = '\0';
		}
	}
	return 0;
}

int pull_line_parse(const char *text, size_t size, char *shown, size_t shown_size, struct err *e)
{
	json_auto_t *root = parse(text, size, e);
	const char *id, *status, *progress, *error;
	char line[512];

	if (!root)
		return e->code;
	error = json_string_value(member(root, NULL, "error"));
	if (error)
		return err_set(e, -EIO, "%s", error);
	id = json_string_value(member(root, NULL, "id"));
	status = json_string_value(member(root, NULL, "status"));
	progress = json_string_value(member(root, NULL, "progress"));
	snprintf(line, sizeof(line), "%s%s%s%s%s", id ? id : "", id ? ": " : "",
		 status ? status : "", progress ? " " : "", progress ? progress : "");
	line[string_cut(line, sizeof(line) - 1)] = '\0';
	foreign_escape(line, shown, shown_size);
	return 0;
}

/* ---- containers */

static bool state_read(json_t *root, struct container_state *s)
{
	json_t *state = member(root, NULL, "State"), *labels = member(root, "Config", "Labels");
	const char *name = json_string_value(member(root, NULL, "Name"));

	if (!copy_id(member(root, NULL, "Id"), s->id, sizeof(s->id)))
		return false;
	if (name) /* "/cleave-demo-slice-0" */
		snprintf(s->name, sizeof(s->name), "%s", name + (name[0] == '/'));
	s->name[string_cut(s->name, sizeof(s->name) - 1)] = '\0';
	copy_whole(member(root, NULL, "Image"), s->image_id, sizeof(s->image_id));
	copy_whole(member(labels, NULL, LABEL_CLUSTER), s->cluster, sizeof(s->cluster));
	copy_whole(member(labels, NULL, LABEL_SLICE), s->slice, sizeof(s->slice));
	s->has_terminal = json_is_true(member(root, "Config", "Tty"));
	copy_whole(member(root, "HostConfig", "CgroupParent"), s->parent, sizeof(s->parent));
	copy_cut(member(root, "HostConfig", "CpusetCpus"), s->cpus, sizeof(s->cpus));
	copy_whole(member(state, NULL, "Status"), s->status, sizeof(s->status));
	s->pid = count_of(member(state, NULL, "Pid"));
	s->exit_code = count_of(member(state, NULL, "ExitCode"));
	s->is_oom_killed = json_is_true(member(state, NULL, "OOMKilled"));
	copy_cut(member(state, NULL, "Error"), s->error, sizeof(s->error));
	return s->status[0];
}

int container_parse(const char *text, size_t size, struct container_state *out, struct err *e)
{
	json_auto_t *root = parse(text, size, e);
	struct container_state state = {0};

	if (!root)
		return e->code;
	if (!state_read(root, &state))
		return lacks(e, "Id or State.Status");
	*out = state;
	return 0;
}

int container_list_parse(const char *text, size_t size, char (*ids)[CONTAINER_ID], size_t count,
			 struct err *e)
{
	json_auto_t *root = parse(text, size, e);
	char id[CONTAINER_ID];
	json_t *item;
	size_t i;

	if (!root)
		return e->code;
	if (!json_is_array(root))
		return lacks(e, "list");
	json_array_foreach(root, i, item)
	{
		if (!copy_id(member(item, NULL, "Id"), id, sizeof(id)))
			return lacks(e, "Id");
	}
	for (i = 0; i < count && i < json_array_size(root); i++)
		copy_whole(member(json_array_get(root, i), NULL, "Id"), ids[i], CONTAINER_ID);
	return (int)json_array_size(root);
}

int created_parse(const char *text, size_t size, char id[CONTAINER_ID], struct err *e)
{
	json_auto_t *root = parse(text, size, e);
	char made[CONTAINER_ID];

	if (!root)
		return e->code;
	if (!copy_id(member(root, NULL, "Id"), made, sizeof(made)))
		return lacks(e, "Id");
	memcpy(id, made, sizeof(made));
	return 0;
}

int waited_parse(const char *text, size_t size, int *exit_code, struct err *e)
{
	json_auto_t *root = parse(text, size, e);
	const char *error;

	if (!root)
		return e->code;
	error = json_string_value(member(root, "Error", "Message"));
	if (error && error[0])
		return err_set(e, -EIO, "%s", error);
	if (!json_is_integer(member(root, NULL, "StatusCode")))
		return lacks(e, "StatusCode");
	*exit_code = count_of(member(root, NULL, "StatusCode"));
	return 0;
}

int exec_parse(const char *text, size_t size, struct exec_state *out, struct err *e)
{
	json_auto_t *root = parse(text, size, e);
	json_t *code = member(root, NULL, "ExitCode");
	const bool is_running = json_is_true(member(root, NULL, "Running"));

	if (!root)
		return e->code;
	if (!is_running && !json_is_integer(code))
		return lacks(e, "ExitCode");
	*out = (struct exec_state){.is_running = is_running,
				   .exit_code = count_of(code),
				   .pid = count_of(member(root, NULL, "Pid"))};
	copy_whole(member(root, NULL, "ContainerID"), out->container, sizeof(out->container));
	return 0;
}

/* ---- paths in containers */

/* RFC 4648; what is no digit ends it. Return how many bytes that is. */
static size_t base64_read(const char *text, char *to, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, held = 0;
	size_t used = 0;
	const char *digit;

	for (; *text && (digit = strchr(digits, *text)) && used < size; text++) {
		held = (held << 6 | (unsigned)(digit - digits)) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			to[used++] = (char)(held >> bits);
		}
	}
	return used;
}

/* Go's os.FileMode (pkg.go.dev/io/fs#FileMode) as the kernel has it. */
static mode_t mode_of(json_int_t go)
{
	static const struct {
		json_int_t go;
		mode_t ours;
	} kinds[] = {{1LL << 31, S_IFDIR},  {1LL << 27, S_IFLNK}, {1LL << 25, S_IFIFO},
		     {1LL << 24, S_IFSOCK}, {1LL << 21, S_IFCHR}, {1LL << 26, S_IFBLK}};
	static const struct {
		json_int_t go;
		mode_t ours;
	} bits[] = {{1LL << 23, S_ISUID}, {1LL << 22, S_ISGID}, {1LL << 20, S_ISVTX}};
	mode_t mode = (mode_t)(go & 0777), kind = S_IFREG;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (go & kinds[i].go) {
			kind = kinds[i].ours;
			break;
		}
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if (go & bits[i].go)
			mode |= bits[i].ours;
	return mode | kind;
}

int path_stat_parse(const char *header, struct container_path *out, struct err *e)
{
	struct container_path found = {0};
	json_auto_t *root = NULL;
	char text[8192];

	root = parse(text, base64_read(header, text, sizeof(text)), e);
	if (!root)
		return e->code;
	if (!json_is_integer(member(root, NULL, "mode")))
		return lacks(e, "mode");
	found.mode = mode_of(json_integer_value(member(root, NULL, "mode")));
	if (S_ISLNK(found.mode)) /* of others Podman says the path itself */
		copy_whole(member(root, NULL, "linkTarget"), found.target, sizeof(found.target));
	*out = found;
	return 0;
}

/* ---- failures */

void answer_message(const char *text, size_t size, char *to, size_t to_size)
{
	json_auto_t *root = NULL;
	struct err ignored;
	size_t length;

	to[0] = '\0';
	if (!size)
		return;
	root = parse(text, size, &ignored);
	if (root)
		copy_cut(member(root, NULL, "message"), to, to_size);
	else /* what is in between may say it in plain text */
		snprintf(to, to_size, "%s", text);
	length = string_cut(to, to_size - 1);
	while (length && strchr(" \n\r\t", to[length - 1]))
		length--;
	to[length] = '\0';
}
