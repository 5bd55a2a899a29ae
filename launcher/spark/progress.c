#include "launcher/spark/progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"

enum {
	TICK_MS = 500, /* two questions a second cost the Master nothing that shows */
	/* Giving up early would make the driver log a broken pipe on the application's stderr. */
	ANSWER_MS = 60 * 1000,
	BAR = 20,     /* characters */
	ROWS_MIN = 4, /* a smaller terminal keeps all of its rows */
	LINE = 512,
};

struct progress {
	struct rest *rest;
	char master[PROFILE_WORD + 32], mark[64];
	char app[128];		     /* "" until it is found */
	char others[REST_APPS][128]; /* applications that are not ours */
	unsigned other_count, turn;
	char asked[128]; /* whose environment is under way */
	bool waiting;	 /* for an answer */
	int64_t next_ms;
	int fd;
	unsigned short rows;	   /* of the terminal while the last one is ours, else 0 */
	struct master_state state; /* 120 KB */
	struct stages stages;
};

/* ---- text */

static size_t columns_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* End the text after `columns` characters. */
static void cut(char *text, size_t columns)
{
	for (; *text; text++) {
		if (((unsigned char)*text & 0xc0) == 0x80)
			continue;
		if (!columns--) {
			*text = '\0';
			return;
		}
	}
}

/* The stage that most tasks run of; the first of equals. */
static const struct stage *busiest(const struct stages *s)
{
	const struct stage *best = s->stages;

	for (unsigned i = 1; i < s->count; i++)
		if (s->stages[i].active > best->active ||
		    (s->stages[i].active == best->active && s->stages[i].id < best->id))
			best = &s->stages[i];
	return best;
}

