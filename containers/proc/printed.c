/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/proc/printed.h"

#include <stdbool.h>
#include <string.h>

char *printed_last_line(struct printed *p, int (*is_it)(const char *line))
{
	char *found = NULL, *end = p->out + p->length, *line, *next;

	/* NULs stay where they are: what is printed behind one is a line, too. */
	for (line = p->out; line < end; line = next) {
		char *stop = line + strcspn(line, "\n");

		next = stop + 1;
		if (stop > line && stop[-1] == '\r')
			stop[-1] = '\0';
		*stop = '\0';
		if (is_it(line))
			found = line;
	}
	return found;
}

/*
 * What is said beside what is meant: of locales (bash, perl), of options in variables (JVM), of
 * deprecation (Python); and what stands above the error (Python, JVM, set -x).
 */
static bool is_aside(const char *line)
{
	static const char *const begins[] = {"Picked up ",
					     "NOTE: ",
					     "note: ",
					     "+ ",
					     "  ",
					     "Traceback ",
					     "Error occurred during initialization"};

	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
		if (strncmp(line, begins[i], strlen(begins[i])) == 0)
			return true;
	return strcasestr(line, "warning") != NULL;
}

/* Copy the first line that says something; without asides, unless they are all there is. */
static bool copy_first(const char *text, bool with_asides, char reason[PRINTED_REASON])
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t blanks = strspn(text, " \t\r"), length = strcspn(text, "\r\n");

		if (blanks >= length)
			continue;
		if (length >= PRINTED_REASON)
			length = PRINTED_REASON - 1;
		memcpy(reason, text, length);
		reason[length] = '\0';
		if (with_asides || !is_aside(reason))
			return true;
	}
	reason[0] = '\0';
	return false;
}

char *printed_reason(const struct printed *p, char reason[PRINTED_REASON])
{
	const char *const texts[] = {p->err, p->out};

	for (unsigned i = 0; i < 4; i++)
		if (copy_first(texts[i % 2], i >= 2, reason))
			return reason;
	return reason;
}
