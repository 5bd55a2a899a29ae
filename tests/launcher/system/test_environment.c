/* SPDX-License-Identifier: Apache-2.0 */
/* What of the caller's environment others get. */

#include "launcher/system/environment.h"

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

TEST_MAIN("environment", test_case("who gets what", of_the_same_user, of_another_user))
