/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_MACHINE_TOPOLOGY_H
#define DECISION_MACHINE_TOPOLOGY_H

/*
 * The machine as cleave sees it: a plain value. A reader (hwloc, a test's generator) fills in the
 * part above "derived"; topology_derive() computes the rest. Nothing else writes it.
 *
 * CPUs and everything made of CPUs stand in hwloc's logical ("tree") order, so each core, L3, NUMA
 * parent and package is a run of neighbours. Only CPUs that the machine allows are listed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/base/cpuset.h"
#include "decision/base/err.h"

enum {
	TOPOLOGY_CPUS = CPUSET_MAX,
	TOPOLOGY_NODES = 64,	 /* nodes present */
	TOPOLOGY_NODE_IDS = 256, /* OS indexes of nodes are below this */
	TOPOLOGY_SOURCE = 1024,
	TOPOLOGY_NONE = UINT16_MAX,
	TOPOLOGY_PACKAGE_CORES = 4, /* of a package that counts though all share one node */
	TOPOLOGY_NODE_PART = 8,	    /* huge pages leave less than this part: as if without memory */
	DISTANCE_LOCAL = 10,	    /* the firmware's SLIT unit */
	DISTANCE_REMOTE = 20,
};

struct topology_cpu {
	uint16_t os_index;
	uint16_t core; /* core, counted in tree order from 0; a CPU without one is its own */
	uint16_t l3;   /* L3 counted likewise, or TOPOLOGY_NONE */
	/* Package counted likewise, or TOPOLOGY_NONE; topology_core.package has one always. */
	uint16_t package;
	uint16_t kind; /* hwloc's cpukind, 0 where there are none */
};

struct topology_node {
	uint16_t id;	       /* OS index */
	bool allowed;	       /* may be written to cpuset.mems */
	uint64_t memory_bytes; /* capacity; 0: none, or unknown if no node has any */
	uint64_t huge_bytes;   /* of it, reserved as huge pages, used or not: not for heaps */
	struct cpuset cpus;    /* raw: as the firmware says, disallowed CPUs included */
	/* When this was read: what could be had, what others and the kernel held; 0, 0: not known. */
	uint64_t free_bytes, held_bytes;
	/* derived */
	uint64_t usable_bytes; /* what is left for slices and the reserve */
	bool memory_only;      /* no CPUs of its own */
	uint16_t package;      /* of its first CPU, or TOPOLOGY_NONE */
};

/* derived: a run of cores [first, first + count) in tree order */
struct topology_span {
	uint16_t first, count;
};

/* derived */
struct topology_core {
	uint16_t first_cpu, cpus; /* run of cpus[] */
	uint16_t package, l3;	  /* indexes into packages[], l3s[] */
	uint16_t kind;
	uint16_t numa; /* index into numa[] */
	uint16_t unit; /* index into units[] */
};

/*
 * derived: what `by: numa` divides: the CPUs that have the same nearest memory. `nodes` is a mask
 * over indexes of nodes[]: the local nodes with CPUs and memory. CPUs without a usable node are one
 * such parent a package (or a neighbourhood), with the nodes that stand in for it.
 */
struct topology_numa {
	struct topology_span cores;
	uint64_t nodes;
	bool stand_in; /* its CPUs have no usable node of their own */
};

enum topology_oddity {
	TOPOLOGY_NO_PACKAGES = 1 << 0,
	TOPOLOGY_NO_L3 = 1 << 1,
	TOPOLOGY_NO_DISTANCES = 1 << 2,
	TOPOLOGY_CPUS_WITHOUT_NODE = 1 << 3,
	TOPOLOGY_MEMORY_UNKNOWN = 1 << 4,
	TOPOLOGY_HYBRID_CORES = 1 << 5,		/* more than one kind of core */
	TOPOLOGY_CPUS_WITHOUT_PACKAGE = 1 << 6, /* others have one */
	TOPOLOGY_HIDDEN_NODES = 1 << 7,
	TOPOLOGY_HUGE_PAGES = 1 << 8, /* on a node that is allowed */
	TOPOLOGY_ISOLATED_CPUS = 1 << 9,
	TOPOLOGY_NOHZ_FULL_CPUS = 1 << 10,
	TOPOLOGY_ODDITIES_END = 1 << 11,
};

