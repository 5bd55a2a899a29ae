/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/export_parts.h"

#include <arpa/inet.h>
#include <errno.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/size_text.h"
#include "launcher/show/export_quote.h"
#include "launcher/show/foreign.h"

static const char executor_options[] = "spark.executor.extraJavaOptions",
		  cores_max[] = "spark.cores.max", daemon_options[] = "SPARK_DAEMON_JAVA_OPTS",
		  daemon_memory[] = "SPARK_DAEMON_MEMORY";

/*
 * Of Master and Worker, as cleave starts them: they do no heavy work. Spark moves to the next port
 * silently if one is taken, its REST server takes applications from everybody, and executors' logs
 * grow without bound.
 */
static const char of_daemons[] = "-XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "
				 "-Dspark.port.maxRetries=0 -Dspark.master.rest.enabled=false "
				 "-Dspark.worker.cleanup.enabled=true "
				 "-Dspark.executor.logs.rolling.strategy=size "
				 "-Dspark.executor.logs.rolling.maxSize=16777216 "
				 "-Dspark.executor.logs.rolling.maxRetainedFiles=1";

/* ---- the daemons */

unsigned export_part_count(const struct exported *x)
{
	return x->plan->slice_count + !x->profile->spark.join[0];
}

static int master_port(const struct exported *x)
{
	int port = x->profile->spark.master_port;

	return port == AMOUNT_AUTO ? PLAN_MASTER_PORT : port;
}

void export_master_url(const struct exported *x, char url[EXPORT_URL])
{
	const struct profile_spark *spark = &x->profile->spark;

	if (spark->join[0])
		snprintf(url, EXPORT_URL, "%s", spark->join);
	else
		snprintf(url, EXPORT_URL, "spark://%s:%d", spark->master_address, master_port(x));
}

/* None of these words is long: the pool has room. */
static void master_part(const struct exported *x, struct export_part *out)
{
	int port = x->profile->spark.master_ui_port;

	string_copy(out->name, "master");
	string_copy(out->address, x->profile->spark.master_address);
	out->cpus = plan_host_cpus(x->plan);
	out->nodes = x->plan->host.nodes;
	strings_add(&out->words, "org.apache.spark.deploy.master.Master");
	strings_add(&out->words, "--host");
	strings_add(&out->words, out->address);
	strings_add(&out->words, "--port");
	strings_addf(&out->words, "%d", master_port(x));
	strings_add(&out->words, "--webui-port");
	strings_addf(&out->words, "%d", port == AMOUNT_AUTO ? PLAN_MASTER_UI_PORT : port);
}

static void worker_part(const struct exported *x, const struct slice *s, struct export_part *out)
{
	char url[EXPORT_URL];

	out->slice = s;
	string_copy(out->name, s->name);
	inet_ntop(AF_INET, &(struct in_addr){htonl(s->address)}, out->address,
		  sizeof(out->address));
	out->cpus = s->cpus;
	out->nodes = s->nodes;
	export_master_url(x, url);
	strings_add(&out->words, "org.apache.spark.deploy.worker.Worker");
	strings_add(&out->words, "--host");
	strings_add(&out->words, out->address);
	strings_add(&out->words, "--port");
	strings_add(&out->words, "0");
	strings_add(&out->words, "--webui-port");
	strings_add(&out->words, "0");
	strings_add(&out->words, "--cores");
	strings_addf(&out->words, "%u", s->slots);
	strings_add(&out->words, "--memory");
	/* The heaps of its executors: the Master counts nothing else. */
	strings_addf(
		&out->words, "%lluM",
		(unsigned long long)(s->memory.heap_bytes / s->executors >> 20) * s->executors);
	strings_add(&out->words, url);
}

void export_part(const struct exported *x, unsigned index, struct export_part *out)
{
	unsigned slice = index - !x->profile->spark.join[0];

	memset(out, 0, sizeof(*out));
	if (index == 0 && !x->profile->spark.join[0])
		master_part(x, out);
	else
		worker_part(x, &x->plan->slices[slice], out);
}

void export_describe(const struct export_part *part, FILE *to)
{
	const struct slice *s = part->slice;

	fprintf(to, "%s: ", part->name);
	if (s)
		fprintf(to, "%u core%s, ", s->cores, s->cores == 1 ? "" : "s");
	fprintf(to, "CPUs %s, nodes %s", CPUSET_STRING(&part->cpus), CPUSET_STRING(&part->nodes));
	if (!s)
		return;
	fprintf(to, ", %s of memory, %u slots in %u executor%s with %s of heap",
		s->memory.max_bytes ? SIZE_STRING(s->memory.max_bytes) : "no limit", s->slots,
		s->executors, s->executors == 1 ? "" : "s, each",
		SIZE_STRING(s->memory.heap_bytes / s->executors));
}

