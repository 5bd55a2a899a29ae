/*
 * The line of the state file that says where a cluster's groups are: placement_format() and
 * placement_parse().
 */

#include <errno.h>

#include "containers/where/placement.h"
#include "decision/base/strings.h"

static const char *const kinds[] = {
	[PLACEMENT_AFFINITY] = "affinity",
	[PLACEMENT_SCOPE] = "scope",
	[PLACEMENT_CGROUP2] = "cgroup2",
	[PLACEMENT_CGROUP1] = "cgroup1",
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct writer {
	char *text;
	size_t size, used;
};

static void put(struct writer *w, const char *text)
{
	for (; *text; text++) {
		char piece[8] = {*text};

		if (strchr(" \\\n\t", *text))
			snprintf(piece, sizeof(piece), "\\%03o", (unsigned char)*text);
		for (const char *c = piece; *c; c++, w->used++)
			if (w->used < w->size)
				w->text[w->used] = *c;
	}
}

static void put_path(struct writer *w, const char *key, const char *path)
{
	if (!path[0])
		return;
	if (w->used < w->size)
		w->text[w->used] = ' ';
	w->used++;
	put(w, key);
	put(w, "=");
	put(w, path);
}

int placement_format(const struct placement *p, char *text, size_t size, struct err *e)
{
	struct writer w = {text, size, 0};

	put(&w, kinds[p->kind]);
	if (p->user_manager)
		put_path(&w, "manager", "user");
	if (p->base_is_ours)
		put_path(&w, "base", "ours");
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		if (c == CONTROLLER_CPUSET || p->kind == PLACEMENT_CGROUP1)
			put_path(&w, controller_name(c, 2), p->base[c]);
	put_path(&w, "unified", p->unified);
	if (w.used >= size)
		return err_set(e, -ENAMETOOLONG,
			       "the groups' paths need %zu bytes in the state file, %zu fit",
			       w.used, size - 1);
	text[w.used] = '\0';
	return 0;
}

/*
 * Take one blank-separated word, \ooo decoded. Return what follows it, NULL if it is too long or
 * misspelt.
 */
static const char *take_word(const char *text, char *word, size_t size)
{
	size_t used = 0;

	while (*text == ' ')
		text++;
	for (; *text && *text != ' '; text++) {
		char c = *text;

		if (c == '\\') {
			if (strspn(text + 1, "01234567") < 3)
				return NULL;
			c = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
			text += 3;
		}
		if (c == '\0' || used + 1 >= size)
			return NULL;
		word[used++] = c;
	}
	word[used] = '\0';
	return text;
}

static bool take_pair(struct placement *p, const char *word)
{
	const char *value = strchr(word, '=');
	size_t size = value ? (size_t)(value - word) : 0;

	if (!value++)
		return false;
	if (!strcmp(word, "manager=user"))
		return p->user_manager = true;
	if (!strcmp(word, "base=ours"))
		return p->base_is_ours = true;
	if (value[0] != '/' || strstr(value, "/../"))
		return false;
	if (size == 7 && !strncmp(word, "unified", 7))
		return string_copy(p->unified, value) == 0;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		const char *name = controller_name(c, 2);

		if (size == strlen(name) && !strncmp(word, name, size))
			return string_copy(p->base[c], value) == 0;
	}
	return false;
}

int placement_parse(const char *text, struct placement *out, struct err *e)
{
	struct placement p = {0};
	char word[2 * LAYOUT_PATH + 16];
	const char *rest = take_word(text, word, sizeof(word));
	unsigned kind = 0;

	while (rest && kind < KINDS && strcmp(word, kinds[kind]))
		kind++;
	if (!rest || kind == KINDS)
		return err_wrong(e, "\"%.100s\" does not say where a cluster's groups are", text);
	p.kind = (enum placement_kind)kind;
	while (*rest) {
		rest = take_word(rest, word, sizeof(word));
		if (!rest || !take_pair(&p, word))
			return err_wrong(e, "\"%.100s\" is no place of groups in \"%.200s\"", word,
					 text);
	}
	if (p.kind != PLACEMENT_AFFINITY && !p.base[CONTROLLER_CPUSET][0])
		return err_wrong(e, "\"%.200s\" names no group for cpuset", text);
	if (p.kind != PLACEMENT_CGROUP1)
		for (enum controller c = 1; c < CONTROLLER_COUNT; c++)
			memcpy(p.base[c], p.base[0], sizeof(p.base[0]));
	*out = p;
	return 0;
}
