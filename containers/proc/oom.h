/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROC_OOM_H
#define CONTAINERS_PROC_OOM_H

/*
 * Who dies first of memory (proc(5), oom_score_adj). A process's value is inherited; what is kept
 * here is that of this process from before it protected itself, for its children.
 */

enum { OOM_PROTECTED = -900 }; /* -1000 would be never, also if it is we who take all memory */

/* Be among the last to be killed. -EACCES: this takes CAP_SYS_RESOURCE; then nothing changes. */
int oom_protect(void);

/*
 * In a child, before it executes: the value that we were started with. Where we are not protected,
 * nothing. Async-signal-safe.
 */
void oom_restore(void);

#endif
