/*
 * plan_diff() against a model of the kernel: ops are applied one by one, and after each of them the rules of DESIGN §3
 * and §4 must hold; at the end the model is what was wanted; stopped anywhere and diffed again, it gets there too.
 */

#include "decision/op.h"
#include "tests/decision/machines.h"
#include "tests/decision/plans.h"
#include "tests/harness.h"

static struct topology t;

/* ---- the model ---- */

struct group {
	bool exists;
	const struct slice *made; /* what its worker was started with */
	struct cpuset cpus, home; /* home: less what is borrowed, with what is lent exclusively */
	unsigned weight;
};

/* Groups are "slice-<id>"; a loan is what one group has of another's home. */
struct kernel {
	struct group groups[SLICES_MAX];
	struct cpuset host, host_nodes;
};

static struct kernel kernel;
static unsigned ops_seen[OP_SET_HOST + 1], narrowed, widened, prefixes;

static struct cpuset host_cpus(const struct plan *p)
{
	return p->host.shared ? p->allowed : p->host.cpus;
}

static void boot(const struct plan *p, struct kernel *k)
{
	memset(k, 0, sizeof(*k));
	for (unsigned i = 0; i < p->slice_count; i++)
		k->groups[i] = (struct group){.exists = true,
					      .made = &p->slices[i],
					      .cpus = plan_effective_cpus(p, i),
					      .home = p->slices[i].cpus,
					      .weight = plan_weight(p, i)};
	k->host = host_cpus(p);
	k->host_nodes = p->host.nodes;
}

static struct cpuset borrowed(const struct kernel *k, unsigned group)
{
	return cpuset_and_not(&k->groups[group].cpus, &k->groups[group].home);
}

/* Whether the group is a party of a loan that is in force. */
static bool is_party(const struct kernel *k, unsigned group)
{
	struct cpuset own = borrowed(k, group);

	if (!cpuset_is_empty(&own))
		return true;
	for (unsigned i = 0; i < SLICES_MAX; i++) {
		struct cpuset other = borrowed(k, i);

		if (k->groups[i].exists && cpuset_intersects(&other, &k->groups[group].home))
			return true;
	}
	return false;
}

/* A new set of a group that stays: which of the changes are of its home, by what `to` says? */
static void change_cpus(struct kernel *k, unsigned id, const struct cpuset *cpus,
			const struct plan *to, const char *where)
{
	struct group *g = &k->groups[id];
	struct cpuset lost = cpuset_and_not(&g->cpus, cpus),
		      gained = cpuset_and_not(cpus, &g->cpus);
	struct cpuset none = {0};
	const struct cpuset *wanted = id < to->slice_count ? &to->slices[id].cpus : &none;
	struct cpuset home = g->home, part;

	ck_assert_msg(!cpuset_is_empty(cpus), "%s: empty set", where);
	ck_assert_msg(!cpuset_is_equal(cpus, &g->cpus), "%s: nothing changes", where);
	/* What it owns and is not to own any more. */
	part = cpuset_and(&lost, &g->home);
	part = cpuset_and_not(&part, wanted);
	home = cpuset_and_not(&home, &part);
	/* What it is to own and does not yet. */
	part = cpuset_and(&gained, wanted);
	home = cpuset_or(&home, &part);
	if (!cpuset_is_equal(&home, &g->home))
		ck_assert_msg(!is_party(k, id), "%s: home set changes during a loan", where);
	narrowed += !cpuset_is_empty(&lost);
	widened += !cpuset_is_empty(&gained);
	g->home = home;
	g->cpus = *cpus;
}

