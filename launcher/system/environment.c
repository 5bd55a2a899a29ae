/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/environment.h"

#include <langinfo.h>
#include <locale.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
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
	"PYTHONUTF8=",
	"PYTHONIOENCODING=",
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

/* What a locale is chosen by, and what it is translated to. */
static const char *const of_locales[] = {"LC_", "LANG=", "LANGUAGE=", NULL};

/* What the profile may want otherwise, for daemons and drivers alike. */
static const char *const of_identity[] = {
	"HOME=", "USER=",	"LOGNAME=",	     "SHELL=", "LC_", "LANG=", "LANGUAGE=",
	"TZ=",	 "PYTHONUTF8=", "PYTHONIOENCODING=", NULL,
};

/* What sudo, doas and a mail program's shell say of somebody else. */
static const char *const of_others[] = {"SUDO_", "DOAS_USER=", "MAIL=", NULL};

static bool is_in(const char *const *list, const char *variable)
{
	for (; *list; list++)
		if (strncmp(variable, *list, strlen(*list)) == 0)
			return true;
	return false;
}

/* Whether there is such a locale here, and if `coded`, in UTF-8. */
static bool has_locale(const char *name, bool coded)
{
	locale_t there = newlocale(LC_ALL_MASK, name, (locale_t)0);
	bool is_good;

	if (!there)
		return false;
	is_good = !coded || strcmp(nl_langinfo_l(CODESET, there), "UTF-8") == 0;
	freelocale(there);
	return is_good;
}

/* As setlocale(3) chooses: an empty value is none. */
static const char *value_of(char *const *env, const char *name)
{
	const size_t length = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
			return (*env)[length + 1] ? *env + length + 1 : NULL;
	return NULL;
}

bool environment_has_utf8(char *const *env)
{
	const char *all = value_of(env, "LC_ALL"), *type = value_of(env, "LC_CTYPE");
	const char *rest = value_of(env, "LANG");

	if (all)
		return has_locale(all, true);
	if (!type)
		type = rest;
	if (!type || !has_locale(type, true) || (rest && !has_locale(rest, false)))
		return false;
	/* Of one category that is not there, a JVM's setlocale(LC_ALL, "") fails as a whole. */
	for (; *env; env++)
		if (strncmp(*env, "LC_", 3) == 0 && strchr(*env, '=') && strchr(*env, '=')[1] &&
		    !has_locale(strchr(*env, '=') + 1, false))
			return false;
	return true;
}

void environment_put_locale(struct argv *env)
{
	/* glibc has the first since 2.35, Debian and others for longer; of old ones the second. */
	static const char *const names[] = {"C.UTF-8", "en_US.UTF-8", NULL};
	static char *const none[] = {NULL};
	const char *const *name = names;

	if (environment_has_utf8(env->count ? env->items : none))
		return;
	while (*name && !has_locale(*name, true))
		name++;
	argv_put(env, "LC_ALL", *name ? *name : names[0]);
}

void environment_put_user(uid_t uid, struct argv *env)
{
	static const char *const names[] = {"HOME=", "USER=", "LOGNAME=", "SHELL=", NULL};
	const struct passwd *user = getpwuid(uid);

	/* All of them: a caller may have a variable twice. */
	for (const char *const *name = names; *name; name++)
		argv_drop(env, *name);
	argv_put(env, "HOME", user ? user->pw_dir : "/nonexistent");
	if (!user)
		return;
	argv_put(env, "USER", user->pw_name);
	argv_put(env, "LOGNAME", user->pw_name);
	argv_put(env, "SHELL", user->pw_shell[0] ? user->pw_shell : "/bin/sh");
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

static bool owns_runtime_dir(uid_t uid, const struct argv *env)
{
	const char *runtime = argv_value(env, "XDG_RUNTIME_DIR");
	struct stat st;

	return runtime && stat(runtime, &st) == 0 && st.st_uid == uid;
}

void environment_settle(uid_t uid, const struct strings *wishes, struct argv *env)
{
	const char *key = NULL;

	for (const char *const *name = of_locales; *name; name++)
		argv_drop(env, *name);
	for (const char *const *name = of_others; *name; name++)
		argv_drop(env, *name);
	argv_drop(env, "TZ=");
	if (!owns_runtime_dir(uid, env))
		argv_drop(env, "XDG_RUNTIME_DIR=");
	environment_put_user(uid, env);
	strings_for_each(item, wishes)
	{
		char variable[64];

		/* With its "=", as the list has them; a longer name is none of those. */
		if (key && snprintf(variable, sizeof(variable), "%s=", key) < 64 &&
		    is_in(of_identity, variable))
			argv_put(env, key, item);
		key = key ? NULL : item;
	}
	environment_put_locale(env);
}
