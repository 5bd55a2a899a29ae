/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/measure/family.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "decision/base/cleanup.h"

enum { ROUNDS = 10, STEP_MS = 20 };

static struct relative *find(const struct family *f, pid_t pid)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].id.pid == pid)
			return &f->items[i];
	return NULL;
}

static int add(struct family *f, const struct proc_stat *s)
{
	if (f->count == f->room) {
		size_t room = f->room ? 2 * f->room : 64;
		struct relative *items = reallocarray(f->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		f->items = items;
		f->room = room;
	}
	f->items[f->count++] = (struct relative){
		.id = {s->pid, s->start_ticks}, .parent = s->parent, .is_here = proc_is_alive(s)};
	return 0;
}

int family_add(struct family *f, pid_t pid)
{
	struct proc_stat s;

	return find(f, pid) || proc_stat_read(pid, &s) ? 0 : add(f, &s);
}

/* All processes of this machine, on the heap. */
static int read_all(struct proc_stat **out, size_t *count)
{
	cleanup_closedir DIR *processes = proc_list(0);
	cleanup_free struct proc_stat *list = NULL;
	size_t used = 0, room = 0;
	pid_t pid;

	if (!processes)
		return -errno;
	while ((pid = proc_next(processes))) {
		if (used == room) {
			struct proc_stat *more;

			room = room ? 2 * room : 512;
			more = reallocarray(list, room, sizeof(*list));
			if (!more)
				return -ENOMEM;
			list = more;
		}
		used += proc_stat_read(pid, &list[used]) == 0;
	}
	*out = take_pointer(list);
	*count = used;
	return 0;
}

int family_look(struct family *f)
{
	cleanup_free struct proc_stat *all = NULL;
	size_t count = 0, before;
	int r = read_all(&all, &count);

	if (r)
		return r;
	for (size_t i = 0; i < f->count; i++)
		f->items[i].is_here = false;
	for (size_t i = 0; i < count; i++) {
		struct relative *known = find(f, all[i].pid);

		if (known && known->id.start_time == all[i].start_ticks) {
			known->is_here = proc_is_alive(&all[i]);
			known->parent = all[i].parent;
		} else if (known) { /* another process with its number */
			*known = f->items[--f->count];
		}
	}
	/* A parent may stand behind its child in the list. */
	do {
		before = f->count;
		for (size_t i = 0; i < count && !r; i++)
			if (!find(f, all[i].pid) && find(f, all[i].parent) &&
			    proc_is_alive(&all[i]))
				r = add(f, &all[i]);
	} while (!r && f->count > before);
	return r;
}

static void send(const struct family *f, int number)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].is_here)
			process_signal(&f->items[i].id, number);
}

void family_kill(struct family *f)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t before = f->count;

		if (family_look(f) < 0 || (round && f->count == before))
			break;
		send(f, SIGSTOP);
	}
	send(f, SIGKILL);
}

bool family_wait(struct family *f, unsigned wait_ms)
{
	uint64_t end_ns = clock_now_ns() + wait_ms * CLOCK_MS;

	for (;;) {
		bool is_here = false;

		if (family_look(f) < 0)
			return false;
		for (size_t i = 0; i < f->count; i++)
			is_here |= f->items[i].is_here;
		if (!is_here || clock_left_ms(end_ns) <= 0)
			return !is_here;
		poll(NULL, 0, STEP_MS);
	}
}

void family_release(struct family *f)
{
	free(f->items);
	*f = (struct family){0};
}
