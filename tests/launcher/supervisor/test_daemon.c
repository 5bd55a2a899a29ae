/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/daemon.h"

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

TEST_MAIN("daemon", test_case("is", command_lines, a_crafted_command_line_is_read_to_its_end))
