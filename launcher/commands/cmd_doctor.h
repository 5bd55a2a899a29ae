/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_CMD_DOCTOR_H
#define LAUNCHER_COMMANDS_CMD_DOCTOR_H

/*
 * What this machine can do for cleave, what is missing, and the command that would fix it: a list
 * of findings, made from facts that were read before. Nothing of the machine is changed.
 */

#include <stdint.h>
#include <sys/types.h>

#include "containers/where/tree.h"
#include "launcher/spark/archive.h"
#include "launcher/system/busy.h"

enum finding_kind { FINDING_OK, FINDING_NOTE, FINDING_MISSING };

struct finding {
	enum finding_kind kind;
	char name[32];	     /* "cpuset", "clone3" …; stable, for --json */
	char what[ERR_TEXT]; /* a sentence without the full stop */
	char fix[256];	     /* a command or a setting, "" if nothing is to be done */
};

enum { FINDINGS_MAX = 64, BUSY_MAX = 8 };

struct findings {
	unsigned count;
	unsigned missing; /* of them: `up` cannot work without */
	struct finding items[FINDINGS_MAX];
};

/* What the findings are made from. A text that is not there is "". */
struct doctor_facts {
	char kernel[128]; /* uname's release */
	struct placement_facts place;
	struct placement decided;
	int place_result; /* of placement_decide() */
	struct err place_error;
	bool clone3;				  /* the system call is there and not filtered */
	bool v2_freeze, v2_reclaim, v2_oom_group; /* files of v2 groups */
	bool pressure;				  /* /proc/pressure */
	bool oom_protects;			  /* oom_protect() may be called */
	char huge_pages[128], numa_balancing[32], swappiness[32], nodes[128];
	bool wants_engine; /* the profile does */
	int engine_result; /* of spark_find_engine() */
	struct err engine_error;
	struct spark_engine engine;
	int spark_result; /* of spark_resolve(), or spark_resolve_contained() */
	struct err spark_error;
	struct spark spark, contained; /* contained: where the profile wants an engine */
	int archive_result;	       /* of archive_find(), for the default profile's workers */
	struct err archive_error;
	struct archive archive;
	struct claims claims; /* of clusters of cleave */
	unsigned busy_count;
	struct busy busy[BUSY_MAX]; /* processes outside of cleave's groups that use the CPUs */
};

/*
 * Read the facts that matter to `p`; `wait_ms` is how long the use of the CPUs is measured. About
 * 150 KB: keep it on the heap.
 */
int doctor_read(const struct profile *p, const char *cgroup_root, unsigned wait_ms,
		struct doctor_facts *out, struct err *e);

void doctor_judge(const struct doctor_facts *f, struct findings *out);

#endif
