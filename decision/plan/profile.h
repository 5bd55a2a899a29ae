/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PLAN_PROFILE_H
#define DECISION_PLAN_PROFILE_H

/*
 * What the user wrote: one member a key of the YAML schema (profiles/README.md), in its order. A
 * plain value; profile_default() is the empty profile. profiles/load fills it in and guarantees
 * every range stated here; whoever makes one by hand must keep them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/base/cpuset.h"
#include "decision/base/strings.h"

enum {
	NAME_MAX_BYTES = 31,
	SLICES_MAX = 64,
	SLICE_EXECUTORS = 64, /* of a slice */
	PROFILE_PATH = 1024,
	PROFILE_WORD = 256, /* host names, devices, images, user names */
	PROFILE_IO = 16,
	PROFILE_SERVICES = 8,
	AMOUNT_AUTO = -1,
	AMOUNT_ALL = -2,
};

/* A size: `auto`, `none`, bytes, or a percentage of what the key's comment says. */
enum size_unit { SIZE_AUTO, SIZE_NONE, SIZE_BYTES, SIZE_PERCENT };
struct size {
	enum size_unit unit;
	uint64_t value; /* bytes, or percent 0 … 100 */
};

/* A written size in bytes, a percentage being of `whole`; auto and none are 0. */
uint64_t size_bytes(const struct size *size, uint64_t whole);

/* bytes × part / whole, without overflow; part <= whole < 2^32. */
uint64_t size_share(uint64_t bytes, uint64_t part, uint64_t whole);

/*
 * A Spark executor does not start with less: a heap of 1.5 × 300 MB
 * (core/…/memory/UnifiedMemoryManager.scala, RESERVED_SYSTEM_MEMORY_BYTES), and the direct buffers
 * of its transport (tried with Spark 4.1).
 */
#define HEAP_LEAST_BYTES   (UINT64_C(450) << 20)
#define DIRECT_LEAST_BYTES (UINT64_C(200) << 20)

enum partition_by { BY_AUTO, BY_MACHINE, BY_SOCKET, BY_NUMA, BY_L3 };
enum smt { SMT_ALL, SMT_ONE };
enum workload_type {
	WORKLOAD_AUTO,
	WORKLOAD_WORDCOUNT,
	WORKLOAD_GREP,
	WORKLOAD_NAIVE_BAYES,
	WORKLOAD_KMEANS,
	WORKLOAD_SQL,
	WORKLOAD_STREAMING,
};
enum data_format { FORMAT_AUTO, FORMAT_TEXT, FORMAT_COLUMNAR, FORMAT_VECTORS };
enum memory_policy { POLICY_STRICT, POLICY_PREFERRED, POLICY_INTERLEAVE, POLICY_NONE };
enum scratch_type { SCRATCH_DISK, SCRATCH_TMPFS };
enum give_back { GIVE_BACK_OFF, GIVE_BACK_IDLE };
enum gc { GC_AUTO, GC_PARALLEL, GC_G1, GC_ZGC, GC_SHENANDOAH, GC_SERIAL };
enum rebalance_mode { REBALANCE_OFF, REBALANCE_OBSERVE, REBALANCE_ACT };
enum loan_mode { LOANS_SHARED, LOANS_EXCLUSIVE };
enum loan_scope { SCOPE_PACKAGE, SCOPE_MACHINE };
enum backend { BACKEND_AUTO, BACKEND_CGROUP, BACKEND_DOCKER, BACKEND_PODMAN, BACKEND_AFFINITY };
enum ui_access { UI_OPEN, UI_ACL, UI_OFF };
enum docker_pull { PULL_NEVER, PULL_MISSING, PULL_ALWAYS };
enum docker_master { DOCKER_MASTER_HOST, DOCKER_MASTER_CONTAINER };

struct profile_partition {
	enum partition_by by;
	int slices;    /* 1 … 64 or AMOUNT_AUTO */
	int cores;     /* physical cores a slice, 1 … 4096 or AMOUNT_AUTO */
	int max_cores; /* 1 … 4096 or AMOUNT_ALL */
	enum smt smt;
	bool all_cpus;	    /* `cpus: all`; else: */
	struct cpuset cpus; /* OS indexes, not empty */
	bool memory_only_nodes;
	int reserve_cores;	    /* 0 … 4096 or AMOUNT_AUTO */
	struct size reserve_memory; /* auto, bytes, or percent of the nodes with CPUs */
};

struct profile_workload {
	enum workload_type type;
	char data_path[PROFILE_PATH]; /* "" for none */
	struct size data_size;	      /* auto or bytes */
	enum data_format data_format;
	char model[PROFILE_PATH]; /* "" for none */
	bool model_force;
};

