#include "decision/partition/budget.h"

#include "decision/base/size_text.h"

/* ---- shares ---- */

static uint64_t bit(unsigned i)
{
	return UINT64_C(1) << i;
}

/*
 * The nodes with CPUs to which a memory-only node is nearest; of a node of other CPUs, those it has
 * its CPUs from.
 */
static uint64_t nearest_to(const struct topology *t, unsigned memory_only, uint64_t with_cpus)
{
	unsigned nearest = UINT32_MAX;
	uint64_t mask = 0;

	for (unsigned i = 0; i < t->node_count; i++) {
		unsigned distance = topology_distance(t, i, memory_only);

		if (!(with_cpus & bit(i)) || distance > nearest)
			continue;
		if (distance < nearest)
			mask = 0;
		mask |= bit(i);
		nearest = distance;
	}
	return mask;
}

/*
 * The nodes with CPUs beside which a memory-only node lies: in its package where it has one, else
 * the nearest.
 */
static uint64_t neighbours(const struct topology *t, unsigned memory_only, uint64_t with_cpus)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < t->node_count; i++) {
		if ((with_cpus & bit(i)) && t->nodes[i].package != TOPOLOGY_NONE &&
		    t->nodes[i].package == t->nodes[memory_only].package)
			mask |= bit(i);
	}
	if (mask && t->has_distances)
		return nearest_to(t, memory_only, mask);
	return mask ? mask : nearest_to(t, memory_only, with_cpus);
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

