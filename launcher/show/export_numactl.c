/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan as a bash script of setsid and numactl, for machines where one has no groups; declared in
 * export_parts.h. bash, because spark-class needs it as well and has quotes for every byte.
 */

#include "launcher/show/export_parts.h"
#include "launcher/show/export_quote.h"

static const char indent[] = "\t\t";

static int put_comment(const struct exported *x, FILE *to)
{
	fputs("#!/bin/bash\n", to);
	export_head(x, "numactl", to);
	fputs("# Start:   bash THIS.sh start\n"
	      "# Submit:  bash THIS.sh submit APPLICATION…\n"
	      "# Look:    bash THIS.sh status\n"
	      "# End:     bash THIS.sh stop\n"
	      "#\n"
	      "# Logs, work directories and shuffle files lie below $CLEAVE_DIR.\n",
	      to);
	export_tail(x, to);
	fputs("# * Limits of memory, swap and devices, and CPU weights: those need groups. numactl pins, and nothing\n"
	      "#   keeps a daemon from undoing that.\n",
	      to);
	return 0;
}

static void put_export(void *context, const char *key, const char *value)
{
	FILE *to = context;

	fprintf(to, "export %s=", key);
	export_put_shell(value, to);
	fputc('\n', to);
}

/* A variable that the text knows, or else the reader has to set. */
static void put_home(const char *key, const char *value, const char *what, FILE *to)
{
	if (value[0])
		put_export(to, key, value);
	else
		fprintf(to, "export %s=\"${%s:?write %s}\"\n", key, key, what);
}

static int put_settings(const struct exported *x, FILE *to)
{
	int r;

	fprintf(to, "\nset -u\nCLEAVE_DIR=${CLEAVE_DIR:-$PWD/cleave-%s}\n", x->plan->name);
	put_home("SPARK_HOME", x->spark_home, "where Spark is: bin/ and jars/ are in it", to);
	if (x->java_home[0])
		put_export(to, "JAVA_HOME", x->java_home);
	r = export_environment(x, put_export, to);
	/* From root's to the workers' user, as cleave does it. */
	fputs("as=(setpriv --no-new-privs)\n", to);
	if (x->user[0]) {
		fputs("user=", to);
		export_put_shell(x->user, to);
		fputs("\nif [ \"$(id -u)\" = 0 ]; then\n"
		      "\tas=(setpriv --no-new-privs --reuid=\"$user\" --regid=\"$(id -g \"$user\")\" --init-groups)\n"
		      "fi\n",
		      to);
	}
	return r;
}

/*
 * spark-class ends as java by exec, as numactl and setpriv do, so $! is the JVM; setsid forks only
 * where it leads a process group, which a script's background job does not.
 */
static const char functions[] =
	"\n"
	"is_running() { # NAME\n"
	"\tlocal pid\n"
	"\tpid=$(cat \"$CLEAVE_DIR/$1/pid\" 2>/dev/null) &&\n"
	"\t\tgrep -qs org.apache.spark.deploy \"/proc/$pid/cmdline\"\n"
	"}\n"
	"\n"
	"start() { # NAME CPUS POLICY ADDRESS SCRATCH WORD…\n"
	"\tlocal name=$1 cpus=$2 policy=$3 address=$4 scratch=$5 dir=$CLEAVE_DIR/$1\n"
	"\tshift 5\n"
	"\tif is_running \"$name\"; then\n"
	"\t\techo \"$name: runs already\"\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tmkdir -p \"$dir/work\" \"$scratch\" || exit\n"
	"\tif [ \"$(id -u)\" = 0 ] && [ -n \"${user:-}\" ]; then\n"
	"\t\tchown \"$user:\" \"$dir/work\" \"$scratch\" || exit\n"
	"\tfi\n"
	"\tSPARK_LOCAL_IP=$address SPARK_LOCAL_DIRS=$scratch SPARK_WORKER_DIR=$dir/work \\\n"
	"\t\tSPARK_EXECUTOR_ATTRIBUTE_SLICE=${name#slice-} setsid numactl --physcpubind=\"$cpus\" \"$policy\" \\\n"
	"\t\t\"${as[@]}\" \"$SPARK_HOME/" EXPORT_SPARK_CLASS
	"\" \"$@\" </dev/null >>\"$dir/log\" 2>&1 &\n"
	"\techo $! >\"$dir/pid\"\n"
	"\techo \"$name: process $!, CPUs $cpus, $policy\"\n"
	"}\n"
	"\n";

