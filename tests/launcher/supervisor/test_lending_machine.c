/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lending on machines that this one is not: 64 slices, walls between slices of several cores, CPUs
 * that go offline and come back, writes that fail, and whatever else may happen, in any order. A
 * real supervisor with real groups and a fake Spark, on a machine that is told to be another one
 * (tests/launcher/told_machine.h); the ownership rule is checked after every write.
 *
 * link: -Wl,--wrap=driver_open,--wrap=topology_read
 */

#include <poll.h>
#include <signal.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/rebalance_event.h"
#include "tests/harness.h"
#include "tests/launcher/fake_orders.h"
#include "tests/launcher/fake_spark.h"
#include "tests/launcher/own_cluster.h"
#include "tests/launcher/told_machine.h"

enum { A_WHILE_MS = 1000, MANY = 64, LAGGARDS = 16 };

told_open __real_driver_open, __wrap_driver_open;
told_read __real_topology_read, __wrap_topology_read;

int __wrap_driver_open(const struct driver_request *r, struct driver **out, struct err *e)
{
	return told_driver_open(__real_driver_open, r, out, e);
}

int __wrap_topology_read(const struct topology_source *source, struct topology *out,
			 struct cpuset *mask, struct err *e)
{
	return told_topology_read(__real_topology_read, source, out, mask, e);
}

/* ---- tools */

#define begin_or_skip(cpus, slices)           \
	do {                                  \
		own_begin_or_skip();          \
		become_machine(cpus, slices); \
	} while (0)

static void become_machine(int cpus, int slices)
{
	told_begin((unsigned)cpus);
	own.profile.partition.slices = slices;
	own.profile.partition.max_cores = cpus;
}

static void up(enum told_kind kind)
{
	own_write_profile();
	own_must_come_up(REPLY_STARTED);
	told_be(kind);
	told_know(&own.state.plan);
}

static void assert_sound(void)
{
	char why[256];

	ck_assert_msg(told_is_sound(why), "%s", why);
}

static void end(void)
{
	assert_sound();
	own_end();
}

static bool has_cpus(unsigned slice, const char *list)
{
	struct cpuset cpus = told_cpus(slice), wanted;

	return cpuset_parse(list, &wanted, &(struct err){0}) == 0 &&
	       cpuset_is_equal(&cpus, &wanted);
}

static bool all_are_home(void)
{
	for (unsigned i = 0; i < own.state.plan.slice_count; i++) {
		struct cpuset cpus = told_cpus(i);

		if (!cpuset_is_equal(&cpus, &own.state.plan.slices[i].cpus) ||
		    told_weight(i) != WEIGHT_DEFAULT)
			return false;
	}
	return true;
}

static void assert_up(void)
{
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_msg(own.status.phase == PHASE_UP, "%s", own.status.why);
}

/* Spark says: one application, with an executor and so many running tasks on each slice. */
static void tell_tasks(const unsigned *running)
{
	uint32_t addresses[SLICES_MAX];
	struct fake_application app = {.id = "app-1",
				       .addresses = addresses,
				       .count = own.state.plan.slice_count,
				       .running = running,
				       .stage = 1};

	for (unsigned i = 0; i < app.count; i++)
		addresses[i] = own.state.plan.slices[i].address;
	fake_tell(own.orders, &app);
}

/* ---- 64 slices */

static bool laggards_have_all_that_is_idle(void)
{
	for (unsigned i = 0; i < LAGGARDS; i++) {
		struct cpuset cpus = told_cpus(i);

		if (cpuset_count(&cpus) != MANY / LAGGARDS)
			return false;
	}
	return true;
}

static bool status_shows_it(void)
{
	struct cpuset lent = {0};

	if (own_ask_status() || own.status.slice_count != MANY)
		return false;
	for (unsigned i = 0; i < own.status.loan_count; i++)
		lent = cpuset_or(&lent, &own.status.loans[i].loan.cpus);
	return cpuset_count(&lent) == MANY - LAGGARDS;
}