static void apply_op(struct kernel *k, const struct op *op, const struct plan *to,
		     const char *where)
{
	unsigned id = 0;
	struct group *g;

	ops_seen[op->kind]++;
	if (op->kind == OP_SET_HOST) {
		ck_assert_msg(!cpuset_is_empty(&op->cpus), "%s: empty host", where);
		k->host = op->cpus;
		k->host_nodes = to->host.nodes;
		return;
	}
	ck_assert_int_eq(sscanf(op->name, "slice-%u", &id), 1);
	ck_assert_uint_lt(id, SLICES_MAX);
	g = &k->groups[id];
	ck_assert_msg(g->exists == (op->kind != OP_CREATE), "%s: %s", where,
		      g->exists ? "there already" : "not there");
	switch (op->kind) {
	case OP_SET_CPUS:
		change_cpus(k, id, &op->cpus, to, where);
		break;
	case OP_SET_WEIGHT:
		ck_assert_msg(g->weight != op->weight, "%s: nothing changes", where);
		g->weight = op->weight;
		break;
	case OP_REMOVE:
		ck_assert_msg(!is_party(k, id), "%s: removed during a loan", where);
		*g = (struct group){0};
		break;
	case OP_CREATE:
		ck_assert_msg(!cpuset_is_empty(&op->cpus), "%s: empty set", where);
		*g = (struct group){.exists = true,
				    .made = &to->slices[op->slice],
				    .cpus = op->cpus,
				    .home = op->cpus,
				    .weight = op->weight};
		break;
	case OP_SET_HOST:
		break;
	}
}

/* ---- the rules ---- */

/* Somebody else's CPU: lent by its owner, to nobody else, and the owner has the maximum weight if it shares it. */
static void check_borrowed(const struct kernel *k, unsigned id, const struct cpuset *allowed,
			   const char *where)
{
	struct cpuset foreign = borrowed(k, id);

	cpuset_for_each(cpu, &foreign)
	{
		unsigned owners = 0;

		ck_assert_msg(cpuset_has(allowed, cpu), "%s: CPU %u not allowed", where, cpu);
		for (unsigned i = 0; i < SLICES_MAX; i++) {
			const struct group *g = &k->groups[i];

			if (i == id || !g->exists)
				continue;
			if (!cpuset_has(&g->home, cpu)) {
				ck_assert_msg(!cpuset_has(&g->cpus, cpu),
					      "%s: CPU %u has two borrowers", where, cpu);
				continue;
			}
			owners++;
			ck_assert_msg(!cpuset_has(&g->cpus, cpu) || g->weight == WEIGHT_MAX,
				      "%s: CPU %u is shared by slice-%u of weight %u", where, cpu,
				      i, g->weight);
		}
		ck_assert_msg(owners == 1, "%s: CPU %u of slice-%u has %u owners", where, cpu, id,
			      owners);
	}
}

static void check_rules(const struct kernel *k, const struct cpuset *allowed, const char *where)
{
	bool reserve = !cpuset_is_equal(&k->host, allowed) && !cpuset_is_empty(&k->host);
	struct cpuset owned = {0};

	for (unsigned i = 0; i < SLICES_MAX; i++) {
		const struct group *g = &k->groups[i];

		if (!g->exists)
			continue;
		ck_assert_msg(!cpuset_intersects(&owned, &g->home),
			      "%s: CPUs of slice-%u are owned twice", where, i);
		owned = cpuset_or(&owned, &g->home);
		check_borrowed(k, i, allowed, where);
	}
	if (reserve)
		ck_assert_msg(!cpuset_intersects(&owned, &k->host), "%s: reserve in a slice",
			      where);
}