/* ---- what they are told */

bool export_is_secret(const char *key, const char *value)
{
	static const char *const words[] = {"secret",	  "password",	"passwd",    "token",
					    "access.key", "access_key", "accesskey", NULL};

	for (const char *const *word = words; *word; word++)
		if (strcasestr(key, *word) || strcasestr(value, *word))
			return true;
	return false;
}

/*
 * Options of a JVM as one string: ours, then `more`, then what the user has of the same (or NULL),
 * but for secrets. NULL: out of memory.
 */
static char *joined(const char *ours, const struct strings *more, const char *own)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	fputs(ours, stream);
	strings_for_each(option, more)
	{
		if (!export_is_secret(option, ""))
			fprintf(stream, " %s", option);
	}
	if (own && !export_is_secret(own, ""))
		fprintf(stream, " %s", own);
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}

int export_environment(const struct exported *x, export_pair *put, void *context)
{
	static const struct strings none;
	const struct strings *own = &x->profile->spark.env;
	cleanup_free char *options = joined(of_daemons, &none, strings_value(own, daemon_options));
	const char *key = NULL;

	if (!options)
		return -ENOMEM;
	put(context, daemon_options, options);
	if (!strings_value(own, daemon_memory))
		put(context, daemon_memory, "384m");
	/* What an installation has in its conf/ would change what the plan says. */
	put(context, "SPARK_CONF_DIR", "/nonexistent-cleave-conf");
	strings_for_each(item, own)
	{
		if (key && strcmp(key, daemon_options) != 0 && !export_is_secret(key, item))
			put(context, key, item);
		key = key ? NULL : item;
	}
	return 0;
}

void export_own_environment(const struct export_part *part, export_pair *put, void *context)
{
	char id[16];

	/* Also for the Master: else its pages listen on all addresses. */
	put(context, "SPARK_LOCAL_IP", part->address);
	if (!part->slice)
		return;
	snprintf(id, sizeof(id), "%u", part->slice->id);
	put(context, "SPARK_EXECUTOR_ATTRIBUTE_SLICE", id);
}

static void put_number(export_pair *put, void *context, const char *key, unsigned number,
		       const char *unit)
{
	char text[32];

	snprintf(text, sizeof(text), "%u%s", number, unit);
	put(context, key, text);
}

int export_properties(const struct exported *x, export_pair *put, void *context)
{
	const struct profile *p = x->profile;
	const struct slice *first = &x->plan->slices[0];
	cleanup_free char *options = joined("-XX:-UsePerfData", &first->jvm_options,
					    strings_value(&p->spark.conf, executor_options));
	uint64_t off_heap = first->memory.off_heap_bytes / first->executors;
	/* A Master elsewhere may have more cores than ours. */
	bool takes_cores = x->executor_cores && !p->spark.join[0];
	const char *key = NULL;
	char bytes[32];

	if (!options)
		return -ENOMEM;
	put(context, "spark.driver.host", p->spark.master_address);
	put(context, "spark.driver.bindAddress", p->spark.master_address);
	if (takes_cores || !strings_value(&p->spark.conf, cores_max))
		put_number(put, context, cores_max, x->cores_max, "");
	if (x->executor_cores)
		put_number(put, context, "spark.executor.cores", x->executor_cores, "");
	put_number(put, context, "spark.executor.memory", x->heap_mb, "m");
	put(context, executor_options, options);
	if (off_heap) {
		snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)off_heap);
		put(context, "spark.memory.offHeap.enabled", "true");
		put(context, "spark.memory.offHeap.size", bytes);
	}
	/* Else the first stage may begin on the first slice alone. */
	if (!strings_value(&p->spark.conf, "spark.scheduler.minRegisteredResourcesRatio"))
		put(context, "spark.scheduler.minRegisteredResourcesRatio", "1.0");
	if (p->security.ui == UI_OFF)
		put(context, "spark.ui.enabled", "false");
	strings_for_each(item, &p->spark.conf)
	{
		if (key && strcmp(key, executor_options) != 0 && !export_is_secret(key, item) &&
		    !(takes_cores && strcmp(key, cores_max) == 0))
			put(context, key, item);
		key = key ? NULL : item;
	}
	return 0;
}

bool export_scratch(const struct exported *x, const struct slice *s, char path[2 * PROFILE_PATH])
{
	const char *top = x->profile->memory.scratch.path;

	if (top[0])
		snprintf(path, 2 * PROFILE_PATH, "%s/cleave-%s-%s", top, x->plan->name, s->name);
	return top[0];
}

