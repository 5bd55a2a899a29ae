/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/base/size_text.h"
#include "decision/engine/plan_make.h"
#include "launcher/show/picture.h"
#include "launcher/show/table.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

#include <stdlib.h>
#include <string.h>

static struct topology t;
static struct profile profile;
static struct plan plan;

static void decide(void)
{
	struct facts facts = {0};
	struct err e = {0};

	ck_assert_msg(plan_make(&t, &profile, &facts, &plan, &e) == 0, "%s", e.msg);
}

static char *draw(unsigned width, unsigned colours)
{
	struct picture_style style = {.width = width, .utf8 = false, .colours = colours};
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	ck_assert_int_eq(picture_print(&plan, &t, &style, to), 0);
	fclose(to);
	return text;
}

START_TEST(two_sockets_side_by_side)
{
	static const char expected[] =
		"+ socket 0 --------+ + socket 1 --------+\n"
		"| node 0           | | node 1           |\n"
		"| ## 00 00         | | 11 11 11         |\n"
		"| 00 00 00         | | 11 11 11         |\n"
		"+------------------+ +------------------+\n"
		"one mark is a CPU: 01 slices  # reserved for the host group\n";
	const struct machine_shape shape = {2, 1, 2, 3, 2, UINT64_C(64) << 30};
	char *text;

	machine_regular(&shape, &t);
	profile_default(&profile);
	profile.partition.by = BY_SOCKET;
	decide();
	text = draw(80, 0);
	ck_assert_str_eq(text, expected);
	free(text);
}
END_TEST

START_TEST(a_lent_cpu_keeps_its_mark_on_the_borrowers_colour)
{
	const struct machine_shape shape = {2, 1, 1, 2, 1, UINT64_C(64) << 30};
	char *text;

	machine_regular(&shape, &t);
	profile_default(&profile);
	profile.partition.by = BY_SOCKET;
	decide();
	plan.loans[plan.loan_count++] = (struct loan){
		.from = 1, .to = 0, .mode = LOANS_SHARED, .cpus = topology_core_cpus(&t, 3)};
	text = draw(80, 256);
	ck_assert_ptr_nonnull(strstr(text, "\033[30;48;5;39m0\033[0m"));
	ck_assert_ptr_nonnull(strstr(text, "\033[30;48;5;208m1\033[0m \033[30;48;5;39m1\033[0m"));
	free(text);
}
END_TEST

/* The cells of a picture: what stands between the bars of lines that are not a node's name. */
static unsigned count_cells(const char *text)
{
	unsigned cells = 0;
	bool inside = false, title = false;

	for (const char *p = text; *p && strncmp(p, "one mark", 8) != 0; p++) {
		if (*p == '\n') {
			inside = false;
		} else if (*p == '|') {
			inside = !inside;
			title = inside && !strncmp(p, "| node", 6);
		} else if (inside && !title && *p != ' ') {
			cells++;
		}
	}
	return cells;
}

static void check_width(const char *text, unsigned width, const char *name)
{
	for (const char *line = text; *line && strncmp(line, "one mark", 8) != 0;) {
		size_t length = strcspn(line, "\n");

		ck_assert_msg(length <= width, "%s: a line of %zu columns, not %u", name, length,
			      width);
		line += length + 1;
	}
}

START_TEST(every_cpu_is_one_cell_and_lines_fit_the_width)
{
	static const unsigned widths[] = {40, 80, 200};

	for (const char *const *name = machine_names; *name; name++) {
		machine_named(*name, &t);
		profile_default(&profile);
		decide();
		for (size_t i = 0; i < 3; i++) {
			char *text = draw(widths[i], 0);
			unsigned cells = count_cells(text);

			check_width(text, widths[i], *name);
			if (t.cpu_count <= 512)
				ck_assert_msg(cells == t.cpu_count, "%s: %u cells for %u CPUs",
					      *name, cells, t.cpu_count);
			else
				ck_assert_msg(cells <= 512, "%s: %u cells", *name, cells);
			free(text);
		}
	}
}
END_TEST

START_TEST(random_machines_are_drawn_without_harm)
{
	struct facts facts = {0};
	struct err e = {0};

	for (unsigned long seed = test_seed(), end = seed + 200; seed < end; seed++) {
		unsigned long long state = seed;
		char *text;

		machine_random(&state, &t);
		profile_random(&state, &t, &profile);
		if (plan_make(&t, &profile, &facts, &plan, &e) < 0)
			continue;
		text = draw(20 + random_below(&state, 200), 8);
		ck_assert_msg(strstr(text, "socket 0") != NULL, "seed %lu", seed);
		free(text);
	}
}
END_TEST

START_TEST(marks_are_all_different)
{
	for (unsigned a = 0; a < SLICES_MAX; a++)
		for (unsigned b = 0; b < a; b++)
			ck_assert_int_ne(picture_mark(a), picture_mark(b));
}
END_TEST

START_TEST(sizes_are_rounded_down)
{
	ck_assert_str_eq(SIZE_STRING(0), "0");
	ck_assert_str_eq(SIZE_STRING(1), "1 B");
	ck_assert_str_eq(SIZE_STRING(1023), "1023 B");
	ck_assert_str_eq(SIZE_STRING(1536), "1.5 KB");
	ck_assert_str_eq(SIZE_STRING(UINT64_C(64) << 30), "64 GB");
	ck_assert_str_eq(SIZE_STRING((UINT64_C(2) << 30) - 1), "1.9 GB");
	ck_assert_str_eq(SIZE_STRING((UINT64_C(200) << 20) + (1 << 19)), "200 MB");
	ck_assert_str_eq(SIZE_STRING(UINT64_MAX), "15.9 EB");
}
END_TEST

START_TEST(tables_are_aligned_and_have_no_trailing_blanks)
{
	static const char *const titles[] = {"name", ">n", "what", NULL};
	struct table table;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	table_init(&table, titles);
	table_add(&table, "ä");
	table_add(&table, "%d", 1234);
	table_add(&table, "x");
	table_add(&table, "longer");
	table_add(&table, "%d", 5);
	table_add(&table, "%s", "");
	ck_assert_int_eq(table_print(&table, to), 0);
	fclose(to);
	ck_assert_str_eq(text, "name       n  what\nä       1234  x\nlonger     5\n");
	free(text);
	table_release(&table);
}
END_TEST

TEST_MAIN("picture",
	  test_case("picture", two_sockets_side_by_side,
		    a_lent_cpu_keeps_its_mark_on_the_borrowers_colour,
		    every_cpu_is_one_cell_and_lines_fit_the_width,
		    random_machines_are_drawn_without_harm, marks_are_all_different),
	  test_case("text", sizes_are_rounded_down, tables_are_aligned_and_have_no_trailing_blanks))
