/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/daemon.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

/* Is a process what it should be? */
START_TEST(command_lines)
{
	char java[] = "/bin/java", option[] = "-x", empty[] = "";
	char *words[] = {java, option, empty, NULL};

	ck_assert(argv_match_proc(words, "/bin/java\0-x\0", 14));
	ck_assert(!argv_match_proc(words, "/bin/java\0-x\0", 13));
	ck_assert(!argv_match_proc(words, "/bin/java\0-y\0\0", 14));
	ck_assert(!argv_match_proc(words, "/bin/java\0-x\0\0more\0", 19));
	ck_assert(!argv_match_proc(words, "/bin/java\0-x\0\0mo", 16));
	ck_assert(argv_match_proc(words + 3, "", 0));
	ck_assert(!argv_match_proc(words, "", 0));
	ck_assert(argv_match_proc(words + 2, "CLEAVE_GROUP=a/b:0:0\0\0", 22));
	ck_assert(!argv_match_proc(words + 2, "CLEAVE_GROUPS=a/b:0:0\0\0", 23));
}
END_TEST

/* Exactly as large as the text, so that the san variant sees a read behind it. */
START_TEST(a_crafted_command_line_is_read_to_its_end)
{
	enum { SIZE = 256 << 10 };
	char java[] = "/bin/java";
	char *words[] = {java, NULL};
	cleanup_free char *text = malloc(SIZE);

	memset(text, 'x', SIZE);
	ck_assert(!argv_match_proc(words, text, SIZE));
	memset(text, '\n', SIZE);
	memcpy(text, java, sizeof(java));
	ck_assert(!argv_match_proc(words, text, SIZE));
	memset(text, '\0', SIZE);
	ck_assert(!argv_match_proc(words, text, SIZE));
	memcpy(text + SIZE - sizeof(java), java, sizeof(java));
	ck_assert(!argv_match_proc(words, text, SIZE));
	ck_assert(argv_match_proc(words, text + SIZE - sizeof(java), sizeof(java)));
}
END_TEST

/* Who was not killed did not die of it, whatever the kernel killed beside him. */
START_TEST(out_of_memory_is_said_of_the_killed)
{
	const struct {
		int wait_status;
		bool is_out_of_memory;
		const char *engine, *text;
	} cases[] = {
		{W_EXITCODE(0, SIGKILL), true, "", "was killed by signal 9: out of memory"},
		{W_EXITCODE(0, SIGKILL), false, "", "was killed by signal 9"},
		{W_EXITCODE(0, SIGTERM), true, "", "was killed by signal 15"},
		{W_EXITCODE(1, 0), true, "", "exited with status 1"},
		{W_EXITCODE(127, 0), false, "no such file", "exited with status 127: no such file"},
		{-1, true, "its container was removed", "ended: its container was removed"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct daemon d = {.wait_status = cases[i].wait_status,
				   .is_out_of_memory = cases[i].is_out_of_memory};
		char text[128];

		if (cases[i].engine[0])
			err_set(&d.last_words, -ECHILD, "%s", cases[i].engine);
		ck_assert_str_eq(daemon_exit_text(&d, text, sizeof(text)), cases[i].text);
	}
}
END_TEST

TEST_MAIN("daemon", test_case("is", command_lines, a_crafted_command_line_is_read_to_its_end),
	  test_case("ends", out_of_memory_is_said_of_the_killed))
