/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PLAN_PLAN_H
#define DECISION_PLAN_PLAN_H

/*
 * What cleave decided: a value, copied by `=`, compared field by field, nothing to free (about 400
 * KB: keep it on the heap or static, not in deep stacks). decision/README.md has its words and
 * invariants; engine/plan_make makes one, check/plan_check guards them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/base/cpuset.h"
#include "decision/base/err.h"
#include "decision/base/strings.h"
#include "decision/machine/topology.h"
#include "decision/plan/profile.h"

enum {
	PLAN_UNUSED = 16,
	PLAN_WARNINGS = 32,
	PLAN_NOTES = 64,
	PLAN_CANDIDATES = 256,
	PLAN_TEXT = 256,
	WEIGHT_DEFAULT = 100, /* cgroup v2's cpu.weight; v1's shares are 1024 for it */
	WEIGHT_MAX = 10000,   /* v1: 262144 */
};

/* The default loopback block and ports. */
#define PLAN_FIRST_ADDRESS 0x7f00000au /* 127.0.0.10 */
enum { PLAN_MASTER_PORT = 7077, PLAN_MASTER_UI_PORT = 8080 };

/*
 * The memory budget of one slice, in bytes: sums over its executors, of which each has an equal
 * part of heap, direct, off_heap and native. max = heap + direct + off_heap + python + native +
 * daemon + scratch + page_cache (invariant 8). max 0: sizes unknown, no limit is set, and
 * page_cache is 0.
 */
struct slice_memory {
	uint64_t max_bytes;
	uint64_t heap_bytes, direct_bytes, off_heap_bytes, python_bytes, native_bytes, daemon_bytes,
		scratch_bytes, page_cache_bytes;
	uint64_t high_bytes; /* memory.high, 0: none */
	uint64_t low_bytes;  /* memory.low */
	uint64_t swap_bytes; /* memory.swap.max */
};

struct slice {
	unsigned id;		       /* = its place in plan.slices */
	char name[NAME_MAX_BYTES + 1]; /* slice-<id>: its group's name */
	struct cpuset cpus;	       /* home CPUs, OS indexes */
	struct cpuset nodes;	       /* for cpuset.mems, OS indexes */
	struct cpuset packages;	       /* where its cores are, in tree order */
	unsigned cores;
	unsigned slots;	    /* task slots of its Worker: an equal number each executor */
	unsigned executors; /* JVMs that share the slice, >= 1 */
	uint32_t address;   /* IPv4, host order */
	struct slice_memory memory;
	struct strings jvm_options; /* of its executors */
};

struct loan {
	unsigned from, to; /* slice ids: donor, borrower */
	enum loan_mode mode;
	struct cpuset cpus;
	bool by_hand; /* by `rebalance --from --to`: the monitor leaves it alone */
};

struct plan_host {
	struct cpuset cpus; /* the reserve; empty: shared */
	bool shared;	    /* runs on all allowed CPUs that are not apart */
	struct cpuset nodes;
	uint64_t memory_bytes;
};

/* CPUs that no slice got; several reasons for the same CPUs are one entry. */
struct plan_unused {
	struct cpuset cpus;
	char why[PLAN_TEXT];
};

enum warning_code {
	WARN_UNEVEN_PACKAGES,
	WARN_UNEVEN_NODES,
	WARN_PACKAGE_RESERVED,
	WARN_CROSSES_L3,
	WARN_CROSSES_NODE,
	WARN_CROSSES_PACKAGE,
	WARN_MEMORY_UNKNOWN,
	WARN_MEMORY_SMALL,
	WARN_CPUS_WITHOUT_NODE,
	WARN_NO_PACKAGES,
	WARN_NO_L3,
	WARN_NO_DISTANCES,
	WARN_HYBRID_CORES,
	WARN_SLOTS_EQUAL_CPUS,
	WARN_UNUSED_CORES,
	WARN_MEMORY_ONLY_NODES,
	WARN_HIDDEN_NODES,
	WARN_CPUS_WITHOUT_PACKAGE,
	WARN_HUGE_PAGES,
	WARN_MEMORY_HELD,
	WARN_ISOLATED_CPUS,
	WARN_NOHZ_FULL_CPUS,
	WARN_COUNT
};

struct plan_warning {
	enum warning_code code;
	char message[PLAN_TEXT]; /* one sentence; at most one warning a code */
};

/* Predicted seconds by cause (decision/cost/README.md). */
struct plan_terms {
	double startup, cold, work, gc, remote, shuffle, spill, tail;
};

struct plan_candidate {
	enum partition_by by;
	unsigned slices, cores; /* cores of the largest slice */
	unsigned executors;	/* of each slice */
	bool feasible;
	char why[PLAN_TEXT]; /* why taken or not */
	/* To one JVM on all cores, or to the chosen one where that cannot be; 0: not predicted. */
	double throughput;
	double low, high; /* what it may come to: the model's error; 0: not predicted */
	struct plan_terms terms;
};

struct plan {
	char name[NAME_MAX_BYTES + 1];
	unsigned slice_count;
	struct slice slices[SLICES_MAX];
	struct plan_host host;
	struct cpuset allowed; /* of the machine when the plan was made */
	/*
	 * Of these, what slices and reserve were cut from: in partition.cpus and within max_cores.
	 * A core is usable if one of its CPUs is here.
	 */
	struct cpuset usable;
	/* Of the allowed ones, isolated or nohz_full: for slices, if at all, not for the others. */
	struct cpuset apart;
	unsigned loan_count;
	struct loan loans[SLICES_MAX];
	unsigned unused_count;
	struct plan_unused unused[PLAN_UNUSED];
	unsigned chosen; /* index into candidates */
	unsigned candidate_count;
	struct plan_candidate candidates[PLAN_CANDIDATES];
	unsigned warning_count;
	struct plan_warning warnings[PLAN_WARNINGS];
	unsigned note_count;
	char notes[PLAN_NOTES][PLAN_TEXT];
};

/*
 * Warnings and notes, as the plan's makers append them; a text that does not fit is cut with "…".
 */
void plan_warn(struct plan *p, enum warning_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void plan_note(struct plan *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "uneven-packages" and so on: the stable spelling of --json. */
const char *warning_code_name(enum warning_code code);

bool slice_memory_is_equal(const struct slice_memory *a, const struct slice_memory *b);

/* Whether two loans may differ in nothing but their CPUs. */
bool loan_is_same(const struct loan *a, const struct loan *b);

/* The CPUs of the host group: the reserve, or all that are allowed and not apart. */
struct cpuset plan_host_cpus(const struct plan *p);

/* Those allowed and not apart; where there are none, the usable ones: also the supervisor's. */
struct cpuset plan_balanced_cpus(const struct plan *p);

/*
 * The CPUs a slice may run on while the plan's loans are in force: home, plus borrowed, less
 * exclusively lent.
 */
struct cpuset plan_effective_cpus(const struct plan *p, unsigned slice);

/* Its CPU weight: WEIGHT_MAX while it lends shared, else WEIGHT_DEFAULT. */
unsigned plan_weight(const struct plan *p, unsigned slice);

#endif
