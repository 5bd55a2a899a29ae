/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_DETACH_H
#define LAUNCHER_SYSTEM_DETACH_H

#include "decision/base/err.h"

/*
 * Go on without terminal, session, working directory, and the descriptors of the command that
 * forked us but `kept` and `other_kept`: what we write goes to the end of `log` (0600, not through
 * a link).
 */
int detach(const char *log, int kept, int other_kept, struct err *e);

#endif
