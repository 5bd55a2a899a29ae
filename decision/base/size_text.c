/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/base/size_text.h"

#include <inttypes.h>
#include <stdio.h>

char *size_format(uint64_t bytes, struct size_text *out)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
	unsigned unit = 0;
	uint64_t whole = bytes, tenths = 0;

	while (whole >= 1024) {
		/* Tenths of the next larger unit, rounded down; whole < 2^54 from here on. */
		tenths = whole % 1024 * 10 / 1024;
		whole /= 1024;
		unit++;
	}
	if (bytes == 0)
		snprintf(out->text, sizeof(out->text), "0");
	else if (tenths && whole < 100)
		snprintf(out->text, sizeof(out->text), "%" PRIu64 ".%" PRIu64 " %s", whole, tenths,
			 units[unit]);
	else
		snprintf(out->text, sizeof(out->text), "%" PRIu64 " %s", whole, units[unit]);
	return out->text;
}
