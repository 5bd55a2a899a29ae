/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan for Docker Compose, in what both docker-compose 1.29 and compose v2 read (the Compose
 * specification, without `version` and `name`); declared in export_parts.h.
 *
 * Compose has cpuset and no cpuset_mems (tried: "Additional properties are not allowed"). So the
 * nodes are bound by numactl inside the container, which Docker's seccomp profile allows to
 * containers with CAP_SYS_NICE only, then to any user (tried with Docker Engine 20.10: EPERM without
 * it); whether both are there is tried when it starts, and said on stderr if not.
 */

#include "launcher/show/export_parts.h"
#include "launcher/show/export_quote.h"

static const char indent[] = "#       ";

/* $ is Compose's own, hence doubled. */
static const char entrypoint[] =
	"  entrypoint:\n"
	"    - /bin/sh\n"
	"    - -c\n"
	"    - |\n"
	"      policy=$$1; shift\n"
	"      if numactl \"$$policy\" true; then exec numactl \"$$policy\" \"$$@\"; fi\n"
	"      echo \"numactl $$policy cannot be had here: memory is local by first touch only\" >&2\n"
	"      exec \"$$@\"\n"
	"    - cleave\n";

/* On the host; %s the cluster, then the slice. */
#define DATA "/var/lib/cleave-%s/%s"

static const char *home(const struct exported *x)
{
	return x->profile->spark.home[0] ? x->profile->spark.home : EXPORT_IMAGE_SPARK;
}

/* ---- comments */

/* The engine would make them as root's. */
static void put_directories(const struct exported *x, FILE *to)
{
	const char *top = x->profile->memory.scratch.path;

	fprintf(to, "# First:   install -d ");
	if (x->uid >= 0)
		fprintf(to, "-o %ld -g %ld -m 700 ", x->uid, x->gid);
	else
		fputs("-m 1777 ", to); /* the image's user */
	fprintf(to, "/var/lib/cleave-%s/slice-{0..%u}/{work,scratch}", x->plan->name,
		x->plan->slice_count - 1);
	if (top[0] && !export_scratch_is_tmpfs(x)) {
		fputc(' ', to);
		export_put_shell(top, to);
		fprintf(to, "/cleave-%s-slice-{0..%u}", x->plan->name, x->plan->slice_count - 1);
	}
	fputc('\n', to);
}

static int put_comment(const struct exported *x, FILE *to)
{
	const char *name = x->plan->name;
	int r;

	export_head(x, "Compose", to);
	put_directories(x, to);
	fprintf(to,
		"# Start:   docker compose -p cleave-%s -f THIS.yaml up -d\n"
		"# Look:    docker compose -p cleave-%s -f THIS.yaml logs\n"
		"# End:     docker compose -p cleave-%s -f THIS.yaml down\n"
		"# Submit, the driver runs %s:\n#   ",
		name, name, name,
		x->profile->spark.join[0] ? "where you call it" : "in the master's container");
	if (!x->profile->spark.join[0])
		fprintf(to, "docker compose -p cleave-%s -f THIS.yaml exec master ", name);
	export_put_shell(home(x), to);
	r = export_submit(x, SUBMIT_BY_SHELL, "/" EXPORT_SPARK_SUBMIT, indent, to);
	fprintf(to,
		" \\\n%sAPPLICATION…\n"
		"#\n"
		"# Memory nodes: Compose has no key for cpuset.mems. Each daemon is started by numactl, which the\n"
		"# image has to have, and which needs CAP_SYS_NICE under Docker's seccomp profile. Without it memory\n"
		"# is local by first touch: Linux takes it on the node of the CPU that writes it first, and on another\n"
		"# one when that is full; the daemon's log says so.\n",
		indent);
	export_tail(x, to);
	fputs("# * CPU weights: those of the engine, the same for all slices.\n", to);
	if (x->plan->slices[0].memory.high_bytes)
		fputs("# * memory.high: Docker has nothing that throttles before the limit.\n", to);
	fputc('\n', to);
	return r;
}

