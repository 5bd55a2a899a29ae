/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/cost/model.h"

#include <math.h>

/* ---- the machine ---- */

/* FNV-1a, 32 bits (Fowler, Noll, Vo; draft-eastlake-fnv). */
static uint32_t add_byte(uint32_t hash, unsigned byte)
{
	return (hash ^ byte) * UINT32_C(16777619);
}

void machine_identify(const struct topology *t, const char *cpu, struct machine_identity *out)
{
	uint32_t hash = UINT32_C(2166136261);

	for (unsigned from = 0; from < t->node_count; from++) {
		for (unsigned to = 0; to < t->node_count; to++) {
			unsigned distance = topology_distance(t, from, to);

			hash = add_byte(add_byte(hash, distance & 255), distance >> 8);
		}
	}
	*out = (struct machine_identity){.packages = t->package_count,
					 .nodes = t->node_count,
					 .cores = t->core_count,
					 .cpus = t->cpu_count,
					 .distances = hash};
	memcpy(out->cpu, cpu, string_cut(cpu, sizeof(out->cpu) - 1));
}

static int refuse_machine(const char *what, const char *there, const char *here, struct err *e)
{
	return err_impossible(
		e,
		"the model was measured on another machine, %s %.200s, and this one "
		"has %.200s: run cleave tune here, or write workload.model_force: true",
		what, there, here);
}

int model_check_machine(const struct model *m, const struct machine_identity *here, struct err *e)
{
	const struct machine_identity *there = &m->machine;
	const struct {
		const char *what;
		unsigned there, here;
	} counts[] = {
		{"packages:", there->packages, here->packages},
		{"NUMA nodes:", there->nodes, here->nodes},
		{"cores:", there->cores, here->cores},
		{"CPUs:", there->cpus, here->cpus},
	};

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		char a[16], b[16];

		if (counts[i].there == counts[i].here)
			continue;
		snprintf(a, sizeof(a), "%u", counts[i].there);
		snprintf(b, sizeof(b), "%u", counts[i].here);
		return refuse_machine(counts[i].what, a, b, e);
	}
	if (there->distances != here->distances)
		return refuse_machine("with", "other distances between its nodes", "its own", e);
	if (there->cpu[0] && here->cpu[0] && strcmp(there->cpu, here->cpu) != 0)
		return refuse_machine("processor", there->cpu, here->cpu, e);
	return 0;
}

/* ---- the numbers ---- */

static int check_number(const char *what, const char *which, double value, double most,
			struct err *e)
{
	if (isfinite(value) && value >= 0 && value <= most)
		return 0;
	return err_wrong(e, "%s%s%s: %g is not in 0 … %g", what, *which ? "." : "", which, value,
			 most);
}

static int check_runs(const struct model *m, struct err *e)
{
	if (!m->run_count || m->run_count > MODEL_RUNS)
		return err_wrong(e, "runs: %u is not in 1 … %d", m->run_count, MODEL_RUNS);
	for (unsigned i = 0; i < m->run_count; i++) {
		const struct model_run *run = &m->runs[i];
		char name[32];

		snprintf(name, sizeof(name), "%u", i);
		if (!run->slices || run->slices > SLICES_MAX || !run->cores ||
		    run->cores > TOPOLOGY_CPUS || !run->executors ||
		    run->executors > SLICE_EXECUTORS || !run->slots)
			return err_wrong(e,
					 "runs.%u: %u slices of %u cores, %u executors and %u "
					 "slots are no partition",
					 i, run->slices, run->cores, run->executors, run->slots);
		if (check_number("runs", name, run->predicted, MODEL_SECONDS_MOST, e) < 0 ||
		    check_number("runs", name, run->measured, MODEL_SECONDS_MOST, e) < 0)
			return e->code;
		if (run->measured <= 0)
			return err_wrong(e, "runs.%u.measured_s: 0 is no time", i);
	}
	return 0;
}

/* YYYY-MM-DDThh:mm:ssZ, not more than its form. */
static bool is_date(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";

	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (unsigned i = 0; form[i]; i++) {
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	}
	return true;
}

int model_check(const struct model *m, struct err *e)
{
	const struct machine_identity *machine = &m->machine;

	if (m->type == WORKLOAD_AUTO)
		return err_wrong(e, "workload: a workload type is needed");
	if (!is_date(m->made))
		return err_wrong(e, "made: %.40s is no date like 2026-11-21T15:04:05Z", m->made);
	if (!machine->packages || !machine->nodes || !machine->cores || !machine->cpus)
		return err_wrong(e, "machine: 0 packages, nodes, cores or CPUs are no machine");
	for (unsigned i = 0; i < COST_TERMS; i++) {
		const char *name = cost_term_name((enum cost_term)i);

		if (check_number("coefficients", name, m->theta.c[i], MODEL_COEFFICIENT_MOST, e) <
			    0 ||
		    check_number("confidence", name, m->confidence[i], 1, e) < 0)
			return e->code;
	}
	if (check_number("error", "", m->error, 1e6, e) < 0)
		return e->code;
	return check_runs(m, e);
}
