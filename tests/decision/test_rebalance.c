/*
 * The monitor's rules one by one: what slices do for how long, and the loans that come of it. Time goes by in ticks of 50 ms; who
 * is said to use so many CPUs uses them, whatever it has.
 */

#include <errno.h>

#include "decision/loan_wish.h"
#include "decision/rebalance.h"
#include "tests/decision/machines.h"
#include "tests/decision/plans.h"
#include "tests/harness.h"

enum { SECOND = 20 /* ticks */ };

static const uint64_t tick_ns = 50000000;

static struct topology t;
static struct plan p, wanted;
static struct rebalance memory;
static struct rebalance_policy policy;
static struct sample samples[SLICES_MAX];
static double load[SLICES_MAX]; /* CPUs */
static uint64_t now_ns;
static unsigned changes;

static void begin_at(const struct machine_shape *shape, enum partition_by by, unsigned slices)
{
	struct profile profile;

	machine_regular(shape, &t);
	plan_of_parents(&t, by, slices, &p);
	profile_default(&profile);
	policy = rebalance_policy_of(&profile.rebalance);
	memset(&memory, 0, sizeof(memory));
	memset(samples, 0, sizeof(samples));
	memset(load, 0, sizeof(load));
	now_ns = 1000 * tick_ns;
	changes = 0;
	for (unsigned i = 0; i < slices; i++) {
		samples[i].cpu_usage_us = 1000000;
		samples[i].processes = 2;
		load[i] = 0.5 * cpuset_count(&p.slices[i].cpus); /* neither idle nor busy */
	}
}

/* Four packages of four cores, a slice each. */
static void begin(void)
{
	begin_at(&(struct machine_shape){4, 1, 1, 4, 1, UINT64_C(6) << 30}, BY_SOCKET, 4);
}

static int step(void)
{
	int changed;
	struct err e = {0};

	changed = rebalance_step(&p, &t, &policy, samples, p.slice_count, now_ns, &memory, &wanted);
	ck_assert_int_ge(changed, 0);
	if (changed) {
		changes++;
		ck_assert_msg(plan_check(&wanted, &t, &e) == 0, "%s", e.msg);
		p = wanted;
	}
	return changed;
}

static void pass(unsigned ticks)
{
	while (ticks--) {
		now_ns += tick_ns;
		for (unsigned i = 0; i < p.slice_count; i++) {
			samples[i].at_ns = now_ns;
			samples[i].cpu_usage_us += (uint64_t)(load[i] * 50000);
		}
		step();
	}
}

static const char *loans(void)
{
	static char text[4096];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < p.loan_count; i++) {
		const struct loan *loan = &p.loans[i];

		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%u>%u:%s%s%s", i ? " " : "",
			loan->from, loan->to, CPUSET_STRING(&loan->cpus),
			loan->mode == LOANS_EXCLUSIVE ? "!" : "", loan->by_hand ? " by hand" : "");
	}
	return text;
}

static enum rebalance_reason reason(void)
{
	return memory.decisions.count ? memory.decisions.items[0].reason : REBALANCE_STAYS;
}

#define ck_loans(text) ck_assert_str_eq(loans(), text)
#define ck_reason(wanted_) \
	ck_assert_str_eq(rebalance_reason_name(reason()), rebalance_reason_name(wanted_))

/* Slice 0 lags, slice 1 is idle, and lends. */
static void begin_loan(void)
{
	begin();
	load[0] = 4;
	load[1] = 0;
	pass(3);
	ck_loans("1>0:4-7");
}

/* ---- who lends to whom ---- */

