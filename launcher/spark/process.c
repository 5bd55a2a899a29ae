/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command lines and environments of Master, Workers, applications and shells.
 */

#include "launcher/spark/room.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/archive.h"
#include "launcher/spark/doors.h"
#include "launcher/spark/limits.h"
#include "launcher/system/environment.h"

void process_release(struct process *p)
{
	argv_release(&p->argv);
	argv_release(&p->env);
	argv_release(&p->notes);
}

void spark_master_url(const struct spark_cluster *c, char url[MASTER_URL])
{
	if (c->profile->spark.join[0])
		snprintf(url, MASTER_URL, "%s", c->profile->spark.join);
	else
		snprintf(url, MASTER_URL, "spark://%s:%d", c->master.address, c->master.port);
}

/*
 * Our JVM options before those that a variable has: nothing in /tmp but below `tmp`, and `more`.
 * `tmp` NULL for SPARK_LAUNCHER_OPTS: spark-class splits it at blanks and knows no quotes.
 */
static void prefix_options(struct argv *env, const char *name, const char *tmp, const char *more)
{
	const char *theirs = argv_value(env, name);
	char quoted[SPARK_QUOTED] = "";

	if (!theirs)
		theirs = "";
	if (tmp)
		spark_quote(tmp, quoted);
	argv_putf(env, name, "-XX:-UsePerfData%s%s%s%s%s%s%s", tmp ? " '-Djava.io.tmpdir=" : "",
		  quoted, tmp ? "'" : "", more[0] ? " " : "", more, theirs[0] ? " " : "", theirs);
}

#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

void spark_put_path(const struct spark *s, struct argv *env)
{
	argv_putf(env, "PATH", SYSTEM_PATH ":%s/bin:%s/bin", s->home, s->java_home);
}

void spark_put_user(const struct cluster *c, const struct profile *p, struct argv *env)
{
	const char *key = NULL;

	argv_put(env, "PATH", SYSTEM_PATH);
	environment_settle(c->uid, &p->spark.env, env);
	strings_for_each(item, &p->spark.env)
	{
		if (key)
			argv_put(env, key, item);
		key = key ? NULL : item;
	}
	environment_put_locale(env); /* the profile's may not be there */
}

/*
 * What Spark's launcher takes of the environment, behind the class path that it was asked for
 * without (AbstractCommandBuilder.buildClassPath): a Spark without Hadoop has Hadoop's from there.
 */
static void add_class_path(const struct profile *p, const struct spark *s, const char *begin,
			   struct argv *argv)
{
	static const char *const names[] = {"SPARK_DAEMON_CLASSPATH", "HADOOP_CONF_DIR",
					    "YARN_CONF_DIR", "SPARK_DIST_CLASSPATH"};
	const char *parts[4];

	for (size_t i = 0; i < 4; i++) {
		parts[i] = spark_daemon_value(p, s, names[i]);
		if (!parts[i])
			parts[i] = "";
	}
#define PART(i) parts[i][0] ? ":" : "", parts[i]
	argv_addf(argv, "%s%s%s%s%s%s%s%s%s", begin, PART(0), PART(1), PART(2), PART(3));
#undef PART
}

/*
 * What Master and Worker have in common, up to and without the main class. `name` is their
 * directory below DATA, `spark` is where it runs, `tmp` becomes what Java and Python use for /tmp.
 */
