/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "launcher/system/directory.h"

enum { SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 };

/* ---- where things are */

/* Put `text` into a path; the error names what does not fit. */
__attribute__((format(printf, 3, 4))) static int path_format(char path[PROFILE_PATH], struct err *e,
							     const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(path, PROFILE_PATH, format, args);
	va_end(args);
	if (n < 0 || n >= PROFILE_PATH)
		return err_set(e, -ENAMETOOLONG,
			       "the path %.100s… has more than %d bytes: use a "
			       "shorter --state-dir",
			       path, PROFILE_PATH - 1);
	return 0;
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] == '/' ? value : NULL;
}

/* Behind su and sudo a shell may have somebody else's directories still. */
static bool is_anothers(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid != geteuid();
}

const char *cluster_runtime_dir(void)
{
	const char *runtime = environment("XDG_RUNTIME_DIR");

	return runtime && !is_anothers(runtime) ? runtime : NULL;
}

/* HOME, or where it is not set or another's, what the password database has if that is there. */
static const char *own_home(void)
{
	const char *home = environment("HOME");
	const struct passwd *user;

	if (home && !is_anothers(home))
		return home;
	user = getpwuid(geteuid());
	return user && user->pw_dir[0] == '/' && access(user->pw_dir, F_OK) == 0 ? user->pw_dir
										 : home;
}

void cluster_own_top(char path[PROFILE_PATH])
{
	snprintf(path, PROFILE_PATH, "/tmp/cleave-%u", (unsigned)geteuid());
}

/* The directories that hold one directory a cluster, for the caller himself. */
static int own_tops(char state[PROFILE_PATH], char data[PROFILE_PATH], struct err *e)
{
	const char *runtime = cluster_runtime_dir(), *home = own_home();
	const char *states = environment("XDG_STATE_HOME");
	int r;

	if (geteuid() == 0) {
		r = path_format(state, e, "/run/cleave");
		return r ? r : path_format(data, e, "/var/lib/cleave");
	}
	cluster_own_top(state);
	if (runtime && path_format(state, e, "%s/cleave", runtime))
		return e->code;
	if (states)
		return path_format(data, e, "%s/cleave", states);
	if (home)
		return path_format(data, e, "%s/.local/state/cleave", home);
	return err_set(e, -ENOENT,
		       "neither XDG_STATE_HOME nor HOME is set: name a directory with --state-dir");
}

/* The same below --state-dir. Relative: from the working directory, which a supervisor leaves. */
static int tops(const char *state_dir, char state[PROFILE_PATH], char data[PROFILE_PATH],
		struct err *e)
{
	cleanup_free char *cwd = NULL;
	char top[PROFILE_PATH];
	int r;

	if (!state_dir)
		return own_tops(state, data, e);
	if (!state_dir[0])
		return err_wrong(e, "--state-dir: the directory's name is empty");
	if (state_dir[0] != '/' && !(cwd = getcwd(NULL, 0)))
		return err_errno(e, -errno, "the working directory");
	r = path_format(top, e, "%s%s%s", cwd ? cwd : "", cwd ? "/" : "", state_dir);
	if (!r)
		r = path_format(state, e, "%s/state", top);
	return r ? r : path_format(data, e, "%s/data", top);
}

int cluster_paths(const char *state_dir, const char *name, struct cluster *out, struct err *e)
{
	char state[PROFILE_PATH], data[PROFILE_PATH];
	struct cluster c = {.uid = geteuid(), .gid = getegid()};
	size_t socket;
	int r;

	if (!profile_name_is_valid(name))
		return err_wrong(e, "%s: not a cluster's name: [a-z0-9][a-z0-9-]{0,30} is", name);
	string_copy(c.name, name);
	r = tops(state_dir, state, data, e);
	if (!r)
		r = path_format(c.state, e, "%s/%s", state, name);
	if (!r)
		r = path_format(c.data, e, "%s/%s", data, name);
	if (r)
		return r;
	socket = strlen(c.state) + strlen("/control");
	if (socket > SOCKET_PATH_MAX)
		return err_set(
			e, -ENAMETOOLONG,
			"the control socket's path %s/control has %zu bytes, a socket's may have %d: "
			"use a shorter --state-dir",
			c.state, socket, (int)SOCKET_PATH_MAX);
	*out = c;
	return 0;
}

