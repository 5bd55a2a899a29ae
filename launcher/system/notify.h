#ifndef LAUNCHER_SYSTEM_NOTIFY_H
#define LAUNCHER_SYSTEM_NOTIFY_H

/* What the service manager is told, in the words of sd_notify(3): "READY=1". Nothing where there is none ($NOTIFY_SOCKET). */
void notify_manager(const char *text);

#endif
