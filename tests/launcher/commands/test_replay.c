/* SPDX-License-Identifier: Apache-2.0 */
/* Histories of the monitor, written as events and decided again from them. */

#include "launcher/commands/replay.h"

#include "decision/base/cleanup.h"
#include "tests/decision/world.h"
#include "tests/harness.h"

enum { HISTORIES = 40, TICKS = 100 };

static const uint64_t noon_ns = UINT64_C(1769860800123000000);

static struct rebalance_event ev;
static struct plan before;
static struct err e;

/* ---- a file of events */

static char *text;
static size_t size;

static void add_line(const char *line)
{
	size_t length = strlen(line);

	text = realloc(text, size + length + 1);
	ck_assert_ptr_nonnull(text);
	memcpy(text + size, line, length + 1);
	size += length;
}

static void begin_file(void)
{
	free(text);
	text = NULL;
	size = 0;
	add_line("{\"time\":\"x\",\"what\":\"start\",\"object\":\"demo\",\"reason\":\"up\"}\n");
}

static void add_step(void)
{
	cleanup_free char *line = NULL;

	memset(&ev, 0, sizeof(ev));
	string_copy(ev.what, "loan");
	string_copy(ev.before.name, "demo");
	ev.allowed = world.t.allowed;
	ev.policy = world.policy;
	ev.before.slice_count = before.slice_count;
	for (unsigned i = 0; i < before.slice_count; i++) {
		ev.before.slices[i].id = i;
		string_copy(ev.before.slices[i].name, before.slices[i].name);
		ev.before.slices[i].cpus = before.slices[i].cpus;
	}
	ev.before.loan_count = before.loan_count;
	memcpy(ev.before.loans, before.loans, sizeof(before.loans));
	memcpy(ev.verdicts, world.memory.verdicts, sizeof(ev.verdicts));
	ev.decisions = world.memory.decisions;
	ev.loan_count = world.p.loan_count;
	memcpy(ev.loans, world.p.loans, sizeof(ev.loans));
	line = rebalance_event_format(&ev, noon_ns);
	ck_assert_ptr_nonnull(line);
	add_line(line);
}

/* One tick; what it changes becomes a line. Return how many lines. */
static unsigned tick(void)
{
	unsigned changes = world.changes;

	before = world.p;
	world_pass(1);
	if (world.changes == changes)
		return 0;
	add_step();
	return 1;
}

/* Slice 1 of 16 CPUs lends 4-7 to slice 0, and takes them back. */
static void small_file(void)
{
	unsigned steps = 0;

	begin_file();
	world_begin();
	world.load[0] = 16;
	world.load[1] = 0;
	for (unsigned i = 0; i < 4; i++)
		steps += tick();
	world.load[1] = 4;
	for (unsigned i = 0; i < 2; i++)
		steps += tick();
	ck_assert_uint_eq(steps, 2);
}

/* ---- replayed */

static struct replay result;
static char difference[REPLAY_TEXT];

/* All steps; 0 or the error. */
static int replay(const char *content, size_t length, const struct topology *t)
{
	unsigned last_line = 0;
	int r;

	memset(&result, 0, sizeof(result));
	result.text = content;
	result.end = content + length;
	result.machine = t;
	difference[0] = '\0';
	e = (struct err){0};
	while ((r = replay_next(&result, &e)) > 0) {
		ck_assert_uint_gt(result.line, last_line);
		ck_assert(result.is_same == !result.difference[0]);
		last_line = result.line;
		if (!result.is_same)
			string_copy(difference, result.difference);
	}
	return r;
}

START_TEST(histories_are_as_recorded)
{
	unsigned long long state = test_seed();
	unsigned all = 0;

	for (unsigned h = 0; h < HISTORIES; h++) {
		unsigned steps = 0;

		begin_file();
		world_begin();
		world.policy.scope = random_once(&state, 4) ? SCOPE_PACKAGE : SCOPE_MACHINE;
		for (unsigned i = 0; i < TICKS; i++) {
			if (random_once(&state, 4))
				world.load[random_below(&state, world.p.slice_count)] =
					random_once(&state, 2) ? 0 : 16;
			steps += tick();
		}
		ck_assert_msg(replay(text, size, &world.t) == 0, "SEED=%lu history %u: %s",
			      test_seed(), h, e.msg);
		ck_assert_msg(result.steps == steps && result.same == steps,
			      "SEED=%lu history %u: %u of %u steps, %u the same: %s", test_seed(),
			      h, result.steps, steps, result.same, difference);
		all += steps;
	}
	ck_assert_uint_gt(all, HISTORIES);
}
END_TEST

/* `text` with `from` replaced in the last line that has it. */
static char *edited(const char *from, const char *to)
{
	char *at = NULL, *out = NULL;

	for (char *next = strstr(text, from); next; next = strstr(next + 1, from))
		at = next;
	ck_assert_msg(at != NULL, "no %s", from);
	ck_assert_int_gt(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)),
			 0);
	return out;
}

static void expect_difference(const char *from, const char *to, const char *says)
{
	cleanup_free char *other = edited(from, to);

	ck_assert_msg(replay(other, strlen(other), &world.t) == 0, "%s", e.msg);
	ck_assert_uint_eq(result.steps, 2);
	ck_assert_msg(result.same == 1, "%s: the same", to);
	ck_assert_msg(strstr(difference, says), "%s", difference);
}