bool export_scratch_is_tmpfs(const struct exported *x)
{
	return x->profile->memory.scratch.type == SCRATCH_TMPFS;
}

const char *export_data_path(const struct exported *x)
{
	const char *path = x->profile->workload.data_path;

	if (strncmp(path, "file://", strlen("file://")) == 0)
		path += strlen("file://");
	return path[0] == '/' ? path : NULL;
}

void export_numactl_option(const struct exported *x, const struct cpuset *nodes, char *option,
			   size_t size)
{
	const char *name = NULL;

	switch (x->profile->memory.policy) {
	case POLICY_STRICT:
		name = "--membind";
		break;
	case POLICY_PREFERRED:
		/* numactl's prefers one node; of several, --preferred-many, needs Linux 5.15. */
		name = cpuset_count(nodes) > 1 ? "--preferred-many" : "--preferred";
		break;
	case POLICY_INTERLEAVE:
		name = "--interleave";
		break;
	case POLICY_NONE:
		break;
	}
	if (name && !cpuset_is_empty(nodes))
		snprintf(option, size, "%s=%s", name, CPUSET_STRING(nodes));
	else
		snprintf(option, size, "--localalloc");
}

/* ---- comments */

static void put_left_out(const struct strings *pairs, const char *from, FILE *to)
{
	const char *key = NULL;

	strings_for_each(item, pairs)
	{
		if (key && export_is_secret(key, item))
			fprintf(to, "# * %s: %s, which seems to hold a secret.\n", from,
				FOREIGN(key));
		key = key ? NULL : item;
	}
}

void export_head(const struct exported *x, const char *format, FILE *to)
{
	const struct plan *p = x->plan;

	fprintf(to, "# %s as %s: %u slice%s of ", p->name, format, p->slice_count,
		p->slice_count == 1 ? "" : "s");
	foreign_put(x->machine, to);
	fputs("\n# Made by: cleave export ", to);
	for (const char *c = format; *c; c++)
		fputc(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c, to);
	if (x->called[0]) {
		fputc(' ', to);
		foreign_put(x->called, to);
	}
	fputs("\n#\n", to);
}

void export_tail(const struct exported *x, FILE *to)
{
	const struct profile *p = x->profile;

	fputs("#\n# Without cleave there is no lending of idle CPUs, no monitor, no archive of classes, nobody\n"
	      "# who puts back what others change, and no restart but the one that is written here. Not here:\n",
	      to);
	fprintf(to,
		"# * A secret%s. To have one, put spark.authenticate=true and\n"
		"#   spark.authenticate.secret=… into a file that only the workers' user can read, and give\n"
		"#   --properties-file FILE to Master, Workers and spark-submit. Until then every local user can run\n"
		"#   code as the workers' user.\n",
		p->security.authenticate ? ", though the profile asks for one" : "");
	if (p->security.ui == UI_ACL)
		fputs("# * security.ui: acl. Spark's pages are open to all local users.\n", to);
	put_left_out(&p->spark.env, "spark.env", to);
	put_left_out(&p->spark.conf, "spark.conf", to);
	strings_for_each(option, &p->jvm.options)
	{
		char name[PLAN_TEXT];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(option, "="), option);
		if (export_is_secret(option, ""))
			fprintf(to, "# * jvm.options: %s, which seems to hold a secret.\n",
				FOREIGN(name));
	}
	for (unsigned i = 0; i < p->service_count; i++)
		fprintf(to, "# * services: %s.\n", FOREIGN(p->services[i].name));
}

struct submit {
	const char *indent;
	enum submit_by by;
	FILE *to;
};

static void put_conf(void *context, const char *key, const char *value)
{
	const struct submit *submit = context;
	cleanup_free char *word = NULL;
	size_t size;
	FILE *stream = open_memstream(&word, &size);

	if (!stream)
		return; /* a stream that has no memory fails as well */
	fprintf(stream, "%s=", key);
	for (; *value; value++) {
		if (*value == '$' && submit->by == SUBMIT_BY_SYSTEMD)
			fputc('$', stream);
		fputc(*value, stream);
	}
	if (fclose(stream))
		return;
	fprintf(submit->to, " \\\n%s--conf ", submit->indent);
	export_put_shell(word, submit->to);
}

int export_submit(const struct exported *x, enum submit_by by, const char *before,
		  const char *indent, FILE *to)
{
	struct submit submit = {indent, by, to};
	char url[EXPORT_URL];

	export_master_url(x, url);
	fprintf(to, "%s \\\n%s--master %s", before, indent, url);
	return export_properties(x, put_conf, &submit);
}
