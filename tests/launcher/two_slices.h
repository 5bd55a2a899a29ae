/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAUNCHER_TWO_SLICES_H
#define TESTS_LAUNCHER_TWO_SLICES_H

/*
 * A cluster of two slices of one core each for the tests of lending: what the fakes in them do, and
 * what the kernel says of their CPUs. Slice 0 is the one that lags unless a test says otherwise.
 * Nothing here knows how long anything takes: what is to happen is waited for, with patience.
 */

#include "launcher/protocol/rebalance_answer.h"
#include "launcher/protocol/rebalance_event.h"
#include "tests/launcher/own_cluster.h"

/* A cluster that is not up yet, its profile ready to be changed; or the test is skipped. */
#define two_begin_or_skip()                    \
	do {                                   \
		char why_[ERR_TEXT];           \
		two_begin();                   \
		if (!two_is_usable(why_))      \
			test_skip("%s", why_); \
	} while (0)
void two_begin(void);
bool two_is_usable(char why[ERR_TEXT]);

/* Up for the first time; both slices are idle. */
void two_up(void);

/* After an `up` that made groups anew: a driver keeps the files of those it has seen open. */
void two_reopen(void);

/* The end of a test: down, and nothing is left. */
void two_end(void);

/* Orders to what runs in a slice. */
void two_burn(unsigned slice, unsigned threads); /* each uses a CPU if it gets one */
void two_lag(unsigned slice);			 /* one thread more than it has CPUs */
void two_rest(unsigned slice);

/*
 * Spark says: application app-1 has executor 0 on slice 0 and 1 on slice 1, with so many running
 * tasks, which belong to this stage; none is active if none runs.
 */
void two_tell(unsigned of_0, unsigned of_1, unsigned stage);

/* The groups' driver, for writing behind the supervisor's back. */
struct driver *two_driver(void);

/* What the kernel says now; aborts the test if the group is not there. */
struct observed_group two_look(unsigned slice);

/* By the kernel: 0 has the CPUs of 1 as well, 1 its own at the highest weight. */
bool two_is_lent(void);
/* The same the other way round. */
bool two_is_lent_back(void);
/* By the kernel: each has its home CPUs, at the default weight. */
bool two_is_home(void);

/*
 * How many decisions of the monitor with this reason are in the events; `what`: "loan" or
 * "observe".
 */
unsigned two_decisions(const char *what, enum rebalance_reason reason);

/*
 * `cleave rebalance`: ask the supervisor. The answer is on the heap, the caller's to free(). NULL:
 * it refused, and *e has its sentence and exit code.
 */
struct rebalance_answer *two_ask(const struct rebalance_request *r, struct err *e);
/* The same where a refusal fails the test. */
struct rebalance_answer *two_must(const struct rebalance_request *r);

/* --mode: the test fails if it is refused. */
void two_set_mode(enum rebalance_mode mode);

#endif
