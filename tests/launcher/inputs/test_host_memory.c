/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/host_memory.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/harness.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static struct topology t;
static struct host_memory memory;

/* ---- trees as the kernel shows them, of what is read */

static void read_tree(void)
{
	int root = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(root, 0);
	host_memory_read(root, &memory);
	close(root);
}

struct node_file {
	unsigned long total, free, files, slab; /* MiB */
};

static void put_node(unsigned id, const struct node_file *n)
{
	char path[128], text[512];

	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/meminfo", id);
	snprintf(text, sizeof(text),
		 "Node %u MemTotal:       %lu kB\nNode %u MemFree:        %lu kB\n"
		 "Node %u Active(anon):   77 kB\nNode %u Active(file):   %lu kB\n"
		 "Node %u Inactive(file): %lu kB\nNode %u Shmem: 99 kB\n"
		 "Node %u SReclaimable:   %lu kB\nNode %u HugePages_Total:     5\n",
		 id, n->total * 1024, id, n->free * 1024, id, id, n->files * 512, id,
		 n->files * 512, id, id, n->slab * 1024, id);
	test_put(path, text);
}

/* ---- what of a machine with two nodes of which nothing is said of the second's use */

struct machine {
	const char *name;
	unsigned long total;			     /* MemTotal of all, MiB */
	unsigned long present[3];		     /* MiB of nodes 0, 1, 2, as zones have it */
	struct node_file node[2];		     /* nodeN/meminfo */
	unsigned long huge[2];			     /* MiB in huge pages, as hwloc says */
	unsigned long limit;			     /* of a group above us, MiB */
	unsigned long memory[2], usable[2], held[2]; /* what must come out */
};

