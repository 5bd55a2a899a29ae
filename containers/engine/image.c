/* SPDX-License-Identifier: Apache-2.0 */
/* Images: what one is, and fetching one. */
#include <errno.h>

#include "containers/engine/answer.h"
#include "containers/engine/api.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"

enum {
	PULL_MS = 3600000,
	PULL_STALL_S = 300,
	PULL_LINE = 64 << 10,
};

int image_inspect(struct engine *g, const char *name, struct image *out, struct err *e)
{
	struct api_request q = {.method = "GET", .timeout_ms = API_SOON_MS};
	cleanup_answer struct api_answer answer = {0};
	char path[API_PATH];

	q.path = path;
	if (api_path(path, e, "/images/%s/json", name) ||
	    api_call(g, &q, &answer, e, "image %s", name))
		return e->code;
	if (image_parse(answer.body, answer.size, out, e))
		return err_wrap(e, "image %s", name);
	return 0;
}

struct pull {
	void (*progress)(void *context, const char *line);
	void *context;
	struct err *e; /* says why, where the engine has given up */
	char *line;    /* of PULL_LINE */
	size_t used;
};

static int pull_line(struct pull *p)
{
	char shown[FOREIGN_TEXT];
	int r;

	p->line[p->used] = '\0';
	r = p->used ? pull_line_parse(p->line, p->used, shown, sizeof(shown), p->e) : 0;
	if (!r && p->used && p->progress)
		p->progress(p->context, shown);
	p->used = 0;
	return r;
}

/* Lines of JSON, ended by \r\n. */
static int pull_feed(void *context, const char *bytes, size_t size)
{
	struct pull *p = context;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n') {
			if (pull_line(p))
				return p->e->code;
		} else if (p->used + 1 == PULL_LINE) {
			return err_set(p->e, -EBADMSG, "a line of more than %d bytes", PULL_LINE);
		} else if (bytes[i] != '\r') {
			p->line[p->used++] = bytes[i];
		}
	}
	return 0;
}

/* Without a tag or digest the engine would fetch all there are. */
static bool has_tag(const char *name)
{
	const char *last = strrchr(name, '/');

	return strchr(name, '@') || strchr(last ? last : name, ':');
}

int image_pull(struct engine *g, const char *name, void (*progress)(void *context, const char *),
	       void *context, struct err *e)
{
	cleanup_free char *line = malloc(PULL_LINE);
	struct err why = {0};
	struct pull p = {.progress = progress, .context = context, .e = &why, .line = line};
	struct api_request q = {.method = "POST",
				.timeout_ms = PULL_MS,
				.stall_s = PULL_STALL_S,
				.feed = pull_feed,
				.context = &p};
	cleanup_answer struct api_answer answer = {0};
	char path[API_PATH];
	int r;

	if (!line)
		return err_set(e, -ENOMEM, "out of memory");
	q.path = path;
	r = api_path(path, e, "/images/create?fromImage=%s&tag=%s", name,
		     has_tag(name) ? "" : "latest");
	if (!r)
		r = api_call(g, &q, &answer, e, "image %s", name);
	if (!r)
		r = pull_line(&p); /* a last one without an end */
	if (why.code)
		return err_set(e, why.code, "image %s: %s", name, why.msg);
	return r;
}
