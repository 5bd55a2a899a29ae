/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DECISION_MACHINES_H
#define TESTS_DECISION_MACHINES_H

/*
 * Machines and profiles for tests, made without hwloc: regular ones, named odd ones, random ones.
 * All are derived already; a builder that makes a machine which topology_derive() refuses aborts,
 * because the builder is wrong. struct topology is large: keep it static.
 */

#include "decision/machine/topology.h"
#include "decision/plan/profile.h"

/* Every level divides the one above evenly. */
struct machine_shape {
	unsigned packages;
	unsigned nodes;	     /* a package */
	unsigned l3s;	     /* a node; 0: no L3 caches, and `cores` are a node's */
	unsigned cores;	     /* an L3 */
	unsigned smt;	     /* CPUs a core */
	uint64_t node_bytes; /* 0: unknown */
};

/*
 * CPUs are numbered as Linux does (the first threads of all cores come first), nodes in tree order;
 * distances 10, 12 inside a package, 20 … beyond, growing with how far the packages lie apart.
 */
void machine_regular(const struct machine_shape *shape, struct topology *out);

/*
 * NULL-terminated: paper-8x15 snc4 nps4 cxl memoryless no-packages broken-3x4 hybrid half-offline
 * cpus-4096 …
 */
extern const char *const machine_names[];

/* One of them; abort for an unknown name. */
void machine_named(const char *name, struct topology *out);

/*
 * Any shape that firmware, hypervisors and cgroups have been seen to make: uneven, with holes in OS
 * indexes, nodes over several packages or cutting across them, no L3s, disallowed CPUs and nodes,
 * nodes without memory or CPUs, asymmetric or absent distances, several kinds of cores. Mostly
 * below 200 CPUs, seldom up to 4096.
 */
void machine_random(unsigned long long *state, struct topology *out);

/* The same tree with other OS indexes. Nodes keep their order where that decides who owns a CPU. */
void machine_renumber(unsigned long long *state, const struct topology *in, struct topology *out);

/*
 * Any profile that profiles/load would accept; what it asks for is near what `t` can do, so that
 * many of them fit.
 */
void profile_random(unsigned long long *state, const struct topology *t, struct profile *out);

/* A number in 0 … below - 1, and true once in `in` times. */
unsigned random_below(unsigned long long *state, unsigned below);
bool random_once(unsigned long long *state, unsigned in);

#endif
