/* SPDX-License-Identifier: Apache-2.0 */
/* Which python3 there is: what it says it is, between whatever wrappers say, and that it is so. */

#include "launcher/spark/room.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

static const char real[] = "/usr/bin/python3";
static char top[PROFILE_PATH - 256], path[PROFILE_PATH];

/* A python3 on PATH, before those there are, that does this; $TOP is the test's directory. */
static void make_python(const char *script)
{
	char program[4096];

	umask(022);
	snprintf(top, sizeof(top), "%s", test_directory());
	snprintf(program, sizeof(program), "#!/bin/sh\nTOP='%s'\n%s\n", top, script);
	snprintf(path, sizeof(path), "%s/shims", top);
	spark_tree_program(path, "python3", program);
	snprintf(path, sizeof(path), "%s/shims:/usr/bin:/bin", top);
	setenv("PATH", path, 1);
	snprintf(path, sizeof(path), "%s/shims/python3", top);
}

static int find(struct python *out, struct err *e)
{
	return spark_find_python(spark_tree_caller(), out, e);
}

START_TEST(wrappers)
{
	static const struct {
		const char *script;
		const char *trouble; /* NULL: it is the real one */
	} cases[] = {
		{"exec /usr/bin/python3 \"$@\"", NULL},
		{"echo 'warning: setlocale: LC_ALL: cannot change locale' >&2\n"
		 "exec /usr/bin/python3 \"$@\"",
		 NULL},
		{"echo 'Welcome to conda'; echo /etc/passwd\nexec /usr/bin/python3 \"$@\"", NULL},
		{"printf 'no newline '\nexec /usr/bin/python3 \"$@\"", NULL},
		{"/usr/bin/python3 \"$@\"; echo 'direnv: unloading'; echo /tmp; echo", NULL},
		{"/usr/bin/python3 \"$@\" | sed 's/$/\\r/'", NULL},
		{"printf '%s' \"$(/usr/bin/python3 \"$@\")\"", NULL},
		{"head -c 300000 /dev/zero | tr '\\0' 'x' >&2\nexec /usr/bin/python3 \"$@\"", NULL},
		{"sleep 1000 &\nexec /usr/bin/python3 \"$@\"", NULL},
		/* It names the interpreter without being one. */
		{"echo /usr/bin/python3; echo 3.9.2", NULL},
		{"echo 'pyenv: python3: command not found' >&2; exit 127",
		 "/shims/python3 failed (status 127): pyenv: python3: command not found"},
		{"echo 'No version is set for python3'; exit 126",
		 "/shims/python3 failed (status 126): No version is set for python3"},
		{"exit 1", "/shims/python3 failed (status 1)"},
		{"kill -11 $$", "/shims/python3 failed (status 139)"},
		{"echo 3.9.2; echo bin/python3",
		 "/shims/python3 says that it is bin/python3, which is no absolute path of a "
		 "program"},
		{"echo 3.9.2; echo /tmp", "says that it is /tmp, which is no absolute path"},
		{"echo 3.9.2; echo /nonexistent/python3",
		 "says that it is /nonexistent/python3, which"},
		{"echo 3.9.2; echo /etc/passwd", "says that it is /etc/passwd, which"},
		{"echo 3.9.2; printf '/usr/bin\\n/python3\\n'", "says that it is /python3, which"},
		{"echo 3.9.2; printf '\\033[31m/x\\n'", "says that it is \\x1b[31m/x, which"},
		{":", "says that it is nothing, which"},
		{"echo 3.9.2; echo /bin/true",
		 "/shims/python3 says that it is /bin/true: /bin/true says that it is nothing"},
		{"echo 3.9.2; echo /bin/false",
		 "says that it is /bin/false: /bin/false failed (status 1)"},
		{"echo 2.7.18; echo $TOP/shims/python3",
		 "/shims/python3 is Python 2.7.18, and PySpark needs Python 3"},
		{"echo $TOP/shims/python3", "/shims/python3 does not answer as a Python 3"},
		{"cat /dev/zero", "/shims/python3 printed more than 65535 bytes"},
	};
	char resolved[PATH_MAX];

	if (access(real, X_OK))
		test_skip("no %s", real);
	ck_assert_ptr_nonnull(realpath(real, resolved));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct python found;
		struct err e;

		make_python(cases[i].script);
		ck_assert_msg(find(&found, &e) == 0, "case %zu: %s", i, e.msg);
		if (!cases[i].trouble) {
			ck_assert_msg(!strcmp(found.path, real) || !strcmp(found.path, resolved),
				      "case %zu: %s %s", i, found.path, found.trouble);
			ck_assert_msg(found.version[0] == '3' && !found.trouble[0], "case %zu: %s",
				      i, found.trouble);
		} else {
			ck_assert_msg(strstr(found.trouble, cases[i].trouble), "case %zu: %s", i,
				      found.trouble);
			ck_assert_str_eq(found.path, "");
		}
	}
}
END_TEST