START_TEST(test_thresholds)
{
	static const struct {
		double load[4];
		const char *loans;
	} rows[] = {
		{{4, 0, 2, 2}, "1>0:4-7"},
		{{4, 4, 4, 4}, ""},
		{{0, 0, 0, 0}, ""},
		{{2, 0, 2, 2}, ""},
		{{4, 0.19, 2, 2}, "1>0:4-7"}, /* 5 % of 4 are 0.2 */
		{{4, 0.21, 2, 2}, ""},
		{{3.61, 0, 2, 2}, "1>0:4-7"}, /* 90 % are 3.6 */
		{{3.59, 0, 2, 2}, ""},
		{{4, 0, 0, 2}, "1>0:4-7 2>0:8-11"},    /* several donors, */
		{{2, 4, 4, 0}, "3>1:12-13 3>2:14-15"}, /* several borrowers, */
		{{4, 0, 4, 0}, "1>0:4-7 3>2:12-15"},   /* of both */
		{{0, 4, 4, 4}, "0>1:0-1 0>2:2 0>3:3"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		memcpy(load, rows[i].load, sizeof(rows[i].load));
		pass(3);
		ck_assert_msg(!strcmp(loans(), rows[i].loans), "row %zu: %s", i, loans());
	}
}
END_TEST

/* The first sample is a beginning, the next two are two ticks. */
START_TEST(test_two_ticks)
{
	begin();
	load[0] = 4;
	load[1] = 0;
	pass(2);
	ck_loans("");
	pass(1);
	ck_loans("1>0:4-7");
	ck_reason(REBALANCE_LENDS);
	ck_assert_uint_eq(memory.decisions.count, 1);
	ck_assert_double_eq(memory.decisions.items[0].borrower.used, 4);
	/* Interrupted by a tick of work, and of rest. */
	begin();
	load[0] = 4;
	load[1] = 0;
	pass(2);
	load[1] = 0.3;
	pass(1);
	load[1] = 0;
	pass(1);
	ck_loans("");
	pass(1);
	ck_loans("1>0:4-7");
	begin();
	load[0] = 4;
	load[1] = 0;
	pass(2);
	load[0] = 3;
	pass(1);
	load[0] = 4;
	pass(1);
	ck_loans("");
	pass(1);
	ck_loans("1>0:4-7");
}
END_TEST

/* Steps between ticks, and while time stands still, count for nothing. */
START_TEST(test_steps_between)
{
	begin();
	load[0] = 4;
	load[1] = 0;
	pass(1);
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_int_eq(step(), 0);
		now_ns += 100000;
		ck_assert_int_eq(step(), 0);
		samples[0].at_ns = samples[1].at_ns = now_ns;
		samples[0].cpu_usage_us += 400;
		ck_assert_int_eq(step(), 0);
	}
	pass(1);
	ck_loans("");
	pass(1);
	ck_loans("1>0:4-7");
}
END_TEST

static void wants(unsigned known, unsigned runnable, unsigned tasks, unsigned task_cpus)
{
	begin();
	load[0] = 4;
	load[1] = load[2] = load[3] = 0;
	samples[0].known = known;
	samples[0].runnable = runnable;
	samples[0].tasks_running = tasks;
	samples[0].task_cpus = task_cpus;
	for (unsigned i = 0; i < 3; i++) {
		pass(1);
		samples[0].pressure_us += 20000;
	}
}

/* More runnable threads than CPUs, by whoever says so; as many CPUs as there are threads. */
START_TEST(test_wants)
{
	wants(SAMPLE_RUNNABLE, 4, 99, 1);
	ck_loans("");
	wants(SAMPLE_RUNNABLE, 6, 0, 1);
	ck_loans("1>0:4-5");
	wants(SAMPLE_RUNNABLE, 10, 0, 1);
	ck_loans("1>0:4-7 2>0:8-9");
	wants(SAMPLE_TASKS, 99, 4, 1);
	ck_loans("");
	wants(SAMPLE_TASKS, 99, 5, 0);
	ck_loans("1>0:4");
	wants(SAMPLE_TASKS, 99, 4, 2);
	ck_loans("1>0:4-7");
	wants(SAMPLE_TASKS | SAMPLE_RUNNABLE, 7, 4, 1); /* threads of tasks */
	ck_loans("1>0:4-6");
	wants(SAMPLE_TASKS | SAMPLE_RUNNABLE, 4, UINT32_MAX, UINT32_MAX); /* phantoms */
	ck_loans("1>0:4-7 2>0:8-11 3>0:12-15");
	wants(SAMPLE_PRESSURE, 0, 0, 0); /* 40 % of the time */
	ck_loans("1>0:4-7 2>0:8-11 3>0:12-15");
	wants(SAMPLE_PRESSURE | SAMPLE_RUNNABLE, 5, 0, 0);
	ck_loans("1>0:4");
	begin();
	load[0] = 4;
	load[1] = 0;
	samples[0].known = SAMPLE_PRESSURE;
	pass(3);
	ck_loans("");
}
END_TEST

