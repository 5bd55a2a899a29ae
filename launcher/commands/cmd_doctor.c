/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/cmd_doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "containers/proc/control_file.h"
#include "containers/proc/oom.h"
#include "containers/where/tree.h"
#include "decision/base/cleanup.h"
#include "launcher/commands/command.h"
#include "launcher/inputs/inputs.h"
#include "launcher/show/table.h"
#include "launcher/system/json.h"

enum { MEASURE_MS = 300 };

/* ---- facts */

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

/* As `up` would, but that no image is fetched. */
static void find_contained(const struct profile *p, const struct cluster *c,
			   struct doctor_facts *out)
{
	struct profile own = *p;

	own.docker.pull = PULL_NEVER;
	out->spark_result = spark_resolve_contained(&own, c, &out->engine, &out->spark,
						    &out->contained, &out->spark_error);
}

/* As `up` would. */
static void find_spark(const struct profile *p, struct doctor_facts *out)
{
	struct cluster c = {.uid = geteuid(), .gid = getegid()};

	out->spark_result = cluster_user(p, &c, &out->spark_error);
	if (!out->spark_result && out->wants_engine && !out->engine_result)
		find_contained(p, &c, out);
	else if (!out->spark_result)
		out->spark_result = spark_resolve(p, &c, &out->spark, &out->spark_error);
	if (!out->spark_result)
		out->archive_result =
			archive_find(&out->spark, c.uid, &out->archive, &out->archive_error);
}

int doctor_read(const struct profile *p, const char *cgroup_root, unsigned wait_ms,
		struct doctor_facts *out, struct err *e)
{
	const char *engine_cgroups = NULL;
	struct utsname name;
	struct tree tree;
	bool memory_v2;
	int r;

	*out = (struct doctor_facts){.wants_engine = profile_has_engine(p)};
	r = tree_read(cgroup_root, &tree, e);
	if (r < 0)
		return r;
	out->place = tree.facts;
	out->engine_result = spark_find_engine(p, &out->engine, &out->engine_error);
	if (out->wants_engine && !out->engine_result)
		engine_cgroups = out->engine.cgroup_driver;
	out->place_result =
		tree_place(&tree, out->wants_engine && !engine_cgroups ? BACKEND_AUTO : p->backend,
			   engine_cgroups, &out->decided, &out->place_error);
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
	/* Only a try can tell: the capability counts in the first user namespace only. */
	out->oom_protects = oom_protect() == 0;
	oom_restore();
	read_text("/sys/kernel/mm/transparent_hugepage/enabled", out->huge_pages,
		  sizeof(out->huge_pages));
	read_text("/proc/sys/kernel/numa_balancing", out->numa_balancing,
		  sizeof(out->numa_balancing));
	read_text("/proc/sys/vm/swappiness", out->swappiness, sizeof(out->swappiness));
	read_text("/sys/devices/system/node/has_memory", out->nodes, sizeof(out->nodes));
	find_spark(p, out);
	r = tree_claims(&tree, "", &out->claims, e);
	if (r == 0)
		r = busy_measure(wait_ms, 0.2, out->busy, BUSY_MAX, e);
	if (r < 0)
		return r;
	out->busy_count = (unsigned)r;
	return 0;
}

/* ---- findings */

static void __attribute__((format(printf, 5, 6)))
add(struct findings *list, enum finding_kind kind, const char *name, const char *fix,
    const char *format, ...)
{
	struct finding *f;
	va_list args;

	if (list->count == FINDINGS_MAX)
		return;
	f = &list->items[list->count++];
	list->missing += kind == FINDING_MISSING;
	f->kind = kind;
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->fix, sizeof(f->fix), "%s", fix);
	va_start(args, format);
	vsnprintf(f->what, sizeof(f->what), format, args);
	va_end(args);
}

