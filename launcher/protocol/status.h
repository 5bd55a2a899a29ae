/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_STATUS_H
#define LAUNCHER_PROTOCOL_STATUS_H

/*
 * What `status` shows, as a value and as JSON of schema cleave.status/1 (README.md). The supervisor
 * makes it and sends the text; the command reads it, or makes it itself from state and kernel where
 * the supervisor is dead.
 */

#include "containers/driver.h"
#include "launcher/protocol/state.h"

struct slice_status {
	unsigned id;
	char name[NAME_MAX_BYTES + 1];
	char state[16];			      /* worker_state_name() */
	struct cpuset cpus, home_cpus, nodes; /* cpus: effective, by the kernel */
	pid_t worker_pid;		      /* 0: none */
	char container[CONTAINER_NAME];	      /* "": none */
	unsigned executors;		      /* registered ones */
	unsigned executors_planned; /* of an application that uses all of the slice; 0: not told */
	unsigned tasks_running;
	double cpu_used; /* CPUs, over the last second */
	uint64_t memory_bytes, memory_max_bytes;
	double local_share; /* of anonymous memory on its own nodes; 1 where there is none */
	unsigned restarts;
	uint64_t oom_kills;
	bool throttled; /* by memory.high within the last second */
	unsigned tasks_pending;
	struct strangers foreign; /* processes that cleave has not started */
	char doing[PLAN_TEXT]; /* for people: "idle for 3.2 s", "busy, wants 4 CPUs"; "": unknown */
};

struct status_loan {
	struct loan loan;
	double since_s;
};

enum { STATUS_RECENT = 8 };

struct status_recent {
	double ago_s;
	char text[PLAN_TEXT];
};

/* The straggler monitor. */
struct status_monitor {
	enum rebalance_mode mode; /* in force */
	enum loan_mode loans;
	char tasks[PLAN_TEXT]; /* why Spark's tasks are not known; "": they are, or nothing runs */
	unsigned recent_count; /* what changed last, the newest first */
	struct status_recent recent[STATUS_RECENT];
};

/* About 250 KB: keep it on the heap. */
struct status {
	char name[NAME_MAX_BYTES + 1];
	enum cluster_phase phase;
	char why[PLAN_TEXT];	 /* of degraded */
	char unsaved[PLAN_TEXT]; /* why state.json is older than what there is; "": it is not */
	pid_t supervisor_pid;	 /* 0: dead */
	double uptime_s;
	char master_url[PROFILE_WORD], ui_url[PROFILE_WORD];
	enum ui_access ui;
	pid_t master_pid;
	struct spark_engine engine; /* of the slices' containers; no socket: there are none */
	unsigned alive_workers;
	unsigned slice_count;
	struct slice_status slices[SLICES_MAX];
	unsigned loan_count;
	struct status_loan loans[SLICES_MAX];
	struct status_monitor monitor;
	unsigned warning_count;
	struct plan_warning warnings[PLAN_WARNINGS];
};

/*
 * What state and kernel say: everything but executors, tasks, alive workers, cpu_used and uptime.
 * `samples` has room for SLICES_MAX. A group that is gone has no CPUs and the state "stopped"; `d`
 * NULL: all are.
 */
int status_collect(const struct state *s, struct driver *d, struct sample *samples,
		   struct status *out, struct err *e);

/* The share of a sample's anonymous memory that is on its own nodes; 1 where there is none. */
double sample_local_share(const struct sample *s);

/* CPUs used between two samples of one group. */
double sample_cpus_used(const struct sample *before, const struct sample *now);

extern const struct json_table status_table;
extern const struct json_field status_loan_fields[]; /* struct status_loan: a loan, and "since_s" */

/* Its loans as those of a plan: nothing else of `out` is written. */
void status_plan_loans(const struct status *s, struct plan *out);

#endif
