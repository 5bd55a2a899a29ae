/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAUNCHER_FAKE_SPARK_H
#define TESTS_LAUNCHER_FAKE_SPARK_H

/*
 * A Spark without JVMs, to test what the supervisor does with real processes and groups in
 * milliseconds. Its `java` is a copy of the test program, which, called by that name, behaves like
 * the JVM, the launcher, a Master (listens at its ports, answers /json/ and the drivers' REST), a
 * Worker (keeps a connection to its Master, by which it is registered, answers at its user
 * interface, and burns CPU when ordered)
 * or an executor (sleeps). FAKE_WORKER and FAKE_MASTER in spark.env change what they do: "exit"
 * (with a line in the log and status 3), "hang" (never registers, never answers), "wild" (listens
 * on all addresses). What they do while they run is ordered: tests/launcher/fake_orders.h.
 */

#include <stddef.h>

#include "decision/plan/profile.h"

/* Whether argv[0] is our `java`; then main() returns what fake_java() returns. */
int fake_is_java(const char *argv0);
int fake_java(int argc, char **argv);

/*
 * Make it below `top`, and a profile of one slice that uses it, its ports chosen automatically.
 * Abort on failure.
 */
void fake_spark_make(const char *top, const char *cluster, struct profile *out);

/* The directory of its orders. */
void fake_spark_orders(const char *top, char *path, size_t size);

#endif
