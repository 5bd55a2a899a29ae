/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Spark and a JDK say of themselves, on this machine or in a container.
 */

#include "launcher/spark/room.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/spark/java.h"
#include "launcher/system/capture.h"
#include "launcher/system/environment.h"

enum {
	PROGRAM_TIMEOUT_MS = 30 * 1000, /* a JVM starts in well under a second on two busy CPUs */
	ANSWER_MAX = 64 << 10,
	HOPS_MAX = 4, /* shim, its JDK, its JRE, and that it is so */
};

static const char launcher_class[] = "org.apache.spark.launcher.Main";
/* A daemon's class: the launcher prints another line for applications. */
static const char daemon_class[] = "org.apache.spark.deploy.worker.Worker";
static const char submit_class[] = "org.apache.spark.deploy.SparkSubmit";

/* As capture(). */
static int ask(const struct spark_asked *a, const char *const *argv, const char *const *envp,
	       struct printed *p, struct err *e)
{
	struct container_spec spec;

	if (!a->engine)
		return capture(a->cluster, argv, envp, PROGRAM_TIMEOUT_MS, p, e);
	spec = *a->container;
	spec.argv = (char *const *)argv;
	spec.envp = (char *const *)envp;
	return container_capture(a->engine, &spec, PROGRAM_TIMEOUT_MS, p, e);
}

/* ---- Java */

/*
 * A shim asks the caller's environment which JVM it is for; what changes a JVM's answer is no part
 * of it.
 */
static void put_java_environment(const struct spark_asked *a, const struct spark *s,
				 struct argv *env)
{
	static const char *const options[] = {
		"JDK_JAVA_OPTIONS=", "JAVA_TOOL_OPTIONS=", "_JAVA_OPTIONS=", "CLASSPATH=", NULL};

	if (!a->engine && !s->java_home[0])
		environment_put_for(a->cluster, env);
	for (const char *const *option = options; *option; option++)
		argv_drop(env, *option);
	argv_put(env, "LC_ALL", "C.UTF-8"); /* of the path it prints */
}

static int ask_java(const struct spark_asked *a, const char *from, const struct spark *s,
		    struct java *out, struct err *e)
{
	const char *const argv[] = {s->java, "-XX:-UsePerfData", "-XshowSettings:properties",
				    "-version", NULL};
	cleanup_argv struct argv env = {0};
	cleanup_free char *text = malloc(ANSWER_MAX);
	cleanup_free struct printed *p = calloc(1, sizeof(*p));
	char reason[PRINTED_REASON];
	int status;

	put_java_environment(a, s, &env);
	if (!text || !p || env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	p->out = text;
	p->size = ANSWER_MAX;
	status = ask(a, argv, (const char *const *)env.items, p, e);
	if (status < 0)
		return err_wrap(e, "%s", from);
	java_read(p->err, out);
	if (status || !out->release)
		return err_set(e, -ENOEXEC, "%s: %s -version failed (status %d)%s%s", from, s->java,
			       status, printed_reason(p, reason)[0] ? ": " : "", reason);
	return 0;
}

/* What it said, to be kept. */
static void take_java(const struct java *said, struct spark *s)
{
	s->java_version = said->release;
	string_copy(s->java_full, said->version);
	foreign_escape(said->vendor, s->java_vendor, sizeof(s->java_vendor));
}

/* Whether that is what `s` has already. */
static bool is_java_home(const struct spark_asked *a, const struct spark *s, const char *home)
{
	char real[PATH_MAX];

	/* In a container it is as it says; here, the same directory by another way is the same. */
	if (!a->engine && realpath(home, real))
		home = real;
	return strcmp(home, s->java_home) == 0;
}

/* What a java calls its java.home is taken, with the java in it. */
static int take_java_home(const struct spark_asked *a, const char *from, const char *home,
			  struct spark *out, struct err *e)
{
	char java[PROFILE_PATH + 16], real[PATH_MAX];
	struct stat st;
	bool is_here = !a->engine || out->mounts_java;