/* Two packages of two nodes of two cores with two threads: slices of one core. */
START_TEST(test_nearest)
{
	static const char *const expected[] = {"", "1>0:1,9", "1>0:1,9 2>0:2,10",
					       "1>0:1,9 2>0:2,10 3>0:3,11",
					       "1>0:1,9 2>0:2,10 3>0:3,11 4>0:4,12"};

	for (unsigned cores = 0; cores < 5; cores++) {
		begin_at(&(struct machine_shape){2, 2, 1, 2, 2, UINT64_C(6) << 30}, BY_NUMA, 8);
		memset(load, 0, sizeof(load));
		load[0] = 2;
		samples[0].known = SAMPLE_RUNNABLE;
		samples[0].runnable = 2 + 2 * cores;
		pass(3);
		ck_loans(expected[cores]);
	}
	/* A thread more takes a whole core; and the other package is out of scope. */
	samples[0].runnable = 11;
	load[0] = 10;
	pass(2);
	ck_loans("1>0:1,9 2>0:2,10 3>0:3,11 4>0:4,12 5>0:5,13");
	policy.scope = SCOPE_PACKAGE;
	pass(1);
	ck_reason(REBALANCE_POLICY);
	ck_loans("1>0:1,9 2>0:2,10 3>0:3,11");
	load[0] = 8;
	pass(SECOND);
	ck_loans("1>0:1,9 2>0:2,10 3>0:3,11");
}
END_TEST

/* Farther in the tree's order, but nearer by the firmware's table. */
START_TEST(test_distance)
{
	begin();
	t.distance[3][0] = 15;
	load[0] = 4;
	load[1] = load[2] = load[3] = 0;
	samples[0].known = SAMPLE_RUNNABLE;
	samples[0].runnable = 5;
	pass(3);
	ck_loans("3>0:12");
	/* But a package is a package, whatever the table says. */
	begin_at(&(struct machine_shape){2, 2, 1, 2, 1, UINT64_C(6) << 30}, BY_NUMA, 4);
	t.distance[1][0] = t.distance[0][1] = 40;
	memset(load, 0, sizeof(load));
	load[0] = 2;
	samples[0].known = SAMPLE_RUNNABLE;
	samples[0].runnable = 3;
	pass(3);
	ck_loans("1>0:2");
}
END_TEST

/* One node over two packages, and a donor in both: half of it is in scope. */
START_TEST(test_scope_within_node)
{
	struct err e = {0};

	for (unsigned borrower = 0; borrower < 3; borrower += 2) {
		begin_at(&(struct machine_shape){2, 1, 1, 3, 1, UINT64_C(6) << 30}, BY_MACHINE, 3);
		t.nodes[0].cpus = t.allowed;
		ck_assert_msg(topology_derive(&t, &e) == 0, "%s", e.msg);
		plan_of_parents(&t, BY_MACHINE, 3, &p);
		p.candidate_count = 0;
		policy.scope = SCOPE_PACKAGE;
		load[borrower] = 2;
		load[1] = 0;
		pass(3);
		ck_loans(borrower ? "1>2:3" : "1>0:2");
	}
}
END_TEST

/* smt: one. The second thread of a core is nobody's, and is not lent. */
START_TEST(test_smt_one)
{
	begin_at(&(struct machine_shape){2, 1, 1, 2, 2, UINT64_C(6) << 30}, BY_SOCKET, 2);
	p.slices[0].cpus = (struct cpuset){{0x3}};
	p.slices[1].cpus = (struct cpuset){{0xc}};
	p.usable = (struct cpuset){{0xf}};
	load[0] = 2;
	load[1] = 0;
	pass(3);
	ck_loans("1>0:2-3");
	load[0] = 4;
	pass(SECOND);
	ck_loans("1>0:2-3");
	loan_reset(&p, &wanted);
	p = wanted;
	ck_assert_int_eq(loan_wish(&p, &t, &(struct loan_wish){1, 0, 1, LOANS_SHARED, 1}, &wanted,
				   &(struct err){0}),
			 0);
	p = wanted;
	ck_loans("1>0:2 by hand");
	load[1] = 1;
	pass(3);
	ck_loans("1>0:2 by hand");
}
END_TEST

