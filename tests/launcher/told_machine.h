/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAUNCHER_TOLD_MACHINE_H
#define TESTS_LAUNCHER_TOLD_MACHINE_H

/*
 * A machine that is told to have other CPUs than it has, under a real supervisor with real groups
 * and processes: so that it can have 64 slices on two CPUs, and lose CPUs that nobody takes from
 * the machine. The program wraps driver_open() and topology_read() with what is here (see
 * told_driver_open()).
 *
 * CPU n is written to the kernel as the n modulo c of the c that are there; what was asked is kept
 * here, and read back from here. How much CPU time a slice uses is not measured but follows from
 * how many threads the test says it has, and from what its CPUs' other users leave: so nothing
 * depends on what else this machine does.
 *
 * All of it is in memory that the test and its supervisors share. After each write the ownership
 * rule of loans (decision/lending/README.md) is checked; told_is_sound() tells of the first time
 * that it was broken.
 */

#include "containers/driver.h"
#include "launcher/inputs/host_hwloc.h"

/* A new machine, for this process and those that it forks. */
void told_begin(unsigned cpus);

/*
 * A kernel whose groups lose offline CPUs for good, as those of cgroup v1; loans with walls: then
 * another rule holds.
 */
enum told_kind { TOLD_PLAIN, TOLD_FORGETS, TOLD_EXCLUSIVE };
void told_be(enum told_kind kind);

/* From now on the rule holds for these slices; they have no threads. */
void told_know(const struct plan *p);

/* ---- what the test does; each at once, as others see it */

void told_work(unsigned slice, unsigned threads);
void told_go_offline(unsigned cpu);
void told_come_online(unsigned cpu);
void told_refuse(const char *group); /* "": none */

/* Whether nothing is broken so far; else `why`. */
bool told_is_sound(char why[256]);

/* What the group can run on now. */
struct cpuset told_cpus(unsigned slice);
unsigned told_weight(unsigned slice);

/* ---- what the program wraps */

typedef int told_open(const struct driver_request *r, struct driver **out, struct err *e);
typedef int told_read(const struct topology_source *source, struct topology *out,
		      struct cpuset *mask, struct err *e);

/* __wrap_driver_open() and __wrap_topology_read(): the real ones themselves before told_begin(). */
int told_driver_open(told_open *real, const struct driver_request *r, struct driver **out,
		     struct err *e);
int told_topology_read(told_read *real, const struct topology_source *source, struct topology *out,
		       struct cpuset *mask, struct err *e);

#endif