/* bytes × part / whole; part <= whole < 2^16 */
static uint64_t share_of(uint64_t bytes, uint64_t part, uint64_t whole)
{
	return bytes / whole * part + bytes % whole * part / whole;
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
			out[i].share += share_of(t->nodes[n].memory_bytes - reserve->node[n],
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

/* A percentage of a limit that is unknown is as good as automatic. */
static bool is_auto(const struct size *size, uint64_t limit)
{
	return size->unit == SIZE_AUTO || (size->unit == SIZE_PERCENT && !limit);
}

/* A written size in bytes; auto and none are 0. */
static uint64_t size_bytes(const struct size *size, uint64_t percent_of)
{
	switch (size->unit) {
	case SIZE_BYTES:
		return size->value;
	case SIZE_PERCENT:
		return share_of(percent_of, size->value, 100);
	case SIZE_AUTO:
	case SIZE_NONE:
		break;
	}
	return 0;
}

static uint64_t native_for(uint64_t heap)
{
	return more_of(BUDGET_NATIVE_LEAST, heap / 10);
}

/* a + b, at most UINT64_MAX: sizes of a profile may be anything */
static uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* All terms but the page cache. */
static uint64_t used(const struct slice_memory *m)
{
	uint64_t sum = plus(plus(m->daemon_bytes, m->off_heap_bytes),
			    plus(m->python_bytes, m->scratch_bytes));

	return plus(sum, plus(plus(m->direct_bytes, m->native_bytes), m->heap_bytes));
}

/* The largest heap, in whole MB, that fits with its native memory into `room`. */
static uint64_t largest_heap(uint64_t room)
{
	uint64_t heap = room > BUDGET_NATIVE_LEAST ? room - BUDGET_NATIVE_LEAST : 0;

	if (heap / 10 > BUDGET_NATIVE_LEAST)
		heap = share_of(room, 10, 11);
	return heap - heap % BUDGET_MIB;
}

static void fixed_terms(const struct profile_memory *wish, uint64_t limit, struct slice_memory *m)
{
	*m = (struct slice_memory){
		.max_bytes = limit,
		.daemon_bytes = BUDGET_DAEMON,
		.off_heap_bytes = size_bytes(&wish->off_heap, limit),
		.python_bytes = size_bytes(&wish->python, limit),
		.high_bytes = size_bytes(&wish->high, limit),
		.low_bytes = size_bytes(&wish->low, limit),
		.swap_bytes = size_bytes(&wish->swap, limit),
	};
	if (wish->scratch.type == SCRATCH_TMPFS)
		m->scratch_bytes = size_bytes(&wish->scratch.size, limit);
}

static uint64_t wished_direct(const struct profile_memory *wish, unsigned slots, uint64_t limit)
{
	uint64_t bytes = slots * BUDGET_DIRECT_A_SLOT;

	if (!is_auto(&wish->direct, limit))
		return size_bytes(&wish->direct, limit);
	if (limit)
		bytes = less_of(bytes, limit / 10 - limit / 10 % BUDGET_MIB);
	return more_of(bytes, BUDGET_DIRECT_LEAST);
}

static uint64_t wished_page_cache(const struct profile_memory *wish, uint64_t limit)
{
	if (wish->page_cache.unit == SIZE_AUTO)
		return share_of(limit, BUDGET_PAGE_CACHE_PERCENT, 100);
	return size_bytes(&wish->page_cache, limit);
}

/* ---- one slice ---- */

struct terms {
	const struct profile_memory *wish;
	unsigned slice;
	uint64_t page_cache; /* least room to leave */
	struct slice_memory m;
};

static uint64_t heap_with(const struct terms *terms)
{
	struct slice_memory rest = terms->m;
	uint64_t off;

	rest.heap_bytes = 0;
	rest.native_bytes = 0;
	off = plus(used(&rest), terms->page_cache);
	return off < rest.max_bytes ? largest_heap(rest.max_bytes - off) : 0;
}

/* Give up what is automatic. Return whether something was. */
static bool shrink(struct terms *terms)
{
	bool shrunk = false;

	if (terms->wish->page_cache.unit == SIZE_AUTO && terms->page_cache) {
		terms->page_cache = 0;
		shrunk = true;
	}
	if (terms->wish->direct.unit == SIZE_AUTO && terms->m.direct_bytes > BUDGET_DIRECT_LEAST) {
		terms->m.direct_bytes = BUDGET_DIRECT_LEAST;
		shrunk = true;
	}
	return shrunk;
}

static bool terms_fit(const struct terms *terms)
{
	return plus(used(&terms->m), terms->page_cache) <= terms->m.max_bytes;
}

static int refuse_limit(unsigned slice, uint64_t limit, uint64_t share, struct err *e)
{
	return err_impossible(
		e,
		"memory.limit: %s for slice-%u are %s more than its share of its nodes, %s: write "
		"less, or fewer partition.slices",
		SIZE_STRING(limit), slice, SIZE_STRING(limit - share), SIZE_STRING(share));
}

struct remedy {
	const char *key, *advice;
};

/* The largest term that somebody wrote, else what decides how much a slice has. */
static struct remedy remedy_for(const struct terms *terms, unsigned slices)
{
	const struct profile_memory *wish = terms->wish;
	const struct {
		const char *key;
		bool written;
		uint64_t bytes;
	} written[] = {
		{"memory.heap", wish->heap.unit != SIZE_AUTO, terms->m.heap_bytes},
		{"memory.direct", wish->direct.unit != SIZE_AUTO, terms->m.direct_bytes},
		{"memory.off_heap", true, terms->m.off_heap_bytes},
		{"memory.python", true, terms->m.python_bytes},
		{"memory.scratch.size", true, terms->m.scratch_bytes},
		{"memory.page_cache", wish->page_cache.unit != SIZE_AUTO, terms->page_cache},
	};
	struct remedy remedy = {"partition.slices",
				"write fewer slices, or a coarser partition.by"};
	uint64_t most = 0;

	if (slices == 1)
		remedy = (struct remedy){"partition.reserve.memory",
					 "write less, or use a machine with more memory"};
	if (wish->limit.unit != SIZE_AUTO)
		remedy = (struct remedy){"memory.limit", "write more"};
	for (unsigned i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		if (!written[i].written || written[i].bytes <= most)
			continue;
		remedy = (struct remedy){written[i].key, "write less, or fewer partition.slices"};
		most = written[i].bytes;
	}
	return remedy;
}

static int refuse_terms(const struct terms *terms, unsigned slices, struct err *e)
{
	const struct slice_memory *m = &terms->m;
	struct remedy remedy = remedy_for(terms, slices);

	uint64_t need = plus(used(m), terms->page_cache);

	return err_impossible(
		e,
		"%s: slice-%u has %s and needs %s more (heap %s, native %s, direct %s, daemon %s, "
		"off-heap, Python, scratch and page cache %s): %s",
		remedy.key, terms->slice, SIZE_STRING(m->max_bytes),
		SIZE_STRING(need - m->max_bytes), SIZE_STRING(m->heap_bytes),
		SIZE_STRING(m->native_bytes), SIZE_STRING(m->direct_bytes),
		SIZE_STRING(m->daemon_bytes),
		SIZE_STRING(plus(plus(m->off_heap_bytes, m->python_bytes),
				 plus(m->scratch_bytes, terms->page_cache))),
		remedy.advice);
}

static int refuse_least(const char *key, uint64_t bytes, uint64_t least, struct err *e)
{
	return err_impossible(
		e, "%s: %s is less than a Spark executor needs to start: write at least %lluM", key,
		SIZE_STRING(bytes), (unsigned long long)(least / BUDGET_MIB));
}

/* What is wrong with written sizes whatever the heap becomes. */
static int check_written(const struct profile_memory *wish, const struct terms *terms,
			 struct err *e)
{
	const struct slice_memory *m = &terms->m;

	if (wish->scratch.type == SCRATCH_TMPFS && !m->scratch_bytes)
		return err_impossible(e, "memory.scratch.size: 0 bytes are no size for a tmpfs, "
					 "which would then have no limit: write one");
	if (m->direct_bytes < BUDGET_DIRECT_LEAST)
		return refuse_least("memory.direct", m->direct_bytes, BUDGET_DIRECT_LEAST, e);
	if (wish->heap.unit == SIZE_BYTES && wish->heap.value < BUDGET_HEAP_LEAST)
		return refuse_least("memory.heap", wish->heap.value, BUDGET_HEAP_LEAST, e);
	if (m->max_bytes && (m->high_bytes > m->max_bytes || m->low_bytes > m->max_bytes))
		return err_impossible(
			e, "memory.%s: %s is above slice-%u's limit of %s: write less",
			m->high_bytes > m->max_bytes ? "high" : "low",
			SIZE_STRING(m->high_bytes > m->max_bytes ? m->high_bytes : m->low_bytes),
			terms->slice, SIZE_STRING(m->max_bytes));
	return 0;
}

/* The heap that this slice alone would have. */
static uint64_t own_heap(struct terms *terms, bool *tight)
{
	const struct size *wish = &terms->wish->heap;
	uint64_t heap;

	if (!is_auto(wish, terms->m.max_bytes)) {
		heap = size_bytes(wish, terms->m.max_bytes);
		return heap - heap % BUDGET_MIB;
	}
	if (!terms->m.max_bytes)
		return BUDGET_HEAP_UNKNOWN;
	heap = heap_with(terms);
	if (heap >= BUDGET_HEAP_LEAST)
		return less_of(heap, BUDGET_HEAP_MOST);
	*tight |= shrink(terms);
	return BUDGET_HEAP_LEAST;
}

static void set_heap(struct terms *terms, uint64_t heap, bool *tight)
{
	terms->m.heap_bytes = heap;
	terms->m.native_bytes = native_for(heap);
	if (terms->m.max_bytes && !terms_fit(terms))
		*tight |= shrink(terms);
}

/* Set the limit and every term that does not depend on the heap. */
static int begin_slice(const struct budget_slice *slice, bool known, struct terms *terms,
		       struct err *e)
{
	const struct profile_memory *wish = terms->wish;
	uint64_t limit = known ? slice->share : 0;

	if (wish->limit.unit == SIZE_PERCENT)
		limit = size_bytes(&wish->limit, limit);
	else if (wish->limit.unit == SIZE_BYTES)
		limit = wish->limit.value;
	limit -= limit % BUDGET_MIB;
	if (known && limit > slice->share)
		return refuse_limit(terms->slice, limit, slice->share, e);
	fixed_terms(wish, limit, &terms->m);
	terms->m.direct_bytes = wished_direct(wish, slice->slots, limit);
	terms->page_cache = wished_page_cache(wish, limit);
	return check_written(wish, terms, e);
}

static int finish_slice(struct terms *terms, unsigned slices, uint64_t heap, bool *tight,
			struct err *e)
{
	struct slice_memory *m = &terms->m;

	set_heap(terms, heap, tight);
	if (heap < BUDGET_HEAP_LEAST)
		return refuse_least("memory.heap", heap, BUDGET_HEAP_LEAST, e);
	if (m->max_bytes && !terms_fit(terms))
		return refuse_terms(terms, slices, e);
	m->page_cache_bytes = m->max_bytes ? m->max_bytes - used(m) : 0;
	return 0;
}

int budget_make(const struct profile_memory *wish, const struct budget_slice *slices,
		unsigned count, bool known, struct budget *out, struct err *e)
{
	struct terms terms[SLICES_MAX];
	uint64_t heap = UINT64_MAX;
	bool tight = false;

	for (unsigned i = 0; i < count; i++) {
		terms[i] = (struct terms){.wish = wish, .slice = i};
		if (begin_slice(&slices[i], known, &terms[i], e) < 0)
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
