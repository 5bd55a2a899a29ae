#ifndef LAUNCHER_SPARK_H
#define LAUNCHER_SPARK_H

/*
 * Spark's side: which installation and JDK, the files and the command lines of Master, Workers and applications. Facts
 * it leans on are measured ones (SPARK notes in the README's design notes). Nothing here starts a process, except that
 * spark_resolve() asks java and python3 for their versions and spark-class's launcher, once, for its command line.
 */

#include <stdint.h>
#include <sys/types.h>

#include "decision/plan.h"
#include "launcher/cluster.h"

/* A growing, NULL-terminated list of words on the heap: an argv or an environment. {0} is empty. */
struct words {
	char **items; /* NULL-terminated once something was added */
	size_t count;
};
int words_add(struct words *w, const char *text);
int words_addf(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void words_release(struct words *w);
#define cleanup_words __attribute__((cleanup(words_release)))

/* One installation, resolved once at `up` and kept in the state. */
struct spark {
	char home[PROFILE_PATH];
	char version[32];       /* 4.1.0 */
	char scala_version[16]; /* 2.13 */
	char java[PROFILE_PATH]; /* the binary */
	int java_version;       /* 17 */
	char python[PROFILE_PATH]; /* python3 on the caller's PATH, "" if none */
	struct strings launch;  /* the words spark-class would execute for a daemon, up to and without the main class */
};

/*
 * Find Spark (profile, $SPARK_HOME, `spark` beside the running binary, pyspark of python3 on PATH), check its jars, find the JDK
 * ($JAVA_HOME, java on PATH) and that it suits this Spark. Errors name the path looked at and the profile key.
 */
int spark_resolve(const struct profile *p, struct spark *out, struct err *e);

/* Where Spark listens; decided at `up`, kept in the state. */
struct endpoints {
	char address[PROFILE_WORD]; /* of the Master */
	int port, ui_port;
};

/* Everything that a process of this cluster is started from. Borrowed pointers. */
struct spark_cluster {
	const struct cluster *cluster;
	const struct profile *profile;
	const struct plan *plan;
	const struct spark *spark;
	struct endpoints master;
};

/* A command line, its environment (rebuilt, not inherited) and its directory. */
struct process {
	struct words argv, env;
	char directory[PROFILE_PATH];
	char log[PROFILE_PATH]; /* where stdout and stderr are appended to */
};
void process_release(struct process *p);
#define cleanup_process __attribute__((cleanup(process_release)))

/* Write the secret (kept if it is there), properties, log4j file; make work, log, scratch directories with their owner. */
int spark_prepare(const struct spark_cluster *c, struct err *e);

int spark_master_process(const struct spark_cluster *c, struct process *out, struct err *e);
int spark_worker_process(const struct spark_cluster *c, unsigned slice, struct process *out,
			 struct err *e);

/* spark-submit with cleave's master, properties and conf before the user's `words`; environment: the caller's, cleaned. */
int spark_submit_process(const struct spark_cluster *c, char *const *words,
			 const struct cpuset *slices, struct process *out, struct err *e);

#endif