static int begin_daemon(const struct spark_cluster *c, const struct spark *spark,
			const struct strings *launch, const char *name, const char *address,
			char tmp[PROFILE_PATH], struct process *p, struct err *e)
{
	bool is_contained = spark->image[0] != '\0';
	char state[SPARK_QUOTED], options[SPARK_QUOTED + 32] = "";
	char container[SPARK_FINGERPRINT];
	struct argv *env = &p->env, *argv = &p->argv;
	const char *key = NULL;

	if (spark_data_path(c->cluster, tmp, e, "%s/tmp", name) ||
	    spark_data_path(c->cluster, p->directory, e, "%s/work", name) ||
	    spark_data_path(c->cluster, p->log, e, "log/%s.log", name))
		return e->code;
	spark_put_user(c->cluster, c->profile, env);
	strings_for_each(item, &spark->env)
	{
		if (key && !strings_value(&c->profile->spark.env, key))
			argv_put(env, key, item);
		key = key ? NULL : item;
	}
	environment_put_locale(env); /* of spark-env.sh's likewise */
	spark_put_homes(spark, env);
	if (is_contained) {
		spark_put_container_user(c, env);
		if (spark_container_fingerprint(c, name, container, e))
			return e->code;
		argv_put(env, SPARK_CONTAINER, container);
	}
	/* Without it every executor dies with "Cannot find any build directories". */
	argv_put(env, "SPARK_SCALA_VERSION", spark->scala_version);
	argv_put(env, "SPARK_CONF_DIR", SPARK_NO_CONF);
	/* Also for the Master: else its user interface listens on all addresses. */
	argv_put(env, "SPARK_LOCAL_IP", address);
	/*
	 * The executor's JVM options are one string for all slices, but its temporary directory is
	 * the slice's own: executors inherit this, and the JVM reads it before its command line. So
	 * does ours: the file has the archive that there is when a JVM starts, and a daemon that
	 * started without is no other one.
	 */
	spark_quote(c->cluster->state, state);
	if (!is_contained || spark_offers_archive(c))
		snprintf(options, sizeof(options), "'@%s/%s'", state, SPARK_JVM_OPTIONS);
	prefix_options(env, "JDK_JAVA_OPTIONS", tmp, options);
	/* What spark-class would execute. */
	strings_for_each(word, launch)
	{
		if (argv->count && strcmp(argv->items[argv->count - 1], "-cp") == 0)
			add_class_path(c->profile, spark, word, argv);
		else
			argv_add(argv, word);
	}
	/* A Spark that was replaced where it lies is another one. */
	argv_addf(argv, "-Dcleave.spark=%s", spark->fingerprint);
	/* The rest of it is in the file of properties alone, and a daemon reads that once. */
	if (c->profile->security.ui != UI_OPEN)
		argv_add(argv, "-Dcleave.ui=closed");
	argv_add(argv, "-XX:-UsePerfData"); /* no /tmp/hsperfdata_USER */
	argv_addf(argv, "-Djava.io.tmpdir=%s", tmp);
	/* Log4j splits it at commas, replaces ${…} and reads a URL. */
	spark_url(c->cluster->state, state);
	argv_addf(argv, "-Dlog4j2.configurationFile=file:%s/log4j2.properties", state);
	return 0;
}

/*
 * Master and Worker do no heavy work, so a small heap, the small collector and the first compiler
 * only, which halves what their start costs (launcher/spark/README.md). Options of the user's come
 * behind, but for the heap, which the slice's memory is divided for. `own`: SPARK_MASTER_OPTS or
 * SPARK_WORKER_OPTS.
 */
static int add_daemon_options(const struct spark_cluster *c, const struct spark *spark,
			      const char *own, struct argv *argv, struct err *e)
{
	const char *const names[] = {"SPARK_DAEMON_JAVA_OPTS", own};
	cleanup_argv struct argv theirs = {0};
	bool has_collector = false;
	uint64_t heap;

	for (size_t i = 0; i < 2; i++) {
		const char *value = spark_daemon_value(c->profile, spark, names[i]);

		if (value && doors_split_options(value, &theirs, e))
			return err_wrap(e, "%s", names[i]);
	}
	if (spark_daemon_heap(c->profile, spark, &heap, e))
		return e->code;
	for (size_t i = 0; i < theirs.count; i++)
		has_collector |= fnmatch("-XX:+Use*GC", theirs.items[i], 0) == 0;
	if (!has_collector)
		argv_add(argv, "-XX:+UseSerialGC");
	argv_add(argv, "-XX:TieredStopAtLevel=1");
	for (size_t i = 0; i < theirs.count; i++)
		argv_add(argv, theirs.items[i]);
	argv_addf(argv, "-Xmx%" PRIu64 "m", heap / MIB);
	return 0;
}

