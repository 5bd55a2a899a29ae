/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Workers offer, and what an application asks for: executors of one size, and some slices
 * only.
 */

#include "launcher/spark/room.h"

#include <errno.h>
#include <stdlib.h>

/* ---- executors */

unsigned spark_worker_memory_mb(const struct slice *s)
{
	return (unsigned)(s->memory.heap_bytes / s->executors / MIB) * s->executors;
}

struct spark_request spark_request(const struct plan *p, const struct strings *conf,
				   const struct cpuset *slices)
{
	const char *limit = strings_value(conf, "spark.cores.max");
	struct spark_request out = {0};
	unsigned long wanted;
	char *end;

	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct slice *s = &p->slices[i];
		unsigned heap_mb = spark_worker_memory_mb(s) / s->executors;

		if (!i || heap_mb < out.heap_mb)
			out.heap_mb = heap_mb;
		if (s->executors > 1)
			out.executor_cores = s->slots / s->executors;
		if (cpuset_has(slices, i))
			out.cores_max += s->slots;
	}
	/* What is more, or no number, is none. */
	wanted = limit ? strtoul(limit, &end, 10) : 0;
	if (wanted && !*end && wanted < out.cores_max)
		out.cores_max = (unsigned)wanted;
	if (out.cores_max < out.executor_cores)
		out.executor_cores = out.cores_max;
	/* Else an application waits half a minute for cores that are no whole executor. */
	if (out.executor_cores)
		out.cores_max -= out.cores_max % out.executor_cores;
	return out;
}

/* ---- some slices */

static unsigned offered(const struct slice *s)
{
	unsigned most = s->executors > SPARK_SLICE_EXECUTORS ? s->executors : SPARK_SLICE_EXECUTORS;

	return s->slots < most ? s->slots : most;
}

void spark_slices_offer(const struct plan *p, unsigned slice, const char *file, struct argv *argv)
{
	if (p->slice_count < 2)
		return;
	argv_addf(argv, "-Dspark.worker.resourcesFile=%s", file);
	for (unsigned i = 0; i < p->slice_count; i++)
		if (i != slice)
			argv_addf(argv, "-Dspark.worker.resource.not-%u.amount=%u", i,
				  offered(&p->slices[slice]));
}

void spark_slices_write(const struct plan *p, unsigned slice, FILE *file)
{
	const char *comma = "";

	fputc('[', file);
	for (unsigned i = 0; i < p->slice_count; i++) {
		if (i == slice)
			continue;
		fprintf(file,
			"%s{\"id\":{\"componentName\":\"spark.worker\",\"resourceName\":\"not-%u\"},"
			"\"addresses\":[",
			comma, i);
		for (unsigned k = 0; k < offered(&p->slices[slice]); k++)
			fprintf(file, "%s\"%u\"", k ? "," : "", k);
		fputs("]}", file);
		comma = ",\n";
	}
	fputs("]\n", file);
}

int spark_slices_parse(const char *list, const struct plan *p, struct cpuset *out, struct err *e)
{
	struct cpuset all = {0}, slices, unknown;

	for (unsigned i = 0; i < p->slice_count; i++)
		cpuset_add(&all, i);
	if (cpuset_parse(list, &slices, e) || cpuset_is_empty(&slices))
		return err_wrong(e,
				 "--slices: '%.100s' is no list of slices such as 0,2-3: choose "
				 "from %s",
				 list, CPUSET_STRING(&all));
	unknown = cpuset_and_not(&slices, &all);
	if (!cpuset_is_empty(&unknown))
		return err_wrong(e, "--slices: %s has no slice %u: choose from %s", p->name,
				 cpuset_first(&unknown), CPUSET_STRING(&all));
	*out = slices;
	return 0;
}

void spark_slices_request(const struct plan *p, const struct strings *conf,
			  const struct cpuset *slices, struct argv *out)
{
	for (unsigned i = 0; i < p->slice_count; i++)
		if (!cpuset_has(slices, i))
			argv_addf(out, "spark.executor.resource.not-%u.amount=1", i);
	argv_addf(out, "spark.cores.max=%u", spark_request(p, conf, slices).cores_max);
}
