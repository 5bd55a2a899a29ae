/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/commands/contained.h"
#include "launcher/commands/running.h"
#include "launcher/supervisor/daemon.h"
#include "launcher/system/environment.h"
#include "launcher/system/foreground.h"

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 }; /* as the shell has it */

/* "0", "slice-0", "host" or "master" → the group's name, or NULL. */
static const char *find_group(const struct state *s, const char *word, struct err *e)
{
	unsigned id;

	if (strcmp(word, GROUP_HOST) == 0 || strcmp(word, "master") == 0)
		return GROUP_HOST;
	if (word_slice(word, &id) && id < s->plan.slice_count)
		return s->plan.slices[id].name;
	err_wrong(e, "%s is no part of %s: its slices are 0 … %u, and there is host", word,
		  s->cluster.name, s->plan.slice_count - 1);
	return NULL;
}

/* execvp(3)'s search, in the PATH that the command will have. Return 0, -ENOENT or -EACCES. */
static int find_program(const char *word, const char *path, char found[PROFILE_PATH])
{
	int r = -ENOENT;

	if (strchr(word, '/')) {
		snprintf(found, PROFILE_PATH, "%s", word);
		return 0; /* exec itself knows best */
	}
	while (path) {
		const char *colon = strchrnul(path, ':');
		int length = (int)(colon - path);
		struct stat st;

		snprintf(found, PROFILE_PATH, "%.*s/%s", length ? length : 1, length ? path : ".",
			 word);
		if (stat(found, &st) == 0 && S_ISREG(st.st_mode)) {
			if (access(found, X_OK) == 0)
				return 0;
			r = -EACCES;
		}
		path = *colon ? colon + 1 : NULL;
	}
	return r;
}

/*
 * The caller's, plus what Spark's tools need; without that where the caller is not who Spark, Java
 * or python3 can be trusted by: root's PATH leads to nobody else's programs.
 */
static int make_environment(const struct state *s, struct argv *env, struct err *e)
{
	struct spark_cluster c = state_spark(s);
	cleanup_argv struct argv spark = {0}, notes = {0};
	int r = spark_shell_environment(&c, &spark, &notes, e);

	if (r && r != -EPERM)
		return r;
	environment_put_caller(env);
	running_notes(&notes);
	if (r)
		fprintf(stderr, "cleave: without Spark's programs and settings: %s\n", e->msg);
	for (size_t i = 0; !r && i < spark.count; i++) {
		char *value = strchr(spark.items[i], '='), drop[PLAN_TEXT];

		if (value) {
			*value = '\0';
			argv_put(env, spark.items[i], value + 1);
		} else {
			snprintf(drop, sizeof(drop), "%s=", spark.items[i]);
			argv_drop(env, drop);
		}
	}
	if (!r)
		argv_putf(env, "PATH", "%s:%s/bin",
			  argv_value(env, "PATH") ? argv_value(env, "PATH") : "/usr/bin:/bin",
			  s->spark.home);
	return env->failed ? err_set(e, -ENOMEM, "no memory for an environment") : 0;
}

/* What cannot be executed is reported here, for the exit code is the shell's. */
static int not_started(const char *program, int error, const char *why)
{
	fprintf(stderr, "cleave: %s: %s\n", FOREIGN(program), FOREIGN(why));
	return error == -ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
}

/*
 * What a command in a container gets beside what its image and the Worker have: Spark's tools find
 * this cluster.
 */
static int run_contained(const struct options *o, const struct state *s, const char *group,
			 char *const *words, struct foreground *f, struct err *e)
{
	const struct spark_cluster c = state_spark(s);
	bool is_host = strcmp(group, GROUP_HOST) == 0;
	cleanup_process struct process p = {0};
	cleanup_driver struct driver *d = NULL;
	const char *terminal = getenv("TERM");

	if (is_host && spark_shell_environment(&c, &p.env, &p.notes, e))
		return e->code;
	if (is_host)
		environment_put_locale(&p.env); /* the caller's is not there */
	running_notes(&p.notes);
	for (size_t i = 0; i < p.env.count; i++)
		if (!strchr(p.env.items[i], '=')) /* the container has none of the caller's */
			argv_drop(&p.env, p.env.items[i--]);
	if (!is_host) {
		spark_put_path(&s->contained, &p.env);
		argv_putf(&p.env, "SPARK_CONF_DIR", "%s/env", s->cluster.state);
	}
	if (terminal)
		argv_put(&p.env, "TERM", terminal);
	for (char *const *word = words; *word; word++)
		argv_add(&p.argv, *word);
	if (p.argv.failed || p.env.failed)
		return err_set(e, -ENOMEM, "no memory for an environment");
	if (!is_host)
		return contained_exec(s, group, p.argv.items, p.env.items, f, e);
	return running_driver(o, s, &d, e) ? e->code : contained_run(s, d, &p, words, f, e);
}

/* Started in the group, and waited for: its exit code. */
static int run_exec(const struct invocation *in, struct err *e)
{
	cleanup_free struct state *s = NULL;
	cleanup_driver struct driver *d = NULL;
	cleanup_foreground struct foreground f = {.signals = -1, .pidfd = -1};
	cleanup_argv struct argv env = {0};
	char file[PROFILE_PATH];
	struct spawn spawn = {
		.file = file,
		.argv = in->words,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		.uid = (uid_t)-1,
		.is_callers = true,
		.policy = POLICY_STRICT,
	};
	struct spark_cluster spark;
	struct cluster c;
	int r;

	if ((r = running_cluster(&in->options, NULL, &c, e)) || (r = running_state(&c, &s, e)))
		return r;
	spawn.group = find_group(s, in->operand, e);
	if (!spawn.group)
		return e->code;
	spark = state_spark(s);
	if (spark_is_contained(&spark, spawn.group)) {
		if (foreground_block(&f, e))
			return e->code;
		r = run_contained(&in->options, s, spawn.group, in->words, &f, e);
		return r == -ENOENT || r == -EACCES || r == -ENOEXEC
			       ? not_started(in->words[0], r, e->msg)
			       : r;
	}
	if (make_environment(s, &env, e))
		return e->code;
	spawn.envp = env.items;
	r = find_program(in->words[0], argv_value(&env, "PATH"), file);
	if (r)
		return not_started(in->words[0], r, strerror(-r));
	if ((r = running_driver(&in->options, s, &d, e)) || (r = foreground_block(&f, e)))
		return r;
	r = foreground_start(&f, d, &spawn, e);
	if (r == -ENOENT || r == -EACCES || r == -ENOEXEC)
		return not_started(in->words[0], r, e->msg);
	return r ? r : foreground_wait(&f, NULL, NULL, e);
}

static const struct option options[] = {{OPTION_CLUSTER}, {0}};

const struct command cmd_exec = {
	.name = "exec",
	.arguments = "SLICE|host -- CMD…",
	.summary = "Run a command inside a slice, or in the host group",
	.details =
		"The command runs as the caller, on the slice's CPUs and memory, with the keys and signals\n"
		"of the caller's terminal, and with Spark's programs on PATH and pointed at this cluster,\n"
		"for root only if nobody else can change them. Its exit code is passed on; 125 is cleave's\n"
		"own error, 126 not executable, 127 not found.",
	.options = options,
	.min_operands = 1,
	.max_operands = 1,
	.words_required = 1,
	.failure = 125,
	.run = run_exec,
};