/* What it names has to be an interpreter of its own; a newline in its path cannot be told. */
START_TEST(names_with_newlines)
{
	char odd[PROFILE_PATH], script[2 * PROFILE_PATH];
	struct python found;
	struct err e;

	make_python("");
	snprintf(odd, sizeof(odd), "%s/a\nb", top);
	spark_tree_program(odd, "python3", "#!/bin/sh\nexec /usr/bin/python3 \"$@\"\n");
	snprintf(script, sizeof(script), "echo 3.9.2; printf '%%s\\n' '%s/python3'", odd);
	make_python(script);
	ck_assert_int_eq(find(&found, &e), 0);
	ck_assert_str_eq(found.path, "");
	ck_assert_ptr_nonnull(strstr(found.trouble, "says that it is b/python3, which"));
}
END_TEST

START_TEST(none_on_path)
{
	struct python found;
	struct err e;

	setenv("PATH", "/nonexistent:.:", 1);
	ck_assert_int_eq(find(&found, &e), 0);
	ck_assert_str_eq(found.path, "");
	ck_assert_str_eq(found.trouble, "");
}
END_TEST

/* What an application gets. */
static int put(const struct spark_tree *t, const char *const *words, struct argv *env,
	       struct err *e)
{
	return spark_put_python(&t->all, &t->cluster, (char *const *)(uintptr_t)words, env, e);
}

START_TEST(the_users_choice)
{
	static const struct {
		const char *python, *driver, *application;
		const char *message; /* NULL: it goes */
	} cases[] = {
		{"/usr/bin/python3", NULL, "app.py", NULL},
		{"python3", NULL, "app.py", NULL},
		{"/usr/bin/python3", "python3", "app.py", NULL},
		{"./environment/bin/python", NULL, "app.py", NULL}, /* of --archives */
		{"/nonexistent/python", NULL, "app.jar", NULL},	    /* it needs none */
		{"/nonexistent/python", NULL, "app.py",
		 "PYSPARK_PYTHON=/nonexistent/python: there is no such program; set it to an "
		 "interpreter, or unset it"},
		{"/nonexistent/python", NULL, "pyspark-shell", "PYSPARK_PYTHON=/nonexistent"},
		{"no-such-python", NULL, "app.py",
		 "PYSPARK_PYTHON=no-such-python: there is no such program on PATH"},
		{"/tmp", NULL, "app.py", "PYSPARK_PYTHON=/tmp: there is no such program"},
		{"/etc/passwd", NULL, "app.py", "PYSPARK_PYTHON=/etc/passwd: there is no such"},
		{"/bin/false", NULL, "app.py",
		 "PYSPARK_PYTHON=/bin/false: /bin/false failed (status 1)"},
		{"/usr/bin/python3", "/nonexistent/jupyter", "app.py",
		 "PYSPARK_DRIVER_PYTHON=/nonexistent/jupyter: there is no such program"},
	};

	if (access(real, X_OK))
		test_skip("no %s", real);
	setenv("PATH", "/usr/bin:/bin", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cleanup_free struct spark_tree *t = spark_tree_new("/t");
		cleanup_argv struct argv env = {0};
		const char *const words[] = {"--name", "x.py", cases[i].application, NULL};
		struct err e = {.msg = ""};
		int r;

		argv_put(&env, "PYSPARK_PYTHON", cases[i].python);
		if (cases[i].driver)
			argv_put(&env, "PYSPARK_DRIVER_PYTHON", cases[i].driver);
		r = put(t, words, &env, &e);
		if (cases[i].message)
			ck_assert_msg(r == -ENOENT || r == -ENOEXEC, "case %zu: %d", i, r);
		ck_assert_msg(cases[i].message ? strstr(e.msg, cases[i].message) != NULL : r == 0,
			      "case %zu: %s", i, e.msg);
		/* Executors have another PATH. */
		ck_assert_str_eq(argv_value(&env, "PYSPARK_PYTHON"),
				 strcmp(cases[i].python, "python3") ? cases[i].python
								    : "/usr/bin/python3");
		/* Told by the doctor, and not where it is another cluster's to see. */
		setenv("PYSPARK_PYTHON", cases[i].python, 1);
		if (cases[i].driver)
			setenv("PYSPARK_DRIVER_PYTHON", cases[i].driver, 1);
		if (cases[i].message)
			ck_assert_int_eq(spark_check_choice(&t->cluster, &e), r);
		unsetenv("PYSPARK_DRIVER_PYTHON");
	}
}
END_TEST

