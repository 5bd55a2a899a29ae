/* SPDX-License-Identifier: Apache-2.0 */
/* Groups as units of systemd's: their names, and the words that it is told about them. */

#include "containers/where/unit.h"

#include "containers/where/layout.h"
#include "tests/harness.h"

static char *joined(const struct unit_command *c)
{
	static char all[4 * UNIT_TEXT];
	size_t used = 0;

	all[0] = '\0';
	for (size_t i = 0; i < c->count; i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? " " : "",
					 c->argv[i]);
	ck_assert_ptr_null(c->argv[c->count]);
	return all;
}

static struct cpuset set_of(const char *text)
{
	struct cpuset set;

	ck_assert_int_eq(cpuset_parse(text, &set, &(struct err){0}), 0);
	return set;
}

START_TEST(names_and_back)
{
	static const struct {
		const char *cluster, *group, *unit;
		bool user_manager;
	} table[] = {
		{"demo", "", "system-cleave_demo.slice", false},
		{"demo", "slice-0", "system-cleave_demo-s0.slice", false},
		{"paper-8x15", "slice-63", "system-cleave_paper_8x15-s63.slice", false},
		{"paper-8x15", "host", "system-cleave_paper_8x15-host.slice", false},
		{"a--b-", "supervisor", "system-cleave_a__b_-supervisor.slice", false},
		{"s1", "slice-1", "app-cleave_s1-s1.slice", true},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "supervisor",
		 "system-cleave_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-supervisor.slice", false},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char unit[UNIT_NAME], cluster[NAME_MAX_BYTES + 1], group[NAME_MAX_BYTES + 1];

		if (table[i].group[0])
			unit_of_group(table[i].cluster, table[i].user_manager, table[i].group,
				      unit);
		else
			unit_of_cluster(table[i].cluster, table[i].user_manager, unit);
		ck_assert_str_eq(unit, table[i].unit);
		ck_assert_msg(unit_parse(unit, cluster, group), "%s", unit);
		ck_assert_str_eq(cluster, table[i].cluster);
		ck_assert_str_eq(group, table[i].group);
	}
}
END_TEST

START_TEST(others_are_not_cleaves)
{
	static const char *const units[] = {
		"",
		"system.slice",
		"cleave-demo.scope",
		"cleave_demo.slice",
		"system-cleave_.slice",
		"system-cleave_demo",
		"system-cleave_demo.scope",
		"system-cleave_Demo.slice",
		"system-cleave_demo-.slice",
		"system-cleave_demo-s.slice",
		"system-cleave_demo-s64.slice",
		"system-cleave_demo-s0x.slice",
		"system-cleave_demo-slice-0.slice",
		"system-cleave_demo-s0-s1.slice",
		"system-cleave_demo-hosts.slice",
		"system-cleave_.slice.slice",
		"user-cleave_demo.slice",
		"system-cleave_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.slice",
		"system-cleave_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.slice",
	};
	char cluster[NAME_MAX_BYTES + 1], group[NAME_MAX_BYTES + 1];

	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		ck_assert_msg(!unit_parse(units[i], cluster, group), "%s was taken", units[i]);
}
END_TEST

START_TEST(a_slice_is_made_with_its_limits)
{
	struct profile_io io[] = {{.device = "8:0", .read_bps = 1000, .write_iops = 7},
				  {.device = "8:16", .write_bps = 5}};
	struct group_spec g = {
		.name = "slice-1",
		.cpus = set_of("2-3,9"),
		.nodes = set_of("1"),
		.weight = 100,
		.memory = {.max_bytes = 4096000, .low_bytes = 1, .high_bytes = 2, .swap_bytes = 0},
		.io = io,
		.io_count = 2,
	};
	struct unit_command c;

	unit_make_command("system-cleave_t-s1.slice", false, &g, &c);
	ck_assert_str_eq(joined(&c),
			 "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 "
			 "org.freedesktop.systemd1.Manager StartTransientUnit ssa(sv)a(sa(sv)) "
			 "system-cleave_t-s1.slice fail 12 Description s slices of cleave "
			 "MemoryAccounting b true AllowedCPUs ay 2 12 2 AllowedMemoryNodes ay 1 2 "
			 "CPUWeight t 100 MemoryLow t 1 MemoryHigh t 2 MemoryMax t 4096000 "
			 "MemorySwapMax t 0 IOReadBandwidthMax a(st) 1 /dev/block/8:0 1000 "
			 "IOWriteIOPSMax a(st) 1 /dev/block/8:0 7 "
			 "IOWriteBandwidthMax a(st) 1 /dev/block/8:16 5 0");
}
END_TEST

