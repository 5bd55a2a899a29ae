/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_LOAN_BOOK_H
#define LAUNCHER_SUPERVISOR_LOAN_BOOK_H

/*
 * The loans in force: written to the kernel, undone where that fails half-way, and told. Who
 * decides on them writes `wanted`, which differs from the plan in force in nothing but its loans.
 */

#include "launcher/protocol/rebalance_answer.h"
#include "launcher/supervisor/site.h"

/* The loans of a plan, without the plan. */
struct loan_list {
	unsigned count;
	struct loan items[SLICES_MAX];
};

struct loan_book {
	struct site *site;	       /* borrowed; outlives it */
	struct plan wanted;	       /* of the last decision */
	uint64_t since_ns[SLICES_MAX]; /* by loan in force */
	/* What is written between loan_book_open() and loan_book_shut(). */
	struct rebalance_answer *answer;
	unsigned recent_count; /* so far; the last STATUS_RECENT are kept */
	struct {
		uint64_t at_ns;
		char text[PLAN_TEXT];
	} recent[STATUS_RECENT];
};

void loan_list_get(const struct plan *p, struct loan_list *out);
void loan_list_set(struct plan *p, const struct loan_list *loans);

/* A new, empty answer, and its end. */
int loan_book_open(struct loan_book *b, struct err *e);
void loan_book_shut(struct loan_book *b);

/*
 * Put the wanted loans in force, or only say in the answer what that takes. What was written is
 * there also after a failure; then it has been undone, and the loans are as before.
 */
enum loan_effect { LOANS_WRITTEN, LOANS_DRY_RUN };
int loan_book_put_in_force(struct loan_book *b, enum loan_effect effect, struct err *e);

/* What all writes of an answer took. */
double loan_book_write_us(const struct rebalance_answer *a);

/* The loans of `p`, which is the plan in force or the wanted one, for answers. */
void loan_book_list(const struct loan_book *b, const struct plan *p, struct status_loan *out);

/* What changed last, for `status`. */
void loan_book_remember(struct loan_book *b, const char *text);

#endif
