/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/host_hwloc.h"
#include "tests/harness.h"

#include <errno.h>
#include <hwloc.h>
#include <hwloc/memattrs.h>
#include <string.h>
#include <sys/stat.h>

static struct topology t;

static int read_text(const char *text, struct err *e)
{
	struct topology_source source = {.text = text};
	struct cpuset mask;

	*e = (struct err){0};
	return topology_read(&source, &t, &mask, e);
}

static void must_read(const char *text)
{
	struct err e;

	ck_assert_msg(read_text(text, &e) == 0, "%s: %s", text, e.msg);
}

/* A file in the test's own directory. */
static const char *write_file(const char *name, const char *text, size_t size)
{
	static char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", test_directory(), name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
	return path;
}

START_TEST(synthetic_text_becomes_a_machine)
{
	must_read("pack:2 [numa(memory=8GB)] l3:3 core:4 pu:2");
	ck_assert_str_eq(t.source, "synthetic:pack:2 [numa(memory=8GB)] l3:3 core:4 pu:2");
	ck_assert(!t.this_machine);
	ck_assert_uint_eq(t.cpu_count, 48);
	ck_assert_uint_eq(t.core_count, 24);
	ck_assert_uint_eq(t.package_count, 2);
	ck_assert_uint_eq(t.l3_count, 6);
	ck_assert_uint_eq(t.node_count, 2);
	ck_assert_uint_eq(t.numa_count, 2);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, UINT64_C(8000000000));
	ck_assert_str_eq(CPUSET_STRING(&t.nodes[1].cpus), "24-47");
	ck_assert_uint_eq(t.cores[23].cpus, 2);
	ck_assert_uint_eq(t.cpus[47].os_index, 47);
}
END_TEST

START_TEST(the_prefix_may_be_written)
{
	must_read("synthetic:core:3 pu:1");
	ck_assert_str_eq(t.source, "synthetic:core:3 pu:1");
	ck_assert_uint_eq(t.core_count, 3);
}
END_TEST

START_TEST(variables_of_hwloc_do_not_replace_the_machine)
{
	setenv("HWLOC_SYNTHETIC", "pack:1 core:1 pu:1", 1);
	setenv("HWLOC_XMLFILE", "/nonexistent", 1);
	setenv("HWLOC_THISSYSTEM", "1", 1);
	must_read("pack:2 core:2 pu:1");
	ck_assert_uint_eq(t.cpu_count, 4);
	ck_assert_ptr_null(getenv("HWLOC_SYNTHETIC"));
	ck_assert_ptr_null(getenv("HWLOC_XMLFILE"));
	ck_assert_ptr_null(getenv("HWLOC_THISSYSTEM"));
	ck_assert_ptr_null(getenv("HWLOC_HIDE_ERRORS"));
}
END_TEST

START_TEST(the_bounds_have_messages)
{
	static const struct {
		const char *text, *piece;
	} cases[] = {
		{"pack:64 core:65 pu:1", "has more than 4096 CPUs"},
		{"pack:99999999 core:99999999 pu:99999999", "has more than 4096 CPUs"},
		{"pack:99999999999999999999 pu:1", "has more than 4096 CPUs"},
		{"numa:65 core:1 pu:1", "more than 64 NUMA nodes"},
		{"core:4 pu:1(indexes=5000,1,2,3)",
		 "has a CPU 5000; the highest that cleave handles"},
		{"pack:frog", "is no topology"},
		{"frog:1", "is no topology"},
		{"/nonexistent", "cannot read topology '/nonexistent': No such file"},
		{"/tmp/", "is not a regular file"},
		{"frog", "cannot read topology 'frog'"},
	};
	struct err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_msg(read_text(cases[i].text, &e) < 0, "'%s' was accepted", cases[i].text);
		ck_assert_msg(strstr(e.msg, cases[i].piece) != NULL, "%s: %s", cases[i].text,
			      e.msg);
		ck_assert_int_eq(e.exit, ERR_WRONG);
	}
	must_read("pack:64 core:64 pu:1");
	ck_assert_uint_eq(t.cpu_count, 4096);
}
END_TEST

