/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Spark, JDK and python there are, by looking and by asking them.
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
#include "launcher/system/capture.h"
#include "launcher/system/environment.h"
#include "launcher/system/files.h"
#include "launcher/system/owner.h"

enum {
	PROGRAM_TIMEOUT_MS = 30 * 1000,
	ANSWER_MAX = 64 << 10,
};

/* ---- who can change what is run */

static int check_owner(const char *what, const char *path, uid_t uid, struct err *e)
{
	struct owner stranger;
	int r = owner_find_stranger(path, uid, &stranger);

	if (r < 0 && r != -ENOENT)
		return err_errno(e, r, "%s: %s", what, path);
	return r == 1 ? owner_refuse(&stranger, uid, what, e) : 0;
}

/* The directories below `top` that there are, with all that is in them. */
static int check_owners_below(const char *what, const char *top, const char *const *names,
			      uid_t uid, struct err *e)
{
	char path[PROFILE_PATH + 16];

	for (; *names; names++) {
		struct owner stranger;
		int r;

		snprintf(path, sizeof(path), "%s/%s", top, *names);
		r = owner_find_stranger_below(path, uid, &stranger);
		if (r == 1)
			return owner_refuse(&stranger, uid, what, e);
		if (r && r != -ENOENT)
			return err_errno(e, r, "%s: %s", what, path);
	}
	return 0;
}

/* What is executed and loaded of a Spark; its logs may be anybody's. */
static int check_home_owner(const char *what, const char *home, uid_t uid, struct err *e)
{
	static const char *const loaded[] = {"bin", "conf", "jars", "python", NULL};

	return check_owner(what, home, uid, e) || check_owners_below(what, home, loaded, uid, e)
		       ? e->code
		       : 0;
}

static int check_java_owner(const char *what, const char *java, uid_t uid, struct err *e)
{
	static const char *const loaded[] = {"bin", "conf", "jre", "lib", NULL};
	char home[PROFILE_PATH], modules[PROFILE_PATH + 16];
	bool is_jdk;

	if (check_owner(what, java, uid, e))
		return e->code;
	if (string_copy(home, java) || strlen(home) < strlen("/bin/java"))
		return 0;
	home[strlen(home) - strlen("/bin/java")] = '\0';
	/* JEP 220; jre/ before JDK 9. Above a java that is no JDK's may be all of /usr. */
	snprintf(modules, sizeof(modules), "%s/lib/modules", home);
	is_jdk = access(modules, F_OK) == 0;
	snprintf(modules, sizeof(modules), "%s/jre", home);
	is_jdk |= access(modules, F_OK) == 0;
	return is_jdk ? check_owners_below(what, home, loaded, uid, e) : 0;
}

int spark_check_owners(const struct spark *s, uid_t uid, struct err *e)
{
	return check_home_owner("this cluster's Spark", s->home, uid, e) ||
			       check_java_owner("this cluster's Java", s->java, uid, e)
		       ? e->code
		       : 0;
}

/* ---- python3 */

/*
 * The first executable `name` in PATH that the workers' user may execute, as an absolute path; "" if
 * there is none.
 */
static void find_on_path(const struct cluster *c, const char *name, char path[PROFILE_PATH])
{
	const char *dir = getenv("PATH");
	struct err ignored; /* then it is another one */
	struct stat st;

	while (dir && *dir) {
		size_t length = strcspn(dir, ":");
		int n = snprintf(path, PROFILE_PATH, "%.*s/%s", (int)length, dir, name);

		if (dir[0] == '/' && n < PROFILE_PATH && access(path, X_OK) == 0 &&
		    stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		    cluster_user_access(c, path, X_OK, &ignored) == 0)
			return;
		dir += length + (dir[length] == ':');
	}
	path[0] = '\0';
}

/*
 * Run `python -I -c program`, which takes nothing from its directory and environment (-I), and keep
 * the first line that it prints; "" if that fails or is no absolute path.
 */
