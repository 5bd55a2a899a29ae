#include "tests/launcher/fake_spark.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "tests/launcher/spark_tree.h"

enum { WORKERS_MAX = 16, NAME_BYTES = 64, RETRY_MS = 50 };

int fake_is_java(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	return strcmp(slash ? slash + 1 : argv0, "java") == 0;
}

static const char *after(char **argv, const char *option)
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

static int number(const char *text)
{
	return text ? (int)strtol(text, NULL, 10) : 0;
}

static struct sockaddr_in name_of(const char *host, int port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, host, &name.sin_addr);
	return name;
}

static int listen_on(const char *host, int port)
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

/* What FAKE_… asks for, before anything else. */
static void misbehave(const char *mode)
{
	if (mode && strcmp(mode, "exit") == 0) {
		fprintf(stderr, "fake: this is why it ends\n");
		exit(3);
	}
	while (mode && strcmp(mode, "hang") == 0)
		pause();
}

/* ---- the Master */

struct master {
	const char *host;
	int port, count;
	int fds[WORKERS_MAX];
	char hosts[WORKERS_MAX][NAME_BYTES];
};

static void answer_json(const struct master *m, int fd)
{
	char body[8192], request[1024];
	ssize_t n = read(fd, request, sizeof(request));
	int length = snprintf(body, sizeof(body),
			      "{\"url\":\"spark://%s:%d\",\"status\":\"ALIVE\",\"aliveworkers\":%d,"
			      "\"activeapps\":[],\"workers\":[",
			      m->host, m->port, m->count);

	for (int i = 0; i < m->count; i++)
		length += snprintf(body + length, sizeof(body) - (size_t)length,
				   "%s{\"id\":\"worker-%d\",\"host\":\"%s\",\"port\":1,\"cores\":2,"
				   "\"coresused\":0,\"memory\":512,\"state\":\"ALIVE\"}",
				   i ? "," : "", i, m->hosts[i]);
	length += snprintf(body + length, sizeof(body) - (size_t)length, "]}");
	if (n > 0)
		dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			length, body);
	close(fd);
}

static void register_worker(struct master *m, int fd)
{
	ssize_t n = read(fd, m->hosts[m->count], NAME_BYTES - 1);

	if (n <= 0 || m->count == WORKERS_MAX - 1) {
		close(fd);
		return;
	}
	m->hosts[m->count][n] = '\0';
	m->fds[m->count++] = fd;
}

static void drop_worker(struct master *m, int i)
{
	char c;

	if (recv(m->fds[i], &c, 1, 0) > 0)
		return;
	close(m->fds[i]);
	m->count--;
	m->fds[i] = m->fds[m->count];
	memcpy(m->hosts[i], m->hosts[m->count], NAME_BYTES);
}

static _Noreturn void run_master(char **argv)
{
	const char *mode = getenv("FAKE_MASTER");
	struct master m = {.host = after(argv, "--host"), .port = number(after(argv, "--port"))};
	int ui, rpc;

	misbehave(mode);
	ui = listen_on(m.host, number(after(argv, "--webui-port")));
	rpc = listen_on(m.host, m.port);
	if (mode && strcmp(mode, "wild") == 0)
		listen_on("0.0.0.0", 0);
	for (;;) {
		struct pollfd fds[2 + WORKERS_MAX] = {{ui, POLLIN, 0}, {rpc, POLLIN, 0}};
		int count = m.count;

		for (int i = 0; i < count; i++)
			fds[2 + i] = (struct pollfd){m.fds[i], POLLIN, 0};
		poll(fds, (nfds_t)(2 + count), -1);
		for (int i = count - 1; i >= 0; i--)
			if (fds[2 + i].revents)
				drop_worker(&m, i);
		if (fds[0].revents)
			answer_json(&m, accept4(ui, NULL, NULL, SOCK_CLOEXEC));
		if (fds[1].revents)
			register_worker(&m, accept4(rpc, NULL, NULL, SOCK_CLOEXEC));
	}
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

static _Noreturn void run_worker(int argc, char **argv)
{
	const char *host = after(argv, "--host");
	const char *mode = getenv("FAKE_WORKER");

	misbehave(mode);
	listen_on(mode && strcmp(mode, "wild") == 0 ? "0.0.0.0" : host, 0);
	for (;;) {
		int fd = connect_to(argv[argc - 1]);
		char c;

		if (fd >= 0) {
			if (write(fd, host, strlen(host)) > 0)
				while (read(fd, &c, 1) > 0)
					;
			close(fd);
		}
		poll(NULL, 0, RETRY_MS);
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
		fprintf(stderr, "openjdk version \"17.0.1\" 2026-01-01\n");
		return 0;
	}
	if (has(argv, "org.apache.spark.launcher.Main"))
		return print_launch(argv);
	if (has(argv, "org.apache.spark.deploy.master.Master"))
		run_master(argv);
	if (has(argv, "org.apache.spark.deploy.worker.Worker"))
		run_worker(argc, argv);
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
	snprintf(out->spark.home, sizeof(out->spark.home), "%s/spark", top);
	snprintf(out->jvm.home, sizeof(out->jvm.home), "%s/jdk", top);
	snprintf(path, sizeof(path), "%s/jars", out->spark.home);
	spark_tree_program(path, "spark-core_2.13-4.1.0.jar", "");
	snprintf(path, sizeof(path), "%s/bin", out->spark.home);
	spark_tree_program(path, "spark-submit", "#!/bin/sh\n");
	snprintf(path, sizeof(path), "%s/bin", out->jvm.home);
	spark_tree_program(path, "java", "");
	snprintf(path, sizeof(path), "%s/bin/java", out->jvm.home);
	copy_self(path);
	out->partition.by = BY_MACHINE;
	out->partition.slices = 1;
	out->partition.reserve_cores = 0;
	out->spark.start_timeout_ms = 15000;
}
