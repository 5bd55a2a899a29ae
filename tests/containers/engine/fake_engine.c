/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/containers/engine/fake_engine.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

enum { REQUEST = 64 << 10 };

static char asked_path[256];

static void say(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

		if (sent <= 0)
			_exit(0);
		bytes += sent;
		size -= (size_t)sent;
	}
}

/* The head and as much of a body as it promises. */
static void hear(int fd, char request[REQUEST])
{
	size_t used = 0, body = 0;
	char *end = NULL;

	while (!end || used < (size_t)(end - request) + body) {
		ssize_t got = recv(fd, request + used, REQUEST - 1 - used, 0);
		char *length;

		if (got <= 0)
			_exit(0);
		used += (size_t)got;
		request[used] = '\0';
		if (end || !(end = strstr(request, "\r\n\r\n")))
			continue;
		end += 4;
		length = strcasestr(request, "Content-Length: ");
		body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
	}
	/* One line of it for the test. */
	memmove(strstr(request, " HTTP/") + 1, end, strlen(end) + 1);
}

static void echo(int fd)
{
	char bytes[1000];
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
		const char head[8] = {1, 0, 0, 0, 0, 0, (char)(got >> 8), (char)got};

		say(fd, head, sizeof(head));
		say(fd, bytes, (size_t)got);
	}
	say(fd, "\2\0\0\0\0\0\0\3end", 11);
}

static void serve(int fd, const struct fake_answer *a, int asked)
{
	static const struct fake_answer none = {
		.text = FAKE_SAYS("404 Not Found", "{\"message\":\"the fake has no answer\"}")};
	static char request[REQUEST], commas[60000];

	hear(fd, request);
	dprintf(asked, "%s\n", request);
	while (a->text && a->request && strncmp(a->request, request, strlen(a->request)) != 0)
		a++;
	if (!a->text)
		a = &none;
	say(fd, a->text, a->size ? a->size : strlen(a->text));
	memset(commas, ',', sizeof(commas));
	for (size_t left = a->fill; left; left -= left < sizeof(commas) ? left : sizeof(commas))
		say(fd, commas, left < sizeof(commas) ? left : sizeof(commas));
	if (a->then == FAKE_ECHO)
		echo(fd);
	while (a->then == FAKE_STAY && recv(fd, request, sizeof(request), 0) > 0)
		;
}

const char *fake_engine_start(const struct fake_answer *answers)
{
	static struct sockaddr_un address;
	static unsigned count;
	const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int asked;

	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/engine-%u", test_directory(),
		 count);
	snprintf(asked_path, sizeof(asked_path), "%s/asked-%u", test_directory(), count++);
	unlink(address.sun_path);
	asked = open(asked_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (asked < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 16))
		abort();
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_IGN);
		for (;;) {
			const int fd = accept(listener, NULL, NULL);

			if (fd < 0)
				_exit(1);
			if (fork() == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				serve(fd, answers, asked);
				_exit(0);
			}
			close(fd);
		}
	}
	close(listener);
	close(asked);
	return address.sun_path;
}

const char *fake_engine_asked(void)
{
	static char text[REQUEST];
	cleanup_close int fd = open(asked_path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

char *fake_engine_recorded(const char *name, size_t *size)
{
	char path[256];
	cleanup_fclose FILE *file = NULL;
	char *text = calloc(1, REQUEST);

	snprintf(path, sizeof(path), "tests/fuzz/corpus/engine/%s", name);
	file = fopen(path, "re");
	if (!file || !text)
		abort();
	*size = fread(text, 1, REQUEST - 1, file);
	return text;
}