static void put_start(const struct exported *x, const struct export_part *part, FILE *to)
{
	char option[EXPORT_OPTION], scratch[2 * PROFILE_PATH];

	export_numactl_option(x, &part->nodes, option, sizeof(option));
	fputs("\t# ", to);
	export_describe(part, to);
	fprintf(to, "\n\tstart %s %s %s %s ", part->name, CPUSET_STRING(&part->cpus), option,
		part->address);
	if (part->slice && !export_scratch_is_tmpfs(x) && export_scratch(x, part->slice, scratch))
		export_put_shell(scratch, to);
	else
		fprintf(to, "\"$CLEAVE_DIR/%s/scratch\"", part->name);
	fputs(" \\\n\t\t", to);
	strings_for_each(word, &part->words)
	{
		fprintf(to, "%s%s", word == strings_next(&part->words, NULL) ? "" : " ", word);
	}
	fputc('\n', to);
}

/* The driver: on the CPUs of the host group. */
static int put_submit(const struct exported *x, FILE *to)
{
	struct cpuset cpus = plan_host_cpus(x->plan);
	char option[EXPORT_OPTION];
	int r;

	export_numactl_option(x, &x->plan->host.nodes, option, sizeof(option));
	fprintf(to, "submit)\n\tshift\n\texport SPARK_LOCAL_IP=%s\n",
		x->profile->spark.master_address);
	fprintf(to, "\texec numactl --physcpubind=%s %s \"${as[@]}\" ", CPUSET_STRING(&cpus),
		option);
	r = export_submit(x, SUBMIT_BY_SHELL, "\"$SPARK_HOME/" EXPORT_SPARK_SUBMIT "\"", indent,
			  to);
	fprintf(to, " \\\n%s\"$@\"\n\t;;\n", indent);
	return r;
}

static const char look_and_stop[] =
	"status)\n"
	"\tfor name in \"${names[@]}\"; do\n"
	"\t\tif is_running \"$name\"; then echo \"$name: runs\"; else echo \"$name: down\"; fi\n"
	"\tdone\n"
	"\t;;\n"
	"stop)\n"
	"\tfor name in \"${names[@]}\"; do\n"
	"\t\tis_running \"$name\" && kill \"$(cat \"$CLEAVE_DIR/$name/pid\")\"\n"
	"\t\trm -f \"$CLEAVE_DIR/$name/pid\"\n"
	"\tdone\n"
	"\t;;\n"
	"*)\n"
	"\techo \"usage: $0 start | submit APPLICATION… | status | stop\" >&2\n"
	"\texit 2\n"
	"\t;;\n"
	"esac\n";

int export_numactl(const struct exported *x, struct export_files *out, struct err *e)
{
	FILE *to = export_open(out, "cleave-%s.sh", x->plan->name);
	unsigned count = export_part_count(x);
	struct export_part part;
	int r;

	if (!to)
		return export_close(to, 0, e);
	put_comment(x, to);
	r = put_settings(x, to);
	fputs("names=(", to);
	/* Workers first: they are the first to be stopped. */
	for (unsigned i = count; i-- > 0;) {
		export_part(x, i, &part);
		fprintf(to, "%s%s", part.name, i ? " " : ")\n");
	}
	fputs(functions, to);
	fputs("case ${1:-} in\nstart)\n", to);
	for (unsigned i = 0; i < count; i++) {
		export_part(x, i, &part);
		put_start(x, &part, to);
	}
	fputs("\t;;\n", to);
	if (!r)
		r = put_submit(x, to);
	fputs(look_and_stop, to);
	return export_close(to, r, e);
}
