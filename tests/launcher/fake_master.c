/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake's Master: workers that keep a connection are registered; its user interface and the
 * drivers' REST behind it.
 */

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/launcher/fake_orders.h"
#include "tests/launcher/fake_parts.h"

enum {
	WORKERS_MAX = 72,
	NAME_BYTES = 64,
	HELD_MAX = 64,
	BODY_BYTES = 32768,
	HUGE_MB = 100,
	WAIT_MS = 10
};

struct master {
	const char *host;
	int port, count;
	int fds[WORKERS_MAX];
	char hosts[WORKERS_MAX][NAME_BYTES];
	int ui_ports[WORKERS_MAX];
	int held[HELD_MAX]; /* clients that get no answer; 0: free */
	unsigned next_held;
};

/* ---- answers */

static void answer(int fd, const char *status, const char *body)
{
	dprintf(fd, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
		strlen(body), body);
	close(fd);
}

static size_t list_apps(char *text, size_t size)
{
	char apps[4096], *rest = apps, *id;
	size_t used = 0;

	text[0] = '\0';
	if (!fake_ordered("apps", apps, sizeof(apps)))
		return 0;
	while ((id = strsep(&rest, "\n")))
		if (id[0] && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s{\"id\":\"%s\"}",
						 used ? "," : "", id);
	return used;
}

static void answer_json(const struct master *m, int fd)
{
	char body[BODY_BYTES], apps[8192];
	int length;

	if (fake_ordered("json", body, sizeof(body))) {
		answer(fd, "200 OK", body);
		return;
	}
	list_apps(apps, sizeof(apps));
	length = snprintf(body, sizeof(body),
			  "{\"url\":\"spark://%s:%d\",\"status\":\"ALIVE\",\"aliveworkers\":%d,"
			  "\"activeapps\":[%s],\"workers\":[",
			  m->host, m->port, m->count, apps);
	for (int i = 0; i < m->count; i++)
		length += snprintf(body + length, sizeof(body) - (size_t)length,
				   "%s{\"id\":\"worker-%d\",\"host\":\"%s\",\"port\":1,\"cores\":2,"
				   "\"webuiaddress\":\"http://%s:%d\","
				   "\"coresused\":0,\"memory\":512,\"state\":\"ALIVE\"}",
				   i ? "," : "", i, m->hosts[i], m->hosts[i], m->ui_ports[i]);
	snprintf(body + length, sizeof(body) - (size_t)length, "]}");
	answer(fd, "200 OK", body);
}

static void hold(struct master *m, int fd)
{
	int *place = &m->held[m->next_held++ % HELD_MAX];

	if (*place)
		close(*place);
	*place = fd;
}

/* Bodies that are more than they seem, or never seem to end, until the other side has had enough. */
static const struct {
	const char *how, *unit;
	int mb;
} hostile[] = {{"huge", " ", 100},
	       {"dense", "[],", 3},
	       {"members", "{\"id\":{}},", 3},
	       {"deep", "[{\"id\":", 3}};

static bool answer_hostile(int fd, const char *how)
{
	static char block[1 << 20];
	const char *unit = NULL;
	size_t size;
	int mb = 0;

	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++)
		if (strcmp(how, hostile[i].how) == 0) {
			unit = hostile[i].unit;
			mb = hostile[i].mb;
		}
	if (!unit)
		return false;
	size = sizeof(block) - sizeof(block) % strlen(unit);
	for (size_t i = 0; i < size; i++)
		block[i] = unit[i % strlen(unit)];
	dprintf(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[");
	while (mb--)
		if (send(fd, block, size, MSG_NOSIGNAL) < 0)
			break;
	close(fd);
	return true;
}

static void answer_rest(struct master *m, int fd, const char *app, const char *kind)
{
	char how[16], what[192], body[BODY_BYTES];

	if (!fake_ordered("rest", how, sizeof(how)))
		how[0] = '\0';
	snprintf(what, sizeof(what), "%s.%s", app, kind);
	if (strcmp(how, "slow") == 0)
		hold(m, fd);
	else if (answer_hostile(fd, how))
		return;
	else if (strcmp(how, "garbage") == 0)
		answer(fd, "200 OK", "[{\"id\":\"\xff\x01\",\"stageId\":-1,[[[[");
	else if (!how[0] && fake_ordered(what, body, sizeof(body)))
		answer(fd, "200 OK", body);
	else
		answer(fd, "404 Not Found", "");
}

static void answer_http(struct master *m, int fd)
{
	char request[1024], app[64], kind[32], how[16];
	ssize_t n = read(fd, request, sizeof(request) - 1);

	request[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		close(fd);
	else if (sscanf(request, "GET /proxy/%63[^/]/api/v1/applications/%*[^/]/%31[a-z]", app,
			kind) == 2)
		answer_rest(m, fd, app, kind);
	else if (!fake_ordered("json", how, sizeof(how)) || !answer_hostile(fd, how))
		answer_json(m, fd);
}

/* ---- workers */

static void register_worker(struct master *m, int fd)
{
	char text[NAME_BYTES + 16];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (m->count == WORKERS_MAX - 1 ||
	    sscanf(text, "%63s %d", m->hosts[m->count], &m->ui_ports[m->count]) != 2) {
		close(fd);
		return;
	}
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
	m->ui_ports[i] = m->ui_ports[m->count];
	memcpy(m->hosts[i], m->hosts[m->count], NAME_BYTES);
}

_Noreturn void fake_master(char **argv)
{
	const char *mode = fake_mode("FAKE_MASTER", "master");
	struct master m = {.host = fake_option(argv, "--host"),
			   .port = fake_number(fake_option(argv, "--port"))};
	int ui, rpc;

	while (fake_ordered("wait", (char[8]){0}, 8))
		poll(NULL, 0, WAIT_MS);
	ui = fake_listen(m.host, fake_number(fake_option(argv, "--webui-port")));
	rpc = fake_listen(m.host, m.port);
	if (strcmp(mode, "wild") == 0)
		fake_listen("0.0.0.0", 0);
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
			answer_http(&m, accept4(ui, NULL, NULL, SOCK_CLOEXEC));
		if (fds[1].revents)
			register_worker(&m, accept4(rpc, NULL, NULL, SOCK_CLOEXEC));
	}
}
