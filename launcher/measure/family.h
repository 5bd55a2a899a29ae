/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_MEASURE_FAMILY_H
#define LAUNCHER_MEASURE_FAMILY_H

/*
 * Some processes and all that they started: what they use, and how to end them. A child belongs to
 * it once it was seen, also when its parent has ended since and it is init's. {0} is empty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/system/cluster.h"

struct relative {
	struct process_id id;
	pid_t parent;
	bool is_here;		/* at the last look; a zombie is not */
	uint64_t written_bytes; /* the caller's to fill in; a new one has 0 */
};

struct family {
	struct relative *items;
	size_t count, room;
};

/* Let it begin with a process, too, which may have ended already. -ENOMEM. */
int family_add(struct family *f, pid_t pid);

/* Look who is here, and add whoever was born: one walk through /proc. -ENOMEM, or its errno. */
int family_look(struct family *f);

/* Stop all of them, so that none has a child meanwhile, then kill them. */
void family_kill(struct family *f);

/* Wait until all have ended. false: some are still here after wait_ms. */
bool family_wait(struct family *f, unsigned wait_ms);

void family_release(struct family *f);
#define cleanup_family __attribute__((cleanup(family_release)))

#endif
