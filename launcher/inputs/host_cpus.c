/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/host_cpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "containers/proc/control_file.h"

enum { COMMAND_LINE = 65536 };

static struct cpuset read_list(int root, const char *path)
{
	struct cpuset out;

	/* Kernels without NO_HZ_FULL have no such file, others write "(null)" for no CPU at all. */
	if (control_read_cpuset(root, path, &out, &(struct err){0}) < 0)
		return (struct cpuset){0};
	return out;
}

/* ---- the kernel's command line: Documentation/admin-guide/kernel-parameters.rst ---- */

/* A number, or "N" for the last CPU. */
static bool read_number(const char **at, unsigned last, unsigned *out)
{
	char *end;
	unsigned long number;

	if (**at == 'N' || **at == 'n') {
		*out = last;
		++*at;
		return true;
	}
	if (**at < '0' || **at > '9')
		return false;
	number = strtoul(*at, &end, 10);
	*at = end;
	*out = number < CPUSET_MAX ? (unsigned)number : CPUSET_MAX;
	return true;
}

/* One of "4", "0-3", "0-7:1/2" (the first of every two) and "all". */
static bool add_piece(const char *at, unsigned last, struct cpuset *out)
{
	unsigned first, end, used = 1, group = 1;

	if (!strcasecmp(at, "all")) {
		first = 0;
		end = last;
	} else {
		if (!read_number(&at, last, &first))
			return false;
		end = first;
		if (*at == '-' && (at++, !read_number(&at, last, &end)))
			return false;
		if (*at == ':' && (at++, !read_number(&at, last, &used) || *at++ != '/' ||
						 !read_number(&at, last, &group)))
			return false;
		if (*at || end < first || !used || used > group)
			return false;
	}
	for (unsigned cpu = first; cpu <= end && cpu <= last; cpu++)
		if ((cpu - first) % group < used)
			cpuset_add(out, cpu);
	return true;
}

/* "-" and "_" are the same in names. */
static bool is_parameter(const char *word, size_t length, const char *name)
{
	if (length != strlen(name))
		return false;
	for (size_t i = 0; i < length; i++)
		if ((word[i] == '-' ? '_' : word[i]) != name[i])
			return false;
	return true;
}

struct cpuset host_cpus_rcu_nocbs(char *command_line, const struct cpuset *possible)
{
	struct cpuset found = {0}, list;
	char *word, *piece;
	unsigned last = 0;

	cpuset_for_each(cpu, possible) last = cpu;
	while ((word = strsep(&command_line, " \t\n")) && strcmp(word, "--") != 0) {
		char *value;
		bool is_list = true;

		word += *word == '"';
		value = strchrnul(word, '=');
		if (!is_parameter(word, (size_t)(value - word), "rcu_nocbs"))
			continue;
		value += *value == '=';
		value += *value == '"';
		value[strcspn(value, "\"")] = '\0';
		list = *value ? (struct cpuset){0} : *possible;
		value = *value ? value : NULL;
		while (is_list && (piece = strsep(&value, ",")))
			is_list = add_piece(piece, last, &list);
		if (is_list)
			found = cpuset_and(&list, possible);
	}
	return found;
}

void host_cpus_read(int root, const char *unified, struct topology *t)
{
	struct cpuset possible = read_list(root, "sys/devices/system/cpu/possible"), more;
	char text[COMMAND_LINE], path[CONTROL_PATH];

	t->isolated = read_list(root, "sys/devices/system/cpu/isolated");
	t->nohz_full = read_list(root, "sys/devices/system/cpu/nohz_full");
	t->rcu_nocbs = (struct cpuset){0};
	if (control_read(root, "proc/cmdline", text, sizeof(text), &(struct err){0}) >= 0)
		t->rcu_nocbs = host_cpus_rcu_nocbs(text, &possible);
	if (!*unified)
		return;
	/* CPUs of isolated partitions; only the root group has the file. */
	snprintf(path, sizeof(path), "%s/cpuset.cpus.isolated", unified + strspn(unified, "/"));
	more = read_list(root, path);
	t->isolated = cpuset_or(&t->isolated, &more);
}
