/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_ENVIRONMENT_H
#define LAUNCHER_SYSTEM_ENVIRONMENT_H

/*
 * What of the caller's environment another program gets, and what it is told of who it is.
 *
 * One policy for all that belongs to a cluster (daemons, executors, their Python workers, drivers,
 * training, both sides of a comparison), for a result is not to depend on whose shell an `up` or a
 * `run` came from, nor on sudo, su, doas, a service manager or cron in between:
 *
 *   HOME, USER, LOGNAME, SHELL  of the user that it runs as, by the password database, which is
 *                               also where a JVM has its user.home and user.name from
 *   the locale                  LC_ALL, one in UTF-8 that this machine has: else "ä.txt" is no
 *                               name of a file to a JVM, and executors format otherwise than
 *                               their driver
 *   the time zone               the machine's: no TZ
 *
 * What the profile's spark.env says of these wins, and then for all of them. A command of `exec`
 * and a shell with the lines of `env` are the caller's: his stand.
 */

#include "decision/base/strings.h"
#include "launcher/system/argv.h"
#include "launcher/system/cluster.h"

/*
 * HOME, USER, LOGNAME and SHELL of a user. One whom the machine does not know has no home
 * (/nonexistent) and no name.
 */
void environment_put_user(uid_t uid, struct argv *env);

/*
 * The caller's own variables, less what is meant for this process alone: what a service manager
 * told it (NOTIFY_SOCKET, LISTEN_FDS, WATCHDOG_USEC …) and what changes how it sees the machine
 * (HWLOC_*).
 */
void environment_put_caller(struct argv *env);

/*
 * The same for a program that runs as the workers' user. Where that is somebody else, he gets only
 * what a list names (launcher/spark/README.md) and his own HOME: root's environment has tickets,
 * agents and keys in it.
 */
void environment_put_for(const struct cluster *c, struct argv *env);

/*
 * Make of `env` one of the cluster: what is said above, over what it has, and of `wishes`
 * (spark.env: name, value, name …) those that it is about. What of it tells of another user than
 * `uid` goes: SUDO_*, DOAS_USER, MAIL, an XDG_RUNTIME_DIR that is not his.
 */
void environment_settle(uid_t uid, const struct strings *wishes, struct argv *env);

/*
 * Whether a program with this environment (NAME=value, NULL at the end) has a locale in UTF-8: this
 * machine has all that it names, and LC_ALL, else LC_CTYPE, else LANG, is in UTF-8.
 */
bool environment_has_utf8(char *const *env);

/* LC_ALL where it has none. */
void environment_put_locale(struct argv *env);

#endif
