/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_EXECUTOR_ENDS_H
#define LAUNCHER_SUPERVISOR_EXECUTOR_ENDS_H

/*
 * Executors that end as soon as they begin. Spark's Worker starts the next one at once, without end,
 * and the application's driver says no more than that it has no resources: so what the executors'
 * own logs say is told here.
 */

#include "launcher/supervisor/site.h"
#include "launcher/watch/executor_watch.h"
#include "launcher/watch/task_watch.h"

struct executor_ends {
	struct executor_series {
		char app[APP_NAME], last[EXECUTOR_NAME]; /* of which one began last */
		unsigned count; /* in a row, that were followed by another and had not registered */
		uint64_t until_ns;		 /* when that is no news any more */
		uint64_t look_at_ns, tell_at_ns; /* before, no log is read, no event noted */
		char why[160];			 /* "": not known */
	} slices[SLICES_MAX];
};

/* An executor begins. Whether the one before has registered, `tasks` knows. */
void executor_ends_note(struct executor_ends *ends, struct site *s, const struct task_watch *tasks,
			const struct executor_start *start);

/* Why those of a slice end; "": they do not. */
const char *executor_ends_why(const struct executor_ends *ends, unsigned slice, uint64_t now_ns);

#endif
