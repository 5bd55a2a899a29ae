/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where clusters listen: chosen one by one, by several at once, and again where somebody was
 * faster, with real processes, Spark being a fake one.
 */

#include "launcher/supervisor/endpoints.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "launcher/system/listening.h"
#include "tests/harness.h"
#include "tests/launcher/fake_orders.h"
#include "tests/launcher/own_cluster.h"

static struct err e;

static int listen_on(uint32_t address, int port)
{
	const struct sockaddr_in name = {.sin_family = AF_INET,
					 .sin_addr = {htonl(address)},
					 .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

/* Of the defaults, with so many slices. */
static struct state *new_wanted(unsigned slices)
{
	struct state *s = calloc(1, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	profile_default(&s->profile);
	s->plan.slice_count = slices;
	return s;
}

static void must_choose(struct claims *c, const struct state *known, struct state *wanted)
{
	ck_assert_msg(endpoints_choose(c, known, wanted, &e) == 0, "%s", e.msg);
	for (unsigned i = 1; i < wanted->plan.slice_count; i++)
		ck_assert_uint_eq(wanted->plan.slices[i].address,
				  wanted->plan.slices[0].address + i);
}

static void assert_apart(const struct state *a, const struct state *b)
{
	ck_assert_int_ne(a->master.port, b->master.port);
	ck_assert_int_ne(a->master.port, b->master.ui_port);
	ck_assert_int_ne(a->master.ui_port, b->master.port);
	ck_assert_int_ne(a->master.ui_port, b->master.ui_port);
	for (unsigned i = 0; i < a->plan.slice_count; i++)
		for (unsigned k = 0; k < b->plan.slice_count; k++)
			ck_assert_uint_ne(a->plan.slices[i].address, b->plan.slices[k].address);
}

/* ---- one by one */

/* Nobody listens as yet: what another has chosen is taken all the same. */
START_TEST(what_others_have_chosen)
{
	static struct claims claims[4];
	struct state *wanted[4];

	for (unsigned i = 0; i < 4; i++) {
		wanted[i] = new_wanted(i + 1);
		must_choose(&claims[i], NULL, wanted[i]);
		for (unsigned k = 0; k < i; k++)
			assert_apart(wanted[i], wanted[k]);
	}
	/* What is given back can be had again. */
	endpoints_keep(&claims[1], NULL, NULL);
	ck_assert_uint_eq(claims[1].count, 0);
	*wanted[3] = *wanted[1];
	must_choose(&claims[1], NULL, wanted[1]);
	ck_assert_int_eq(wanted[1]->master.port, wanted[3]->master.port);
	ck_assert_uint_eq(wanted[1]->plan.slices[0].address, wanted[3]->plan.slices[0].address);
	for (unsigned i = 0; i < 4; i++) {
		endpoints_keep(&claims[i], NULL, NULL);
		free(wanted[i]);
	}
}
END_TEST

START_TEST(where_somebody_listens)
{
	static struct claims claims;
	cleanup_free struct state *wanted = new_wanted(3);
	cleanup_close int address = -1, port = -1;

	must_choose(&claims, NULL, wanted);
	endpoints_keep(&claims, NULL, NULL);
	address = listen_on(wanted->plan.slices[1].address, 0);
	port = listen_on(0x7f000001, wanted->master.port);
	cleanup_free struct state *other = new_wanted(3);
	must_choose(&claims, NULL, other);
	ck_assert_int_gt(other->master.port, wanted->master.port);
	ck_assert_uint_gt(other->plan.slices[0].address, wanted->plan.slices[1].address);
	/* A running cluster keeps its own. */
	must_choose(&claims, wanted, other);
	ck_assert_uint_eq(other->plan.slices[0].address, wanted->plan.slices[0].address);
	endpoints_keep(&claims, NULL, NULL);
}
END_TEST

/* The profile's own are taken as they are, whoever claims them; but a port has to be free. */
START_TEST(what_the_profile_says)
{
	static struct claims ours, others;
	cleanup_free struct state *wanted = new_wanted(2);
	cleanup_free struct state *other = new_wanted(2);
	cleanup_close int port = -1;

	must_choose(&others, NULL, other);
	wanted->profile.spark.first_address = other->plan.slices[0].address;
	wanted->profile.spark.master_port = other->master.port;
	wanted->profile.spark.master_ui_port = other->master.ui_port;
	must_choose(&ours, NULL, wanted);
	ck_assert_int_eq(wanted->master.port, other->master.port);
	ck_assert_int_eq(wanted->master.ui_port, other->master.ui_port);
	ck_assert_uint_eq(wanted->plan.slices[0].address, other->plan.slices[0].address);
	ck_assert(!endpoints_may_be_taken(wanted));
	port = listen_on(0x7f000001, wanted->master.port);
	ck_assert_int_eq(endpoints_choose(&ours, NULL, wanted, &e), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(e.msg, "spark.master.port: port "));
	ck_assert(!endpoints_may_be_taken(wanted)); /* it is not ours to choose another */
	endpoints_keep(&ours, NULL, NULL);
	endpoints_keep(&others, NULL, NULL);
}
END_TEST

START_TEST(a_master_moves_on)
{
	static struct claims claims;
	cleanup_free struct state *s = new_wanted(1);
	struct endpoints before;
	cleanup_close int port = -1;

	must_choose(&claims, NULL, s);
	ck_assert(!endpoints_may_be_taken(s));
	port = listen_on(0x7f000001, s->master.ui_port);
	ck_assert(endpoints_may_be_taken(s));
	before = s->master;
	ck_assert_int_eq(endpoints_move_master(&claims, s, &e), 0);
	ck_assert_int_gt(s->master.port, before.port);
	ck_assert_int_gt(s->master.ui_port, before.ui_port);
	ck_assert(!endpoints_may_be_taken(s));
	s->profile.spark.master_port = s->master.port; /* of one that is fixed, only the other */
	before = s->master;
	ck_assert_int_eq(endpoints_move_master(&claims, s, &e), 0);
	ck_assert_int_eq(s->master.port, before.port);
	ck_assert_int_gt(s->master.ui_port, before.ui_port);
	endpoints_keep(&claims, NULL, NULL);
}
END_TEST

/* ---- several at once */

enum { CLUSTERS = 4, ROUNDS = 3 };

/* The i-th cluster, on the CPUs of all the others: `own` becomes it. */
static void become(unsigned i, bool is_elsewhere)
{
	static char top[PROFILE_PATH + 16];

	snprintf(own.name, sizeof(own.name), "t%d-%u", (int)getppid(), i);
	snprintf(own.file, sizeof(own.file), "%.*s/p%u.yaml", PROFILE_PATH / 2, own.top, i);
	snprintf(top, sizeof(top), "%s/%u", own.top, i);
	ck_assert(mkdir(top, 0755) == 0 || errno == EEXIST);
	own.options.roots.state_dir = is_elsewhere ? top : own.top;
	string_copy(own.profile.name, own.name);
	ck_assert_int_eq(cluster_paths(own.options.roots.state_dir, own.name, &own.cluster, &e), 0);
}

static pid_t fork_up(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		enum reply_result result;

		if (own_up(&result, &e) == 0)
			_exit(0);
		fprintf(stderr, "%s: %s\n", own.name, e.msg);
		_exit(1);
	}
	return pid;
}

static void up_at_once(bool is_elsewhere)
{
	static struct state states[CLUSTERS];
	pid_t pids[CLUSTERS];
	int wait_status, failed = 0;

	own_begin_or_skip();
	own.profile.backend = BACKEND_AFFINITY;
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < CLUSTERS; i++) {
			become(i, is_elsewhere);
			own_write_profile();
			pids[i] = fork_up();
		}
		for (unsigned i = 0; i < CLUSTERS; i++) {
			ck_assert_int_eq(waitpid(pids[i], &wait_status, 0), pids[i]);
			failed += wait_status != 0;
			become(i, is_elsewhere);
			if (!failed)
				ck_assert_int_eq(state_read(&own.cluster, &states[i], &e), 0);
			for (unsigned k = 0; !failed && k < i; k++)
				assert_apart(&states[i], &states[k]);
		}
		for (unsigned i = 0; i < CLUSTERS; i++) {
			become(i, is_elsewhere);
			ck_assert_msg(down_cluster(&own.options, own.name, &e) == 0, "%s", e.msg);
		}
		ck_assert_int_eq(failed, 0);
	}
}

