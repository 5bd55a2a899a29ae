/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_BASE_SIZE_TEXT_H
#define DECISION_BASE_SIZE_TEXT_H

/* Bytes as people read them; files carry the exact number. */

#include <stdint.h>

/*
 * "64 GB", "1.5 GB", "768 MB", "12 B", "0": powers of 1024, three digits at most after rounding
 * down to tenths.
 */
struct size_text {
	char text[24];
};
char *size_format(uint64_t bytes, struct size_text *out);
#define SIZE_STRING(bytes) size_format((bytes), &(struct size_text){{0}})

#endif
