/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "containers/proc/process.h"
#include "decision/base/cleanup.h"
#include "launcher/spark/archive.h"
#include "launcher/system/directory.h"

enum { GROUP_PIDS = 4096 };

static const char master_class[] = "org.apache.spark.deploy.master.Master";
static const char worker_class[] = "org.apache.spark.deploy.worker.Worker";

void daemon_init(struct daemon *d, unsigned id)
{
	*d = (struct daemon){.id = id, .pidfd = -1, .wait_status = -1, .errand.fd = -1};
	if (id == DAEMON_MASTER) {
		string_copy(d->name, "master");
		string_copy(d->group, GROUP_HOST);
	} else {
		snprintf(d->name, sizeof(d->name), "slice-%u", id);
		string_copy(d->group, d->name);
	}
}

int daemon_process(const struct daemon *d, const struct state *s, struct process *out,
		   struct err *e)
{
	struct spark_cluster c = state_spark(s);

	return d->id == DAEMON_MASTER ? spark_master_process(&c, out, e)
				      : spark_worker_process(&c, d->id, out, e);
}

/* What is in its log by now was not written by the process that is to begin, or was found. */
static void mark_log(struct daemon *d)
{
	struct stat st;

	d->log_from = d->log[0] && lstat(d->log, &st) == 0 ? st.st_size : 0;
}

bool daemon_first_error(const struct daemon *d, struct first_error *out)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	cleanup_close int fd = d->log[0] ? open(d->log, flags) : -1;

	return fd >= 0 && first_error_read(fd, d->log_from, out) == 0 && out->count;
}

/* In a directory that only we can write; the file is the workers' user's to read. */
static int open_log(const struct cluster *c, const char *path, struct err *e)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	cleanup_close int data = cluster_open_data(c, e), log = -1, fd = -1;
	struct stat st;

	if (data < 0)
		return data;
	log = directory_open_below(data, "log", O_RDONLY | O_DIRECTORY, e);
	if (log < 0)
		return log;
	fd = openat(log, strrchr(path, '/') + 1, flags, 0600);
	if (fd < 0 || fstat(fd, &st))
		return err_errno(e, -errno, "cannot open the log %s", path);
	if (!S_ISREG(st.st_mode) || (st.st_uid != c->uid && st.st_uid != geteuid()))
		return err_set(e, -EPERM, "the log %s is not a plain file of ours", path);
	if (c->user[0] && fchown(fd, c->uid, c->gid))
		return err_errno(e, -errno, "cannot give the log %s to %s", path, c->user);
	return take_fd(fd);
}

static int identify(struct daemon *d, pid_t pid, int pidfd, struct err *e)
{
	int r = process_identify(pid, &d->process, e);

	if (r == -ESRCH) { /* dead already: the pidfd tells the loop */
		d->process = (struct process_id){.pid = pid};
		r = 0;
	}
	d->pidfd = pidfd;
	return r;
}

static int spawn_process(struct daemon *d, struct driver *driver, const struct state *s,
			 const struct process *p, struct err *e)
{
	bool has_user = s->cluster.user[0] != '\0';
	cleanup_close int log = open_log(&s->cluster, p->log, e);
	struct spawn spawn = {
		.group = d->group,
		.file = p->argv.items[0],
		.argv = p->argv.items,
		.envp = p->env.items,
		.directory = p->directory[0] ? p->directory : "/",
		.in = -1,
		.out = log,
		.err = log,
		.uid = has_user ? s->cluster.uid : (uid_t)-1,
		.gid = s->cluster.gid,
		.user = has_user ? s->cluster.user : NULL,
		.no_new_privileges = has_user,
		.new_session = true,
		.policy = s->profile.memory.policy,
		.nodes = d->id == DAEMON_MASTER ? s->plan.host.nodes : s->plan.slices[d->id].nodes,
	};
	int pidfd = -1;
	pid_t pid;
	int r;

	if (log < 0)
		return log;
	r = driver->ops->spawn(driver, &spawn, &pid, &pidfd, e);
	return r ? r : identify(d, pid, pidfd, e);
}

/* ---- in a container */

static int begin_container(struct daemon *d, struct driver *driver, const struct state *s,
			   struct process *p, struct err *e)
{
	const struct spark_cluster c = state_spark(s);
	cleanup_free struct container_spec *spec = calloc(1, sizeof(*spec));

	if (!spec)
		return err_set(e, -ENOMEM, "no memory for a container");
	argv_putf(&p->env, GROUP_VARIABLE, "%s/%s", s->cluster.name, d->group);
	if (p->env.failed)
		return err_set(e, -ENOMEM, "no memory for an environment");
	if (spark_container(&c, d->name, spec, e) ||
	    driver->ops->parent(driver, d->group, spec->parent, e))
		return e->code;
	spec->argv = p->argv.items;
	spec->envp = p->env.items;
	string_copy(spec->directory, p->directory);
	return errand_send(&d->errand, ERRAND_BEGIN, s->engine.socket, spec, -1, e) ? e->code : 1;
}

