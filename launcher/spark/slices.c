#include "launcher/spark/slices.h"

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

static void write_resource(unsigned excluded, unsigned amount, FILE *file)
{
	fprintf(file,
		"{\"id\":{\"componentName\":\"spark.worker\",\"resourceName\":\"not-%u\"},"
		"\"addresses\":[",
		excluded);
	for (unsigned i = 0; i < amount; i++)
		fprintf(file, "%s\"%u\"", i ? "," : "", i);
	fputs("]}", file);
}

void spark_slices_write(const struct plan *p, unsigned slice, FILE *file)
{
	const char *comma = "";

	fputc('[', file);
	for (unsigned i = 0; i < p->slice_count; i++) {
		if (i == slice)
			continue;
		fputs(comma, file);
		write_resource(i, offered(&p->slices[slice]), file);
		comma = ",\n";
	}
	fputs("]\n", file);
}

static struct cpuset all_slices(const struct plan *p)
{
	struct cpuset all = {0};

	for (unsigned i = 0; i < p->slice_count; i++)
		cpuset_add(&all, i);
	return all;
}

int spark_slices_parse(const char *list, const struct plan *p, struct cpuset *out, struct err *e)
{
	const struct cpuset all = all_slices(p);
	struct cpuset slices, unknown;

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

/* spark.cores.max of the profile, or `most` where it names none, or more, or what is no number. */
static unsigned cores_wanted(const struct strings *conf, unsigned most)
{
	bool is_key = true, is_ours = false;
	unsigned long wanted = most;
	char *end;

	strings_for_each(item, conf)
	{
		if (is_ours) {
			unsigned long n = strtoul(item, &end, 10);

			wanted = !*end && n && n < most ? n : most;
		}
		is_ours = is_key && strcmp(item, "spark.cores.max") == 0;
		is_key = !is_key;
	}
	return (unsigned)wanted;
}

void spark_slices_request(const struct plan *p, const struct strings *conf,
			  const struct cpuset *slices, struct argv *out)
{
	unsigned slots = 0;

	for (unsigned i = 0; i < p->slice_count; i++)
		if (cpuset_has(slices, i))
			slots += p->slices[i].slots;
		else
			argv_addf(out, "spark.executor.resource.not-%u.amount=1", i);
	argv_addf(out, "spark.cores.max=%u", cores_wanted(conf, slots));
}