static void judge_controllers(const struct doctor_facts *f, struct findings *out)
{
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		const struct hierarchy *h = &f->place.layout.controllers[c];
		const char *name = controller_name(c, 2);

		if (h->version)
			add(out, FINDING_OK, name, "", "cgroup v%d at %s, this process in %s",
			    h->version, h->mount, h->own[0] ? h->own : "/");
		else if (c == CONTROLLER_CPUACCT || c == CONTROLLER_IO)
			add(out, FINDING_NOTE, name, "", "no such controller: %s",
			    c == CONTROLLER_IO ? "io limits are not possible"
					       : "CPU time of slices is not shown");
		else
			add(out, FINDING_MISSING, name, "backend: affinity (in the profile)",
			    "no such controller: slices cannot be made");
	}
}

static void judge_place(const struct doctor_facts *f, struct findings *out)
{
	const struct placement *p = &f->decided;
	bool v1 = p->kind == PLACEMENT_CGROUP1;

	if (f->place_result < 0)
		add(out, FINDING_MISSING, "groups", "", "%s", f->place_error.msg);
	else if (p->kind == PLACEMENT_SCOPE)
		add(out, FINDING_OK, "groups", "",
		    "in a scope of their own: systemd-run%s --scope -p Delegate=yes",
		    p->user_manager ? " --user" : "");
	else if (p->kind == PLACEMENT_SLICES)
		add(out, FINDING_OK, "groups", "", "slice units of systemd's in %s",
		    p->base[CONTROLLER_CPUSET]);
	else
		add(out, FINDING_OK, "groups", "", "below %s/cleave%s", p->base[CONTROLLER_CPUSET],
		    v1 ? ", and likewise in each other hierarchy" : "");
	if (f->place.systemd && v1)
		add(out, FINDING_NOTE, "systemd",
		    "systemd.unified_cgroup_hierarchy=1 (on the kernel command line)",
		    "systemd runs with cgroup v1: stopping a unit does not end these groups, "
		    "`cleave down` does");
	else if (f->place.systemd)
		add(out, FINDING_NOTE, "systemd", "CPUWeight=10000 (in the supervisor's unit)",
		    "systemd manages the groups: a supervisor outside of a unit of its own has no "
		    "guaranteed CPU time");
	else
		add(out, FINDING_OK, "systemd", "", "not running: groups are made directly");
	if (v1)
		add(out, FINDING_NOTE, "memory-v1", "",
		    "cgroup v1 has no memory.high, no memory.low and no oom.group");
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

	add(out, FINDING_OK, "kernel", "", "Linux %s", f->kernel);
	for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		add(out, features[i].have ? FINDING_OK : FINDING_NOTE, features[i].name,
		    features[i].have ? "" : features[i].fix, "%s",
		    features[i].have ? features[i].with : features[i].without);
}

static void judge_memory(const struct doctor_facts *f, struct findings *out)
{
	bool one_node = !strpbrk(f->nodes, ",-");

	if (f->huge_pages[0])
		add(out, FINDING_NOTE, "transparent-huge-pages", "", "%s (left as it is)",
		    f->huge_pages);
	if (f->numa_balancing[0] && strcmp(f->numa_balancing, "0") != 0 && !one_node)
		add(out, FINDING_NOTE, "numa-balancing", "sysctl kernel.numa_balancing=0",
		    "the kernel moves pages by itself, which bound slices do not need (left as it "
		    "is)");
	if (f->swappiness[0])
		add(out, FINDING_NOTE, "swappiness", "",
		    "%s (left as it is; slices have memory.swap 0 unless the profile says "
		    "otherwise)",
		    f->swappiness);
	add(out, one_node ? FINDING_NOTE : FINDING_OK, "numa", "", "memory nodes: %s%s",
	    f->nodes[0] ? f->nodes : "0", one_node ? " (one: slices share it)" : "");
}