int daemon_take_begun(struct daemon *d, struct driver *driver, struct err *e)
{
	struct errand_result result;
	cleanup_close int pidfd = -1;
	pid_t pid;

	errand_take(&d->errand, &result);
	if (result.err.code) {
		*e = result.err;
		return err_wrap(e, "%s", d->name);
	}
	pid = result.container.pid;
	pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (pidfd < 0)
		return err_set(e, -ECHILD, "%s has ended as soon as it was started", d->name);
	/* The engine's word for it is not enough: by now the number may be anybody's. */
	if (!driver->ops->has(driver, d->group, pid))
		return err_set(e, -EXDEV,
			       "%s: the engine has put process %d elsewhere than into group %s: is "
			       "it an engine of this machine, with its cgroups?",
			       d->name, (int)pid, d->group);
	return identify(d, pid, take_fd(pidfd), e);
}

/* About the container that it has, or had. */
static int send_errand(struct daemon *d, enum errand_kind kind, const struct state *s, int log,
		       struct err *e)
{
	cleanup_free struct container_spec *spec = calloc(1, sizeof(*spec));

	if (!spec)
		return err_set(e, -ENOMEM, "no memory for a container");
	spark_container_name(s->cluster.name, d->name, spec->name);
	string_copy(spec->cluster, s->cluster.name);
	return errand_send(&d->errand, kind, s->engine.socket, spec, log, e);
}

bool daemon_end(struct daemon *d, const struct state *s)
{
	cleanup_close int log = -1;
	struct err ignored; /* then it is not known how it ended; the next one makes room */

	d->last_words.code = 0;
	if (!d->is_contained || !s->engine.socket[0])
		return false;
	log = d->log[0] ? open_log(&s->cluster, d->log, &ignored) : -1;
	return send_errand(d, ERRAND_END, s, log, &ignored) == 0;
}

void daemon_take_ended(struct daemon *d)
{
	const struct container_state *was;
	struct errand_result result;
	bool is_signal;

	errand_take(&d->errand, &result);
	was = &result.container;
	if (result.err.code) {
		d->last_words = result.err;
	} else if (!was->name[0]) {
		err_set(&d->last_words, -ENOENT, "its container was removed");
	} else {
		is_signal = was->exit_code > 128 && was->exit_code <= 128 + SIGRTMAX;
		d->wait_status = is_signal ? W_EXITCODE(0, was->exit_code - 128)
					   : W_EXITCODE(was->exit_code, 0);
		if (was->error[0])
			err_set(&d->last_words, -ECHILD, "%s", was->error);
	}
}

int daemon_unpause(struct daemon *d, const struct state *s, struct err *e)
{
	return send_errand(d, ERRAND_UNPAUSE, s, -1, e);
}

/* ---- its begin */

int daemon_spawn(struct daemon *d, struct driver *driver, const struct state *s, struct err *e)
{
	const struct spark_cluster c = state_spark(s);
	cleanup_process struct process p = {0};
	int r = 0;

	if (d->id != DAEMON_MASTER)
		r = driver->ops->kill(driver, d->group, 0, e);
	if (!r)
		r = daemon_process(d, s, &p, e);
	if (r)
		return r;
	string_copy(d->log, p.log);
	mark_log(d);
	/* Without one it starts all the same. */
	archive_offer(&c, &(struct err){0});
	d->is_contained = spark_is_contained(&c, d->group);
	return d->is_contained ? begin_container(d, driver, s, &p, e)
			       : spawn_process(d, driver, s, &p, e);
}

/* ---- finding what runs already */

bool argv_match_proc(char *const *argv, const char *text, size_t size)
{
	struct words words = {text, text + size};
	const char *word;

	if (size && text[size - 1] != '\0')
		return false; /* cut */
	while ((word = words_next(&words))) {
		if (strncmp(word, GROUP_VARIABLE "=", sizeof(GROUP_VARIABLE)) == 0)
			continue; /* the driver's own */
		if (!argv || !*argv || strcmp(word, *argv) != 0)
			return false;
		argv++;
	}
	return !argv || !*argv;
}

/* Whether all of these are in an environment as /proc has it. */
static bool has_all(char *const *wanted, const char *text, size_t size)
{
	for (; wanted && *wanted; wanted++) {
		struct words words = {text, text + size};
		const char *word;

		while ((word = words_next(&words)) && strcmp(word, *wanted) != 0)
			;
		if (!word)
			return false;
	}
	return true;
}

