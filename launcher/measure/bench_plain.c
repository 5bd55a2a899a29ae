/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/measure/bench_plain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/measure/family.h"
#include "launcher/system/directory.h"
#include "launcher/system/environment.h"
#include "launcher/system/files.h"
#include "launcher/system/listening.h"
#include "launcher/watch/master.h"
#include "launcher/watch/rest.h"

enum {
	FIRST_PORT = 7077,
	PORTS_TRIED = 512,
	ASK_MS = 100, /* between two questions to the Master */
	ANSWER_MS = 2000,
	END_MS = 10000, /* what Workers have to end their executors */
	PATH = PROFILE_PATH + 64,
};

static const uint32_t loopback_last = 0x7ffffffe; /* 127.255.255.254 */

unsigned plain_heap_mb(uint64_t memory, unsigned workers)
{
	/*
	 * https://spark.apache.org/docs/latest/hardware-provisioning.html, Memory: "we recommend
	 * allocating only at most 75% of the memory for Spark", and "the Java VM does not always
	 * behave well with more than 200 GiB of RAM".
	 */
	uint64_t each_mb = memory / 4 * 3 / workers >> 20, most_mb = 200 << 10;

	return (unsigned)(each_mb < most_mb ? each_mb : most_mb);
}

/* Below the request's directory: properties of daemons and applications. */
static const char properties[] = "/spark.conf";

/* ---- where it listens */

/* As many free addresses in a row as there are daemons, and ports that are free on the first. */
static int choose_place(struct plain *p, struct err *e)
{
	cleanup_free struct listening_socket *list = NULL;
	uint32_t begin = PLAN_FIRST_ADDRESS, wanted = p->request->workers + 1;
	size_t count;
	int port = FIRST_PORT;

	if (listening_read(&list, &count, e) < 0)
		return e->code;
	for (uint32_t a = begin; a < begin + wanted && a < loopback_last; a++)
		if (listening_has_address(list, count, a))
			begin = a + 1;
	if (begin + wanted > loopback_last)
		return err_set(e, -EADDRINUSE, "no %u free loopback addresses in a row", wanted);
	p->address = begin;
	p->port = p->ui_port = 0;
	for (; port < FIRST_PORT + PORTS_TRIED && !p->ui_port; port++)
		if (listening_probe(p->address, port) == 0)
			*(p->port ? &p->ui_port : &p->port) = port;
	return p->ui_port ? 0 : err_set(e, -EADDRINUSE, "no two free ports from %d", FIRST_PORT);
}

static void put_address(uint32_t address, char text[INET_ADDRSTRLEN])
{
	inet_ntop(AF_INET, &(struct in_addr){htonl(address)}, text, INET_ADDRSTRLEN);
}

/* ---- directories and environment */

static int make_directory(const struct plain_request *r, const char *name, char path[PATH],
			  struct err *e)
{
	snprintf(path, PATH, "%s/%s", r->directory, name);
	return cluster_make_for_user(r->cluster, path, 0700, e);
}

/* What all of Spark's programs have here. `tmp` is what Java and Python use for /tmp. */
static void put_common(const struct plain_request *r, const char *address, const char *tmp,
		       struct argv *env)
{
	spark_put_homes(r->spark, env);
	/* No spark-env.sh and no defaults of this machine's: plain. */
	argv_putf(env, "SPARK_CONF_DIR", "%s/conf", r->directory);
	if (address)
		argv_put(env, "SPARK_LOCAL_IP", address);
	argv_put(env, "TMPDIR", tmp);
	/* Of the JVM that prints spark-class's command line; it splits at blanks, without quotes. */
	argv_put(env, "SPARK_LAUNCHER_OPTS", "-XX:-UsePerfData");
}

/* As for cleave's daemons: nothing of the caller's, and spark.env of the profile. */
static void put_daemon_environment(const struct plain_request *r, const char *address,
				   const char *tmp, struct argv *env)
{
	char quoted[SPARK_QUOTED];

	spark_put_user(r->cluster, r->profile, env);
	put_common(r, address, tmp, env);
	argv_put(env, "SPARK_LOCAL_DIRS", r->local);
	spark_quote(tmp, quoted);
	argv_putf(env, "SPARK_DAEMON_JAVA_OPTS", "-XX:-UsePerfData '-Djava.io.tmpdir=%s'", quoted);
	/* Executors inherit it from their Worker. */
	argv_putf(env, "JDK_JAVA_OPTIONS", "-XX:-UsePerfData '-Djava.io.tmpdir=%s'", quoted);
}

