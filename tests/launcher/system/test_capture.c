/* SPDX-License-Identifier: Apache-2.0 */
/* As whom, from where and with what a program is asked. */

#include "launcher/system/capture.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include "decision/base/strings.h"
#include "tests/harness.h"

static char said[65536];
static struct printed p;

static int ask_for(const struct cluster *as, const char *script, unsigned timeout_ms, size_t size,
		   struct err *e)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const char *const envp[] = {"PATH=/usr/bin:/bin", "MINE=1", NULL};

	p = (struct printed){.out = said, .size = size};
	return capture(as, argv, envp, timeout_ms, &p, e);
}

static int ask(const struct cluster *as, const char *script)
{
	struct err e = {.msg = ""};
	int r = ask_for(as, script, 10000, sizeof(said), &e);

	ck_assert_msg(r >= 0, "%s", e.msg);
	return r;
}

START_TEST(as_the_caller)
{
	char expected[64];

	ck_assert_int_eq(ask(NULL, "exit 7"), 7);
	snprintf(expected, sizeof(expected), "%u\n/\n1\n", geteuid());
	ask(NULL, "id -u; pwd; echo $MINE");
	ck_assert_str_eq(said, expected);
	/* A session of its own, and in it no terminal to type into. */
	ask(NULL,
	    "set -- $$ $(cat /proc/$$/stat); echo $(($1 - $7)); (: </dev/tty) 2>&- || echo none");
	ck_assert_str_eq(said, "0\nnone\n");
	ask(NULL, "grep NoNewPrivs /proc/self/status");
	ck_assert_str_eq(said, "NoNewPrivs:\t1\n");
}
END_TEST

START_TEST(as_another_user)
{
	static struct cluster nobody = {.uid = 65534, .gid = 65534, .user = "nobody"};
	static struct cluster unnamed = {.uid = 65533, .gid = 65533};

	if (geteuid() != 0)
		test_skip("not root");
	ask(&nobody, "id -u; id -g; id -G; pwd; grep CapEff /proc/self/status");
	ck_assert_str_eq(said, "65534\n65534\n65534\n/\nCapEff:\t0000000000000000\n");
	ask(&unnamed, "id -u; id -g; id -G");
	ck_assert_str_eq(said, "65533\n65533\n65533\n");
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_add_key, "user", "cleave-test-capture", "secret", 6ul,
		    KEY_SPEC_SESSION_KEYRING) < 0)
		test_skip("this kernel keeps no keys, or not for us: %s", strerror(errno));
	ask(&nobody, "grep -c cleave-test-capture /proc/keys");
	ck_assert_str_eq(said, "0\n");
}
END_TEST

/* The answer is on stdout, why there is none on stderr; neither is taken for the other. */
START_TEST(outputs_are_apart)
{
	struct err e = {.msg = ""};

	ck_assert_int_eq(ask(NULL, "echo noise >&2; echo answer; echo more >&2"), 0);
	ck_assert_str_eq(said, "answer\n");
	ck_assert_uint_eq(p.length, 7);
	ck_assert_str_eq(p.err, "noise\nmore\n");
	/* However much is said there, it neither ends nor blocks the program. */
	ck_assert_int_eq(ask(NULL, "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo answer"), 0);
	ck_assert_str_eq(said, "answer\n");
	ck_assert_uint_eq(strlen(p.err), PRINTED_ERR - 1);
	ck_assert_int_eq(ask(NULL, "printf 'a\\0b'"), 0);
	ck_assert_uint_eq(p.length, 3);
	ck_assert_int_eq(memcmp(said, "a\0b", 4), 0);
	ck_assert_int_eq(ask(NULL, "exec >&- 2>&-"), 0);
	ck_assert_uint_eq(p.length, 0);
	ck_assert_str_eq(p.err, "");
	ck_assert_int_eq(ask_for(NULL, "echo 12345", 10000, 6, &e), -EFBIG);
	ck_assert_str_eq(e.msg, "/bin/sh printed more than 5 bytes");
	ck_assert_int_eq(ask_for(NULL, "cat /dev/zero", 10000, sizeof(said), &e), -EFBIG);
	ck_assert_int_eq(ask_for(NULL, "cat /dev/zero >&2", 300, sizeof(said), &e), -ETIMEDOUT);
	ck_assert_str_eq(e.msg, "/bin/sh did not end within 0.3 s");
	ck_assert_int_eq(ask(NULL, "kill -9 $$"), 128 + 9);
}
END_TEST

/* What a shim leaves behind in the background holds the outputs: it is not waited for, and ends. */
START_TEST(whom_it_leaves_behind_ends)
{
	int left = 0;

	ck_assert_int_eq(ask(NULL, "sleep 1000 & echo $!"), 0);
	ck_assert_int_eq(sscanf(said, "%d", &left), 1);
	for (unsigned i = 0; i < 500 && kill(left, 0) == 0; i++)
		poll(NULL, 0, 10); /* until init has waited for it */
	ck_assert_int_eq(kill(left, 0), -1);
	ck_assert_int_eq(errno, ESRCH);
	/* What it had written before its end is there. */
	ck_assert_int_eq(ask(NULL, "sleep 1000 & seq 10000; echo end >&2"), 0);
	ck_assert_uint_eq(p.length, 48894);
	ck_assert_str_eq(p.err, "end\n");
}
END_TEST

TEST_MAIN("capture", test_case("identity", as_the_caller, as_another_user),
	  test_case("outputs", outputs_are_apart, whom_it_leaves_behind_ends))
