#ifndef TESTS_CONTAINERS_TREES_H
#define TESTS_CONTAINERS_TREES_H

/* Machines as /proc, /sys and /run show them, cut to what is read: tests/containers/trees/NAME. */

/* Open one; abort if it is not there. The descriptor is the caller's. */
int tree_open(const char *name);

#endif
