#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "launcher/commands/command.h"
#include "launcher/commands/doctor.h"
#include "launcher/show/table.h"

enum { MEASURE_MS = 300 };

static int print_text(const struct findings *list)
{
	static const char *const titles[] = {"", "what", "finding", NULL};
	cleanup_table struct table table;

	table_init(&table, titles);
	for (unsigned i = 0; i < list->count; i++) {
		const struct finding *f = &list->items[i];

		table_add(&table, "%s", finding_kind_name(f->kind));
		table_add(&table, "%s", f->name);
		table_add(&table, "%s%s%s", f->what, f->fix[0] ? "; fix: " : "", f->fix);
	}
	return table_print(&table, "", stdout);
}

static int print_json(const struct findings *list, struct err *e)
{
	json_t *checks = json_array();
	json_t *all = json_pack("{s:s, s:o}", "schema", "cleave.doctor/1", "checks", checks);
	int rc = 0;

	for (unsigned i = 0; all && i < list->count; i++) {
		const struct finding *f = &list->items[i];

		rc |= json_array_append_new(checks,
					    json_pack("{s:s, s:s, s:s, s:s}", "name", f->name,
						      "status", finding_kind_name(f->kind), "what",
						      f->what, "fix", f->fix));
	}
	if (!all || rc || json_dumpf(all, stdout, JSON_INDENT(2)))
		rc = err_errno(e, -ENOMEM, "cannot print JSON");
	else
		putchar('\n');
	json_decref(all);
	return rc;
}

static int run(const struct invocation *in, struct err *e)
{
	cleanup_free struct doctor_facts *facts = malloc(sizeof(*facts));
	cleanup_free struct findings *list = malloc(sizeof(*list));
	int rc;

	if (!facts || !list)
		return err_errno(e, -ENOMEM, "examining this machine");
	rc = doctor_read(in->options.roots.cgroup_root, MEASURE_MS, facts, e);
	if (rc < 0)
		return rc;
	doctor_judge(facts, list);
	if (in->options.json)
		return print_json(list, e);
	rc = print_text(list);
	return rc < 0 ? err_errno(e, rc, "cannot print the findings") : 0;
}

static const struct option options[] = {OPTION_JSON, OPTION_END};

const struct command cmd_doctor = {
	.name = "doctor",
	.arguments = "",
	.summary = "Tell what this machine can do, and what is missing",
	.details =
		"Looks at the control groups, the kernel, memory settings, Spark, Java and Python, "
		"and at who else uses the CPUs. Changes nothing. Each line that says \"missing\" "
		"comes with what would fix it.",
	.options = options,
	.failure = 1,
	.run = run,
};