static int put_submit_environment(const struct plain_request *r, const char *address,
				  struct argv *env, struct err *e)
{
	char tmp[PATH], quoted[SPARK_QUOTED];

	if (make_directory(r, "conf", tmp, e) < 0 || make_directory(r, "tmp", tmp, e) < 0)
		return e->code;
	environment_put_for(r->cluster, env);
	argv_drop(env, "_JAVA_OPTIONS=");
	argv_drop(env, "SPARK_");
	environment_settle(r->cluster->uid, &r->profile->spark.env, env);
	put_common(r, address, tmp, env);
	argv_put(env, "SPARK_LOCAL_DIRS", tmp);
	spark_quote(tmp, quoted);
	argv_putf(env, "SPARK_SUBMIT_OPTS", "-XX:-UsePerfData '-Djava.io.tmpdir=%s'", quoted);
	if (r->spark->python[0] && !argv_value(env, "PYSPARK_PYTHON")) {
		argv_put(env, "PYSPARK_PYTHON", r->spark->python);
		argv_put(env, "PYSPARK_DRIVER_PYTHON", r->spark->python);
	}
	return env->failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* ---- command lines */

struct step_program plain_program(const struct plain_request *r, const struct process *process)
{
	return (struct step_program){.argv = process->argv.items,
				     .envp = process->env.items,
				     .file = process->argv.items[0],
				     .dies_with_us = true,
				     .is_local = r->is_local,
				     .cpus = r->allowed,
				     .uid = r->cluster->uid,
				     .gid = r->cluster->gid,
				     .user = r->cluster->user[0] ? r->cluster->user : NULL};
}

/* The collector, which is the same on all sides, and what the user wrote. */
static void add_application_conf(const struct plain_request *r, struct argv *argv)
{
	static const char options[] = "spark.executor.extraJavaOptions";
	const struct strings *conf = &r->profile->spark.conf;
	const char *key = NULL, *own = strings_value(conf, options);
	cleanup_free char *text = NULL;
	size_t size;
	FILE *file;

	strings_for_each(item, conf)
	{
		if (key && strcmp(key, options) != 0)
			argv_option(argv, "--conf", "%s=%s", key, item);
		key = key ? NULL : item;
	}
	file = open_memstream(&text, &size);
	if (!file) {
		argv_add(argv, NULL);
		return;
	}
	fprintf(file, "%s=-XX:-UsePerfData %s", options, gc_option(r->gc));
	strings_for_each(option, &r->profile->jvm.options)
	{
		fprintf(file, " %s", option);
	}
	if (own)
		fprintf(file, " %s", own);
	if (fclose(file) == 0)
		argv_option(argv, "--conf", "%s", text);
	else
		argv_add(argv, NULL);
}

int plain_submit(const struct plain *p, char *const *conf, char *const *words, struct process *out,
		 struct err *e)
{
	const struct plain_request *r = p->request;
	cleanup_process struct process made = {0};
	char address[INET_ADDRSTRLEN];

	put_address(p->address, address);
	argv_addf(&made.argv, "%s/bin/spark-submit", r->spark->home);
	argv_option(&made.argv, "--master", "spark://%s:%d", address, p->port);
	argv_option(&made.argv, "--conf", "spark.executor.memory=%um", r->heap_mb);
	argv_option(&made.argv, "--properties-file", "%s%s", r->directory, properties);
	add_application_conf(r, &made.argv);
	for (; conf && *conf; conf++)
		argv_option(&made.argv, "--conf", "%s", *conf);
	for (; *words; words++)
		argv_add(&made.argv, *words);
	if (put_submit_environment(r, address, &made.env, e) < 0)
		return e->code;
	return process_take(&made, out, e);
}

int plain_submit_alone(const struct plain_request *r, char *const *words, struct process *out,
		       struct err *e)
{
	cleanup_process struct process made = {0};

