/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/contained.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containers/engine/attach.h"
#include "decision/base/cleanup.h"
#include "launcher/show/foreign.h"

static void engine_closep(struct engine **g)
{
	if (*g)
		engine_close(*g);
}
#define cleanup_engine __attribute__((cleanup(engine_closep)))

/* A terminal has one stream: where stdout goes elsewhere, it is not to have stderr in it. */
static bool has_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
}

static int attach(const struct state *s, const struct container_spec *spec, const char *exec,
		  struct foreground *f, struct err *e)
{
	const struct attach a = {
		.socket = s->engine.socket,
		.container = spec->name,
		.exec = exec,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		.has_terminal = spec->takes_terminal,
	};
	int r = foreground_attach(f, &a, e);

	return r ? r : foreground_wait(f, NULL, NULL, e);
}

int contained_run(const struct state *s, struct driver *d, struct process *p, char *const *words,
		  struct foreground *f, struct err *e)
{
	const struct spark_cluster c = state_spark(s);
	cleanup_free struct container_spec *spec = calloc(1, sizeof(*spec));
	cleanup_engine struct engine *g = NULL;
	char directory[PROFILE_PATH], id[CONTAINER_ID];
	struct err ignored; /* the engine removes it, or down does */
	int status;

	if (!spec)
		return err_set(e, -ENOMEM, "no memory for a container");
	if (!getcwd(directory, sizeof(directory)))
		return err_errno(e, -errno, "cannot tell the current directory");
	argv_putf(&p->env, GROUP_VARIABLE, "%s/%s", s->cluster.name, GROUP_HOST);
	spark_put_path(&s->contained, &p->env);
	if (p->env.failed)
		return err_set(e, -ENOMEM, "no memory for an environment");
	if (spark_command_container(&c, directory, words, spec, e) ||
	    d->ops->parent(d, GROUP_HOST, spec->parent, e) || engine_open(s->engine.socket, &g, e))
		return e->code;
	spec->argv = p->argv.items;
	spec->envp = p->env.items;
	spec->takes_input = true;
	spec->takes_terminal = has_terminal();
	if (container_create(g, spec, id, e))
		return e->code;
	status = attach(s, spec, NULL, f, e);
	container_remove(g, spec->name, &ignored);
	return status;
}

/* Whether it could be executed; 0, -ENOENT, -EACCES or the engine's errors. */
static int check_program(struct engine *g, const char *container, const char *file, struct err *e)
{
	struct container_path there;
	int r = container_stat(g, container, file, &there, e);

	if (!r && S_ISLNK(there.mode))
		r = container_stat(g, container, there.target, &there, e);
	if (r == -ENOENT)
		return err_set(e, r, "there is no such program in container %s", container);
	if (!r && (!S_ISREG(there.mode) || !(there.mode & (S_IXUSR | S_IXGRP | S_IXOTH))))
		return err_set(e, -EACCES, "in container %s it is not a program", container);
	return r;
}

/* execvp(3)'s, in the container: where there is none an engine prints why and says "126". */
static int find_program(struct engine *g, const char *container, const char *word,
			char *const *envp, struct err *e)
{
	const char *path = "";
	char file[PROFILE_PATH];
	int r = -ENOENT;

	if (strchr(word, '/')) {
		if (word[0] == '/')
			return check_program(g, container, word, e);
		snprintf(file, sizeof(file), "/%s", word); /* as the directory is */
		return check_program(g, container, file, e);
	}
	for (; *envp; envp++)
		if (strncmp(*envp, "PATH=", strlen("PATH=")) == 0)
			path = *envp + strlen("PATH=");
	while (r == -ENOENT && path) {
		const char *colon = strchrnul(path, ':');

		snprintf(file, sizeof(file), "%.*s/%s", (int)(colon - path), path, word);
		r = check_program(g, container, file, e);
		path = *colon ? colon + 1 : NULL;
	}
	return r;
}

int contained_exec(const struct state *s, const char *group, char *const *argv, char *const *envp,
		   struct foreground *f, struct err *e)
{
	cleanup_free struct container_spec *spec = calloc(1, sizeof(*spec));
	cleanup_engine struct engine *g = NULL;
	struct container_state there;
	char id[CONTAINER_ID];
	int status;

	if (!spec)
		return err_set(e, -ENOMEM, "no memory for a container");
	spark_container_name(s->cluster.name, group, spec->name);
	spark_container_user(&s->engine, geteuid(), getegid(), spec->user);
	string_copy(spec->directory, "/");
	spec->argv = argv;
	spec->envp = envp;
	spec->takes_input = true;
	spec->takes_terminal = has_terminal();
	if (engine_open(s->engine.socket, &g, e) ||
	    container_find(g, spec->name, s->cluster.name, &there, e) ||
	    find_program(g, there.id, argv[0], envp, e) || exec_create(g, there.id, spec, id, e))
		return e->code;
	status = attach(s, spec, id, f, e);
	/* A second Ctrl-C has ended its stand-in, which nobody in the container notices. */
	exec_signal(g, id, SIGKILL);
	return status;
}

/* A child reads the engine's stream, so that what it says is escaped here, as it comes. */
static int copy_escaped(int from)
{
	char bytes[16384 + 1];
	size_t held = 0;
	ssize_t n;

	while ((n = read(from, bytes + held, sizeof(bytes) - 1 - held)) > 0) {
		size_t size = held + (size_t)n, used;

		bytes[size] = '\0';
		used = foreign_put_bytes(bytes, size, stdout);
		held = size - used;
		memmove(bytes, bytes + used, held);
		if (fflush(stdout))
			return -errno;
	}
	bytes[held] = '\0';
	foreign_put(bytes, stdout);
	return fflush(stdout) ? -errno : 0;
}

int contained_logs(const struct state *s, const char *name, enum container_logs how, struct err *e)
{
	cleanup_engine struct engine *g = NULL;
	cleanup_close int reader = -1, writer = -1;
	struct container_state there;
	char container[CONTAINER_NAME];
	int ends[2], r, status;
	pid_t child;

	spark_container_name(s->cluster.name, name, container);
	if (engine_open(s->engine.socket, &g, e))
		return e->code;
	r = container_find(g, container, s->cluster.name, &there, e);
	if (r)
		return r == -ENOENT ? 0 : r;
	if (pipe2(ends, O_CLOEXEC))
		return err_errno(e, -errno, "cannot make a pipe");
	reader = ends[0];
	writer = ends[1];
	fflush(NULL);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(reader);
		r = container_logs(g, there.id, how, 0, writer, e);
		if (r && r != -ENOENT && r != -EPIPE)
			fprintf(stderr, "cleave: %s\n", e->msg);
		_exit(r && r != -ENOENT && r != -EPIPE);
	}
	close(take_fd(writer));
	if (child < 0)
		return err_errno(e, -errno, "cannot ask the engine: fork");
	r = copy_escaped(reader);
	close(take_fd(reader));
	if (waitpid(child, &status, 0) == child && status && !r)
		return err_set(e, -EIO, "the engine did not say all that %s has printed",
			       container);
	return r ? err_errno(e, r, "cannot write standard output") : 0;
}
