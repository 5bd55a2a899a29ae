/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Spark and a JDK say of themselves, on this machine or in a container.
 */

#include "launcher/spark/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decision/base/cleanup.h"
#include "launcher/system/capture.h"

enum {
	PROGRAM_TIMEOUT_MS = 30 * 1000, /* a JVM starts in well under a second on two busy CPUs */
	ANSWER_MAX = 64 << 10,
	JAVA_OF_SPARK_3 = 8,
	JAVA_OF_SPARK_4 = 17, /* Spark 4.0 release notes: "drop JDK 8/11" */
};

static const char launcher_class[] = "org.apache.spark.launcher.Main";
/* A daemon's class: the launcher prints another line for applications. */
static const char daemon_class[] = "org.apache.spark.deploy.worker.Worker";
static const char submit_class[] = "org.apache.spark.deploy.SparkSubmit";

/* As capture(). */
static int ask(const struct spark_asked *a, const char *const *argv, const char *const *envp,
	       char *text, size_t size, size_t *length, struct err *e)
{
	struct container_spec spec;

	if (!a->engine)
		return capture(a->cluster, argv, envp, PROGRAM_TIMEOUT_MS, text, size, length, e);
	spec = *a->container;
	spec.argv = (char *const *)argv;
	spec.envp = (char *const *)envp;
	return container_capture(a->engine, &spec, PROGRAM_TIMEOUT_MS, text, size, length, e);
}

int spark_feature_release(const char *text, const char *before)
{
	const char *at = strstr(text, before);
	char *end = NULL;
	long release = at ? strtol(at + strlen(before), &end, 10) : 0;

	if (release == 1 && *end == '.')
		release = strtol(end + 1, NULL, 10);
	return release > 0 && release < 1000 ? (int)release : 0;
}

static int ask_java(const struct spark_asked *a, const char *from, struct spark *out, struct err *e)
{
	const char *const argv[] = {out->java, "-XX:-UsePerfData", "-version", NULL};
	const char *const environment[] = {NULL};
	char text[4096];
	size_t length;
	int status;

	if (!a->engine && cluster_user_access(a->cluster, out->java, X_OK, e))
		return e->code;
	status = ask(a, argv, environment, text, sizeof(text), &length, e);
	if (status < 0)
		return err_wrap(e, "%s", from);
	out->java_version = spark_feature_release(text, "version \"");
	text[strcspn(text, "\n")] = '\0';
	if (status || !out->java_version)
		return err_set(e, -ENOEXEC, "%s: %s -version failed (status %d): %.200s", from,
			       out->java, status, text);
	return 0;
}

static int check_java(const char *from, const struct spark *out, struct err *e)
{
	int needed = out->version[0] == '3' && out->version[1] == '.' ? JAVA_OF_SPARK_3
								      : JAVA_OF_SPARK_4;

	if (out->java_version < needed)
		return err_set(e, -ENOEXEC,
			       "%s: %s is Java %d, but Spark %s needs Java %d or newer; set "
			       "jvm.home",
			       from, out->java, out->java_version, out->version, needed);
	return 0;
}

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
	argv_putf(env, "JAVA_HOME", "%.*s", SPARK_JAVA_HOME(s));
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
	size_t length;
	int r;

	spark_jars(s, jars);
	spark_put_homes(s, &env);
	argv_put(&env, "LANG", "C.UTF-8"); /* of the paths */
	argv_put(&env, "SPARK_DAEMON_CLASSPATH", jars);
	argv_put(&env, "SPARK_SCALA_VERSION", s->scala_version);
	argv_put(&env, "SPARK_CONF_DIR", SPARK_NO_CONF);
	if (!text || env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	r = ask(a, argv, (const char *const *)env.items, text, ANSWER_MAX, &length, e);
	if (r < 0)
		return err_wrap(e, "Spark's launcher");
	if (r == 0)
		r = parse_launch(text, length, class, out);
	if (r == -E2BIG)
		return err_set(e, r,
			       "Spark's command line is longer than %d bytes; move Spark (%s) to a "
			       "shorter path",
			       STRINGS_POOL, s->home);
	text[strcspn(text, "\n")] = '\0';
	if (r)
		return err_set(e, -EBADMSG,
			       "spark.home: the launcher of %s gave no command line: %.200s",
			       s->home, text);
	return 0;
}

int spark_submit_launch(const struct spark_cluster *c, struct strings *out, struct err *e)
{
	return ask_launcher(&(struct spark_asked){.cluster = c->cluster}, c->spark, submit_class,
			    out, e);
}

int spark_ask(const struct spark_asked *a, const char *from, struct spark *s, struct err *e)
{
	if (spark_launch_recall(s, a->cluster->uid))
		return check_java(from, s, e);
	if (ask_java(a, from, s, e) || check_java(from, s, e) ||
	    ask_launcher(a, s, daemon_class, &s->launch, e))
		return e->code;
	spark_launch_remember(s, a->cluster->uid);
	return 0;
}