int process_take(struct process *built, struct process *out, struct err *e)
{
	if (built->argv.failed || built->env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	*out = *built;
	*built = (struct process){0};
	return 0;
}

int spark_master_process(const struct spark_cluster *c, struct process *out, struct err *e)
{
	cleanup_process struct process p = {0};
	char tmp[PROFILE_PATH];

	if (begin_daemon(c, c->spark, &c->spark->launch, "master", c->master.address, tmp, &p, e))
		return e->code;
	if (add_daemon_options(c, c->spark, "SPARK_MASTER_OPTS", &p.argv, e))
		return e->code;
	argv_add(&p.argv, "org.apache.spark.deploy.master.Master");
	argv_option(&p.argv, "--host", "%s", c->master.address);
	argv_option(&p.argv, "--port", "%d", c->master.port);
	argv_option(&p.argv, "--webui-port", "%d", c->master.ui_port);
	argv_option(&p.argv, "--properties-file", "%s/spark.conf", c->cluster->state);
	return process_take(&p, out, e);
}

int spark_worker_process(const struct spark_cluster *c, unsigned slice, struct process *out,
			 struct err *e)
{
	const struct slice *s = &c->plan->slices[slice];
	char tmp[PROFILE_PATH], scratch[PROFILE_PATH], address[INET_ADDRSTRLEN], url[MASTER_URL];
	char resources[PROFILE_PATH + NAME_MAX_BYTES + 16];
	const struct spark *spark = c->contained ? c->contained : c->spark;
	cleanup_process struct process p = {0};

	inet_ntop(AF_INET, &(struct in_addr){htonl(s->address)}, address, sizeof(address));
	if (begin_daemon(c, spark, &spark->launch, s->name, address, tmp, &p, e) ||
	    spark_scratch(c, slice, scratch, e))
		return e->code;
	argv_put(&p.env, "SPARK_LOCAL_DIRS", scratch);
	argv_putf(&p.env, "SPARK_EXECUTOR_ATTRIBUTE_SLICE", "%u", s->id);
	argv_put(&p.env, "TMPDIR", tmp); /* of Python workers */
	if (add_daemon_options(c, spark, "SPARK_WORKER_OPTS", &p.argv, e))
		return e->code;
	snprintf(resources, sizeof(resources), "%s/%s.resources", c->cluster->state, s->name);
	spark_slices_offer(c->plan, slice, resources, &p.argv);
	argv_add(&p.argv, "org.apache.spark.deploy.worker.Worker");
	argv_option(&p.argv, "--host", "%s", address);
	argv_option(&p.argv, "--port", "0"); /* any: nothing needs to know it beforehand */
	argv_option(&p.argv, "--webui-port", "0");
	argv_option(&p.argv, "--cores", "%u", s->slots);
	argv_option(&p.argv, "--memory", "%uM", spark_worker_memory_mb(s));
	argv_option(&p.argv, "--work-dir", "%s", p.directory);
	argv_option(&p.argv, "--properties-file", "%s/spark.conf", c->cluster->state);
	spark_master_url(c, url);
	argv_add(&p.argv, url);
	return process_take(&p, out, e);
}

/*
 * A driver runs much code a few times each: the second compiler's thresholds of calls and loops
 * (CompilationPolicy, compiler_globals.hpp) ten times as high, so that it compiles what stays hot
 * only. The driver of a short WordCount took 7.3 instead of 9.6 s of CPU time (README.md). A cache
 * of ahead-of-time brings profiles, and with them better reasons.
 */
static const char late_c2[] = "-XX:Tier4InvocationThreshold=50000 "
			      "-XX:Tier4MinInvocationThreshold=6000 "
			      "-XX:Tier4CompileThreshold=150000 "
			      "-XX:Tier4BackEdgeThreshold=400000";

/* What cleave itself sets for each application, over whatever its environment has. */
static void put_own(const struct spark_cluster *c, const char *tmp, struct argv *env)
{
	spark_put_homes(c->spark, env);
	argv_put(env, "SPARK_LOCAL_IP", c->master.address);
	argv_put(env, "SPARK_LOCAL_DIRS", tmp);
}

/* Where Spark and Java are is the cluster's; of a shell it is where `up` looked. */
static void note_homes(const struct argv *ours, const struct argv *after, const char *from,
		       struct argv *notes)
{
	static const char *const names[] = {"SPARK_HOME", "JAVA_HOME", NULL};

	for (const char *const *name = names; *name; name++) {
		const char *own = argv_value(ours, *name), *theirs = argv_value(after, *name);

		if (own && theirs && strcmp(own, theirs) != 0)
			argv_addf(notes, "%s %s is left out: %s", *name, from,
				  setting_of_variable(*name)->why);
	}
}

/*
 * spark-env.sh, which Spark's programs would source; then they are told not to. A Spark in
 * containers has its own conf/, which is not read.
 */
static int source(const struct spark_cluster *c, const struct cluster *who, const char *tmp,
		  struct argv *env, struct argv *notes, struct err *e)
{
	cleanup_argv struct argv ours = {0}, after = {0};
	char directory[PROFILE_PATH], from[PROFILE_PATH + 32];

	put_own(c, tmp, &ours);
	if (doors_judge_environment(env, &ours, "in the environment", notes, e))
		return e->code;
	put_own(c, tmp, env);
	if (c->spark->image[0])
		return 0;
	doors_directory(c->spark, directory);
	snprintf(from, sizeof(from), "in %s/spark-env.sh", directory);
	if (ours.failed || env->failed)
		return err_set(e, -ENOMEM, "out of memory");
	if (doors_source(directory, who, env, &after, notes, e) ||
	    doors_judge_environment(&after, &ours, from, notes, e))
		return e->code;
	note_homes(&ours, &after, from, notes);
	argv_release(env);
	*env = after;
	after = (struct argv){0};
	put_own(c, tmp, env);
	return 0;
}

/*
 * What every application of this cluster runs with, wherever it is started, as the user of `who`;
 * over what `env` has, which is the caller's. `words`: of spark-submit, or NULL.
 */
static int put_application_environment(const struct spark_cluster *c, const struct cluster *who,
				       char *const *words, struct argv *env, struct argv *notes,
				       struct err *e)
{
	char tmp[PROFILE_PATH];
	cleanup_free char *archive = NULL;
	size_t size;

	/* Libraries and classes are loaded from there: for nobody but its owner. */
	if ((!c->spark->image[0] && spark_check_owners(c->spark, who->uid, e)) ||
	    spark_data_path(c->cluster, tmp, e, "host/%s",
			    who->uid == c->cluster->uid ? "tmp" : SPARK_OWN_TMP) ||
	    archive_text(c, who->uid, ' ', &archive, &size, e) ||
	    source(c, who, tmp, env, notes, e))
		return e->code;
	/* It only prints a command line. */
	prefix_options(env, "SPARK_LAUNCHER_OPTS", NULL,
		       "-XX:+UseSerialGC -XX:TieredStopAtLevel=1");
	prefix_options(env, "SPARK_SUBMIT_OPTS", tmp, archive);
	if (c->profile->jvm.class_data_sharing && archive_kind(c->spark) != ARCHIVE_AOT)
		argv_putf(env, "SPARK_SUBMIT_OPTS", "%s %s", late_c2,
			  argv_value(env, "SPARK_SUBMIT_OPTS"));
	return spark_put_python(c, who, words, env, e);
}

/* What is always said to a shell, for it may be another one that reads it. */
static bool is_always_said(const char *item)
{
	static const char *const names[] = {"SPARK_HOME=",
					    "JAVA_HOME=",
					    "SPARK_LOCAL_IP=",
					    "SPARK_LOCAL_DIRS=",
					    "SPARK_SUBMIT_OPTS=",
					    "SPARK_LAUNCHER_OPTS=",
					    "PYSPARK_PYTHON=",
					    "PYSPARK_DRIVER_PYTHON=",
					    NULL};

	for (const char *const *name = names; *name; name++)
		if (strncmp(item, *name, strlen(*name)) == 0)
			return true;
	return false;
}

int spark_shell_environment(const struct spark_cluster *c, struct argv *out, struct argv *notes,
			    struct err *e)
{
	const struct cluster caller = {.uid = geteuid(), .gid = getegid()};
	cleanup_argv struct argv env = {0}, full = {0}, before = {0};

	environment_put_caller(&before);
	environment_put_caller(&full);
	/* Said before, they would have ours twice. */
	argv_drop(&full, "SPARK_SUBMIT_OPTS=");
	argv_drop(&full, "SPARK_LAUNCHER_OPTS=");
	if (c->spark->image[0]) /* which has a python3 of its own */
		argv_drop(&full, "PYSPARK_");
	if (put_application_environment(c, &caller, NULL, &full, notes, e))
		return e->code;
	for (size_t i = 0; i < full.count; i++) {
		const char *was;
		char name[128];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(full.items[i], "="),
			 full.items[i]);
		was = argv_value(&before, name);
		if (is_always_said(full.items[i]) || !was ||
		    strcmp(was, full.items[i] + strlen(name) + 1) != 0)
			argv_add(&env, full.items[i]);
	}
	for (size_t i = 0; i < before.count; i++) {
		char name[128];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(before.items[i], "="),
			 before.items[i]);
		if (!argv_value(&full, name) && setting_of_variable(name))
			argv_add(&env, name);
	}
	/* A shell of the caller's keeps his, if it can do with all names of files. */
	if (!environment_has_utf8(environ))
		environment_put_locale(&env);
	argv_putf(&env, "SPARK_CONF_DIR", "%s/env", c->cluster->state);
	if (c->profile->security.ui != UI_OPEN)
		argv_putf(&env, "CLEAVE_UI_HEADER", "%s/ui.header", c->cluster->state);
	if (env.failed || full.failed || before.failed)
		return err_set(e, -ENOMEM, "out of memory");
	*out = env;
	env = (struct argv){0};
	return 0;
}