START_TEST(files_that_are_no_topology_are_refused)
{
	static const char version3[] = "<?xml version=\"1.0\"?>\n<!DOCTYPE topology SYSTEM "
				       "\"hwloc3.dtd\">\n<topology version=\"3.0\">\n"
				       "  <object type=\"Machine\"/>\n</topology>\n";
	static const char cut[] = "<?xml version=\"1.0\"?>\n<topology version=\"2.0\">\n <object";
	static const char binary[] = "\0\1\2\377<topology>";
	struct err e;

	ck_assert_int_lt(read_text(write_file("3.xml", version3, sizeof(version3) - 1), &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "is version 3 XML, which hwloc"));
	ck_assert_int_lt(read_text(write_file("cut.xml", cut, sizeof(cut) - 1), &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "is not an hwloc XML file that hwloc"));
	ck_assert_int_lt(read_text(write_file("bin.xml", binary, sizeof(binary) - 1), &e), 0);
	ck_assert_int_lt(read_text(write_file("empty.xml", "", 0), &e), 0);
}
END_TEST

START_TEST(a_pipe_or_a_huge_file_does_not_stop_us)
{
	struct err e;
	char path[512];

	snprintf(path, sizeof(path), "%s/pipe.xml", test_directory());
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_lt(read_text(path, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "is not a regular file"));
	ck_assert_int_eq(truncate(write_file("huge.xml", "<", 1), TOPOLOGY_FILE_MAX + 1l), 0);
	snprintf(path, sizeof(path), "%s/huge.xml", test_directory());
	ck_assert_int_lt(read_text(path, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "the limit is 67108864"));
}
END_TEST

START_TEST(nothing_is_written_on_failure)
{
	static struct topology before;
	struct err e;

	must_read("core:2 pu:1");
	before = t;
	ck_assert_int_lt(read_text("frog:1", &e), 0);
	ck_assert_int_eq(memcmp(&before, &t, sizeof(t)), 0);
}
END_TEST

/* Two nodes: 100 ns inside, 150 ns from the first to the second, 160 ns back if that is told. */
static const char *latency_file(bool complete)
{
	static const unsigned long ns[2][2] = {{100, 150}, {160, 100}};
	static char path[512];
	hwloc_topology_t h;

	snprintf(path, sizeof(path), "%s/latencies-%d.xml", test_directory(), complete);
	ck_assert_int_eq(hwloc_topology_init(&h), 0);
	ck_assert_int_eq(hwloc_topology_set_synthetic(h, "numa:2 core:4 pu:1"), 0);
	ck_assert_int_eq(hwloc_topology_load(h), 0);
	for (unsigned from = 0; from < 2; from++) {
		for (unsigned to = 0; to < 2; to++) {
			struct hwloc_location here = {.type = HWLOC_LOCATION_TYPE_CPUSET};

			here.location.cpuset = hwloc_get_numanode_obj_by_os_index(h, from)->cpuset;
			if (complete || from == to)
				ck_assert_int_eq(hwloc_memattr_set_value(
							 h, HWLOC_MEMATTR_ID_LATENCY,
							 hwloc_get_numanode_obj_by_os_index(h, to),
							 &here, 0, ns[from][to]),
						 0);
		}
	}
	ck_assert_int_eq(hwloc_topology_export_xml(h, path, 0), 0);
	hwloc_topology_destroy(h);
	return path;
}

START_TEST(latencies_of_all_nodes_replace_distances)
{
	must_read(latency_file(true));
	ck_assert(t.has_latencies && t.has_distances);
	ck_assert_uint_eq(t.distance[0][0], 10);
	ck_assert_uint_eq(t.distance[0][1], 15);
	ck_assert_uint_eq(t.distance[1][0], 16);
	must_read(latency_file(false)); /* what Linux tells: only from the nearest CPUs */
	ck_assert(!t.has_latencies && !t.has_distances);
}
END_TEST