/* ---- two borrowers ---- */

START_TEST(test_late_borrower)
{
	begin();
	load[0] = 8;
	load[1] = 0;
	pass(3);
	ck_loans("1>0:4-7");
	load[2] = 4; /* lags too: its half, once slice 0 had the cool-down's time */
	pass(10);
	ck_loans("1>0:4-7");
	pass(1);
	ck_loans("1>0:6-7 1>2:4-5");
	ck_reason(REBALANCE_YIELDS);
	ck_assert_uint_eq(memory.decisions.count, 2);
	ck_assert_int_eq(memory.decisions.items[1].reason, REBALANCE_SHARES);
	load[0] = 6;
	load[2] = 6;
	pass(60 * SECOND);
	ck_loans("1>0:6-7 1>2:4-5");
	ck_assert_uint_eq(changes, 2);
}
END_TEST

/* Idle CPUs before others', however far they are. */
START_TEST(test_idle_first)
{
	begin_at(&(struct machine_shape){2, 1, 1, 12, 1, UINT64_C(6) << 30}, BY_SOCKET, 6);
	load[0] = 4;
	load[1] = load[3] = 0;
	samples[0].known = SAMPLE_RUNNABLE;
	samples[0].runnable = 8;
	pass(3);
	ck_loans("1>0:4-7");
	load[0] = 8;
	pass(SECOND);
	load[2] = 4;
	pass(2);
	ck_loans("1>0:4-7 3>2:12-15");
}
END_TEST

START_TEST(test_moves_on)
{
	begin_loan();
	load[0] = 0; /* done: it does not keep the CPUs, and has some itself */
	load[2] = 4;
	pass(2);
	ck_loans("0>2:0-3 1>2:4-7");
	ck_reason(REBALANCE_BORROWER_IDLE);
}
END_TEST

/* ---- loans end ---- */

START_TEST(test_donor_back)
{
	begin_loan();
	load[1] = 0.4; /* a blip: less than half a CPU, one tick */
	pass(1);
	load[1] = 0;
	pass(1);
	load[1] = 0.4;
	pass(1);
	ck_loans("1>0:4-7");
	pass(1);
	ck_loans("");
	ck_reason(REBALANCE_DONOR_BACK);
	begin_loan();
	load[1] = 0.6;
	pass(1);
	ck_loans("");
	/* Whenever in a tick it comes back, with a whole thread: two ticks are enough. */
	for (unsigned percent = 1; percent < 100; percent++) {
		begin_loan();
		load[1] = percent / 100.0;
		pass(1);
		load[1] = 1;
		pass(1);
		ck_loans("");
	}
}
END_TEST

START_TEST(test_cool_down)
{
	unsigned pause[4];

	begin_loan();
	pass(SECOND);
	load[1] = 1;
	pass(1);
	ck_loans("");
	load[1] = 0;
	pass(9);
	ck_loans("");
	pass(1); /* 500 ms */
	ck_loans("1>0:4-7");
	/* Back at once, again and again: it waits for twice as long each time. */
	for (unsigned i = 0; i < 4; i++) {
		load[1] = 1;
		pass(1);
		ck_loans("");
		load[1] = 0;
		for (pause[i] = 0; !p.loan_count; pause[i]++)
			pass(1);
	}
	ck_assert_uint_eq(pause[0], 10);
	ck_assert_uint_eq(pause[1], 20);
	ck_assert_uint_eq(pause[2], 40);
	ck_assert_uint_eq(pause[3], 80);
	pass(2 * SECOND); /* a loan that lasts for four cool-downs */
	load[1] = 1;
	pass(1);
	load[1] = 0;
	pass(10);
	ck_loans("1>0:4-7");
}
END_TEST

/* Spark begins a stage on the donor: at once, before it uses anything. */
START_TEST(test_stage)
{
	begin();
	samples[0].known = samples[1].known = SAMPLE_TASKS | SAMPLE_RUNNABLE;
	samples[0].runnable = 8;
	samples[1].tasks_running = samples[1].tasks_pending = 3; /* of no matter to shared loans */
	samples[1].stages = 7;
	load[0] = 4;
	load[1] = 0;
	pass(3);
	ck_loans("1>0:4-7");
	samples[1].stages++;
	ck_assert_int_eq(step(), 1);
	ck_loans("");
	ck_reason(REBALANCE_DONOR_STAGE);
	pass(9);
	ck_loans("");
	pass(1);
	ck_loans("1>0:4-7");
	samples[1].known = 0; /* no answer is no stage */
	samples[1].stages = 0;
	load[0] = 8;
	pass(1);
	ck_loans("1>0:4-7");
}
END_TEST

