/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_SCRATCH_H
#define LAUNCHER_SYSTEM_SCRATCH_H

/*
 * The scratch directories of slices below memory.scratch.path ("top"), which is not cleave's: their
 * names say whose they are. A top of another user than root, the caller and the workers' user is
 * refused.
 */

#include "launcher/system/cluster.h"

/* Where it is. Return -ENAMETOOLONG if it does not fit. */
int scratch_path(const struct cluster *c, const char *top, const char *slice,
		 char path[PROFILE_PATH], struct err *e);

/*
 * -EEXIST if one of the first `slices` slices' is there. Before it is written down that they are
 * the cluster's, for then they go with it.
 */
int scratch_check(const struct cluster *c, const char *top, unsigned slices, struct err *e);

/*
 * Make one (0700, the workers' user's), or take it as an earlier `up` has left it: it has to belong
 * to the workers' user.
 */
int scratch_make(const struct cluster *c, const char *top, const char *slice, struct err *e);

/*
 * Remove those of all slices that there may have been below `top`; "": none are there. Only
 * directories that belong to the workers' user. What is gone already is fine.
 */
int scratch_remove(const struct cluster *c, const char *top, struct err *e);

#endif
