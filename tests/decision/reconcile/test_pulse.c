/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/reconcile/pulse.h"

#include "tests/harness.h"

static const uint64_t ms = 1000000;

/* Look once a second for so many seconds; return whether it was given up at the last look only. */
static bool is_given_up_after(struct pulse *p, unsigned seconds, const struct pulse_limits *l)
{
	for (unsigned i = 1; i < seconds; i++)
		if (pulse_miss(p, pulse_silence(i * 1000 * ms, (i + 1) * 1000 * ms), l))
			return false;
	return pulse_miss(p, 1000 * ms, l);
}

START_TEST(limits)
{
	static const struct row {
		uint64_t answer_ms, start_ms, answer_is, start_is;
	} rows[] = {
		{40000, 120000, 40000, 120000},
		{40000, 1500, 40000, 40000}, /* a young one has at least as long as an old one */
		{4000, 120000, 4000, 120000},
		{333, 1000, PULSE_LEAST_MS, PULSE_LEAST_MS},
		{0, 0, PULSE_LEAST_MS, PULSE_LEAST_MS},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pulse_limits l = pulse_limits(rows[i].answer_ms, rows[i].start_ms);

		ck_assert_uint_eq(l.answer_ns, rows[i].answer_is * ms);
		ck_assert_uint_eq(l.start_ns, rows[i].start_is * ms);
	}
}
END_TEST

START_TEST(young_and_old)
{
	struct pulse_limits l = pulse_limits(4000, 10000);
	struct pulse p;

	pulse_begin(&p, true);
	ck_assert(is_given_up_after(&p, 10, &l));
	pulse_begin(&p, false); /* found alive: it has started long ago */
	ck_assert(is_given_up_after(&p, 4, &l));
	pulse_begin(&p, true);
	pulse_hear(&p);
	ck_assert(is_given_up_after(&p, 4, &l));
	pulse_hear(&p);
	ck_assert(is_given_up_after(&p, 4, &l));
}
END_TEST

/* A roll call asks for a new sign of life, and forgives no silence. */
START_TEST(called)
{
	struct pulse_limits l = pulse_limits(4000, 10000);
	struct pulse p;

	pulse_begin(&p, false);
	ck_assert(!p.is_heard);
	pulse_hear(&p);
	ck_assert(p.is_heard);
	ck_assert(!pulse_miss(&p, 3000 * ms, &l));
	pulse_call(&p);
	ck_assert(!p.is_heard);
	ck_assert(pulse_miss(&p, 1000 * ms, &l));
}
END_TEST

/* The listener was stopped for an hour, or for ever. */
START_TEST(what_was_not_listened_to)
{
	struct pulse_limits l = pulse_limits(40000, 120000);
	struct pulse p;

	ck_assert_uint_eq(pulse_silence(5, 5), 0);
	ck_assert_uint_eq(pulse_silence(5 * ms, 55 * ms), 50 * ms);
	ck_assert_uint_eq(pulse_silence(0, 3600000 * ms), PULSE_TURN_MS * ms);
	ck_assert_uint_eq(pulse_silence(0, UINT64_MAX), PULSE_TURN_MS * ms);
	pulse_begin(&p, false);
	for (unsigned i = 0; i < 26; i++)
		ck_assert(!pulse_miss(&p, pulse_silence(0, UINT64_MAX), &l));
	ck_assert(pulse_miss(&p, pulse_silence(0, UINT64_MAX), &l));
}
END_TEST

TEST_MAIN("pulse", test_case("pulse", limits, young_and_old, called, what_was_not_listened_to))
