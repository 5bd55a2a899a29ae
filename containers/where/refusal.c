/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/where/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/statvfs.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/strings.h"

#define WITHOUT "set backend: affinity in the profile to go without limits"

/* ---- facts */

/* "INSIDE OUTSIDE COUNT" a line; the first user namespace maps all to itself. */
static void read_map(int root, uid_t uid, struct rights *f)
{
	cleanup_fclose FILE *file = control_open_lines(root, "proc/self/uid_map");
	unsigned inside, outside, count;

	f->outside = (uid_t)-1;
	while (file && fscanf(file, "%u %u %u", &inside, &outside, &count) == 3) {
		f->is_mapped = inside || outside || count != UINT32_MAX;
		if (uid - inside < count) {
			f->outside = outside + (uid - inside);
			return;
		}
	}
}

static void read_status(int root, struct rights *f)
{
	cleanup_fclose FILE *file = control_open_lines(root, "proc/self/status");
	cleanup_free char *line = NULL;
	unsigned long long effective;
	size_t room = 0;
	unsigned mode;

	while (file && getline(&line, &room, file) > 0) {
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			f->lacks_override = !(effective >> CAP_DAC_OVERRIDE & 1);
		if (sscanf(line, "Seccomp: %u", &mode) == 1)
			f->is_filtered = mode != 0;
	}
}

/* "PROFILE (enforce)" of AppArmor, "user:role:type:level" of SELinux. */
static void read_label(int root, struct rights *f)
{
	char text[4096]; /* the kernel gives a page at most */

	if (control_read(root, "proc/self/attr/current", text, sizeof(text), &(struct err){0}) <= 0)
		return;
	if (!strncmp(text, "unconfined", 10) || strstr(text, "(complain)") ||
	    strstr(text, "(unconfined)") || strstr(text, ":unconfined_t") ||
	    !strcmp(text, "kernel") || strstr(text, ":kernel_t"))
		return;
	snprintf(f->label, sizeof(f->label), "%.*s", (int)string_cut(text, sizeof(f->label) - 1),
		 text);
}

void rights_read(int root, uid_t uid, struct rights *out)
{
	struct rights f = {0};

	read_map(root, uid, &f);
	read_status(root, &f);
	read_label(root, &f);
	*out = f;
}

bool refusal_find_full(int root, const char *mount, const char *group, unsigned groups,
		       unsigned depth, char *file, size_t size)
{
	char path[CONTROL_PATH], limit[CONTROL_PATH + 64];
	char text[4096]; /* two numbers, and two for each controller */

	for (snprintf(path, sizeof(path), "%s", group); path[0]; depth++) {
		char *last = strrchr(path, '/');
		uint64_t most;
		struct err ignored;

		snprintf(limit, sizeof(limit), "%s/cgroup.stat", path + 1);
		if (control_read(root, limit, text, sizeof(text), &ignored) < 0)
			text[0] = '\0';
		snprintf(limit, sizeof(limit), "%s/cgroup.max.descendants", path + 1);
		if (control_exists(root, limit) &&
		    control_read_number(root, limit, &most, &ignored) == 0 &&
		    most < groups + control_value(text, "nr_descendants", 0)) {
			snprintf(file, size, "/%s", limit);
			return true;
		}
		snprintf(limit, sizeof(limit), "%s/cgroup.max.depth", path + 1);
		if (control_exists(root, limit) &&
		    control_read_number(root, limit, &most, &ignored) == 0 && most < depth) {
			snprintf(file, size, "/%s", limit);
			return true;
		}
		if (!last || !strcmp(path, mount))
			break;
		*last = '\0';
	}
	return false;
}

/* ---- sentences */

static int say_read_only(const struct refused *what, struct err *e)
{
	if (what->systemd)
		return err_set(
			e, -EROFS,
			"%s is mounted read-only here, so nobody can make groups in it, not even "
			"root: the unit that cleave runs in protects it; set "
			"ProtectControlGroups=no and Delegate=yes in that unit, or " WITHOUT,
			what->group);
	return err_set(
		e, -EROFS,
		"%s is mounted read-only here, so nobody can make groups in it, not even root: "
		"run `mount -o remount,rw` of it, or start the container with --privileged "
		"(or --cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup:rw), or " WITHOUT,
		what->group);
}

