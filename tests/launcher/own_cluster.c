/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/launcher/own_cluster.h"

#include <poll.h>
#include <signal.h>

#include "containers/where/tree.h"
#include "decision/base/cleanup.h"
#include "launcher/protocol/control.h"
#include "launcher/system/files.h"
#include "profiles/load.h"
#include "tests/harness.h"
#include "tests/launcher/fake_orders.h"
#include "tests/launcher/fake_spark.h"

enum { PATIENCE_MS = 20000, STEP_MS = 20, ANSWER_MS = 5000 };

struct own_cluster own;

void own_write_profile(void)
{
	cleanup_free char *text = NULL;
	struct err e;

	ck_assert_int_eq(profile_emit(&own.profile, &text, &e), 0);
	ck_assert_int_eq(file_replace(own.file, text, strlen(text), 0644, &e), 0);
}

void own_set_env(const char *key, const char *value)
{
	strings_add(&own.profile.spark.env, key);
	strings_add(&own.profile.spark.env, value);
	own_write_profile();
}

void own_begin(void)
{
	struct err e;

	snprintf(own.name, sizeof(own.name), "t%d", (int)getppid());
	snprintf(own.top, sizeof(own.top), "%s/%s", test_directory(), own.name);
	snprintf(own.file, sizeof(own.file), "%s/p.yaml", own.top);
	fake_spark_make(own.top, own.name, &own.profile);
	fake_spark_orders(own.top, own.orders, sizeof(own.orders));
	fake_unorder_all(own.orders);
	own.options = (struct options){.roots.state_dir = own.top, .purge = true};
	own_write_profile();
	ck_assert_int_eq(cluster_paths(own.top, own.name, &own.cluster, &e), 0);
	ck_assert_msg(down_cluster(&own.options, own.name, &e) == 0, "%s", e.msg);
}

void own_end(void)
{
	struct err e;

	ck_assert_msg(down_cluster(&own.options, own.name, &e) == 0, "%s", e.msg);
	ck_assert_int_ne(access(own.cluster.state, F_OK), 0);
	ck_assert_int_ne(access(own.cluster.data, F_OK), 0);
}

bool own_is_usable(char why[ERR_TEXT])
{
	struct driver_request request = {.cluster = own.name};
	struct claims claims;
	struct tree tree;
	struct driver *d;
	struct err e;

	snprintf(why, ERR_TEXT, "CPUs belong to a cluster that runs here");
	if (tree_read(NULL, &tree, &e) || tree_claims(&tree, own.name, &claims, &e) ||
	    !cpuset_is_empty(&claims.taken))
		return false;
	if (driver_open(&request, &d, &e)) {
		snprintf(why, ERR_TEXT, "%s", e.msg);
		return false;
	}
	driver_destroy(d, &e);
	return true;
}

int own_up(enum reply_result *result, struct err *e)
{
	const struct invocation up = {.options = own.options, .operand = own.file};

	return up_ensure(&up, result, &own.state, e);
}

pid_t own_fork_up(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		enum reply_result result;
		struct err e;

		_exit(own_up(&result, &e) ? (int)e.exit : 0);
	}
	return pid;
}

void own_must_come_up(enum reply_result wanted)
{
	enum reply_result result;
	struct err e;

	ck_assert_msg(own_up(&result, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(result, wanted);
	ck_assert_int_eq(own.state.phase, PHASE_UP);
}

void own_kill_supervisor(void)
{
	ck_assert_int_eq(kill(own.state.supervisor.pid, SIGKILL), 0);
	for (int i = 0; i < 200 && process_is_alive(&own.state.supervisor); i++)
		poll(NULL, 0, 10);
}

int own_ask(const char *request, char **answer)
{
	struct line_buffer b = {0};
	cleanup_close int fd = -1;
	struct err e;
	char *line;
	int r = control_connect(&own.cluster, &fd, NULL, &e);

	if (!r)
		r = control_send(fd, request, &e);
	if (!r)
		r = control_receive(fd, &b, ANSWER_MS, &line, &e) == 1 ? 0 : -1;
	if (!r)
		*answer = strdup(line);
	line_buffer_release(&b);
	return r;
}

int own_ask_status(void)
{
	cleanup_free char *line = NULL;
	struct err e;
	int r = own_ask("{\"cmd\":\"status\"}", &line);

	return r ? r : json_table_parse(&status_table, line, strlen(line), &own.status, &e);
}

bool own_wait(bool (*is_so)(void))
{
	for (int ms = 0; ms < PATIENCE_MS; ms += STEP_MS) {
		if (is_so())
			return true;
		poll(NULL, 0, STEP_MS);
	}
	return false;
}

bool own_tasks_are_unknown(void)
{
	return own_ask_status() == 0 && own.status.monitor.tasks[0];
}

START_TEST(nothing_is_left)
{
	own_begin();
	own_end();
}
END_TEST

const TTest *own_nothing_is_left(void)
{
	return nothing_is_left;
}

int own_run(const char *suite, int timeout_s, TCase *const *cases)
{
	for (TCase *const *c = cases; *c; c++)
		tcase_set_timeout(*c, timeout_s);
	return test_run(suite, cases);
}
