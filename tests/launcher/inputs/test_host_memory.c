/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/host_memory.h"
#include "tests/harness.h"

#include <string.h>

static struct topology t;

static FILE *text_file(const char *text)
{
	return fmemopen((char *)text, strlen(text), "r");
}

static void parse(const char *meminfo, const char *zoneinfo, struct host_memory *out)
{
	FILE *a = text_file(meminfo), *b = text_file(zoneinfo);

	host_memory_parse(a, b, out);
	fclose(a);
	fclose(b);
}

static const char meminfo[] = "MemTotal:       8000 kB\nMemFree:        100 kB\n";
static const char zoneinfo[] = "Node 0, zone      DMA\n"
			       "  per-node stats\n"
			       "      nr_inactive_anon 1\n"
			       "  pages free     12\n"
			       "        present  100\n"
			       "        managed  90\n"
			       "Node 0, zone   Normal\n"
			       "        present  400\n"
			       "        managed  10\n"
			       "Node 3, zone   Normal\n"
			       "        present  1500\n";

static void two_nodes(uint64_t first_bytes, uint64_t second_bytes)
{
	t.node_count = 2;
	t.nodes[0] = (struct topology_node){.id = 0, .memory_bytes = first_bytes};
	t.nodes[1] = (struct topology_node){.id = 3, .memory_bytes = second_bytes};
}

START_TEST(the_two_files_are_understood)
{
	struct host_memory m;

	parse(meminfo, zoneinfo, &m);
	ck_assert_uint_eq(m.total_bytes, 8000 * 1024);
	ck_assert_uint_eq(m.present_pages[0], 500);
	ck_assert_uint_eq(m.present_pages[1], 0);
	ck_assert_uint_eq(m.present_pages[3], 1500);
}
END_TEST

START_TEST(other_bytes_mean_unknown)
{
	struct host_memory m;

	host_memory_parse(NULL, NULL, &m);
	ck_assert_uint_eq(m.total_bytes, 0);
	parse("MemTotal: 99999999999999999999999 kB\n", "present 3\nNode 9999, zone\n present 4\n",
	      &m);
	ck_assert_uint_eq(m.total_bytes, 0);
	for (unsigned i = 0; i < TOPOLOGY_NODE_IDS; i++)
		ck_assert_uint_eq(m.present_pages[i], 0);
	two_nodes(10, 20);
	host_memory_correct(&t, &m);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, 10);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, 20);
}
END_TEST

START_TEST(sizes_that_are_far_too_small_are_spread_by_present_pages)
{
	struct host_memory m;

	parse(meminfo, zoneinfo, &m);
	two_nodes(1000 * 1024, 1000 * 1024);
	host_memory_correct(&t, &m);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, 2000 * 1024);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, 6000 * 1024);
}
END_TEST

START_TEST(sizes_within_five_per_cent_stay)
{
	struct host_memory m;

	parse(meminfo, zoneinfo, &m);
	two_nodes(3600 * 1024, 4000 * 1024); /* 0.95 of 8000 kB */
	host_memory_correct(&t, &m);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, 3600 * 1024);
	two_nodes(3600 * 1024 - 1024, 4000 * 1024);
	host_memory_correct(&t, &m);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, 2000 * 1024);
}
END_TEST

/* A job on one of the nodes. */
START_TEST(a_limit_is_had_where_memory_may_be_used)
{
	two_nodes(UINT64_C(3) << 30, UINT64_C(3) << 30);
	t.nodes[1].allowed = true;
	host_memory_limit(&t, UINT64_C(2) << 30);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, UINT64_C(2) << 30);
	two_nodes(UINT64_C(3) << 30, UINT64_C(1) << 30);
	t.nodes[1].allowed = true;
	host_memory_limit(&t, UINT64_C(2) << 30);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, UINT64_C(1) << 30);
}
END_TEST

START_TEST(a_limit_shrinks_all_nodes_in_proportion)
{
	two_nodes(UINT64_C(3) << 60, UINT64_C(1) << 60);
	host_memory_limit(&t, 0);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, UINT64_C(3) << 60);
	host_memory_limit(&t, UINT64_C(1) << 62);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, UINT64_C(3) << 60);
	host_memory_limit(&t, UINT64_C(1) << 32);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, UINT64_C(3) << 30);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, UINT64_C(1) << 30);
}
END_TEST

static void find_hidden(const char *text)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	ck_assert_ptr_nonnull(f);
	host_memory_find_hidden(&t, f);
	fclose(f);
}

START_TEST(nodes_that_only_the_kernel_has_are_hidden)
{
	two_nodes(1, 1); /* 0 and 3 */
	host_memory_find_hidden(&t, NULL);
	ck_assert(cpuset_is_empty(&t.hidden_nodes));
	find_hidden("0,3\n");
	ck_assert(cpuset_is_empty(&t.hidden_nodes));
	find_hidden("frog\n");
	ck_assert(cpuset_is_empty(&t.hidden_nodes));
	find_hidden("0-3,7\n");
	ck_assert_str_eq(CPUSET_STRING(&t.hidden_nodes), "1-2,7");
}
END_TEST

TEST_MAIN("host_memory", test_case("parse", the_two_files_are_understood, other_bytes_mean_unknown),
	  test_case("correct", sizes_that_are_far_too_small_are_spread_by_present_pages,
		    sizes_within_five_per_cent_stay, a_limit_shrinks_all_nodes_in_proportion,
		    a_limit_is_had_where_memory_may_be_used,
		    nodes_that_only_the_kernel_has_are_hidden))
