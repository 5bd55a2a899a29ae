/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_SPARK_H
#define LAUNCHER_SPARK_SPARK_H

/*
 * Spark's side: which installation and JDK, the files and the command lines of Master, Workers and
 * applications. What is started, and the facts that it leans on, are in launcher/spark/README.md.
 */

#include <stdint.h>
#include <sys/types.h>

#include "containers/engine/engine.h"
#include "decision/plan/plan.h"
#include "launcher/system/argv.h"
#include "launcher/system/cluster.h"

enum {
	SPARK_FINGERPRINT = 17,
	SPARK_SECRET = 65, /* 64 hexadecimal digits */
	/* Of an application: what a driver's answer of 4 MiB has room for (launcher/watch). */
	EXECUTORS_MAX = 2048,
	JAVA_TEXT = 64, /* a version, a vendor */
	PYTHON_TROUBLE = 512,
};

/* One installation, resolved once at `up` and kept in the state. */
struct spark {
	char home[PROFILE_PATH];
	char version[32];	      /* 4.1.0 */
	char scala_version[16];	      /* 2.13 */
	char java[PROFILE_PATH];      /* the binary, in bin/ of … */
	char java_home[PROFILE_PATH]; /* … what the JVM itself calls so */
	int java_version;	      /* 17 */
	char python[PROFILE_PATH];    /* python3 on the caller's PATH, "" if none */
	/* As they were found at `up`; not kept in the state. */
	char hadoop[JAVA_TEXT]; /* of its client's jar: 3.4.2, "" if none */
	char java_full[JAVA_TEXT], java_vendor[JAVA_TEXT]; /* 17.0.15, Debian */
	char python_version[JAVA_TEXT];
	char python_trouble[PYTHON_TROUBLE]; /* why a python3 that is there cannot be used */
	/*
	 * What spark-class would execute for a daemon, up to and without the main class, less -Xmx.
	 * Its class path begins with the jars (room.h), and its configuration directory is one that
	 * does not exist.
	 */
	struct strings launch;
	/* Of all jars and of the JDK, by names, sizes and times: another one is another Spark. */
	char fingerprint[SPARK_FINGERPRINT];
	/*
	 * Where all of that is: "" on this machine, else in containers of the image with this id,
	 * into which this machine's Spark or Java is mounted if the image has none.
	 */
	char image[IMAGE_ID];
	bool mounts_home, mounts_java;
	/* NAME, value: what the caller's shell and spark-env.sh set for daemons (doors.h). */
	struct strings env;
};

/* A container engine, as it was found at `up`. */
struct spark_engine {
	char socket[PROFILE_PATH]; /* "": no containers */
	char name[ENGINE_WORD];	   /* docker | podman */
	char version[ENGINE_WORD];
	char cgroup_driver[ENGINE_WORD]; /* cgroupfs | systemd */
	bool is_rootless;
};

/*
 * Find Spark (profile, $SPARK_HOME, `spark` beside the running binary, pyspark of python3 on PATH),
 * check its jars, find the JDK (profile, $JAVA_HOME, java on PATH) and that it suits this Spark.
 * All of them are asked as the workers' user of `c` (cluster_user()), and refused where a stranger
 * could change what he runs (owner.h).
 * Errors (ERR_FAILED) name the path looked at and the profile key. Takes about half a second
 * the first time: it starts two JVMs, one after the other; then not while neither has changed.
 */
int spark_resolve(const struct profile *p, const struct cluster *c, struct spark *out,
		  struct err *e);

/*
 * What the caller's shell and conf/spark-env.sh set for daemons, into `s`, the same whatever else
 * the shell has; what is left out of it, and what the file printed, is noted. Nothing with an image,
 * whose conf/ is not read. Errors as of doors_source(), and for a SPARK_DAEMON_MEMORY that is none.
 */
int spark_take_environment(const struct profile *p, const struct cluster *c, struct spark *s,
			   struct argv *notes, struct err *e);

/*
 * Put what conf/spark-defaults.conf sets beneath the profile's spark.conf, less what is cleave's,
 * with a note each. ERR_FAILED for a file that cannot be read.
 */
int spark_take_defaults(const struct cluster *c, const struct spark *s, struct profile *p,
			struct argv *notes, struct err *e);

/*
 * What daemons have of a variable: the profile's spark.env, then what the caller's shell and
 * spark-env.sh set (`s`, NULL: not looked at); NULL: nothing. And their heap: SPARK_DAEMON_MEMORY.
 */
#define SPARK_DAEMON_HEAP (UINT64_C(384) << 20) /* launcher/spark/README.md */
const char *spark_daemon_value(const struct profile *p, const struct spark *s, const char *name);
int spark_daemon_heap(const struct profile *p, const struct spark *s, uint64_t *bytes,
		      struct err *e);

/*
 * Write the fingerprint of the jars and the JDK as they are now, 16 hexadecimal digits. About a
 * millisecond. ERR_FAILED: the jars cannot be listed.
 */
int spark_fingerprint(const struct spark *s, char out[SPARK_FINGERPRINT], struct err *e);

