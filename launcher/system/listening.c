/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

enum { TCP_LISTEN_STATE = 0x0a }; /* include/net/tcp_states.h of the kernel */

static uint32_t byte_swapped(uint32_t word)
{
	return htonl(word); /* the kernel prints each 32-bit word as it lies in memory */
}

static void set_ipv4(struct listening_socket *s, uint32_t address)
{
	s->is_ipv4 = true;
	s->address = address;
	s->is_loopback = address >> 24 == 127;
}

/* "0100007F" or four such words: proc_net_tcp.rst. */
static bool parse_address(const char *text, struct listening_socket *s)
{
	uint32_t words[4];

	if (strlen(text) == 8 && sscanf(text, "%8" SCNx32, &words[0]) == 1) {
		set_ipv4(s, byte_swapped(words[0]));
		return true;
	}
	if (strlen(text) != 32 || sscanf(text, "%8" SCNx32 "%8" SCNx32 "%8" SCNx32 "%8" SCNx32,
					 &words[0], &words[1], &words[2], &words[3]) != 4)
		return false;
	if (!words[0] && !words[1] && byte_swapped(words[2]) == 0xffff)
		set_ipv4(s, byte_swapped(words[3]));
	else if (!words[0] && !words[1] && !words[2] && byte_swapped(words[3]) == 1)
		s->is_loopback = true;
	else if (!words[0] && !words[1] && !words[2] && !words[3])
		set_ipv4(s, 0); /* [::] takes IPv4 connections too */
	return true;
}

bool listening_parse(const char *line, struct listening_socket *out)
{
	struct listening_socket s = {0};
	char address[33];
	unsigned port, state;

	/* sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode */
	if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%4x %*s %2x %*s %*s %*s %*s %*s %" SCNu64, address,
		   &port, &state, &s.inode) != 4)
		return false;
	if (state != TCP_LISTEN_STATE || !parse_address(address, &s))
		return false;
	s.port = (uint16_t)port;
	*out = s;
	return true;
}

static int read_table(const char *path, struct listening_socket **list, size_t *count,
		      struct err *e)
{
	cleanup_fclose FILE *file = fopen(path, "re");
	char line[512];

	if (!file)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "%s", path);
	while (fgets(line, sizeof(line), file)) {
		struct listening_socket s, *grown;

		if (!listening_parse(line, &s))
			continue;
		grown = reallocarray(*list, *count + 1, sizeof(**list));
		if (!grown)
			return err_set(e, -ENOMEM, "no memory for the sockets in %s", path);
		*list = grown;
		grown[(*count)++] = s;
	}
	return 0;
}

int listening_read(struct listening_socket **list, size_t *count, struct err *e)
{
	cleanup_free struct listening_socket *found = NULL;
	size_t n = 0;
	int r = read_table("/proc/net/tcp", &found, &n, e);

	if (!r)
		r = read_table("/proc/net/tcp6", &found, &n, e);
	if (r)
		return r;
	*list = take_pointer(found);
	*count = n;
	return 0;
}

bool listening_has_address(const struct listening_socket *list, size_t count, uint32_t address)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].is_ipv4 && list[i].address == address)
			return true;
	return false;
}

int listening_probe(uint32_t address, int port)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(address),
		.sin_port = htons((uint16_t)port),
	};
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	/* As Java does it: connections in TIME_WAIT do not hold a port, listeners do. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&name, sizeof(name)) || listen(fd, 1))
		return -errno;
	return 0;
}

/*
 * Listen there, and connect to it: where loopback is down, or has no address, Linux lets a process
 * listen, and nobody comes.
 */
static int try_address(uint32_t address)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cleanup_close int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval second = {.tv_sec = 1};
	socklen_t size = sizeof(name);

	if (fd < 0 || other < 0 || bind(fd, (struct sockaddr *)&name, size) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&name, &size) ||
	    setsockopt(other, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second)))
		return -errno;
	if (connect(other, (struct sockaddr *)&name, size))
		return errno == EINPROGRESS || errno == EAGAIN ? -ETIMEDOUT : -errno;
	return 0;
}

int listening_check_address(uint32_t address, struct err *e)
{
	bool is_loopback = address >> 24 == IN_LOOPBACKNET;
	struct in_addr in = {htonl(address)};
	int r = try_address(address);
	char text[INET_ADDRSTRLEN];

	if (r == 0)
		return 0;
	inet_ntop(AF_INET, &in, text, sizeof(text));
	return err_set(
		e, r, "nobody can be reached at %s here: %s; %s", text, strerror(-r),
		r == -EPERM || r == -EACCES
			? "a filter of system calls or a security module forbids it"
		: is_loopback
			? "the loopback interface must be up and have 127.0.0.1/8 (ip link set lo up)"
			: "spark.first_address must be this machine's, or left out");
}

static int check_one(const char *name, pid_t pid, uint32_t address,
		     const struct listening_socket *s, struct err *e)
{
	char where[INET_ADDRSTRLEN] = "an IPv6 address", wanted[INET_ADDRSTRLEN];
	struct in_addr in = {htonl(s->address)}, want = {htonl(address)};

	if (s->is_loopback || (s->is_ipv4 && s->address == address && address))
		return 0;
	if (s->is_ipv4)
		inet_ntop(AF_INET, &in, where, sizeof(where));
	inet_ntop(AF_INET, &want, wanted, sizeof(wanted));
	return err_set(e, -EPERM, "%s (pid %d) listens on %s:%u, it may only on %s and loopback",
		       name, (int)pid, where, s->port, wanted);
}

int listening_check(const char *name, pid_t pid, uint32_t address, const int ports[2],
		    struct err *e)
{
	cleanup_free struct listening_socket *list = NULL;
	bool seen[2] = {false, false};
	cleanup_closedir DIR *fds = NULL;
	struct dirent *entry;
	char path[64];
	size_t count;
	int r = listening_read(&list, &count, e);

	if (r)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	if (!fds)
		return err_errno(e, -errno, "the sockets of %s (pid %d)", name, (int)pid);
	/* Its sockets are links /proc/PID/fd/N → "socket:[INODE]". */
	while ((entry = readdir(fds))) {
		char link[64];
		ssize_t n = readlinkat(dirfd(fds), entry->d_name, link, sizeof(link) - 1);
		uint64_t inode;

		link[n > 0 ? n : 0] = '\0';
		if (sscanf(link, "socket:[%" SCNu64 "]", &inode) != 1)
			continue;
		for (const struct listening_socket *s = list; s < list + count; s++) {
			if (s->inode != inode)
				continue;
			if (check_one(name, pid, address, s, e))
				return e->code;
			seen[0] |= s->port == ports[0] && s->address == address;
			seen[1] |= s->port == ports[1] && s->address == address;
		}
	}
	for (int p = 0; p < 2; p++)
		if (ports[p] && !seen[p])
			return err_set(
				e, -EADDRINUSE,
				"%s (pid %d) does not listen at its port %d: another process may "
				"have taken it",
				name, (int)pid, ports[p]);
	return 0;
}