int cluster_file(const struct cluster *c, const char *file, char path[PROFILE_PATH], struct err *e)
{
	return path_format(path, e, "%s/%s", c->state, file);
}

int cluster_open_state(const struct cluster *c, struct err *e)
{
	return directory_open(c->state, DIRECTORY_OWN, e);
}

int cluster_open_data(const struct cluster *c, struct err *e)
{
	return directory_open(c->data, DIRECTORY_OWN, e);
}

bool cluster_has_file(const struct cluster *c, const char *file)
{
	struct err ignored; /* what cannot be had is not there */
	cleanup_close int state = cluster_open_state(c, &ignored);

	return state >= 0 && faccessat(state, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int is_cluster(const struct dirent *d)
{
	return profile_name_is_valid(d->d_name) && (d->d_type == DT_DIR || d->d_type == DT_UNKNOWN);
}

int cluster_list(const char *state_dir, struct strings *names, struct err *e)
{
	char state[PROFILE_PATH], data[PROFILE_PATH];
	struct strings found = {0};
	struct dirent **entries = NULL;
	int r = tops(state_dir, state, data, e);
	cleanup_close int top = r ? -1 : directory_open(state, DIRECTORY_OWN, e);
	int count = 0;

	if (r || (top < 0 && top != -ENOENT))
		return r ? r : top;
	if (top >= 0)
		count = scandirat(top, ".", &entries, is_cluster, alphasort);
	if (count < 0)
		return err_errno(e, -errno, "%s", state);
	for (int i = 0; i < count; i++) {
		if (!r && strings_add(&found, entries[i]->d_name))
			r = err_set(e, -E2BIG, "%s holds more clusters than can be listed", state);
		free(entries[i]);
	}
	free(entries);
	if (!r)
		*names = found;
	return r;
}

/* ---- directories */

/* Anybody can make names in /tmp: there, the directory must be ours and closed. */
static int make_private_top(const struct cluster *c, struct err *e)
{
	char top[PROFILE_PATH];
	struct stat st;

	cluster_own_top(top);
	if (strncmp(c->state, top, strlen(top)) != 0 || c->state[strlen(top)] != '/')
		return 0;
	if (mkdir(top, 0700) && errno != EEXIST)
		return err_errno(e, -errno, "cannot make the directory %s", top);
	if (lstat(top, &st))
		return err_errno(e, -errno, "%s", top);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return err_set(e, -EPERM,
			       "%s is not a private directory of user %u: remove it, or set "
			       "XDG_RUNTIME_DIR, or use --state-dir",
			       top, (unsigned)geteuid());
	return 0;
}

int cluster_make(const struct cluster *c, struct err *e)
{
	cleanup_close int state = -1, data = -1;
	int r = make_private_top(c, e);

	if (r)
		return r;
	state = directory_make(c->state, 0711, e);
	if (state < 0)
		return state;
	data = directory_make(c->data, 0711, e);
	return data < 0 ? data : 0;
}

int cluster_clear_data(const struct cluster *c, struct err *e)
{
	cleanup_close int data = cluster_open_data(c, e);
	cleanup_closedir DIR *list = data < 0 ? NULL : control_list(data, ".");
	struct dirent *entry;
	int r = 0;

	if (!list)
		return data == -ENOENT ? 0 : data < 0 ? data : err_errno(e, -errno, "%s", c->data);
	while (!r && (entry = readdir(list)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, "supervisor.log") != 0)
			r = directory_remove_at(data, entry->d_name, e);
	return r;
}

/* The directory above NAME is cleave's own; rmdir leaves it where another cluster lives in it. */
static void remove_empty_parent(const char *path)
{
	char parent[PROFILE_PATH];
	char *slash;

	string_copy(parent, path);
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		rmdir(parent);
	}
}

int cluster_remove(const struct cluster *c, enum cluster_remains remains, struct err *e)
{
	int r = directory_remove(c->state, e);

	if (!r)
		remove_empty_parent(c->state);
	if (!r && remains == REMAINS_NOTHING)
		r = directory_remove(c->data, e);
	else if (!r)
		rmdir(c->data); /* no logs in it: nothing remains */
	if (!r)
		remove_empty_parent(c->data);
	return r;
}
