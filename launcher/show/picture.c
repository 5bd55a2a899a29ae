/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/picture.h"

#include <errno.h>
#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>

#include "decision/base/cleanup.h"

enum {
	OWNER_HOST = SLICES_MAX,
	OWNER_NONE,
	OWNER_MIXED,	      /* a folded cell of several owners */
	CELLS_A_SCREEN = 512, /* beyond, cells are folded */
	CELLS_A_ROW = 16,
	WIDTH_LEAST = 20,
	WIDTH_DEFAULT = 80,
	TITLE_WIDTH = 16, /* "socket 4095" and the like */
};

/* What one cell stands for, and which slice it shows. */
enum fold { FOLD_NONE, FOLD_CORES, FOLD_L3S };

struct row {
	uint16_t first, count; /* cells: cores, or L3s where they are folded */
	bool title;	       /* the name of the node of core `first` instead */
};

struct picture {
	const struct plan *plan;
	const struct topology *topology;
	const struct picture_style *style;
	FILE *to;
	enum fold fold;
	unsigned cell;	/* characters of one: a core's are the threads of the core that has most */
	unsigned inner; /* columns inside a box */
	uint8_t owner[CPUSET_MAX], borrower[CPUSET_MAX];
	struct row rows[2 * TOPOLOGY_CPUS];
	unsigned row_count;
	unsigned first_row[TOPOLOGY_CPUS + 1]; /* of a package; the last: row_count */
};

bool picture_style_detect(FILE *to, struct picture_style *out)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	struct winsize size;

	if (!isatty(fileno(to)))
		return false;
	*out = (struct picture_style){.width = WIDTH_DEFAULT};
	if (ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_LEAST)
		out->width = size.ws_col;
	out->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	/* no-color.org: set and not empty */
	if (term && strcmp(term, "dumb") != 0 && !(no_color && *no_color))
		out->colours = strstr(term, "256color") || getenv("COLORTERM") ? 256 : 8;
	return true;
}

