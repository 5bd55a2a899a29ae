/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_diff() against a model of the kernel: ops are applied one by one, and after each of them the
 * rules of decision/README.md and decision/lending/README.md must hold; at the end the model is
 * what was wanted; stopped anywhere and diffed again, it gets there too.
 */

#include "decision/reconcile/op.h"
#include "tests/decision/kernel.h"
#include "tests/decision/machines.h"
#include "tests/decision/plans.h"
#include "tests/harness.h"

static struct topology t;

static struct kernel kernel;
static unsigned prefixes;

static void check_pair(const struct plan *from, const struct plan *to, const char *name)
{
	static struct oplist ops;
	static struct plan seen;
	unsigned count;

	plan_diff(from, to, &ops);
	count = ops.count;
	for (unsigned stop = 0; stop <= count; stop++) {
		kernel_boot(from, &kernel);
		kernel_walk(&kernel, from, to, stop, &t.allowed, name);
		if (stop < count) {
			kernel_observe(&kernel, to, &seen);
			kernel_walk(&kernel, &seen, to, UINT32_MAX, &t.allowed, name);
			prefixes++;
		}
		kernel_check_reached(&kernel, to, name);
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
		ck_assert_msg(kernel.ops_seen[kind] > 50, "op %u: %u times", kind,
			      kernel.ops_seen[kind]);
	ck_assert_uint_gt(kernel.narrowed, 300);
	ck_assert_uint_gt(kernel.widened, 300);
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
	plan_add_loan(p, from, to, mode, &cpus);
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
	plan_add_loan(&a, 1, 1, LOANS_SHARED, &(struct cpuset){0});
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