int spark_submit_process(const struct spark_cluster *c, char *const *conf, char *const *words,
			 struct process *out, struct err *e)
{
	const struct limits_use use = {.uid = c->cluster->uid, .jvms = 1};
	cleanup_process struct process p = {0};
	char *const *application = words + spark_application_word(words);
	struct limits limits;

	limits_read(&limits);
	if ((!c->spark->image[0] && limits_check(&limits, &use, e)) ||
	    doors_check_words(c, words, &p.notes, e))
		return e->code;
	argv_addf(&p.argv, "%s/bin/spark-submit", c->spark->home);
	argv_option(&p.argv, "--properties-file", "%s/%s", c->cluster->state, SPARK_APPLICATIONS);
	for (; conf && *conf; conf++)
		argv_option(&p.argv, "--conf", "%s", *conf);
	/* spark-defaults.conf is in our file of properties already. */
	for (char *const *word = words; *word; word++)
		if (word >= application || strcmp(*word, "--load-spark-defaults") != 0)
			argv_add(&p.argv, *word);
	environment_put_for(c->cluster, &p.env);
	environment_settle(c->cluster->uid, &c->profile->spark.env, &p.env);
	if (c->spark->image[0])
		spark_put_container_user(c, &p.env);
	if (put_application_environment(c, c->cluster, words, &p.env, &p.notes, e))
		return e->code;
	if (!c->spark->image[0])
		argv_put(&p.env, "SPARK_ENV_LOADED", "1");
	return process_take(&p, out, e);
}

