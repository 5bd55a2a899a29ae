/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_CACHE_H
#define LAUNCHER_SYSTEM_CACHE_H

/*
 * Where things are kept that can be made again at any time, a directory an entry:
 * $XDG_CACHE_HOME/cleave, else /var/cache/cleave for root and ~/.cache/cleave for others.
 *
 * What lies there is believed, and mapped into JVMs, so it is used only where nobody else can have
 * written: every directory on the way belongs to root or the caller and is closed to the writing of
 * others (or is sticky, as /tmp is, and then the next one is not), and cleave's own are the
 * caller's. No error here is a reason to fail: things are made again, or done without.
 */

#include <stddef.h>
#include <sys/stat.h>

#include "decision/base/err.h"
#include "decision/plan/profile.h"

enum { CACHE_ENTRIES = 16 }; /* more than these are removed, the least recently used first */

/*
 * Open the entry `name`, made where it is missing. Return a descriptor of its directory, `path` is
 * its path; -EPERM names the directory that somebody else could write.
 */
int cache_open(const char *name, char path[PROFILE_PATH], struct err *e);

/* Mark the open entry as used now, and remove those that are too many. */
void cache_used(int entry);

/* Whether the caller or root wrote this file, and nobody else can. */
bool cache_is_ours(const struct stat *st);

#endif