bool daemon_is(const struct daemon *d, const struct process *p)
{
	size_t size = 0, env_size = 0;
	cleanup_free char *line = proc_read_words(d->process.pid, "cmdline", &size);
	cleanup_free char *env = proc_read_words(d->process.pid, "environ", &env_size);
	struct words words = {line, line + size};
	const char *ours = line;

	if (!line || !env)
		return false;
	/* A script's command line begins with its interpreter: then ours is the tail of it. */
	if (!argv_match_proc(p->argv.items, line, size))
		while ((ours = words_next(&words)) && strcmp(ours, p->argv.items[0]) != 0)
			;
	if (!ours || !argv_match_proc(p->argv.items, ours, (size_t)(line + size - ours)))
		return false;
	/* A container's has what its image sets, too. */
	return d->is_contained ? has_all(p->env.items, env, env_size)
			       : argv_match_proc(p->env.items, env, env_size);
}

/* By its main class, among those of our users: what others write proves nothing. */
static int find_in_group(const struct daemon *d, struct driver *driver, struct process_id *out,
			 struct err *e)
{
	const char *class = d->id == DAEMON_MASTER ? master_class : worker_class;
	cleanup_free pid_t *pids = calloc(GROUP_PIDS, sizeof(*pids));
	int count;

	if (!pids)
		return err_set(e, -ENOMEM, "no memory for the processes of %s", d->group);
	count = driver->ops->pids(driver, d->group, pids, GROUP_PIDS, e);
	for (int i = 0; i < count && i < GROUP_PIDS; i++) {
		size_t size = 0;
		cleanup_free char *line = NULL;
		struct words words;
		const char *word;

		if (!driver->ops->has(driver, d->group, pids[i]) ||
		    process_identify(pids[i], out, &(struct err){0}))
			continue;
		line = proc_read_words(pids[i], "cmdline", &size);
		words = (struct words){line, line + size};
		while ((word = words_next(&words)))
			if (strcmp(word, class) == 0)
				return 1;
	}
	return count < 0 ? count : 0;
}

int daemon_adopt(struct daemon *d, struct driver *driver, const struct state *s,
		 const struct process_id *recorded, struct err *e)
{
	const struct spark_cluster c = state_spark(s);
	cleanup_process struct process p = {0};
	bool is_recorded = process_is_alive(recorded);
	struct process_id id = *recorded;
	cleanup_close int pidfd = -1;
	int r = is_recorded ? 1 : find_in_group(d, driver, &id, e);

	if (r <= 0)
		return r;
	pidfd = process_open(&id);
	/* What was found by its words is looked at again, now that its number is held. */
	if (pidfd == -ESRCH || (!is_recorded && !driver->ops->has(driver, d->group, id.pid)))
		return 0;
	if (pidfd < 0)
		return err_errno(e, pidfd, "process %d", (int)id.pid);
	d->process = id;
	d->pidfd = take_fd(pidfd);
	d->is_contained = spark_is_contained(&c, d->group);
	/* The log's place, for messages; that it cannot be told is no reason not to adopt. */
	if (daemon_process(d, s, &p, &(struct err){0}) == 0)
		string_copy(d->log, p.log);
	mark_log(d);
	return 1;
}

/* ---- ending it */

void daemon_signal(const struct daemon *d, int signal_number)
{
	if (d->pidfd >= 0)
		pidfd_send_signal(d->pidfd, signal_number, NULL, 0);
}

int daemon_kill(struct daemon *d, struct driver *driver, struct err *e)
{
	int r = 0;

	daemon_signal(d, SIGKILL);
	if (d->id != DAEMON_MASTER)
		r = driver->ops->kill(driver, d->group, 0, e);
	return r == -ETIMEDOUT ? 0 : r;
}

void daemon_reap(struct daemon *d)
{
	siginfo_t info = {0};

	d->wait_status = -1;
	if (waitid(P_PIDFD, (id_t)d->pidfd, &info, WEXITED | WNOHANG) == 0 && info.si_pid)
		d->wait_status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0)
							    : W_EXITCODE(0, info.si_status);
	close(d->pidfd);
	d->pidfd = -1;
	d->last_pid = d->process.pid;
	d->process = (struct process_id){0};
}

char *daemon_exit_text(const struct daemon *d, char *text, size_t size)
{
	size_t used;

	if (d->wait_status == -1)
		snprintf(text, size, "ended");
	else if (WIFSIGNALED(d->wait_status))
		snprintf(text, size, "was killed by signal %d", WTERMSIG(d->wait_status));
	else
		snprintf(text, size, "exited with status %d", WEXITSTATUS(d->wait_status));
	used = strlen(text);
	/*
	 * The kernel's word. An engine's is no use: Docker says so of whatever ends after any process
	 * in the container was killed for it, Podman never.
	 */
	if (d->is_out_of_memory && d->wait_status != -1 && WIFSIGNALED(d->wait_status) &&
	    WTERMSIG(d->wait_status) == SIGKILL)
		snprintf(text + used, size - used, ": out of memory");
	else if (d->last_words.code)
		snprintf(text + used, size - used, ": %s", d->last_words.msg);
	return text;
}
