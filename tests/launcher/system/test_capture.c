/* SPDX-License-Identifier: Apache-2.0 */
/* As whom, from where and with what a program is asked. */

#include "launcher/system/capture.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>

#include "decision/base/strings.h"
#include "tests/harness.h"

static int ask(const struct cluster *as, const char *script, char *text, size_t size)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const char *const envp[] = {"PATH=/usr/bin:/bin", "MINE=1", NULL};
	struct err e = {.msg = ""};
	size_t length;
	int r = capture(as, argv, envp, 10000, text, size, &length, &e);

	ck_assert_msg(r >= 0, "%s", e.msg);
	return r;
}

START_TEST(as_the_caller)
{
	char text[256], expected[64];

	ck_assert_int_eq(ask(NULL, "exit 7", text, sizeof(text)), 7);
	snprintf(expected, sizeof(expected), "%u\n/\n1\n", geteuid());
	ask(NULL, "id -u; pwd; echo $MINE", text, sizeof(text));
	ck_assert_str_eq(text, expected);
	/* A session of its own, and in it no terminal to type into. */
	ask(NULL,
	    "set -- $$ $(cat /proc/$$/stat); echo $(($1 - $7)); (: </dev/tty) 2>&- || echo none",
	    text, sizeof(text));
	ck_assert_str_eq(text, "0\nnone\n");
	ask(NULL, "grep NoNewPrivs /proc/self/status", text, sizeof(text));
	ck_assert_str_eq(text, "NoNewPrivs:\t1\n");
}
END_TEST

START_TEST(as_another_user)
{
	static struct cluster nobody = {.uid = 65534, .gid = 65534, .user = "nobody"};
	static struct cluster unnamed = {.uid = 65533, .gid = 65533};
	char text[256];

	if (geteuid() != 0)
		test_skip("not root");
	ask(&nobody, "id -u; id -g; id -G; pwd; grep CapEff /proc/self/status", text, sizeof(text));
	ck_assert_str_eq(text, "65534\n65534\n65534\n/\nCapEff:\t0000000000000000\n");
	ask(&unnamed, "id -u; id -g; id -G", text, sizeof(text));
	ck_assert_str_eq(text, "65533\n65533\n65533\n");
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_add_key, "user", "cleave-test-capture", "secret", 6ul,
		    KEY_SPEC_SESSION_KEYRING) < 0)
		test_skip("this kernel keeps no keys, or not for us: %s", strerror(errno));
	ask(&nobody, "grep -c cleave-test-capture /proc/keys", text, sizeof(text));
	ck_assert_str_eq(text, "0\n");
}
END_TEST

TEST_MAIN("capture", test_case("identity", as_the_caller, as_another_user))