START_TEST(sixty_four_slices)
{
	begin_or_skip(MANY, MANY);
	up(TOLD_PLAIN);
	ck_assert_uint_eq(own.state.plan.slice_count, MANY);
	for (unsigned i = 0; i < LAGGARDS; i++)
		told_work(i, MANY / LAGGARDS);
	ck_assert(own_wait(laggards_have_all_that_is_idle)); /* fairly, too */
	ck_assert(own_wait(status_shows_it));
	for (unsigned i = LAGGARDS; i < MANY; i++)
		told_work(i, 1);
	ck_assert(own_wait(all_are_home));
	assert_up();
	end();
}
END_TEST

/* ---- walls: four slices of four cores */

/* Who asks for the status has Spark asked at once. */
static bool most_is_handed_over(void)
{
	return own_ask_status() == 0 && has_cpus(0, "0-6") && has_cpus(1, "7");
}

static bool all_are_home_again(void)
{
	return own_ask_status() == 0 && all_are_home();
}

static void begin_walls(void)
{
	own.profile.rebalance.loans = LOANS_EXCLUSIVE;
	up(TOLD_EXCLUSIVE);
}

/* Hand three of slice 1's four cores to slice 0. */
static void hand_over(void)
{
	static const unsigned all[] = {4, 1, 1, 1}, but_one[] = {4, 0, 1, 1};

	tell_tasks(
		all); /* the kernel sees nothing of those on 1 … 3: phantoms, or about to begin */
	told_work(0, 8);
	poll(NULL, 0, A_WHILE_MS);
	ck_assert(all_are_home());
	tell_tasks(but_one);
	ck_assert(own_wait(most_is_handed_over));
}

START_TEST(walls_move_when_spark_confirms)
{
	static const unsigned all[] = {4, 1, 1, 1};

	begin_or_skip(16, 4);
	begin_walls();
	hand_over();
	tell_tasks(all);
	ck_assert(own_wait(all_are_home_again));
	end();
}
END_TEST

START_TEST(walls_move_back_when_the_owner_works)
{
	begin_or_skip(16, 4);
	begin_walls();
	hand_over();
	told_work(1, 4);
	ck_assert(own_wait(all_are_home));
	end();
}
END_TEST

START_TEST(walls_stay_where_spark_says_nothing)
{
	static const unsigned none[] = {4, 0, 0, 0};

	begin_or_skip(16, 4);
	begin_walls();
	fake_order(own.orders, "rest", "garbage");
	tell_tasks(none);
	ck_assert(own_wait(own_tasks_are_unknown)); /* without an application, walls would move */
	told_work(0, 8);
	poll(NULL, 0, 2 * A_WHILE_MS);
	ck_assert(all_are_home());
	fake_order(own.orders, "rest", "slow");
	poll(NULL, 0, 2 * A_WHILE_MS);
	ck_assert(all_are_home());
	end();
}
END_TEST

START_TEST(a_killed_supervisor_s_walls_are_put_back)
{
	enum reply_result result;
	struct err e;

	begin_or_skip(16, 4);
	begin_walls();
	hand_over();
	own_kill_supervisor();
	told_work(0, 0);
	ck_assert_msg(own_up(&result, &e) == 0, "%s", e.msg);
	ck_assert(all_are_home());
	assert_up();
	end();
}
END_TEST

START_TEST(down_with_walls_moved)
{
	begin_or_skip(16, 4);
	begin_walls();
	hand_over();
	end();
}
END_TEST

/* ---- CPUs go and come: two slices of two cores, 0-1 and 2-3 */

static bool all_is_lent(void)
{
	return has_cpus(0, "0-3") && has_cpus(1, "2-3") && told_weight(1) == WEIGHT_MAX;
}

static const char *lent_list;

static bool status_lends_list(void)
{
	struct cpuset wanted;

	return cpuset_parse(lent_list, &wanted, &(struct err){0}) == 0 && own_ask_status() == 0 &&
	       own.status.loan_count == 1 &&
	       cpuset_is_equal(&own.status.loans[0].loan.cpus, &wanted);
}