	/* Another machine's, or a container's, is as it says. */
	if (!is_here)
		string_copy(real, home);
	else if (!realpath(home, real))
		return err_errno(e, -errno, "%s: %s says that it is of %s", from, out->java, home);
	if (snprintf(java, sizeof(java), "%s/bin/java", real) >= PROFILE_PATH)
		return err_set(e, -ENAMETOOLONG, "%s: the path of %s is too long", from, real);
	if (is_here && (stat(java, &st) || access(java, X_OK)))
		return err_errno(e, -errno, "%s: %s says that it is of %s: cannot execute %s", from,
				 out->java, home, java);
	if (is_here && !S_ISREG(st.st_mode))
		return err_set(e, -EACCES,
			       "%s: %s says that it is of %s, where bin/java is no file", from,
			       out->java, home);
	string_copy(out->java, java);
	string_copy(out->java_home, real);
	if (spark_path_check(from, out->java, SPARK_PATH_JDK, e))
		return e->code;
	return is_here && (cluster_user_access(a->cluster, out->java, X_OK, e) ||
			   spark_check_java_owner(from, out->java, out->java_home, a->cluster->uid,
						  e))
		       ? e->code
		       : 0;
}

static int check_java_home(const char *from, const struct spark *s, const struct java *said,
			   struct err *e)
{
	if (said->home[0] == '/')
		return 0;
	return err_set(
		e, -ENOEXEC,
		"%s: %s -version named no java.home: it is no Java that Spark can be started "
		"with; set jvm.home",
		from, s->java);
}

int spark_lead_java(const struct cluster *c, const char *from, struct spark *s, struct err *e)
{
	const struct spark_asked here = {.cluster = c};
	struct java said = {.home = ""};

	if (s->java_home[0])
		return 0;
	return ask_java(&here, from, s, &said, e) || check_java_home(from, s, &said, e) ||
			       take_java_home(&here, from, said.home, s, e)
		       ? e->code
		       : 0;
}

/* ---- Spark's launcher */

/*
 * Read the answer of org.apache.spark.launcher.Main: lines of text, a line of one NUL, then the
 * words of the command, each with a NUL behind it (bin/spark-class reads it the same way). What
 * cleave sets itself is left out.
 */
static int parse_launch(const char *text, size_t size, const char *class, struct strings *out)
{
	const char *at = memchr(text, '\0', size), *end = text + size, *before = "";
	struct strings launch = {0};

	if (!at || end - at < 2 || at[1] != '\n')
		return -EBADMSG;
	for (at += 2; at < end && memchr(at, '\0', (size_t)(end - at)); at += strlen(at) + 1) {
		const char *word = at;

		if (strcmp(word, class) == 0) {
			*out = launch;
			return before[0] ? 0 : -EBADMSG;
		}
		if (strncmp(word, "-Xmx", 4) != 0 && strings_add(&launch, word))
			return -E2BIG;
		before = at;
	}
	return -EBADMSG;
}

void spark_put_homes(const struct spark *s, struct argv *env)
{
	argv_put(env, "SPARK_HOME", s->home);
	argv_put(env, "JAVA_HOME", s->java_home);
}

void spark_jars(const struct spark *s, char jars[SPARK_JARS])
{
	snprintf(jars, SPARK_JARS, "%s/jars/*", s->home);
}

/* `class`: daemon_class, or submit_class with a word behind it, for it wants an application. */
static int ask_launcher(const struct spark_asked *a, const struct spark *s, const char *class,
			struct strings *out, struct err *e)
{
	char jars[SPARK_JARS];
	const char *const argv[] = {
		/* as spark-class starts it */
		s->java, "-XX:-UsePerfData", "-Xmx128m", "-cp",
		jars,	 launcher_class,     class,	 class == submit_class ? "none.jar" : NULL,
		NULL,
	};
	cleanup_argv struct argv env = {0};
	cleanup_free char *text = malloc(ANSWER_MAX);
	cleanup_free struct printed *p = calloc(1, sizeof(*p));
	char reason[PRINTED_REASON];
	int r;

