/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups: which controllers there are, and where groups would be made.
 */

#include "launcher/doctor/room.h"

#include <inttypes.h>
#include <unistd.h>

#include "decision/base/foreign.h"
#include "decision/base/size_text.h"

static void judge_controllers(const struct doctor_facts *f, struct findings *out)
{
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		const struct hierarchy *h = &f->place.layout.controllers[c];
		const char *name = controller_name(c, 2);

		if (f->place.lacks[c][0])
			finding_add(out, c == CONTROLLER_CPUACCT ? FINDING_NOTE : FINDING_MISSING,
				    name, "backend: affinity (in the profile)",
				    "cgroup v1 at %s has no %s%s", h->mount, f->place.lacks[c],
				    h->has_no_prefix ? ": it is mounted with noprefix" : "");
		else if (h->version && h->is_read_only && f->place_result < 0)
			finding_add(out, FINDING_MISSING, name, "",
				    "cgroup v%d at %s is mounted read-only", h->version, h->mount);
		else if (h->version)
			finding_add(out, FINDING_OK, name, "",
				    "cgroup v%d at %s, this process in %s", h->version, h->mount,
				    h->own[0] ? h->own : "/");
		else if (c == CONTROLLER_CPUACCT || c == CONTROLLER_IO)
			finding_add(out, FINDING_NOTE, name, "", "no such controller: %s",
				    c == CONTROLLER_IO ? "io limits are not possible"
						       : "CPU time of slices is not shown");
		else
			finding_add(out, FINDING_MISSING, name,
				    "backend: affinity (in the profile)",
				    "no such controller: slices cannot be made");
	}
}

static void judge_place(const struct doctor_facts *f, struct findings *out)
{
	const struct placement *p = &f->decided;
	bool v1 = p->kind == PLACEMENT_CGROUP1;

	if (f->place_result < 0)
		finding_add(out, FINDING_MISSING, "groups", "", "%s", f->place_error.msg);
	else if (p->kind == PLACEMENT_SCOPE)
		finding_add(out, FINDING_OK, "groups", "",
			    "in a scope of their own: systemd-run%s --scope -p Delegate=yes",
			    p->user_manager ? " --user" : "");
	else if (p->kind == PLACEMENT_SLICES)
		finding_add(out, FINDING_OK, "groups", "", "slice units of systemd's in %s",
			    p->base[CONTROLLER_CPUSET]);
	else
		finding_add(out, FINDING_OK, "groups", "", "below %s/cleave%s",
			    p->base[CONTROLLER_CPUSET],
			    v1 ? ", and likewise in each other hierarchy" : "");
	if (f->place.systemd && v1)
		finding_add(
			out, FINDING_NOTE, "systemd",
			"systemd.unified_cgroup_hierarchy=1 (on the kernel command line)",
			"systemd runs with cgroup v1: stopping a unit does not end these groups, "
			"`cleave down` does");
	else if (f->place.systemd)
		finding_add(
			out, FINDING_NOTE, "systemd", "CPUWeight=10000 (in the supervisor's unit)",
			"systemd manages the groups: a supervisor outside of a unit of its own has no "
			"guaranteed CPU time");
	else
		finding_add(out, FINDING_OK, "systemd", "",
			    "not running: groups are made directly");
	if (v1)
		finding_add(out, FINDING_NOTE, "memory-v1", "",
			    "cgroup v1 has no memory.high, no memory.low and no oom.group");
}

/* Asked before the tree is aligned for an engine, which moves the caller. */
int groups_read(const struct tree *t, const struct profile_partition *wanted,
		struct doctor_facts *out, struct err *e)
{
	struct topology_source place = {0};
	int r = caller_read(t, &out->caller, e);

	if (r == 0)
		r = tree_allowed(t, &place.cpus, &place.nodes, e);
	if (r < 0)
		return r;
	out->caller_result = caller_restrict(&out->caller, wanted, &place, &out->caller_error);
	out->memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

/* A cluster of the caller's is within its own limits, wherever the groups are. */
static void judge_caller(const struct doctor_facts *f, struct findings *out)
{
	const struct caller_limits *l = &f->caller.limits;

	if (f->caller_result < 0)
		finding_add(out, FINDING_MISSING, "limits", "", "%s", f->caller_error.msg);
	for (unsigned i = 0; i < f->caller.note_count; i++)
		finding_add(out, FINDING_NOTE, "limits", "", "%s", f->caller.notes[i]);
	if (l->memory_bytes && l->memory_bytes < f->memory_bytes)
		finding_add(out, FINDING_NOTE, "limits", "",
			    "your own group %.300s has a memory limit of %s", FOREIGN(l->memory_by),
			    SIZE_STRING(l->memory_bytes));
	if (l->quota_milli && l->quota_milli < 1000 * cpuset_count(&f->caller.online_cpus))
		finding_add(out, FINDING_NOTE, "limits", "",
			    "your own group %.300s has the time of %" PRIu64 ".%02" PRIu64 " CPUs",
			    FOREIGN(l->quota_by), l->quota_milli / 1000,
			    l->quota_milli % 1000 / 10);
}

void groups_judge(const struct doctor_facts *f, struct findings *out)
{
	judge_controllers(f, out);
	judge_place(f, out);
	judge_caller(f, out);
}
