/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/launcher/fake_spark.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/launcher/fake_orders.h"
#include "tests/launcher/fake_parts.h"
#include "tests/launcher/spark_tree.h"

enum { NAME_BYTES = 64, RETRY_MS = 50, ORDERS_MS = 20, THREADS_MAX = 64 };

int fake_is_java(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	return strcmp(slash ? slash + 1 : argv0, "java") == 0;
}

const char *fake_option(char **argv, const char *option)
{
	for (; *argv; argv++)
		if (strcmp(*argv, option) == 0)
			return argv[1];
	return NULL;
}

static int has(char **argv, const char *word)
{
	for (; *argv; argv++)
		if (strcmp(*argv, word) == 0)
			return 1;
	return 0;
}

int fake_number(const char *text)
{
	return text ? (int)strtol(text, NULL, 10) : 0;
}

static struct sockaddr_in name_of(const char *host, int port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, host, &name.sin_addr);
	return name;
}

int fake_listen(const char *host, int port)
{
	struct sockaddr_in name = name_of(host, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) || listen(fd, 16)) {
		fprintf(stderr, "fake: cannot listen on %s:%d: %s\n", host, port, strerror(errno));
		exit(4);
	}
	return fd;
}

int fake_port(int listener)
{
	struct sockaddr_in name;
	socklen_t length = sizeof(name);

	return getsockname(listener, (struct sockaddr *)&name, &length) ? -1 : ntohs(name.sin_port);
}

/* As Spark 4.1.0 writes them, cut. */
static const char thrown[] =
	"2026-11-30 15:51:23.000 WARN NativeCodeLoader: Unable to load native-hadoop library\n"
	"2026-11-30 15:51:26.000 INFO SecurityManager: Changing view acls to: root\n"
	"2026-11-30 15:51:30.000 ERROR SparkUncaughtExceptionHandler: Uncaught exception in thread "
	"Thread[main,5,main]\n"
	"java.lang.NoClassDefFoundError: io/netty/channel/EventLoopGroup\n"
	"\tat org.apache.spark.rpc.RpcEnv$.create(RpcEnv.scala:48)\n"
	"Caused by: java.lang.ClassNotFoundException: io.netty.channel.EventLoopGroup\n"
	"\t... 8 more\n"
	"2026-11-30 15:51:30.100 INFO ShutdownHookManager: Shutdown hook called\n"
	"2026-11-30 15:51:30.200 ERROR Late: what the end of it brings\n";
static const char lost[] =
	"NOTE: Picked up JDK_JAVA_OPTIONS: @jvm.options\n"
	"Exception in thread \"main\" java.lang.UnsupportedOperationException: getSubject is not "
	"supported\n"
	"\tat java.base/javax.security.auth.Subject.getSubject(Subject.java:277)\n";

const char *fake_mode(const char *variable, const char *what)
{
	static char ordered[16];
	const char *mode = getenv(variable);

	if (!mode)
		mode = fake_ordered(what, ordered, sizeof(ordered)) ? ordered : "";
	if (strcmp(mode, "exit") == 0) {
		fprintf(stderr, "fake: this is why it ends\n");
		exit(3);
	}
	if (strcmp(mode, "throw") == 0) {
		fputs(thrown, stderr);
		exit(3);
	}
	if (strcmp(mode, "lost") == 0)
		fputs(lost, stderr);
	while (strcmp(mode, "hang") == 0 || strcmp(mode, "lost") == 0)
		pause();
	return mode;
}

/* ---- the Worker: what it does with its CPUs */

static atomic_uint burning; /* threads, as ordered */

static void *burn(void *number)
{
	while ((uintptr_t)number < atomic_load_explicit(&burning, memory_order_relaxed))
		;
	return NULL;
}

/* As many burning threads as are ordered: those too many end by themselves. */
static void follow_burn(const char *host)
{
	static pthread_t threads[THREADS_MAX];
	char text[16];
	unsigned before = atomic_load(&burning), wanted = 0;

	if (fake_ordered(host, text, sizeof(text)))
		wanted = (unsigned)fake_number(text);
	if (wanted > THREADS_MAX)
		wanted = THREADS_MAX;
	atomic_store(&burning, wanted);
	for (unsigned i = wanted; i < before; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = before; i < wanted; i++)
		if (pthread_create(&threads[i], NULL, burn, (void *)(uintptr_t)i))
			abort();
}

/* The directories that a Worker makes before it starts an executor. */
static void make_work(const char *work, const char *app, const char *id)
{
	char path[PROFILE_PATH + 128];

	snprintf(path, sizeof(path), "%s/%s", work, app);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", work, app, id);
	mkdir(path, 0755);
}

/* A child with the command line of an executor; it sleeps, and dies with its Worker. */
static pid_t start_executor(const char *app, const char *id)
{
	char *const argv[] = {
		(char *)"java",
		(char *)"-cp",
		(char *)"/fake/*",
		(char *)"org.apache.spark.executor.CoarseGrainedExecutorBackend",
		(char *)"--executor-id",
		(char *)id,
		(char *)"--app-id",
		(char *)app,
		NULL,
	};
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	return pid;
}

