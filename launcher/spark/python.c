/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which python3 there is, by asking it, and which one an application gets.
 */

#include "launcher/spark/room.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/system/capture.h"
#include "launcher/system/environment.h"

enum { PYTHON_TIMEOUT_MS = 30 * 1000, PYTHON_ANSWER = 64 << 10 };

/* ---- on PATH */

void spark_find_on_path(const struct cluster *c, const char *name, char path[PROFILE_PATH])
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

/* ---- asked */

/* What is on PATH may be a wrapper (pyenv, conda) that says more than the answer. */
static int is_program(const char *line)
{
	struct stat st;

	return line[0] == '/' && strlen(line) < PROFILE_PATH && stat(line, &st) == 0 &&
	       S_ISREG(st.st_mode) && access(line, X_OK) == 0;
}

static int is_directory(const char *line)
{
	struct stat st;

	return line[0] == '/' && strlen(line) < PROFILE_PATH && stat(line, &st) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int is_version(const char *line)
{
	unsigned a, b, c;
	int n = 0;

	return strlen(line) < JAVA_TEXT && sscanf(line, "%3u.%3u.%3u%n", &a, &b, &c, &n) == 3 &&
	       !line[n];
}

static int is_text(const char *line)
{
	return line[strspn(line, " \t")] != '\0';
}

/*
 * Run `python -I -c program`, which takes nothing from its directory and environment (-I), to its
 * end; `text` has room for what it prints. The sentence names the program.
 */
static int ask(const struct cluster *c, const char *python, const char *program, struct printed *p,
	       struct err *e)
{
	const char *const argv[] = {python, "-I", "-c", program, NULL};
	/* A wrapper needs the caller's environment. */
	cleanup_argv struct argv env = {0};
	char reason[PRINTED_REASON];
	int status;

	environment_put_for(c, &env);
	if (!env.count || env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	status = capture(c, argv, (const char *const *)env.items, PYTHON_TIMEOUT_MS, p, e);
	if (status < 0)
		return status;
	if (status)
		return err_set(e, -ENOEXEC, "%s failed (status %d)%s%s", python, status,
			       printed_reason(p, reason)[0] ? ": " : "", reason);
	return 0;
}

/* Begins with a newline: what was printed before may have none at its end. */
static const char who_are_you[] =
	"import sys\n"
	"print('\\n%d.%d.%d\\n%s' % (tuple(sys.version_info[:3]) + (sys.executable,)))";

/* What `python` says it is. */
static int ask_python(const struct cluster *c, const char *python, struct python *out,
		      struct err *e)
{
	cleanup_free char *text = malloc(PYTHON_ANSWER);
	cleanup_free struct printed *p = calloc(1, sizeof(*p));
	char reason[PRINTED_REASON];
	const char *path, *version;

	if (!text || !p)
		return err_set(e, -ENOMEM, "out of memory");
	p->out = text;
	p->size = PYTHON_ANSWER;
	if (ask(c, python, who_are_you, p, e))
		return e->code;
	printed_reason(p, reason);
	path = printed_last_line(p, is_program);
	version = printed_last_line(p, is_version);
	if (!path) {
		path = printed_last_line(p, is_text);
		return err_set(e, -ENOEXEC,
			       "%s says that it is %s, which is no absolute path of a program",
			       python, path ? path : "nothing");
	}
	if (!version)
		return err_set(e, -ENOEXEC, "%s does not answer as a Python 3: %s", python, reason);
	if (strtol(version, NULL, 10) < 3)
		return err_set(e, -ENOEXEC, "%s is Python %s, and PySpark needs Python 3", python,
			       version);
	string_copy(out->path, path);
	string_copy(out->version, version);
	return 0;
}

/*
 * What `python` says it is, and that it is so: the interpreter is asked itself. -EPERM: a stranger
 * could change it.
 */
static int follow(const struct cluster *c, const char *what, const char *python, struct python *out,
		  struct err *e)
{
	struct python named = {.path = ""}, itself = {.path = ""};

	if (spark_check_owner(what, python, c->uid, e) || ask_python(c, python, &named, e))
		return e->code;
	if (strcmp(named.path, python) == 0) {
		*out = named;
		return 0;
	}
	if (spark_check_owner(what, named.path, c->uid, e))
		return e->code;
	if (cluster_user_access(c, named.path, X_OK, e) || ask_python(c, named.path, &itself, e))
		return err_wrap(e, "%s says that it is %s", python, named.path);
	string_copy(itself.path, named.path);
	*out = itself;
	return 0;
}

int spark_find_python(const struct cluster *c, struct python *out, struct err *e)
{
	static const char what[] = "python3 on PATH";
	char found[PROFILE_PATH];
	struct err why;

	*out = (struct python){.path = ""};
	spark_find_on_path(c, "python3", found);
	if (!found[0] || follow(c, what, found, out, &why) == 0)
		return out->path[0] ? spark_path_check(what, out->path, SPARK_PATH_FILE, e) : 0;
	if (why.code == -EPERM) {
		*e = why;
		return e->code;
	}
	foreign_escape(why.msg, out->trouble, sizeof(out->trouble));
	return 0;
}

void spark_find_pyspark(const struct cluster *c, const char *python, char home[PROFILE_PATH])
{
	/* -I is without the user's own packages, but whose they are is who asks. */
	static const char program[] = "import importlib.util as u, site, sys\n"
				      "sys.path.append(site.getusersitepackages())\n"
				      "s = u.find_spec('pyspark')\n"
				      "print('\\n' + s.submodule_search_locations[0] if s else '')";
	cleanup_free char *text = malloc(PYTHON_ANSWER);
	cleanup_free struct printed *p = calloc(1, sizeof(*p));
	const char *found = NULL;
	struct err ignored; /* then it has none */

	home[0] = '\0';
	if (!text || !p || !python[0])
		return;
	p->out = text;
	p->size = PYTHON_ANSWER;
	if (ask(c, python, program, p, &ignored) == 0)
		found = printed_last_line(p, is_directory);
	if (found)
		string_copy_n(home, PROFILE_PATH, found);
}

/* ---- an application's */

static const char variable[] = "PYSPARK_PYTHON", driver_variable[] = "PYSPARK_DRIVER_PYTHON";

/*
 * What the user's own choice names has to be there. A path that begins in another directory is
 * one of the executors', as of --archives, and is not looked at.
 */
static int find_choice(const struct cluster *who, const char *name, const char *choice,
		       char path[PROFILE_PATH], struct err *e)
{
	path[0] = '\0';
	if (choice[0] != '/' && strchr(choice, '/'))
		return 0;
	if (choice[0] != '/') {
		spark_find_on_path(who, choice, path);
		return path[0] ? 0
			       : err_set(e, -ENOENT,
					 "%s=%s: there is no such program on PATH; set it to an "
					 "interpreter, or unset it",
					 name, choice);
	}
	if (!is_program(choice))
		return err_set(e, -ENOENT,
			       "%s=%s: there is no such program; set it to an interpreter, or "
			       "unset it",
			       name, choice);
	string_copy_n(path, PROFILE_PATH, choice);
	return cluster_user_access(who, path, X_OK, e) ? err_wrap(e, "%s", name) : 0;
}

/* What names a program, and which. */
struct choice {
	const char *name, *value; /* NULL or "": none */
};

/* The interpreter has to run; the driver's may be a notebook, and has to be there. */
static int check_choices(const struct cluster *who, const struct choice *python,
			 const struct choice *driver, struct err *e)
{
	struct python found = {.path = ""};
	char path[PROFILE_PATH] = "";

	if (python->value && python->value[0] &&
	    (find_choice(who, python->name, python->value, path, e) ||
	     (path[0] && follow(who, python->name, path, &found, e) &&
	      (e->code == -EPERM || err_wrap(e, "%s=%s", python->name, python->value)))))
		return e->code;
	return driver->value && driver->value[0]
		       ? find_choice(who, driver->name, driver->value, path, e)
		       : 0;
}

int spark_check_choice(const struct cluster *who, struct err *e)
{
	const struct choice python = {variable, getenv(variable)};
	const struct choice driver = {driver_variable, getenv(driver_variable)};

	return check_choices(who, &python, &driver, e);
}

/* Whether these words of spark-submit are an application in Python. */
static bool is_python(char *const *words)
{
	static const char shell[] = "pyspark-shell";
	const char *application = words ? words[spark_application_word(words)] : NULL;
	size_t length = application ? strlen(application) : 0;

	return length >= 3 && (strcmp(application + length - 3, ".py") == 0 ||
			       strncmp(application, shell, strlen(shell)) == 0);
}

/* What a property is set to: by the words, of which the last counts, else by the profile. */
static const char *find_property(const struct spark_cluster *c, char *const *words,
				 const char *property)
{
	char *const *end = words + spark_application_word(words);
	const char *value = strings_value(&c->profile->spark.conf, property);
	size_t length = strlen(property);

	for (; words < end; words++) {
		const char *at = strstr(*words, property);

		/* --conf NAME=value, --conf=NAME=value */
		if (at && at[length] == '=' && (at == *words || at[-1] == '='))
			value = at + length + 1;
	}
	return value;
}

/*
 * What Spark would take for executors and for the driver: a property, else the variable. It is
 * looked at where both are here, not in containers.
 */
static int check_application(const struct spark_cluster *c, const struct cluster *who,
			     char *const *words, const struct argv *env, bool *is_chosen,
			     struct err *e)
{
	static const char of_all[] = "spark.pyspark.python",
			  of_driver[] = "spark.pyspark.driver.python";
	struct choice python = {of_all, find_property(c, words, of_all)};
	struct choice driver = {of_driver, find_property(c, words, of_driver)};

	if (!python.value)
		python = (struct choice){variable, argv_value(env, variable)};
	if (!driver.value && python.name == variable)
		driver = (struct choice){driver_variable, argv_value(env, driver_variable)};
	*is_chosen = python.value && python.value[0];
	return c->spark->image[0] || c->contained ? 0 : check_choices(who, &python, &driver, e);
}

/* One Python for driver and executors: the shell's of this run, else the profile's. */
static void put_profiles(const struct spark_cluster *c, struct argv *env)
{
	const char *theirs = argv_value(env, variable);
	const char *ours = strings_value(&c->profile->spark.env, variable);

	if ((!theirs || !theirs[0]) && ours)
		argv_put(env, variable, ours);
}

static int refuse_none(const struct spark_cluster *c, char *const *words, const char *trouble,
		       struct err *e)
{
	return err_set(e, -ENOENT, "%s is a Python program, and %s; set PYSPARK_PYTHON",
		       words[spark_application_word(words)],
		       trouble[0]	    ? trouble
		       : c->spark->image[0] ? "the image has no python3"
					    : "there is no python3 on PATH");
}

int spark_put_python(const struct spark_cluster *c, const struct cluster *who, char *const *words,
		     struct argv *env, struct err *e)
{
	const char *theirs, *driver;
	bool is_contained = c->spark->image[0] != '\0', is_chosen = false;
	struct python found = {.path = ""};

	put_profiles(c, env);
	theirs = argv_value(env, variable);
	driver = argv_value(env, driver_variable);
	if (is_python(words) && check_application(c, who, words, env, &is_chosen, e))
		return e->code;
	if (theirs && theirs[0]) {
		/* The user's own choice. Executors have another PATH: a name becomes what it is here. */
		if (!is_contained && !c->contained && !strchr(theirs, '/'))
			spark_find_on_path(who, theirs, found.path);
		if (found.path[0])
			argv_put(env, variable, found.path);
		return 0;
	}
	if (is_contained)
		string_copy(found.path, c->spark->python);
	else if (spark_find_python(who, &found, e))
		return e->code;
	if (!found.path[0] && is_python(words) && !is_chosen)
		return refuse_none(c, words, found.trouble, e);
	if (found.path[0]) {
		argv_put(env, variable, found.path);
		if (!driver || !driver[0])
			argv_put(env, driver_variable, found.path);
	}
	/* Executors run what the driver names. */
	if (c->contained && c->contained->python[0])
		argv_put(env, variable, c->contained->python);
	return 0;
}

int spark_check_python(const struct spark_cluster *c, char *const *words, struct err *e)
{
	cleanup_argv struct argv env = {0};
	bool is_chosen = false;

	if (!is_python(words))
		return 0;
	environment_put_for(c->cluster, &env);
	put_profiles(c, &env);
	if (check_application(c, c->cluster, words, &env, &is_chosen, e))
		return e->code;
	/* The one on PATH was asked with Spark. */
	return is_chosen || c->spark->python[0]
		       ? 0
		       : refuse_none(c, words, c->spark->python_trouble, e);
}