static const struct machine machines[] = {
	{"plain",
	 16000,
	 {8192, 8192},
	 {{8000, 7000, 500, 100}, {8000, 7900, 0, 0}},
	 {0},
	 0,
	 {8000, 8000},
	 {8000, 8000},
	 {400, 100}},
	/* 112 of 128 GB in huge pages: they are in MemTotal, and not free. */
	{"hugepages=",
	 131072,
	 {65536, 65536},
	 {{65536, 7000, 500, 0}, {65536, 8192, 0, 0}},
	 {57344, 57344},
	 0,
	 {65536, 65536},
	 {8192, 8192},
	 {692, 0}},
	/* A limit above us charges no huge pages: it binds what is left beside them. */
	{"hugepages= below a limit",
	 131072,
	 {65536, 65536},
	 {{65536, 8192, 0, 0}, {65536, 8192, 0, 0}},
	 {57344, 57344},
	 8192,
	 {61440, 61440},
	 {4096, 4096},
	 {0, 0}},
	{"hugepages=, a limit above what is left",
	 131072,
	 {65536, 65536},
	 {{65536, 8192, 0, 0}, {65536, 8192, 0, 0}},
	 {57344, 57344},
	 16384,
	 {65536, 65536},
	 {8192, 8192},
	 {0, 0}},
	/* Set aside by the kernel before there is a page of it: present, and in no MemTotal. */
	{"crashkernel=",
	 15000,
	 {8192, 8192},
	 {{7000, 7000, 0, 0}, {8000, 8000, 0, 0}},
	 {0},
	 0,
	 {7000, 8000},
	 {7000, 8000},
	 {0, 0}},
	/* A balloon of virtio, Xen or Hyper-V takes its pages out of both MemTotals. */
	{"balloon",
	 10000,
	 {8192, 8192},
	 {{2000, 1500, 0, 0}, {8000, 8000, 0, 0}},
	 {0},
	 0,
	 {2000, 8000},
	 {2000, 8000},
	 {500, 0}},
	/* One that gives back before something is killed leaves them in, as used. */
	{"balloon that deflates on OOM",
	 16000,
	 {8192, 8192},
	 {{8000, 2000, 0, 0}, {8000, 8000, 0, 0}},
	 {0},
	 0,
	 {8000, 8000},
	 {8000, 8000},
	 {6000, 0}},
	/* Blocks that are offline are no pages at all. */
	{"offline blocks",
	 12000,
	 {4096, 8192},
	 {{4000, 4000, 0, 0}, {8000, 8000, 0, 0}},
	 {0},
	 0,
	 {4000, 8000},
	 {4000, 8000},
	 {0, 0}},
	{"mem=",
	 4000,
	 {4096, 0},
	 {{4000, 3900, 0, 0}, {0, 0, 0, 0}},
	 {0},
	 0,
	 {4000, 0},
	 {4000, 0},
	 {100, 0}},
	/* Pages that are not made yet: the zones know what is to come, and it is free. */
	{"deferred initialisation",
	 24000,
	 {8000, 16000},
	 {{2000, 1900, 0, 0}, {5000, 4000, 600, 0}},
	 {0},
	 0,
	 {8000, 16000},
	 {8000, 16000},
	 {100, 400}},
	{"deferred initialisation, huge pages",
	 24000,
	 {8000, 16000},
	 {{4000, 900, 0, 0}, {4000, 3500, 0, 0}},
	 {3000, 0},
	 0,
	 {8000, 16000},
	 {5000, 16000},
	 {100, 500}},
	{"deferred initialisation, more huge pages than so far memory",
	 24000,
	 {8000, 16000},
	 {{2000, 0, 0, 0}, {4000, 4000, 0, 0}},
	 {6000, 0},
	 0,
	 {8000, 16000},
	 {2000, 16000},
	 {0, 0}},
	/* Node 2 is there (numa=fake), but hwloc does not show it: it is no other's. */
	{"a node that is hidden",
	 24000,
	 {8192, 8192, 8192},
	 {{8000, 8000, 0, 0}, {8000, 8000, 0, 0}},
	 {0},
	 0,
	 {8000, 8000},
	 {8000, 8000},
	 {0, 0}},
	{"a node that is hidden, and deferred initialisation",
	 24000,
	 {8000, 8000, 8000},
	 {{1000, 1000, 0, 0}, {1000, 1000, 0, 0}},
	 {0},
	 0,
	 {8000, 8000},
	 {8000, 8000},
	 {0, 0}},
	{"a container's own /proc/meminfo",
	 4000,
	 {8192, 8192},
	 {{8000, 8000, 0, 0}, {8000, 8000, 0, 0}},
	 {0},
	 0,
	 {8000, 8000},
	 {8000, 8000},
	 {0, 0}},
	{"everything is held",
	 16000,
	 {8192, 8192},
	 {{8000, 0, 0, 0}, {8000, 8000, 0, 0}},
	 {0},
	 0,
	 {8000, 8000},
	 {8000, 8000},
	 {8000, 0}},
};

static void check(const struct machine *m)
{
	char text[1024];

	snprintf(text, sizeof(text), "MemTotal:       %lu kB\nMemFree:        100 kB\n",
		 m->total * 1024);
	test_put("proc/meminfo", text);
	snprintf(text, sizeof(text),
		 "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 1\n"
		 "  pages free     12\n        present  100\n        managed  90\n"
		 "Node 0, zone   Normal\n        present  %lu\n        managed  10\n"
		 "Node 1, zone   Normal\n        present  %lu\n"
		 "Node 2, zone   Normal\n        present  %lu\n",
		 m->present[0] * 256 - 100, m->present[1] * 256, m->present[2] * 256);
	test_put("proc/zoneinfo", text);
	test_put("sys/devices/system/node/has_memory", m->present[2] ? "0-2\n" : "0-1\n");
	t.node_count = 2;
	for (unsigned i = 0; i < 2; i++) {
		put_node(i, &m->node[i]);
		t.nodes[i] = (struct topology_node){.id = (uint16_t)i,
						    .allowed = true,
						    .memory_bytes = m->node[i].total * MIB,
						    .huge_bytes = m->huge[i] * MIB};
	}
	read_tree();
	host_memory_correct(&t, &memory);
	host_memory_find_free(&t, &memory);
	host_memory_limit(&t, m->limit * MIB);
	for (unsigned i = 0; i < 2; i++) {
		const struct topology_node *n = &t.nodes[i];

		ck_assert_msg(n->memory_bytes == m->memory[i] * MIB &&
				      n->memory_bytes - n->huge_bytes == m->usable[i] * MIB &&
				      n->held_bytes == m->held[i] * MIB,
			      "%s: node %u has %llu MB, %llu usable, %llu held", m->name, i,
			      (unsigned long long)(n->memory_bytes / MIB),
			      (unsigned long long)((n->memory_bytes - n->huge_bytes) / MIB),
			      (unsigned long long)(n->held_bytes / MIB));
		/* Nothing is free twice, and a limit takes nothing from what the machine has. */
		ck_assert_msg(m->limit || n->free_bytes == (m->usable[i] - m->held[i]) * MIB,
			      "%s: node %u has %llu MB free", m->name, i,
			      (unsigned long long)(n->free_bytes / MIB));
	}
}