/* ---- a training run */

/* What both JVMs have in common, up to and without the words of spark-submit. */
static int begin_training(const struct spark_cluster *c, const struct archive_training *t,
			  struct process *p, struct err *e)
{
	char tmp[PROFILE_PATH], jars[SPARK_JARS];

	if (begin_daemon(c, c->spark, &t->launch, "train", c->master.address, tmp, p, e))
		return e->code;
	/* What all class paths begin with, so that it does for whatever comes behind. */
	spark_jars(c->spark, jars);
	for (size_t i = 1; i < p->argv.count; i++)
		if (strcmp(p->argv.items[i - 1], "-cp") == 0)
			argv_replace(&p->argv, i, jars);
	p->log[0] = '\0';
	argv_drop(&p->env, "JDK_JAVA_OPTIONS=");
	argv_put(&p->env, "PYSPARK_PYTHON", c->spark->python);
	argv_put(&p->env, "PYSPARK_DRIVER_PYTHON", c->spark->python);
	argv_put(&p->env, "TMPDIR", tmp);
	argv_put(&p->env, "SPARK_LOCAL_DIRS", tmp);
	return 0;
}

int spark_training_process(const struct spark_cluster *c, const struct archive_training *t,
			   struct process *out, struct err *e)
{
	cleanup_process struct process p = {0};
	char program[PROFILE_PATH], tmp[SPARK_QUOTED];

