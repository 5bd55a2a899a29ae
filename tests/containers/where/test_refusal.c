/* SPDX-License-Identifier: Apache-2.0 */
/* Why no groups can be made: machines with one fault each, and the sentence that is said there. */

#include "containers/where/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* A user's own group is given to it, and its shell is elsewhere: nothing can be born in it. */
START_TEST(a_shell_may_be_outside_of_the_given_group)
{
	static const struct fake_file files[] = {
		{"proc/self/cgroup", "0::/u/shell\n"},
		{"proc/self/mountinfo", "31 26 0:27 / /c rw - cgroup2 cgroup2 rw\n"},
		{"c/cgroup.controllers", "cpuset cpu io memory\n"},
		{"c/cgroup.procs", "1\n"},
		{"c/u/cgroup.procs", ""},
		{"c/u/g/cgroup.controllers", "cpuset cpu memory\n"},
		{"c/u/g/cgroup.subtree_control", "\n"},
		{"c/u/g/cgroup.procs", ""},
		{0}};
	static const char *const given[] = {"c/u/g", "c/u/g/cgroup.subtree_control",
					    "c/u/g/cgroup.procs"};
	cleanup_close int root = fake_root(0, files);
	struct placement_facts f;
	struct placement p;
	struct err e = {0};

	for (unsigned i = 0; i < 3; i++)
		if (fchownat(root, given[i], 65534, 65534, 0) || (i == 2 && seteuid(65534)))
			test_skip("only root may be another user: %s", strerror(errno));
	for (unsigned is_inside = 0; is_inside < 2; is_inside++) {
		int r;

		ck_assert_int_eq(placement_facts_read(root, 65534, &f, &e), 0);
		if (is_inside)
			snprintf(f.layout.unified.own, LAYOUT_PATH, "/u/g/shell");
		placement_facts_give(root, "/c/u/g", &f);
		r = placement_decide(&f, BACKEND_AUTO, NULL, ROOT_CGROUP2, "/c/u/g", &p, &e);
		ck_assert_msg(is_inside ? r == 0 : r == -EACCES, "%s", e.msg);
		ck_assert_msg(is_inside || strstr(e.msg, "from its own group /u/shell to /c/u/g"),
			      "%s", e.msg);
		ck_assert_msg(is_inside || strstr(e.msg, "cgroup.procs of /c/u, above both"), "%s",
			      e.msg);
	}
	ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* An ssh session of a user whose manager has all controllers: it is no group of the manager's. */
START_TEST(a_session_is_outside_of_the_users_manager)
{
	static const char *const cases[][2] = {
		{"0::/user.slice/user-65534.slice/session-3.scope\n", "session-3.scope"},
		{"0::/user.slice/user-65534.slice/user@65534.service/app.slice/a.scope\n", NULL},
	};

	for (unsigned i = 0; i < 2; i++) {
		const struct fake_file files[] = {
			{"proc/self/cgroup", cases[i][0]},
			{"proc/self/mountinfo", "31 26 0:27 / /c rw - cgroup2 cgroup2 rw\n"},
			{"c/cgroup.controllers", "cpuset cpu io memory\n"},
			{"c/user.slice/user-65534.slice/cgroup.procs", ""},
			{"c/user.slice/user-65534.slice/user@65534.service/cgroup.controllers",
			 "cpuset cpu memory\n"},
			{"run/systemd/system/x", ""},
			{"run/user/65534/systemd/private", ""},
			{0}};
		cleanup_close int root = fake_root(i, files);
		struct placement_facts f;
		struct placement p;
		struct err e = {0};
		int r;

		if (seteuid(65534))
			test_skip("only root may be another user: %s", strerror(errno));
		ck_assert_int_eq(placement_facts_read(root, 65534, &f, &e), 0);
		r = placement_decide(&f, BACKEND_AUTO, NULL, ROOT_NONE, NULL, &p, &e);
		ck_assert_int_eq(seteuid(0), 0);
		ck_assert_msg(cases[i][1] ? r == -EACCES : r == 0, "%s", e.msg);
		ck_assert_msg(r == 0 || (strstr(e.msg, cases[i][1]) &&
					 strstr(e.msg, "systemd-run --user --scope cleave")),
			      "%s", e.msg);
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
	const struct refused what = {.group = "/c"};
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

/* What is allowed is tried, beside the groups of clusters, and nothing is left of that. */
START_TEST(a_try_leaves_nothing)
{
	struct placement p = {.kind = PLACEMENT_CGROUP2};
	struct err e = {0};

	snprintf(p.base[0], sizeof(p.base[0]), "%s/base", test_directory());
	ck_assert_int_eq(placement_try(&p, &e), 0); /* --cgroup-root NAME: it is made, too */
	ck_assert_int_eq(mkdir(p.base[0], 0755), 0);
	ck_assert_int_eq(placement_try(&p, &e), 0);
	ck_assert_int_eq(rmdir(p.base[0]), 0);
	snprintf(p.base[0], sizeof(p.base[0]), "/proc/self");
	ck_assert_int_lt(placement_try(&p, &e), 0);
	ck_assert_msg(strstr(e.msg, "cannot make group /proc/self/cleave-try-"), "%s", e.msg);
	p.kind = PLACEMENT_SCOPE; /* systemd's to make */
	ck_assert_int_eq(placement_try(&p, &e), 0);
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
	  test_case("refusal", each_cause_has_its_own_sentence,
		    a_shell_may_be_outside_of_the_given_group,
		    a_session_is_outside_of_the_users_manager, what_confines_nobody_is_not_named,
		    labels_are_shown_as_they_can_be, an_error_gets_its_cause, a_try_leaves_nothing))
