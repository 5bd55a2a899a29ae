/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/doctor/finding.h"

#include <stdarg.h>
#include <stdio.h>

void finding_add(struct findings *list, enum finding_kind kind, const char *name, const char *fix,
		 const char *format, ...)
{
	struct finding *f;
	va_list args;

	if (list->count == FINDINGS_MAX)
		return;
	f = &list->items[list->count++];
	list->missing += kind == FINDING_MISSING;
	f->kind = kind;
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->fix, sizeof(f->fix), "%s", fix);
	va_start(args, format);
	vsnprintf(f->what, sizeof(f->what), format, args);
	va_end(args);
}
