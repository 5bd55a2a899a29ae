/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs are lent while a job runs: a supervisor with real groups and real work (a fake Spark whose
 * Workers burn CPU), what the monitor does by itself, and what `cleave rebalance` asks of it.
 *
 * needs: quiet
 */

#include <poll.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"
#include "tests/launcher/fake_spark.h"
#include "tests/launcher/two_slices.h"

enum { A_WHILE_MS = 1000, ATTEMPTS = 5 };

/* ---- by itself */

static bool status_has_loan(void)
{
	const struct loan *l = &own.status.loans[0].loan;

	return own_ask_status() == 0 && own.status.loan_count == 1 && l->from == 1 && l->to == 0 &&
	       cpuset_is_equal(&l->cpus, &own.state.plan.slices[1].cpus);
}

START_TEST(idle_cpus_are_lent_and_returned)
{
	two_begin_or_skip();
	two_up();
	two_lag(0);
	ck_assert(own_wait(two_is_lent));
	ck_assert(own_wait(status_has_loan));
	ck_assert_int_eq(own.status.loans[0].loan.mode, LOANS_SHARED);
	ck_assert(!own.status.loans[0].loan.by_hand);
	ck_assert_int_eq(own.status.monitor.mode, REBALANCE_ACT);
	/* Where others use the machine a loan may end as unused just before: then once more. */
	for (int i = 0; i < ATTEMPTS && !two_decisions("loan", REBALANCE_DONOR_BACK); i++) {
		two_rest(1);
		ck_assert(own_wait(two_is_lent));
		two_lag(1);
		ck_assert(own_wait(two_is_home));
	}
	ck_assert_uint_ge(two_decisions("loan", REBALANCE_LENDS), 1);
	ck_assert_uint_ge(two_decisions("loan", REBALANCE_DONOR_BACK), 1);
	two_end();
}
END_TEST

START_TEST(a_donor_may_borrow_afterwards)
{
	two_begin_or_skip();
	two_up();
	two_lag(0);
	ck_assert(own_wait(two_is_lent));
	two_rest(0);
	ck_assert(own_wait(two_is_home));
	two_lag(1);
	ck_assert(own_wait(two_is_lent_back));
	two_rest(1);
	ck_assert(own_wait(two_is_home));
	two_end();
}
END_TEST

START_TEST(as_many_threads_as_cpus_need_nothing)
{
	two_begin_or_skip();
	two_up();
	two_burn(0, cpuset_count(&own.state.plan.slices[0].cpus));
	poll(NULL, 0, A_WHILE_MS);
	ck_assert(two_is_home());
	ck_assert_uint_eq(two_decisions("loan", REBALANCE_LENDS), 0);
	two_lag(0); /* and it is not blind to it */
	ck_assert(own_wait(two_is_lent));
	two_end();
}
END_TEST

/* ---- modes */

static bool is_observed(void)
{
	return two_decisions("observe", REBALANCE_LENDS) > 0;
}

START_TEST(observing_says_and_does_nothing)
{
	two_begin_or_skip();
	own.profile.rebalance.mode = REBALANCE_OBSERVE;
	own_write_profile();
	two_up();
	two_lag(0);
	ck_assert(own_wait(is_observed));
	poll(NULL, 0, A_WHILE_MS);
	ck_assert(two_is_home());
	ck_assert_uint_eq(two_decisions("loan", REBALANCE_LENDS), 0);
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_uint_eq(own.status.loan_count, 0);
	ck_assert_int_eq(own.status.monitor.mode, REBALANCE_OBSERVE);
	ck_assert_uint_ge(own.status.monitor.recent_count, 1);
	two_set_mode(REBALANCE_ACT);
	ck_assert(own_wait(two_is_lent));
	two_end();
}
END_TEST

START_TEST(the_mode_can_be_changed_while_it_runs)
{
	two_begin_or_skip();
	two_up();
	two_lag(0);
	ck_assert(own_wait(two_is_lent));
	two_set_mode(REBALANCE_OFF);
	ck_assert(own_wait(two_is_home));
	poll(NULL, 0, A_WHILE_MS);
	ck_assert(two_is_home());
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_int_eq(own.status.monitor.mode, REBALANCE_OFF);
	two_set_mode(REBALANCE_ACT);
	ck_assert(own_wait(two_is_lent));
	two_set_mode(REBALANCE_OBSERVE);
	ck_assert(own_wait(two_is_home));
	two_end();
}
END_TEST

static bool one_pass_lends(void)
{
	struct rebalance_request r = {.what = REBALANCE_ONCE};
	cleanup_free struct rebalance_answer *answer = two_must(&r);

	return answer->loan_count == 1;
}

START_TEST(one_pass_although_it_is_off)
{
	two_begin_or_skip();
	own.profile.rebalance.mode = REBALANCE_OFF;
	own_write_profile();
	two_up();
	two_lag(0);
	poll(NULL, 0, A_WHILE_MS);
	ck_assert(two_is_home());
	ck_assert(own_wait(one_pass_lends));
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_int_eq(own.status.monitor.mode, REBALANCE_OFF);
	two_end();
}
END_TEST

/* ---- by hand */

