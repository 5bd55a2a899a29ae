/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/commands/contained.h"
#include "launcher/commands/running.h"
#include "launcher/commands/train.h"
#include "launcher/commands/up.h"
#include "launcher/spark/archive.h"
#include "launcher/spark/spark.h"
#include "launcher/system/foreground.h"

/* A profile is brought up; without one, the only cluster that runs is meant, else the defaults. */
static int find_cluster(const struct invocation *in, enum reply_result *result, struct state *out,
			struct err *e)
{
	const struct options *o = &in->options;
	struct strings names = {0};
	struct cluster c;

	*result = REPLY_UNCHANGED;
	if (!in->operand && !o->cluster && cluster_list(o->roots.state_dir, &names, e))
		return e->code;
	if (in->operand || (!o->cluster && !names.count))
		return up_ensure(in, result, out, e);
	if (running_cluster(o, NULL, &c, e) || state_read(&c, out, e))
		return e->code;
	if (out->phase != PHASE_UP && out->phase != PHASE_DEGRADED)
		return err_set(e, -EAGAIN, "cluster %s is %s; wait for it, or name a profile",
			       c.name, cluster_phase_name(out->phase));
	return 0;
}

/* What this run adds to the properties of the cluster's applications. */
static int make_conf(const struct options *o, const struct state *s, char *const *words,
		     struct argv *conf, struct err *e)
{
	static const char progress[] = "spark.ui.showConsoleProgress";
	const struct spark_cluster c = state_spark(s);
	struct cpuset slices = {0};

	for (unsigned i = 0; i < s->plan.slice_count; i++)
		cpuset_add(&slices, i);
	if ((o->slices && spark_slices_parse(o->slices, &s->plan, &slices, e)) ||
	    spark_words_check(&c, &slices, words, e))
		return e->code;
	/* Spark draws its bar on whatever stderr is, and the profile may want it otherwise. */
	if (isatty(STDERR_FILENO) && !strings_value(&s->profile.spark.conf, progress))
		argv_addf(conf, "%s=true", progress);
	if (o->slices)
		spark_slices_request(&s->plan, &s->profile.spark.conf, &slices, conf);
	return conf->failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* The Workers run what was there before: its executors may not get on with this driver. */
static void warn_if_replaced(const struct state *s)
{
	char now[SPARK_FINGERPRINT];
	struct err ignored; /* Spark's to say */

	if (s->spark.fingerprint[0] && spark_fingerprint(&s->spark, now, &ignored) == 0 &&
	    strcmp(now, s->spark.fingerprint) != 0)
		fprintf(stderr,
			"cleave: Spark at %s, or its JDK, has been replaced since %s came up: cleave "
			"up restarts its daemons\n",
			FOREIGN(s->spark.home), FOREIGN(s->cluster.name));
}

/* Its exit code, or negative errno. */
static int run_application(const struct options *o, const struct state *s, char *const *words,
			   struct foreground *f, struct err *e)
{
	const struct spark_cluster c = state_spark(s);
	/* Root starts it as the workers' user, so that both own what the job writes. */
	bool as_user = s->cluster.uid != geteuid();
	struct spawn spawn = {.group = GROUP_HOST,
			      .in = STDIN_FILENO,
			      .out = STDOUT_FILENO,
			      .err = STDERR_FILENO,
			      .uid = as_user ? s->cluster.uid : (uid_t)-1,
			      .gid = s->cluster.gid,
			      .user = s->cluster.user[0] ? s->cluster.user : NULL,
			      .no_new_privileges = as_user,
			      .policy = s->profile.memory.policy,
			      .nodes = s->plan.host.nodes};
	cleanup_process struct process p = {0};
	cleanup_argv struct argv conf = {0};
	cleanup_driver struct driver *d = NULL;
	cleanup_free char *cwd = getcwd(NULL, 0);

	if (!cwd) /* a JVM ends there ("Could not determine current working directory") */
		return err_errno(e, -errno,
				 "the working directory is not to be found any more; start from "
				 "another");
	warn_if_replaced(s);
	archive_offer(&c, &(struct err){0}); /* without one executors start all the same */
	if (make_conf(o, s, words, &conf, e) || spark_submit_process(&c, conf.items, words, &p, e))
		return e->code;
	running_notes(&p.notes);
	if (running_driver(o, s, &d, e))
		return e->code;
	if (spark_is_contained(&c, GROUP_HOST))
		return contained_run(s, d, &p, words, f, e);
	spawn.argv = p.argv.items;
	spawn.envp = p.env.items;
	spawn.file = spawn.argv[0];
	if (foreground_start(f, d, &spawn, e))
		return e->code;
	return foreground_wait(f, NULL, NULL, e);
}

static int run(const struct invocation *in, struct err *e)
{
	cleanup_free struct state *s = calloc(1, sizeof(*s));
	cleanup_foreground struct foreground f = {.signals = -1, .pidfd = -1};
	bool is_last;
	enum reply_result result;
	struct err ours;
	int status;

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	if (find_cluster(in, &result, s, e) || foreground_block(&f, e))
		return e->code;
	status = run_application(&in->options, s, in->words, &f, e);
	/*
	 * --rm takes down what this call brought up, also after a failure, which is then reported.
	 */
	is_last = in->options.rm && result == REPLY_STARTED;
	/* After the first run, not beside it; of a cluster that goes, now or never. */
	if (!is_last)
		train_in_background(&in->options, s);
	else if (status == 0 && !foreground_interrupted(&f))
		train_in_foreground(&in->options, s, &f);
	if (is_last && down_cluster(&in->options, s->cluster.name, &ours) && status >= 0) {
		*e = ours;
		status = ours.code;
	}
	return status;
}

static const struct option run_options[] = {
	{OPTION_CLUSTER},
	{"slices", "LIST", "only on these slices, as in 0,2-3", OPTION(slices)},
	{"rm", NULL, "take the cluster down at the end if this call brought it up", OPTION(rm)},
	{0},
};

const struct command cmd_run = {
	.name = "run",
	.arguments = "[PROFILE] -- APP…",
	.summary = "Run an application on the slices, bringing them up if needed",
	.details =
		"After -- come the words of spark-submit: its options, the application, the "
		"application's arguments. cleave puts its own master and properties before them, "
		"so yours win. Without PROFILE the only cluster that runs is used, or one of the "
		"built-in defaults is brought up. Standard output is the application's, and its "
		"exit code is passed on; 125 is cleave's own error. On a terminal Spark shows "
		"its progress bar. The first Ctrl-C is the application's, the second kills "
		"it.",
	.options = run_options,
	.max_operands = 1,
	.words_required = 1,
	.failure = 125,
	.run = run,
};