/*
 * The feature release (17; 8 of "1.8.0_392") of the JDK that spark_resolve() would take, out of the
 * file `release` beside its bin/ (JEP 223), without starting it; 0: no JDK, none that it would take,
 * a shim, or no such file.
 */
int spark_java_release(const struct profile *p);

/*
 * What Spark's documents say against the pair of this Spark and this Java, or this Python, without
 * forbidding it; false: nothing.
 */
bool spark_java_remark(const struct spark *s, char remark[ERR_TEXT]);
bool spark_python_remark(const struct spark *s, char remark[ERR_TEXT]);

/*
 * Whether what the caller's own PYSPARK_PYTHON and PYSPARK_DRIVER_PYTHON name is there, and the
 * first runs: 0 also where they are not set; else the sentence names the variable.
 */
int spark_check_choice(const struct cluster *who, struct err *e);

/*
 * The engine that the profile would use, and whether it can bind containers. Errors as of
 * engine_open(), ERR_IMPOSSIBLE for one that cannot.
 */
int spark_find_engine(const struct profile *p, struct spark_engine *out, struct err *e);

/*
 * The same for a cluster of containers: find the engine and see that it can, find or fetch the
 * image, and ask it what Spark and Java there are; seconds, and minutes for a fetch, of which
 * stderr tells. `spark`: of master and drivers; `contained`: of the slices. They are the same where
 * docker.master is container; else they have to be of one version. Errors are the engine's, and
 * name the profile key.
 */
int spark_resolve_contained(const struct profile *p, const struct cluster *c,
			    struct spark_engine *engine, struct spark *spark,
			    struct spark *contained, struct err *e);

/* Where Spark listens; decided at `up`, kept in the state. */
struct endpoints {
	char address[PROFILE_WORD]; /* of the Master */
	int port, ui_port;
};

/*
 * How long a daemon may leave a question unanswered: a third of spark.network.timeout, after which
 * drivers and executors give each other up, so that there is time to restart it. 40 s by default.
 */
uint64_t spark_answer_ms(const struct profile *p);

/* Everything that a process of this cluster is started from. Borrowed pointers. */
struct spark_cluster {
	const struct cluster *cluster;
	const struct profile *profile;
	const struct plan *plan;
	const struct spark *spark;
	const struct spark *contained;	   /* of the slices' containers; NULL: there are none */
	const struct spark_engine *engine; /* theirs */
	struct endpoints master;
};

/*
 * A command line, its environment, its directory ("": the caller's) and where stdout and stderr are
 * appended to ("": the caller's).
 */
struct process {
	struct argv argv, env;
	struct argv notes; /* of an application's: what was left out of its settings, and why */
	char directory[PROFILE_PATH];
	char log[PROFILE_PATH];
};
void process_release(struct process *p);
/* Hand over what was built, {0} stays behind; -ENOMEM if something of it could not be. */
int process_take(struct process *built, struct process *out, struct err *e);
#define cleanup_process __attribute__((cleanup(process_release)))

/*
 * -ENOENT: the machine has no name for this user, with which a JVM of Spark's on it ends (Hadoop's
 * UserGroupInformation).
 */
int spark_check_user(uid_t uid, struct err *e);

/*
 * Check that the workers' user can use Spark and Java, that limits and directories (limits.h,
 * directories.h) do for what they are for, then write the secret (kept if it is there),
 * the properties of daemons and of applications, and the log settings, and make the work, log,
 * scratch and tmp directories with their owner. Files are written whole or not at all. ERR_FAILED
 * naming the path, ERR_IMPOSSIBLE for a heap below Spark's minimum.
 */
int spark_prepare(const struct spark_cluster *c, struct err *e);

/*
 * What paths the cluster may have: ERR_WRONG for one that Spark or Java would take for another.
 * spark_resolve() checks those that it finds.
 */
int spark_paths_check(const struct cluster *c, const struct profile *p, struct err *e);

/*
 * The local path that a data path names ("file:///a", "file:/a", "/a"), or NULL for another's
 * ("hdfs://…").
 */
const char *spark_local_path(const char *path);

/*
 * A path as it is to stand between single quotes in JDK_JAVA_OPTIONS (JDK, args.c,
 * JLI_AddArgsFromEnvVar) and in Spark's option strings (CommandBuilderUtils.parseOptionString),
 * which quote as a shell does; and as the path of a URL (RFC 3986).
 */
enum { SPARK_QUOTED = 5 * PROFILE_PATH };
void spark_quote(const char *path, char quoted[SPARK_QUOTED]);
void spark_url(const char *path, char url[SPARK_QUOTED]);

/* A new secret, for spark.authenticate.secret. */
int spark_new_secret(char secret[SPARK_SECRET], struct err *e);

/*
 * The container of a daemon, "slice-0" or "master": all of it but `parent`, `argv`, `envp` and
 * `directory`. ERR_FAILED for a mount whose source is not there.
 */
int spark_container(const struct spark_cluster *c, const char *name, struct container_spec *out,
		    struct err *e);

/*
 * The same for a command of the caller's in the host group: it also sees his directory, and what
 * its words name on this machine.
 */