START_TEST(all_of_one_directory)
{
	up_at_once(false);
}
END_TEST

START_TEST(each_in_its_own_directory)
{
	up_at_once(true);
}
END_TEST

/* ---- somebody else was faster */

static bool is_waiting(void)
{
	return own_ask_status() == 0 && own.status.phase == PHASE_STARTING && own.status.master_pid;
}

/* A stranger takes a port between the choice and the master's bind, more than once. */
START_TEST(a_stranger_takes_the_port)
{
	int strangers[2], wait_status;
	struct endpoints first;
	pid_t up, master = 0;

	own_begin_or_skip();
	fake_order(own.orders, "wait", " ");
	up = fork_up();
	for (unsigned i = 0; i < 2; i++) {
		do
			ck_assert(own_wait(is_waiting));
		while (own.status.master_pid == master);
		master = own.status.master_pid;
		ck_assert_int_eq(state_read(&own.cluster, &own.state, &e), 0);
		if (!i)
			first = own.state.master;
		strangers[i] = listen_on(0x7f000001, own.state.master.ui_port);
		ck_assert_int_eq(kill(master, SIGKILL), 0);
	}
	fake_unorder(own.orders, "wait");
	ck_assert_int_eq(waitpid(up, &wait_status, 0), up);
	ck_assert_int_eq(wait_status, 0);
	ck_assert_int_eq(state_read(&own.cluster, &own.state, &e), 0);
	ck_assert_int_ge(own.state.master.ui_port, first.ui_port + 2);
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_int_eq(own.status.phase, PHASE_UP);
	ck_assert_uint_eq(own.status.alive_workers, 1);
	own_must_come_up(REPLY_UNCHANGED);
	close(strangers[0]);
	close(strangers[1]);
	own_end();
}
END_TEST

/* And where the profile has fixed the ports, it is said. */
START_TEST(a_stranger_takes_a_fixed_port)
{
	cleanup_close int stranger = -1;
	int wait_status;
	pid_t up;

	own_begin_or_skip();
	own.profile.spark.master_port = 17077;
	own.profile.spark.master_ui_port = 18080;
	own_write_profile();
	fake_order(own.orders, "wait", " ");
	up = fork_up();
	ck_assert(own_wait(is_waiting));
	stranger = listen_on(0x7f000001, 18080);
	fake_unorder(own.orders, "wait");
	ck_assert_int_eq(waitpid(up, &wait_status, 0), up);
	ck_assert(wait_status != 0);
	own_end();
}
END_TEST

OWN_MAIN("endpoints", 90,
	 test_case("choice", what_others_have_chosen, where_somebody_listens, what_the_profile_says,
		   a_master_moves_on),
	 test_case("at_once", all_of_one_directory, each_in_its_own_directory),
	 test_case("faster", a_stranger_takes_the_port, a_stranger_takes_a_fixed_port,
		   own_nothing_is_left()))
