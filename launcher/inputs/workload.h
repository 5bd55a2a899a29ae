/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_INPUTS_WORKLOAD_H
#define LAUNCHER_INPUTS_WORKLOAD_H

/*
 * What workload.type: auto looks at: the application that is to run, and the event logs of earlier
 * ones. Both are foreign bytes, read up to fixed bounds; what cannot be read or makes no sense is
 * "not seen", never an error. Both fill in facts.workload and facts.workload_from, and leave them
 * as they are where they see nothing.
 */

#include <stddef.h>

#include "decision/base/strings.h"
#include "decision/cost/facts.h"

/*
 * Of spark-submit's words: the first MB of a Python or R program that is a local file, else the
 * name of the main class. What a jar has in it is compressed, and is not read.
 */
void workload_of_application(char *const *words, struct facts *f);

/*
 * Of the newest event logs in the local directory spark.eventLog.dir, where `conf` has event logs
 * switched on: what most of them are, the newest of these deciding a tie. No link is followed out
 * of the directory, for the logs are other users', too. Where all are compressed (Spark 4's
 * default) nothing is seen, and facts.workload_from says that.
 */
void workload_of_event_logs(const struct strings *conf, struct facts *f);

/*
 * What the text of a program is; AUTO: none of the words is in it. Comments and what stands in
 * quotes do not count, and are overwritten with blanks. *word is that which tells most.
 */
enum workload_type workload_of_code(char *text, size_t size, const char **word);

/* What a part of an event log's lines tells: bit 1 << type for each kind that something is of. */
unsigned workload_of_events(const char *text, size_t size);

#endif