START_TEST(memory_that_cannot_be_had_is_not_counted)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		check(&machines[i]);
}
END_TEST

/* ---- single rules */

static void two_nodes(uint64_t first_bytes, uint64_t second_bytes)
{
	t.node_count = 2;
	t.nodes[0] = (struct topology_node){.id = 0, .allowed = true, .memory_bytes = first_bytes};
	t.nodes[1] = (struct topology_node){.id = 3, .allowed = true, .memory_bytes = second_bytes};
}

START_TEST(the_files_are_understood)
{
	test_put("proc/meminfo", "MemTotal:       8000 kB\nMemFree:        100 kB\n");
	test_put("proc/zoneinfo",
		 "Node 0, zone      DMA\n        present  100\n        managed  90\n"
		 "Node 0, zone   Normal\n        present  400\n"
		 "Node 3, zone   Normal\n        present  1500\n");
	test_put("sys/devices/system/node/has_memory", "0,3\n");
	test_put("sys/devices/system/node/node3/meminfo",
		 "Node 3 MemTotal: 6000 kB\nNode 3 MemFree: 1 kB\nNode 3 Active(file): 20 kB\n"
		 "Node 3 Inactive(file): 300 kB\nNode 3 SReclaimable: 4000 kB\n");
	read_tree();
	ck_assert_uint_eq(memory.total_bytes, 8000 * 1024);
	ck_assert_uint_eq(memory.present_pages[0], 500);
	ck_assert_uint_eq(memory.present_pages[1], 0);
	ck_assert_uint_eq(memory.present_pages[3], 1500);
	ck_assert_uint_eq(memory.node_bytes[3], 6000 * 1024);
	ck_assert_uint_eq(memory.free_bytes[3], 4321 * 1024);
	ck_assert_uint_eq(memory.node_bytes[0], 0); /* has no file */
	two_nodes(2000 * 1024, 6000 * 1024);
	host_memory_find_free(&t, &memory);
	ck_assert_uint_eq(t.nodes[0].held_bytes, 0);
	ck_assert_uint_eq(t.nodes[1].held_bytes, 1679 * 1024);
}
END_TEST

START_TEST(a_kernel_without_nodes_has_one)
{
	test_put("proc/meminfo", "MemTotal: 8000 kB\nMemFree: 1000 kB\nMemAvailable: 7 kB\n"
				 "Active(file): 500 kB\n");
	read_tree();
	two_nodes(8000 * 1024, 0);
	t.node_count = 1;
	host_memory_find_free(&t, &memory);
	ck_assert_uint_eq(t.nodes[0].held_bytes, 6500 * 1024);
	ck_assert_uint_eq(t.nodes[0].free_bytes, 1500 * 1024);
}
END_TEST

