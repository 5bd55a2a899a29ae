/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_DOCTOR_FACTS_H
#define LAUNCHER_DOCTOR_FACTS_H

#include <stdint.h>
#include <sys/types.h>

#include "containers/where/tree.h"
#include "decision/machine/topology.h"
#include "launcher/inputs/caller.h"
#include "launcher/spark/archive.h"
#include "launcher/spark/directories.h"
#include "launcher/spark/limits.h"
#include "launcher/system/busy.h"

enum { BUSY_MAX = 8 };

/* What the findings are made from. A text that is not there is "". */
struct doctor_facts {
	char kernel[128]; /* uname's release */
	struct placement_facts place;
	struct placement decided;
	int place_result; /* of placement_decide() */
	struct err place_error;
	int caller_result; /* of caller_restrict() */
	struct err caller_error;
	struct caller caller;  /* with notes: the limits that cleave was started under */
	uint64_t memory_bytes; /* of this machine */
	int loopback_result;   /* of listening_check_address(), for the first slice */
	struct err loopback_error;
	bool clone3;				  /* the system call is there and not filtered */
	bool v2_freeze, v2_reclaim, v2_oom_group; /* files of v2 groups */
	bool pressure;				  /* /proc/pressure */
	bool oom_protects;			  /* oom_protect() may be called */
	char huge_pages[128], numa_balancing[32], swappiness[32], nodes[CPUSET_TEXT];
	struct topology machine; /* no CPUs: it could not be read */
	int machine_result;	 /* of load_machine(), then of plan_make() with no other facts */
	struct err machine_error;
	bool names_cpus; /* partition.cpus does */
	struct cpuset named_cpus;
	uint64_t offline_bytes, balloon_bytes; /* memory that is in no MemTotal */
	pid_t largest;			       /* the process with most memory in use */
	char largest_name[32];
	uint64_t largest_bytes;
	bool wants_engine; /* the profile does */
	int engine_result; /* of spark_find_engine() */
	struct err engine_error;
	struct spark_engine engine;
	int spark_result; /* of spark_resolve(), or spark_resolve_contained() */
	struct err spark_error;
	struct spark spark, contained; /* contained: where the profile wants an engine */
	int doors_result;	       /* of spark_take_environment() and its like */
	struct err doors_error;
	struct strings door_notes;
	int python_result; /* of spark_check_choice() */
	struct err python_error;
	struct cluster cluster; /* its paths and its user */
	int cluster_result;	/* of cluster_paths() and cluster_user() */
	struct err cluster_error;
	struct directory_look directories[SPARK_DIRECTORIES];
	bool has_name; /* spark_check_user() */
	bool has_utf8; /* a locale in UTF-8, whatever the caller's is */
	struct limits limits;
	struct limits_use limits_use; /* the least that the profile has */
	int archive_result;	      /* of archive_find(), for the default profile's workers */
	struct err archive_error;
	struct archive archive;
	struct claims claims; /* of clusters of cleave */
	unsigned busy_count;
	struct busy busy[BUSY_MAX]; /* processes outside of cleave's groups that use the CPUs */
};

#endif
