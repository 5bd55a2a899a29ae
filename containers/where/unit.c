/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/where/unit.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "containers/where/layout.h"
#include "decision/base/strings.h"

/* ---- names */

static const char *const prefixes[] = {"system-cleave_", "app-cleave_"}; /* [of a user's manager] */
#define SUFFIX ".slice"

static void replace(char *text, char from, char to)
{
	for (; *text; text++)
		if (*text == from)
			*text = to;
}

char *unit_of_cluster(const char *cluster, bool user_manager, char unit[UNIT_NAME])
{
	char name[NAME_MAX_BYTES + 1];

	snprintf(name, sizeof(name), "%s", cluster);
	replace(name, '-', '_');
	snprintf(unit, UNIT_NAME, "%s%s" SUFFIX, prefixes[user_manager], name);
	return unit;
}

char *unit_of_group(const char *cluster, bool user_manager, const char *group, char unit[UNIT_NAME])
{
	bool is_slice = !strncmp(group, "slice-", 6);
	size_t size = strlen(unit_of_cluster(cluster, user_manager, unit)) - strlen(SUFFIX);

	snprintf(unit + size, UNIT_NAME - size, "-%s%.*s" SUFFIX, is_slice ? "s" : "",
		 NAME_MAX_BYTES, is_slice ? group + 6 : group);
	return unit;
}

bool unit_parse(const char *unit, char cluster[NAME_MAX_BYTES + 1], char group[NAME_MAX_BYTES + 1])
{
	bool user_manager = !strncmp(unit, prefixes[1], strlen(prefixes[1]));
	const char *prefix = prefixes[user_manager], *name = unit + strlen(prefix), *word = NULL;
	char again[UNIT_NAME];
	size_t size;

	if (strncmp(unit, prefix, strlen(prefix)) || strlen(unit) >= sizeof(again))
		return false;
	size = strcspn(name, "-.");
	if (size > NAME_MAX_BYTES)
		return false;
	snprintf(cluster, NAME_MAX_BYTES + 1, "%.*s", (int)size, name);
	replace(cluster, '_', '-');
	group[0] = '\0';
	unit_of_cluster(cluster, user_manager, again);
	if (name[size] == '-') {
		bool is_slice;

		word = name + size + 1;
		is_slice = word[0] == 's' && isdigit((unsigned char)word[1]);
		word += is_slice;
		snprintf(group, NAME_MAX_BYTES + 1, "%s%.*s", is_slice ? "slice-" : "",
			 (int)strcspn(word, "."), word);
		unit_of_group(cluster, user_manager, group, again);
	}
	/* What is misspelt reads as something else than was written. */
	return profile_name_is_valid(cluster) && !strcmp(again, unit) &&
	       (!word || group_name_is_ours(group));
}

/* ---- commands */

static void add(struct unit_command *out, const char *word)
{
	if (out->count + 1 < UNIT_WORDS)
		out->argv[out->count++] = word;
	out->argv[out->count] = NULL;
}

static void __attribute__((format(printf, 2, 3)))
add_text(struct unit_command *out, const char *format, ...)
{
	size_t room = sizeof(out->text) - out->used;
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(out->text + out->used, room, format, args);
	va_end(args);
	if (size < 0 || (size_t)size >= room)
		return;
	add(out, out->text + out->used);
	out->used += (size_t)size + 1;
}

/* A property of a type in busctl's signatures, and the first word of its value. */
static void add_property(struct unit_command *out, const char *name, const char *type,
			 const char *word)
{
	add(out, name);
	add(out, type);
	add(out, word);
	out->properties++;
}

static void add_number(struct unit_command *out, const char *name, uint64_t value)
{
	add(out, name);
	add(out, "t");
	add_text(out, "%" PRIu64, value);
	out->properties++;
}

