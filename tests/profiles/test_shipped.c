/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profiles in profiles/: they can be read, are named like their files, and ask for what their
 * names say.
 */

#include <dirent.h>

#include "profiles/load.h"
#include "tests/harness.h"

static struct profile profile;

static void load(const char *name)
{
	char path[300];
	struct err e;

	snprintf(path, sizeof(path), "profiles/%s.yaml", name);
	ck_assert_msg(profile_load(path, &profile, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(profile.name, name);
}

START_TEST(all_can_be_read)
{
	DIR *directory = opendir("profiles");
	unsigned found = 0;

	ck_assert_ptr_nonnull(directory);
	for (struct dirent *entry; (entry = readdir(directory));) {
		char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".yaml") != 0)
			continue;
		*dot = '\0';
		load(entry->d_name);
		found++;
	}
	closedir(directory);
	ck_assert_uint_ge(found, 5);
}
END_TEST

START_TEST(they_wish_what_they_are_called)
{
	load("demo");
	ck_assert_int_eq(profile.partition.by, BY_MACHINE);
	ck_assert_int_eq(profile.partition.slices, 2);
	ck_assert_int_eq(profile.partition.reserve_cores, 0);
	ck_assert_int_eq(profile.partition.reserve_memory.unit, SIZE_BYTES);
	ck_assert_uint_eq(profile.partition.reserve_memory.value, 0);
	load("per-socket");
	ck_assert_int_eq(profile.partition.by, BY_SOCKET);
	load("per-node");
	ck_assert_int_eq(profile.partition.by, BY_NUMA);
	load("paper-8x15");
	ck_assert_int_eq(profile.partition.slices, 8);
	ck_assert_int_eq(profile.partition.cores, 15);
	load("paper-4x30");
	ck_assert_int_eq(profile.partition.slices, 4);
	ck_assert_int_eq(profile.partition.cores, 30);
}
END_TEST

START_TEST(the_paper_is_followed)
{
	static const char *const names[] = {"paper-8x15", "paper-4x30"};

	for (int i = 0; i < 2; i++) {
		load(names[i]);
		ck_assert_int_eq(profile.partition.reserve_cores, 0);
		ck_assert_int_eq(profile.jvm.gc, GC_PARALLEL);
		ck_assert_int_eq(profile.memory.heap.unit, SIZE_BYTES);
		ck_assert_uint_eq(profile.memory.heap.value, UINT64_C(4) << 30);
	}
}
END_TEST

TEST_MAIN("profiles: shipped", test_case("shipped", all_can_be_read, they_wish_what_they_are_called,
					 the_paper_is_followed))
