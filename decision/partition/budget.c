/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/partition/budget.h"

#include "decision/base/size_text.h"

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
		    !(node->memory_bytes || (t->oddities & TOPOLOGY_MEMORY_UNKNOWN)))
			continue;
		for (uint64_t at = neighbours(t, i, with_cpus); at; at &= at - 1)
			beside[__builtin_ctzll(at)] |= bit(i);
	}
}

void budget_shares(const struct topology *t, const struct partition *p, bool memory_only,
		   const struct reserve_memory *reserve, struct budget_slice out[SLICES_MAX])
{
	uint32_t cores[SLICES_MAX][TOPOLOGY_NODES] = {0}, all[TOPOLOGY_NODES] = {0};
	uint64_t beside[TOPOLOGY_NODES] = {0};

	if (memory_only)
		add_memory_only(t, beside);
	for (unsigned core = 0; core < t->core_count; core++) {
		uint64_t nodes = t->numa[t->cores[core].numa].nodes;

		if (p->owner[core] >= p->slices)
			continue;
		for (uint64_t at = nodes; at; at &= at - 1)
			nodes |= beside[__builtin_ctzll(at)];
		for (; nodes; nodes &= nodes - 1) {
			cores[p->owner[core]][__builtin_ctzll(nodes)]++;
			all[__builtin_ctzll(nodes)]++;
		}
	}
	for (unsigned i = 0; i < p->slices; i++) {
		out[i].nodes = 0;
		out[i].share = 0;
		for (unsigned n = 0; n < t->node_count; n++) {
			if (!cores[i][n])
				continue;
			out[i].nodes |= bit(n);
			out[i].share += size_share(t->nodes[n].memory_bytes - reserve->node[n],
						   cores[i][n], all[n]);
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
	unsigned slice;
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

/* Give up what is automatic. Return whether something was. */
static bool shrink(struct terms *terms)
{
	bool shrunk = false;

	if (terms->wanted->page_cache.unit == SIZE_AUTO && terms->page_cache) {
		terms->page_cache = 0;
		shrunk = true;
	}
	if (terms->wanted->direct.unit == SIZE_AUTO && terms->m.direct_bytes > DIRECT_LEAST_BYTES) {
		terms->m.direct_bytes = DIRECT_LEAST_BYTES;
		shrunk = true;
	}
	return shrunk;
}

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
		{"memory.off_heap", true, m->off_heap_bytes},
		{"memory.python", true, m->python_bytes},
		{"memory.scratch.size", true, m->scratch_bytes},
		{"memory.page_cache", wanted->page_cache.unit != SIZE_AUTO, terms->page_cache},
	};
	const char *key = "partition.slices",
		   *advice = "write fewer slices, or a coarser partition.by";
	uint64_t most = 0;

	/* The largest term that somebody wrote, else what decides how much a slice has. */
	if (slices == 1) {
		key = "partition.reserve.memory";
		advice = "write less, or use a machine with more memory";
	}
	if (wanted->limit.unit != SIZE_AUTO) {
		key = "memory.limit";
		advice = "write more";
	}
	for (unsigned i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		if (!written[i].written || written[i].bytes <= most)
			continue;
		key = written[i].key;
		advice = "write less, or fewer partition.slices";
		most = written[i].bytes;
	}
	return err_impossible(
		e,
		"%s: slice-%u has %s and needs %s more (heap %s, native %s, direct %s, daemon %s, "
		"off-heap, Python, scratch and page cache %s): %s",
		key, terms->slice, SIZE_STRING(m->max_bytes),
		SIZE_STRING(needed(terms) - m->max_bytes), SIZE_STRING(m->heap_bytes),
		SIZE_STRING(m->native_bytes), SIZE_STRING(m->direct_bytes),
		SIZE_STRING(m->daemon_bytes),
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
	if (m->direct_bytes < DIRECT_LEAST_BYTES)
		return refuse_least("memory.direct", m->direct_bytes, DIRECT_LEAST_BYTES, e);
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
	terms->m = (struct slice_memory){
		.max_bytes = limit,
		.daemon_bytes = BUDGET_DAEMON,
		.direct_bytes = is_auto(terms, &wanted->direct)
					? more_of(direct, DIRECT_LEAST_BYTES)
					: size_bytes(&wanted->direct, limit),
		.off_heap_bytes = size_bytes(&wanted->off_heap, limit),
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

/* The heap that this slice alone would have, in whole MB. */
static uint64_t own_heap(struct terms *terms, bool *tight)
{
	const struct size *wanted = &terms->wanted->heap;
	uint64_t off = needed(terms), room, heap;

	if (!is_auto(terms, wanted)) {
		heap = size_bytes(wanted, terms->m.max_bytes);
		return heap - heap % BUDGET_MIB;
	}
	if (!terms->is_limited)
		return BUDGET_HEAP_UNKNOWN;
	/* The largest that fits into what is left, with its native memory. */
	room = off < terms->m.max_bytes ? terms->m.max_bytes - off : 0;
	heap = room > BUDGET_NATIVE_LEAST ? room - BUDGET_NATIVE_LEAST : 0;
	if (heap / 10 > BUDGET_NATIVE_LEAST)
		heap = size_share(room, 10, 11);
	heap -= heap % BUDGET_MIB;
	if (heap >= HEAP_LEAST_BYTES)
		return less_of(heap, BUDGET_HEAP_MOST);
	*tight |= shrink(terms);
	return HEAP_LEAST_BYTES;
}

/* What is left beside this heap is page cache. */
static int finish_slice(struct terms *terms, unsigned slices, uint64_t heap, bool *tight,
			struct err *e)
{
	struct slice_memory *m = &terms->m;

	m->heap_bytes = heap;
	m->native_bytes = more_of(BUDGET_NATIVE_LEAST, heap / 10);
	if (terms->is_limited && needed(terms) > m->max_bytes)
		*tight |= shrink(terms);
	if (heap < HEAP_LEAST_BYTES)
		return refuse_least("memory.heap", heap, HEAP_LEAST_BYTES, e);
	if (!terms->is_limited)
		return 0;
	if (needed(terms) > m->max_bytes)
		return refuse_terms(terms, slices, e);
	m->page_cache_bytes = m->max_bytes - (needed(terms) - terms->page_cache);
	return 0;
}

int budget_make(const struct profile_memory *wanted, const struct budget_slice *slices,
		unsigned count, bool known, struct budget *out, struct err *e)
{
	struct terms terms[SLICES_MAX];
	uint64_t heap = UINT64_MAX;
	bool tight = false;

	for (unsigned i = 0; i < count; i++) {
		terms[i] = (struct terms){.wanted = wanted, .slice = i};
		if (begin_slice(&terms[i], &slices[i], known, e) < 0)
			return e->code;
		heap = less_of(heap, own_heap(&terms[i], &tight));
	}
	for (unsigned i = 0; i < count; i++) {
		if (finish_slice(&terms[i], count, heap, &tight, e) < 0)
			return e->code;
	}
	*out = (struct budget){.known = known, .tight = tight};
	for (unsigned i = 0; i < count; i++)
		out->slices[i] = terms[i].m;
	return 0;
}
