/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_INPUTS_SHIPPED_H
#define LAUNCHER_INPUTS_SHIPPED_H

/*
 * What comes with cleave: profiles, NAME.yaml in `profiles`, and the workloads of `bench`, NAME.py in
 * `launcher/measure/workloads`, beside the directory of the running binary (a source tree:
 * build/cleave or build/VARIANT/cleave), else in the installed place.
 */

#include <stdbool.h>

#include "decision/base/err.h"
#include "decision/plan/profile.h"

/* PROFILE is a path if it has a '/' or ends in ".yaml", else a shipped profile's name. */
bool shipped_is_path(const char *profile);

/* The path of a shipped profile. ERR_WRONG with the nearest name and all names: there is none. */
int shipped_find(const char *name, char path[PROFILE_PATH], struct err *e);

/* The path of a workload's program. Errors as above. */
int shipped_workload(const char *name, char path[PROFILE_PATH], struct err *e);

#endif
