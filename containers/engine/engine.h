/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_ENGINE_ENGINE_H
#define CONTAINERS_ENGINE_ENGINE_H

/*
 * A dialogue with a container engine, Docker's or Podman's, over its unix socket: the Engine API
 * (docs.docker.com/engine/api, 1.41 of Docker Engine 20.10 at most; Podman speaks the same). Each
 * call is one request, waits for its answer and is bounded in time and size; so none of them
 * belongs in the supervisor's loop, whose errands (errand.h) make them in a child. What the engine
 * says is foreign text. Errors: ERR_FAILED with the engine's own words; -ENOENT where it knows no
 * such container or image; -EEXIST where a name is taken; -EBUSY where a container is not in the
 * state for it (killed though it does not run); -ECONNREFUSED where no engine answers, or it goes
 * while it does; -ETIMEDOUT; -EBADMSG for an answer that cannot be read; -EFBIG.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "containers/proc/printed.h"
#include "decision/base/err.h"
#include "decision/plan/plan.h"
#include "decision/plan/profile.h"

/* What says that a container is ours, and whose. */
#define LABEL_CLUSTER "cleave.cluster"
#define LABEL_SLICE   "cleave.slice" /* the group: "slice-0", "host" */

enum {
	CONTAINER_ID = 65,    /* 64 hexadecimal digits */
	IMAGE_ID = 80,	      /* sha256: and 64 more */
	CONTAINER_NAME = 128, /* cleave-NAME-slice-0 */
	CONTAINER_MOUNTS = 32,
	ENGINE_WORD = 64,
	ENGINE_CPUS = 1024,
};

struct engine;

/* What the engine says of itself (/version and /info). */
struct engine_about {
	char name[ENGINE_WORD];						  /* docker | podman */
	char version[ENGINE_WORD];					  /* 20.10.24 */
	char api[16];							  /* the one spoken: 1.41 */
	char architecture[ENGINE_WORD];					  /* as uname(1): x86_64 */
	char cgroup_driver[ENGINE_WORD];				  /* cgroupfs | systemd */
	int cgroup_version;						  /* 1 | 2 */
	bool is_rootless, has_cpuset, has_memory_limit, keeps_containers; /* live-restore */
};

/*
 * The socket to use: `wish` unless it is "" (auto); else, the first that there is, for docker
 * DOCKER_HOST where it is a unix:// address, /run/docker.sock, $XDG_RUNTIME_DIR/docker.sock, and
 * then as for podman: /run/podman/podman.sock, $XDG_RUNTIME_DIR/podman/podman.sock. -ENOENT, naming
 * all that were looked at.
 */
int engine_find_socket(const char *wish, enum backend backend, char socket[PROFILE_PATH],
		       struct err *e);

/*
 * Connect and agree on a version (1.41, or the oldest that a later engine still speaks;
 * -EPROTONOSUPPORT): at most 30 s. -EACCES says which group may use the socket.
 */
int engine_open(const char *socket, struct engine **out, struct err *e);
void engine_close(struct engine *g);
int engine_about(struct engine *g, struct engine_about *out, struct err *e);

/* ---- images */

struct image {
	char id[IMAGE_ID];
	char architecture[ENGINE_WORD]; /* as uname(1), like the engine's */
	char user[ENGINE_WORD];
	char spark_home[PROFILE_PATH], java_home[PROFILE_PATH], path[PROFILE_PATH]; /* its Env */
};

/* -ENOENT: the engine has no such image. */
int image_inspect(struct engine *g, const char *name, struct image *out, struct err *e);

/* Fetch it: minutes. `progress` (or NULL) is told each line that the engine says. */
int image_pull(struct engine *g, const char *name, void (*progress)(void *context, const char *),
	       void *context, struct err *e);

/* ---- containers */

struct mount {
	char source[PROFILE_PATH], target[PROFILE_PATH];
	bool is_writable;
};

/*
 * A container as a way to spawn: it lives in the host's network, user and IPC-private; its root is
 * read-only, with tmpfs where one has to write; it has no capabilities and gets none. No cpuset of
 * its own: its CPUs and nodes are those of `parent`. The engine does not restart it.
 */