/* Another reason, other CPUs, other inputs, another end: each is told, with the line. */
START_TEST(differences_are_told)
{
	small_file();
	expect_difference("\"decisions\":[{\"reason\":\"donor-back\"",
			  "\"decisions\":[{\"reason\":\"unused\"",
			  "decided then: slice-0 returns 4-7 to slice-1: it did not use them "
			  "for a second; now: slice-0 returns 4-7 to slice-1: slice-1 is back");
	expect_difference("\"cpus\":\"4-7\",\"lending\":\"donor-back\"",
			  "\"cpus\":\"4-7\",\"lending\":\"stays\"", "now: nothing");
	expect_difference("\"cpus\":\"4-7\",\"lending\":\"donor-back\"",
			  "\"cpus\":\"4-7\",\"lending\":\"donor-stage\"",
			  "now: slice-0 returns 4-7 to slice-1: a stage began on slice-1");
	expect_difference("\"loans\":[],\"idle_us\"",
			  "\"loans\":[{\"from\":\"slice-1\",\"to\":\"slice-0\",\"mode\":\"shared\","
			  "\"cpus\":\"4\",\"by_hand\":false}],\"idle_us\"",
			  "other loans come of it");
}
END_TEST

/* The CPUs that the machine had then, not those that it has now, are lent. */
START_TEST(a_cpu_that_was_offline)
{
	static struct topology whole;
	unsigned kept = 0;

	begin_file();
	world_begin();
	whole = world.t;
	for (unsigned i = 0; i < whole.cpu_count; i++)
		if (whole.cpus[i].os_index != 5)
			world.t.cpus[kept++] = whole.cpus[i];
	world.t.cpu_count = kept;
	ck_assert_int_eq(topology_derive(&world.t, &e), 0);
	before = world.p;
	world.memory.verdicts[0] = (struct rebalance_verdict){.can_borrow = true, .wants = 16};
	world.memory.verdicts[1] = (struct rebalance_verdict){.can_lend = true};
	ck_assert_int_eq(rebalance_decide(&before, &world.t, &world.policy, world.memory.verdicts,
					  &world.memory.decisions, &world.p),
			 1);
	ck_loans("1>0:4,6-7");
	add_step();
	ck_assert_msg(replay(text, size, &whole) == 0, "%s", e.msg);
	ck_assert_uint_eq(result.same, 1);
}
END_TEST

START_TEST(another_machine)
{
	static struct topology other;

	small_file();
	machine_regular(
		&(struct machine_shape){.packages = 1, .nodes = 1, .l3s = 1, .cores = 12, .smt = 1},
		&other);
	ck_assert_int_lt(replay(text, size, &other), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_msg(strstr(e.msg, "line 2: CPUs 12-15 are not there"), "%s", e.msg);
	/* CPUs 0 and 8 are one core there. */
	machine_regular(
		&(struct machine_shape){.packages = 1, .nodes = 1, .l3s = 1, .cores = 8, .smt = 2},
		&other);
	ck_assert_int_lt(replay(text, size, &other), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_msg(strstr(e.msg, "line 2: CPUs 0 and 8 are one core"), "%s", e.msg);
}
END_TEST

/* Cut short at every byte of its last line: a warning. A broken line before the end: an error. */
START_TEST(files_that_are_cut)
{
	cleanup_free char *broken = NULL;
	size_t last;

	small_file();
	last = size - 1;
	while (text[last - 1] != '\n')
		last--;
	for (size_t cut = last + 1; cut < size - 1; cut += 37) {
		ck_assert_msg(replay(text, cut, &world.t) == 0, "%zu: %s", cut, e.msg);
		ck_assert_uint_eq(result.steps, 1);
		ck_assert_uint_eq(result.cut_line, 3);
	}
	ck_assert_int_eq(replay(text, size - 1, &world.t), 0); /* only the newline is missing */
	ck_assert_uint_eq(result.steps, 2);
	ck_assert_uint_eq(result.cut_line, 0);
	ck_assert_int_eq(replay(text, 0, &world.t), 0);
	ck_assert_uint_eq(result.steps, 0);
	broken = edited("\"at_ns\":", "\"at\":");
	ck_assert_int_lt(replay(broken, strlen(broken), &world.t), 0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_str_eq(e.msg, "line 3: inputs: at_ns: an integer is expected");
}
END_TEST

/* Pieces of lines that a full disk has left, wherever they are, stop nothing. */
START_TEST(torn_lines_are_passed_by)
{
	cleanup_free char *whole = NULL, *torn = NULL;
	const char *first, *second;

	small_file();
	whole = strdup(text);
	first = strchr(whole, '\n') + 1;
	second = strchr(first, '\n') + 1;
	ck_assert_int_gt(asprintf(&torn, "%.*s{\"time\":\"20\n\n%.*s{\n%s%.50s%s",
				  (int)(first - whole), whole, (int)(second - first), first, second,
				  first, second),
			 0);
	ck_assert_msg(replay(torn, strlen(torn), &world.t) == 0, "%s", e.msg);
	ck_assert_uint_eq(result.steps, 2);
	ck_assert_uint_eq(result.same, 2);
	ck_assert_uint_eq(result.torn_count, 4);
	ck_assert_uint_eq(result.torn_lines[0], 2);
	ck_assert_uint_eq(result.torn_lines[1], 3);
	ck_assert_uint_eq(result.torn_lines[2], 5);
	ck_assert_uint_eq(result.torn_lines[3], 7); /* its end is the next one's beginning */
	ck_assert_int_lt(replay("no event\n", 9, &world.t), 0);
}
END_TEST

TEST_MAIN("replay", test_case("replay", histories_are_as_recorded, differences_are_told,
			      a_cpu_that_was_offline, another_machine, files_that_are_cut,
			      torn_lines_are_passed_by))