/* ---- what all services have */

struct pairs {
	const char *indent;
	FILE *to;
};

static void put_pair(void *context, const char *key, const char *value)
{
	const struct pairs *pairs = context;

	fprintf(pairs->to, "%s%s: ", pairs->indent, key);
	export_put_yaml(value, YAML_EXPANDED, pairs->to);
	fputc('\n', pairs->to);
}

/* In the long form, for a path may have a colon. */
static void put_bind(const char *from, const char *target, const char *more, FILE *to)
{
	fputs("      - {type: bind, source: ", to);
	export_put_yaml(from, YAML_EXPANDED, to);
	fputs(", target: ", to);
	export_put_yaml(target, YAML_EXPANDED, to);
	fprintf(to, "%s}\n", more);
}

static void put_user(const struct exported *x, FILE *to)
{
	if (x->uid >= 0)
		fprintf(to, "  user: \"%ld:%ld\"\n", x->uid, x->gid);
	if (x->uid >= 0 || !x->user[0])
		return;
	fputs("  user: ", to);
	export_put_yaml(x->user, YAML_EXPANDED, to);
	fputs(" # who has to be known to the image\n", to);
}

static int put_common(const struct exported *x, FILE *to)
{
	/* docker-compose 1.29 does not know `missing`, v2 knows both. */
	static const char *const pull[] = {"never", "if_not_present", "always"};
	const struct profile *p = x->profile;
	int r;

	fputs("x-spark: &spark\n", to);
	if (!p->docker.image[0])
		fputs("  # docker.image is not in the profile: write the image that has your Java and Spark.\n",
		      to);
	fputs("  image: ", to);
	export_put_yaml(p->docker.image[0] ? p->docker.image : EXPORT_IMAGE, YAML_EXPANDED, to);
	fputc('\n', to);
	if (p->docker.image[0])
		fprintf(to, "  pull_policy: %s\n", pull[p->docker.pull]);
	/* In place of the image's own, which takes other words. */
	fputs(entrypoint, to);
	put_user(x, to);
	fputs("  network_mode: host # each slice has a loopback address of its own\n"
	      "  cap_drop: [ALL]\n"
	      "  cap_add: [SYS_NICE] # or seccomp refuses set_mempolicy(2)\n"
	      "  security_opt: [\"no-new-privileges:true\"]\n"
	      "  restart: on-failure\n"
	      "  stop_grace_period: 30s\n"
	      "x-environment: &environment\n",
	      to);
	put_pair(&(struct pairs){"  ", to}, "SPARK_HOME", home(x));
	if (p->jvm.home[0])
		put_pair(&(struct pairs){"  ", to}, "JAVA_HOME", p->jvm.home);
	r = export_environment(x, put_pair, &(struct pairs){"  ", to});
	fputs("\nservices:\n", to);
	return r;
}

/* ---- one service */

static void put_limits(const struct slice_memory *m, FILE *to)
{
	if (m->max_bytes)
		fprintf(to, "    mem_limit: %llu\n    memswap_limit: %llu\n",
			(unsigned long long)m->max_bytes,
			(unsigned long long)(m->max_bytes + m->swap_bytes));
	if (m->low_bytes)
		fprintf(to, "    mem_reservation: %llu\n", (unsigned long long)m->low_bytes);
}

/* One list of blkio_config: for each device that has this limit. */
static void put_rates(const struct profile *p, const char *key, size_t member, FILE *to)
{
	const char *before = "";

	for (unsigned i = 0; i < p->io_count; i++) {
		uint64_t rate = *(const uint64_t *)((const char *)&p->io[i] + member);

		if (!rate)
			continue;
		if (!before[0])
			fprintf(to, "      %s:\n", key);
		before = "one";
		fprintf(to, "        - {path: \"/dev/block/%s\", rate: %llu}\n", p->io[i].device,
			(unsigned long long)rate);
	}
}