static int say_mapped(const struct rights *f, const struct refused *what, struct err *e)
{
	char outside[64] = "nobody";

	if (f->outside != (uid_t)-1)
		snprintf(outside, sizeof(outside), "uid %u", (unsigned)f->outside);
	return err_set(
		e, -EACCES,
		"uid %u may not make groups in %s: it is %s outside of this user namespace "
		"(/proc/self/uid_map), whom the group does not belong to; outside, let "
		"`systemd-run --user --scope -p Delegate=yes` start the namespace, or as root "
		"chown the group to %s, or " WITHOUT,
		(unsigned)what->uid, what->group, outside, outside);
}

int refusal_judge(const struct rights *f, const struct refused *what, struct err *e)
{
	const char *group = what->group;

	if (what->is_hidden)
		return err_set(
			e, -ENOENT,
			"%s, the group that this process is in (/proc/self/cgroup), is not "
			"there: another mount hides it, or it was removed; start cleave where "
			"the group can be seen, or " WITHOUT,
			group);
	if (what->is_read_only)
		return say_read_only(what, e);
	if (f->is_mapped)
		return say_mapped(f, what, e);
	if (what->uid)
		return 0;
	if (f->lacks_override)
		return err_set(e, -EACCES,
			       "root may not make groups in %s: this process has no "
			       "CAP_DAC_OVERRIDE (CapEff in /proc/self/status), and the group "
			       "belongs to somebody else; start the container with --cap-add "
			       "DAC_OVERRIDE, or " WITHOUT,
			       group);
	if (f->label[0])
		return err_set(e, -EACCES,
			       "root may not make groups in %s: a security module confines this "
			       "process as \"%s\" (/proc/self/attr/current); allow that to write "
			       "there, start the container with --security-opt apparmor=unconfined "
			       "(SELinux: label=disable), or " WITHOUT,
			       group, FOREIGN(f->label));
	return err_set(
		e, -EACCES,
		"root may not make groups in %s, though it can be written to: %s; lift that, "
		"in a container by --security-opt seccomp=unconfined, or " WITHOUT,
		group,
		f->is_filtered ? "system calls of this process are filtered (Seccomp in "
				 "/proc/self/status)"
			       : "a security module of the kernel (see /sys/kernel/security/lsm, "
				 "dmesg), or Landlock, forbids it");
}

/* What is behind an error of the kernel's; "": nothing that is known. */
static void find_cause(const char *group, int code, struct err *cause)
{
	cleanup_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char file[CONTROL_PATH + 64];
	struct refused what = {.group = group, .uid = geteuid()};
	struct statvfs fs;
	struct rights f;

	switch (-code) {
	case EROFS:
	case EACCES:
	case EPERM:
		what.is_read_only =
			code == -EROFS || (!statvfs(group, &fs) && fs.f_flag & ST_RDONLY);
		what.systemd = control_exists(root, "run/systemd/system");
		rights_read(root, what.uid, &f);
		refusal_judge(&f, &what, cause);
		break;
	case EAGAIN: /* cgroup_mkdir() of kernel/cgroup/cgroup.c */
		if (refusal_find_full(root, "/", group, 1, 1, file, sizeof(file)))
			err_set(cause, code,
				"%s lets no more groups be made: write a greater number", file);
		break;
	case ENOSPC:
		err_set(cause, code,
			"the kernel has no room for more groups of that controller (65535 of memory): "
			"remove those that nobody uses");
		break;
	}
}

int refusal_explain(const char *group, struct err *e)
{
	const struct err said = *e;
	struct err cause = {0};

	find_cause(group, e->code, &cause);
	if (!cause.msg[0])
		return e->code;
	err_set(e, said.code, "%s: %s", said.msg, cause.msg);
	e->exit = said.exit;
	return e->code;
}