START_TEST(the_profiles_python_is_the_drivers_too)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_argv struct argv env = {0}, other = {0};
	static const char *const application[] = {"app.py", NULL};
	struct err e;

	if (access(real, X_OK))
		test_skip("no %s", real);
	setenv("PATH", "/usr/bin:/bin", 1);
	ck_assert_int_eq(strings_add(&t->profile.spark.env, "PYSPARK_PYTHON"), 0);
	ck_assert_int_eq(strings_add(&t->profile.spark.env, real), 0);
	ck_assert_int_eq(put(t, application, &env, &e), 0);
	ck_assert_str_eq(argv_value(&env, "PYSPARK_PYTHON"), real);
	argv_put(&other, "PYSPARK_PYTHON", "./environment/bin/python");
	ck_assert_int_eq(put(t, application, &other, &e), 0);
	ck_assert_str_eq(argv_value(&other, "PYSPARK_PYTHON"), "./environment/bin/python");
}
END_TEST

START_TEST(the_one_on_path_is_put)
{
	static const char *const application[] = {"app.py", NULL};
	static const char *const jar[] = {"app.jar", "app.py", NULL};
	static const char *const own[] = {"--conf", "spark.pyspark.python=/usr/bin/python3",
					  "app.py", NULL};
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_argv struct argv env = {0}, none = {0}, empty = {0};
	struct err e;

	if (access(real, X_OK))
		test_skip("no %s", real);
	setenv("PATH", "/usr/bin:/bin", 1);
	argv_put(&env, "PYSPARK_DRIVER_PYTHON", "env"); /* as it were a notebook */
	ck_assert_msg(put(t, application, &env, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(argv_value(&env, "PYSPARK_PYTHON"), real);
	ck_assert_str_eq(argv_value(&env, "PYSPARK_DRIVER_PYTHON"), "env");
	argv_put(&empty, "PYSPARK_PYTHON", "");
	ck_assert_msg(put(t, application, &empty, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(argv_value(&empty, "PYSPARK_PYTHON"), real);
	ck_assert_str_eq(argv_value(&empty, "PYSPARK_DRIVER_PYTHON"), real);
	make_python("echo 'pyenv: no python3' >&2; exit 127");
	ck_assert_int_eq(put(t, application, &none, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.msg, "app.py is a Python program, and "));
	ck_assert_ptr_nonnull(
		strstr(e.msg, "failed (status 127): pyenv: no python3; set PYSPARK_PYTHON"));
	/* Neither needs it. */
	ck_assert_int_eq(put(t, jar, &none, &e), 0);
	ck_assert_int_eq(put(t, own, &none, &e), 0);
	ck_assert_int_eq(put(t, NULL, &none, &e), 0);
	setenv("PATH", "/nonexistent", 1);
	ck_assert_int_eq(put(t, application, &none, &e), -ENOENT);
	ck_assert_str_eq(e.msg, "app.py is a Python program, and there is no python3 on PATH; set "
				"PYSPARK_PYTHON");
	ck_assert_ptr_null(argv_value(&none, "PYSPARK_PYTHON"));
}
END_TEST

/* Properties go before variables: a word's, then the profile's. */
START_TEST(the_users_property)
{
	static const struct {
		const char *profile, *words[3];
		const char *message; /* NULL: it goes */
	} cases[] = {
		{NULL, {"--conf", "spark.pyspark.python=/usr/bin/python3"}, NULL},
		{NULL, {"--conf=spark.pyspark.python=/usr/bin/python3"}, NULL},
		{"/usr/bin/python3", {NULL}, NULL},
		{"/none", {"--conf", "spark.pyspark.python=python3"}, NULL},
		{"/none", {NULL}, "spark.pyspark.python=/none: there is no such program"},
		{NULL,
		 {"--conf", "spark.pyspark.python=/none"},
		 "spark.pyspark.python=/none: there is no such program"},
		{"/usr/bin/python3",
		 {"--conf", "spark.pyspark.driver.python=/none"},
		 "spark.pyspark.driver.python=/none: there is no such program"},
		/* Another property, whose value has the name. */
		{NULL,
		 {"--conf", "spark.x=spark.pyspark.python"},
		 "PYSPARK_PYTHON=/nonexistent: there is no such program"},
	};

	if (access(real, X_OK))
		test_skip("no %s", real);
	setenv("PATH", "/usr/bin:/bin", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cleanup_free struct spark_tree *t = spark_tree_new("/t");
		cleanup_argv struct argv env = {0};
		const char *words[4] = {cases[i].words[0], cases[i].words[1]};
		struct err e = {.msg = ""};
		int r;

		words[cases[i].words[1] ? 2 : cases[i].words[0] ? 1 : 0] = "app.py";
		argv_put(&env, "PYSPARK_PYTHON", "/nonexistent");
		if (cases[i].profile) {
			strings_add(&t->profile.spark.conf, "spark.pyspark.python");
			strings_add(&t->profile.spark.conf, cases[i].profile);
		}
		r = put(t, words, &env, &e);
		ck_assert_msg(cases[i].message ? r == -ENOENT && strstr(e.msg, cases[i].message)
					       : r == 0,
			      "case %zu: %s", i, e.msg);
		/* Containers have others. */
		string_copy(t->spark.image, "sha256:1");
		ck_assert_int_eq(put(t, words, &env, &e), 0);
	}
}
END_TEST

/* Root runs nothing that others could change, by whatever name. */
START_TEST(a_strangers_choice)
{
	static const char *const words[] = {"app.py", NULL};
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_argv struct argv env = {0};
	struct err e;

	if (geteuid() != 0)
		test_skip("not root");
	make_python("touch $TOP/ran; exec /usr/bin/python3 \"$@\"");
	ck_assert_int_eq(chown(path, 12345, 12345), 0);
	argv_put(&env, "PYSPARK_PYTHON", path);
	ck_assert_int_eq(put(t, words, &env, &e), -EPERM);
	ck_assert_ptr_nonnull(strstr(e.msg, "PYSPARK_PYTHON: "));
	ck_assert_ptr_nonnull(strstr(e.msg, "/shims/python3 belongs to user"));
	argv_put(&env, "PYSPARK_PYTHON", "python3");
	ck_assert_int_eq(put(t, words, &env, &e), -EPERM);
	snprintf(path, sizeof(path), "%s/ran", top);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* A package of a Python that says more than asked. */
START_TEST(pyspark_is_a_directory)
{
	char home[PROFILE_PATH], script[2 * PROFILE_PATH], package[PROFILE_PATH];

	make_python("");
	snprintf(package, sizeof(package), "%s/site/pyspark", top);
	spark_tree_program(package, "__init__.py", "");
	snprintf(script, sizeof(script), "echo warning >&2; echo banner; echo '%s'; echo bye",
		 package);
	make_python(script);
	spark_find_pyspark(spark_tree_caller(), path, home);
	ck_assert_str_eq(home, package);
	make_python("echo /nonexistent; echo pyspark; echo /etc/passwd");
	spark_find_pyspark(spark_tree_caller(), path, home);
	ck_assert_str_eq(home, "");
	make_python("echo /tmp; exit 1");
	spark_find_pyspark(spark_tree_caller(), path, home);
	ck_assert_str_eq(home, "");
	spark_find_pyspark(spark_tree_caller(), "", home);
	ck_assert_str_eq(home, "");
}
END_TEST

TEST_MAIN("python", test_case("asked", wrappers, names_with_newlines, none_on_path),
	  test_case("given", the_users_choice, the_users_property, a_strangers_choice,
		    the_profiles_python_is_the_drivers_too, the_one_on_path_is_put,
		    pyspark_is_a_directory))