	argv_addf(&made.argv, "%s/bin/spark-submit", r->spark->home);
	argv_option(&made.argv, "--master", "local[%u]", r->cores);
	argv_option(&made.argv, "--driver-memory", "%um", r->heap_mb);
	argv_option(&made.argv, "--conf", "spark.ui.enabled=false");
	for (; *words; words++)
		argv_add(&made.argv, *words);
	if (put_submit_environment(r, "127.0.0.1", &made.env, e) < 0)
		return e->code;
	return process_take(&made, out, e);
}

/* ---- daemons */

/* Start one; `name` is its directory and its log. */
static int start_daemon(const struct plain *p, const char *name, uint32_t own, const sigset_t *mask,
			pid_t *pid, struct err *e)
{
	const struct plain_request *r = p->request;
	bool is_worker = own != p->address;
	char address[INET_ADDRSTRLEN], master[INET_ADDRSTRLEN], tmp[PATH], work[PATH], log[PATH];
	char tmp_name[32], work_name[32];
	cleanup_process struct process process = {0};
	struct step_program program;
	struct argv *argv = &process.argv;

	put_address(own, address);
	put_address(p->address, master);
	snprintf(tmp_name, sizeof(tmp_name), "%s-tmp", name);
	snprintf(work_name, sizeof(work_name), "%s-work", name);
	snprintf(log, sizeof(log), "%s/%s.log", r->directory, name);
	if (make_directory(r, "conf", tmp, e) < 0 || make_directory(r, tmp_name, tmp, e) < 0 ||
	    make_directory(r, work_name, work, e) < 0)
		return e->code;
	argv_addf(argv, "%s/bin/spark-class", r->spark->home);
	argv_addf(argv, "org.apache.spark.deploy.%s",
		  is_worker ? "worker.Worker" : "master.Master");
	argv_option(argv, "--host", "%s", address);
	argv_option(argv, "--port", "%d", is_worker ? 0 : p->port);
	argv_option(argv, "--webui-port", "%d", is_worker ? 0 : p->ui_port);
	argv_option(argv, "--properties-file", "%s%s", r->directory, properties);
	if (is_worker) {
		argv_option(argv, "--cores", "%u", r->cores);
		argv_option(argv, "--memory", "%uM", r->heap_mb);
		argv_option(argv, "--work-dir", "%s", work);
		argv_addf(argv, "spark://%s:%d", master, p->port);
	}
	put_daemon_environment(r, address, tmp, &process.env);
	if (argv->failed || process.env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	program = plain_program(r, &process);
	program.log = log;
	program.cpus = &r->cpus;
	return step_spawn(&program, mask, pid, e);
}

/* What the Master says. */
struct answer {
	bool has_come;
	int status;
	struct master_state state;
};

static void take_answer(void *context, int status, const char *body, size_t size)
{
	struct answer *a = context;
	struct err ignored; /* asked again until the time is over */

	a->has_come = true;
	a->status = status == 200 && master_state_parse(body, size, &a->state, &ignored) == 0;
}

static int check_alive(const struct plain *p, pid_t pid, const char *name, struct err *e)
{
	siginfo_t info = {0};
	char log[PATH], cause[STEP_CAUSE];

	/* It stays a zombie, and so its number is nobody else's, until plain_down(). */
	if (!pid || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    !info.si_pid)
		return 0;
	snprintf(log, sizeof(log), "%s/%s.log", p->request->directory, name);
	step_show_why(log, cause);
	return err_set(e, -EIO, "plain Spark's %s ended while it started%s%s", name,
		       cause[0] ? ": " : "", cause);
}

static int check_daemons(const struct plain *p, struct err *e)
{
	char name[32];

	if (check_alive(p, p->master, "master", e) < 0)
		return e->code;
	for (unsigned i = 0; i < p->request->workers; i++) {
		snprintf(name, sizeof(name), "worker-%u", i);
		if (check_alive(p, p->workers[i], name, e) < 0)
			return e->code;
	}
	return 0;
}

/* Ask until the Master answers and has so many Workers. */
static int await(const struct plain *p, struct rest *rest, struct step *s, unsigned workers,
		 uint64_t end_ns, struct err *e)
{
	cleanup_free struct answer *a = calloc(1, sizeof(*a));
	char url[64], address[INET_ADDRSTRLEN];

	if (!a)
		return err_set(e, -ENOMEM, "out of memory");
	put_address(p->address, address);
	snprintf(url, sizeof(url), "http://%s:%d/json/", address, p->ui_port);
	while (!a->status || a->state.alive_workers < workers) {
		struct pollfd fd = {.fd = s->foreground->signals, .events = POLLIN};
		uint64_t next_ns = clock_now_ns() + ASK_MS * CLOCK_MS;
		int r = 0;

		*a = (struct answer){0};
		if (rest_get(rest, url, ANSWER_MS, &master_limits, take_answer, a, e) < 0)
			return e->code;
		while (r >= 0 && (!a->has_come || clock_left_ms(next_ns) > 0) && !fd.revents)
			r = rest_turn(rest, &fd, 1, a->has_come ? clock_left_ms(next_ns) : ASK_MS,
				      e);
		rest_drop(rest, a);
		step_show(s);
		if (r < 0 || check_daemons(p, e) < 0)
			return e->code;
		if (foreground_interrupted(s->foreground))
			return err_set(e, -EINTR, "interrupted");
		if (clock_left_ms(end_ns) <= 0)
			return err_set(e, -ETIMEDOUT,
				       "plain Spark's %s not within %g s (spark.start_timeout)",
				       workers ? "Workers did not register"
					       : "Master did not answer",
				       (double)p->request->profile->spark.start_timeout_ms / 1e3);
	}
	return 0;
}

/*
 * Workers only once the Master listens, as sbin/start-all.sh does: one that finds nobody tries
 * again after 5 to 15 s (Worker.scala, INITIAL_REGISTRATION_RETRY_INTERVAL_SECONDS).
 */
static int start_all(struct plain *p, struct step *s, struct err *e)
{
	const sigset_t *mask = &s->foreground->before;
	uint64_t end_ns = s->begin_ns + p->request->profile->spark.start_timeout_ms * CLOCK_MS;
	struct rest *rest = NULL;
	int r;

	if (start_daemon(p, "master", p->address, mask, &p->master, e) < 0 ||
	    rest_open(&rest, e) < 0)
		return e->code;
	r = await(p, rest, s, 0, end_ns, e);
	for (unsigned i = 0; i < p->request->workers && r >= 0; i++) {
		char name[32];

		snprintf(name, sizeof(name), "worker-%u", i);
		r = start_daemon(p, name, p->address + 1 + i, mask, &p->workers[i], e);
	}
	if (r >= 0)
		r = await(p, rest, s, p->request->workers, end_ns, e);
	rest_close(rest);
	return r;
}

/*
 * Of daemons and applications. Spark would silently take the next port if one is taken; and whoever
 * can reach a Master without a secret runs what he likes as the workers' user, who may be root.
 */
static int write_properties(const struct plain_request *r, struct err *e)
{
	const struct file_owner owner = {0600, r->cluster->uid, r->cluster->gid};
	cleanup_close int directory = directory_open(r->directory, DIRECTORY_OWN, e);
	char secret[SPARK_SECRET], text[256];
	int n;

	if (directory < 0 || spark_new_secret(secret, e) < 0)
		return e->code;
	n = snprintf(text, sizeof(text),
		     "spark.port.maxRetries=0\n"
		     "spark.master.rest.enabled=false\n"
		     "spark.authenticate=true\n"
		     "spark.authenticate.secret=%s\n",
		     secret);
	return file_replace_at(directory, properties + 1, text, (size_t)n, &owner, e);
}

int plain_up(const struct plain_request *request, struct step *s, struct plain *out, struct err *e)
{
	struct plain p = {.request = request};
	int r;

	if (choose_place(&p, e) < 0 || write_properties(request, e) < 0)
		return e->code;
	s->begin_ns = clock_now_ns();
	r = start_all(&p, s, e);
	step_wipe(s);
	p.seconds = (double)(clock_now_ns() - s->begin_ns) / 1e9;
	if (r < 0) {
		plain_down(&p);
		return r;
	}
	*out = p;
	return 0;
}

void plain_down(struct plain *p)
{
	cleanup_family struct family all = {0};
	const unsigned count = p->request->workers;

	for (unsigned i = 0; i < count; i++)
		if (p->workers[i])
			family_add(&all, p->workers[i]);
	if (p->master)
		family_add(&all, p->master);
	family_look(&all); /* executors are known before their Workers end */
	for (unsigned i = 0; i < count; i++)
		if (p->workers[i])
			kill(-p->workers[i], SIGTERM);
	if (p->master)
		kill(-p->master, SIGTERM);
	if (!family_wait(&all, END_MS))
		family_kill(&all);
	family_wait(&all, END_MS);
	for (unsigned i = 0; i < count; i++)
		if (p->workers[i])
			waitpid(p->workers[i], NULL, 0);
	if (p->master)
		waitpid(p->master, NULL, 0);
	p->master = 0;
	memset(p->workers, 0, sizeof(p->workers));
}
