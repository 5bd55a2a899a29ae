/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/partition/budget.h"

#include <limits.h>
#include <stdio.h>

#include "decision/base/size_text.h"
#include "decision/base/strings.h"

/* ---- shares ---- */

static uint64_t bit(unsigned i)
{
	return UINT64_C(1) << i;
}

/*
 * The nodes with CPUs beside which a memory-only node lies: in its package where it has one, else
 * the nearest; of a node of other CPUs, those it has its CPUs from.
 */
static uint64_t neighbours(const struct topology *t, unsigned memory_only, uint64_t with_cpus)
{
	unsigned nearest = UINT32_MAX;
	uint64_t near = 0, mask = 0;

	for (unsigned i = 0; i < t->node_count; i++) {
		if ((with_cpus & bit(i)) && t->nodes[i].package != TOPOLOGY_NONE &&
		    t->nodes[i].package == t->nodes[memory_only].package)
			mask |= bit(i);
	}
	if (mask && !t->has_distances)
		return mask;
	for (unsigned i = 0; i < t->node_count; i++) {
		unsigned distance = topology_distance(t, i, memory_only);

		if (!((mask ? mask : with_cpus) & bit(i)) || distance > nearest)
			continue;
		near = bit(i) | (distance < nearest ? 0 : near);
		nearest = distance;
	}
	return near;
}

static void add_memory_only(const struct topology *t, uint64_t beside[TOPOLOGY_NODES])
{
	uint64_t with_cpus = 0;

	for (unsigned i = 0; i < t->numa_count; i++)
		with_cpus |= t->numa[i].nodes;
	for (unsigned i = 0; i < t->node_count; i++) {
		const struct topology_node *node = &t->nodes[i];

		if (!node->memory_only || !node->allowed || (with_cpus & bit(i)) ||
		    !(node->usable_bytes || (t->oddities & TOPOLOGY_MEMORY_UNKNOWN)))
			continue;
		for (uint64_t at = neighbours(t, i, with_cpus); at; at &= at - 1)
			beside[__builtin_ctzll(at)] |= bit(i);
	}
}

enum { CORE_PARTS = 1 << 16 };

void budget_shares(const struct topology *t, const struct partition *p, bool memory_only,
		   const struct reserve_memory *reserve, struct budget_slice out[SLICES_MAX])
{
	/* Cores, in parts: one that may use k nodes counts 1/k on each. */
	uint32_t parts[SLICES_MAX][TOPOLOGY_NODES] = {0}, all[TOPOLOGY_NODES] = {0};
	uint64_t beside[TOPOLOGY_NODES] = {0};

	if (memory_only)
		add_memory_only(t, beside);
	for (unsigned core = 0; core < t->core_count; core++) {
		uint64_t nodes = t->numa[t->cores[core].numa].nodes;
		uint32_t part = CORE_PARTS / (unsigned)__builtin_popcountll(nodes);

		if (p->owner[core] >= p->slices)
			continue;
		for (; nodes; nodes &= nodes - 1) {
			unsigned own = (unsigned)__builtin_ctzll(nodes);

			for (uint64_t at = bit(own) | beside[own]; at; at &= at - 1) {
				parts[p->owner[core]][__builtin_ctzll(at)] += part;
				all[__builtin_ctzll(at)] += part;
			}
		}
	}
	for (unsigned i = 0; i < p->slices; i++) {
		out[i].nodes = 0;
		out[i].share = 0;
		for (unsigned n = 0; n < t->node_count; n++) {
			if (!parts[i][n])
				continue;
			out[i].nodes |= bit(n);
			out[i].share += size_share(t->nodes[n].usable_bytes - reserve->node[n],
						   parts[i][n], all[n]);
		}
		out[i].share -= out[i].share % BUDGET_MIB;
	}
}

/* ---- terms ---- */

static uint64_t more_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t less_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* a + b, at most UINT64_MAX: sizes of a profile may be anything */
static uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* ---- one slice ---- */