/* A machine of one node as files of others may have it: its size and its kinds of pages. */
static const char *pages_file(unsigned long long local_memory, const char *pages)
{
	static char text[4096];
	int size = snprintf(
		text, sizeof(text),
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n<topology version=\"2.0\">\n"
		"<object type=\"Machine\" os_index=\"0\" cpuset=\"0x1\" complete_cpuset=\"0x1\" "
		"allowed_cpuset=\"0x1\" nodeset=\"0x1\" complete_nodeset=\"0x1\" "
		"allowed_nodeset=\"0x1\" gp_index=\"1\">\n"
		"<object type=\"NUMANode\" os_index=\"0\" cpuset=\"0x1\" complete_cpuset=\"0x1\" "
		"nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"2\" local_memory=\"%llu\">\n"
		"%s</object>\n<object type=\"PU\" os_index=\"0\" cpuset=\"0x1\" "
		"complete_cpuset=\"0x1\" nodeset=\"0x1\" complete_nodeset=\"0x1\" "
		"gp_index=\"3\"/>\n</object>\n</topology>\n",
		local_memory, pages);

	return write_file("pages.xml", text, (size_t)size);
}

START_TEST(huge_pages_of_files_are_counted_once)
{
	static const unsigned long long gib = 1ull << 30;
	static const struct {
		unsigned long long local, huge; /* GB */
		const char *pages;
	} table[] = {
		{64, 0, ""},
		{64, 0, "<page_type size=\"4096\" count=\"16777216\"/>"},
		{64, 0,
		 "<page_type size=\"4096\" count=\"16777216\"/>"
		 "<page_type size=\"2097152\" count=\"0\"/>"},
		/* as hwloc writes it: the small ones are what is left */
		{64, 56,
		 "<page_type size=\"4096\" count=\"2097152\"/>"
		 "<page_type size=\"2097152\" count=\"28672\"/>"
		 "<page_type size=\"1073741824\" count=\"0\"/>"},
		{64, 56,
		 "<page_type size=\"4096\" count=\"2097152\"/>"
		 "<page_type size=\"2097152\" count=\"4096\"/>"
		 "<page_type size=\"1073741824\" count=\"48\"/>"},
		/* in any order, with pages of 64 KB, without small ones, not counted as less */
		{64, 56,
		 "<page_type size=\"16777216\" count=\"3584\"/>"
		 "<page_type size=\"65536\" count=\"131072\"/>"},
		{64, 56,
		 "<page_type size=\"4096\" count=\"0\"/>"
		 "<page_type size=\"2097152\" count=\"28672\"/>"},
		{64, 56,
		 "<page_type size=\"4096\" count=\"16777216\"/>"
		 "<page_type size=\"2097152\" count=\"28672\"/>"},
		/* more than there is: they lie beside it, and the small ones tell */
		{16, 0,
		 "<page_type size=\"65536\" count=\"262144\"/>"
		 "<page_type size=\"17179869184\" count=\"2\"/>"},
		{16, 4,
		 "<page_type size=\"65536\" count=\"196608\"/>"
		 "<page_type size=\"17179869184\" count=\"2\"/>"},
		{16, 0,
		 "<page_type size=\"4096\" count=\"18446744073709551615\"/>"
		 "<page_type size=\"2097152\" count=\"18446744073709551615\"/>"},
	};
	struct err e;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		must_read(pages_file(table[i].local * gib, table[i].pages));
		ck_assert_msg(t.nodes[0].memory_bytes == table[i].local * gib &&
				      t.nodes[0].huge_bytes == table[i].huge * gib,
			      "row %zu: %llu of %llu bytes", i,
			      (unsigned long long)t.nodes[0].huge_bytes,
			      (unsigned long long)t.nodes[0].memory_bytes);
		ck_assert_uint_eq(t.nodes[0].usable_bytes, (table[i].local - table[i].huge) * gib);
	}
	ck_assert_int_lt(read_text(pages_file(16 * gib, "<page_type size=\"4096\" count=\"0\"/>"
							"<page_type size=\"2097152\" "
							"count=\"8192\"/>"),
				   &e),
			 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_msg(strstr(e.msg, "reserved as huge pages: reserve fewer") != NULL, "%s", e.msg);
	/* No size, but pages of one: still unknown. */
	must_read(pages_file(0, "<page_type size=\"4096\" count=\"8589934592\"/>"
				"<page_type size=\"17179869184\" count=\"1\"/>"));
	ck_assert(t.oddities & TOPOLOGY_MEMORY_UNKNOWN);
	ck_assert_uint_eq(t.nodes[0].huge_bytes, 0);
}
END_TEST

