/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/contained.h"

#include <errno.h>
#include <unistd.h>

#include "containers/engine/attach.h"
#include "decision/base/cleanup.h"

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

int contained_run(const struct state *s, struct driver *d, const struct process *p,
		  char *const *words, struct foreground *f, struct err *e)
{
	const struct spark_cluster c = state_spark(s);
	cleanup_free struct container_spec *spec = calloc(1, sizeof(*spec));
	cleanup_engine struct engine *g = NULL;
	cleanup_argv struct argv env = {0};
	char directory[PROFILE_PATH], id[CONTAINER_ID];
	struct err ignored; /* the engine removes it, or down does */
	int status;

	if (!spec)
		return err_set(e, -ENOMEM, "no memory for a container");
	if (!getcwd(directory, sizeof(directory)))
		return err_errno(e, -errno, "cannot tell the current directory");
	for (size_t i = 0; i < p->env.count; i++)
		argv_add(&env, p->env.items[i]);
	argv_putf(&env, GROUP_VARIABLE, "%s/%s", s->cluster.name, GROUP_HOST);
	if (env.failed)
		return err_set(e, -ENOMEM, "no memory for an environment");
	if (spark_command_container(&c, directory, words, spec, e) ||
	    d->ops->parent(d, GROUP_HOST, spec->parent, e) || engine_open(s->engine.socket, &g, e))
		return e->code;
	spec->argv = p->argv.items;
	spec->envp = env.items;
	spec->takes_input = true;
	spec->takes_terminal = has_terminal();
	if (container_create(g, spec, id, e))
		return e->code;
	status = attach(s, spec, NULL, f, e);
	container_remove(g, spec->name, &ignored);
	return status;
}

int contained_exec(const struct state *s, const char *group, char *const *argv, char *const *envp,
		   struct foreground *f, struct err *e)
{
	cleanup_free struct container_spec *spec = calloc(1, sizeof(*spec));
	cleanup_engine struct engine *g = NULL;
	char id[CONTAINER_ID];

	if (!spec)
		return err_set(e, -ENOMEM, "no memory for a container");
	spark_container_name(s->cluster.name, group, spec->name);
	snprintf(spec->user, sizeof(spec->user), "%u:%u", geteuid(), getegid());
	string_copy(spec->directory, "/");
	spec->argv = argv;
	spec->envp = envp;
	spec->takes_input = true;
	spec->takes_terminal = has_terminal();
	if (engine_open(s->engine.socket, &g, e) || exec_create(g, spec->name, spec, id, e))
		return e->code;
	return attach(s, spec, id, f, e);
}

int contained_logs(const struct state *s, const char *name, enum container_logs how, struct err *e)
{
	cleanup_engine struct engine *g = NULL;
	char container[CONTAINER_NAME];
	int r = engine_open(s->engine.socket, &g, e);

	spark_container_name(s->cluster.name, name, container);
	if (!r)
		r = container_logs(g, container, how, 0, STDOUT_FILENO, e);
	return r == -ENOENT ? 0 : r;
}