static void check_reached(const struct kernel *k, const struct plan *to, const char *where)
{
	struct cpuset host = host_cpus(to);

	for (unsigned i = 0; i < SLICES_MAX; i++) {
		const struct group *g = &k->groups[i];
		struct cpuset cpus;
		struct slice made;

		ck_assert_msg(g->exists == (i < to->slice_count), "%s: slice-%u", where, i);
		if (!g->exists)
			continue;
		cpus = plan_effective_cpus(to, i);
		made = *g->made; /* what can be changed in place is compared by the sets */
		made.cpus = to->slices[i].cpus;
		made.packages = to->slices[i].packages;
		made.cores = to->slices[i].cores;
		ck_assert_msg(slice_is_equal(&made, &to->slices[i]), "%s: slice-%u is an old one",
			      where, i);
		ck_assert_msg(cpuset_is_equal(&cpus, &g->cpus) && g->weight == plan_weight(to, i),
			      "%s: slice-%u has CPUs %s weight %u", where, i,
			      CPUSET_STRING(&g->cpus), g->weight);
	}
	ck_assert_msg(to->slice_count == 0 || (cpuset_is_equal(&host, &k->host) &&
					       cpuset_is_equal(&to->host.nodes, &k->host_nodes)),
		      "%s: host", where);
}

/* ---- what is there, as a plan ---- */

static void add_loan(struct plan *p, unsigned from, unsigned to, enum loan_mode mode,
		     const struct cpuset *cpus)
{
	p->loans[p->loan_count++] =
		(struct loan){.from = from, .to = to, .mode = mode, .cpus = *cpus};
}

static void observe_loans(const struct kernel *k, const unsigned *place, struct plan *out)
{
	bool lends[SLICES_MAX] = {false};

	for (unsigned to = 0; to < SLICES_MAX; to++) {
		struct cpuset foreign = borrowed(k, to);

		for (unsigned from = 0; from < SLICES_MAX && k->groups[to].exists; from++) {
			struct cpuset part = cpuset_and(&foreign, &k->groups[from].home);
			bool shared = cpuset_is_subset(&part, &k->groups[from].cpus);

			if (!k->groups[from].exists || cpuset_is_empty(&part))
				continue;
			add_loan(out, place[from], place[to],
				 shared ? LOANS_SHARED : LOANS_EXCLUSIVE, &part);
			lends[from] |= shared;
		}
	}
	for (unsigned i = 0; i < SLICES_MAX; i++) {
		struct cpuset none = {0};

		if (k->groups[i].exists && !lends[i] && k->groups[i].weight == WEIGHT_MAX)
			add_loan(out, place[i], place[i], LOANS_SHARED, &none);
	}
}

/* Slices in reverse, so that nothing leans on places. What was lent and nobody has yet is no longer known as home. */
static void observe(struct kernel *k, const struct plan *like, struct plan *out)
{
	unsigned place[SLICES_MAX] = {0};

	memset(out, 0, sizeof(*out));
	out->allowed = like->allowed;
	out->host.cpus = k->host;
	out->host.nodes = k->host_nodes;
	for (unsigned i = SLICES_MAX; i-- > 0;) {
		struct group *g = &k->groups[i];
		struct slice *s = &out->slices[out->slice_count];
		struct cpuset given = cpuset_and_not(&g->home, &g->cpus);

		if (!g->exists)
			continue;
		*s = *g->made;
		s->id = out->slice_count;
		snprintf(s->name, sizeof(s->name), "slice-%u", i);
		for (unsigned other = 0; other < SLICES_MAX; other++)
			given = cpuset_and_not(&given, &k->groups[other].cpus);
		g->home = cpuset_and_not(&g->home, &given);
		s->cpus = g->home;
		place[i] = out->slice_count++;
	}
	observe_loans(k, place, out);
}

/* ---- walks ---- */

static void walk(struct kernel *k, const struct plan *from, const struct plan *to, unsigned stop,
		 const char *name)
{
	static struct oplist ops;
	char where[160];

	ck_assert_int_eq(plan_diff(from, to, &ops), 0);
	for (unsigned i = 0; i < ops.count && i < stop; i++) {
		snprintf(where, sizeof(where), "%s op %u of %u (kind %d, %s)", name, i, ops.count,
			 (int)ops.ops[i].kind, ops.ops[i].name);
		apply_op(k, &ops.ops[i], to, where);
		check_rules(k, &t.allowed, where);
	}
}

