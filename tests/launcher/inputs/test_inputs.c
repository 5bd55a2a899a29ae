/*
 * How often a command looks for the cgroup tree.
 * link: -Wl,--wrap=openat
 */

#include "launcher/inputs/inputs.h"

#include <fcntl.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

static unsigned mounts_read, places_read;

int __real_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode)
{
	mounts_read += strstr(path, "proc/self/mountinfo") != NULL;
	places_read += strstr(path, "proc/self/cgroup") != NULL;
	return __real_openat(dir, path, flags, mode);
}

START_TEST(a_plan_reads_the_tree_once)
{
	cleanup_free struct inputs *in = malloc(sizeof(*in));
	const struct roots here = {0}, elsewhere = {.topology = "pack:2 core:4 pu:1"};
	struct err e = {0};

	ck_assert_ptr_nonnull(in);
	/* Whether a plan is possible here does not matter: CPUs may be another cluster's. */
	if (load_inputs(&here, NULL, in, &e) < 0)
		ck_assert_msg(e.exit == ERR_IMPOSSIBLE, "%s", e.msg);
	ck_assert_uint_eq(mounts_read, 1);
	ck_assert_uint_eq(places_read, 1);
	ck_assert_msg(load_inputs(&elsewhere, NULL, in, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(mounts_read, 1);
}
END_TEST

TEST_MAIN("inputs", test_case("tree", a_plan_reads_the_tree_once))
