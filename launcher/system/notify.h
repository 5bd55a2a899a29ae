/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_NOTIFY_H
#define LAUNCHER_SYSTEM_NOTIFY_H

/*
 * Tell the service manager, in the words of sd_notify(3): "READY=1". Nothing where there is none
 * ($NOTIFY_SOCKET).
 */
void notify_manager(const char *text);

#endif
