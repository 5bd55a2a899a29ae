/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Spark and JDK there are, by looking.
 */

#include "launcher/spark/room.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/java.h"
#include "launcher/system/files.h"

enum { RELEASE_MAX = 64 << 10 };

/* ---- Spark */

void spark_read_jar(const char *name, struct spark *out)
{
	char scala[sizeof(out->scala_version)], version[sizeof(out->version) + 4], *end;
	bool is_core = sscanf(name, "spark-core_%15[^-]-%35s", scala, version) == 2;

	if (!is_core && sscanf(name, "hadoop-client-api-%35s", version) != 1)
		return;
	end = strstr(version, ".jar");
	if (!isdigit(version[0]) || !end || end[4])
		return;
	*end = '\0';
	if (!is_core) {
		snprintf(out->hadoop, sizeof(out->hadoop), "%.*s", JAVA_TEXT - 1, version);
	} else if (!out->version[0]) {
		string_copy(out->scala_version, scala);
		string_copy(out->version, version);
	}
}

/* 0, or negative errno and no sentence. */
static int read_jars(const char *home, struct spark *out)
{
	char path[PROFILE_PATH + 8];
	struct dirent *entry;
	DIR *jars;

	snprintf(path, sizeof(path), "%s/jars", home);
	jars = opendir(path);
	if (!jars)
		return -errno;
	out->version[0] = out->hadoop[0] = '\0';
	while ((entry = readdir(jars)))
		spark_read_jar(entry->d_name, out);
	closedir(jars);
	return out->version[0] ? 0 : -ENOENT;
}

/* Take `home`, which `from` (a profile key, a variable, a place) names. */
static int use_home(const struct cluster *c, const char *from, const char *home, struct spark *out,
		    struct err *e)
{
	char jars[PROFILE_PATH + 8], submit[PROFILE_PATH + 32], real[PATH_MAX];
	int r;

	if (!realpath(home, real))
		return err_errno(e, -errno, "%s: no Spark at %s", from, home);
	if (string_copy(out->home, real))
		return err_set(e, -ENAMETOOLONG, "%s: the path of Spark is longer than %d bytes",
			       from, PROFILE_PATH - 1);
	if (spark_path_check(from, out->home, SPARK_PATH_CLASSES, e))
		return e->code;
	r = read_jars(out->home, out);
	if (r == -ENOENT)
		return err_set(e, r,
			       "%s: %s has no jars/spark-core_*.jar, so it is no Spark; set "
			       "spark.home to an unpacked Spark or a pyspark directory",
			       from, out->home);
	if (r)
		return err_errno(e, r, "%s: cannot read %s/jars", from, out->home);
	snprintf(submit, sizeof(submit), "%s/bin/spark-submit", out->home);
	if (access(submit, X_OK) < 0)
		return err_errno(e, -errno, "%s: cannot execute %s", from, submit);
	/* By the way that was named, for who can change a link on it chooses the Spark. */
	if (spark_check_owner(from, home, c->uid, e))
		return e->code;
	snprintf(jars, sizeof(jars), "%s/jars", out->home);
	return cluster_user_access(c, jars, R_OK | X_OK, e) ||
			       spark_check_home_owner(from, out->home, c->uid, e)
		       ? e->code
		       : 0;
}

int spark_find_home(const struct profile *p, const struct cluster *c, struct spark *out,
		    struct err *e)
{
	const char *variable = getenv("SPARK_HOME");
	char home[PROFILE_PATH], self[PATH_MAX] = "", *slash;

	if (p->spark.home[0])
		return use_home(c, "spark.home", p->spark.home, out, e);
	if (variable && variable[0])
		return use_home(c, "SPARK_HOME", variable, out, e);
	/* build/spark for build/cleave */
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0 &&
	    (slash = strrchr(self, '/')) &&
	    snprintf(home, sizeof(home), "%.*s/spark", (int)(slash - self), self) < PROFILE_PATH &&
	    access(home, F_OK) == 0)
		return use_home(c, "spark beside cleave", home, out, e);
	spark_find_pyspark(c, out->python, home);
	if (home[0])
		return use_home(c, "pyspark of python3", home, out, e);
	return err_set(e, -ENOENT,
		       "no Spark: spark.home is auto, SPARK_HOME is not set, there is no `spark` "
		       "beside cleave, and %s%s; set spark.home",
		       out->python[0]		? out->python
		       : out->python_trouble[0] ? out->python_trouble
						: "no python3 is on PATH",
		       out->python[0] ? " has no pyspark" : "");
}

/* ---- Java */

/*
 * What a JVM will call its java.home, if `java`, a path without links, is the one in its bin/, or
 * in that of the JDK 8 around it. False: it is another program, which has to be asked.
 */
static bool guess_java_home(const char *java, char home[PROFILE_PATH])
{
	static const char *const below[] = {"/jre", "", NULL};
	const char *name = strrchr(java, '/'), *bin;

	for (bin = name; bin && bin > java && bin[-1] != '/'; bin--)
		;
	for (const char *const *jre = below; bin > java + 1 && *jre; jre++)
		if (snprintf(home, PROFILE_PATH, "%.*s%s", (int)(bin - 1 - java), java, *jre) <
			    PROFILE_PATH &&
		    spark_has_java(home))
			return true;
	home[0] = '\0';
	return false;
}