static void ask_python(const struct cluster *c, const char *python, const char *program,
		       char answer[PROFILE_PATH])
{
	const char *const argv[] = {python, "-I", "-c", program, NULL};
	/* What is on PATH may be a wrapper (pyenv) that needs the caller's environment. */
	cleanup_argv struct argv env = {0};
	char text[PROFILE_PATH];
	size_t length;
	struct err ignored; /* to the callers, a python that does not answer is none */

	answer[0] = '\0';
	environment_put_for(c, &env);
	if (!python[0] || !env.count || env.failed ||
	    capture(c, argv, (const char *const *)env.items, PROGRAM_TIMEOUT_MS, text, sizeof(text),
		    &length, &ignored) != 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (text[0] == '/')
		string_copy_n(answer, PROFILE_PATH, text);
}

int spark_find_python(const struct cluster *c, char path[PROFILE_PATH], struct err *e)
{
	static const char what[] = "python3 on PATH";
	char found[PROFILE_PATH];
	struct stat st;

	path[0] = '\0';
	find_on_path(c, "python3", found);
	if (!found[0])
		return 0;
	if (check_owner(what, found, c->uid, e))
		return e->code;
	ask_python(c, found, "import sys; print(sys.executable)", path);
	if (path[0] && (stat(path, &st) || !S_ISREG(st.st_mode) || access(path, X_OK)))
		path[0] = '\0';
	return path[0] ? check_owner(what, path, c->uid, e) : 0;
}

/* ---- Spark */

bool spark_read_core(const char *name, struct spark *out)
{
	char scala[sizeof(out->scala_version)], version[sizeof(out->version) + 4];
	size_t length;

	if (sscanf(name, "spark-core_%15[^-]-%35s", scala, version) != 2)
		return false;
	length = strlen(version);
	if (length < 5 || !isdigit(version[0]) || strcmp(version + length - 4, ".jar") != 0)
		return false;
	version[length - 4] = '\0';
	string_copy(out->scala_version, scala);
	string_copy(out->version, version);
	return true;
}

/* 0, or negative errno and no sentence. */
static int read_jars(const char *home, struct spark *out)
{
	char path[PROFILE_PATH + 8];
	struct dirent *entry;
	bool is_read = false;
	DIR *jars;

	snprintf(path, sizeof(path), "%s/jars", home);
	jars = opendir(path);
	if (!jars)
		return -errno;
	while (!is_read && (entry = readdir(jars)))
		is_read = spark_read_core(entry->d_name, out);
	closedir(jars);
	return is_read ? 0 : -ENOENT;
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
	if (check_owner(from, home, c->uid, e))
		return e->code;
	snprintf(jars, sizeof(jars), "%s/jars", out->home);
	return cluster_user_access(c, jars, R_OK | X_OK, e) ||
			       check_home_owner(from, out->home, c->uid, e)
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
	/* -I is without the user's own packages, but whose they are is who asks. */
	ask_python(c, out->python,
		   "import importlib.util as u, site, sys\n"
		   "sys.path.append(site.getusersitepackages())\n"
		   "s = u.find_spec('pyspark')\n"
		   "print(s.submodule_search_locations[0] if s else '')",
		   home);
	if (home[0])
		return use_home(c, "pyspark of python3", home, out, e);
	return err_set(e, -ENOENT,
		       "no Spark: spark.home is auto, SPARK_HOME is not set, there is no `spark` "
		       "beside cleave, and %s has no pyspark; set spark.home",
		       out->python[0] ? out->python : "no python3 is on PATH, which");
}

int spark_find_java(const struct profile *p, const struct cluster *c, struct spark *out,
		    const char **from, struct err *e)
{
	const char *variable = getenv("JAVA_HOME");
	const char *home = p->jvm.home[0] ? p->jvm.home : variable && variable[0] ? variable : NULL;
	char path[PROFILE_PATH + 16], real[PATH_MAX];

	*from = p->jvm.home[0] ? "jvm.home" : home ? "JAVA_HOME" : "java on PATH";
	if (home) {
		snprintf(path, sizeof(path), "%s/bin/java", home);
	} else {
		find_on_path(c, "java", path);
		if (!path[0])
			return err_set(e, -ENOENT,
				       "no Java: jvm.home is auto, JAVA_HOME is not set, and no "
				       "java is on PATH; install a JDK or set jvm.home");
	}
	if (access(path, X_OK) < 0)
		return err_errno(e, -errno, "%s: cannot execute %s", *from, path);
	/* Without links, so that the home of the JDK is two directories up. */
	if (!realpath(path, real) || string_copy(out->java, real))
		return err_set(e, -ENAMETOOLONG, "%s: the path of %s is too long", *from, path);
	return spark_path_check(*from, out->java, SPARK_PATH_JDK, e) ||
			       check_owner(*from, path, c->uid, e) ||
			       check_java_owner(*from, out->java, c->uid, e)
		       ? e->code
		       : 0;
}

int spark_java_release(const struct profile *p)
{
	cleanup_free char *text = NULL;
	struct cluster c = {.uid = geteuid(), .gid = getegid()};
	char path[PROFILE_PATH + 16];
	struct spark spark;
	const char *from;
	struct err ignored;
	size_t size;

	/* A JDK that spark_resolve() would refuse is not believed either. */
	if (cluster_user(p, &c, &ignored) || spark_find_java(p, &c, &spark, &from, &ignored))
		return 0;
	*strrchr(spark.java, '/') = '\0';
	snprintf(path, sizeof(path), "%s/../release", spark.java);
	if (file_read(path, ANSWER_MAX, &text, &size, &ignored))
		return 0;
	return spark_feature_release(text, "JAVA_VERSION=\"");
}

int spark_resolve(const struct profile *p, const struct cluster *c, struct spark *out,
		  struct err *e)
{
	cleanup_free struct spark *found = calloc(1, sizeof(*found));
	const char *from;

	if (!found)
		return err_set(e, -ENOMEM, "out of memory");
	if (spark_find_python(c, found->python, e) ||
	    spark_path_check("python3 on PATH", found->python, SPARK_PATH_FILE, e) ||
	    spark_find_home(p, c, found, e) || spark_find_java(p, c, found, &from, e) ||
	    spark_fingerprint(found, found->fingerprint, e))
		return e->code;
	if (spark_ask(&(struct spark_asked){.cluster = c}, from, found, e))
		return e->code;
	*out = *found;
	return 0;
}
