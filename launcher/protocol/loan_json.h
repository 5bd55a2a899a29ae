/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_LOAN_JSON_H
#define LAUNCHER_PROTOCOL_LOAN_JSON_H

/*
 * Loans, and the decisions about them, as JSON. Slices go by their number, in documents with names
 * by their name.
 */

#include "decision/lending/rebalance.h"
#include "launcher/system/json.h"

/* struct loan: {"from":1,"to":0,"mode":"shared","cpus":"4-7","by_hand":false} */
extern const struct json_field loan_fields[];

/*
 * struct rebalance_decision but for donor and borrower:
 * {"reason":"lends","from":1,"to":0,"mode":"shared","cpus":"4-7", "text":"slice-1 …"}; "text" is
 * made of the others and not read.
 */
extern const struct json_field decision_fields[];

#endif
