/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_WATCH_APPLICATION_H
#define LAUNCHER_WATCH_APPLICATION_H

/*
 * What one Spark application has said of its work, cut down to what the monitor wants to know:
 * which slices have executors of it, how many tasks run there, how many wait, which stages are
 * active. Pure: answers go in, a value comes out.
 *
 * The counters are hints. Spark's listener drops events under load, and then "running" may stay
 * above what it is for as long as the application lives; "waiting" is meant to err on the same
 * side. Answers are foreign text, bounded here, and by rest.h in size.
 */

#include <stddef.h>

#include "decision/base/err.h"
#include "decision/plan/plan.h"
#include "launcher/spark/spark.h"
#include "launcher/system/json_bound.h"

enum { STAGES_MAX = 64 };

/* Where slices listen, so that executors are matched with their slices. */
struct slice_addresses {
	unsigned count;
	uint32_t items[SLICES_MAX]; /* IPv4, host order */
};

struct application_stage {
	int id, attempt;
	uint64_t counted; /* bit i: application_count_stages() has counted it for slice i */
};

/* About 10 KB. {0}: nothing was heard. */
struct application {
	/* When the questions were sent whose answers these are; 0: none was answered. */
	uint64_t executors_at_ns, stages_at_ns;

	/* Of its executors: */
	uint64_t slices; /* bit i: slice i has some */
	unsigned executors[SLICES_MAX];
	uint64_t running[SLICES_MAX]; /* tasks */
	uint64_t running_everywhere;  /* on other machines, too */
	unsigned number_count;
	uint32_t numbers[EXECUTORS_MAX + 1]; /* a list of them has the driver, too */

	/* Of its active stages: */
	unsigned stage_count;
	struct application_stage stages[STAGES_MAX];
	uint64_t waiting;     /* tasks that were not begun */
	uint64_t active;      /* tasks that run, as the stages count them */
	bool has_more_stages; /* than STAGES_MAX */

	unsigned task_cpus; /* spark.task.cpus; 0: not heard */
};

/*
 * What the answers may have, and what we read of them: /executors with so many of them, of which
 * each says which slices' resources it holds; /stages and /environment, whatever the cluster.
 */
struct json_limits application_executors_limits(unsigned slices, unsigned executors);
extern const struct json_limits application_stages_limits, application_environment_limits;

/*
 * Take in an answer to a question sent at requested_ns: /executors, /stages?status=active,
 * /environment. An answer that is none of Spark's is an error and changes nothing.
 */
int application_read_executors(struct application *a, const struct slice_addresses *slices,
			       const char *text, size_t size, uint64_t requested_ns, struct err *e);
int application_read_stages(struct application *a, const char *text, size_t size,
			    uint64_t requested_ns, struct err *e);
int application_read_environment(struct application *a, const char *text, size_t size,
				 struct err *e);

/* Add to each slice that has executors the active stages that were not counted for it before. */
void application_count_stages(struct application *a, uint64_t begun[SLICES_MAX]);

/*
 * Tasks of active stages that no executor has begun (launcher/spark/README.md: numTasks −
 * numCompletedIndices − running ones; running is numActiveTasks, as our applications run without
 * speculation). A task that only the stages count as running began in between, somewhere, and is
 * one that waits, if they were requested after the executors; else it has ended in between.
 */
uint64_t application_pending(const struct application *a);

/* Whether it lists an executor of this "id". */
bool application_has_executor(const struct application *a, const char *id);

#endif
