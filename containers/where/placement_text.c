/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line of the state file that says where a cluster's groups are: placement_format() and
 * placement_parse().
 */

#include <errno.h>

#include "containers/where/placement.h"
#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

static const char *const kinds[] = {
	[PLACEMENT_AFFINITY] = "affinity", [PLACEMENT_SCOPE] = "scope",
	[PLACEMENT_CGROUP2] = "cgroup2",   [PLACEMENT_CGROUP1] = "cgroup1",
	[PLACEMENT_SLICES] = "slices", /* of systemd's */
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static void put(FILE *f, const char *key, const char *path)
{
	if (path[0])
		fprintf(f, " %s=", key);
	for (; *path; path++)
		fprintf(f, strchr(" \\\n\t", *path) ? "\\%03o" : "%c", (unsigned char)*path);
}

int placement_format(const struct placement *p, char *text, size_t size, struct err *e)
{
	cleanup_free char *line = NULL;
	size_t length;
	FILE *f = open_memstream(&line, &length);

	if (!f)
		return err_errno(e, -ENOMEM, "the place of the groups");
	fputs(kinds[p->kind], f);
	put(f, "manager", p->user_manager ? "user" : "");
	put(f, "base", p->base_is_ours ? "ours" : "");
	put(f, "engine", p->engine);
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		if (c == CONTROLLER_CPUSET || p->kind == PLACEMENT_CGROUP1)
			put(f, controller_name(c, 2), p->base[c]);
	put(f, "unified", p->unified);
	if (fclose(f))
		return err_errno(e, -ENOMEM, "the place of the groups");
	if (length >= size)
		return err_set(e, -ENAMETOOLONG,
			       "the groups' paths need %zu bytes in the state file, %zu fit",
			       length, size - 1);
	memcpy(text, line, length + 1);
	return 0;
}

static bool take_pair(struct placement *p, const char *word)
{
	const char *value = strchr(word, '=');
	size_t size = value ? (size_t)(value++ - word) : 0;

	if (!value)
		return false;
	if (!strcmp(word, "manager=user"))
		return p->user_manager = true;
	if (!strcmp(word, "base=ours"))
		return p->base_is_ours = true;
	if (size == 6 && !strncmp(word, "engine", 6))
		return value[0] && string_copy(p->engine, value) == 0;
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
	char copy[PROFILE_PATH], again[PROFILE_PATH];
	char *word = copy, *next;
	unsigned kind = 0;

	if (string_copy(copy, text))
		return err_wrong(e, "\"%.100s…\" is too long for a place of groups", text);
	next = mount_field(word);
	while (kind < KINDS && strcmp(word, kinds[kind]) != 0)
		kind++;
	if (kind == KINDS)
		return err_wrong(e, "\"%.100s\" does not say where a cluster's groups are", text);
	p.kind = (enum placement_kind)kind;
	while ((word = next)) {
		next = mount_field(word);
		if (!take_pair(&p, word))
			return err_wrong(e, "\"%.100s\" is no place of groups in \"%.200s\"", word,
					 text);
	}
	if (p.kind != PLACEMENT_AFFINITY && !p.base[CONTROLLER_CPUSET][0])
		return err_wrong(e, "\"%.200s\" names no group for cpuset", text);
	if (p.kind != PLACEMENT_CGROUP1)
		for (enum controller c = 1; c < CONTROLLER_COUNT; c++)
			memcpy(p.base[c], p.base[0], sizeof(p.base[0]));
	/* What is misspelt reads as something else than was written. */
	if (placement_format(&p, again, sizeof(again), e) < 0 || strcmp(text, again) != 0)
		return err_wrong(e, "\"%.200s\" is not how a place of groups is written", text);
	*out = p;
	return 0;
}
