#ifndef LAUNCHER_SPARK_SLICES_H
#define LAUNCHER_SPARK_SLICES_H

/*
 * Which slices an application may use (`run --slices`). Standalone Spark takes no list of Workers to place
 * executors, but it places them only where the custom resources they ask for are free. So each Worker offers, for every
 * *other* slice i, a resource not-i, and an application that is not to use slice i asks for one not-i an executor: all
 * Workers but slice i's have it. An application that asks for none goes everywhere. Tried on Spark 4.1.0.
 */

#include <stdio.h>

#include "decision/plan/plan.h"
#include "launcher/system/argv.h"

/*
 * The most not-i that a Worker offers, and so the most executors that applications started with --slices have on a slice
 * at one time. An executor takes at least one slot, so as many as slots always suffice; the ceiling keeps the Master's
 * answer, which lists each of them three times for each pair of slices, below REST_ANSWER_MAX for SLICES_MAX slices.
 */
enum { SPARK_SLICE_EXECUTORS = 32 };

/*
 * JVM options of the slice's Worker: how many of each resource it offers, and the file of their addresses. They are on its
 * command line so that a Worker that offers something else is seen to be another one. None in a plan of one slice.
 */
void spark_slices_offer(const struct plan *p, unsigned slice, const char *file, struct argv *argv);

/* What that file holds: JSON, as spark.worker.resourcesFile wants it. */
void spark_slices_write(const struct plan *p, unsigned slice, FILE *file);

/*
 * Read the cpulist of slice ids that --slices has. ERR_WRONG, naming the ids there are, for an empty or malformed list or
 * one with other ids.
 */
int spark_slices_parse(const char *list, const struct plan *p, struct cpuset *out, struct err *e);

/*
 * Properties (NAME=value) of an application that is to use only `slices`: what it asks for, and as cores the slots of these
 * slices (or spark.cores.max of the profile's `conf` where that is less), since it waits until it has them all.
 */
void spark_slices_request(const struct plan *p, const struct strings *conf,
			  const struct cpuset *slices, struct argv *out);

#endif
