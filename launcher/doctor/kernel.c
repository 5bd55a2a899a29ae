/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this kernel has of what cleave uses, and how its memory is set.
 */

#include "launcher/doctor/room.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "containers/proc/control_file.h"
#include "containers/proc/oom.h"
#include "launcher/system/listening.h"

static void read_text(const char *path, char *text, size_t size)
{
	if (control_read(AT_FDCWD, path, text, size, &(struct err){0}) < 0)
		text[0] = '\0';
}

/*
 * Files that only groups below the root have: look into the caller's own group, and where that is
 * the root, tell by the release that brought them (cgroup-v2.rst; kernel release notes).
 */
static bool has_group_file(const struct doctor_facts *f, const char *file, unsigned major,
			   unsigned minor)
{
	const struct hierarchy *v2 = &f->place.layout.unified;
	char path[3 * LAYOUT_PATH];
	unsigned have_major = 0, have_minor = 0;

	if (!v2->version)
		return false;
	snprintf(path, sizeof(path), "%s%s/%s", v2->mount, v2->own, file);
	if (v2->own[0])
		return control_exists(AT_FDCWD, path);
	return sscanf(f->kernel, "%u.%u", &have_major, &have_minor) == 2 &&
	       (have_major > major || (have_major == major && have_minor >= minor));
}

void kernel_read(struct doctor_facts *out)
{
	bool memory_v2;
	struct utsname name;

	memory_v2 = out->place.layout.controllers[CONTROLLER_MEMORY].version == 2;
	if (uname(&name) == 0)
		snprintf(out->kernel, sizeof(out->kernel), "%s", name.release);
	/*
	 * Without arguments it makes nothing: EINVAL where it is, ENOSYS where it is not or a
	 * filter hides it.
	 */
	out->clone3 = syscall(SYS_clone3, NULL, 0) < 0 && errno != ENOSYS && errno != EPERM;
	out->v2_freeze = has_group_file(out, "cgroup.freeze", 5, 2);
	out->v2_reclaim = memory_v2 && has_group_file(out, "memory.reclaim", 5, 19);
	out->v2_oom_group = memory_v2 && has_group_file(out, "memory.oom.group", 4, 19);
	out->pressure = control_exists(AT_FDCWD, "/proc/pressure/cpu");
	out->loopback_result = listening_check_address(PLAN_FIRST_ADDRESS, &out->loopback_error);
	/* Only a try can tell: the capability counts in the first user namespace only. */
	out->oom_protects = oom_protect() == 0;
	oom_restore();
	read_text("/sys/kernel/mm/transparent_hugepage/enabled", out->huge_pages,
		  sizeof(out->huge_pages));
	read_text("/proc/sys/kernel/numa_balancing", out->numa_balancing,
		  sizeof(out->numa_balancing));
	read_text("/proc/sys/vm/swappiness", out->swappiness, sizeof(out->swappiness));
	read_text("/sys/devices/system/node/has_memory", out->nodes, sizeof(out->nodes));
}

static void judge_kernel(const struct doctor_facts *f, struct findings *out)
{
	const struct {
		const char *name;
		bool have;
		const char *with, *without, *fix;
	} features[] = {
		{"clone3", f->clone3 && f->place.layout.unified.version,
		 "processes are born inside their slice",
		 "processes wait until they are put into their slice", ""},
		{"cgroup.freeze", f->v2_freeze, "a slice can be stopped as a whole",
		 "a slice cannot be stopped as a whole", ""},
		{"memory.reclaim", f->v2_reclaim, "memory can be taken back from an idle slice",
		 "memory cannot be taken back from an idle slice", ""},
		{"memory.oom.group", f->v2_oom_group, "a slice out of memory ends as a whole",
		 "out of memory may end a part of a slice only", ""},
		{"pressure", f->pressure, "waiting for CPUs and memory is measured by the kernel",
		 "no pressure counters: runnable threads are counted instead",
		 "psi=1 (on the kernel command line)"},
		{"oom", f->oom_protects, "the supervisor is among the last to die of memory",
		 "the supervisor may die of memory before a slice does: it takes CAP_SYS_RESOURCE to "
		 "protect it",
		 "CAP_SYS_RESOURCE (root has it, but for most containers)"},
	};

	finding_add(out, FINDING_OK, "kernel", "", "Linux %s", f->kernel);
	if (f->loopback_result < 0)
		finding_add(out, FINDING_MISSING, "loopback", "", "%s", f->loopback_error.msg);
	else
		finding_add(out, FINDING_OK, "loopback", "",
			    "slices can have addresses of their own");
	for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		finding_add(out, features[i].have ? FINDING_OK : FINDING_NOTE, features[i].name,
			    features[i].have ? "" : features[i].fix, "%s",
			    features[i].have ? features[i].with : features[i].without);
}

static void judge_memory(const struct doctor_facts *f, struct findings *out)
{
	bool one_node = !strpbrk(f->nodes, ",-");

	if (f->huge_pages[0])
		finding_add(out, FINDING_NOTE, "transparent-huge-pages", "", "%s (left as it is)",
			    f->huge_pages);
	if (f->numa_balancing[0] && strcmp(f->numa_balancing, "0") != 0 && !one_node)
		finding_add(
			out, FINDING_NOTE, "numa-balancing", "sysctl kernel.numa_balancing=0",
			"the kernel moves pages by itself, which bound slices do not need (left as it "
			"is)");
	if (f->swappiness[0])
		finding_add(out, FINDING_NOTE, "swappiness", "",
			    "%s (left as it is; slices have memory.swap 0 unless the profile says "
			    "otherwise)",
			    f->swappiness);
	finding_add(out, one_node ? FINDING_NOTE : FINDING_OK, "numa", "", "memory nodes: %s%s",
		    f->nodes[0] ? f->nodes : "0", one_node ? " (one: slices share it)" : "");
}

void kernel_judge(const struct doctor_facts *f, struct findings *out)
{
	judge_kernel(f, out);
	judge_memory(f, out);
}