static const struct rebalance_request by_hand = {
	.what = REBALANCE_BY_HAND, .from = 1, .to = 0, .cores = 1};

/* That each group is told what was asked of it and what the kernel made of it. */
static void assert_changes(const struct rebalance_answer *a)
{
	unsigned cpus = 0, weights = 0;

	for (unsigned i = 0; i < a->change_count; i++) {
		const struct rebalance_change *c = &a->changes[i];

		if (c->kind == OP_SET_WEIGHT) {
			weights++;
			ck_assert_str_eq(c->group, "slice-1");
			continue;
		}
		cpus++;
		ck_assert_str_eq(c->group, "slice-0");
		ck_assert(cpuset_is_equal(&c->requested, &c->effective));
		ck_assert(!cpuset_is_equal(&c->requested, &c->before));
		ck_assert(c->write_us > 0);
	}
	ck_assert_uint_eq(cpus, 1);
	ck_assert_uint_eq(weights, 1);
}

static void reset(void)
{
	struct rebalance_request r = {.what = REBALANCE_RESET};
	cleanup_free struct rebalance_answer *answer = two_must(&r);

	ck_assert_uint_eq(answer->loan_count, 0);
	assert_changes(answer);
	ck_assert(two_is_home());
}

START_TEST(loans_by_hand_stay_until_they_are_reset)
{
	cleanup_free struct rebalance_answer *answer = NULL;

	two_begin_or_skip();
	two_up();
	answer = two_must(&by_hand);
	ck_assert(two_is_lent());
	ck_assert_uint_eq(answer->loan_count, 1);
	ck_assert(answer->loans[0].loan.by_hand);
	assert_changes(answer);
	two_lag(1); /* the donor works, the borrower does not: the monitor would end it */
	poll(NULL, 0, A_WHILE_MS);
	ck_assert(two_is_lent());
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_uint_eq(own.status.loan_count, 1);
	ck_assert(own.status.loans[0].loan.by_hand);
	two_set_mode(REBALANCE_OFF); /* ends all others */
	ck_assert(two_is_lent());
	reset();
	two_end();
}
END_TEST

START_TEST(a_dry_run_changes_nothing)
{
	struct rebalance_request r = by_hand;
	cleanup_free struct rebalance_answer *answer = NULL, *real = NULL;

	two_begin_or_skip();
	two_up();
	r.dry_run = true;
	answer = two_must(&r);
	ck_assert(answer->dry_run);
	ck_assert_uint_eq(answer->loan_count, 1);
	ck_assert_uint_ge(answer->change_count, 2);
	ck_assert(two_is_home());
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_uint_eq(own.status.loan_count, 0);
	real = two_must(&by_hand);
	ck_assert_uint_eq(real->change_count, answer->change_count);
	ck_assert(two_is_lent());
	r.what = REBALANCE_RESET;
	free(take_pointer(answer));
	answer = two_must(&r);
	ck_assert_uint_eq(answer->loan_count, 0);
	ck_assert(two_is_lent());
	two_end();
}
END_TEST

START_TEST(what_cannot_be_lent_is_refused)
{
	static const struct {
		struct rebalance_request request;
		enum err_exit exit;
		const char *word;
	} cases[] = {
		{{.from = 0, .to = 0, .cores = 1}, ERR_IMPOSSIBLE, "itself"},
		{{.from = 1, .to = 7, .cores = 1}, ERR_IMPOSSIBLE, "7"},
		{{.from = 1, .to = 0, .cores = 99}, ERR_IMPOSSIBLE, "99"},
		{{.from = 1, .to = 0, .cores = 0}, ERR_WRONG, "0 cores"},
		{{.from = 1, .to = 0, .cores = 1, .has_loans = true, .loans = LOANS_EXCLUSIVE},
		 ERR_IMPOSSIBLE,
		 "keep"},
	};
	struct err e;

	two_begin_or_skip();
	two_up();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rebalance_request r = cases[i].request;

		r.what = REBALANCE_BY_HAND;
		ck_assert_msg(!two_ask(&r, &e), "case %u", i);
		ck_assert_msg(e.exit == cases[i].exit, "case %u: %s", i, e.msg);
		ck_assert_msg(strstr(e.msg, cases[i].word), "case %u: %s", i, e.msg);
	}
	ck_assert(two_is_home());
	free(two_must(&by_hand));
	ck_assert_ptr_null(two_ask(
		&(struct rebalance_request){
			.what = REBALANCE_BY_HAND, .from = 0, .to = 1, .cores = 1},
		&e)); /* lends and borrows at once */
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert(two_is_lent());
	two_end();
}
END_TEST

OWN_MAIN("lending", 90,
	 test_case("lend", idle_cpus_are_lent_and_returned, a_donor_may_borrow_afterwards,
		   as_many_threads_as_cpus_need_nothing),
	 test_case("modes", observing_says_and_does_nothing, the_mode_can_be_changed_while_it_runs,
		   one_pass_although_it_is_off),
	 test_case("hand", loans_by_hand_stay_until_they_are_reset, a_dry_run_changes_nothing,
		   what_cannot_be_lent_is_refused, own_nothing_is_left()))
