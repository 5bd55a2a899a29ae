/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "decision/base/cleanup.h"
#include "launcher/commands/command.h"
#include "launcher/doctor/doctor.h"
#include "launcher/inputs/inputs.h"
#include "launcher/show/table.h"
#include "launcher/system/json.h"

enum { MEASURE_MS = 300 };

static const char *kind_name(unsigned kind)
{
	static const char *const names[] = {"ok", "note", "missing"};

	return names[kind];
}

static const struct json_field finding_fields[] = {
	{"name", JSON_AT(struct finding, name)},
	{"status", JSON_WORD(struct finding, kind, kind_name, FINDING_MISSING + 1)},
	{"what", JSON_AT(struct finding, what)},
	{"fix", JSON_AT(struct finding, fix)},
	JSON_END,
};
static const struct json_field fields[] = {
	{"checks", JSON_LIST(struct findings, items, count, finding_fields)},
	JSON_END,
};
static const struct json_table findings_table = {
	.schema = "cleave.doctor/1", .fields = fields, .size = sizeof(struct findings)};

static int print_text(const struct findings *list)
{
	static const char *const titles[] = {"", "what", "finding", NULL};
	cleanup_table struct table table;

	table_init(&table, titles);
	for (unsigned i = 0; i < list->count; i++) {
		const struct finding *f = &list->items[i];

		table_add(&table, "%s", kind_name(f->kind));
		table_add(&table, "%s", f->name);
		table_add(&table, "%s%s%s", f->what, f->fix[0] ? "; fix: " : "", f->fix);
	}
	return table_print(&table, stdout);
}

static int run_doctor(const struct invocation *in, struct err *e)
{
	cleanup_free struct doctor_facts *facts = malloc(sizeof(*facts));
	cleanup_free struct findings *list = malloc(sizeof(*list));
	cleanup_free struct profile *profile = malloc(sizeof(*profile));
	int r;

	if (!facts || !list || !profile)
		return err_errno(e, -ENOMEM, "examining this machine");
	profile_default(profile);
	if (in->operand && load_profile(in->operand, profile, e) < 0)
		return e->code;
	r = doctor_read(profile, &in->options.roots, MEASURE_MS, facts, e);
	if (r < 0)
		return r;
	doctor_judge(facts, list);
	if (in->options.json)
		r = json_print(json_table_build(&findings_table, list, e), JSON_INDENT(2), e);
	else if (print_text(list) < 0)
		r = err_errno(e, -ENOMEM, "cannot print the findings");
	if (r < 0)
		return r;
	return list->missing ? ERR_IMPOSSIBLE : 0;
}

static const struct option options[] = {{OPTION_JSON}, {0}};

const struct command cmd_doctor = {
	.name = "doctor",
	.arguments = "[PROFILE]",
	.summary = "Tell what this machine can do, and what is missing",
	.details =
		"Looks at the control groups, the kernel, memory settings, a container engine, Spark, Java "
		"and Python, the directories, user and limits of a cluster, and at who else uses the CPUs; "
		"with PROFILE for what that needs, as the engine and its image, which is asked in a "
		"container that goes again. Changes nothing but the cache: where groups would be made an "
		"empty one is, and removed. Each line that says \"missing\" "
		"comes with what would fix it, and is something that `up` cannot do without: then "
		"the exit code is 3.",
	.options = options,
	.max_operands = 1,
	.run = run_doctor,
};
