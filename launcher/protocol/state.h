/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_STATE_H
#define LAUNCHER_PROTOCOL_STATE_H

/*
 * What the kernel does not know about a running cluster: STATE/NAME/state.json (written whole,
 * fsync, rename; versioned) and home.json (the home sets, written only when a profile is applied).
 */

#include "containers/driver.h"
#include "launcher/spark/spark.h"
#include "launcher/system/cluster.h"
#include "launcher/system/json.h"

enum cluster_phase { PHASE_DOWN, PHASE_STARTING, PHASE_UP, PHASE_DEGRADED, PHASE_STOPPING };

struct worker_record {
	struct process_id id;
	unsigned restarts;
	int ui_port; /* where it is asked whether it lives; 0: not known as yet */
};

/* About 700 KB: keep it on the heap. */
struct state {
	struct cluster cluster;
	enum cluster_phase phase;
	char why[PLAN_TEXT]; /* of degraded */
	struct profile profile;
	struct plan plan; /* home sets above all */
	struct spark spark;
	struct spark_engine engine; /* where the slices are containers */
	struct spark contained;	    /* what they run then */
	struct endpoints master;
	char location[PROFILE_PATH]; /* driver_location() */
	/* Scratch is below this, too, while an `up` goes from one memory.scratch.path to another. */
	char other_scratch[PROFILE_PATH];
	struct process_id supervisor, master_process;
	struct worker_record workers[SLICES_MAX];
};

enum { STATE_MAX_BYTES = JSON_MAX_BYTES };

/* All of it: in state.json and in an `apply` (README.md). */
extern const struct json_table state_table;
extern const struct json_field engine_fields[]; /* struct spark_engine */

/*
 * Return 0; -ENOENT: there is none; -EBADMSG: unreadable, or its plan is none that plan_check()
 * lets pass (the sentence says where and why).
 */
int state_read(const struct cluster *c, struct state *out, struct err *e);
int state_write(const struct state *s, struct err *e);

/* Only name, CPUs and nodes of each slice. Errors as of state_read(). */
int home_read(const struct cluster *c, struct plan *out, struct err *e);
int home_write(const struct cluster *c, const struct plan *p, struct err *e);

/* What everything of Spark's side is made from: borrows from the state. */
struct spark_cluster state_spark(const struct state *s);

/*
 * What driver_open() needs to find this cluster's groups, or to make them: borrows from the state.
 */
struct driver_request state_groups(const struct state *s, const char *cgroup_root);

const char *cluster_phase_name(unsigned phase);

#endif
