/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_BASE_NEAREST_H
#define DECISION_BASE_NEAREST_H

/* "did you mean …": the known word nearest to a mistyped one. */

/* Words longer than this (in bytes) are never near to anything. */
enum { NEAREST_WORD = 64 };

/*
 * How many insertions, deletions, replacements and swaps of neighbouring bytes lead from `a` to
 * `b`, each stretch being edited once (optimal string alignment; Damerau 1964). A word over
 * NEAREST_WORD: NEAREST_WORD.
 */
unsigned word_distance(const char *a, const char *b);

/*
 * The first of the NULL-terminated `known` with the least distance, or NULL if even that one needs
 * more edits than a third of the longer word's length (at least one).
 */
const char *word_nearest(const char *word, const char *const *known);

#endif
