/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executors that end as soon as they begin: what their own logs say of it is told, and no file that
 * the workers' user points to.
 */

#include <poll.h>
#include <sys/stat.h>

#include "tests/harness.h"
#include "tests/launcher/own_cluster.h"
#include "tests/launcher/two_slices.h"

static const char app[] = "app-20260101000000-0000";
static const char vm[] = "Error occurred during initialization of VM\n"
			 "Could not find agent library nope on the library path\n";

enum { PATH_BYTES = 2 * PROFILE_PATH };

/* In the work directory of slice 0. */
static void make(char path[PATH_BYTES], const char *below)
{
	snprintf(path, PATH_BYTES, "%s/slice-0/work/%s%s", own.cluster.data, app, below);
}

/* One more begins, and has written this to its stdout; NULL: that is a link to a secret. */
static void begin_executor(unsigned executor, const char *text)
{
	char path[PATH_BYTES], secret[PATH_BYTES], name[32];
	FILE *file;

	snprintf(name, sizeof(name), "/%u", executor);
	make(path, name);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(name, sizeof(name), "/%u/stdout", executor);
	make(path, name);
	if (!text) {
		snprintf(secret, sizeof(secret), "%s/secret", own.cluster.state);
		file = fopen(secret, "a");
		ck_assert(file && fputs("Error: of a secret\n", file) >= 0 && fclose(file) == 0);
		ck_assert_int_eq(symlink(secret, path), 0);
		return;
	}
	file = fopen(path, "w");
	ck_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static bool says(const char *what)
{
	return own_ask_status() == 0 && strcmp(own.status.slices[0].doing, what) == 0;
}

static bool tells_of_the_library(void)
{
	return says("executors end as soon as they begin: Could not find agent library nope on the "
		    "library path");
}

static bool tells_nothing(void)
{
	return says("executors end as soon as they begin: see cleave logs slice-0");
}

static void begin_executors(const char *text)
{
	char path[PATH_BYTES];

	make(path, "");
	ck_assert_int_eq(mkdir(path, 0755), 0);
	for (unsigned i = 0; i < 8; i++) {
		begin_executor(i, text);
		poll(NULL, 0, 100);
	}
}

START_TEST(the_cause_is_told)
{
	two_begin_or_skip();
	two_up();
	begin_executors(vm);
	ck_assert_msg(own_wait(tells_of_the_library), "%s", own.status.slices[0].doing);
	ck_assert_str_ne(own.status.slices[1].doing, own.status.slices[0].doing);
	two_end();
}
END_TEST

START_TEST(links_are_not_followed)
{
	two_begin_or_skip();
	two_up();
	begin_executors(NULL);
	ck_assert_msg(own_wait(tells_nothing), "%s", own.status.slices[0].doing);
	two_end();
}
END_TEST

OWN_MAIN("executor-ends", 60,
	 test_case("executors", the_cause_is_told, links_are_not_followed, own_nothing_is_left()))