static void append(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

char *progress_format(const struct stages *stages, unsigned columns, char *text, size_t size)
{
	const struct stage *s = busiest(stages);
	unsigned done;

	text[0] = '\0';
	if (!stages->count || !s->tasks)
		return text;
	append(text, size, "stage %d: %u of %u tasks, %u running", s->id, s->completed, s->tasks,
	       s->active);
	if (s->failed)
		append(text, size, ", %u failed", s->failed);
	if (stages->count > 1)
		append(text, size, ", %u more stage%s", stages->count - 1,
		       stages->count > 2 ? "s" : "");
	if (columns_of(text) + BAR + 3 <= columns) {
		done = s->completed < s->tasks ? (unsigned)((uint64_t)BAR * s->completed / s->tasks)
					       : BAR;
		append(text, size, " [%.*s%*s]", (int)done,
		       "====================", (int)(BAR - done), "");
	}
	if (columns_of(text) + 2 < columns)
		append(text, size, " %s", s->name);
	cut(text, columns);
	return text;
}

/* ---- the terminal: the last row is taken out of the scrolling region (DECSTBM), as apt does it */

static void put(const struct progress *p, const char *text)
{
	/* A terminal that does not take it shows no progress; there is nobody to tell. */
	if (write(p->fd, text, strlen(text)) < 0)
		return;
}

static void row_release(struct progress *p)
{
	char text[64];

	if (!p->rows)
		return;
	/* Whole screen, erase our row, put the cursor back. */
	snprintf(text, sizeof(text), "\0337\033[r\033[%u;1H\033[K\0338", (unsigned)p->rows);
	put(p, text);
	p->rows = 0;
}

/* Take the last row, or take it anew after the window changed. Return its width, 0 if there is none. */
static unsigned row_take(struct progress *p)
{
	struct winsize w;
	char text[64];

	if (p->fd < 0 || ioctl(p->fd, TIOCGWINSZ, &w) < 0 || w.ws_row < ROWS_MIN || !w.ws_col)
		return 0;
	if (p->rows == w.ws_row)
		return w.ws_col;
	row_release(p);
	/* One line feed makes sure that the cursor is not on the row we take. */
	snprintf(text, sizeof(text), "\n\0337\033[1;%ur\0338\033[1A", (unsigned)w.ws_row - 1);
	put(p, text);
	p->rows = w.ws_row;
	return w.ws_col;
}

static void draw(struct progress *p)
{
	char line[LINE], text[LINE + 64];
	unsigned columns;

	if (!p->stages.count && !p->rows)
		return; /* nothing yet: leave the terminal as it is */
	columns = row_take(p);
	if (!columns)
		return;
	progress_format(&p->stages, columns < LINE / 4 ? columns - 1 : LINE / 4, line,
			sizeof(line));
	snprintf(text, sizeof(text), "\0337\033[%u;1H\033[K%s\0338", (unsigned)p->rows, line);
	put(p, text);
}

/* ---- questions and answers, one at a time */

static void ask(struct progress *p, const char *url, rest_answer *answer)
{
	struct err ignored; /* without an answer there is no progress to show */

	p->waiting = rest_get(p->rest, url, ANSWER_MS, answer, p, &ignored) == 0;
}

static bool is_other(const struct progress *p, const char *app)
{
	for (unsigned i = 0; i < p->other_count; i++)
		if (strcmp(p->others[i], app) == 0)
			return true;
	return false;
}

static void on_environment(void *context, int status, const char *body, size_t size)
{
	struct progress *p = context;
	char mark[sizeof(p->mark)];
	struct err why;
	int failed;

	p->waiting = false;
	if (status != 200)
		return;
	failed = application_property_parse(body, size, "spark.cleave.run", mark, sizeof(mark),
					    &why);
	if (failed == -EBADMSG)
		return; /* "Spark is starting up", with status 200: asked again */
	if (!failed && strcmp(mark, p->mark) == 0)
		memcpy(p->app, p->asked, sizeof(p->app));
	else if (p->other_count < REST_APPS)
		memcpy(p->others[p->other_count++], p->asked, sizeof(p->asked));
}

static void on_master(void *context, int status, const char *body, size_t size)
{
	struct progress *p = context;
	struct err ignored; /* asked again */
	char url[sizeof(p->master) + 2 * sizeof(p->app) + 64];

	p->waiting = false;
	if (status != 200 || master_state_parse(body, size, &p->state, &ignored))
		return;
	/* Another one each time, so that one that does not answer hides none. */
	p->turn++;
	for (unsigned i = 0; i < p->state.app_count; i++) {
		const char *app = p->state.apps[(p->turn + i) % p->state.app_count];

		if (is_other(p, app))
			continue;
		memcpy(p->asked, app, sizeof(p->asked));
		snprintf(url, sizeof(url), "%s/proxy/%s/api/v1/applications/%s/environment",
			 p->master, p->asked, p->asked);
		ask(p, url, on_environment);
		return;
	}
}

static void on_stages(void *context, int status, const char *body, size_t size)
{
	struct progress *p = context;
	struct err ignored;

	p->waiting = false;
	if (status != 200 || stages_parse(body, size, &p->stages, &ignored))
		p->stages.count = 0; /* the driver is about to end */
	draw(p);
}

static void ask_next(struct progress *p)
{
	char url[sizeof(p->master) + 2 * sizeof(p->app) + 96];

	if (!p->app[0]) {
		snprintf(url, sizeof(url), "%s/json/", p->master);
		ask(p, url, on_master);
		return;
	}
	snprintf(url, sizeof(url),
		 "%s/proxy/%s/api/v1/applications/%s/stages?status=active&details=false", p->master,
		 p->app, p->app);
	ask(p, url, on_stages);
}

int progress_open(const char *master, const char *mark, int fd, struct progress **out,
		  struct err *e)
{
	const char *term = getenv("TERM");
	struct progress *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	p->fd = fd >= 0 && isatty(fd) && term && strcmp(term, "dumb") != 0 ? fd : -1;
	if (string_copy(p->master, master) || string_copy(p->mark, mark)) {
		free(p);
		return err_set(e, -ENAMETOOLONG, "the Master's address %s is too long", master);
	}
	if (rest_open(&p->rest, e)) {
		free(p);
		return e->code;
	}
	*out = p;
	return 0;
}

void progress_close(struct progress *p)
{
	if (!p)
		return;
	row_release(p);
	rest_close(p->rest);
	free(p);
}

int progress_turn(void *progress, struct pollfd *fds, unsigned count, struct err *e)
{
	struct progress *p = progress;
	int64_t now = (int64_t)(clock_now_ns() / CLOCK_MS);

	if (p->fd < 0)
		return rest_turn(p->rest, fds, count, -1, e);
	if (now >= p->next_ms) {
		p->next_ms = now + TICK_MS;
		if (!p->waiting)
			ask_next(p);
	}
	return rest_turn(p->rest, fds, count, (int)(p->next_ms - now), e);
}
