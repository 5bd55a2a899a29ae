/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_TRAIN_H
#define LAUNCHER_COMMANDS_TRAIN_H

/*
 * The training run that makes the archive of classes (launcher/spark/archive.h), in the host group
 * of a cluster that is up and with the least priority there. Where one is there already, or none
 * can be, or another process makes it, nothing happens; nothing that goes wrong is an error of the
 * command that wanted it.
 */

#include "launcher/commands/command.h"
#include "launcher/protocol/state.h"
#include "launcher/system/foreground.h"

/* In a process of its own, which ends within minutes, or with the cluster. */
void train_in_background(const struct options *o, const struct state *s);

/*
 * And wait for it, saying so on stderr. A signal that comes to `f`, which holds them back, ends it.
 */
void train_in_foreground(const struct options *o, const struct state *s, struct foreground *f);

#endif
