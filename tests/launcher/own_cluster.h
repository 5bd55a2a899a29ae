/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAUNCHER_OWN_CLUSTER_H
#define TESTS_LAUNCHER_OWN_CLUSTER_H

/*
 * One cluster of a test program's own, with a fake Spark (tests/launcher/fake_spark.h): real
 * processes, real groups, a real supervisor.
 */

#include "containers/driver.h"
#include "launcher/commands/up.h"
#include "launcher/protocol/status.h"
#include "tests/harness.h"
#include "tests/launcher/fake_spark.h"

struct own_cluster {
	struct profile profile;
	struct options options;
	struct state state;   /* of the last `up` */
	struct status status; /* as last asked for */
	struct cluster cluster;
	char name[NAME_MAX_BYTES + 1];
	char top[PROFILE_PATH], file[PROFILE_PATH + 16]; /* its directory, the profile */
	char orders[PROFILE_PATH + 16];			 /* of the fakes */
};
extern struct own_cluster own;

/* A cluster that is not up yet; what a failed test left of it goes first. */
void own_begin(void);

/* Down, and nothing is left. */
void own_end(void);

/* Whether this machine can be used at all: rights, controllers, CPUs that no other cluster has. */
bool own_is_usable(char why[ERR_TEXT]);

#define own_begin_or_skip()                    \
	do {                                   \
		char why_[ERR_TEXT];           \
		own_begin();                   \
		if (!own_is_usable(why_))      \
			test_skip("%s", why_); \
	} while (0)

/* After a change of own.profile. */
void own_write_profile(void);

/* A pair of spark.env, written. */
void own_set_env(const char *key, const char *value);

int own_up(enum reply_result *result, struct err *e);
void own_must_come_up(enum reply_result wanted);

/* A process that calls own_up() and exits with its error's class. */
pid_t own_fork_up(void);

/* SIGKILL, and wait until it is gone. */
void own_kill_supervisor(void);

/* One request, one answer: the line is the caller's to free(). Negative: no answer. */
int own_ask(const char *request, char **answer);

/* Fill own.status. Negative: no answer. */
int own_ask_status(void);

/* Ask until `is_so`, or give up. */
bool own_wait(bool (*is_so)(void));

/* For own_wait(): the supervisor knows of an application, but not of its tasks. */
bool own_tasks_are_unknown(void);

/* The last test of a program: whatever failed before, it leaves nothing running. */
const TTest *own_nothing_is_left(void);

/* Run the cases, each test for at most timeout_s seconds; return main()'s status. */
int own_run(const char *suite, int timeout_s, TCase *const *cases);

/*
 * As TEST_MAIN, for a program that is its own java. All its tests fork, so their directory comes
 * first.
 */
#define OWN_MAIN(suite, timeout_s, ...)                     \
	int main(int argc, char **argv)                     \
	{                                                   \
		if (fake_is_java(argv[0]))                  \
			return fake_java(argc, argv);       \
		test_directory();                           \
		TCase *const cases[] = {__VA_ARGS__, NULL}; \
		return own_run(suite, timeout_s, cases);    \
	}

#endif
