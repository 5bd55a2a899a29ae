/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/environment.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* Where an entry ends with '=' it is a variable, else the begin of its name. */
static const char *const our_own[] = {
	"HWLOC_",	   "NOTIFY_SOCKET=", "LISTEN_FDS=",   "LISTEN_PID=", "LISTEN_FDNAMES=",
	"LISTEN_PIDFDID=", "WATCHDOG_USEC=", "WATCHDOG_PID=", NULL,
};

/*
 * What another user's application may need of the caller's shell: where programs and
 * configurations are, how to talk. Nothing that opens a door: so no PYSPARK_* or SPARK_* as such,
 * for PYSPARK_GATEWAY_SECRET and SPARK_REMOTE do, and no options for every JVM.
 */
static const char *const for_others[] = {
	"PATH=",
	"PWD=",
	"TERM=",
	"COLORTERM=",
	"NO_COLOR=",
	"COLUMNS=",
	"LINES=",
	"LANG=",
	"LANGUAGE=",
	"LC_",
	"TZ=",
	"HADOOP_CONF_DIR=",
	"HADOOP_HOME=",
	"YARN_CONF_DIR=",
	"PYSPARK_PYTHON=",
	"PYSPARK_DRIVER_PYTHON=",
	"PYSPARK_DRIVER_PYTHON_OPTS=",
	"SPARK_CONF_DIR=",
	"SPARK_DIST_CLASSPATH=",
	"SPARK_DRIVER_MEMORY=",
	"SPARK_EXECUTOR_CORES=",
	"SPARK_EXECUTOR_MEMORY=",
	"SPARK_LAUNCHER_OPTS=",
	"SPARK_PRINT_LAUNCH_COMMAND=",
	"SPARK_SUBMIT_OPTS=",
	NULL,
};

static bool is_in(const char *const *list, const char *variable)
{
	for (; *list; list++)
		if (strncmp(variable, *list, strlen(*list)) == 0)
			return true;
	return false;
}

void environment_put_user(uid_t uid, struct argv *env)
{
	const struct passwd *user = getpwuid(uid);

	if (!user)
		return;
	argv_put(env, "HOME", user->pw_dir);
	argv_put(env, "USER", user->pw_name);
	argv_put(env, "LOGNAME", user->pw_name);
}

void environment_put_caller(struct argv *env)
{
	for (char **variable = environ; *variable; variable++)
		if (!is_in(our_own, *variable))
			argv_add(env, *variable);
}

void environment_put_for(const struct cluster *c, struct argv *env)
{
	if (c->uid == geteuid()) {
		environment_put_caller(env);
		return;
	}
	for (char **variable = environ; *variable; variable++)
		if (is_in(for_others, *variable))
			argv_add(env, *variable);
	environment_put_user(c->uid, env);
}