int spark_command_container(const struct spark_cluster *c, const char *directory,
			    char *const *words, struct container_spec *out, struct err *e);

/*
 * Whether containers see this path (one of another machine's needs no seeing). They do not where
 * root works for a user who could exchange a directory on the way.
 */
bool spark_sees(const struct spark_cluster *c, const char *path);

/* "cleave-NAME-slice-0": how the engine knows it. */
void spark_container_name(const char *cluster, const char *name, char out[CONTAINER_NAME]);

/*
 * "UID:GID" as the engine is told. In the user namespace of a rootless one its user, the caller, is
 * root, and nobody else is anybody.
 */
void spark_container_user(const struct spark_engine *engine, uid_t uid, gid_t gid, char out[32]);

/* Whether a process of this group, a slice's or the host's, is in a container. */
bool spark_is_contained(const struct spark_cluster *c, const char *group);

/* SPARK_HOME and JAVA_HOME. */
void spark_put_homes(const struct spark *s, struct argv *env);

/* PATH of a command in a container: the system's, then Spark's and Java's; nothing of the caller's. */
void spark_put_path(const struct spark *s, struct argv *env);

/*
 * The begin of a daemon's environment, nothing of the caller's: what a JVM and its Python workers
 * need of the workers' user (environment_settle()), and spark.env.
 */
void spark_put_user(const struct cluster *c, const struct profile *p, struct argv *env);

int spark_master_process(const struct spark_cluster *c, struct process *out, struct err *e);
int spark_worker_process(const struct spark_cluster *c, unsigned slice, struct process *out,
			 struct err *e);

/*
 * The JVM that writes an archive of classes (archive.h), and one that starts from what it wrote and
 * ends: as the workers' user, in the host group, until its end.
 */
struct archive_training;
int spark_training_process(const struct spark_cluster *c, const struct archive_training *t,
			   struct process *out, struct err *e);
int spark_trial_process(const struct spark_cluster *c, const struct archive_training *t,
			struct process *out, struct err *e);

/*
 * Which of spark-submit's words is the application: the first that is neither an option nor an
 * option's value. What follows is the application's own. The place of the NULL at the end if there
 * is none.
 */
size_t spark_application_word(char *const *words);

/*
 * spark-submit with cleave's properties file and `conf` (NAME=value words, NULL-terminated, or
 * NULL) before the user's `words`; environment: the caller's, cleaned, or what another user gets of
 * it, who it is as the cluster has it (environment.h), and what conf/spark-env.sh makes of that.
 * ERR_WRONG if the words name a properties file of their own, which would replace the one that holds
 * the cluster's secret, or set what is cleave's (doors.h).
 */
int spark_submit_process(const struct spark_cluster *c, char *const *conf, char *const *words,
			 struct process *out, struct err *e);

/*
 * Whether spark-submit's words are a program in Python that has none to run with: refused before
 * anything is started for it. -ENOENT, -ENOEXEC, -EPERM.
 */
int spark_check_python(const struct spark_cluster *c, char *const *words, struct err *e);

/*
 * What another shell needs to use the cluster, NAME=value each: SPARK_HOME, SPARK_CONF_DIR (with a
 * 0600 spark-defaults.conf that is the caller's), loopback, python, temporary files below our own
 * directories; where Spark's pages are closed, CLEAVE_UI_HEADER with the file for curl -H @FILE.
 * An item without '=' is a variable of the caller's that is not to be there; `notes` say why.
 * -EPERM: strangers could change what the caller would run.
 */
int spark_shell_environment(const struct spark_cluster *c, struct argv *out, struct argv *notes,
			    struct err *e);

/*
 * What an application that may use `slices` asks the Master for: one size of executor for all, the
 * smallest slice's heap, and as cores the slots, or spark.cores.max of the profile's `conf` where
 * that is less. The Master then starts slice.executors on each Worker, which has no slots for more.
 */
struct spark_request {
	unsigned cores_max;
	unsigned
		executor_cores; /* 0: all of its Worker's, which may be uneven: one executor each */
	unsigned heap_mb;	/* of an executor, 0 without slices */
};
struct spark_request spark_request(const struct plan *p, const struct strings *conf,
				   const struct cpuset *slices);

/*
 * Read the cpulist of slice ids that --slices has. ERR_WRONG, naming the ids there are, for an
 * empty or malformed list or one with other ids.
 */
int spark_slices_parse(const char *list, const struct plan *p, struct cpuset *out, struct err *e);

/*
 * Properties (NAME=value) of an application that is to use only `slices`: what it asks for, and as
 * cores the slots of these slices (or spark.cores.max of the profile's `conf` where that is less),
 * since it waits until it has them all.
 */
void spark_slices_request(const struct plan *p, const struct strings *conf,
			  const struct cpuset *slices, struct argv *out);

/*
 * spark-submit's words win over the plan. ERR_IMPOSSIBLE, with the numbers, where they make
 * executors of which none can start on these slices, or more on one of them than its memory was
 * divided for. Fewer, or smaller ones, are the user's right: slots stay unused.
 */
int spark_words_check(const struct spark_cluster *c, const struct cpuset *slices,
		      char *const *words, struct err *e);

#endif