static bool nothing_is_lent(void)
{
	return own_ask_status() == 0 && own.status.loan_count == 0;
}

static void lend_all(enum told_kind kind)
{
	up(kind);
	told_work(0, 8);
	ck_assert(own_wait(all_is_lent));
}

static void wait_for_loan_of(const char *list)
{
	lent_list = list;
	ck_assert_msg(own_wait(status_lends_list), "not lent: %s", list);
}

static void one_of_the_donors_goes(enum told_kind kind)
{
	lend_all(kind);
	told_go_offline(3);
	wait_for_loan_of("2");
	ck_assert(has_cpus(0, "0-2") && has_cpus(1, "2"));
	told_come_online(3);
	wait_for_loan_of("2-3");
	ck_assert(own_wait(all_is_lent));
	assert_up();
	told_work(1, 2);
	ck_assert(own_wait(all_are_home));
	end();
}

START_TEST(a_lent_cpu_goes_offline)
{
	begin_or_skip(4, 2);
	one_of_the_donors_goes(TOLD_PLAIN);
}
END_TEST

START_TEST(a_lent_cpu_goes_offline_and_is_forgotten)
{
	begin_or_skip(4, 2);
	one_of_the_donors_goes(TOLD_FORGETS);
}
END_TEST

static void the_borrowers_go(enum told_kind kind)
{
	lend_all(kind);
	told_go_offline(0);
	told_go_offline(1);
	poll(NULL, 0, A_WHILE_MS);
	assert_sound();
	told_come_online(0);
	told_come_online(1);
	told_work(0, 0);
	ck_assert(own_wait(all_are_home));
	assert_up();
	end();
}

START_TEST(the_borrower_s_cpus_go_offline)
{
	begin_or_skip(4, 2);
	the_borrowers_go(TOLD_PLAIN);
}
END_TEST

START_TEST(the_borrower_s_cpus_go_offline_and_are_forgotten)
{
	begin_or_skip(4, 2);
	the_borrowers_go(TOLD_FORGETS);
}
END_TEST

static void all_of_the_donors_go(enum told_kind kind)
{
	lend_all(kind);
	told_go_offline(2);
	told_go_offline(3);
	ck_assert(own_wait(nothing_is_lent));
	ck_assert(has_cpus(0, "0-1"));
	assert_up();
	told_come_online(2);
	told_come_online(3);
	ck_assert(own_wait(all_is_lent));
	told_work(0, 0);
	ck_assert(own_wait(all_are_home));
	assert_up();
	end();
}

START_TEST(a_donor_without_cpus)
{
	begin_or_skip(4, 2);
	all_of_the_donors_go(TOLD_PLAIN);
}
END_TEST

START_TEST(a_donor_without_cpus_that_are_forgotten)
{
	begin_or_skip(4, 2);
	all_of_the_donors_go(TOLD_FORGETS);
}
END_TEST

/* As when hardware threads are switched on: one CPU after the other. That is nobody's drift. */
START_TEST(many_cpus_come_back_one_by_one)
{
	begin_or_skip(16, 2);
	up(TOLD_FORGETS);
	for (unsigned cpu = 8; cpu < 15; cpu++)
		told_go_offline(cpu);
	poll(NULL, 0, A_WHILE_MS / 4);
	for (unsigned cpu = 8; cpu < 15; cpu++) {
		told_come_online(cpu);
		poll(NULL, 0, A_WHILE_MS / 8);
	}
	ck_assert(own_wait(all_are_home));
	assert_up();
	end();
}
END_TEST

/* ---- writes that fail */

START_TEST(a_borrower_that_cannot_be_widened)
{
	begin_or_skip(4, 2);
	up(TOLD_PLAIN);
	told_refuse("slice-0");
	told_work(0, 8);
	poll(NULL, 0, 5 * A_WHILE_MS); /* it is tried, in vain, and is nobody else's fault */
	ck_assert(has_cpus(0, "0-1") && has_cpus(1, "2-3"));
	assert_up();
	ck_assert_uint_eq(own.status.loan_count, 0);
	told_refuse("");
	ck_assert(own_wait(all_is_lent));
	end();
}
END_TEST