struct terms {
	const struct profile_memory *wanted;
	const struct budget_wish *wish;
	unsigned slice, slots;
	uint64_t data, cached, read; /* its part of the job's, and of what is kept and read again */
	bool is_limited;     /* m.max_bytes is a limit; else sizes are unknown, and it is 0 */
	uint64_t page_cache; /* least room to leave */
	struct slice_memory m;
};

/* A percentage of a limit that is unknown is as good as automatic. */
static bool is_auto(const struct terms *terms, const struct size *size)
{
	return size->unit == SIZE_AUTO || (size->unit == SIZE_PERCENT && !terms->is_limited);
}

/* What all terms together need: those of the budget, and the least room for the page cache. */
static uint64_t needed(const struct terms *terms)
{
	const struct slice_memory *m = &terms->m;
	uint64_t sum = plus(plus(m->daemon_bytes, m->off_heap_bytes),
			    plus(m->python_bytes, m->scratch_bytes));

	sum = plus(sum, plus(plus(m->direct_bytes, m->native_bytes), m->heap_bytes));
	return plus(sum, terms->page_cache);
}

static uint64_t least_direct(const struct terms *terms)
{
	return terms->wish->executors * DIRECT_LEAST_BYTES;
}

/* Give up what is automatic. Return whether something was. */
static bool shrink(struct terms *terms)
{
	bool shrunk = false;

	if (terms->wanted->page_cache.unit == SIZE_AUTO && terms->page_cache) {
		terms->page_cache = 0;
		shrunk = true;
	}
	if (terms->wanted->off_heap.unit == SIZE_AUTO && terms->m.off_heap_bytes) {
		terms->m.off_heap_bytes = 0;
		shrunk = true;
	}
	if (terms->wanted->direct.unit == SIZE_AUTO &&
	    terms->m.direct_bytes > least_direct(terms)) {
		terms->m.direct_bytes = least_direct(terms);
		shrunk = true;
	}
	return shrunk;
}

/* How many executors of this size a slice has room for beside its other terms. */
static uint64_t executors_most(const struct terms *terms)
{
	const struct slice_memory *m = &terms->m;
	uint64_t all = plus(plus(m->heap_bytes, m->native_bytes), m->direct_bytes);
	uint64_t others = needed(terms) - all;

	return others < m->max_bytes ? (m->max_bytes - others) / (all / terms->wish->executors) : 0;
}

/*
 * Executors if there could be fewer, then the largest term that somebody wrote, else what decides
 * how much a slice has.
 */
static int refuse_terms(const struct terms *terms, unsigned slices, struct err *e)
{
	const struct profile_memory *wanted = terms->wanted;
	const struct slice_memory *m = &terms->m;
	const struct {
		const char *key;
		bool written;
		uint64_t bytes;
	} written[] = {
		{"memory.heap", wanted->heap.unit != SIZE_AUTO, m->heap_bytes},
		{"memory.direct", wanted->direct.unit != SIZE_AUTO, m->direct_bytes},
		{"memory.off_heap", wanted->off_heap.unit != SIZE_AUTO, m->off_heap_bytes},
		{"memory.python", true, m->python_bytes},
		{"memory.scratch.size", true, m->scratch_bytes},
		{"memory.page_cache", wanted->page_cache.unit != SIZE_AUTO, terms->page_cache},
	};
	const char *key = "partition.slices";
	char advice[64] = "write fewer slices, or a coarser partition.by";
	unsigned executors = terms->wish->executors;
	uint64_t most = 0, fewer = executors > 1 ? executors_most(terms) : 0;

	if (slices == 1) {
		key = "partition.reserve.memory";
		string_copy(advice, "write less, or use a machine with more memory");
	}
	if (wanted->limit.unit != SIZE_AUTO) {
		key = "memory.limit";
		string_copy(advice, "write more");
	}
	for (unsigned i = 0; !fewer && i < sizeof(written) / sizeof(written[0]); i++) {
		if (!written[i].written || written[i].bytes <= most)
			continue;
		key = written[i].key;
		string_copy(advice, "write less, or fewer partition.slices");
		most = written[i].bytes;
	}
	if (fewer) {
		key = "spark.executors";
		snprintf(advice, sizeof(advice), "write at most %llu", (unsigned long long)fewer);
	}
	return err_impossible(
		e,
		"%s: slice-%u has %s and needs %s more (%u executor%s: heap %s, native %s, direct "
		"%s; daemon %s, off-heap, Python, scratch and page cache %s): %s",
		key, terms->slice, SIZE_STRING(m->max_bytes),
		SIZE_STRING(needed(terms) - m->max_bytes), executors, executors == 1 ? "" : "s",
		SIZE_STRING(m->heap_bytes), SIZE_STRING(m->native_bytes),
		SIZE_STRING(m->direct_bytes), SIZE_STRING(m->daemon_bytes),
		SIZE_STRING(plus(plus(m->off_heap_bytes, m->python_bytes),
				 plus(m->scratch_bytes, terms->page_cache))),
		advice);
}

