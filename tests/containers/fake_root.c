#include "tests/containers/fake_root.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness.h"

int fake_root(unsigned number, const struct fake_file *files)
{
	char root[512], path[1024];
	int dir;

	snprintf(root, sizeof(root), "%s/root-%u", test_directory(), number);
	mkdir(root, 0755);
	for (; files && files->path; files++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", root, files->path);
		for (char *c = path + strlen(root) + 1; (c = strchr(c, '/')); *c++ = '/') {
			*c = '\0';
			mkdir(path, 0755);
		}
		f = fopen(path, "we");
		ck_assert_msg(f != NULL, "%s", path);
		fputs(files->text, f);
		fclose(f);
	}
	dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	return dir;
}

/* ---- machines without groups */

#define V1_CGROUP "3:cpuset:/\n2:cpu,cpuacct:/\n1:memory:/\n"
#define V1_MOUNT(name, options) \
	"34 31 0:31 / /c/" name " " options ",relatime - cgroup cgroup rw," name "\n"
#define V1_FILES                                                                              \
	{"c/cpuset/tasks", ""}, {"c/cpuset/cpuset.cpus", "0"}, {"c/cpuset/cpuset.mems", "0"}, \
		{"c/cpu/tasks", ""}, {"c/cpu/cpu.shares", "1024"}, {"c/memory/tasks", ""},    \
	{                                                                                     \
		"c/memory/memory.limit_in_bytes", "1"                                         \
	}
#define V1_MOUNTS V1_MOUNT("cpu", "rw") V1_MOUNT("memory", "rw")
#define V2_MOUNT  "31 26 0:27 / /c rw - cgroup2 cgroup2 rw\n"
#define V2_OWN(own)                                                         \
	{"c/cgroup.controllers", "cpuset cpu io memory\n"},                 \
		{"c" own "/cgroup.controllers", "cpuset cpu io memory\n"},  \
		{"c" own "/cgroup.subtree_control", "cpuset cpu memory\n"}, \
		{"c" own "/cgroup.type", "domain\n"},                       \
	{                                                                   \
		"c" own "/cgroup.procs", "1\n"                              \
	}
#define HERE(cgroup, mounts)                  \
	{"proc/self/cgroup", cgroup},         \
	{                                     \
		"proc/self/mountinfo", mounts \
	}
#define ALL_RIGHTS                                                                       \
	{                                                                                \
		"proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\nSeccomp:\t0\n" \
	}

