/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/running.h"

#include <errno.h>
#include <poll.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/inputs/inputs.h"
#include "launcher/inputs/shipped.h"
#include "launcher/system/lock.h"

enum {
	ANSWER_MS = 5000, /* its loop takes some ms a turn */
	HOLDER_MS = 3000, /* a supervisor that has the lock and does not listen yet, or any more */
	RETRY_MS = 50,
};

bool word_number(const char *word, unsigned max, unsigned *out)
{
	char *end;
	unsigned long value = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end || value > max)
		return false;
	*out = (unsigned)value;
	return true;
}

bool word_slice(const char *word, unsigned *out)
{
	return word_number(word + (strncmp(word, "slice-", 6) ? 0 : 6), UINT16_MAX, out);
}

int running_cluster(const struct options *o, const char *operand, struct cluster *out,
		    struct err *e)
{
	cleanup_free struct profile *p = malloc(sizeof(*p));
	const char *word = o->cluster ? o->cluster : operand;
	struct strings running = {0};
	bool is_running = false;
	char path[PROFILE_PATH];
	struct err ignored;

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	if (o->cluster && operand)
		return err_wrong(e, "both --cluster %s and '%s' name a cluster; give one",
				 o->cluster, operand);
	if (cluster_list(o->roots.state_dir, &running, e) < 0)
		return e->code;
	if (!word && running.count > 1)
		return err_wrong(e, "there are %u clusters (%s, %s%s); name one with --cluster",
				 running.count, strings_get(&running, 0), strings_get(&running, 1),
				 running.count > 2 ? ", …" : "");
	if (!word && running.count == 1)
		word = strings_get(&running, 0);
	strings_for_each(known, &running)
	{
		is_running |= word && !strcmp(known, word);
	}
	if (!word || shipped_is_path(word) ||
	    (!is_running && shipped_find(word, path, &ignored) == 0)) {
		if (load_profile(word, p, e) < 0)
			return e->code;
		word = p->name;
	}
	if (!profile_name_is_valid(word))
		return err_wrong(e,
				 "'%s' is no cluster's name: allowed are at most %d letters a-z, "
				 "digits and dashes, no dash first",
				 word, NAME_MAX_BYTES);
	return cluster_paths(o->roots.state_dir, word, out, e);
}

int running_state(const struct cluster *c, struct state **out, struct err *e)
{
	cleanup_free struct state *s = calloc(1, sizeof(*s));
	int r = s ? state_read(c, s, e) : err_set(e, -ENOMEM, "no memory for the state");

	if (r == -ENOENT)
		return err_set(e, r, "no cluster %s is up (there is no %s/state.json): cleave up",
			       c->name, c->state);
	if (r == -EBADMSG)
		return err_wrap(e, "the state of %s is lost, run up to rebuild it", c->name);
	if (!r)
		*out = take_pointer(s);
	return r;
}

int running_driver(const struct options *o, const struct state *s, struct driver **out,
		   struct err *e)
{
	struct driver_request request = state_groups(s, o->roots.cgroup_root);

	request.intent = DRIVER_OBSERVE;
	return driver_open(&request, out, e);
}

void running_driver_closep(struct driver **d)
{
	if (*d)
		(*d)->ops->close(*d);
}

bool running_is_dead(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET || r == -EPIPE;
}

int running_mute(const struct cluster *c, pid_t supervisor, struct err *e)
{
	if (!supervisor)
		return err_set(e, -ETIMEDOUT,
			       "the supervisor of %s lives and does not answer: see what keeps it "
			       "and try again",
			       c->name);
	return err_set(e, -ETIMEDOUT,
		       "the supervisor of %s (process %d) does not answer: see what keeps it and "
		       "try again, or kill -9 %d and run up or down (workers go on until then)",
		       c->name, (int)supervisor, (int)supervisor);
}

int running_query(const struct cluster *c, const struct control_request *request, char **text,
		  const struct json_table *t, void *value, struct err *e)
{
	uint64_t end_ns = clock_now_ns() + HOLDER_MS * CLOCK_MS;
	pid_t pid = 0;
	int r;

	for (;;) {
		r = control_query(c, request, ANSWER_MS, text, t, value, e);
		/* Who has the lock and no socket is only beginning, or ending. */
		if (!running_is_dead(r) || !lock_is_held(c, &pid) || clock_left_ms(end_ns) <= 0)
			break;
		poll(NULL, 0, RETRY_MS);
	}
	if (r == -ETIMEDOUT) {
		lock_is_held(c, &pid);
		return running_mute(c, pid, e);
	}
	if (running_is_dead(r) && lock_is_held(c, &pid))
		return err_set(e, -ETIMEDOUT,
			       "cluster %s is held by process %d, which does not answer: an up or "
			       "down may be under way",
			       c->name, (int)pid);
	return r;
}

int running_status(const struct cluster *c, struct status *out, char **text, struct err *e)
{
	return running_query(c, &(struct control_request){.command = CONTROL_STATUS}, text,
			     out ? &status_table : NULL, out, e);
}

void running_notes(const struct argv *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		fprintf(stderr, "cleave: %s\n", FOREIGN(notes->items[i]));
}