static int refuse_least(const char *key, uint64_t bytes, uint64_t least, struct err *e)
{
	return err_impossible(
		e, "%s: %s is less than a Spark executor needs to start: write at least %lluM", key,
		SIZE_STRING(bytes), (unsigned long long)(least / BUDGET_MIB));
}

/* What is wrong with written sizes whatever the heap becomes. */
static int check_written(const struct terms *terms, struct err *e)
{
	const struct profile_memory *wanted = terms->wanted;
	const struct slice_memory *m = &terms->m;

	if (wanted->scratch.type == SCRATCH_TMPFS && !m->scratch_bytes)
		return err_impossible(e, "memory.scratch.size: 0 bytes are no size for a tmpfs, "
					 "which would then have no limit: write one");
	if (m->direct_bytes < least_direct(terms))
		return refuse_least("memory.direct", m->direct_bytes, least_direct(terms), e);
	if (wanted->heap.unit == SIZE_BYTES && wanted->heap.value < HEAP_LEAST_BYTES)
		return refuse_least("memory.heap", wanted->heap.value, HEAP_LEAST_BYTES, e);
	if (terms->is_limited && (m->high_bytes > m->max_bytes || m->low_bytes > m->max_bytes))
		return err_impossible(
			e, "memory.%s: %s is above slice-%u's limit of %s: write less",
			m->high_bytes > m->max_bytes ? "high" : "low",
			SIZE_STRING(m->high_bytes > m->max_bytes ? m->high_bytes : m->low_bytes),
			terms->slice, SIZE_STRING(m->max_bytes));
	return 0;
}

/*
 * The limit in whole MB: the slice's share unless one is written. A written one needs no share to
 * be known.
 */
static int set_limit(struct terms *terms, const struct budget_slice *slice, bool known,
		     struct err *e)
{
	const struct size *wanted = &terms->wanted->limit;
	uint64_t share = known ? slice->share : 0, limit = share;

	terms->is_limited = known || wanted->unit == SIZE_BYTES;
	if (wanted->unit != SIZE_AUTO)
		limit = size_bytes(wanted, share);
	terms->m.max_bytes = limit - limit % BUDGET_MIB;
	if (known && terms->m.max_bytes > share)
		return err_impossible(
			e,
			"memory.limit: %s for slice-%u are %s more than its share of its nodes, "
			"%s: write less, or fewer partition.slices",
			SIZE_STRING(terms->m.max_bytes), terms->slice,
			SIZE_STRING(terms->m.max_bytes - share), SIZE_STRING(share));
	if (!terms->is_limited || terms->m.max_bytes)
		return 0;
	if (wanted->unit != SIZE_AUTO)
		return err_impossible(e,
				      "memory.limit: %s for slice-%u is less than 1 MB: write more",
				      SIZE_STRING(limit), terms->slice);
	return err_impossible(e,
			      "partition.reserve.memory: it leaves slice-%u less than 1 MB of its "
			      "nodes: write less, or fewer partition.slices",
			      terms->slice);
}

