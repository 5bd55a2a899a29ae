/* SPDX-License-Identifier: Apache-2.0 */
/* What of the caller's environment others get. */

#include "launcher/system/environment.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

static const char *const secrets[] = {
	"KRB5CCNAME",
	"SSH_AUTH_SOCK",
	"XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS",
	"AWS_SECRET_ACCESS_KEY",
	"GOOGLE_APPLICATION_CREDENTIALS",
	"PYSPARK_GATEWAY_SECRET",
	"SPARK_REMOTE",
	"HADOOP_CREDSTORE_PASSWORD",
	"JAVA_TOOL_OPTIONS",
	"LD_PRELOAD_OF_ROOT",
	"PYTHONPATH",
	"MAIL",
	"SUDO_COMMAND",
	NULL,
};
static const char *const of_this_process[] = {
	"NOTIFY_SOCKET", "LISTEN_FDS",	 "LISTEN_PID",	  "LISTEN_FDNAMES",
	"WATCHDOG_USEC", "WATCHDOG_PID", "HWLOC_XMLFILE", NULL};
static const char *const common[] = {"LANG",
				     "LC_ALL",
				     "TERM",
				     "PYSPARK_PYTHON",
				     "HADOOP_CONF_DIR",
				     "YARN_CONF_DIR",
				     "SPARK_CONF_DIR",
				     "SPARK_SUBMIT_OPTS",
				     NULL};

static void set(const char *const *names)
{
	for (; *names; names++)
		setenv(*names, "/x", 1);
}

static void check(const struct argv *env, const char *const *names, const char *value)
{
	for (; *names; names++) {
		const char *there = argv_value(env, *names);

		ck_assert_msg(value ? there && strcmp(there, value) == 0 : !there, "%s is %s",
			      *names, there ? there : "not there");
	}
}

START_TEST(of_the_same_user)
{
	struct cluster own = {.uid = geteuid()};
	cleanup_argv struct argv env = {0}, same = {0};

	set(secrets);
	set(of_this_process);
	set(common);
	setenv("HOME", "/mine", 1);
	environment_put_caller(&env);
	environment_put_for(&own, &same);
	check(&env, secrets, "/x");
	check(&env, common, "/x");
	check(&env, of_this_process, NULL);
	ck_assert_str_eq(argv_value(&env, "HOME"), "/mine");
	ck_assert_uint_eq(env.count, same.count);
}
END_TEST

START_TEST(of_another_user)
{
	struct cluster other = {.uid = geteuid() == 65534 ? 0 : 65534};
	cleanup_argv struct argv env = {0};

	set(secrets);
	set(of_this_process);
	set(common);
	setenv("HOME", "/mine", 1);
	setenv("USER", "me", 1);
	environment_put_for(&other, &env);
	check(&env, secrets, NULL);
	check(&env, of_this_process, NULL);
	check(&env, common, "/x");
	ck_assert_ptr_nonnull(argv_value(&env, "PATH"));
	ck_assert_str_ne(argv_value(&env, "HOME"), "/mine");
	ck_assert_str_ne(argv_value(&env, "USER"), "me");
	ck_assert_str_eq(argv_value(&env, "USER"), argv_value(&env, "LOGNAME"));
}
END_TEST

/* ---- who a process of the cluster is */

/* Pairs as spark.env has them. */
static struct strings pairs(const char *const *words)
{
	struct strings list = {0};

	for (; words && *words; words++)
		ck_assert_int_eq(strings_add(&list, *words), 0);
	return list;
}

/* The same, whoever's shell it was. */
START_TEST(whoevers_shell_it_was)
{
	static const char *const shells[][12] = {
		{NULL},
		{"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/zsh", "SUDO_USER=me",
		 "SUDO_UID=7", "MAIL=/var/mail/root", "XDG_RUNTIME_DIR=/", "TZ=Asia/Tokyo", NULL},
		{"HOME=", "HOME=/other", "USER=", "DOAS_USER=x", "XDG_RUNTIME_DIR=", NULL},
		{"LC_ALL=C", "LANG=de_DE.UTF-8", "LANGUAGE=de:fr", NULL},
		{"LC_ALL=POSIX", "LC_CTYPE=C.UTF-8", NULL},
		{"LC_ALL=xx_YY.ISO-8859-1", "LC_MESSAGES=de_DE", NULL},
		{"LANG=xx_YY.UTF-8", "TZ=:nowhere", NULL},
		{"LC_CTYPE=en_US", "LC_NUMERIC=de_DE.UTF-8", NULL},
	};
	const struct strings none = {0};
	const struct passwd *me = getpwuid(0);

	ck_assert_ptr_nonnull(me);
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		cleanup_argv struct argv env = {0};

		for (const char *const *word = shells[i]; *word; word++)
			argv_add(&env, *word);
		environment_settle(0, &none, &env);
		ck_assert_str_eq(argv_value(&env, "HOME"), me->pw_dir);
		ck_assert_str_eq(argv_value(&env, "USER"), me->pw_name);
		ck_assert_str_eq(argv_value(&env, "LOGNAME"), me->pw_name);
		ck_assert_str_eq(argv_value(&env, "SHELL"), me->pw_shell);
		ck_assert_str_eq(argv_value(&env, "LC_ALL"), "C.UTF-8");
		/* And nothing else, not even a second HOME. */
		ck_assert_msg(env.count == 5 + (i == 1), "%zu: %zu variables", i, env.count);
	}
}
END_TEST

