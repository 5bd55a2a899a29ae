/* SPDX-License-Identifier: Apache-2.0 */
/* Making room in a scope, on plain files: what is moved, and how much. */

#include "containers/where/scope.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "tests/containers/fake_root.h"
#include "tests/harness.h"

/* More than 8 KB of processes; 0, one of another pid namespace, would be the mover itself. */
START_TEST(all_processes_are_moved)
{
	static char text[200000];
	const struct fake_file files[] = {{"cgroup.procs", text}, {SCOPE_PAUSE "/x", ""}, {0}};
	cleanup_close int memory = memfd_create("moved", MFD_CLOEXEC); /* no disk is to wait for */
	cleanup_close int dir = -1;
	struct err e = {0};
	char moved[64], link[64];
	size_t used = 0;

	for (unsigned i = 1; i <= 20000; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u\n", i);
	snprintf(text + used, sizeof(text) - used, "0\n");
	dir = fake_root(0, files);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", memory);
	ck_assert_int_eq(symlinkat(link, dir, SCOPE_PAUSE "/cgroup.procs"), 0);
	ck_assert_msg(scope_make_room(dir, &e) == 0, "%s", e.msg);
	/* Each write takes the place of the one before. */
	ck_assert_int_gt(control_read(dir, SCOPE_PAUSE "/cgroup.procs", moved, sizeof(moved), &e),
			 0);
	ck_assert_str_eq(moved, "20000");
}
END_TEST

TEST_MAIN("scope", test_case("scope", all_processes_are_moved))
