/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/where/layout.h"

#include <errno.h>
#include <fcntl.h>

#include "containers/proc/control_file.h"
#include "containers/where/unit.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/strings.h"
#include "decision/plan/observation.h"

const char *controller_name(enum controller c, int version)
{
	static const char *const names[CONTROLLER_COUNT] = {
		[CONTROLLER_CPUSET] = "cpuset",	  [CONTROLLER_CPU] = "cpu",
		[CONTROLLER_CPUACCT] = "cpuacct", [CONTROLLER_MEMORY] = "memory",
		[CONTROLLER_IO] = "io",
	};

	return c == CONTROLLER_IO && version == 1 ? "blkio" : names[c];
}

char *mount_field(char *field)
{
	char *end = field + strcspn(field, " "), *next = *end ? end + 1 : NULL, *to = field;

	*end = '\0';
	for (const char *c = field; *c; c++) {
		if (c[0] == '\\' && strspn(c + 1, "01234567") >= 3) {
			*to++ = (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
			c += 3;
		} else {
			*to++ = *c;
		}
	}
	*to = '\0';
	return next;
}

struct mount {
	char *root, *point, *own_options, *type, *options;
};

/* "ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAG]… - TYPE SOURCE SUPER_OPTIONS" (proc(5)). */
static bool parse_mount(char *line, struct mount *out)
{
	char *field = line, *tail = strstr(line, " - ");

	if (!tail)
		return false;
	*tail = '\0';
	for (unsigned skipped = 0; skipped < 3; skipped++) {
		field = mount_field(field);
		if (!field)
			return false;
	}
	out->root = field;
	out->point = mount_field(out->root);
	out->own_options = out->point ? mount_field(out->point) : NULL;
	if (!out->own_options)
		return false;
	mount_field(out->own_options);
	out->type = tail + 3;
	field = mount_field(out->type);
	out->options = field ? mount_field(field) : NULL;
	return out->options != NULL;
}

static int take_mount(struct hierarchy *h, int version, const struct mount *m, const char *own,
		      struct err *e)
{
	size_t size = strcmp(m->root, "/") ? strlen(m->root) : 0;
	/* Our group, seen from a mount of the hierarchy's group `root`, may be outside of it. */
	bool below = !strncmp(own, m->root, size) && (!own[size] || own[size] == '/') &&
		     strncmp(own + size, "/..", 3) != 0;
	const char *rest = below && strcmp(own + size, "/") != 0 ? own + size : "";

	/*
	 * Several mounts of one hierarchy: the first is kept, unless only a later one shows our
	 * group.
	 */
	if (h->version && (h->own[0] || !rest[0]))
		return 0;
	if (strlen(m->point) >= LAYOUT_PATH || strlen(rest) >= LAYOUT_PATH || size >= LAYOUT_PATH)
		return err_set(e, -ENAMETOOLONG,
			       "the cgroup mount %.100s… has a path of %d bytes or more", m->point,
			       LAYOUT_PATH);
	string_copy(h->mount, m->point);
	string_copy(h->own, rest);
	string_copy(h->root, size ? m->root : "");
	h->is_read_only =
		control_has_word(m->own_options, "ro") || control_has_word(m->options, "ro");
	h->has_no_prefix = control_has_word(m->options, "noprefix");
	h->version = version;
	return 0;
}

const char *cgroup_own_path(const char *proc_cgroup, const char *name, char *path, size_t size)
{
	for (const char *line = proc_cgroup; line && *line; line = strchr(line, '\n')) {
		const char *list, *own;
		char words[256];

		line += *line == '\n';
		list = strchr(line, ':');
		own = list ? strchr(list + 1, ':') : NULL;
		if (!own)
			continue;
		snprintf(words, sizeof(words), "%.*s", (int)(own - list - 1), list + 1);
		if (name[0] ? !control_has_word(words, name) : words[0] != '\0')
			continue;
		snprintf(path, size, "%.*s", (int)strcspn(own + 1, "\n"), own + 1);
		return path;
	}
	return NULL;
}

/* A later mount lies above those at its place and below it. */
static void cover(struct hierarchy *h, const char *point)
{
	size_t size = strlen(point);

	if (!strncmp(h->mount, point, size) && (!h->mount[size] || h->mount[size] == '/'))
		*h = (struct hierarchy){0};
}

static int take_line(struct cgroup_layout *out, const char *self_cgroup, char *line, struct err *e)
{
	char own[LAYOUT_PATH * 2];
	struct mount m;

	if (!parse_mount(line, &m))
		return err_set(e, -EBADMSG, "this line is not of mountinfo's form: %.200s",
			       FOREIGN(line));
	if (strncmp(m.type, "cgroup", 6) != 0)
		return 0;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		cover(&out->controllers[c], m.point);
	cover(&out->unified, m.point);
	if (!strcmp(m.type, "cgroup2"))
		return cgroup_own_path(self_cgroup, "", own, sizeof(own))
			       ? take_mount(&out->unified, 2, &m, own, e)
			       : 0;
	if (strcmp(m.type, "cgroup"))
		return 0;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		const char *name = controller_name(c, 1);
		int r = 0;

		if (control_has_word(m.options, name) &&
		    cgroup_own_path(self_cgroup, name, own, sizeof(own)))
			r = take_mount(&out->controllers[c], 1, &m, own, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_layout_parse(const char *self_cgroup, const char *mountinfo, const char *v2_controllers,
			struct cgroup_layout *out, struct err *e)
{
	cleanup_free char *copy = strdup(mountinfo);
	struct cgroup_layout layout = {0};
	bool is_found;
	char *line, *next = copy;
	struct err why;
	int bad = 0;

	if (!copy)
		return err_errno(e, -ENOMEM, "reading mountinfo");
	/* Mounts are made by anybody: one that cannot be ours is no reason to fail. */
	while ((line = strsep(&next, "\n")))
		if (line[0] && take_line(&layout, self_cgroup, line, &why) < 0 && !bad) {
			bad = why.code;
			*e = why;
		}
	is_found = layout.unified.version != 0;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		is_found |= layout.controllers[c].version != 0;
	if (bad && !is_found)
		return bad;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		if (!layout.controllers[c].version && layout.unified.version &&
		    control_has_word(v2_controllers, controller_name(c, 2)))
			layout.controllers[c] = layout.unified;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		char own[LAYOUT_PATH];

		layout.controllers[c].is_unmounted =
			!layout.controllers[c].version &&
			cgroup_own_path(self_cgroup, controller_name(c, 1), own, sizeof(own));
	}
	/* v2's cpu controller is cpuacct, too. */
	if (layout.controllers[CONTROLLER_CPU].version == 2)
		layout.controllers[CONTROLLER_CPUACCT] = layout.unified;
	*out = layout;
	return 0;
}

/* Thousands of mounts with options of a page each are others', and are not kept. */
char *cgroup_mountinfo_read(int root, struct err *e)
{
	cleanup_fclose FILE *file = control_open_lines(root, "proc/self/mountinfo");
	cleanup_free char *line = NULL, *text = NULL;
	size_t room = 0, length;
	FILE *kept = file ? open_memstream(&text, &length) : NULL;
	bool is_read;

	if (!kept) {
		err_errno(e, -errno, "cannot read %s", CONTROL_NAME(root, "proc/self/mountinfo"));
		return NULL;
	}
	errno = 0;
	while (getline(&line, &room, file) >= 0)
		if (strstr(line, " - cgroup"))
			fputs(line, kept);
	is_read = !ferror(file) && feof(file);
	if (fclose(kept) || !is_read) {
		err_errno(e, errno ? -errno : -ENOMEM, "cannot read %s",
			  CONTROL_NAME(root, "proc/self/mountinfo"));
		return NULL;
	}
	return take_pointer(text);
}

bool cgroup_mount_next(char **text, struct cgroup_mount *out)
{
	char *line;

	while ((line = strsep(text, "\n"))) {
		struct mount m;

		if (!parse_mount(line, &m) || strncmp(m.type, "cgroup", 6) ||
		    (m.type[6] && strcmp(m.type, "cgroup2")))
			continue;
		*out = (struct cgroup_mount){m.type[6] ? 2 : 1, strcmp(m.root, "/") ? m.root : "",
					     m.point, m.options};
		return true;
	}
	return false;
}

/* `path`, of which `from` is the begin, with `to` in its place. */
static bool replace_begin(const char *path, const char *from, const char *to, char *out,
			  size_t size)
{
	size_t length = strlen(from);
	const char *rest = path + length;

	return !strncmp(path, from, length) && (!*rest || *rest == '/') &&
	       snprintf(out, size, "%s%s", to, rest) < (int)size;
}

bool cgroup_mount_from_top(const struct cgroup_mount *m, const char *path, char *out, size_t size)
{
	return replace_begin(path, m->point, m->root, out, size);
}

bool cgroup_mount_to_path(const struct cgroup_mount *m, const char *from_top, char *out,
			  size_t size)
{
	return replace_begin(from_top, m->root, m->point, out, size);
}

int cgroup_layout_read(int root, struct cgroup_layout *out, struct err *e)
{
	cleanup_free char *mountinfo = cgroup_mountinfo_read(root, e);
	cleanup_free char *self = mountinfo ? control_read_all(root, "proc/self/cgroup", e) : NULL;
	char controllers[512] = "", path[LAYOUT_PATH + 64]; /* names of a dozen controllers */
	int r;

	if (!self)
		return e->code;
	r = cgroup_layout_parse(self, mountinfo, "", out, e);
	if (r < 0 || !out->unified.version)
		return r < 0 ? r : 0;
	snprintf(path, sizeof(path), "%s/cgroup.controllers", out->unified.mount + 1);
	r = control_read(root, path, controllers, sizeof(controllers), e);
	if (r < 0 && r != -ENOENT)
		return r;
	return cgroup_layout_parse(self, mountinfo, controllers, out, e);
}

void cgroup_path_above_cleave(char *path)
{
	for (char *part = strchr(path, '/'); part; part = strchr(part + 1, '/')) {
		size_t size = strcspn(part + 1, "/");
		char name[UNIT_NAME], cluster[NAME_MAX_BYTES + 1], group[NAME_MAX_BYTES + 1];

		snprintf(name, sizeof(name), "%.*s", (int)size, part + 1);
		if ((size == 6 && !strncmp(part + 1, "cleave", 6)) ||
		    unit_parse(name, cluster, group) ||
		    (size > 13 && !strncmp(part + 1, "cleave-", 7) &&
		     !strncmp(part + 1 + size - 6, ".scope", 6))) {
			*part = '\0';
			return;
		}
	}
}

bool group_name_is_ours(const char *name)
{
	uint64_t number;

	if (!strcmp(name, GROUP_HOST) || !strcmp(name, GROUP_SUPERVISOR))
		return true;
	return !strncmp(name, "slice-", 6) && control_number(name + 6, &number) &&
	       number < SLICES_MAX && !strpbrk(name, " \t\n");
}