START_TEST(controllers_are_kept_by_a_unit_in_a_slice)
{
	struct cpuset nodes = set_of("0-1");
	char unit[UNIT_NAME], cluster[NAME_MAX_BYTES + 1], group[NAME_MAX_BYTES + 1];
	struct unit_command c;

	unit_controllers_command("system-cleave_t-s1.slice", false, &nodes, &c);
	ck_assert_str_eq(
		joined(&c),
		"busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 "
		"org.freedesktop.systemd1.Manager StartTransientUnit ssa(sv)a(sa(sv)) "
		"system-cleave_t-s1-controllers.slice fail 6 Description s slices of cleave "
		"MemoryAccounting b true AllowedMemoryNodes ay 1 3 CPUWeight t 100 "
		"IOAccounting b true TasksAccounting b true 0");
	unit_of_controllers("system-cleave_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-s63.slice", unit);
	ck_assert_str_eq(unit,
			 "system-cleave_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-s63-controllers.slice");
	ck_assert(!unit_parse(unit, cluster, group)); /* no group of ours */
}
END_TEST

START_TEST(a_group_without_limits_has_none)
{
	struct group_spec g = {
		.name = "host", .cpus = set_of("0"), .nodes = set_of("0"), .weight = 100};
	struct unit_command c;

	unit_make_command("system-cleave_t-host.slice", false, &g, &c);
	ck_assert_ptr_nonnull(strstr(joined(&c), "fail 5 Description"));
	ck_assert_ptr_null(strstr(joined(&c), "MemoryMax"));
	ck_assert_ptr_null(strstr(joined(&c), "MemorySwapMax"));
	unit_make_command("app-cleave_t.slice", true, NULL, &c);
	ck_assert_str_eq(joined(&c),
			 "busctl --user call org.freedesktop.systemd1 /org/freedesktop/systemd1 "
			 "org.freedesktop.systemd1.Manager StartTransientUnit ssa(sv)a(sa(sv)) "
			 "app-cleave_t.slice fail 2 Description s slices of cleave "
			 "MemoryAccounting b true 0");
}
END_TEST

START_TEST(the_largest_machine_fits)
{
	struct profile_io io[PROFILE_IO];
	struct group_spec g = {.name = "slice-0",
			       .weight = 10000,
			       .memory = {.max_bytes = UINT64_MAX - 1,
					  .low_bytes = UINT64_MAX - 1,
					  .high_bytes = UINT64_MAX - 1,
					  .swap_bytes = UINT64_MAX - 1},
			       .io = io,
			       .io_count = PROFILE_IO};
	struct unit_command c;

	for (unsigned i = 0; i < CPUSET_MAX; i++)
		cpuset_add(&g.cpus, i);
	for (unsigned i = 0; i < 256; i++)
		cpuset_add(&g.nodes, i);
	for (unsigned i = 0; i < PROFILE_IO; i++) {
		io[i] = (struct profile_io){.read_bps = UINT64_MAX,
					    .write_bps = UINT64_MAX,
					    .read_iops = UINT64_MAX,
					    .write_iops = UINT64_MAX};
		snprintf(io[i].device, sizeof(io[i].device), "1048575:1048575");
	}
	unit_make_command("system-cleave_t-s0.slice", true, &g, &c);
	ck_assert_str_eq(c.argv[c.count - 1], "0");
	ck_assert_str_eq(c.argv[c.count - 2], "18446744073709551615");
	ck_assert_ptr_nonnull(strstr(joined(&c), "fail 73 Description"));
	ck_assert_ptr_nonnull(strstr(joined(&c), "AllowedCPUs ay 512 255 255"));
}
END_TEST

START_TEST(it_is_started_and_stopped_by_systemctl)
{
	struct unit_command c;

	unit_systemctl("start", "system-cleave_t.slice", false, &c);
	ck_assert_str_eq(joined(&c), "systemctl start system-cleave_t.slice");
	unit_systemctl("stop", "app-cleave_t.slice", true, &c);
	ck_assert_str_eq(joined(&c), "systemctl --user stop app-cleave_t.slice");
}
END_TEST

TEST_MAIN("unit", test_case("names", names_and_back, others_are_not_cleaves),
	  test_case("commands", a_slice_is_made_with_its_limits,
		    controllers_are_kept_by_a_unit_in_a_slice, a_group_without_limits_has_none,
		    the_largest_machine_fits, it_is_started_and_stopped_by_systemctl))