START_TEST(test_unused)
{
	unsigned pause[8], lasted = 0;

	begin_loan(); /* one thread a CPU: nobody knows, and the loan is of no use */
	for (unsigned i = 0; i < 8; i++) {
		for (lasted = 0; p.loan_count; lasted++)
			pass(1);
		ck_reason(REBALANCE_UNUSED);
		ck_assert_uint_eq(lasted, SECOND + 1); /* the first tick begins the second */
		for (pause[i] = 0; !p.loan_count; pause[i]++)
			pass(1);
	}
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(pause[i], SECOND << i);
	ck_assert_uint_eq(pause[6], 60 * SECOND);
	ck_assert_uint_eq(pause[7], 60 * SECOND);
	load[0] = 5; /* once it is used, all is forgiven */
	pass(60 * SECOND);
	ck_loans("1>0:4-7");
	load[0] = 4;
	while (p.loan_count)
		pass(1);
	pass(SECOND - 1);
	ck_loans("");
	pass(1);
	ck_loans("1>0:4-7");
	/* And once a stage begins on the borrower. */
	samples[0].known = SAMPLE_TASKS;
	samples[0].tasks_running = 8;
	for (unsigned i = 0; i < 3 * SECOND; i++)
		pass(1);
	ck_loans("");
	samples[0].stages++;
	pass(1);
	ck_loans("1>0:4-7");
}
END_TEST

/* A large slice that uses its loan to the full, and one that uses its own to the full, as kernels blur it. */
START_TEST(test_use_of_large_slices)
{
	begin_at(&(struct machine_shape){2, 1, 1, 60, 1, UINT64_C(6) << 30}, BY_SOCKET, 2);
	samples[0].known = SAMPLE_RUNNABLE;
	samples[0].runnable = 61;
	load[0] = 60;
	load[1] = 0;
	pass(3);
	ck_loans("1>0:60");
	load[0] = 61;
	pass(10 * SECOND);
	ck_loans("1>0:60");
	load[0] = 60.4;
	pass(2 * SECOND);
	ck_loans("");
}
END_TEST

START_TEST(test_starting)
{
	begin_loan();
	samples[0].starting = true;
	ck_assert_int_eq(step(), 1); /* before the JVM counts its CPUs */
	ck_loans("");
	ck_reason(REBALANCE_STARTING);
	pass(SECOND);
	ck_loans("");
	samples[0].starting = false;
	pass(1);
	ck_loans("1>0:4-7");
	samples[1].starting = true;
	pass(1);
	ck_loans("");
	pass(SECOND);
	ck_loans("");
}
END_TEST

START_TEST(test_gone)
{
	begin_loan();
	samples[0].processes = 0;
	load[0] = 0;
	pass(1);
	ck_loans("");
	ck_reason(REBALANCE_BORROWER_GONE);
	begin_loan(); /* an empty donor lends on */
	samples[1].processes = 0;
	load[0] = 8;
	pass(SECOND);
	ck_loans("1>0:4-7");
}
END_TEST

/* ---- samples that tell nothing ---- */

static void break_sample(unsigned kind, struct sample *s)
{
	if (kind == 0)
		*s = (struct sample){.processes = 2}; /* the driver failed */
	else if (kind == 1)
		s->at_ns = now_ns - 20 * tick_ns; /* the same again and again */
	else if (kind == 2)
		s->at_ns = UINT64_MAX;
	else if (kind == 3)
		s->cpu_usage_us = 0; /* no such counter */
	else if (kind == 4)
		s->cpu_usage_us += 1000000 * (now_ns / tick_ns % 1000); /* 20 000 CPUs and more */
	else
		s->cpu_usage_us = 1000000 - now_ns / 1000000; /* downwards */
}

