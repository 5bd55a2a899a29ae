/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are almost an export of hwloc's: each is a machine with a plan, or is refused in one
 * sentence, whatever hwloc does over it.
 */

#include <hwloc.h>
#include <string.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "decision/check/plan_check.h"
#include "decision/engine/plan_make.h"
#include "launcher/inputs/host_hwloc.h"
#include "launcher/system/confined.h"
#include "tests/harness.h"

enum { FILE_SIZE = 32 << 10, MUTANTS = 1500 };

static struct topology t;
static struct plan plan;
static struct profile profile;
static struct facts facts;

static char *export(const char *synthetic)
{
	hwloc_topology_t h;
	char *text, *copy;
	int size;

	ck_assert_int_eq(hwloc_topology_init(&h), 0);
	ck_assert_int_eq(hwloc_topology_set_synthetic(h, synthetic), 0);
	ck_assert_int_eq(hwloc_topology_load(h), 0);
	ck_assert_int_eq(hwloc_topology_export_xmlbuffer(h, &text, &size, 0), 0);
	copy = strdup(text);
	hwloc_free_xmlbuffer(h, text);
	hwloc_topology_destroy(h);
	ck_assert_ptr_nonnull(copy);
	return copy;
}

static int read_file(const char *text, struct err *e)
{
	char path[512];
	struct topology_source source = {.text = path};
	struct cpuset mask;
	FILE *file;

	snprintf(path, sizeof(path), "%s/machine.xml", test_directory());
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
	*e = (struct err){0};
	return topology_read(&source, &t, &mask, e);
}

static void must_be_a_sentence(const struct err *e, const char *what)
{
	ck_assert_msg(e->code < 0 && e->msg[0] && !strchr(e->msg, '\n'), "%s: %d '%s'", what,
		      e->code, e->msg);
	ck_assert_msg(e->exit == ERR_WRONG || e->exit == ERR_IMPOSSIBLE, "%s: exit %u: %s", what,
		      (unsigned)e->exit, e->msg);
}

/* What hwloc 2.9 dies of: this alone ended the program. */
START_TEST(a_crash_of_hwloc_is_a_sentence)
{
	cleanup_free char *text = export("pack:2 numa:1 core:2 pu:1");
	char *core = strstr(text, "type=\"Core\""), *attribute;
	struct err e;

	ck_assert_int_eq(read_file(text, &e), 0);
	attribute = strstr(core, " complete_cpuset=\"");
	ck_assert_ptr_nonnull(attribute);
	memset(attribute, ' ', strcspn(attribute + 18, "\"") + 19);
	if (read_file(text, &e) == 0)
		test_skip("hwloc " HWLOC_VERSION " reads a core without complete_cpuset");
	must_be_a_sentence(&e, "no complete_cpuset");
	ck_assert_msg(strstr(e.msg, "machine.xml' stops hwloc ") != NULL, "%s", e.msg);
	ck_assert_ptr_nonnull(strstr(e.msg, "export it again with lstopo"));
}
END_TEST

/* ---- a child that does worse than hwloc */

static void say(const void *task, void *answer)
{
	memcpy(answer, task, 4);
}

static void crash(const void *task, void *answer)
{
	(void)task;
	memcpy(answer, "bad", 4);
	raise(SIGSEGV);
}

static void take_memory(const void *task, void *answer)
{
	char *all = malloc(CONFINED_BYTES);

	(void)task;
	if (!all)
		memcpy(answer, "no", 3);
	free(all);
}

/* Open, fork, become root again: nothing of it is given. */
static void break_out(const void *task, void *answer)
{
	const char *path = task;
	FILE *file = fopen(path, "w");
	pid_t child = geteuid() == 0 ? -1 : fork();

	if (child == 0)
		_exit(0);
	if ((!file || fputs("x", file) < 0 || fclose(file) != 0) && child < 0 &&
	    write(3, "", 1) < 0)
		memcpy(answer, "no", 3);
}

