/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's promises on machines that exist: every topology of ../shared, for every kind of
 * workload.
 */

#include <dirent.h>
#include <string.h>

#include "launcher/inputs/host_hwloc.h"
#include "tests/decision/choices.h"
#include "tests/harness.h"

static struct topology t;
static struct profile profile;
static struct facts facts;

static void promise(const char *machine, const char *what, bool holds, const char *why)
{
	ck_assert_msg(holds, "%s: workload %u, %s: %s", machine, (unsigned)profile.workload.type,
		      what, why);
}

static void check_machine(const char *path)
{
	struct topology_source source = {.text = path};
	char why[CHOICE_TEXT] = "";
	struct cpuset mask;
	struct err e;

	if (topology_read(&source, &t, &mask, &e) < 0)
		ck_abort_msg("%s: %s", path, e.msg);
	for (unsigned k = 0; k < 14; k++) {
		profile_default(&profile);
		profile.workload.type = (enum workload_type)(k / 2);
		facts.data_bytes = k % 2 ? UINT64_C(1) << 40 : 0;
		promise(path, "choice", choice_is_sound(&t, &profile, &facts, why), why);
		promise(path, "memory", choice_likes_memory(&t, &profile, &facts, why), why);
		promise(path, "distance", choice_fears_distance(&t, &profile, &facts, why), why);
	}
}

static unsigned check_directory(const char *base, const char *name)
{
	char path[1024];
	DIR *directory;
	unsigned found = 0;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	directory = opendir(path);
	ck_assert_ptr_nonnull(directory);
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (!strstr(entry->d_name, ".xml"))
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", base, name, entry->d_name);
		check_machine(path);
		found++;
	}
	closedir(directory);
	return found;
}

START_TEST(test_captured_machines)
{
	const char *base = test_topologies();

	if (!base)
		test_skip("../shared/topologies is not there");
	ck_assert_uint_ge(check_directory(base, "made") + check_directory(base, "real"), 70);
}
END_TEST

TEST_MAIN("machines", test_case("promises", test_captured_machines))
