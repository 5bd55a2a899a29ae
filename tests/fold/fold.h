/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FOLD_FOLD_H
#define TESTS_FOLD_FOLD_H

/*
 * More CPUs than there are, for benches whose slices do not fit this machine. A program that is
 * linked with fold.c and FOLD_LINK of the Makefile takes the machine that the environment's
 * FOLD_MACHINE describes, in hwloc's synthetic text, for this one. Its driver is the real one, but
 * writes neighbouring CPUs as one of those that are there, and answers with what it was asked when
 * it has read back. So every read and write is one of the kernel's, processes are where they would
 * be, and only the numbers of CPUs differ. What shares a CPU gets a part of it each.
 */
#define FOLD_MACHINE "FOLD_MACHINE"

#endif
