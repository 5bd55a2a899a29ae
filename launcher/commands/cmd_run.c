#include <errno.h>
#include <stdlib.h>

#include "containers/driver.h"
#include "decision/base/cleanup.h"
#include "launcher/commands/command.h"
#include "launcher/commands/running.h"
#include "launcher/commands/up.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/state.h"
#include "launcher/spark/progress.h"
#include "launcher/spark/slices.h"
#include "launcher/spark/spark.h"
#include "launcher/system/foreground.h"

/* Use the cluster that runs under `name` as it is. */
static int attach(const struct options *o, const char *name, struct state *out, struct err *e)
{
	struct cluster c;

	if (cluster_paths(o->roots.state_dir, name, &c, e) || state_read(&c, out, e))
		return e->code;
	if (out->phase != PHASE_UP && out->phase != PHASE_DEGRADED)
		return err_set(e, -EAGAIN, "cluster %s is %s; wait for it, or name a profile", name,
			       cluster_phase_name(out->phase));
	return 0;
}

/* --slices is checked before anything is started for it; without it, nothing. */
static int check_slices(const struct options *o, const char *profile, struct err *e)
{
	cleanup_free struct inputs *inputs = NULL;
	struct cpuset slices;

	if (!o->slices)
		return 0;
	inputs = calloc(1, sizeof(*inputs));
	if (!inputs)
		return err_set(e, -ENOMEM, "no memory for a plan");
	if (load_inputs(&o->roots, profile, inputs, e))
		return e->code;
	return spark_slices_parse(o->slices, &inputs->plan, &slices, e);
}

/* A profile is brought up; without one, the only cluster that runs is meant, or there is none and the defaults are. */
static int find_cluster(const struct invocation *in, enum up_result *result, struct state *out,
			struct err *e)
{
	const char *profile = in->operand_count ? in->operands[0] : NULL;
	char name[NAME_MAX_BYTES + 1];
	struct strings names = {0};

	*result = UP_UNCHANGED;
	if (!profile && !in->options.cluster &&
	    cluster_list(in->options.roots.state_dir, &names, e))
		return e->code;
	if (profile || (!in->options.cluster && !names.count)) {
		if (check_slices(&in->options, profile, e))
			return e->code;
		return up_ensure(&in->options, profile, result, out, e);
	}
	if (load_cluster_name(&in->options, NULL, name, e))
		return e->code;
	return attach(&in->options, name, out, e);
}

/* Run the application of `p` and wait for it. Its exit code, or negative errno. */
static int run_process(const struct state *s, struct foreground *f, struct driver *d,
		       const struct process *p, struct progress *progress, struct err *e)
{
	/* Root starts it as the workers' user, so that both own what the job writes. */
	bool as_user = s->cluster.user[0] && s->cluster.uid != geteuid();
	const struct spawn spawn = {.group = GROUP_HOST,
				    .file = p->argv.items[0],
				    .argv = p->argv.items,
				    .envp = p->env.items,
				    .in = STDIN_FILENO,
				    .out = STDOUT_FILENO,
				    .err = STDERR_FILENO,
				    .uid = as_user ? s->cluster.uid : (uid_t)-1,
				    .gid = s->cluster.gid,
				    .user = as_user ? s->cluster.user : NULL,
				    .no_new_privileges = as_user,
				    .policy = s->profile.memory.policy,
				    .nodes = s->plan.host.nodes};
	int failed = foreground_start(f, d, &spawn, e);

	if (failed)
		return failed;
	return foreground_wait(f, progress_turn, progress, e);
}

/* What this run adds to the properties of the cluster's applications. */
static int make_conf(const struct options *o, const struct state *s, const char *mark,
		     struct argv *conf, struct err *e)
{
	struct cpuset slices;

	if (o->slices && spark_slices_parse(o->slices, &s->plan, &slices, e))
		return e->code;
	argv_addf(conf, "spark.cleave.run=%s", mark);
	if (o->slices)
		spark_slices_request(&s->plan, &s->profile.spark.conf, &slices, conf);
	return conf->failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

static int run_application(const struct options *o, const struct state *s, char *const *words,
			   struct foreground *f, struct err *e)
{
	const struct spark_cluster c = {.cluster = &s->cluster,
					.profile = &s->profile,
					.plan = &s->plan,
					.spark = &s->spark,
					.master = s->master};
	cleanup_process struct process p = {0};
	cleanup_argv struct argv conf = {0};
	char mark[32], url[PROFILE_WORD + 32];
	struct progress *progress;
	struct driver *d;
	int status;

	snprintf(mark, sizeof(mark), "%d", (int)getpid());
	snprintf(url, sizeof(url), "http://%s:%d", s->master.address, s->master.ui_port);
	if (make_conf(o, s, mark, &conf, e) || spark_submit_process(&c, conf.items, words, &p, e) ||
	    running_driver(o, s, &d, e))
		return e->code;
	status = progress_open(url, mark, STDERR_FILENO, &progress, e);
	if (!status) {
		status = run_process(s, f, d, &p, progress, e);
		progress_close(progress);
	}
	d->ops->close(d);
	return status;
}

static int run(const struct invocation *in, struct err *e)
{
	cleanup_free struct state *s = calloc(1, sizeof(*s));
	cleanup_foreground struct foreground f = {.signals = -1, .pidfd = -1};
	enum up_result result;
	struct err ours;
	int status;

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	if (find_cluster(in, &result, s, e) || foreground_block(&f, e))
		return e->code;
	status = run_application(&in->options, s, in->words, &f, e);
	/* --rm takes down what this call brought up, also after a failure, which is then what is told. */
	if (in->options.rm && result == UP_STARTED &&
	    down_cluster(&in->options, s->cluster.name, &ours) && status >= 0) {
		*e = ours;
		status = ours.code;
	}
	return status;
}

static const struct option run_options[] = {
	OPTION_CLUSTER,
	{"slices", "LIST", "only on these slices, as in 0,2-3", offsetof(struct options, slices)},
	{"rm", NULL, "take the cluster down at the end if this call brought it up",
	 offsetof(struct options, rm)},
	OPTION_END,
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
		"exit code is passed on; 125 is cleave's own error. On a terminal the stages are "
		"shown on the last row. The first Ctrl-C is the application's, the second kills "
		"it.",
	.options = run_options,
	.max_operands = 1,
	.words_required = 1,
	.failure = 125,
	.run = run,
};
