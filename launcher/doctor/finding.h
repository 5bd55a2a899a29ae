/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_DOCTOR_FINDING_H
#define LAUNCHER_DOCTOR_FINDING_H

/* What the doctor says: a list of findings, in the order of its subjects. */

#include "decision/base/err.h"

enum finding_kind { FINDING_OK, FINDING_NOTE, FINDING_MISSING };

struct finding {
	enum finding_kind kind;
	char name[32];	     /* "cpuset", "clone3" …; stable, for --json */
	char what[ERR_TEXT]; /* a sentence without the full stop */
	char fix[256];	     /* a command or a setting, "" if nothing is to be done */
};

enum { FINDINGS_MAX = 96 };

struct findings {
	unsigned count;
	unsigned missing; /* of them: `up` cannot work without */
	struct finding items[FINDINGS_MAX];
};

/* Append a finding; what does not fit is dropped. `fix` "": nothing is to be done. */
void finding_add(struct findings *list, enum finding_kind kind, const char *name, const char *fix,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