/* The executors have equal parts. */
static uint64_t in_parts(const struct terms *terms, uint64_t bytes)
{
	return bytes - bytes % terms->wish->executors;
}

/* The limit, and every term that does not depend on the heap. */
static int begin_slice(struct terms *terms, const struct budget_slice *slice, bool known,
		       struct err *e)
{
	const struct profile_memory *wanted = terms->wanted;
	uint64_t direct = slice->slots * BUDGET_DIRECT_A_SLOT, limit;

	if (set_limit(terms, slice, known, e) < 0)
		return e->code;
	limit = terms->m.max_bytes;
	if (terms->is_limited)
		direct = less_of(direct, limit / 10 - limit / 10 % BUDGET_MIB);
	direct = is_auto(terms, &wanted->direct) ? more_of(direct, least_direct(terms))
						 : size_bytes(&wanted->direct, limit);
	terms->m = (struct slice_memory){
		.max_bytes = limit,
		.daemon_bytes =
			(terms->wish->daemon_heap ? terms->wish->daemon_heap : BUDGET_DAEMON_HEAP) +
			BUDGET_DAEMON_BESIDE,
		.direct_bytes = in_parts(terms, direct),
		.off_heap_bytes = in_parts(terms, size_bytes(&wanted->off_heap, limit)),
		.python_bytes = size_bytes(&wanted->python, limit),
		.high_bytes = size_bytes(&wanted->high, limit),
		.low_bytes = size_bytes(&wanted->low, limit),
		.swap_bytes = size_bytes(&wanted->swap, limit),
	};
	if (wanted->scratch.type == SCRATCH_TMPFS)
		terms->m.scratch_bytes = size_bytes(&wanted->scratch.size, limit);
	terms->page_cache = wanted->page_cache.unit == SIZE_AUTO
				    ? size_share(limit, BUDGET_PAGE_CACHE_PERCENT, 100)
				    : size_bytes(&wanted->page_cache, limit);
	return check_written(terms, e);
}

/* The largest heap of the slice that leaves this room to the page cache, with native memory. */
static uint64_t heap_beside(const struct terms *terms, uint64_t page_cache)
{
	uint64_t used = plus(needed(terms) - terms->page_cache, page_cache);
	uint64_t room = used < terms->m.max_bytes ? terms->m.max_bytes - used : 0;
	uint64_t native = terms->wish->executors * BUDGET_NATIVE_LEAST;
	uint64_t heap = room > native ? room - native : 0;

	return heap / 10 > native ? size_share(room, 10, 11) : heap;
}

/*
 * The heaps that hold cached data and running tasks: Spark manages 60 % of a heap, and a fifth of
 * that stays free for the collector.
 */
static uint64_t filled(const struct terms *terms)
{
	return 2 * (terms->cached + terms->slots * terms->wish->needs.slot_bytes);
}

/*
 * What a slice's heaps (and memory outside them) come to, were a heap of any size as good as
 * another. First what a task has to have, then files that are read again, then what a task is
 * better off with; beyond, memory serves the page cache best.
 */