START_TEST(test_blind)
{
	for (unsigned party = 0; party < 2; party++) {
		for (unsigned kind = 0; kind < 6; kind++) {
			begin_loan();
			load[0] = 8;
			for (unsigned i = 0; i < 10; i++) {
				now_ns += tick_ns;
				for (unsigned k = 0; k < 4; k++) {
					samples[k].at_ns = now_ns;
					samples[k].cpu_usage_us += (uint64_t)(load[k] * 50000);
				}
				break_sample(kind, &samples[party]);
				step();
				ck_assert_msg(i > 2 || p.loan_count, "party %u kind %u: %u ticks",
					      party, kind, i);
				if (i == 3)
					ck_reason(REBALANCE_BLIND);
			}
			ck_loans("");
		}
	}
}
END_TEST

/* Three seconds without a step, and a clock that goes back: no loan is lost for that by itself. */
START_TEST(test_clock)
{
	begin_loan();
	load[0] = 8;
	now_ns += 60 * tick_ns;
	samples[0].cpu_usage_us += 8 * 3000000;
	pass(1);
	ck_loans("1>0:4-7");
	now_ns -= tick_ns;
	ck_assert_int_eq(step(), 0);
	now_ns += tick_ns;
	ck_assert_int_eq(step(), 0);
	pass(10);
	ck_loans("1>0:4-7");
	ck_assert_int_eq(rebalance_step(&p, &t, &policy, samples, 3, now_ns, &memory, &wanted),
			 -EINVAL);
}
END_TEST

/* A memory that knows nothing of the loans that are there: it ends them, and learns. */
START_TEST(test_new_memory)
{
	begin_loan();
	memset(&memory, 0, sizeof(memory));
	pass(1);
	ck_loans("");
	ck_reason(REBALANCE_BLIND);
	pass(2);
	ck_loans("1>0:4-7");
	p.slices[1].slots++; /* the same home set: the same slice */
	pass(1);
	ck_loans("1>0:4-7");
}
END_TEST

/* ---- exclusive ---- */

static void begin_exclusive(unsigned keep)
{
	begin();
	policy.loans = LOANS_EXCLUSIVE;
	policy.keep = keep;
	load[0] = 4;
	load[1] = 0;
	pass(4);
	ck_loans(""); /* the kernel is not enough */
	samples[1].known = SAMPLE_TASKS;
	samples[1].tasks_at_ns = now_ns - 4 * tick_ns; /* asked before it was idle */
	pass(1);
	ck_loans("");
}

START_TEST(test_exclusive)
{
	static const char *const lent[] = {"1>0:4-6!", "1>0:4-6!", "1>0:4-5!", "1>0:4!", "", ""};

	for (unsigned keep = 0; keep < 6; keep++) {
		begin_exclusive(keep);
		samples[1].tasks_at_ns = now_ns;
		ck_assert_int_eq(step(), keep < 4);
		ck_loans(lent[keep]);
	}
	begin_exclusive(1);
	samples[1].tasks_at_ns = now_ns;
	samples[1].tasks_running = 1;
	pass(1);
	ck_loans("");
	samples[1].tasks_running = 0;
	samples[1].tasks_pending = 1;
	pass(1);
	ck_loans("");
	samples[1].tasks_pending = 0;
	samples[1].tasks_at_ns = UINT64_MAX; /* not yet */
	pass(1);
	ck_loans("");
	samples[1].tasks_at_ns = now_ns;
	pass(1);
	ck_loans("1>0:4-6!");
	load[0] = 7;
	policy.keep = 3; /* as a profile that is applied says */
	pass(1);
	ck_loans("1>0:4!");
	ck_reason(REBALANCE_POLICY);
	samples[1].tasks_pending = 1;
	ck_assert_int_eq(step(), 1);
	ck_loans("");
	ck_reason(REBALANCE_DONOR_TASKS);
}
END_TEST

/* One CPU is left of 4: a tenth of it is more than 5 %, though not of 4. */
START_TEST(test_exclusive_back)
{
	begin_exclusive(1);
	samples[1].tasks_at_ns = now_ns;
	pass(1);
	ck_loans("1>0:4-6!");
	load[0] = 7;
	load[1] = 0.1;
	pass(2);
	ck_loans("");
	ck_reason(REBALANCE_DONOR_BACK);
}
END_TEST

