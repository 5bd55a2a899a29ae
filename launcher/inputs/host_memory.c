/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/host_memory.h"

#include <inttypes.h>

enum { LINE = 256 };

void host_memory_parse(FILE *meminfo, FILE *zoneinfo, struct host_memory *out)
{
	char line[LINE];
	unsigned node = TOPOLOGY_NODE_IDS, id;
	uint64_t kilobytes, pages;

	*out = (struct host_memory){0};
	while (meminfo && fgets(line, sizeof(line), meminfo)) {
		if (sscanf(line, "MemTotal: %" SCNu64 " kB", &kilobytes) != 1)
			continue;
		out->total_bytes = kilobytes <= UINT64_MAX / 1024 ? kilobytes * 1024 : 0;
		break;
	}
	while (zoneinfo && fgets(line, sizeof(line), zoneinfo)) {
		if (sscanf(line, "Node %u, zone", &id) == 1)
			node = id;
		else if (node < TOPOLOGY_NODE_IDS && sscanf(line, " present %" SCNu64, &pages) == 1)
			out->present_pages[node] += pages;
	}
}

static uint64_t sum_of_nodes(const struct topology *t)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->node_count; i++)
		sum += t->nodes[i].memory_bytes;
	return sum;
}

/* value × part / whole, for part <= whole */
static uint64_t share(uint64_t value, uint64_t part, uint64_t whole)
{
	return (uint64_t)((unsigned __int128)value * part / whole);
}

void host_memory_correct(struct topology *t, const struct host_memory *memory)
{
	uint64_t pages = 0;

	if (sum_of_nodes(t) >= memory->total_bytes / 100 * 95)
		return;
	for (unsigned i = 0; i < t->node_count; i++)
		pages += memory->present_pages[t->nodes[i].id];
	for (unsigned i = 0; pages && i < t->node_count; i++) {
		struct topology_node *node = &t->nodes[i];

		node->memory_bytes =
			share(memory->total_bytes, memory->present_pages[node->id], pages);
	}
}

void host_memory_limit(struct topology *t, uint64_t limit_bytes)
{
	uint64_t sum = 0;
	bool none = true; /* nothing is said of what may be used */

	for (unsigned i = 0; i < t->node_count; i++)
		none &= !t->nodes[i].allowed;
	/* What may not be used takes nothing of it: a job on one node has all of it there. */
	for (unsigned i = 0; i < t->node_count; i++)
		sum += t->nodes[i].allowed || none ? t->nodes[i].memory_bytes : 0;
	if (limit_bytes == 0 || sum <= limit_bytes)
		return;
	for (unsigned i = 0; i < t->node_count; i++)
		if (t->nodes[i].allowed || none)
			t->nodes[i].memory_bytes =
				share(t->nodes[i].memory_bytes, limit_bytes, sum);
}

void host_memory_find_hidden(struct topology *t, FILE *with_memory)
{
	char text[CPUSET_TEXT] = "";
	struct cpuset listed;
	struct err ignored;

	if (!with_memory || !fgets(text, sizeof(text), with_memory) ||
	    cpuset_parse(text, &listed, &ignored) < 0)
		return;
	for (unsigned i = 0; i < t->node_count; i++)
		cpuset_remove(&listed, t->nodes[i].id);
	t->hidden_nodes = listed;
}
