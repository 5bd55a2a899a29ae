/* SPDX-License-Identifier: Apache-2.0 */
/* How long Spark itself would wait for an answer, out of the profile's spark.conf. */

#include <ctype.h>
#include <string.h>

#include "launcher/spark/spark.h"

enum { DEFAULT_S = 120, PARTS = 3, DIGITS = 12 };
static const uint64_t most_ms = INT32_MAX; /* 24 days: for ever, and fits into what counts it */

/* JavaUtils.timeSuffixes of Spark; none is seconds, as ConfigBuilder.timeConf of this key has it. */
static const struct unit {
	const char *suffix;
	uint64_t us;
} units[] = {
	{"us", 1},	 {"ms", 1000},	    {"s", 1000000},    {"", 1000000},
	{"m", 60000000}, {"min", 60000000}, {"h", 3600000000}, {"d", 86400000000},
};

/* A time as Spark reads it: blanks around it and capitals do not matter. False: it is none. */
static bool parse_time_ms(const char *text, uint64_t *ms)
{
	size_t digits, length;

	text += strspn(text, " \t");
	digits = strspn(text, "0123456789");
	length = strlen(text);
	while (length > digits && isspace((unsigned char)text[length - 1]))
		length--;
	if (!digits || digits > DIGITS)
		return false;
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].suffix) == length - digits &&
		    strncasecmp(text + digits, units[i].suffix, length - digits) == 0) {
			double all = (double)strtoull(text, NULL, 10) * (double)units[i].us / 1000;

			*ms = all < (double)most_ms ? (uint64_t)all : most_ms;
			return true;
		}
	return false;
}

uint64_t spark_answer_ms(const struct profile *p)
{
	const char *text = strings_value(&p->spark.conf, "spark.network.timeout");
	uint64_t ms;

	/* What Spark cannot read either ends applications, not daemons. */
	if (!text || !parse_time_ms(text, &ms))
		ms = DEFAULT_S * 1000;
	return ms / PARTS;
}