/*
 * Why there is no HOME/bin/java: JAVA_HOME is easily a JDK's bin, its java, or a directory of
 * shims.
 */
static int refuse_java_home(const char *from, const char *home, const char *path, struct err *e)
{
	const int r = home && home[0] != '/' ? -EINVAL : -errno;
	const char *what = NULL;
	char other[PROFILE_PATH + 16];
	struct stat st;

	if (!home)
		return err_errno(e, r, "%s: cannot execute %s", from, path);
	snprintf(other, sizeof(other), "%s/java", home);
	if (home[0] != '/')
		what = "is no absolute path";
	else if (stat(home, &st) == 0 && S_ISREG(st.st_mode))
		what = "is a file";
	else if (access(other, X_OK) == 0)
		what = "has java itself, and no bin/java";
	if (!what)
		return err_errno(e, r, "%s: cannot execute %s", from, path);
	return err_set(e, r,
		       "%s: cannot execute %s: %s %s; set %s to the directory of a JDK, in which "
		       "bin/java is",
		       from, path, home, what, from);
}

int spark_find_java(const struct profile *p, const struct cluster *c, struct spark *out,
		    const char **from, struct err *e)
{
	const char *variable = getenv("JAVA_HOME");
	const char *home = p->jvm.home[0] ? p->jvm.home : variable && variable[0] ? variable : NULL;
	char path[PROFILE_PATH + 16], real[PATH_MAX];
	struct stat st;

	*from = p->jvm.home[0] ? "jvm.home" : home ? "JAVA_HOME" : "java on PATH";
	if (home && snprintf(path, sizeof(path), "%s/bin/java", home) >= (int)sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s: its path is longer than %d bytes", *from,
			       PROFILE_PATH - 1);
	if (!home) {
		spark_find_on_path(c, "java", path);
		if (!path[0])
			return err_set(e, -ENOENT,
				       "no Java: jvm.home is auto, JAVA_HOME is not set, and no "
				       "java is on PATH; install a JDK or set jvm.home");
	}
	if (path[0] != '/' || access(path, X_OK) < 0)
		return refuse_java_home(*from, home, path, e);
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return err_set(e, -EACCES, "%s: cannot execute %s: it is no file", *from, path);
	if (!realpath(path, real) || string_copy(out->java, real))
		return err_set(e, -ENAMETOOLONG, "%s: the path of %s is too long", *from, path);
	if (spark_path_check(*from, out->java, SPARK_PATH_JDK, e) ||
	    spark_check_owner(*from, path, c->uid, e) ||
	    spark_check_owner(*from, out->java, c->uid, e) ||
	    cluster_user_access(c, out->java, X_OK, e))
		return e->code;
	/* Where it lies in a JDK it is asked once, and then its home is known; a shim always. */
	if (guess_java_home(real, out->java_home) &&
	    spark_check_java_owner(*from, out->java, out->java_home, c->uid, e))
		return e->code;
	if (out->java_home[0] &&
	    snprintf(out->java, sizeof(out->java), "%s/bin/java", out->java_home) >= PROFILE_PATH)
		return err_set(e, -ENAMETOOLONG, "%s: the path of %s is too long", *from, path);
	return 0;
}

int spark_java_release(const struct profile *p)
{
	static const char label[] = "JAVA_VERSION=\"";
	/* JDK 8 has it above its java.home. */
	static const char *const places[] = {"release", "../release", NULL};
	struct cluster c = {.uid = geteuid(), .gid = getegid()};
	char path[PROFILE_PATH + 16];
	struct spark spark = {.home = ""};
	const char *from, *at;
	struct err ignored;
	size_t size;

	/* A JDK that spark_resolve() would refuse is not believed either. */
	if (cluster_user(p, &c, &ignored) || spark_find_java(p, &c, &spark, &from, &ignored) ||
	    !spark.java_home[0])
		return 0;
	for (const char *const *place = places; *place; place++) {
		cleanup_free char *text = NULL;

		snprintf(path, sizeof(path), "%s/%s", spark.java_home, *place);
		if (file_read(path, RELEASE_MAX, &text, &size, &ignored) == 0 &&
		    (at = strstr(text, label)))
			return java_feature_release(at + strlen(label));
	}
	return 0;
}

/* ---- all of it */

int spark_resolve(const struct profile *p, const struct cluster *c, struct spark *out,
		  struct err *e)
{
	cleanup_free struct spark *found = calloc(1, sizeof(*found));
	struct python python;
	const char *from;

	if (!found)
		return err_set(e, -ENOMEM, "out of memory");
	if (spark_find_python(c, &python, e))
		return e->code;
	string_copy(found->python, python.path);
	string_copy(found->python_version, python.version);
	string_copy(found->python_trouble, python.trouble);
	if (spark_find_home(p, c, found, e) || spark_find_java(p, c, found, &from, e) ||
	    spark_ask(&(struct spark_asked){.cluster = c}, from, found, e))
		return e->code;
	*out = *found;
	return 0;
}