/* / is root's: his stays; another's goes. */
START_TEST(a_runtime_directory_is_its_owners)
{
	const struct strings none = {0};

	for (uid_t uid = 0; uid < 65535; uid += 65534) {
		cleanup_argv struct argv env = {0};

		argv_add(&env, "XDG_RUNTIME_DIR=/");
		environment_settle(uid, &none, &env);
		ck_assert((argv_value(&env, "XDG_RUNTIME_DIR") != NULL) == (uid == 0));
	}
}
END_TEST

START_TEST(whom_the_machine_does_not_know)
{
	const struct strings none = {0};
	cleanup_argv struct argv env = {0};

	argv_add(&env, "HOME=/root");
	argv_add(&env, "USER=root");
	ck_assert_ptr_null(getpwuid(3999999999u));
	environment_settle(3999999999u, &none, &env);
	ck_assert_str_eq(argv_value(&env, "HOME"), "/nonexistent");
	ck_assert_ptr_null(argv_value(&env, "USER"));
	ck_assert_ptr_null(argv_value(&env, "LOGNAME"));
}
END_TEST

START_TEST(what_the_profile_says_wins)
{
	static const char *const words[] = {
		"HOME", "/data",    "TZ",      "Asia/Tokyo",  "PYTHONUTF8", "1", "OTHER",
		"x",	"LC_CTYPE", "C.UTF-8", "SECRET_HOME", "y",	    NULL};
	const struct strings wishes = pairs(words);
	cleanup_argv struct argv env = {0};

	argv_add(&env, "TZ=UTC");
	environment_settle(0, &wishes, &env);
	ck_assert_str_eq(argv_value(&env, "HOME"), "/data");
	ck_assert_str_eq(argv_value(&env, "TZ"), "Asia/Tokyo");
	ck_assert_str_eq(argv_value(&env, "PYTHONUTF8"), "1");
	ck_assert_str_eq(argv_value(&env, "LC_CTYPE"), "C.UTF-8");
	ck_assert_ptr_null(argv_value(&env, "LC_ALL")); /* none is needed */
	ck_assert_ptr_null(argv_value(&env, "OTHER"));
	ck_assert_ptr_null(argv_value(&env, "SECRET_HOME"));
}
END_TEST

START_TEST(which_locales_have_all_names)
{
	static const struct {
		const char *env[4];
		bool has;
	} cases[] = {
		{{NULL}, false},
		{{"LC_ALL=C"}, false},
		{{"LC_ALL=POSIX", "LANG=C.UTF-8"}, false},
		{{"LANG=C.UTF-8"}, true},
		{{"LANG=C.utf8"}, true},
		{{"LC_ALL=", "LC_CTYPE=", "LANG=C.UTF-8"}, true},
		{{"LC_ALL=C.UTF-8", "LANG=xx_YY"}, true},
		{{"LC_CTYPE=C.UTF-8", "LANG=C"}, true},
		{{"LC_CTYPE=C", "LANG=C.UTF-8"}, false},
		{{"LC_CTYPE=UTF-8"}, false},
		{{"LANG=xx_YY.UTF-8"}, false},
		{{"LC_ALL=xx_YY.utf8"}, false},
		{{"LANG=C.UTF-8", "LC_TIME=xx_YY.UTF-8"}, false},
		{{"LANG=C.UTF-8", "LC_TIME=C"}, true},
		{{"LC_CTYPE=C.UTF-8", "LANG=xx_YY.UTF-8"}, false},
		{{"LC_ALL=../../etc/passwd"}, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_argv struct argv env = {0};

		for (size_t j = 0; j < 3 && cases[i].env[j]; j++)
			argv_add(&env, cases[i].env[j]);
		if (env.count)
			ck_assert_msg(environment_has_utf8(env.items) == cases[i].has, "%zu", i);
		environment_put_locale(&env);
		ck_assert_msg(environment_has_utf8(env.items), "%zu", i);
		/* What is good is left as it is. */
		ck_assert_msg(!cases[i].has || env.count <= 3, "%zu", i);
	}
}
END_TEST

TEST_MAIN("environment", test_case("who gets what", of_the_same_user, of_another_user),
	  test_case("who it is", whoevers_shell_it_was, a_runtime_directory_is_its_owners,
		    whom_the_machine_does_not_know, what_the_profile_says_wins,
		    which_locales_have_all_names))
