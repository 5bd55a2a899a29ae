/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROCESS_AFFINITY_H
#define CONTAINERS_PROCESS_AFFINITY_H

/*
 * backend: affinity: no groups, so no limits and no weights; processes get an affinity mask and a
 * memory policy. Which process belongs to which slice is kept where it survives us: in the
 * environment of the process, which its children inherit: CLEAVE_GROUP=CLUSTER/GROUP:CPUS:NODES (as
 * they were when it was started). It counts with processes of the caller and of the workers' user only.
 */

#include "containers/driver.h"

/* The groups are those that running processes name. */
int affinity_open(const char *cluster, uid_t workers, struct driver **out, struct err *e);

#endif