static void check_pair(const struct plan *from, const struct plan *to, const char *name)
{
	static struct oplist ops;
	static struct plan seen;
	unsigned count;

	plan_diff(from, to, &ops);
	count = ops.count;
	for (unsigned stop = 0; stop <= count; stop++) {
		boot(from, &kernel);
		walk(&kernel, from, to, stop, name);
		if (stop < count) {
			observe(&kernel, to, &seen);
			walk(&kernel, &seen, to, UINT32_MAX, name);
			prefixes++;
		}
		check_reached(&kernel, to, name);
	}
}

START_TEST(test_random_pairs)
{
	static struct plan from, to;
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 300; round++) {
		struct machine_shape shape = {
			1 + random_below(&state, 2), 1 + random_below(&state, 2), 1,
			2 + random_below(&state, 8), 1 + random_below(&state, 2), 1 << 30};
		char name[64];

		machine_regular(&shape, &t);
		plan_random(&state, &t, &from);
		to = from;
		if (random_once(&state, 8))
			plan_random(&state, &t, &to);
		else
			plan_mutate(&state, &t, &to);
		if (random_once(&state, 20))
			memset(&from, 0, sizeof(from));
		else if (random_once(&state, 20))
			memset(&to, 0, sizeof(to));
		snprintf(name, sizeof(name), "seed %lu round %u", test_seed(), round);
		check_pair(&from, &to, name);
	}
	for (unsigned kind = 0; kind <= OP_SET_HOST; kind++)
		ck_assert_msg(ops_seen[kind] > 50, "op %u: %u times", kind, ops_seen[kind]);
	ck_assert_uint_gt(narrowed, 300);
	ck_assert_uint_gt(widened, 300);
	ck_assert_uint_gt(prefixes, 1000);
}
END_TEST

/* ---- by hand ---- */

static struct plan a, b;
static struct oplist list;

static const char *ops_text(void)
{
	static char text[4096], one[512];
	size_t used = 0;

	text[0] = '\0';
	ck_assert_int_eq(plan_diff(&a, &b, &list), 0);
	for (unsigned i = 0; i < list.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? "; " : "",
					 op_format(&list.ops[i], &b, one, sizeof(one)));
	return text;
}

static void lend(struct plan *p, unsigned from, unsigned to, enum loan_mode mode, unsigned cpu)
{
	struct cpuset cpus = {0};

	cpuset_add(&cpus, cpu);
	add_loan(p, from, to, mode, &cpus);
}

/* Four packages of four cores, a slice each. */
static void begin(void)
{
	machine_regular(&(struct machine_shape){4, 1, 1, 4, 1, UINT64_C(6) << 30}, &t);
	plan_of_parents(&t, BY_SOCKET, 4, &a);
	b = a;
}

START_TEST(test_up_and_down)
{
	begin();
	ck_assert_str_eq(ops_text(), "");
	memset(&a, 0, sizeof(a));
	ck_assert_str_eq(ops_text(), "set host cpus 0-15 nodes 0; "
				     "create slice-0 cpus 0-3 nodes 0 memory 6 GB; "
				     "create slice-1 cpus 4-7 nodes 1 memory 6 GB; "
				     "create slice-2 cpus 8-11 nodes 2 memory 6 GB; "
				     "create slice-3 cpus 12-15 nodes 3 memory 6 GB");
	a = b;
	memset(&b, 0, sizeof(b));
	ck_assert_str_eq(ops_text(), "remove slice-0; remove slice-1; remove slice-2; "
				     "remove slice-3");
}
END_TEST

