/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `cleave rebalance` asks for and is answered: written and read back; what is none is refused.
 */

#include "launcher/protocol/rebalance_answer.h"

#include "decision/base/cleanup.h"
#include "launcher/protocol/control.h"
#include "tests/harness.h"

static struct err e;

static struct cpuset cpus_of(const char *text)
{
	struct cpuset cpus;

	ck_assert_int_eq(cpuset_parse(text, &cpus, &e), 0);
	return cpus;
}

/* ---- requests */

static void check_request(const struct rebalance_request *r, const char *text)
{
	const struct control_request request = {.command = CONTROL_REBALANCE, .rebalance = *r};
	cleanup_free char *json = NULL;
	struct control_request back;

	ck_assert_int_eq(control_request_format(&request, &json, &e), 0);
	ck_assert_str_eq(json, text);
	ck_assert_msg(control_request_parse(json, strlen(json), &back, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(back.command, CONTROL_REBALANCE);
	ck_assert_msg(memcmp(&back.rebalance, r, sizeof(*r)) == 0, "%s", text);
	control_request_release(&back);
}

START_TEST(requests_come_back)
{
	check_request(&(struct rebalance_request){.what = REBALANCE_BY_HAND,
						  .from = 1,
						  .cores = 15,
						  .has_loans = true,
						  .loans = LOANS_EXCLUSIVE},
		      "{\"cmd\":\"rebalance\",\"what\":\"lend\",\"dry_run\":false,\"from\":1,"
		      "\"to\":0,\"cores\":15,\"loans\":\"exclusive\"}");
	check_request(
		&(struct rebalance_request){
			.what = REBALANCE_BY_HAND, .to = 63, .cores = 1, .dry_run = true},
		"{\"cmd\":\"rebalance\",\"what\":\"lend\",\"dry_run\":true,\"from\":0,"
		"\"to\":63,\"cores\":1}");
	check_request(&(struct rebalance_request){.what = REBALANCE_ONCE, .dry_run = true},
		      "{\"cmd\":\"rebalance\",\"what\":\"once\",\"dry_run\":true}");
	check_request(&(struct rebalance_request){.what = REBALANCE_RESET},
		      "{\"cmd\":\"rebalance\",\"what\":\"reset\",\"dry_run\":false}");
	check_request(
		&(struct rebalance_request){.what = REBALANCE_SET_MODE, .mode = REBALANCE_OBSERVE},
		"{\"cmd\":\"rebalance\",\"what\":\"mode\",\"dry_run\":false,"
		"\"mode\":\"observe\"}");
}
END_TEST

START_TEST(what_is_no_request)
{
	static const char *const cases[][2] = {
		{"", "what is ''"},
		{",\"what\":\"dance\",\"dry_run\":false", "what is 'dance'"},
		{",\"what\":\"reset\"", "dry_run: true or false"},
		{",\"what\":\"reset\",\"dry_run\":0", "dry_run: true or false"},
		{",\"what\":\"reset\",\"dry_run\":false,\"mode\":\"act\"",
		 "rebalance, reset: 3 keys are expected, found 4"},
		{",\"what\":\"mode\",\"dry_run\":false", "mode is ''"},
		{",\"what\":\"mode\",\"dry_run\":false,\"mode\":\"on\"", "mode is 'on'"},
		{",\"what\":\"lend\",\"dry_run\":false,\"to\":0,\"cores\":1", "from: an integer"},
		{",\"what\":\"lend\",\"dry_run\":false,\"from\":64,\"to\":0,\"cores\":1",
		 "from: 64 is not in 0 … 63"},
		{",\"what\":\"lend\",\"dry_run\":false,\"from\":1,\"to\":0,\"cores\":-1",
		 "cores: -1 is not in 0 … 4096"},
		{",\"what\":\"lend\",\"dry_run\":false,\"from\":1,\"to\":0,\"cores\":1,"
		 "\"loans\":\"kept\"",
		 "loans is 'kept'"},
		{",\"what\":\"lend\",\"dry_run\":false,\"from\":1,\"to\":0,\"cores\":1,\"x\":1",
		 "rebalance, lend: 6 keys are expected, found 7"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct control_request out = {.command = CONTROL_DOWN};
		cleanup_free char *text = NULL;

		ck_assert_int_gt(asprintf(&text, "{\"cmd\":\"rebalance\"%s}", cases[i][0]), 0);
		ck_assert_msg(control_request_parse(text, strlen(text), &out, &e) < 0, "%s", text);
		ck_assert_int_eq(e.exit, ERR_WRONG);
		ck_assert_msg(strstr(e.msg, cases[i][1]), "%s: %s", text, e.msg);
		ck_assert_int_eq(out.command, CONTROL_DOWN);
	}
}
END_TEST

/* ---- answers */

static struct rebalance_answer answer, back;

/* Slice 1 lends 2-3 to slice 0. */
static void fill(void)
{
	memset(&answer, 0, sizeof(answer));
	string_copy(answer.name, "demo");
	answer.mode = REBALANCE_ACT;
	answer.change_count = 2;
	answer.changes[0] = (struct rebalance_change){.group = "slice-1",
						      .kind = OP_SET_WEIGHT,
						      .weight_before = WEIGHT_DEFAULT,
						      .weight = WEIGHT_MAX,
						      .write_us = 12.5};
	answer.changes[1] = (struct rebalance_change){.group = "slice-0",
						      .kind = OP_SET_CPUS,
						      .before = cpus_of("0-1"),
						      .requested = cpus_of("0-3"),
						      .effective = cpus_of("0-2"),
						      .write_us = 140.25};
	answer.loan_count = 1;
	answer.loans[0] = (struct status_loan){{1, 0, LOANS_SHARED, cpus_of("2-3"), true}, 0.5};
	answer.decisions.count = 1;
	answer.decisions.items[0] =
		(struct rebalance_decision){.reason = REBALANCE_LENDS,
					    .from = 1,
					    .cpus = cpus_of("2-3"),
					    .donor = {.used = 0.25, .width = 2},
					    .borrower = {.used = 2, .width = 2}};
}

START_TEST(answers_come_back)
{
	cleanup_free char *text = NULL;

	fill();
	ck_assert_int_eq(json_table_format(&rebalance_answer_table, &answer, &text, &e), 0);
	ck_assert_msg(json_table_parse(&rebalance_answer_table, text, strlen(text), &back, &e) == 0,
		      "%s", e.msg);
	ck_assert_int_eq(memcmp(&answer, &back, sizeof(answer)), 0);
	ck_assert_ptr_nonnull(strstr(text, "{\"schema\":\"cleave.rebalance/1\",\"name\":\"demo\","
					   "\"mode\":\"act\",\"dry_run\":false,"));
	ck_assert_ptr_nonnull(strstr(text, "{\"group\":\"slice-0\",\"what\":\"cpus\",\"before\":"
					   "\"0-1\",\"asked\":\"0-3\",\"effective\":\"0-2\","
					   "\"write_us\":140.25}"));
	ck_assert_ptr_nonnull(strstr(text, "{\"group\":\"slice-1\",\"what\":\"weight\",\"before\":"
					   "100,\"asked\":10000,\"effective\":10000,"
					   "\"write_us\":12.5}"));
	ck_assert_ptr_nonnull(strstr(text, "\"text\":\"slice-1 lends 2-3 to slice-0: it uses 0.25 "
					   "of 2 CPUs, slice-0 2.00 of 2\""));
}
END_TEST

/* Nothing was written, so nothing is said of a kernel. */
START_TEST(a_dry_run_has_no_effect_to_tell)
{
	cleanup_free char *text = NULL;

	fill();
	answer.dry_run = true;
	answer.decisions.count = 0;
	string_copy(answer.why, "no slice lags");
	ck_assert_int_eq(json_table_format(&rebalance_answer_table, &answer, &text, &e), 0);
	ck_assert_ptr_null(strstr(text, "effective"));
	ck_assert_ptr_null(strstr(text, "write_us"));
	ck_assert_int_eq(json_table_parse(&rebalance_answer_table, text, strlen(text), &back, &e),
			 0);
	ck_assert(back.dry_run);
	ck_assert_str_eq(back.why, "no slice lags");
	ck_assert(cpuset_is_empty(&back.changes[1].effective));
}
END_TEST

/* As long as it can get: it still is a line that the socket takes. */
START_TEST(the_longest_answer)
{
	cleanup_free char *text = NULL;

	fill();
	for (unsigned i = 0; i < OPLIST_MAX; i++)
		answer.changes[i] = answer.changes[i % 2];
	answer.change_count = OPLIST_MAX;
	for (unsigned i = 0; i < REBALANCE_DECISIONS; i++)
		answer.decisions.items[i] = answer.decisions.items[0];
	answer.decisions.count = REBALANCE_DECISIONS;
	for (unsigned i = 0; i < SLICES_MAX; i++)
		answer.loans[i] = answer.loans[0];
	answer.loan_count = SLICES_MAX;
	ck_assert_int_eq(json_table_format(&rebalance_answer_table, &answer, &text, &e), 0);
	ck_assert_uint_lt(strlen(text), CONTROL_LINE_MAX);
	ck_assert_int_eq(json_table_parse(&rebalance_answer_table, text, strlen(text), &back, &e),
			 0);
	ck_assert_int_eq(memcmp(&answer, &back, sizeof(answer)), 0);
}
END_TEST

START_TEST(what_is_no_answer)
{
	cleanup_free char *text = NULL;
	char *at;

	fill();
	ck_assert_int_eq(json_table_format(&rebalance_answer_table, &answer, &text, &e), 0);
	back.change_count = 12345;
	ck_assert_int_lt(
		json_table_parse(&rebalance_answer_table, text, strlen(text) - 1, &back, &e), 0);
	at = strstr(text, "\"what\":\"weight\"");
	memcpy(at, "\"what\":\"wealth\"", strlen("\"what\":\"weight\""));
	ck_assert_int_lt(json_table_parse(&rebalance_answer_table, text, strlen(text), &back, &e),
			 0);
	ck_assert_str_eq(e.msg, "changes[0]: what is 'wealth', which is none of its words");
	ck_assert_uint_eq(back.change_count, 12345);
}
END_TEST

TEST_MAIN("rebalance answer", test_case("request", requests_come_back, what_is_no_request),
	  test_case("answer", answers_come_back, a_dry_run_has_no_effect_to_tell,
		    the_longest_answer, what_is_no_answer))