static uint64_t heap_wanted(const struct terms *terms)
{
	const struct slice_memory *m = &terms->m;
	uint64_t slots = terms->slots, limit = m->max_bytes, good = slots * BUDGET_SLOT_GOOD;
	uint64_t least = size_share(limit, BUDGET_PAGE_CACHE_LEAST, 100);
	uint64_t aim = more_of(slots * BUDGET_SLOT_AIM, filled(terms));
	uint64_t heap, files = less_of(terms->read, limit);

	if (terms->wish->data_bytes) /* more than four times the data is idle, whoever has it */
		aim = less_of(aim, more_of(good, 4 * terms->data));
	heap = less_of(heap_beside(terms, terms->page_cache), aim);
	if (terms->wanted->page_cache.unit != SIZE_AUTO)
		return heap;
	if (files > terms->page_cache && heap > slots * BUDGET_SLOT_FAIR)
		heap = more_of(less_of(heap, heap_beside(terms, files)), slots * BUDGET_SLOT_FAIR);
	/* Tasks have what is written outside the heap, too. */
	if (terms->wish->needs.off_heap)
		good -= less_of(good, m->off_heap_bytes);
	return heap < good ? more_of(heap, less_of(good, heap_beside(terms, least))) : heap;
}

/* What each executor of this slice alone would have. */
struct executor_memory {
	uint64_t heap, off_heap; /* in whole MB */
};

static struct executor_memory own_memory(struct terms *terms, bool *tight)
{
	const struct size *wanted = &terms->wanted->heap;
	unsigned executors = terms->wish->executors;
	struct executor_memory own = {0};
	uint64_t part;

	if (!is_auto(terms, wanted)) {
		own.heap = size_bytes(wanted, terms->m.max_bytes / executors);
		own.heap -= own.heap % BUDGET_MIB;
		return own;
	}
	own.heap = BUDGET_HEAP_UNKNOWN;
	if (!terms->is_limited)
		return own;
	part = heap_wanted(terms) / executors;
	part -= part % BUDGET_MIB;
	own.heap = less_of(part, BUDGET_HEAP_MOST);
	/*
	 * More than one heap of 4-byte pointers: outside the heap, or, where tasks or cached data
	 * would have too little, a heap of 8-byte pointers.
	 */
	if (terms->wanted->off_heap.unit == SIZE_AUTO && terms->wish->needs.off_heap)
		own.off_heap = part - own.heap;
	else if (part > BUDGET_HEAP_WIDE &&
		 more_of(filled(terms), terms->slots * BUDGET_SLOT_GOOD) / executors >
			 BUDGET_HEAP_MOST)
		own.heap = part;
	if (own.heap < HEAP_LEAST_BYTES) {
		own.heap = HEAP_LEAST_BYTES;
		*tight |= shrink(terms);
	}
	return own;
}

/* What is left beside these executors is page cache. */
static int finish_slice(struct terms *terms, unsigned slices, const struct executor_memory *each,
			bool *tight, struct err *e)
{
	unsigned executors = terms->wish->executors;
	struct slice_memory *m = &terms->m;

	if (terms->wanted->page_cache.unit == SIZE_AUTO)
		terms->page_cache = less_of(terms->page_cache,
					    size_share(m->max_bytes, BUDGET_PAGE_CACHE_LEAST, 100));
	m->heap_bytes = executors * each->heap;
	if (terms->wanted->off_heap.unit == SIZE_AUTO)
		m->off_heap_bytes = executors * each->off_heap;
	m->native_bytes = executors * more_of(BUDGET_NATIVE_LEAST, each->heap / 10);
	if (terms->is_limited && needed(terms) > m->max_bytes)
		*tight |= shrink(terms);
	if (each->heap < HEAP_LEAST_BYTES)
		return refuse_least("memory.heap", each->heap, HEAP_LEAST_BYTES, e);
	if (!terms->is_limited)
		return 0;
	if (needed(terms) > m->max_bytes)
		return refuse_terms(terms, slices, e);
	m->page_cache_bytes = m->max_bytes - (needed(terms) - terms->page_cache);
	return 0;
}

/* ---- all slices ---- */

/* Of the job's bytes; beyond 2^56 nothing is told apart, and sums do not overflow. */
static uint64_t part_of(uint64_t bytes, unsigned slots, unsigned all)
{
	return (uint64_t)((double)less_of(bytes, UINT64_C(1) << 56) * slots / all);
}

