/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan as systemd units; declared in export_parts.h. What all daemons have stands in one drop-in
 * for all units whose names begin with cleave-NAME- (systemd.unit(5)); a unit has what is its own.
 * ExecStart needs a path without variables, hence env(1) before ${SPARK_HOME}.
 */

#include "launcher/show/export_parts.h"
#include "launcher/show/export_quote.h"

static const char indent[] = "#       ";

/* Environment="KEY=value" */
static void put_environment(void *context, const char *key, const char *value)
{
	FILE *to = context;
	char *pair = NULL;

	if (asprintf(&pair, "%s=%s", key, value) < 0)
		return; /* a stream that has no memory fails as well */
	fputs("Environment=", to);
	export_put_systemd(pair, SYSTEMD_SETTING, to);
	fputc('\n', to);
	free(pair);
}

/*
 * cleave-NAME.slice, one level below cleave.slice: a dash in the name of a slice is a level, and two
 * of them are none (systemd.slice(5)).
 */
enum { SLICE_NAME = NAME_MAX_BYTES + 1 };
static const char *slice_name(const struct exported *x, char name[SLICE_NAME])
{
	snprintf(name, SLICE_NAME, "%s", x->plan->name);
	for (char *dash = name; (dash = strchr(dash, '-'));)
		*dash = '_';
	return name;
}

/* ---- cleave-NAME.target */

static int put_target(const struct exported *x, FILE *to)
{
	const char *name = x->plan->name;
	struct cpuset host = plan_host_cpus(x->plan);
	char group[SLICE_NAME];
	struct export_part part;
	int r;

	export_head(x, "systemd", to);
	fprintf(to,
		"# First:   cleave export systemd … --output /etc/systemd/system; systemctl daemon-reload\n"
		"# Start:   systemctl start cleave-%s.target (enable: at each boot)\n"
		"# Look:    systemctl list-units 'cleave-%s-*'; journalctl -u cleave-%s-slice-0\n"
		"# End:     systemctl stop cleave-%s.target\n"
		"# Submit, the driver runs on the CPUs of the host group:\n",
		name, name, name, name);
	fprintf(to, "#   systemd-run --pipe --wait --collect --slice=cleave-%s.slice%s",
		slice_name(x, group), x->user[0] ? " --uid=" : "");
	if (x->user[0])
		export_put_shell(x->user, to);
	fprintf(to, " -p AllowedCPUs=%s", CPUSET_STRING(&host));
	if (memory_policy_binds(x->profile->memory.policy))
		fprintf(to, " -p AllowedMemoryNodes=%s", CPUSET_STRING(&x->plan->host.nodes));
	fprintf(to, " \\\n%s-E SPARK_CONF_DIR=/nonexistent-cleave-conf -E SPARK_LOCAL_IP=%s",
		indent, x->profile->spark.master_address);
	if (x->java_home[0]) {
		fputs(" \\\n#       -E JAVA_HOME=", to);
		export_put_shell(x->java_home, to);
	}
	fprintf(to, " \\\n%s", indent);
	export_put_shell(x->spark_home[0] ? x->spark_home : "SPARK_HOME", to);
	r = export_submit(x, SUBMIT_BY_SYSTEMD, "/" EXPORT_SPARK_SUBMIT, indent, to);
	fprintf(to,
		" \\\n%sAPPLICATION…\n"
		"#\n"
		"# Needs systemd 244 and cgroup v2: on v1 AllowedCPUs= and AllowedMemoryNodes= do nothing; there, write\n"
		"# CPUAffinity=, NUMAPolicy=bind and NUMAMask= with the same lists.\n",
		indent);
	export_tail(x, to);
	fprintf(to, "\n[Unit]\nDescription=Spark on the slices of %s\n", name);
	for (unsigned i = 0; i < export_part_count(x); i++) {
		export_part(x, i, &part);
		fprintf(to, "Wants=cleave-%s-%s.service\n", name, part.name);
	}
	fputs("\n[Install]\nWantedBy=multi-user.target\n", to);
	return r;
}

/* ---- cleave-NAME-.service.d/cleave.conf */

static int put_common(const struct exported *x, FILE *to)
{
	const char *name = x->plan->name;
	char group[SLICE_NAME];

	fprintf(to,
		"# What all daemons of %s have.\n"
		"[Unit]\n"
		"PartOf=cleave-%s.target\n"
		"\n"
		"[Service]\n"
		"Type=exec\n"
		"Slice=cleave-%s.slice\n",
		name, name, slice_name(x, group));
	if (x->user[0])
		fprintf(to, "User=%s\n", x->user);
	else
		fputs("# Who the daemons run as; without it, as root.\n#User=\n", to);
	fputs("NoNewPrivileges=yes\n"
	      "PrivateTmp=yes\n"
	      "Restart=on-failure\n"
	      "# A JVM that was asked to end.\n"
	      "SuccessExitStatus=143\n"
	      "TimeoutStopSec=30\n"
	      "# The Worker starts executors anew that the kernel has killed.\n"
	      "OOMPolicy=continue\n",
	      to);
	if (!x->spark_home[0])
		fputs("# Write where Spark is: bin/ and jars/ are in it.\n", to);
	put_environment(to, "SPARK_HOME", x->spark_home[0] ? x->spark_home : EXPORT_IMAGE_SPARK);
	if (x->java_home[0])
		put_environment(to, "JAVA_HOME", x->java_home);
	return export_environment(x, put_environment, to);
}

/* ---- the services */

static void put_size(const char *name, uint64_t bytes, FILE *to)
{
	fprintf(to, "%s=%llu\n", name, (unsigned long long)bytes);
}