char picture_mark(unsigned slice)
{
	static const char marks[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ&@";

	return marks[slice % (sizeof(marks) - 1)];
}

void picture_colour(const struct picture_style *style, unsigned of_256, unsigned of_8, FILE *to)
{
	if (style->colours == 256)
		fprintf(to, "\033[30;48;5;%um", of_256);
	else if (style->colours)
		fprintf(to, "\033[30;4%um", of_8);
}

void picture_plain(const struct picture_style *style, FILE *to)
{
	if (style->colours)
		fputs("\033[0m", to);
}

/* ---- who owns what ---- */

static void set_owner(uint8_t owner[CPUSET_MAX], const struct cpuset *cpus, unsigned who)
{
	cpuset_for_each(cpu, cpus) owner[cpu] = (uint8_t)who;
}

/* The one owner of CPUs [first, end). Those that nobody uses beside used ones do not count. */
static unsigned owner_of(const struct picture *pic, const uint8_t owner[CPUSET_MAX], unsigned first,
			 unsigned end)
{
	unsigned found = OWNER_NONE;

	for (unsigned cpu = first; cpu < end; cpu++) {
		unsigned who = owner[pic->topology->cpus[cpu].os_index];

		if (who == OWNER_NONE || who == found)
			continue;
		if (found != OWNER_NONE)
			return OWNER_MIXED;
		found = who;
	}
	return found;
}

/* ---- layout ---- */

/* Cells [first, end), as even rows of at most CELLS_A_ROW characters: 15 cells are 8 and 7. */
static void add_rows(struct picture *pic, unsigned first, unsigned end)
{
	unsigned room = pic->style->width > 4 + 1 ? pic->style->width - 4 : 1;
	unsigned cell = pic->cell, most = CELLS_A_ROW / cell, count = end - first, rows, each;

	if (most * (cell + 1) > room)
		most = room / (cell + 1);
	most = most > 0 ? most : 1;
	rows = (count + most - 1) / most;
	each = (count + rows - 1) / rows;
	if (each * (cell + 1) - 1 > pic->inner)
		pic->inner = each * (cell + 1) - 1;
	for (; first < end; first += each)
		pic->rows[pic->row_count++] =
			(struct row){(uint16_t)first,
				     (uint16_t)(end - first < each ? end - first : each), false};
}

/*
 * The cores of one package: a title for each node, its cells below, each L3 beginning a row where
 * that is not one core.
 */
static void lay_out_cores(struct picture *pic, struct topology_span package)
{
	const struct topology *t = pic->topology;
	unsigned end = (unsigned)package.first + package.count, next;

	for (unsigned core = package.first; core < end; core = next) {
		const struct topology_core *c = &t->cores[core];

		if (core == package.first || c->numa != t->cores[core - 1].numa)
			pic->rows[pic->row_count++] = (struct row){(uint16_t)core, 1, true};
		for (next = core + 1; next < end && t->cores[next].numa == c->numa &&
				      (t->cores[next].l3 == c->l3 || t->l3s[c->l3].count == 1);)
			next++;
		add_rows(pic, core, next);
	}
}

static void lay_out(struct picture *pic)
{
	const struct topology *t = pic->topology;

	if (t->cpu_count > CELLS_A_SCREEN)
		pic->fold = t->core_count <= CELLS_A_SCREEN ? FOLD_CORES : FOLD_L3S;
	pic->cell = 1;
	for (unsigned i = 0; i < t->core_count && pic->fold == FOLD_NONE; i++)
		pic->cell = t->cores[i].cpus > pic->cell ? t->cores[i].cpus : pic->cell;
	pic->inner = TITLE_WIDTH;
	for (unsigned i = 0; i < t->package_count; i++) {
		struct topology_span cores = t->packages[i];

		pic->first_row[i] = pic->row_count;
		if (pic->fold == FOLD_L3S)
			add_rows(pic, t->cores[cores.first].l3,
				 t->cores[cores.first + cores.count - 1].l3 + 1u);
		else
			lay_out_cores(pic, cores);
	}
	pic->first_row[t->package_count] = pic->row_count;
}

/* ---- drawing ---- */

static void draw_symbol(const struct picture *pic, unsigned who, unsigned colour)
{
	/* Of xterm's 256: neighbours far apart, and black text reads on all of them. */
	static const unsigned char palette[] = {39,  208, 78,  213, 220, 141, 80,  203,
						150, 180, 111, 170, 185, 116, 217, 72};

	if (colour < SLICES_MAX)
		picture_colour(pic->style, palette[colour % sizeof(palette)], 1 + colour % 6,
			       pic->to);
	if (who == OWNER_NONE)
		fputs(pic->style->utf8 ? "·" : ".", pic->to);
	else
		fputc(who == OWNER_HOST	   ? '#'
		      : who == OWNER_MIXED ? '+'
					   : picture_mark(who),
		      pic->to);
	if (colour < SLICES_MAX)
		picture_plain(pic->style, pic->to);
}

static void draw_cell(const struct picture *pic, unsigned cell)
{
	const struct topology *t = pic->topology;
	struct topology_span cores = {(uint16_t)cell, 1};
	const struct topology_core *last;
	unsigned first, end, step;

	if (pic->fold == FOLD_L3S)
		cores = t->l3s[cell];
	last = &t->cores[cores.first + cores.count - 1];
	first = t->cores[cores.first].first_cpu;
	end = last->first_cpu + last->cpus;
	step = pic->fold == FOLD_NONE ? 1 : end - first;
	for (unsigned cpu = first; cpu < end; cpu += step)
		draw_symbol(pic, owner_of(pic, pic->owner, cpu, cpu + step),
			    owner_of(pic, pic->borrower, cpu, cpu + step));
	if (pic->fold == FOLD_NONE)
		fprintf(pic->to, "%*s", (int)(pic->cell - (end - first)), "");
}

static void draw_row(const struct picture *pic, const struct row *row)
{
	const struct topology *t = pic->topology;

	if (row->title) {
		struct cpuset nodes =
			topology_node_ids(t, t->numa[t->cores[row->first].numa].nodes);
		char text[TITLE_WIDTH + 1];

		snprintf(text, sizeof(text), "node%s %s", cpuset_count(&nodes) > 1 ? "s" : "",
			 CPUSET_STRING(&nodes));
		fprintf(pic->to, "%-*s", (int)pic->inner, text);
		return;
	}
	for (unsigned i = 0; i < row->count; i++) {
		if (i > 0)
			fputc(' ', pic->to);
		draw_cell(pic, row->first + i);
	}
	fprintf(pic->to, "%*s", (int)(pic->inner + 1 - row->count * (pic->cell + 1)), "");
}

/* Line `line` of a box; 0 is its upper edge. Boxes of a row are equally high. */
static void draw_line(const struct picture *pic, unsigned package, unsigned line, unsigned height)
{
	bool utf8 = pic->style->utf8, is_top = line == 0;
	unsigned row = pic->first_row[package] + line - 1;
	const char *bar = utf8 ? "│" : "|";
	int title = 0;

	if (!is_top && line <= height) {
		fprintf(pic->to, "%s ", bar);
		if (row < pic->first_row[package + 1])
			draw_row(pic, &pic->rows[row]);
		else
			fprintf(pic->to, "%*s", (int)pic->inner, "");
		fprintf(pic->to, " %s", bar);
		return;
	}
	fputs(!utf8 ? "+" : is_top ? "┌" : "└", pic->to);
	if (is_top)
		title = fprintf(pic->to, " socket %u ", package);
	for (int i = title; i < (int)pic->inner + 2; i++)
		fputs(utf8 ? "─" : "-", pic->to);
	fputs(!utf8 ? "+" : is_top ? "┐" : "┘", pic->to);
}

static void draw_boxes(const struct picture *pic)
{
	unsigned count = pic->topology->package_count;
	unsigned fitting = (pic->style->width + 1) / (pic->inner + 5);
	unsigned across = fitting > 0 ? fitting : 1;

	for (unsigned first = 0; first < count; first += across) {
		unsigned end = first + across < count ? first + across : count, height = 0;

		for (unsigned i = first; i < end; i++)
			if (pic->first_row[i + 1] - pic->first_row[i] > height)
				height = pic->first_row[i + 1] - pic->first_row[i];
		for (unsigned line = 0; line <= height + 1; line++) {
			for (unsigned i = first; i < end; i++) {
				if (i > first)
					fputc(' ', pic->to);
				draw_line(pic, i, line, height);
			}
			fputc('\n', pic->to);
		}
	}
}

static void draw_legend(const struct picture *pic)
{
	static const char *const cells[] = {"a CPU", "a core", "an L3 cache"};
	const struct plan *p = pic->plan;

	fprintf(pic->to, "one mark is %s: ", cells[pic->fold]);
	for (unsigned i = 0; i < p->slice_count; i++)
		draw_symbol(pic, i, i);
	fprintf(pic->to, " slice%s", p->slice_count == 1 ? "" : "s");
	if (!cpuset_is_empty(&p->host.cpus))
		fputs("  # reserved for the host group", pic->to);
	if (p->unused_count > 0)
		fprintf(pic->to, "  %s unused", pic->style->utf8 ? "·" : ".");
	if (pic->fold == FOLD_L3S)
		fputs("  + several", pic->to);
	fputc('\n', pic->to);
}

int picture_print(const struct plan *p, const struct topology *t, const struct picture_style *style,
		  FILE *to)
{
	cleanup_free struct picture *pic = calloc(1, sizeof(*pic));

	if (!pic)
		return -ENOMEM;
	pic->plan = p;
	pic->topology = t;
	pic->style = style;
	pic->to = to;
	memset(pic->owner, OWNER_NONE, sizeof(pic->owner));
	set_owner(pic->owner, &p->host.cpus, OWNER_HOST);
	for (unsigned i = 0; i < p->slice_count; i++)
		set_owner(pic->owner, &p->slices[i].cpus, i);
	memcpy(pic->borrower, pic->owner, sizeof(pic->owner));
	for (unsigned i = 0; i < p->loan_count; i++)
		set_owner(pic->borrower, &p->loans[i].cpus, p->loans[i].to);
	lay_out(pic);
	draw_boxes(pic);
	draw_legend(pic);
	return 0;
}