	if (begin_training(c, t, &p, e) || cluster_file(c->cluster, SPARK_TRAINING, program, e))
		return e->code;
	argv_add(&p.argv, "-Xmx1g");
	argv_addf(&p.argv, "-XX:%s=%s",
		  t->kind == ARCHIVE_AOT ? "AOTCacheOutput" : "ArchiveClassesAtExit", t->output);
	/* Profiles, which only the cache of ahead-of-time has, need all compilers. */
	if (t->kind == ARCHIVE_DYNAMIC)
		argv_add(&p.argv, "-XX:TieredStopAtLevel=1");
	argv_add(&p.argv, "org.apache.spark.deploy.SparkSubmit");
	argv_option(&p.argv, "--properties-file", "%s/spark.conf", c->cluster->state);
	argv_option(&p.argv, "--conf", "spark.driver.host=%s", c->master.address);
	argv_option(&p.argv, "--conf", "spark.driver.bindAddress=%s", c->master.address);
	argv_option(&p.argv, "--conf", "spark.ui.port=0");
	argv_option(&p.argv, "--conf", "spark.executor.memory=512m");
	/* Nothing in /tmp, as of a daemon's executors. */
	spark_quote(argv_value(&p.env, "TMPDIR"), tmp);
	argv_option(&p.argv, "--conf",
		    "spark.executor.extraJavaOptions=-XX:-UsePerfData '-Djava.io.tmpdir=%s'", tmp);
	argv_add(&p.argv, program);
	argv_addf(&p.argv, "%s/data", p.directory);
	return process_take(&p, out, e);
}

int spark_trial_process(const struct spark_cluster *c, const struct archive_training *t,
			struct process *out, struct err *e)
{
	cleanup_process struct process p = {0};
	struct archive made = {.kind = t->kind, .java_version = c->spark->java_version};

	if (begin_training(c, t, &p, e))
		return e->code;
	string_copy(made.path, t->output);
	archive_words(&made, &p.argv);
	argv_add(&p.argv, "org.apache.spark.deploy.SparkSubmit");
	argv_add(&p.argv, "--version");
	return process_take(&p, out, e);
}