static void put_memory(const struct exported *x, const struct export_part *part, FILE *to)
{
	const struct slice_memory *m = &part->slice->memory;

	fprintf(to, "CPUWeight=%u\n", plan_weight(x->plan, part->slice->id));
	if (!m->max_bytes)
		return;
	put_size("MemoryMax", m->max_bytes, to);
	put_size("MemorySwapMax", m->swap_bytes, to);
	if (m->high_bytes)
		put_size("MemoryHigh", m->high_bytes, to);
	if (m->low_bytes)
		put_size("MemoryLow", m->low_bytes, to);
}

/*
 * strict is the group's nodes alone: inside them first touch is local, and a policy of the process
 * could not be changed from outside.
 */
static void put_nodes(const struct exported *x, const struct cpuset *nodes, FILE *to)
{
	enum memory_policy policy = x->profile->memory.policy;
	const char *list = CPUSET_STRING(nodes);

	if (cpuset_is_empty(nodes))
		return;
	if (memory_policy_binds(policy))
		fprintf(to, "AllowedMemoryNodes=%s\n", list);
	if (policy == POLICY_PREFERRED && cpuset_count(nodes) == 1)
		fprintf(to, "NUMAPolicy=preferred\nNUMAMask=%s\n", list);
	else if (policy == POLICY_PREFERRED)
		fprintf(to,
			"# memory.policy: preferred; systemd knows it for one node only, not for %s\n",
			list);
	if (policy == POLICY_INTERLEAVE)
		fprintf(to, "NUMAPolicy=interleave\nNUMAMask=%s\n", list);
}

static void put_io(const struct profile *p, FILE *to)
{
	for (unsigned i = 0; i < p->io_count; i++) {
		const struct profile_io *io = &p->io[i];
		const struct {
			const char *name;
			uint64_t rate;
		} limits[] = {{"IOReadBandwidthMax", io->read_bps},
			      {"IOWriteBandwidthMax", io->write_bps},
			      {"IOReadIOPSMax", io->read_iops},
			      {"IOWriteIOPSMax", io->write_iops}};

		for (size_t j = 0; j < sizeof(limits) / sizeof(*limits); j++)
			if (limits[j].rate)
				fprintf(to, "%s=/dev/block/%s %llu\n", limits[j].name, io->device,
					(unsigned long long)limits[j].rate);
	}
}

/* %S is /var/lib, and what StateDirectory= names there is made as the user's. */
static void put_directories(const struct exported *x, const struct export_part *part, FILE *to)
{
	const char *name = x->plan->name;
	char path[2 * PROFILE_PATH];

	fprintf(to,
		"StateDirectory=cleave-%s/%s/work cleave-%s/%s/scratch\nStateDirectoryMode=0700\n",
		name, part->name, name, part->name);
	fprintf(to, "Environment=SPARK_WORKER_DIR=%%S/cleave-%s/%s/work\n", name, part->name);
	if (export_scratch_is_tmpfs(x)) {
		fprintf(to, "TemporaryFileSystem=%%S/cleave-%s/%s/scratch:mode=1777,size=%llu",
			name, part->name, (unsigned long long)part->slice->memory.scratch_bytes);
		fputc('\n', to);
	} else if (export_scratch(x, part->slice, path)) {
		fputs("ExecStartPre=+/usr/bin/install -d -m 0700 ", to);
		if (x->user[0])
			fprintf(to, "-o %s ", x->user);
		export_put_systemd(path, SYSTEMD_ARGUMENT, to);
		fputc('\n', to);
		put_environment(to, "SPARK_LOCAL_DIRS", path);
		return;
	}
	fprintf(to, "Environment=SPARK_LOCAL_DIRS=%%S/cleave-%s/%s/scratch\n", name, part->name);
}

static int put_service(const struct exported *x, const struct export_part *part, FILE *to)
{
	fputs("# ", to);
	export_describe(part, to);
	fprintf(to, "\n[Unit]\nDescription=Spark %s of %s, %s\n", part->slice ? "worker" : "master",
		x->plan->name, part->name);
	if (part->slice && !x->profile->spark.join[0])
		fprintf(to, "After=cleave-%s-master.service\n", x->plan->name);
	fprintf(to, "\n[Service]\nAllowedCPUs=%s\n", CPUSET_STRING(&part->cpus));
	put_nodes(x, &part->nodes, to);
	if (part->slice) {
		put_memory(x, part, to);
		put_io(x->profile, to);
		put_directories(x, part, to);
	}
	export_own_environment(part, put_environment, to);
	fputs("ExecStart=/usr/bin/env \"${SPARK_HOME}/" EXPORT_SPARK_CLASS "\"", to);
	strings_for_each(word, &part->words)
	{
		fprintf(to, " %s", word);
	}
	fputc('\n', to);
	return 0;
}

int export_systemd(const struct exported *x, struct export_files *out, struct err *e)
{
	const char *name = x->plan->name;
	struct export_part part;
	FILE *to = export_open(out, "cleave-%s.target", name);

	if (!to || export_close(to, put_target(x, to), e))
		return export_close(NULL, 0, e);
	to = export_open(out, "cleave-%s-.service.d/cleave.conf", name);
	if (!to || export_close(to, put_common(x, to), e))
		return export_close(NULL, 0, e);
	for (unsigned i = 0; i < export_part_count(x); i++) {
		export_part(x, i, &part);
		to = export_open(out, "cleave-%s-%s.service", name, part.name);
		if (!to || export_close(to, put_service(x, &part, to), e))
			return export_close(NULL, 0, e);
	}
	return 0;
}