START_TEST(a_child_is_bounded)
{
	char answer[4] = "";
	char path[512];
	struct err e;

	ck_assert_int_eq(confined_run(say, "yes", answer, sizeof(answer), &e), 0);
	ck_assert_str_eq(answer, "yes");
	ck_assert_int_lt(confined_run(crash, NULL, answer, sizeof(answer), &e), 0);
	ck_assert_str_eq(e.msg, "signal 11 (Segmentation fault)");
	ck_assert_str_eq(answer, "yes"); /* nothing of a child that died */
	snprintf(path, sizeof(path), "%s/by-child", test_directory());
	ck_assert_int_eq(confined_run(break_out, path, answer, sizeof(answer), &e), 0);
	ck_assert_str_eq(answer, "no");
#ifndef __SANITIZE_ADDRESS__
	memset(answer, 0, sizeof(answer));
	ck_assert_int_eq(confined_run(take_memory, NULL, answer, sizeof(answer), &e), 0);
	ck_assert_str_eq(answer, "no");
#else
	(void)take_memory;
#endif
	/* Nobody waits for what does not come, and no child is left. */
	signal(SIGCHLD, SIG_IGN);
	ck_assert_int_eq(confined_run(say, "yes", answer, sizeof(answer), &e), 0);
	ck_assert_str_eq(answer, "yes");
	signal(SIGCHLD, SIG_DFL);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

/* ---- mutations of a file: text in, text out */

static size_t below(unsigned long long *state, size_t limit)
{
	return limit ? (size_t)(test_random(state) % limit) : 0;
}

static void replace(char *text, char *at, size_t length, const char *by)
{
	const size_t size = strlen(by), tail = strlen(at + length) + 1;

	if ((size_t)(at - text) + size + tail > FILE_SIZE)
		return;
	memmove(at + size, at + length, tail);
	memcpy(at, by, size);
}

static void change_attribute(char *text, unsigned long long *state)
{
	static const char *const values[] = {"0",	   "1",
					     "-1",	   "4294967295",
					     "4294967296", "18446744073709551615",
					     "0x00000000", "0xffffffff,0xffffffff",
					     "0xf...f",	   "",
					     "PU",	   "NUMANode",
					     "Machine",	   "Core"};
	char *at = strstr(text + below(state, strlen(text)), "=\"");
	char *begin = at, *end = at ? strchr(at + 2, '"') : NULL;

	if (!end)
		return;
	if (test_random(state) % 2) {
		replace(text, at + 2, (size_t)(end - at - 2),
			values[below(state, sizeof(values) / sizeof(*values))]);
		return;
	}
	while (begin > text && *begin != ' ')
		begin--;
	replace(text, begin, (size_t)(end + 1 - begin), "");
}

/* A line is an element's begin, end, or all of it: taken out, put in again elsewhere, or both. */
static void move_line(char *text, unsigned long long *state)
{
	char *at = strchr(text + below(state, strlen(text)), '\n');
	char *end = at ? strchr(at + 1, '\n') : NULL;
	cleanup_free char *line = end ? strndup(at, (size_t)(end - at)) : NULL;

	if (!line)
		return;
	if (test_random(state) % 3)
		replace(text, at, (size_t)(end - at), "");
	at = strchr(text + below(state, strlen(text)), '\n');
	if (at && test_random(state) % 3)
		replace(text, at, 0, line);
}

static void mutate(char *text, unsigned long long *state)
{
	for (size_t i = 1 + below(state, 3); i > 0; i--) {
		switch (test_random(state) % 8) {
		case 0:
			text[below(state, strlen(text))] = '\0';
			break;
		case 1:
			text[below(state, strlen(text))] ^= (char)(1 << below(state, 7));
			break;
		case 2:
		case 3:
			move_line(text, state);
			break;
		default:
			change_attribute(text, state);
		}
	}
}

START_TEST(mutants_have_a_plan_or_are_refused)
{
	static const char *const machines[] = {
		"core:2 pu:1",
		"pack:2 [numa(memory=8GB)] l3:2 core:2 pu:2",
		"group:2 pack:2 numa:2 core:1 pu:1",
	};
	char *exports[3];
	static char text[FILE_SIZE];
	unsigned plans = 0, no_plans = 0, refused = 0, stopped = 0;
	struct err e;

	profile_default(&profile);
	for (unsigned i = 0; i < 3; i++)
		exports[i] = export(machines[i]);
	for (unsigned long seed = test_seed(); seed < test_seed() + MUTANTS; seed++) {
		unsigned long long state = seed;

		ck_assert_uint_lt(strlen(exports[seed % 3]), sizeof(text));
		memcpy(text, exports[seed % 3], strlen(exports[seed % 3]) + 1);
		mutate(text, &state);
		if (read_file(text, &e) < 0) {
			must_be_a_sentence(&e, text);
			stopped += strstr(e.msg, "' stops hwloc ") != NULL;
			refused++;
		} else if (plan_make(&t, &profile, &facts, &plan, &e) < 0) {
			must_be_a_sentence(&e, text);
			no_plans++;
		} else {
			ck_assert_msg(plan_check(&plan, &t, &e) == 0, "seed %lu: %s", seed, e.msg);
			plans++;
		}
	}
	for (unsigned i = 0; i < 3; i++)
		free(exports[i]);
	printf("%d mutants: %u plans, %u without a plan, %u refused, of which hwloc was stopped "
	       "by %u\n",
	       MUTANTS, plans, no_plans, refused, stopped);
	ck_assert_uint_gt(plans, MUTANTS / 10);
	ck_assert_uint_gt(refused, MUTANTS / 10);
}
END_TEST

TEST_MAIN("foreign_machines",
	  test_case("child", a_crash_of_hwloc_is_a_sentence, a_child_is_bounded),
	  test_case("mutants", mutants_have_a_plan_or_are_refused))
