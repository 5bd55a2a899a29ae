/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_EXPORT_FORMATS_H
#define LAUNCHER_SHOW_EXPORT_FORMATS_H

/*
 * A plan as text for another program: the same slices, pinned by Compose, systemd, Kubernetes or
 * numactl, without cleave. Values in, text out: nothing is read or started, and no secret is
 * printed.
 */

#include "launcher/show/export.h"

enum export_format { EXPORT_COMPOSE, EXPORT_SYSTEMD, EXPORT_KUBERNETES, EXPORT_NUMACTL };

/* How the command line spells them, in the enum's order; NULL at the end. */
extern const char *const export_format_words[];

/* `out` is {0}. -ENOMEM. */
int export_make(const struct exported *x, enum export_format format, struct export_files *out,
		struct err *e);

#endif
