/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAUNCHER_FAKE_ORDERS_H
#define TESTS_LAUNCHER_FAKE_ORDERS_H

/*
 * What a test tells the fakes of tests/launcher/fake_spark.h while they run: small files in one
 * directory, whose path they find in FAKE_ORDERS. A restarted fake reads the same orders.
 *
 *   127.0.0.10            "2": so many threads of the Worker there burn CPU; none: it is idle
 *   127.0.0.10.executor   "app-1 0 3": it has children that look like these executors (at most 8)
 *                         of this application, in work directories made before
 *   apps                  ids of the active applications, one a line
 *   APP.stages, APP.executors, APP.environment
 *                         what the driver's REST answers through the Master; none: 404
 *   rest                  how it answers instead: slow (never), garbage, 404, huge (100 MB), or 3 MB
 *                         that are dense (empty lists), members, deep (never closed)
 *   json                  one of the last four, or another text: what the Master says of itself
 *   wait                  a Master that starts does not listen anywhere as long as this is there
 *   master, worker        what FAKE_MASTER, FAKE_WORKER say, for those that start from now on
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the test's side; abort on failure */

/* Order, or change the order; readers see the old or the new text whole. */
void fake_order(const char *directory, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Take it back; there need not have been one. */
void fake_unorder(const char *directory, const char *what);

/* Take all back. */
void fake_unorder_all(const char *directory);

/* So many busy threads of the Worker at this address. */
void fake_burn(const char *directory, uint32_t address, unsigned threads);

/* The Worker there has these executors, "0 3"; those of another order are gone. */
void fake_executors(const char *directory, uint32_t address, const char *app, const char *ids);

/* What an application with one executor on each of `count` addresses says of itself. */
struct fake_application {
	const char *id;
	const uint32_t *addresses;
	unsigned count;
	const unsigned *running; /* tasks, by address */
	unsigned pending;
	unsigned stage; /* which one runs them; with no tasks at all none does */
};
/* It becomes the only active application, and its REST answers. */
void fake_tell(const char *directory, const struct fake_application *a);

/* ---- the fakes' side */

/* false: there is no such order. A text that is longer is cut. */
bool fake_ordered(const char *what, char *text, size_t size);

#endif
