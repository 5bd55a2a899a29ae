/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

/*
 * What every Check program shares. A program is one suite: TEST_MAIN(tcase, …). A test that cannot
 * run here says why with test_skip() and ends; tests/run counts it as skipped, and CI turns skips
 * that it does not expect into failures.
 */

#include <check.h>

/* The value belongs to the caller; end the test as skipped, with a reason. */
#define test_skip(...)                                 \
	do {                                           \
		test_skip_note(__func__, __VA_ARGS__); \
		return;                                \
	} while (0)
void test_skip_note(const char *test, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A directory of the test's own below $TMPDIR, removed at exit of the program. Abort on failure. */
const char *test_directory(void);

/* Write a file of that directory, with the directories on its way; NULL: there is to be none. */
void test_put(const char *path, const char *text);

/* What this process has open, the listing itself included: to be compared with another count. */
unsigned test_count_descriptors(void);

/* Where the machines are: ../shared/topologies, or NULL where a user's clone has none. */
const char *test_topologies(void);

/* The seed of random tests: $SEED or 1; put it into failure messages. */
unsigned long test_seed(void);

/* A small deterministic generator (SplitMix64), so that a seed means the same everywhere. */
unsigned long long test_random(unsigned long long *state);

/*
 * Run one suite made of the NULL-terminated list of cases; return main()'s status. What cleave keeps
 * in the user's cache is kept in the test's directory.
 */
int test_run(const char *suite, TCase *const *cases);

#define TEST_MAIN(suite, ...)                               \
	int main(void)                                      \
	{                                                   \
		TCase *const cases[] = {__VA_ARGS__, NULL}; \
		return test_run(suite, cases);              \
	}

/* A case from test functions: test_case("name", test_a, test_b, …). */
#define test_case(name, ...) test_case_of(name, (const TTest *const[]){__VA_ARGS__, NULL})
TCase *test_case_of(const char *name, const TTest *const *tests);

#endif
