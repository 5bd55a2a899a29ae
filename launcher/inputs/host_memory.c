/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/host_memory.h"

#include <inttypes.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

enum { LINE = 256 };

/* ---- the kernel's files */

/* The bytes of a line "KEY: N kB"; 0 for a number that cannot be. */
static bool line_bytes(const char *line, const char *key, uint64_t *out)
{
	size_t length = strlen(key);
	uint64_t kilobytes;

	if (strncmp(line, key, length) != 0 ||
	    sscanf(line + length, ": %" SCNu64 " kB", &kilobytes) != 1)
		return false;
	*out = kilobytes <= UINT64_MAX / 1024 ? kilobytes * 1024 : 0;
	return true;
}

/*
 * MemTotal, and what can be had of it: free pages, those of files (shmem and tmpfs are not among
 * them), and what the kernel's caches can give back. Lines may begin with "Node N ".
 */
static void read_meminfo(FILE *file, uint64_t *total, uint64_t *free)
{
	static const char *const parts[] = {"MemFree", "Active(file)", "Inactive(file)",
					    "SReclaimable"};
	uint64_t bytes, sum = 0;
	char line[LINE];

	while (file && fgets(line, sizeof(line), file)) {
		unsigned node;
		int head = 0;

		if (sscanf(line, "Node %u %n", &node, &head) != 1)
			head = 0;
		if (line_bytes(line + head, "MemTotal", &bytes))
			*total = bytes;
		for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
			if (line_bytes(line + head, parts[i], &bytes) &&
			    __builtin_add_overflow(sum, bytes, &sum))
				sum = UINT64_MAX;
	}
	*free = sum < *total ? sum : *total;
}

static void read_zoneinfo(FILE *file, struct host_memory *out)
{
	unsigned node = TOPOLOGY_NODE_IDS, id;
	char line[LINE];
	uint64_t pages;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %u, zone", &id) == 1)
			node = id;
		else if (node < TOPOLOGY_NODE_IDS && sscanf(line, " present %" SCNu64, &pages) == 1)
			out->present_pages[node] += pages;
	}
}

void host_memory_read(int root, struct host_memory *out)
{
	cleanup_fclose FILE *meminfo = control_open_lines(root, "proc/meminfo");
	cleanup_fclose FILE *zoneinfo = control_open_lines(root, "proc/zoneinfo");
	struct host_memory m = {0};
	uint64_t free = 0;
	struct err ignored;
	char path[128];

	read_meminfo(meminfo, &m.total_bytes, &free);
	read_zoneinfo(zoneinfo, &m);
	m.has_memory = control_read_cpuset(root, "sys/devices/system/node/has_memory",
					   &m.with_memory, &ignored) == 0;
	cpuset_for_each(id, &m.with_memory)
	{
		cleanup_fclose FILE *file = NULL;

		if (id >= TOPOLOGY_NODE_IDS)
			break;
		snprintf(path, sizeof(path), "sys/devices/system/node/node%u/meminfo", id);
		file = control_open_lines(root, path);
		read_meminfo(file, &m.node_bytes[id], &m.free_bytes[id]);
	}
	/* A kernel without NUMA has one node, and no files for it. */
	if (!m.has_memory) {
		m.node_bytes[0] = m.total_bytes;
		m.free_bytes[0] = free;
	}
	*out = m;
}

/* ---- sizes */

/* value × part / whole, for part <= whole */
static uint64_t share(uint64_t value, uint64_t part, uint64_t whole)
{
	return (uint64_t)((unsigned __int128)value * part / whole);
}

void host_memory_correct(struct topology *t, const struct host_memory *memory)
{
	uint64_t pages = 0, shown = 0, sum = 0;
	bool is_short;

	for (unsigned i = 0; i < TOPOLOGY_NODE_IDS; i++)
		pages += memory->present_pages[i];
	for (unsigned i = 0; i < t->node_count; i++) {
		shown += memory->present_pages[t->nodes[i].id];
		sum += t->nodes[i].memory_bytes;
	}
	/* What nodes have that hwloc does not show, no other node has. */
	is_short = shown && sum < share(memory->total_bytes, shown, pages) / 100 * 95;
	for (unsigned i = 0; i < t->node_count; i++) {
		struct topology_node *node = &t->nodes[i];

		if (is_short)
			node->memory_bytes =
				share(memory->total_bytes, memory->present_pages[node->id], pages);
		if (node->huge_bytes > node->memory_bytes)
			node->huge_bytes = node->memory_bytes;
	}
}

void host_memory_find_free(struct topology *t, const struct host_memory *memory)
{
	for (unsigned i = 0; i < t->node_count; i++) {
		struct topology_node *node = &t->nodes[i];
		uint64_t known = memory->node_bytes[node->id], free = memory->free_bytes[node->id];
		uint64_t held = known - free, usable = node->memory_bytes - node->huge_bytes;

		node->free_bytes = node->held_bytes = 0;
		if (!known)
			continue;
		held = held > node->huge_bytes ? held - node->huge_bytes : 0;
		node->held_bytes = held < usable ? held : usable;
		node->free_bytes = usable - node->held_bytes;
	}
}

void host_memory_limit(struct topology *t, uint64_t limit_bytes)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->node_count; i++)
		if (t->nodes[i].allowed)
			sum += t->nodes[i].memory_bytes - t->nodes[i].huge_bytes;
	if (limit_bytes == 0 || sum <= limit_bytes)
		return;
	for (unsigned i = 0; i < t->node_count; i++) {
		struct topology_node *node = &t->nodes[i];

		if (node->allowed)
			node->memory_bytes =
				node->huge_bytes +
				share(node->memory_bytes - node->huge_bytes, limit_bytes, sum);
	}
}

void host_memory_find_hidden(struct topology *t, const struct host_memory *memory)
{
	struct cpuset hidden = memory->with_memory;

	for (unsigned i = 0; i < t->node_count; i++)
		cpuset_remove(&hidden, t->nodes[i].id);
	t->hidden_nodes = hidden;
}
