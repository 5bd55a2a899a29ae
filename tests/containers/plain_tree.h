/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CONTAINERS_PLAIN_TREE_H
#define TESTS_CONTAINERS_PLAIN_TREE_H

/*
 * A plain directory for a mounted cgroup2, and what the kernel does in one: a new group has its
 * control files, those of controllers that are enabled above it; they go with it; a write replaces
 * what a file holds; effective sets follow. No process can be in it. A test that wants a kernel of
 * another mind puts a file in the place of one. A program that uses it says so in its first
 * comment:
 *
 * link: -Wl,--wrap=statfs -Wl,--wrap=mkdirat -Wl,--wrap=unlinkat -Wl,--wrap=openat
 * link: -Wl,--wrap=pwrite -Wl,--wrap=cgroup_layout_read
 *
 * One that opens a driver for a container engine also wraps cgroup_mountinfo_read.
 */

#include <stdbool.h>

/* Make the directory if it is not there; from now on this process has it mounted. */
void plain_tree_mount(const char *root);

/*
 * Asked before each wrapped call that changes or opens something: true with errno is its failure.
 */
extern bool (*plain_tree_fails)(void);

#endif