/* What is idle of 8 CPUs is not of the 4 that are left. */
START_TEST(test_exclusive_width)
{
	begin_at(&(struct machine_shape){3, 1, 1, 8, 1, UINT64_C(6) << 30}, BY_SOCKET, 3);
	policy.loans = LOANS_EXCLUSIVE;
	load[0] = load[2] = 8;
	load[1] = 0.3;
	samples[0].known = SAMPLE_RUNNABLE;
	samples[0].runnable = 12;
	samples[2].starting = true;
	pass(4);
	samples[1].known = SAMPLE_TASKS;
	samples[1].tasks_at_ns = now_ns;
	step();
	ck_loans("1>0:8-11!");
	samples[2].starting = false;
	step();
	ck_loans("1>0:8-11!");
}
END_TEST

/* ---- what the profile says ---- */

START_TEST(test_policy)
{
	begin_loan();
	policy.mode = REBALANCE_OFF;
	pass(1);
	ck_loans("");
	ck_reason(REBALANCE_POLICY);
	pass(SECOND);
	ck_loans("");
	policy.mode = REBALANCE_ACT;
	pass(1);
	ck_loans("1>0:4-7");
	policy.loans = LOANS_EXCLUSIVE;
	pass(1);
	ck_loans("");
	/* Observe: the loans are not in force, so that nobody can use them. */
	begin();
	policy.mode = REBALANCE_OBSERVE;
	load[0] = 4;
	load[1] = 0;
	pass(60 * SECOND);
	ck_loans("1>0:4-7");
	ck_assert_uint_eq(changes, 1);
	load[1] = 1;
	pass(1);
	ck_loans("");
}
END_TEST

/* ---- the machine changes ---- */

/* The CPU is not there any more, and slice 1 has one less; numbers of cores move. */
static void lose_cpu(unsigned os_index)
{
	static struct topology less;
	unsigned kept = 0;
	struct err e = {0};

	less = t;
	for (unsigned i = 0; i < t.cpu_count; i++) {
		if (t.cpus[i].os_index != os_index)
			less.cpus[kept++] = t.cpus[i];
	}
	less.cpu_count = kept;
	cpuset_add(&less.disallowed, os_index);
	ck_assert_msg(topology_derive(&less, &e) == 0, "%s", e.msg);
	t = less;
	cpuset_remove(&p.slices[1].cpus, os_index);
	p.slices[1].cores--;
	p.candidate_count = 0; /* nobody decided on uneven slices */
}

START_TEST(test_offline)
{
	static struct topology whole;

	begin_loan();
	whole = t;
	lose_cpu(5);
	memory.slices[1].home = p.slices[1].cpus; /* as if it had always been so */
	load[0] = 7;
	pass(1);
	ck_loans("1>0:4,6-7");
	ck_reason(REBALANCE_OFFLINE);
	ck_assert_str_eq(CPUSET_STRING(&memory.decisions.items[0].cpus), "5");
	/* Another home set is another slice, of which nothing is known. */
	t = whole;
	cpuset_add(&p.slices[1].cpus, 5);
	p.slices[1].cores = 4;
	pass(1);
	ck_loans("");
	ck_reason(REBALANCE_BLIND);
}
END_TEST

/* ---- by hand ---- */

static struct err error;

static int wish(unsigned from, unsigned to, unsigned cores, enum loan_mode mode)
{
	int code = loan_wish(&p, &t, &(struct loan_wish){from, to, cores, mode, policy.keep},
			     &wanted, &error);

	if (code == 0)
		p = wanted;
	return code == 0 ? 0 : (int)error.exit;
}

#define refused(call, exit_, text)                 \
	do {                                       \
		ck_assert_int_eq(call, exit_);     \
		ck_assert_str_eq(error.msg, text); \
	} while (0)