struct container_spec {
	char name[CONTAINER_NAME];
	char image[PROFILE_PATH];
	char parent[PROFILE_PATH]; /* --cgroup-parent: a path, or a .slice unit */
	char cluster[NAME_MAX_BYTES + 1], slice[NAME_MAX_BYTES + 1]; /* the labels */
	char user[32];						     /* "UID:GID" */
	char directory[PROFILE_PATH];
	/*
	 * Borrowed. argv replaces the image's entrypoint; envp is put over the image's environment
	 * ("NAME" alone takes a variable of the image's away).
	 */
	char *const *argv, *const *envp;
	struct mount mounts[CONTAINER_MOUNTS];
	unsigned mount_count;
	unsigned open_files;		  /* RLIMIT_NOFILE, at most the engine's own; 0: that */
	bool takes_input, takes_terminal; /* it will be attached to (attach.h) */
	bool keeps_no_record;		  /* removed by the engine when it ends */
};

struct container_state {
	char id[CONTAINER_ID];
	char name[CONTAINER_NAME];
	char image_id[IMAGE_ID];
	char cluster[NAME_MAX_BYTES + 1], slice[NAME_MAX_BYTES + 1]; /* "": not labelled ours */
	char status[ENGINE_WORD]; /* created running paused restarting removing exited dead */
	pid_t pid;		  /* of its first process, as the engine's machine sees it; 0 */
	int exit_code;
	bool is_oom_killed;
	bool has_terminal;	/* what it prints comes in one stream */
	char error[256];	/* the engine's, why it did not start */
	char cpus[ENGINE_CPUS]; /* the engine's record of a cpuset, cut; "": none */
	char parent[PROFILE_PATH];
};

/* The body of POST /containers/create: a value, nothing is asked. NULL: out of memory. */
char *container_body(const struct container_spec *spec);

int container_create(struct engine *g, const struct container_spec *spec, char id[CONTAINER_ID],
		     struct err *e);
int container_start(struct engine *g, const char *id, struct err *e);
int container_inspect(struct engine *g, const char *id, struct container_state *out, struct err *e);

/*
 * The same for one of this cluster, by name; -EEXIST, and ERR_IMPOSSIBLE, where that is another's,
 * which is not to be touched.
 */
int container_find(struct engine *g, const char *name, const char *cluster,
		   struct container_state *out, struct err *e);

/* SIGTERM, SIGKILL after `grace_s` seconds. It having ended already is success. */
int container_stop(struct engine *g, const char *id, unsigned grace_s, struct err *e);
int container_kill(struct engine *g, const char *id, int signal_number, struct err *e);
int container_unpause(struct engine *g, const char *id, struct err *e);

/* With SIGKILL first if it runs; it being gone already is success. */
int container_remove(struct engine *g, const char *id, struct err *e);

/* Until it ends, at most timeout_ms. */
int container_wait(struct engine *g, const char *id, unsigned timeout_ms, int *exit_code,
		   struct err *e);

/* All with this LABEL_CLUSTER, at most `size`; return how many there are. */
int container_list(struct engine *g, const char *cluster, struct container_state *out, size_t size,
		   struct err *e);

/* Its last `lines` lines (0: all), written to `fd`; `follow`: until it ends. */
enum container_logs { LOGS_NOW, LOGS_FOLLOW };
int container_logs(struct engine *g, const char *id, enum container_logs how, unsigned lines,
		   int fd, struct err *e);

/*
 * What a path is inside a container, which need not run (Engine API: HEAD …/archive). -ENOENT: it
 * has none.
 */
struct container_path {
	mode_t mode;		   /* S_IFMT of the host; permissions */
	char target[PROFILE_PATH]; /* of a link, as the engine resolves it; else "" */
};
int container_stat(struct engine *g, const char *id, const char *path, struct container_path *out,
		   struct err *e);

/*
 * Run a container to its end and keep what it prints: its exit code, or an error; nothing of it is
 * left. As capture() of launcher/system, but timeout_ms begins when it runs: an engine that is busy
 * takes its time to start one.
 */
int container_capture(struct engine *g, const struct container_spec *spec, unsigned timeout_ms,
		      struct printed *p, struct err *e);

/* ---- attached: commands with the caller's stdin, stdout and stderr (attach.h) */

/*
 * A command in a running container (POST …/exec). `user` and `directory` as in container_spec.
 */
int exec_create(struct engine *g, const char *container, const struct container_spec *command,
		char id[CONTAINER_ID], struct err *e);

struct exec_state {
	bool is_running;
	int exit_code;
	pid_t pid; /* as the engine's machine sees it; 0 */
	char container[CONTAINER_ID];
};
int exec_inspect(struct engine *g, const char *id, struct exec_state *out, struct err *e);

/*
 * Signal it, with all that it has started, as a terminal would: the API cannot. False: it does not
 * run, or its process is not ours to see.
 */
bool exec_signal(struct engine *g, const char *id, int number);

#endif