START_TEST(other_bytes_mean_unknown)
{
	read_tree(); /* an empty one */
	ck_assert_uint_eq(memory.total_bytes, 0);
	test_put("proc/meminfo", "MemTotal: 99999999999999999999999 kB\nMemFree: -1 kB\n");
	test_put("proc/zoneinfo", "present 3\nNode 9999, zone\n present 4\n");
	test_put("sys/devices/system/node/has_memory", "frog\n");
	test_put("sys/devices/system/node/node0/meminfo", "MemTotal: frog kB\n");
	read_tree();
	ck_assert_uint_eq(memory.total_bytes, 0);
	for (unsigned i = 0; i < TOPOLOGY_NODE_IDS; i++)
		ck_assert_uint_eq(memory.present_pages[i], 0);
	two_nodes(10, 20);
	host_memory_correct(&t, &memory);
	host_memory_find_free(&t, &memory);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, 10);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, 20);
	ck_assert_uint_eq(t.nodes[0].free_bytes + t.nodes[0].held_bytes, 0);
	/* More can be had than there is: all of it. */
	test_put("proc/meminfo",
		 "MemTotal: 10 kB\nMemFree: 18446744073709551615 kB\n"
		 "Active(file): 18014398509481983 kB\nSReclaimable: 18014398509481983 kB\n");
	read_tree();
	ck_assert_uint_eq(memory.free_bytes[0], 10 * 1024);
}
END_TEST

START_TEST(sizes_within_five_per_cent_stay)
{
	memory = (struct host_memory){.total_bytes = 8000 * 1024};
	memory.present_pages[0] = 500;
	memory.present_pages[3] = 1500;
	two_nodes(3600 * 1024, 4000 * 1024); /* 0.95 of 8000 kB */
	host_memory_correct(&t, &memory);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, 3600 * 1024);
	two_nodes(3600 * 1024 - 1024, 4000 * 1024);
	host_memory_correct(&t, &memory);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, 2000 * 1024);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, 6000 * 1024);
}
END_TEST

/* A job on one of the nodes. */
START_TEST(a_limit_is_had_where_memory_may_be_used)
{
	two_nodes(UINT64_C(3) << 30, UINT64_C(3) << 30);
	t.nodes[0].allowed = false;
	host_memory_limit(&t, UINT64_C(2) << 30);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, UINT64_C(2) << 30);
	two_nodes(UINT64_C(3) << 30, UINT64_C(1) << 30);
	t.nodes[0].allowed = false;
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
	ck_assert_uint_eq(t.nodes[0].memory_bytes, 3 * GIB);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, GIB);
	/* What we may not use, no limit of ours is for. */
	two_nodes(8 * GIB, 64 * GIB);
	t.nodes[1].allowed = false;
	host_memory_limit(&t, 8 * GIB);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, 8 * GIB);
	host_memory_limit(&t, 6 * GIB);
	ck_assert_uint_eq(t.nodes[0].memory_bytes, 6 * GIB);
	ck_assert_uint_eq(t.nodes[1].memory_bytes, 64 * GIB);
}
END_TEST

static void find_hidden(const char *list)
{
	memory = (struct host_memory){0};
	ck_assert_int_eq(cpuset_parse(list, &memory.with_memory, &(struct err){0}), 0);
	host_memory_find_hidden(&t, &memory);
}

START_TEST(nodes_that_only_the_kernel_has_are_hidden)
{
	two_nodes(1, 1); /* 0 and 3 */
	find_hidden("");
	ck_assert(cpuset_is_empty(&t.hidden_nodes));
	find_hidden("0,3");
	ck_assert(cpuset_is_empty(&t.hidden_nodes));
	find_hidden("0-3,7");
	ck_assert_str_eq(CPUSET_STRING(&t.hidden_nodes), "1-2,7");
}
END_TEST

TEST_MAIN("host_memory",
	  test_case("files", the_files_are_understood, a_kernel_without_nodes_has_one,
		    other_bytes_mean_unknown),
	  test_case("sizes", memory_that_cannot_be_had_is_not_counted,
		    sizes_within_five_per_cent_stay, a_limit_shrinks_all_nodes_in_proportion,
		    a_limit_is_had_where_memory_may_be_used,
		    nodes_that_only_the_kernel_has_are_hidden))