/* Begin each, with its part of the job's data by its slots. */
static int begin_slices(const struct profile_memory *wanted, const struct budget_wish *wish,
			const struct budget_slice *slices, unsigned count, bool known,
			struct terms terms[SLICES_MAX], struct err *e)
{
	unsigned all = 0;

	for (unsigned i = 0; i < count; i++)
		all += slices[i].slots;
	for (unsigned i = 0; i < count; i++) {
		unsigned slots = slices[i].slots;

		terms[i] = (struct terms){
			.wanted = wanted,
			.wish = wish,
			.slice = i,
			.slots = slots,
			.data = part_of(wish->data_bytes, slots, all),
			.cached = part_of(wish->needs.cached_bytes, slots, all),
			.read = part_of(wish->needs.read_bytes, slots, all),
		};
		if (begin_slice(&terms[i], &slices[i], known, e) < 0)
			return e->code;
	}
	return 0;
}

unsigned budget_executors(const struct profile_memory *wanted, const struct budget_wish *wish,
			  const struct budget_slice *slices, unsigned count, bool known)
{
	struct budget_wish one = *wish;
	struct terms terms[SLICES_MAX];
	uint64_t heap = UINT64_MAX;
	struct err ignored;

	one.executors = 1;
	if (wanted->heap.unit != SIZE_AUTO || !known ||
	    begin_slices(wanted, &one, slices, count, known, terms, &ignored) < 0)
		return 1;
	for (unsigned i = 0; i < count; i++)
		heap = less_of(heap, heap_wanted(&terms[i]));
	heap = (heap + BUDGET_HEAP_MOST - 1) / BUDGET_HEAP_MOST;
	return heap < 1 ? 1 : heap < SLICE_EXECUTORS ? (unsigned)heap : SLICE_EXECUTORS;
}

unsigned budget_slots(const struct profile_memory *wanted, const struct budget_wish *wish,
		      const struct budget_slice *slices, unsigned count, bool known, uint64_t each)
{
	struct terms terms[SLICES_MAX];
	uint64_t most = UINT_MAX;
	struct err ignored;

	if (!known || begin_slices(wanted, wish, slices, count, known, terms, &ignored) < 0)
		return UINT_MAX;
	for (unsigned i = 0; i < count; i++) {
		uint64_t page = terms[i].page_cache, heap;

		if (wanted->page_cache.unit == SIZE_AUTO)
			page = size_share(terms[i].m.max_bytes, BUDGET_PAGE_CACHE_LEAST, 100);
		heap = heap_beside(&terms[i], page);
		if (wanted->heap.unit != SIZE_AUTO)
			heap = wish->executors *
			       size_bytes(&wanted->heap, terms[i].m.max_bytes / wish->executors);
		most = less_of(most, plus(heap, terms[i].m.off_heap_bytes) / each);
	}
	return most < 1 ? 1 : (unsigned)most;
}

int budget_make(const struct profile_memory *wanted, const struct budget_wish *wish,
		const struct budget_slice *slices, unsigned count, bool known, struct budget *out,
		struct err *e)
{
	struct executor_memory each = {UINT64_MAX, UINT64_MAX};
	struct terms terms[SLICES_MAX];
	bool tight = false;

	if (begin_slices(wanted, wish, slices, count, known, terms, e) < 0)
		return e->code;
	for (unsigned i = 0; i < count; i++) {
		struct executor_memory own = own_memory(&terms[i], &tight);

		each.heap = less_of(each.heap, own.heap);
		each.off_heap = less_of(each.off_heap, own.off_heap);
	}
	for (unsigned i = 0; i < count; i++) {
		if (finish_slice(&terms[i], count, &each, &tight, e) < 0)
			return e->code;
	}
	*out = (struct budget){.known = known, .tight = tight};
	for (unsigned i = 0; i < count; i++)
		out->slices[i] = terms[i].m;
	return 0;
}
