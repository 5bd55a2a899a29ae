/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_CLUSTER_H
#define LAUNCHER_SYSTEM_CLUSTER_H

/*
 * Where one cluster keeps its things, and the identity of its processes.
 *
 *   STATE/NAME/  lock  control (socket)  state.json  home.json  events.jsonl  secret
 *                spark.conf  applications.conf  jvm.options  training.py  ui.key  ui.header
 *                env/
 *   DATA/NAME/   supervisor.log  train.log  log/{master,slice-0}.log
 *                master/{work,tmp}  slice-0/{work,scratch,tmp}  host/{tmp,own}  train/{work,tmp}
 *
 * All of these directories are the caller's and closed to the writing of others, but work, scratch
 * and tmp, which are the workers' user's: what is in those is foreign (directory.h).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "decision/base/err.h"
#include "decision/plan/plan.h"

struct cluster {
	char name[NAME_MAX_BYTES + 1];
	char state[PROFILE_PATH]; /* STATE/NAME, absolute */
	char data[PROFILE_PATH];  /* DATA/NAME, absolute */
	uid_t uid;		  /* who the workers run as */
	gid_t gid;
	char user[PROFILE_WORD]; /* "" if it is the caller himself */
};

/*
 * Compute the paths; make nothing. `state_dir` NULL: /run/cleave and /var/lib/cleave for root, else
 * $XDG_RUNTIME_DIR/cleave (/tmp/cleave-UID where that is unset, or another user's) and $XDG_STATE_HOME/cleave
 * (~/.local/state/cleave); otherwise `state_dir`/state and `state_dir`/data. Errors: a name that is
 * not one, a socket path of more than 107 bytes.
 */
int cluster_paths(const char *state_dir, const char *name, struct cluster *out, struct err *e);

/* XDG_RUNTIME_DIR, or NULL where it is not set, or another user's, as behind su. */
const char *cluster_runtime_dir(void);

/* "/tmp/cleave-UID": where the caller keeps what is only for a while without XDG_RUNTIME_DIR. */
void cluster_own_top(char path[PROFILE_PATH]);

/*
 * Resolve security.user into uid, gid and user. ERR_FAILED for an unknown user or a missing right.
 */
int cluster_user(const struct profile *p, struct cluster *c, struct err *e);

/*
 * Whether the workers' user may use `path` in the way of access(2)'s `mode`, parents included,
 * judged from modes and owners. ERR_FAILED with the first directory that is closed to him. Always
 * fine if the workers run as the caller.
 */
int cluster_user_access(const struct cluster *c, const char *path, int mode, struct err *e);

/*
 * Do something with the rights of the workers' user only: in a child of ours, which is killed after
 * ten seconds (-ETIMEDOUT). The error is brought back; the context is a copy. As it is where the
 * workers run as the caller.
 */
int cluster_as_user(const struct cluster *c, int (*work)(void *context, struct err *e),
		    void *context, struct err *e);

/*
 * In a child: have the rights of the workers' user and of these groups, for good. false with errno.
 */
bool cluster_become(const struct cluster *c, const gid_t *groups, int count);

/*
 * Make a directory of the workers' user, or take it as it is there if it is his; remove one, or
 * what else has that name. Where it lies has to be closed to others (directory.h), or is his own:
 * then it is done with his rights only.
 */
int cluster_make_for_user(const struct cluster *c, const char *path, mode_t mode, struct err *e);
int cluster_remove_for_user(const struct cluster *c, const char *path, struct err *e);

/*
 * Make STATE/NAME and DATA/NAME (0711, a private one below /tmp 0700) with their parents; they may
 * be there already.
 */
int cluster_make(const struct cluster *c, struct err *e);

/*
 * Logs and work directories of an earlier cluster of this name; supervisor.log, which is the
 * caller's, stays.
 */
int cluster_clear_data(const struct cluster *c, struct err *e);

/*
 * Remove STATE/NAME, without remains DATA/NAME as well, and the directory above each if that leaves
 * it empty. What is gone already is fine. Never follows a link out of them, never enters another
 * file system.
 */
enum cluster_remains { REMAINS_DATA, REMAINS_NOTHING };
int cluster_remove(const struct cluster *c, enum cluster_remains remains, struct err *e);

/* STATE/NAME/file. Return -ENAMETOOLONG if it does not fit. */
int cluster_file(const struct cluster *c, const char *file, char path[PROFILE_PATH], struct err *e);

/*
 * Open STATE/NAME or DATA/NAME, which nobody else can have made or can write. -ENOENT: it is not
 * there; -EPERM names the directory that others can write.
 */
int cluster_open_state(const struct cluster *c, struct err *e);
int cluster_open_data(const struct cluster *c, struct err *e);

/* Whether there is such a file. */
bool cluster_has_file(const struct cluster *c, const char *file);

/* The names of the clusters in the state directory, in alphabetical order. */
int cluster_list(const char *state_dir, struct strings *names, struct err *e);

/*
 * A process: its pid and its start time (/proc/PID/stat field 22), so that a reused pid is not
 * mistaken for it.
 */
struct process_id {
	pid_t pid;	     /* 0: none */
	uint64_t start_time; /* clock ticks after boot */
};

/* Read the identity of a live process. -ESRCH for a dead one; a zombie is dead. */
int process_identify(pid_t pid, struct process_id *out, struct err *e);
bool process_is_alive(const struct process_id *id);

/*
 * A pidfd of that very process: it is looked at again once the descriptor holds its number. -ESRCH:
 * it is dead.
 */
int process_open(const struct process_id *id);

/* Send it a signal; 0 only looks. false: it is dead, or not ours to signal. */
bool process_signal(const struct process_id *id, int number);

#endif