static void follow_executor(const char *host, const char *work)
{
	static char now[128];
	static pid_t pids[8];
	static unsigned count;
	char what[NAME_BYTES + 16], text[128], app[64], id[32];
	int used = 0, length;

	snprintf(what, sizeof(what), "%s.executor", host);
	if (!fake_ordered(what, text, sizeof(text)))
		text[0] = '\0';
	if (strcmp(text, now) == 0)
		return;
	while (count) {
		kill(pids[--count], SIGKILL);
		waitpid(pids[count], NULL, 0);
	}
	sscanf(text, "%63s%n", app, &used);
	while (count < 8 && sscanf(text + used, "%31s%n", id, &length) == 1) {
		make_work(work, app, id);
		pids[count++] = start_executor(app, id);
		used += length;
	}
	memcpy(now, text, sizeof(now));
}

/* ---- the Worker */

static int connect_to(const char *url)
{
	char host[NAME_BYTES];
	struct sockaddr_in name;
	int fd, port;

	if (sscanf(url, "spark://%63[^:]:%d", host, &port) != 2)
		exit(5);
	name = name_of(host, port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Its user interface: whatever is asked, it lives. */
static void answer(int listener)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
				   "Connection: close\r\n\r\n{}";
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char request[1024];

	if (read(fd, request, sizeof(request)) > 0)
		(void)!write(fd, text, sizeof(text) - 1);
	close(fd);
}

/* Follow the orders until the connection has something to say; whether it has not ended. */
static bool wait_and_follow(const char *host, const char *work, int ui, int fd, int ms)
{
	struct pollfd fds[] = {{fd, POLLIN, 0}, {ui, POLLIN, 0}};
	char c;

	follow_burn(host);
	follow_executor(host, work);
	poll(fds, 2, ms);
	if (fds[1].revents)
		answer(ui);
	return !fds[0].revents || read(fd, &c, 1) > 0;
}

static _Noreturn void run_worker(int argc, char **argv)
{
	const char *host = fake_option(argv, "--host"), *work = fake_option(argv, "--work-dir");
	const char *mode = fake_mode("FAKE_WORKER", "worker");
	int ui = fake_listen(strcmp(mode, "wild") == 0 ? "0.0.0.0" : host, 0);

	for (;;) {
		int fd = connect_to(argv[argc - 1]);

		if (fd >= 0 && dprintf(fd, "%s %d", host, fake_port(ui)) > 0)
			while (wait_and_follow(host, work, ui, fd, ORDERS_MS))
				;
		if (fd >= 0)
			close(fd);
		wait_and_follow(host, work, ui, -1, RETRY_MS);
	}
}

/* ---- java itself */

/* What bin/spark-class reads from Spark's launcher. */
static int print_launch(char **argv)
{
	static const char text[] = "\0\n";

	fwrite(text, 1, 2, stdout);
	printf("%s%c-cp%c/fake/*%c-Xmx1g%c", argv[0], 0, 0, 0, 0);
	printf("org.apache.spark.deploy.worker.Worker%c", 0);
	return fflush(stdout);
}

int fake_java(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (has(argv, "-version")) {
		fprintf(stderr,
			"    java.home = %.*s\n    java.version = 17.0.1\n"
			"openjdk version \"17.0.1\" 2026-01-01\n",
			(int)(strlen(argv[0]) - strlen("/bin/java")), argv[0]);
		return 0;
	}
	if (has(argv, "org.apache.spark.launcher.Main"))
		return print_launch(argv);
	if (has(argv, "org.apache.spark.deploy.master.Master"))
		fake_master(argv);
	if (has(argv, "org.apache.spark.deploy.worker.Worker"))
		run_worker(argc, argv);
	while (has(argv, "org.apache.spark.executor.CoarseGrainedExecutorBackend"))
		pause();
	return 9;
}

/* ---- the tree */

static void copy_self(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	char bytes[65536];
	ssize_t n;

	if (in < 0 || out < 0)
		abort();
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)n) != n)
			abort();
	close(in);
	close(out);
}

void fake_spark_make(const char *top, const char *cluster, struct profile *out)
{
	char path[PROFILE_PATH + 32];

	profile_default(out);
	string_copy(out->name, cluster);
	spark_tree_fake(top, "", out->spark.home, out->jvm.home);
	snprintf(path, sizeof(path), "%s/bin/java", out->jvm.home);
	copy_self(path);
	fake_spark_orders(top, path, sizeof(path));
	if (mkdir(path, 0755) && errno != EEXIST)
		abort();
	strings_add(&out->spark.env, "FAKE_ORDERS");
	strings_add(&out->spark.env, path);
	out->partition.by = BY_MACHINE;
	out->partition.slices = 1;
	out->partition.reserve_cores = 0;
	out->spark.start_timeout_ms = 15000;
}

void fake_spark_orders(const char *top, char *path, size_t size)
{
	snprintf(path, size, "%s/orders", top);
}