/* A cpuset as systemd has it on the bus: bytes, the lowest bit of the first is index 0. */
static void add_cpuset(struct unit_command *out, const char *name, const struct cpuset *set)
{
	unsigned bytes = 0;

	for (unsigned i = 0; i < CPUSET_MAX; i++)
		if (cpuset_has(set, i))
			bytes = i / 8 + 1;
	add(out, name);
	add(out, "ay");
	add_text(out, "%u", bytes);
	for (unsigned i = 0; i < bytes; i++)
		add_text(out, "%u", (unsigned)(set->words[i / 8] >> i % 8 * 8 & 0xff));
	out->properties++;
}

static void add_device(struct unit_command *out, const struct profile_io *io)
{
	const struct {
		const char *name;
		uint64_t value;
	} limits[] = {{"IOReadBandwidthMax", io->read_bps},
		      {"IOWriteBandwidthMax", io->write_bps},
		      {"IOReadIOPSMax", io->read_iops},
		      {"IOWriteIOPSMax", io->write_iops}};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (!limits[i].value)
			continue;
		add_property(out, limits[i].name, "a(st)", "1");
		add_text(out, "/dev/block/%s", io->device);
		add_text(out, "%" PRIu64, limits[i].value);
	}
}

static void add_limits(struct unit_command *out, const struct group_spec *g)
{
	const struct slice_memory *m = &g->memory;

	add_cpuset(out, "AllowedCPUs", &g->cpus);
	add_cpuset(out, "AllowedMemoryNodes", &g->nodes);
	add_number(out, "CPUWeight", g->weight);
	if (m->low_bytes)
		add_number(out, "MemoryLow", m->low_bytes);
	if (m->high_bytes)
		add_number(out, "MemoryHigh", m->high_bytes);
	if (m->max_bytes) {
		add_number(out, "MemoryMax", m->max_bytes);
		add_number(out, "MemorySwapMax", m->swap_bytes);
	}
	for (unsigned i = 0; i < g->io_count; i++)
		add_device(out, &g->io[i]);
}

static void begin_make(const char *unit, bool user_manager, struct unit_command *out)
{
	out->used = out->count = out->properties = 0;
	add(out, "busctl");
	if (user_manager)
		add(out, "--user");
	add(out, "call");
	add(out, "org.freedesktop.systemd1");
	add(out, "/org/freedesktop/systemd1");
	add(out, "org.freedesktop.systemd1.Manager");
	add(out, "StartTransientUnit");
	add(out, "ssa(sv)a(sa(sv))");
	add_text(out, "%s", unit);
	add(out, "fail"); /* rather than replace a job of somebody else's */
	add(out, out->properties_text);
	add_property(out, "Description", "s", "slices of cleave");
	add_property(out, "MemoryAccounting", "b", "true"); /* also without a limit */
}

static void end_make(struct unit_command *out)
{
	add(out, "0"); /* no other unit with it */
	snprintf(out->properties_text, sizeof(out->properties_text), "%u", out->properties);
}

void unit_make_command(const char *unit, bool user_manager, const struct group_spec *g,
		       struct unit_command *out)
{
	begin_make(unit, user_manager, out);
	if (g)
		add_limits(out, g);
	end_make(out);
}

char *unit_of_controllers(const char *slice, char unit[UNIT_NAME])
{
	snprintf(unit, UNIT_NAME, "%.*s-controllers" SUFFIX, (int)(strlen(slice) - strlen(SUFFIX)),
		 slice);
	return unit;
}

void unit_controllers_command(const char *slice, bool user_manager, const struct cpuset *nodes,
			      struct unit_command *out)
{
	char unit[UNIT_NAME];

	begin_make(unit_of_controllers(slice, unit), user_manager, out);
	add_cpuset(out, "AllowedMemoryNodes", nodes);
	add_number(out, "CPUWeight", WEIGHT_DEFAULT);
	add_property(out, "IOAccounting", "b", "true");
	add_property(out, "TasksAccounting", "b", "true");
	end_make(out);
}

void unit_systemctl(const char *verb, const char *unit, bool user_manager, struct unit_command *out)
{
	out->used = out->count = 0;
	add(out, "systemctl");
	if (user_manager)
		add(out, "--user");
	add(out, verb);
	add_text(out, "%s", unit);
}
