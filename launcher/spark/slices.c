/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applications that keep to some slices: what Workers offer, and what such an application asks for.
 */

#include "launcher/spark/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned offered(const struct slice *s)
{
	return s->slots < SPARK_SLICE_EXECUTORS ? s->slots : SPARK_SLICE_EXECUTORS;
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
	const char *limit = strings_value(conf, "spark.cores.max");
	unsigned slots = 0;
	unsigned long wanted;
	char *end;

	for (unsigned i = 0; i < p->slice_count; i++)
		if (cpuset_has(slices, i))
			slots += p->slices[i].slots;
		else
			argv_addf(out, "spark.executor.resource.not-%u.amount=1", i);
	/* What is more, or no number, is none. */
	wanted = limit ? strtoul(limit, &end, 10) : 0;
	if (!wanted || *end || wanted > slots)
		wanted = slots;
	argv_addf(out, "spark.cores.max=%lu", wanted);
}
