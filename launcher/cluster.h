#ifndef LAUNCHER_CLUSTER_H
#define LAUNCHER_CLUSTER_H

/*
 * Where one cluster keeps its things (DESIGN §9), and the identity of its processes.
 *
 *   STATE/NAME/  lock  control (socket)  state.json  home.json  events.jsonl  secret  spark.conf  conf/  env/
 *   DATA/NAME/   supervisor.log  master/{log,work,tmp}  slice-0/{log,work,scratch,tmp}  host/tmp
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "decision/err.h"
#include "decision/plan.h"

struct cluster {
	char name[NAME_MAX_BYTES + 1];
	char state[PROFILE_PATH]; /* STATE/NAME, absolute */
	char data[PROFILE_PATH];  /* DATA/NAME, absolute */
	uid_t uid;                /* who the workers run as */
	gid_t gid;
	char user[PROFILE_WORD];  /* "" if it is the caller himself */
};

/* Compute the paths; make nothing. `state_dir` NULL: /run/cleave and /var/lib/cleave, or the XDG directories. */
int cluster_paths(const char *state_dir, const char *name, struct cluster *out, struct err *e);

/* Resolve security.user into uid, gid and user. ERR_FAILED for an unknown user or a missing right. */
int cluster_user(const struct profile *p, struct cluster *c, struct err *e);

/* STATE/NAME/file. Return -ENAMETOOLONG if it does not fit. */
int cluster_file(const struct cluster *c, const char *file, char path[PROFILE_PATH],
		 struct err *e);

/* The names of the clusters in the state directory, in alphabetical order. */
int cluster_list(const char *state_dir, struct strings *names, struct err *e);

/* A process: its pid and its start time (/proc/PID/stat field 22), so that a reused pid is not mistaken for it. */
struct process_id {
	pid_t pid; /* 0: none */
	uint64_t start_time; /* clock ticks after boot */
};

/* Read the identity of a live process. -ESRCH for a dead one; a zombie is dead. */
int process_identify(pid_t pid, struct process_id *out, struct err *e);
bool process_is_alive(const struct process_id *id);

#endif