	spark_jars(s, jars);
	spark_put_homes(s, &env);
	argv_put(&env, "LANG", "C.UTF-8"); /* of the paths */
	argv_put(&env, "SPARK_DAEMON_CLASSPATH", jars);
	argv_put(&env, "SPARK_SCALA_VERSION", s->scala_version);
	argv_put(&env, "SPARK_CONF_DIR", SPARK_NO_CONF);
	if (!text || !p || env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	p->out = text;
	p->size = ANSWER_MAX;
	r = ask(a, argv, (const char *const *)env.items, p, e);
	if (r < 0)
		return err_wrap(e, "Spark's launcher");
	if (r == 0)
		r = parse_launch(text, p->length, class, out);
	if (r == -E2BIG)
		return err_set(e, r,
			       "Spark's command line is longer than %d bytes; move Spark (%s) to a "
			       "shorter path",
			       STRINGS_POOL, s->home);
	if (r)
		return err_set(e, -EBADMSG,
			       "spark.home: the launcher of %s gave no command line: %s", s->home,
			       printed_reason(p, reason));
	return 0;
}

int spark_submit_launch(const struct spark_cluster *c, struct strings *out, struct err *e)
{
	return ask_launcher(&(struct spark_asked){.cluster = c->cluster}, c->spark, submit_class,
			    out, e);
}

/*
 * Whether a daemon's options start a JVM at all: one that was made smaller (jlink, some images) may
 * lack a module that Spark adds, and `up` would wait for the daemon.
 */
static int try_launch(const struct spark_asked *a, const char *from, const struct spark *s,
		      struct err *e)
{
	cleanup_argv struct argv argv = {0}, env = {0};
	cleanup_free char *text = malloc(ANSWER_MAX);
	cleanup_free struct printed *p = calloc(1, sizeof(*p));
	char reason[PRINTED_REASON];
	int status;

	argv_add(&argv, s->java);
	strings_for_each(word, &s->launch)
	{
		if (word != strings_get(&s->launch, 0))
			argv_add(&argv, word);
	}
	argv_add(&argv, "-XX:-UsePerfData");
	argv_add(&argv, "-version");
	spark_put_homes(s, &env);
	if (!text || !p || argv.failed || env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	p->out = text;
	p->size = ANSWER_MAX;
	status = ask(a, (const char *const *)argv.items, (const char *const *)env.items, p, e);
	if (status < 0)
		return err_wrap(e, "%s", from);
	if (status)
		return err_set(e, -ENOEXEC,
			       "%s: %s does not start with the options of Spark %s (status %d): "
			       "%s; set jvm.home to a JDK that has all of its modules",
			       from, s->java, s->version, status, printed_reason(p, reason));
	return 0;
}

/*
 * A java is asked until it calls its own directory java.home: one in a JDK once, a shim and then
 * what it leads to.
 */
int spark_ask(const struct spark_asked *a, const char *from, struct spark *s, struct err *e)
{
	for (unsigned hop = 0; hop < HOPS_MAX; hop++) {
		struct java said = {.home = ""};

		if (s->java_home[0] && spark_fingerprint(s, s->fingerprint, e))
			return e->code;
		if (s->java_home[0] && spark_launch_recall(s, a->cluster->uid))
			return java_check(from, s, e);
		if (ask_java(a, from, s, &said, e))
			return e->code;
		take_java(&said, s);
		/* One that is too old has nothing more to say. */
		if (java_check(from, s, e))
			return e->code;
		if (check_java_home(from, s, &said, e))
			return e->code;
		if (is_java_home(a, s, said.home)) {
			if (ask_launcher(a, s, daemon_class, &s->launch, e) ||
			    try_launch(a, from, s, e))
				return e->code;
			spark_launch_remember(s, a->cluster->uid);
			return 0;
		}
		if (take_java_home(a, from, said.home, s, e))
			return e->code;
	}
	return err_set(e, -ELOOP, "%s: %s names one java.home after the other; set jvm.home", from,
		       s->java);
}
