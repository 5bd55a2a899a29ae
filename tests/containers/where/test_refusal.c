/* SPDX-License-Identifier: Apache-2.0 */
/* Why no groups can be made: machines with one fault each, and the sentence that is said there. */

#include "containers/where/refusal.h"

#include <errno.h>

#include "decision/base/cleanup.h"
#include "tests/containers/fake_root.h"
#include "tests/harness.h"

START_TEST(each_cause_has_its_own_sentence)
{
	for (unsigned i = 0; i < FAILING_MACHINES; i++) {
		const struct failing_machine *m = &failing_machines[i];
		struct placement_facts f;
		struct placement p;
		struct err e = {0};
		int r = failing_machine_place(i, &f, &p, &e);

		ck_assert_msg(r < 0, "%s: groups can be made", m->name);
		ck_assert_msg(e.exit == m->exit, "%s: %d: %s", m->name, e.exit, e.msg);
		for (unsigned k = 0; k < 3 && m->words[k]; k++)
			ck_assert_msg(strstr(e.msg, m->words[k]), "%s: \"%s\" is missing in: %s",
				      m->name, m->words[k], e.msg);
		ck_assert_msg(!strstr(e.msg, m->never), "%s: \"%s\" is in: %s", m->name, m->never,
			      e.msg);
		/* Root is not told to be root. */
		ck_assert_msg(m->uid || !strstr(e.msg, "run cleave as root"), "%s", e.msg);
	}
}
END_TEST

START_TEST(what_confines_nobody_is_not_named)
{
	static const char *const labels[] = {
		"unconfined",
		"snap.x (complain)",
		"kernel",
		"unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023",
		"system_u:system_r:kernel_t:s0",
		"crun (unconfined)",
		""};
	struct rights f;

	for (unsigned i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		const struct fake_file files[] = {{"proc/self/attr/current", labels[i]}, {0}};
		cleanup_close int root = fake_root(i, files);

		rights_read(root, 0, &f);
		ck_assert_str_eq(f.label, "");
		ck_assert(!f.is_mapped && !f.lacks_override && !f.is_filtered);
	}
}
END_TEST

/* A label is bytes that a policy's author chose, and may be as long as a page. */
START_TEST(labels_are_shown_as_they_can_be)
{
	char label[4000], *end = label;
	const struct fake_file files[] = {{"proc/self/attr/current", label}, {0}};
	const struct refused what = {"/c", 0, false, false};
	struct err e = {0};
	struct rights f;
	cleanup_close int root = -1;

	end += snprintf(label, sizeof(label), "a\x1b[31m\n");
	memset(end, 'x', sizeof(label) - 50);
	end[sizeof(label) - 50] = '\0';
	root = fake_root(0, files);
	rights_read(root, 0, &f);
	ck_assert_int_lt(refusal_judge(&f, &what, &e), 0);
	ck_assert_msg(strstr(e.msg, "a\\x1b[31m\\nxxx") && !strchr(e.msg, '\x1b'), "%s", e.msg);
}
END_TEST

START_TEST(an_error_gets_its_cause)
{
	struct err e = {0};

	err_errno(&e, -ENOSPC, "cannot make group /c/cleave");
	ck_assert_int_eq(refusal_explain("/c", &e), -ENOSPC);
	ck_assert_msg(strstr(e.msg, "cannot make group /c/cleave: No space") &&
			      strstr(e.msg, "65535"),
		      "%s", e.msg);
	err_errno(&e, -EROFS, "cannot make group /c/cleave");
	ck_assert_int_eq(refusal_explain("/c", &e), -EROFS);
	ck_assert_msg(strstr(e.msg, "read-only here"), "%s", e.msg);
	err_errno(&e, -EIO, "cannot make group /c/cleave");
	ck_assert_int_eq(refusal_explain("/c", &e), -EIO);
	ck_assert_str_eq(e.msg, "cannot make group /c/cleave: Input/output error");
}
END_TEST

TEST_MAIN("refusal",
	  test_case("refusal", each_cause_has_its_own_sentence, what_confines_nobody_is_not_named,
		    labels_are_shown_as_they_can_be, an_error_gets_its_cause))