static void judge_engine(const struct doctor_facts *f, struct findings *out)
{
	if (f->engine_result < 0)
		add(out, f->wants_engine ? FINDING_MISSING : FINDING_NOTE, "engine", "",
		    "slices cannot be containers: %s", f->engine_error.msg);
	else
		add(out, FINDING_OK, "engine", "", "%s %s at %s, groups by %s", f->engine.name,
		    f->engine.version, f->engine.socket, f->engine.cgroup_driver);
	if (!f->wants_engine || f->engine_result < 0 || f->spark_result < 0)
		return;
	add(out, FINDING_OK, "image", "", "%.19s: Spark %s at %s%s, Java %d at %s%s",
	    f->contained.image, f->contained.version, f->contained.home,
	    f->contained.mounts_home ? " (mounted)" : "", f->contained.java_version,
	    f->contained.java, f->contained.mounts_java ? " (mounted)" : "");
	if (!f->contained.python[0])
		add(out, FINDING_NOTE, "image-python3", "",
		    "the image has no python3: applications in Python cannot run");
}

static void judge_spark(const struct doctor_facts *f, struct findings *out)
{
	if (f->spark_result < 0) {
		add(out, FINDING_MISSING, f->wants_engine ? "image" : "spark", "", "%s",
		    f->spark_error.msg);
		return;
	}
	add(out, FINDING_OK, "spark", "", "%s at %s", f->spark.version, f->spark.home);
	add(out, FINDING_OK, "java", "", "%d at %s", f->spark.java_version, f->spark.java);
	if (f->spark.python[0])
		add(out, FINDING_OK, "python3", "", "%s", f->spark.python);
	else
		add(out, FINDING_NOTE, "python3", "apt-get install python3",
		    "not on PATH: applications in Python cannot run");
	if (f->wants_engine && !(f->contained.mounts_home && f->contained.mounts_java)) {
		add(out, FINDING_NOTE, "fast-start", "spark.home and jvm.home (in the profile)",
		    "JVMs start slower: an archive of classes is made for this machine's Spark "
		    "and Java only, and the image has its own");
		return;
	}
	if (f->archive_result == 0)
		add(out, FINDING_OK, "fast-start", "", "from the archive of classes %s",
		    f->archive.path);
	else if (f->archive_result == -ENOENT)
		add(out, FINDING_NOTE, "fast-start", "", "%s: it is made after the next up or run",
		    f->archive_error.msg);
	else
		add(out, FINDING_NOTE, "fast-start", "", "JVMs start slower: %s",
		    f->archive_error.msg);
}

void doctor_judge(const struct doctor_facts *f, struct findings *out)
{
	out->count = out->missing = 0;
	judge_controllers(f, out);
	judge_place(f, out);
	judge_kernel(f, out);
	judge_memory(f, out);
	judge_engine(f, out);
	judge_spark(f, out);
	if (!cpuset_is_empty(&f->claims.taken))
		add(out, FINDING_NOTE, "clusters", "",
		    "CPUs %.300s belong to running clusters (%s)", CPUSET_STRING(&f->claims.taken),
		    f->claims.taken_by);
	if (!cpuset_is_empty(&f->claims.claimed))
		add(out, FINDING_NOTE, "claims", "",
		    "CPUs %.300s are claimed by groups of user %u, who may run there; that keeps "
		    "no cluster of others from them",
		    CPUSET_STRING(&f->claims.claimed), (unsigned)f->claims.claimed_by);
	for (unsigned i = 0; i < f->busy_count; i++)
		add(out, FINDING_NOTE, "busy", "",
		    "process %d (%s) outside of every slice uses %.1f CPUs", f->busy[i].pid,
		    f->busy[i].name, f->busy[i].cpus);
}

/* ---- the command */

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
	r = doctor_read(profile, in->options.roots.cgroup_root, MEASURE_MS, facts, e);
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
		"and Python, and at who else uses the CPUs; with PROFILE for what that needs, as the engine "
		"and its image, which is asked in a container that goes again. Changes nothing but the cache. Each line that says \"missing\" "
		"comes with what would fix it, and is something that `up` cannot do without: then "
		"the exit code is 3.",
	.options = options,
	.max_operands = 1,
	.run = run_doctor,
};