START_TEST(a_borrower_that_cannot_be_narrowed)
{
	begin_or_skip(4, 2);
	lend_all(TOLD_PLAIN);
	told_refuse("slice-0");
	told_work(1, 2);
	poll(NULL, 0, A_WHILE_MS);
	ck_assert_uint_eq(told_weight(1),
			  WEIGHT_MAX); /* as long as they are lent, the owner comes first */
	told_refuse("");
	ck_assert(own_wait(all_are_home));
	assert_up();
	end();
}
END_TEST

/* ---- anything, in any order */

enum { ROUNDS = 80, CPUS = 16, SLICES = 4 };

static void one_mischief(unsigned long long *state)
{
	unsigned slice = (unsigned)(test_random(state) % SLICES);
	unsigned cpu = (unsigned)(test_random(state) % CPUS);
	unsigned tasks[SLICES];

	switch (test_random(state) % 8) {
	case 0:
		told_go_offline(cpu | 1); /* an even one stays: no slice is stranded */
		break;
	case 1:
		told_come_online(cpu | 1);
		break;
	case 2:
		for (unsigned i = 0; i < SLICES; i++)
			tasks[i] = (unsigned)(test_random(state) % 3);
		tell_tasks(tasks);
		break;
	default:
		told_work(slice, (unsigned)(test_random(state) % 3 * 4));
		break;
	}
	poll(NULL, 0, (int)(test_random(state) % 120));
}

static void all_come_back(void)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		told_come_online(cpu);
	for (unsigned i = 0; i < SLICES; i++)
		told_work(i, 0);
}

static void random_walk(enum told_kind kind)
{
	unsigned long long state = test_seed();
	char why[256];

	own.profile.rebalance.loans = kind == TOLD_EXCLUSIVE ? LOANS_EXCLUSIVE : LOANS_SHARED;
	up(kind);
	for (unsigned i = 0; i < ROUNDS; i++) {
		one_mischief(&state);
		ck_assert_msg(told_is_sound(why), "SEED=%lu, round %u: %s", test_seed(), i, why);
	}
	assert_up();
	all_come_back();
	ck_assert_msg(own_wait(all_are_home), "SEED=%lu", test_seed());
	assert_up();
	end();
}

START_TEST(anything_may_happen)
{
	begin_or_skip(CPUS, SLICES);
	random_walk(TOLD_PLAIN);
}
END_TEST

START_TEST(anything_may_happen_and_is_forgotten)
{
	begin_or_skip(CPUS, SLICES);
	random_walk(TOLD_FORGETS);
}
END_TEST

START_TEST(anything_may_happen_between_walls)
{
	begin_or_skip(CPUS, SLICES);
	random_walk(TOLD_EXCLUSIVE);
}
END_TEST

OWN_MAIN("lending-machine", 90, test_case("many", sixty_four_slices),
	 test_case("walls", walls_move_when_spark_confirms, walls_move_back_when_the_owner_works,
		   walls_stay_where_spark_says_nothing, a_killed_supervisor_s_walls_are_put_back,
		   down_with_walls_moved),
	 test_case("cpus", a_lent_cpu_goes_offline, a_lent_cpu_goes_offline_and_is_forgotten,
		   the_borrower_s_cpus_go_offline, the_borrower_s_cpus_go_offline_and_are_forgotten,
		   a_donor_without_cpus, a_donor_without_cpus_that_are_forgotten,
		   many_cpus_come_back_one_by_one),
	 test_case("mischief", a_borrower_that_cannot_be_widened,
		   a_borrower_that_cannot_be_narrowed, anything_may_happen,
		   anything_may_happen_and_is_forgotten, anything_may_happen_between_walls,
		   own_nothing_is_left()))