START_TEST(test_in_place)
{
	begin();
	cpuset_remove(&b.slices[1].cpus, 7);
	cpuset_remove(&a.slices[2].cpus, 8);
	ck_assert_str_eq(ops_text(), "set slice-1 cpus 4-6; set slice-2 cpus 8-11");
	begin();
	b.slices[3].slots++;
	ck_assert_str_eq(ops_text(),
			 "remove slice-3; create slice-3 cpus 12-15 nodes 3 memory 6 GB");
	begin();
	b.slices[0].memory = (struct slice_memory){.max_bytes = UINT64_C(3) << 29};
	b.slices[1].memory = (struct slice_memory){.max_bytes = 512 << 20};
	b.slices[2].memory = (struct slice_memory){0};
	strings_add(&b.slices[3].jvm_options, "-Xint");
	ck_assert_str_eq(ops_text(),
			 "remove slice-0; remove slice-1; remove slice-2; remove slice-3; "
			 "create slice-0 cpus 0-3 nodes 0 memory 1.5 GB; "
			 "create slice-1 cpus 4-7 nodes 1 memory 512 MB; "
			 "create slice-2 cpus 8-11 nodes 2 memory unlimited; "
			 "create slice-3 cpus 12-15 nodes 3 memory 6 GB");
	/* Home sets that do not intersect: no set of CPUs leads from one to the other. */
	begin();
	a.slices[0].nodes = b.slices[0].nodes = b.slices[1].nodes = a.slices[1].nodes;
	b.slices[0].cpus = a.slices[1].cpus;
	b.slices[1].cpus = a.slices[0].cpus;
	ck_assert_str_eq(ops_text(), "remove slice-0; remove slice-1; "
				     "create slice-0 cpus 4-7 nodes 1 memory 6 GB; "
				     "create slice-1 cpus 0-3 nodes 1 memory 6 GB");
}
END_TEST

START_TEST(test_shared_loans)
{
	begin();
	lend(&b, 1, 0, LOANS_SHARED, 4);
	lend(&b, 1, 2, LOANS_SHARED, 5);
	ck_assert_str_eq(ops_text(), "set slice-1 weight 10000; set slice-0 cpus 0-4; "
				     "set slice-2 cpus 5,8-11");
	a = b;
	lend(&b, 1, 0, LOANS_SHARED, 6); /* more of the same: nothing is taken away meanwhile */
	ck_assert_str_eq(ops_text(), "set slice-0 cpus 0-4,6");
	b = a;
	b.loan_count = 1;
	ck_assert_str_eq(ops_text(), "set slice-2 cpus 8-11");
	b.loan_count = 0;
	ck_assert_str_eq(ops_text(), "set slice-0 cpus 0-3; set slice-2 cpus 8-11; "
				     "set slice-1 weight 100");
	/* A crash between the raised weight and the first borrower. */
	begin();
	add_loan(&a, 1, 1, LOANS_SHARED, &(struct cpuset){0});
	ck_assert_str_eq(ops_text(), "set slice-1 weight 100");
}
END_TEST

START_TEST(test_exclusive_loans)
{
	begin();
	lend(&b, 1, 0, LOANS_EXCLUSIVE, 4);
	ck_assert_str_eq(ops_text(), "set slice-1 cpus 5-7; set slice-0 cpus 0-4");
	a = b;
	b.loan_count = 0;
	ck_assert_str_eq(ops_text(), "set slice-0 cpus 0-3; set slice-1 cpus 4-7");
	lend(&b, 1, 0, LOANS_SHARED, 4);
	ck_assert_str_eq(ops_text(), "set slice-0 cpus 0-3; set slice-1 cpus 4-7; "
				     "set slice-1 weight 10000; set slice-0 cpus 0-4");
}
END_TEST