struct topology {
	char source[TOPOLOGY_SOURCE]; /* live | xml:FILE | synthetic:TEXT */
	bool this_machine;	      /* effects are allowed only then */
	unsigned cpu_count;
	struct topology_cpu cpus[TOPOLOGY_CPUS];
	struct cpuset disallowed; /* known, but not ours: offline or outside our cpuset */
	unsigned node_count;
	struct topology_node nodes[TOPOLOGY_NODES]; /* ascending by id */
	/* Ids of nodes that the kernel has with memory and hwloc has not: nobody can use them. */
	struct cpuset hidden_nodes;
	/*
	 * CPUs that the kernel was told to treat apart, whether they are allowed or not: it balances
	 * no load between isolated ones; nohz_full ones are for one task each; what RCU has to do
	 * for rcu_nocbs ones is done elsewhere, which hurts nobody.
	 */
	struct cpuset isolated, nohz_full, rcu_nocbs;
	bool has_distances;
	bool has_latencies; /* the distances are these, 10 for local memory */
	uint16_t distance[TOPOLOGY_NODES][TOPOLOGY_NODES]; /* from, to, by index of nodes[]; >= 1 */

	/* derived */
	unsigned oddities; /* of enum topology_oddity */
	struct cpuset allowed;
	struct cpuset
		apart; /* of these, isolated or nohz_full: for whom partition.cpus names them */
	unsigned core_count;
	struct topology_core cores[TOPOLOGY_CPUS];
	unsigned package_count;
	struct topology_span packages[TOPOLOGY_CPUS];
	unsigned l3_count; /* spans of cores; without L3s those of numa[], else of packages[] */
	struct topology_span l3s[TOPOLOGY_CPUS];
	unsigned numa_count;
	struct topology_numa numa[TOPOLOGY_CPUS];
	/*
	 * What a slice should not cross: packages, or, where those are smaller (virtual machines
	 * with a core a socket, old firmware), numa[]. A machine of one node says nothing of what
	 * lies between its packages: there those of TOPOLOGY_PACKAGE_CORES and more are units.
	 */
	unsigned unit_count;
	struct topology_span units[TOPOLOGY_CPUS];
};

/*
 * Compute the derived part from the rest, by the rules of decision/partition/README.md. Cores, L3s
 * and packages of cpus[] are numbered from 0 in tree order; deriving again, after CPUs were taken
 * away too, is fine. A CPU belongs to the lowest-numbered node whose raw set has it: a node left
 * without an allowed CPU is memory-only (this covers equal sets, and a memory expander that spans
 * several nodes). A node whose CPUs are not neighbours is several parents in numa[]. Linear in CPUs
 * × nodes. Return 0; -EINVAL (ERR_WRONG) for a machine that contradicts itself (no CPU, a core in
 * two packages, duplicate OS indexes, out-of-range ids, an object in two places, no allowed node
 * with memory), naming the object; ERR_IMPOSSIBLE where huge pages are all the memory that is
 * allowed; both with *t untouched.
 */
int topology_derive(struct topology *t, struct err *e);

/* Whether all packages are units. */
bool topology_packages_are_units(const struct topology *t);

/*
 * The distance between two nodes by index: the matrix's value, or 10 / 20 where it has none or 0.
 */
unsigned topology_distance(const struct topology *t, unsigned from, unsigned to);

/* The CPUs of one core, and of a run of cores. */
struct cpuset topology_core_cpus(const struct topology *t, unsigned core);
struct cpuset topology_span_cpus(const struct topology *t, struct topology_span span);

/* The OS indexes of the nodes in a mask over nodes[]. */
struct cpuset topology_node_ids(const struct topology *t, uint64_t mask);

#endif