struct profile_scratch {
	enum scratch_type type;
	char path[PROFILE_PATH];  /* "" for auto */
	struct size size;	  /* bytes */
	char spill[PROFILE_PATH]; /* "" for none */
};

/*
 * All sizes but `heap`, which is of one executor, are for one slice; percent is of the slice's
 * limit (for `heap` of an executor's equal part of it), for `limit` of its nodes' share.
 */
struct profile_memory {
	enum memory_policy policy;
	struct size limit, heap, direct;
	struct size off_heap, python;
	struct profile_scratch scratch;
	struct size page_cache;
	struct size high; /* none, bytes or percent */
	struct size low, swap;
	enum give_back give_back;
};

struct profile_io {
	char device[PROFILE_WORD];			     /* major:minor */
	uint64_t read_bps, write_bps, read_iops, write_iops; /* 0: no limit */
};

struct profile_jvm {
	char home[PROFILE_PATH]; /* "" for auto */
	enum gc gc;
	bool class_data_sharing;
	struct strings options;
};

struct profile_spark {
	char home[PROFILE_PATH]; /* "" for auto */
	uint64_t start_timeout_ms;
	char master_address[PROFILE_WORD];
	int master_port, master_ui_port; /* 1 … 65535 or AMOUNT_AUTO */
	char join[PROFILE_WORD];	 /* spark://host:port, "" for none */
	uint32_t first_address;		 /* IPv4 in host order; 0 for auto */
	int slots_per_cpu;		 /* 1 … 16 or AMOUNT_AUTO */
	int executors;			 /* of a slice: 1 … 64 or AMOUNT_AUTO */
	struct strings conf;		 /* key, value, … */
	struct strings env;		 /* key, value, … */
};

struct profile_rebalance {
	enum rebalance_mode mode;
	enum loan_mode loans;
	enum loan_scope scope;
	int keep; /* 1 … 4096 home CPUs */
	uint64_t tick_ms, cool_down_ms;
};

struct profile_docker {
	char socket[PROFILE_PATH]; /* "" for auto */
	char image[PROFILE_WORD];  /* "" for none */
	enum docker_pull pull;
	enum docker_master master; /* where master and drivers run */
	struct strings mounts;	   /* SOURCE:TARGET, SOURCE:TARGET:ro */
};

struct profile_service {
	char name[NAME_MAX_BYTES + 1];
	struct strings command;
	struct strings env; /* key, value, … */
};

struct profile_security {
	char user[PROFILE_WORD]; /* "" for auto */
	bool authenticate;
	enum ui_access ui;
};

struct profile {
	int version; /* 1 */
	char name[NAME_MAX_BYTES + 1];
	struct profile_partition partition;
	struct profile_workload workload;
	struct profile_memory memory;
	unsigned io_count;
	struct profile_io io[PROFILE_IO];
	struct profile_jvm jvm;
	struct profile_spark spark;
	struct profile_rebalance rebalance;
	enum backend backend;
	struct profile_docker docker;
	unsigned service_count;
	struct profile_service services[PROFILE_SERVICES];
	struct profile_security security;
	char metrics_listen[PROFILE_WORD]; /* "" for none */
};

/* Whether its slices are containers of an engine. */
bool profile_has_engine(const struct profile *p);

/* Fill in the empty profile: every key at its default. */
void profile_default(struct profile *out);

/* How profiles and --json spell the members of an enum, in its order; NULL at the end. */
extern const char *const partition_by_words[],
	*const workload_type_words[], *const gc_words[], *const rebalance_mode_words[],
								 *const loan_mode_words[],
									 *const loan_scope_words[];
extern const char *const ui_access_words[];

/* The option by which a JVM has that collector; auto is parallel. */
const char *gc_option(enum gc gc);

/* One of them; what takes a number lets readers try one after the other. */
const char *partition_by_name(enum partition_by by);
const char *workload_type_name(enum workload_type type);
const char *rebalance_mode_name(unsigned mode);
const char *loan_mode_name(unsigned mode);
const char *loan_scope_name(unsigned scope);
const char *ui_access_name(unsigned access);

/*
 * Whether a group has its slice's nodes only; under the other policies it has all of the machine's.
 */
static inline bool memory_policy_binds(enum memory_policy policy)
{
	return policy == POLICY_STRICT || policy == POLICY_INTERLEAVE;
}

/* Whether `name` is [a-z0-9][a-z0-9-]{0,30}. */
bool profile_name_is_valid(const char *name);

#endif