/* Each of the things that a worker was started with, changed alone. */
START_TEST(test_restarts)
{
	struct slice *s = &b.slices[2];
	uint64_t *const sizes[] = {
		&s->memory.max_bytes,	   &s->memory.heap_bytes,    &s->memory.direct_bytes,
		&s->memory.off_heap_bytes, &s->memory.python_bytes,  &s->memory.native_bytes,
		&s->memory.daemon_bytes,   &s->memory.scratch_bytes, &s->memory.page_cache_bytes,
		&s->memory.high_bytes,	   &s->memory.low_bytes,     &s->memory.swap_bytes};

	for (unsigned i = 0; i < 3 + sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin();
		if (i == 0)
			s->address++;
		else if (i == 1)
			cpuset_add(&s->nodes, 1);
		else if (i == 2)
			s->slots++;
		else
			++*sizes[i - 3];
		ck_assert_int_eq(plan_diff(&a, &b, &list), 0);
		ck_assert_msg(list.count == 2 && list.ops[0].kind == OP_REMOVE &&
				      list.ops[1].kind == OP_CREATE,
			      "change %u: %s", i, ops_text());
	}
}
END_TEST

/* Loans end before anything else happens to either party, weights included. */
START_TEST(test_loans_and_change)
{
	begin();
	lend(&a, 1, 0, LOANS_SHARED, 4);
	b.slices[2].slots++;
	ck_assert_str_eq(ops_text(),
			 "set slice-0 cpus 0-3; set slice-1 weight 100; remove slice-2; "
			 "create slice-2 cpus 8-11 nodes 2 memory 6 GB");
	begin();
	lend(&a, 1, 0, LOANS_SHARED, 4);
	b.slices[1].slots++;
	ck_assert_str_eq(ops_text(), "set slice-0 cpus 0-3; remove slice-1; "
				     "create slice-1 cpus 4-7 nodes 1 memory 6 GB");
	lend(&b, 1, 0, LOANS_SHARED, 4);
	ck_assert_str_eq(ops_text(), "set slice-0 cpus 0-3; remove slice-1; "
				     "create slice-1 cpus 4-7 nodes 1 memory 6 GB; "
				     "set slice-0 cpus 0-4");
	ck_assert_uint_eq(list.ops[2].weight, WEIGHT_MAX);
}
END_TEST

START_TEST(test_host)
{
	struct cpuset first = {{1}}, last = {{1 << 15}};

	begin();
	cpuset_remove(&b.slices[0].cpus, 0);
	b.host.cpus = first;
	b.host.shared = false;
	ck_assert_str_eq(ops_text(), "set slice-0 cpus 1-3; set host cpus 0 nodes 0");
	a = b;
	b.host.cpus = last;
	cpuset_add(&b.slices[0].cpus, 0);
	cpuset_remove(&b.slices[3].cpus, 15);
	ck_assert_str_eq(ops_text(), "set slice-3 cpus 12-14; set host cpus 15 nodes 0; "
				     "set slice-0 cpus 0-3");
}
END_TEST

/* The longest list: 64 slices that all lend or borrow go, and 64 others come. */
START_TEST(test_bounds)
{
	machine_regular(&(struct machine_shape){64, 1, 1, 2, 1, 1 << 30}, &t);
	plan_of_parents(&t, BY_SOCKET, 64, &a);
	b = a;
	for (unsigned i = 0; i < 64; i += 2) {
		lend(&a, i, i + 1, i % 4 ? LOANS_SHARED : LOANS_EXCLUSIVE, 2 * i);
		lend(&b, i + 1, i, i % 4 ? LOANS_SHARED : LOANS_EXCLUSIVE, 2 * i + 2);
	}
	for (unsigned i = 0; i < 64; i++)
		snprintf(b.slices[i].name, sizeof(b.slices[i].name), "other-%u", i);
	ck_assert_int_eq(plan_diff(&a, &b, &list), 0);
	ck_assert_uint_eq(list.count, 32 + 64 + 64 + 32 + 16);
}
END_TEST

TEST_MAIN("diff",
	  test_case("by hand", test_up_and_down, test_in_place, test_shared_loans,
		    test_exclusive_loans, test_restarts, test_loans_and_change, test_host,
		    test_bounds),
	  test_case("random", test_random_pairs))
