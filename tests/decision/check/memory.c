/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tests/decision/check/oracle.h"

enum {
	CONSUMERS = SLICES_MAX + 1, /* the slices, then the host */
	SINK = CONSUMERS + TOPOLOGY_NODES,
	VERTICES,
};

struct flow {
	uint64_t demand[CONSUMERS], room[TOPOLOGY_NODES];
	uint64_t nodes[CONSUMERS];		 /* mask over nodes[]: where a consumer may lie */
	uint64_t put[CONSUMERS][TOPOLOGY_NODES]; /* bytes of a consumer on a node */
};

static uint64_t node_mask(const struct topology *t, const struct cpuset *ids)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < t->node_count; i++) {
		if (cpuset_has(ids, t->nodes[i].id))
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Most machines need no more than this: every consumer takes what its nodes still have, in order.
 */
static void pour(struct flow *f, unsigned consumer)
{
	for (uint64_t left = f->nodes[consumer]; left; left &= left - 1) {
		unsigned node = (unsigned)__builtin_ctzll(left);
		uint64_t bytes = smaller(f->demand[consumer], f->room[node]);

		f->put[consumer][node] += bytes;
		f->demand[consumer] -= bytes;
		f->room[node] -= bytes;
	}
}

/*
 * Breadth first from `consumer` over "may lie on node" and "lies on node and may go elsewhere", to
 * a node with room. Fill in from[], the vertex before each, and return that node; TOPOLOGY_NODES if
 * there is none.
 */
static unsigned find_room(const struct flow *f, unsigned consumer, uint8_t from[VERTICES])
{
	uint8_t queue[VERTICES];
	unsigned head = 0, tail = 0;

	memset(from, SINK, VERTICES);
	from[consumer] = (uint8_t)consumer;
	queue[tail++] = (uint8_t)consumer;
	while (head < tail) {
		unsigned at = queue[head++];

		if (at < CONSUMERS) {
			for (uint64_t left = f->nodes[at]; left; left &= left - 1) {
				unsigned node = (unsigned)__builtin_ctzll(left);

				if (from[CONSUMERS + node] != SINK)
					continue;
				from[CONSUMERS + node] = (uint8_t)at;
				if (f->room[node])
					return node;
				queue[tail++] = (uint8_t)(CONSUMERS + node);
			}
			continue;
		}
		for (unsigned other = 0; other < CONSUMERS; other++) {
			if (f->put[other][at - CONSUMERS] && from[other] == SINK) {
				from[other] = (uint8_t)at;
				queue[tail++] = (uint8_t)other;
			}
		}
	}
	return TOPOLOGY_NODES;
}

/* Move as many bytes as the path allows, from its end backwards. */
static void push(struct flow *f, unsigned consumer, unsigned node, const uint8_t from[VERTICES])
{
	uint64_t bytes = smaller(f->demand[consumer], f->room[node]);
	unsigned owner;

	for (unsigned at = node; (owner = from[CONSUMERS + at]) != consumer;) {
		at = from[owner] - (unsigned)CONSUMERS;
		bytes = smaller(bytes, f->put[owner][at]);
	}
	f->room[node] -= bytes;
	f->demand[consumer] -= bytes;
	for (unsigned at = node;;) {
		owner = from[CONSUMERS + at];
		f->put[owner][at] += bytes;
		if (owner == consumer)
			return;
		at = from[owner] - (unsigned)CONSUMERS;
		f->put[owner][at] -= bytes;
	}
}

int memory_check(const struct plan *p, const struct topology *t, struct err *e)
{
	struct flow f = {0};
	uint8_t from[VERTICES];
	unsigned node;

	if (t->oddities & TOPOLOGY_MEMORY_UNKNOWN)
		return 0;
	for (unsigned i = 0; i < t->node_count; i++)
		f.room[i] = t->nodes[i].usable_bytes;
	for (unsigned i = 0; i < p->slice_count; i++) {
		f.demand[i] = p->slices[i].memory.max_bytes;
		f.nodes[i] = node_mask(t, &p->slices[i].nodes);
	}
	f.demand[SLICES_MAX] = p->host.memory_bytes;
	f.nodes[SLICES_MAX] = node_mask(t, &p->host.nodes);
	for (unsigned i = 0; i < CONSUMERS; i++)
		pour(&f, i);
	for (unsigned i = 0; i < CONSUMERS; i++) {
		while (f.demand[i] && (node = find_room(&f, i, from)) < TOPOLOGY_NODES)
			push(&f, i, node, from);
		if (!f.demand[i])
			continue;
		if (i == SLICES_MAX)
			return err_set(e, -ERANGE,
				       "invariant 6: the reserve of %" PRIu64
				       " bytes does not fit on nodes %s beside the slices: %" PRIu64
				       " bytes are left over",
				       p->host.memory_bytes, CPUSET_STRING(&p->host.nodes),
				       f.demand[i]);
		return err_set(e, -ERANGE,
			       "invariant 6: the limit of %s, %" PRIu64
			       " bytes, does not fit on nodes %s beside the others: %" PRIu64
			       " bytes are left over",
			       p->slices[i].name, p->slices[i].memory.max_bytes,
			       CPUSET_STRING(&p->slices[i].nodes), f.demand[i]);
	}
	return 0;
}
