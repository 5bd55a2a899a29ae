#include "launcher/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/supervisor/monitor.h"
#include "launcher/system/files.h"

enum { LOOP_FDS = 2 + SLICES_MAX + 1 + CONTROL_FDS };

/* ---- requests */

static void refuse(struct supervisor *s, struct control_client *client, const char *why, pid_t pid)
{
	struct err e;

	err_set(&e, -EBUSY, "cluster %s %s (process %d)", s->state->cluster.name, why, (int)pid);
	supervisor_answer_error(s, client, &e);
}

static void begin_apply(struct supervisor *s, struct err *e)
{
	if (apply_begin(s, e))
		apply_fail(s, e);
}

/* The state that an `apply` asks for, on the heap; NULL and an error if it is none of this cluster. */
static struct state *read_wanted(const struct supervisor *s, const struct control_request *request,
				 struct err *e)
{
	cleanup_free struct state *wanted = calloc(1, sizeof(*wanted));

	if (!wanted) {
		err_set(e, -ENOMEM, "no memory for a state");
		return NULL;
	}
	if (state_parse(request->state, request->state_size, wanted, e))
		return NULL;
	if (strcmp(wanted->cluster.name, s->state->cluster.name) != 0) {
		err_wrong(e, "a state of cluster %s was sent to cluster %s", wanted->cluster.name,
			  s->state->cluster.name);
		return NULL;
	}
	return take_pointer(wanted);
}

static void asked_apply(struct supervisor *s, struct control_client *client,
			const struct control_request *request)
{
	struct err e;

	if (s->stage >= STAGE_STOP) {
		refuse(s, client, "is being taken down", getpid());
		return;
	}
	if (s->stage != STAGE_IDLE) {
		refuse(s, client, "is being brought up by another up", s->job_pid);
		return;
	}
	s->wanted = read_wanted(s, request, &e);
	if (!s->wanted) {
		supervisor_answer_error(s, client, &e);
		return;
	}
	s->job = client;
	s->job_pid = control_peer(client);
	control_hold(client);
	begin_apply(s, &e);
}

static void asked_down(struct supervisor *s, struct control_client *client)
{
	struct err e;

	for (unsigned i = 0; client && i < ASKERS_MAX; i++)
		if (!s->leavers[i]) {
			s->leavers[i] = client;
			control_hold(client);
			break;
		}
	if (s->job) {
		err_set(&e, -ECANCELED, "the cluster is being taken down by process %d",
			client ? (int)control_peer(client) : 0);
		supervisor_answer_error(s, s->job, &e);
		s->job = NULL;
	}
	down_begin(s);
}

static void on_asked(void *context, struct control_client *client, struct control_request *request)
{
	struct supervisor *s = context;

	switch (request->command) {
	case CONTROL_STATUS:
		watch_status(s, client);
		break;
	case CONTROL_APPLY:
		asked_apply(s, client, request);
		break;
	case CONTROL_DOWN:
		asked_down(s, client);
		break;
	case CONTROL_REBALANCE:
		lend_asked(s, client, &request->rebalance);
		break;
	}
	control_request_release(request);
	malloc_trim(0); /* a request is large beside what we keep */
}

static void on_gone(void *context, struct control_client *client, enum control_end end)
{
	struct supervisor *s = context;
	struct err e;

	if (s->job == client) {
		err_set(&e, -ECANCELED, "up (process %d) was interrupted", (int)s->job_pid);
		apply_note_failure(s, &e);
	}
	if (end == CONTROL_HUNG_UP)
		return;
	if (s->job == client)
		s->job = NULL;
	for (unsigned i = 0; i < ASKERS_MAX; i++) {
		if (s->askers[i] == client)
			s->askers[i] = NULL;
		if (s->leavers[i] == client)
			s->leavers[i] = NULL;
	}
}

/* ---- signals */

static bool is_daemon(const struct supervisor *s, pid_t pid)
{
	for (unsigned i = 0; i < DAEMONS; i++)
		if (s->daemons[i].process.pid == pid)
			return true;
	return false;
}

static void reap_strangers(struct supervisor *s)
{
	siginfo_t info = {0};

	/* Orphans of the slices come to us (subreaper). Our own daemons are told by their pidfd: leave them. */
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
		if (is_daemon(s, info.si_pid))
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
		info.si_pid = 0;
	}
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGCHLD)
			reap_strangers(s);
		else if (info.ssi_signo != SIGHUP)
			asked_down(s, NULL);
}

static int open_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_errno(e, -errno, "signalfd") : fd;
}

/* ---- the loop */