START_TEST(test_wish)
{
	begin();
	ck_assert_int_eq(wish(1, 0, 2, LOANS_SHARED), 0);
	ck_loans("1>0:4-5 by hand");
	ck_assert_int_eq(wish(1, 0, 1, LOANS_SHARED), 0);
	ck_loans("1>0:4-6 by hand");
	ck_assert_int_eq(wish(3, 2, 3, LOANS_EXCLUSIVE), 0);
	ck_loans("1>0:4-6 by hand 3>2:12-14! by hand");
	refused(wish(1, 0, 2, LOANS_SHARED), 3,
		"slice 1 cannot lend 2 cores: 1 of its 4 are not lent");
	refused(wish(3, 2, 1, LOANS_EXCLUSIVE), 3,
		"slice 3 cannot lend 1 cores exclusively: at most 0, because it keeps 1 CPUs "
		"(rebalance.keep), in whole cores, and lends no core twice");
	refused(wish(1, 0, 0, LOANS_SHARED), 2, "0 cores are no loan: lend at least 1");
	refused(wish(1, 4, 1, LOANS_SHARED), 3, "there is no slice 4: the plan has 4, from 0 on");
	refused(wish(9, 0, 1, LOANS_SHARED), 3, "there is no slice 9: the plan has 4, from 0 on");
	refused(wish(1, 1, 1, LOANS_SHARED), 3, "slice 1 cannot lend to itself");
	refused(wish(0, 2, 1, LOANS_SHARED), 3,
		"slice 0 borrows CPUs 4-6 of slice 1 and cannot lend meanwhile");
	refused(wish(2, 0, 1, LOANS_SHARED), 3,
		"slice 2 borrows CPUs 12-14 of slice 3 and cannot lend meanwhile");
	refused(wish(3, 1, 1, LOANS_SHARED), 3,
		"slice 1 lends CPUs 4-6 to slice 0 and cannot borrow meanwhile");
	loan_reset(&p, &wanted);
	ck_assert_uint_eq(wanted.loan_count, 0);
}
END_TEST

/* The monitor leaves them alone, works around them, and gives back its own. */
START_TEST(test_by_hand)
{
	begin();
	ck_assert_int_eq(wish(1, 2, 2, LOANS_EXCLUSIVE), 0);
	load[0] = 4;
	load[1] = 0;
	pass(3);
	ck_loans("1>2:4-5! by hand 1>0:6-7");
	load[1] = 2;
	pass(1);
	ck_loans("1>2:4-5! by hand");
	samples[1].starting = samples[2].starting = true;
	policy.mode = REBALANCE_OFF;
	pass(10 * SECOND);
	ck_loans("1>2:4-5! by hand");
	lose_cpu(4);
	pass(1);
	ck_loans("1>2:5! by hand");
	ck_reason(REBALANCE_OFFLINE);
	lose_cpu(5);
	pass(1);
	ck_loans("");
}
END_TEST

/* ---- words ---- */

START_TEST(test_words)
{
	static const char *const names[] = {
		"stays",       "lends",	      "shares",	       "online",	"donor-back",
		"donor-stage", "donor-tasks", "borrower-idle", "borrower-gone", "unused",
		"yields",      "starting",    "blind",	       "offline",	"policy"};
	struct rebalance_decision d;
	char text[256];

	for (unsigned i = 0; i < REBALANCE_REASONS; i++)
		ck_assert_str_eq(rebalance_reason_name((enum rebalance_reason)i), names[i]);
	begin_loan();
	d = memory.decisions.items[0];
	ck_assert_str_eq(rebalance_format(&d, text, sizeof(text)),
			 "slice-1 lends 4-7 to slice-0: it uses 0.00 of 4 CPUs, slice-0 4.00 of 4");
	load[1] = 1.5;
	pass(1);
	d = memory.decisions.items[0];
	ck_assert_str_eq(rebalance_format(&d, text, sizeof(text)),
			 "slice-0 returns 4-7 to slice-1: slice-1 is back and uses 1.50 of 4 CPUs");
}
END_TEST

TEST_MAIN("rebalance",
	  test_case("lend", test_thresholds, test_two_ticks, test_steps_between, test_wants,
		    test_nearest, test_distance, test_scope_within_node, test_smt_one,
		    test_late_borrower, test_idle_first, test_moves_on),
	  test_case("return", test_donor_back, test_cool_down, test_stage, test_unused,
		    test_use_of_large_slices, test_starting, test_gone, test_blind, test_clock,
		    test_new_memory),
	  test_case("exclusive", test_exclusive, test_exclusive_back, test_exclusive_width),
	  test_case("policy", test_policy, test_offline),
	  test_case("by hand", test_wish, test_by_hand), test_case("words", test_words))
