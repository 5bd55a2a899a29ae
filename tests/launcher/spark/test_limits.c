/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits that a JVM cannot do with, or not for long. */

#include "launcher/spark/limits.h"

#include <string.h>

#include "tests/harness.h"

#define NONE RLIM_INFINITY

static struct limits limits_of(enum limit which, rlim_t value)
{
	struct limits l;

	for (enum limit i = 0; i < LIMIT_COUNT; i++)
		l.hard[i] = NONE;
	l.hard[which] = value;
	return l;
}

START_TEST(what_no_jvm_starts_with)
{
	static const struct {
		enum limit which;
		rlim_t value;
		uid_t uid;
		const char *said; /* NULL: they start */
	} cases[] = {
		{LIMIT_FILES, NONE, 7, NULL},
		{LIMIT_FILES, 512, 7, NULL},
		{LIMIT_FILES, 511, 7,
		 "the limit of open files is 511 here (ulimit -n, LimitNOFILE=), and 3 JVMs with "
		 "heaps of up to 600 MB take at least 512: raise the hard limit"},
		{LIMIT_ADDRESSES, (rlim_t)2648 << 20, 7, NULL},
		{LIMIT_ADDRESSES, (rlim_t)2000 << 20, 7,
		 "the limit of address space is 2000 MB here (ulimit -v, LimitAS=), and 3 JVMs with "
		 "heaps of up to 600 MB take at least 2648 MB: raise"},
		{LIMIT_DATA, 0, 7, "the limit of data is 0 MB here (ulimit -d, LimitDATA=)"},
		{LIMIT_DATA, (rlim_t)600 << 20, 7, NULL},
		{LIMIT_PROCESSES, 47, 7,
		 "the limit of threads of one user is 47 here (ulimit -u, LimitNPROC=), and 3 JVMs"},
		{LIMIT_PROCESSES, 48, 7, NULL},
		{LIMIT_PROCESSES, 1, 0, NULL}, /* root has none */
		{LIMIT_FILE_SIZE, (rlim_t)16 << 20, 7, NULL},
		{LIMIT_FILE_SIZE, 1 << 20, 7,
		 "the limit of a file's size is 1 MB here (ulimit -f, LimitFSIZE=), and 3"},
		{LIMIT_CPU, 1, 7, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct limits_use use = {.uid = cases[i].uid, .jvms = 3, .heap_mb = 600};
		const struct limits l = limits_of(cases[i].which, cases[i].value);
		struct err e = {0};
		int r = limits_check(&l, &use, &e);

		ck_assert_msg((r < 0) == (cases[i].said != NULL), "%zu: %s", i, e.msg);
		ck_assert_msg(!cases[i].said || strstr(e.msg, cases[i].said), "%zu: %s", i, e.msg);
	}
}
END_TEST

START_TEST(what_no_driver_starts_with)
{
	const struct limits_use use = {.uid = 7, .jvms = 1};
	const struct limits l = limits_of(LIMIT_ADDRESSES, 1 << 30);
	struct err e = {0};

	ck_assert_int_lt(limits_check(&l, &use, &e), 0);
	ck_assert_str_eq(e.msg,
			 "the limit of address space is 1024 MB here (ulimit -v, LimitAS=), and a "
			 "driver takes at least 2048 MB: raise the hard limit for who calls "
			 "cleave");
}
END_TEST

START_TEST(what_may_end_an_application)
{
	static const struct {
		enum limit which;
		rlim_t value;
		const char *said; /* NULL: nothing */
	} cases[] = {
		{LIMIT_FILES, 65536, NULL},
		{LIMIT_FILES, 4096, "the limit of open files is 4096 (ulimit -n, LimitNOFILE=): a"},
		{LIMIT_PROCESSES, 768, NULL},
		{LIMIT_PROCESSES, 767, "the limit of threads of one user is 767"},
		{LIMIT_ADDRESSES, (rlim_t)1 << 40, "address space is 1048576 MB"},
		{LIMIT_DATA, (rlim_t)1 << 40, "data is 1048576 MB"},
		{LIMIT_FILE_SIZE, (rlim_t)1 << 30, "a file's size is 1024 MB"},
		{LIMIT_CPU, 3600, "CPU time is 3600 s (ulimit -t, LimitCPU=)"},
	};
	const struct limits_use use = {.uid = 7, .jvms = 3, .heap_mb = 600};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct limits l = limits_of(cases[i].which, cases[i].value),
				    none = limits_of(cases[i].which, NONE);
		char text[LIMIT_TEXT] = "";

		ck_assert(!limits_are_narrow(&none, cases[i].which, &use, text));
		ck_assert_msg(limits_are_narrow(&l, cases[i].which, &use, text) ==
				      (cases[i].said != NULL),
			      "%zu: %s", i, text);
		ck_assert_msg(!cases[i].said || strstr(text, cases[i].said), "%zu: %s", i, text);
	}
}
END_TEST

START_TEST(they_are_those_of_this_process)
{
	struct rlimit files = {300, 400};
	struct limits l;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	limits_read(&l);
	ck_assert_uint_eq(l.hard[LIMIT_FILES], 400);
}
END_TEST

TEST_MAIN("limits", test_case("limits", what_no_jvm_starts_with, what_no_driver_starts_with,
			      what_may_end_an_application, they_are_those_of_this_process))