static unsigned fill_fds(struct supervisor *s, struct pollfd *fds, struct daemon **owners)
{
	unsigned count = 0;

	fds[count++] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = executor_watch_fd(s->lend->starts), .events = POLLIN};
	for (unsigned i = 0; i < DAEMONS; i++) {
		if (s->daemons[i].pidfd < 0)
			continue;
		owners[count] = &s->daemons[i];
		fds[count++] = (struct pollfd){.fd = s->daemons[i].pidfd, .events = POLLIN};
	}
	return count;
}

static int wait_for_something(struct supervisor *s, int timeout_ms, struct err *e)
{
	struct pollfd fds[LOOP_FDS];
	struct daemon *owners[LOOP_FDS];
	unsigned count = fill_fds(s, fds, owners);
	unsigned controls = s->control ? control_fds(s->control, fds + count) : 0;
	int r = rest_turn(s->rest, fds, count + controls, timeout_ms, e);

	if (r < 0)
		return r;
	s->now_ns = clock_now_ns();
	for (unsigned i = 2; i < count; i++)
		if (fds[i].revents && owners[i]->pidfd == fds[i].fd)
			watch_exit(s, owners[i]);
	if (fds[0].revents)
		read_signals(s);
	if (fds[1].revents)
		lend_executors_started(s);
	if (s->control)
		control_turn(s->control, fds + count, controls, s->now_ns);
	return 0;
}

static int milliseconds_until(const struct supervisor *s, uint64_t deadline_ns)
{
	if (deadline_ns <= s->now_ns)
		return 0;
	return (int)((deadline_ns - s->now_ns + 999999) / 1000000);
}

/* One step of what is under way. 1: go on at once. Negative: the end. */
static int step(struct supervisor *s, struct err *e)
{
	int r;

	if (s->stage >= STAGE_STOP)
		return down_step(s, e);
	r = apply_step(s, e);
	if (r < 0)
		apply_fail(s, e);
	return r != 0;
}

static int loop(struct supervisor *s, struct err *e)
{
	int r = 0;

	while (r >= 0 && s->stage != STAGE_GONE) {
		s->now_ns = clock_now_ns();
		watch_tick(s);
		lend_tick(s);
		r = step(s, e);
		if (r >= 0 && s->stage != STAGE_GONE &&
		    wait_for_something(s, r ? 0 : milliseconds_until(s, watch_deadline(s)), e))
			r = e->code;
	}
	return r < 0 ? r : 0;
}

/* ---- beginning and end */

/* What the command had open is not ours; the standard files are replaced afterwards. */
static void close_others(int lock, int client)
{
	unsigned low = (unsigned)(lock < client ? lock : client);
	unsigned high = (unsigned)(lock < client ? client : lock);

	close_range(STDERR_FILENO + 1, low - 1, 0);
	close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0u, 0);
}

/* No terminal, no directory, no stray descriptors: what a daemon does without. */
static int detach(const struct supervisor_start *start, struct err *e)
{
	char log[PROFILE_PATH + 32];
	cleanup_close int null = -1;
	cleanup_close int out = -1;

	close_others(start->lock, start->client);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	snprintf(log, sizeof(log), "%s/supervisor.log", start->cluster.data);
	out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (null < 0 || out < 0)
		return err_errno(e, -errno, "%s", null < 0 ? "/dev/null" : log);
	setsid();
	umask(077);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0 || chdir("/"))
		return err_errno(e, -errno, "the daemon's standard files");
	return 0;
}

static bool has_file(const struct cluster *c, const char *file)
{
	char path[PROFILE_PATH];
	struct err ignored;

	return cluster_file(c, file, path, &ignored) == 0 && access(path, F_OK) == 0;
}

/* What an earlier supervisor knew. Lost or unreadable is no error: the plan is made anew, or all that is there goes down. */
static int recall(struct supervisor *s, const struct cluster *c, struct err *e)
{
	struct state *state = calloc(1, sizeof(*state));
	int r;

	if (!state)
		return err_set(e, -ENOMEM, "no memory for the state");
	s->has_past = has_file(c, "state.json") || has_file(c, "home.json");
	r = state_read(c, state, e);
	s->is_known = r == 0;
	if (r && s->has_past)
		string_copy(s->why_rebuilt, e->msg);
	if (r && s->wanted) {
		free(state);
		return 0;
	}
	if (r)
		profile_default(&state->profile);
	if (s->is_known) { /* its user, the paths as this caller spells them */
		string_copy(state->cluster.state, c->state);
		string_copy(state->cluster.data, c->data);
	} else {
		state->cluster = *c;
	}
	s->state = state;
	return 0;
}