START_TEST(this_machine_is_restricted_to_what_is_allowed)
{
	struct topology_source source = {0};
	struct cpuset mask;
	struct err e = {0};

	cpuset_add(&source.cpus, 0);
	cpuset_add(&source.nodes, 0);
	source.memory_limit_bytes = 1 << 20;
	if (topology_read(&source, &t, &mask, &e) < 0)
		test_skip("CPU 0 or node 0 of this machine is not there: %s", e.msg);
	ck_assert_str_eq(t.source, "live");
	ck_assert(t.this_machine);
	ck_assert_uint_eq(t.cpu_count, 1);
	ck_assert_uint_eq(t.cpus[0].os_index, 0);
	ck_assert(!cpuset_has(&t.disallowed, 0));
	ck_assert_uint_le(t.nodes[0].memory_bytes, 1 << 20);
	ck_assert_uint_eq(cpuset_count(&t.disallowed), (unsigned)sysconf(_SC_NPROCESSORS_CONF) - 1);
}
END_TEST

/* What the index of the captures says of each machine, column by column. */
struct index_row {
	char file[128];
	unsigned packages, nodes, memory_only, cores, cpus;
};

static bool read_row(FILE *index, struct index_row *row)
{
	char line[2048];

	while (fgets(line, sizeof(line), index))
		if (sscanf(line, "%127s %*s %*[^\t] %u %u %u %u %u", row->file, &row->packages,
			   &row->nodes, &row->memory_only, &row->cores, &row->cpus) == 6)
			return true;
	return false;
}

START_TEST(captured_machines_have_the_shape_that_their_index_tells)
{
	const char *directory = test_topologies();
	char path[512];
	struct index_row row;
	unsigned count = 0, whole = 0, others;
	FILE *index;

	if (!directory)
		test_skip("../shared/topologies is not there");
	snprintf(path, sizeof(path), "%s/INDEX.tsv", directory);
	index = fopen(path, "r");
	ck_assert_ptr_nonnull(index);
	while (read_row(index, &row)) {
		snprintf(path, sizeof(path), "%s/%s", directory, row.file);
		must_read(path);
		count++;
		others = cpuset_count(&t.disallowed);
		/*
		 * The index counts CPUs that a cgroup kept from the capturer, not those that are
		 * offline.
		 */
		ck_assert_msg(t.cpu_count <= row.cpus && row.cpus <= t.cpu_count + others,
			      "%s: %u CPUs and %u others instead of %u", row.file, t.cpu_count,
			      others, row.cpus);
		if (t.cpu_count < row.cpus)
			continue;
		ck_assert_msg(!row.cores || t.core_count == row.cores, "%s: %u cores instead of %u",
			      row.file, t.core_count, row.cores);
		ck_assert_msg(t.package_count == (row.packages ? row.packages : 1),
			      "%s: %u packages instead of %u", row.file, t.package_count,
			      row.packages);
		whole++;
	}
	fclose(index);
	ck_assert_uint_eq(count, 74);
	ck_assert_uint_gt(whole, 60);
}
END_TEST

TEST_MAIN("host_hwloc",
	  test_case("synthetic", synthetic_text_becomes_a_machine, the_prefix_may_be_written,
		    variables_of_hwloc_do_not_replace_the_machine, the_bounds_have_messages,
		    nothing_is_written_on_failure),
	  test_case("files", files_that_are_no_topology_are_refused,
		    a_pipe_or_a_huge_file_does_not_stop_us,
		    captured_machines_have_the_shape_that_their_index_tells,
		    latencies_of_all_nodes_replace_distances, huge_pages_of_files_are_counted_once),
	  test_case("live", this_machine_is_restricted_to_what_is_allowed))