const struct failing_machine failing_machines[FAILING_MACHINES] = {
	{"v1 read-only in a container",
	 {HERE(V1_CGROUP, V1_MOUNT("cpuset", "ro") V1_MOUNTS), V1_FILES},
	 0,
	 false,
	 NULL,
	 ERR_FAILED,
	 {"/c/cpuset is mounted read-only", "--privileged", "backend: affinity"},
	 "as root",
	 "cpuset"},
	{"v2 read-only in a container, the mount above the first",
	 {HERE("0::/\n", V2_MOUNT "40 31 0:27 / /c ro,nosuid - cgroup2 cgroup2 rw\n"), V2_OWN("")},
	 0,
	 false,
	 NULL,
	 ERR_FAILED,
	 {"/c is mounted read-only", "--cgroupns=host", "mount -o remount,rw"},
	 "as root",
	 "memory"},
	{"all of v2 read-only, for a user",
	 {HERE("0::/\n", "40 31 0:27 / /c rw - cgroup2 cgroup2 ro\n"), V2_OWN("")},
	 1000,
	 false,
	 NULL,
	 ERR_FAILED,
	 {"/c is mounted read-only", "--privileged"},
	 "as root",
	 "cpu"},
	{"a unit with ProtectControlGroups",
	 {HERE("0::/system.slice/a.service\n",
	       V2_MOUNT "40 31 0:27 / /c ro - cgroup2 cgroup2 rw\n"),
	  V2_OWN("/system.slice/a.service"),
	  {"run/systemd/system/x", ""}},
	 0,
	 false,
	 NULL,
	 ERR_FAILED,
	 {"/c is mounted read-only", "ProtectControlGroups=no", "Delegate=yes"},
	 "--privileged",
	 "cpuset"},
	{"root of a user namespace",
	 {HERE("0::/a\n", V2_MOUNT),
	  V2_OWN("/a"),
	  {"proc/self/uid_map", "         0     100000      65536\n"}},
	 0,
	 true,
	 NULL,
	 ERR_FAILED,
	 {"uid 0 may not make groups in /c/a: it is uid 100000 outside", "Delegate=yes",
	  "chown the group to uid 100000"},
	 "run cleave as root",
	 NULL},
	{"a user of a user namespace who is nobody outside",
	 {HERE(V1_CGROUP, V1_MOUNT("cpuset", "rw") V1_MOUNTS),
	  V1_FILES,
	  {"proc/self/uid_map", "0 1000 1\n"}},
	 7,
	 true,
	 NULL,
	 ERR_FAILED,
	 {"uid 7 may not make groups", "it is nobody outside"},
	 "run cleave as root",
	 NULL},
	{"root without a capability",
	 {HERE("0::/a\n", V2_MOUNT),
	  V2_OWN("/a"),
	  {"proc/self/status", "CapEff:\t00000000a80425f9\n"}},
	 0,
	 true,
	 NULL,
	 ERR_FAILED,
	 {"has no CAP_DAC_OVERRIDE", "--cap-add DAC_OVERRIDE"},
	 "as root",
	 NULL},
	{"AppArmor",
	 {HERE("0::/a\n", V2_MOUNT),
	  V2_OWN("/a"),
	  ALL_RIGHTS,
	  {"proc/self/attr/current", "docker-default (enforce)\n"}},
	 0,
	 true,
	 NULL,
	 ERR_FAILED,
	 {"confines this process as \"docker-default (enforce)\"", "apparmor=unconfined"},
	 "as root",
	 NULL},
	{"SELinux",
	 {HERE("0::/a\n", V2_MOUNT),
	  V2_OWN("/a"),
	  ALL_RIGHTS,
	  {"proc/self/attr/current", "system_u:system_r:container_t:s0:c1,c2"}},
	 0,
	 true,
	 NULL,
	 ERR_FAILED,
	 {"as \"system_u:system_r:container_t:s0:c1,c2\"", "label=disable"},
	 "as root",
	 NULL},
	{"a filter of system calls",
	 {HERE("0::/a\n", V2_MOUNT),
	  V2_OWN("/a"),
	  {"proc/self/status", "CapEff:\t000001ffffffffff\nSeccomp:\t2\n"},
	  {"proc/self/attr/current", "unconfined\n"}},
	 0,
	 true,
	 NULL,
	 ERR_FAILED,
	 {"system calls of this process are filtered", "seccomp=unconfined"},
	 "as root",
	 NULL},
	{"something else",
	 {HERE("0::/a\n", V2_MOUNT),
	  V2_OWN("/a"),
	  ALL_RIGHTS,
	  {"proc/self/uid_map", "0 0 4294967295\n"}},
	 0,
	 true,
	 NULL,
	 ERR_FAILED,
	 {"root may not make groups in /c/a", "Landlock"},
	 "as root",
	 NULL},
	{"a user to whom nothing is delegated",
	 {HERE("0::/a\n", V2_MOUNT), V2_OWN("/a"), {"proc/self/uid_map", "0 0 4294967295\n"}},
	 1000,
	 true,
	 NULL,
	 ERR_FAILED,
	 {"uid 1000", "run cleave as root", "chown -R 1000"},
	 "namespace",
	 NULL},
	{"cpuset without its prefix",
	 {HERE(V1_CGROUP,
	       "34 31 0:31 / /c/cpuset rw - cgroup cgroup rw,cpuset,noprefix\n" V1_MOUNTS),
	  {"c/cpuset/tasks", ""},
	  {"c/cpuset/cpus", "0"},
	  {"c/cpuset/mems", "0"},
	  {"c/cpu/tasks", ""},
	  {"c/cpu/cpu.shares", "1024"},
	  {"c/memory/tasks", ""},
	  {"c/memory/memory.limit_in_bytes", "1"}},
	 0,
	 false,
	 NULL,
	 ERR_IMPOSSIBLE,
	 {"cpuset is mounted with noprefix at /c/cpuset",
	  "umount /c/cpuset; mount -t cgroup -o cpuset none /c/cpuset"},
	 "as root",
	 "cpuset"},
	{"a kernel without shares of CPU time",
	 {HERE(V1_CGROUP, V1_MOUNT("cpuset", "rw") V1_MOUNTS),
	  {"c/cpuset/tasks", ""},
	  {"c/cpuset/cpuset.cpus", "0"},
	  {"c/cpuset/cpuset.mems", "0"},
	  {"c/cpu/tasks", ""},
	  {"c/memory/tasks", ""},
	  {"c/memory/memory.limit_in_bytes", "1"}},
	 0,
	 false,
	 NULL,
	 ERR_IMPOSSIBLE,
	 {"there is no cpu.shares in the cgroup v1 hierarchy /c/cpu"},
	 "as root",
	 "cpu"},
	{"too few groups may be made",
	 {HERE("0::/a/b\n", V2_MOUNT),
	  V2_OWN("/a/b"),
	  {"c/a/cgroup.max.descendants", "9\n"},
	  {"c/a/cgroup.stat", "nr_descendants 6\nnr_dying_descendants 3\n"}},
	 0,
	 false,
	 NULL,
	 ERR_IMPOSSIBLE,
	 {"/c/a/cgroup.max.descendants lets too few groups", "write a greater number"},
	 "as root",
	 NULL},
	{"too few levels may be made",
	 {HERE("0::/a/b\n", V2_MOUNT), V2_OWN("/a/b"), {"c/a/cgroup.max.depth", "3\n"}},
	 0,
	 false,
	 NULL,
	 ERR_IMPOSSIBLE,
	 {"/c/a/cgroup.max.depth lets too few groups"},
	 "as root",
	 NULL},
	{"the group is hidden by a mount",
	 {HERE("0::/a\n", V2_MOUNT), V2_OWN(""), ALL_RIGHTS},
	 0,
	 false,
	 NULL,
	 ERR_FAILED,
	 {"/c/a, the group that this process is in", "another mount hides it"},
	 "as root",
	 NULL},
	{"v1 has the controllers, and is not mounted",
	 {HERE(V1_CGROUP "0::/\n", V2_MOUNT), {"c/cgroup.controllers", "pids\n"}, ALL_RIGHTS},
	 0,
	 false,
	 NULL,
	 ERR_IMPOSSIBLE,
	 {"cpuset controller is in cgroup v1", "mount -t cgroup -o cpuset none DIR"},
	 "cgroup_disable",
	 "cpuset"},
	{"a given group with processes",
	 {HERE("0::/a\n", V2_MOUNT),
	  {"c/cgroup.controllers", "cpuset cpu io memory\n"},
	  {"c/g/cgroup.controllers", "cpuset cpu memory\n"},
	  {"c/g/cgroup.subtree_control", "\n"},
	  {"c/g/cgroup.type", "domain\n"},
	  {"c/g/cgroup.procs", "7\n"}},
	 0,
	 false,
	 "/c/g",
	 ERR_FAILED,
	 {"/c/g holds processes", "mkdir /c/g/shell"},
	 "as root",
	 NULL},
};

int failing_machine_place(unsigned number, struct placement_facts *f, struct placement *p,
			  struct err *e)
{
	const struct failing_machine *m = &failing_machines[number];
	int root = fake_root(number, m->files), r;

	r = placement_facts_read(root, m->uid, f, e);
	ck_assert_msg(r == 0, "%s: %s", m->name, e->msg);
	if (m->given)
		placement_facts_give(root, m->given, f);
	close(root);
	if (m->may_not_write) {
		f->may_write_unified = false;
		memset(f->may_write, 0, sizeof(f->may_write));
	}
	return placement_decide(f, BACKEND_AUTO, NULL, m->given ? ROOT_CGROUP2 : ROOT_NONE,
				m->given, p, e);
}