static int open_all(struct supervisor *s, const struct supervisor_start *start, struct err *e)
{
	int r;

	s->now_ns = s->begin_ns = clock_now_ns();
	for (unsigned i = 0; i < DAEMONS; i++)
		daemon_init(&s->daemons[i], i);
	s->master = &s->daemons[DAEMON_MASTER];
	prctl(PR_SET_CHILD_SUBREAPER, start->kind != SUPERVISOR_ONCE);
	signal(SIGPIPE, SIG_IGN);
	r = s->signal_fd = open_signals(e);
	if (r >= 0)
		r = events_open(&start->cluster, &s->events, e);
	if (!r)
		r = rest_open(&s->rest, e);
	if (!r)
		r = lend_open(s, e);
	if (!r && start->kind != SUPERVISOR_ONCE)
		r = control_open(&start->cluster, on_asked, on_gone, s, &s->control, e);
	s->seen = calloc(1, sizeof(*s->seen));
	if (!r && !s->seen)
		r = err_set(e, -ENOMEM, "no memory for the master's state");
	return r < 0 ? r : 0;
}

static void adopt_client(struct supervisor *s, struct supervisor_start *start)
{
	if (start->client < 0)
		return;
	s->job_pid = start->client_pid;
	s->job = s->control ? control_adopt(s->control, start->client, start->client_pid) : NULL;
	if (s->job)
		control_hold(s->job);
	else
		close(start->client);
	start->client = -1;
}

/* `up`: what is wanted becomes what is in force. `down`: what is in force goes. */
static int begin(struct supervisor *s, struct supervisor_start *start, struct err *e)
{
	int r = open_all(s, start, e);

	if (s->control)
		adopt_client(s, start);
	s->wanted = start->wanted;
	start->wanted = NULL;
	if (!r)
		r = recall(s, &start->cluster, e);
	if (!r)
		r = supervisor_open_groups(s, e);
	if (r)
		return r;
	if (s->kind == SUPERVISOR_ONCE)
		down_begin(s);
	else
		begin_apply(s, e);
	malloc_trim(0);
	return 0;
}

static void close_all(struct supervisor *s)
{
	unlock_groups(s);
	if (s->driver)
		s->driver->ops->close(s->driver);
	for (unsigned i = 0; i < DAEMONS; i++)
		if (s->daemons[i].pidfd >= 0)
			close(s->daemons[i].pidfd);
	if (s->control)
		control_close(s->control);
	lend_close(s);
	rest_close(s->rest);
	events_close(&s->events);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	if (s->wanted != s->state)
		free(s->wanted);
	free(s->state);
	free(s->ops);
	free(s->seen);
	free(s);
}

/* The last words: the waiting `up` hears why, each `down` that it is done (by the end of its connection) or why not. */
static void say_farewell(struct supervisor *s, int r, const struct err *e)
{
	const struct err *why = r ? e : &s->failure;

	if (s->job && why->code)
		supervisor_answer_error(s, s->job, why);
	for (unsigned i = 0; i < ASKERS_MAX && s->control; i++)
		if (s->leavers[i] && r)
			supervisor_answer_error(s, s->leavers[i], e);
		else if (s->leavers[i])
			control_answer(s->control, s->leavers[i], "{\"done\":\"down\"}");
}

/* A first `up` that failed before it made anything leaves no trace either. */
static bool is_nothing_left(const struct supervisor *s, int r)
{
	return s->stage == STAGE_GONE || (r && !s->state && !s->has_past);
}

/* Logs are kept where there are any, but not of an `up` that was interrupted. */
static enum cluster_remains what_remains(const struct supervisor *s, int r)
{
	bool has_failed = r || s->failure.code;

	return has_failed && (!s->has_logs || s->failure.code == -ECANCELED) ? REMAINS_NOTHING
									     : REMAINS_DATA;
}

static int remove_files(const struct supervisor *s, const struct cluster *c, int r, struct err *e)
{
	int failed = 0;

	if (s->state)
		failed = cluster_remove_scratch(&s->state->cluster,
						s->state->profile.memory.scratch.path, e);
	return failed ? failed : cluster_remove(c, what_remains(s, r), e);
}

int supervisor_run(struct supervisor_start *start, struct err *e)
{
	struct supervisor *s = calloc(1, sizeof(*s));
	struct err unremoved;
	sigset_t before;
	int r;

	if (!s)
		return err_set(e, -ENOMEM, "no memory for the supervisor");
	sigprocmask(SIG_SETMASK, NULL, &before);
	s->kind = start->kind;
	s->cgroup_root = start->cgroup_root;
	s->signal_fd = s->events.fd = s->groups_lock = -1;
	r = s->kind == SUPERVISOR_DAEMON ? detach(start, e) : 0;
	if (!r)
		r = begin(s, start, e);
	if (!r)
		r = loop(s, e);
	if (is_nothing_left(s, r) && remove_files(s, &start->cluster, r, &unremoved) && !r) {
		*e = unremoved;
		r = e->code;
	}
	say_farewell(s, r, e);
	if (!r && s->failure.code) {
		*e = s->failure;
		r = e->code;
	}
	close_all(s);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