static void put_io(const struct profile *p, FILE *to)
{
	if (!p->io_count)
		return;
	fputs("    blkio_config:\n", to);
	put_rates(p, "device_read_bps", offsetof(struct profile_io, read_bps), to);
	put_rates(p, "device_write_bps", offsetof(struct profile_io, write_bps), to);
	put_rates(p, "device_read_iops", offsetof(struct profile_io, read_iops), to);
	put_rates(p, "device_write_iops", offsetof(struct profile_io, write_iops), to);
}

/*
 * What the image lacks, the data, and a Worker's directories. A merge (<<) replaces a list, so each
 * service has it whole.
 */
static void put_mounts(const struct exported *x, const struct export_part *part, FILE *to)
{
	static const char read_only[] = ", read_only: true";
	const struct profile *p = x->profile;
	const char *data = export_data_path(x);
	char path[2 * PROFILE_PATH];

	if (!part->slice && !p->spark.home[0] && !p->jvm.home[0] && !data && x->uid < 0)
		return;
	fputs("    volumes:\n", to);
	if (x->uid >= 0)
		put_bind(EXPORT_PASSWD, EXPORT_PASSWD, read_only, to);
	if (p->spark.home[0])
		put_bind(p->spark.home, p->spark.home, read_only, to);
	if (p->jvm.home[0])
		put_bind(p->jvm.home, p->jvm.home, read_only, to);
	if (data)
		put_bind(data, data, read_only, to);
	if (!part->slice)
		return;
	snprintf(path, sizeof(path), DATA "/work", x->plan->name, part->name);
	put_bind(path, "/work", "", to);
	if (export_scratch_is_tmpfs(x)) {
		fprintf(to, "    tmpfs: [\"/scratch:mode=1777,size=%llu\"]\n",
			(unsigned long long)part->slice->memory.scratch_bytes);
		return;
	}
	if (!export_scratch(x, part->slice, path))
		snprintf(path, sizeof(path), DATA "/scratch", x->plan->name, part->name);
	put_bind(path, "/scratch", "", to);
}

static void put_service(const struct exported *x, const struct export_part *part, FILE *to)
{
	struct pairs own = {"      ", to};
	char option[EXPORT_OPTION];

	export_numactl_option(x, &part->nodes, option, sizeof(option));
	fputs("  # ", to);
	export_describe(part, to);
	fprintf(to, "\n  %s:\n    <<: *spark\n    cpuset: \"%s\"\n", part->name,
		CPUSET_STRING(&part->cpus));
	if (part->slice) {
		put_limits(&part->slice->memory, to);
		put_io(x->profile, to);
		if (!x->profile->spark.join[0])
			fputs("    depends_on: [master]\n", to);
	}
	put_mounts(x, part, to);
	fputs("    environment:\n      <<: *environment\n", to);
	export_own_environment(part, put_pair, &own);
	if (part->slice) {
		put_pair(&own, "SPARK_LOCAL_DIRS", "/scratch");
		put_pair(&own, "SPARK_WORKER_DIR", "/work");
	}
	fprintf(to, "    command:\n      - \"%s\"\n      - ", option);
	export_put_yaml_path(home(x), EXPORT_SPARK_CLASS, to);
	strings_for_each(word, &part->words)
	{
		fputs("\n      - ", to);
		export_put_yaml(word, YAML_EXPANDED, to);
	}
	fputc('\n', to);
}

int export_compose(const struct exported *x, struct export_files *out, struct err *e)
{
	FILE *to = export_open(out, "cleave-%s.yaml", x->plan->name);
	struct export_part part;
	int r;

	if (!to)
		return export_close(to, 0, e);
	r = put_comment(x, to);
	if (!r)
		r = put_common(x, to);
	for (unsigned i = 0; i < export_part_count(x); i++) {
		export_part(x, i, &part);
		put_service(x, &part, to);
	}
	return export_close(to, r, e);
}
