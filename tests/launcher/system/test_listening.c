/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

enum { LOOPBACK = 0x7f000001, ELSEWHERE = 0x7f00f00f };

static struct listening_socket s;
static struct err e;

/* Lines as /proc/net/tcp and tcp6 have them. */
START_TEST(lines_of_proc)
{
	ck_assert(listening_parse(
		"   0: 0100007F:1BA5 00000000:0000 0A 00000000:00000000 00:00000000 "
		"00000000     0        0 4711 1 0000000000000000 100 0 0 10 0",
		&s));
	ck_assert(s.is_ipv4 && s.is_loopback);
	ck_assert_uint_eq(s.address, LOOPBACK);
	ck_assert_uint_eq(s.port, 7077);
	ck_assert_uint_eq(s.inode, 4711);
	ck_assert(listening_parse("   1: 0000000000000000FFFF00000A00007F:1F90 "
				  "00000000000000000000000000000000:0000 0A 00000000:00000000 "
				  "00:00000000 00000000  1000        0 18446744073709551615 1",
				  &s));
	ck_assert(s.is_ipv4 && s.is_loopback);
	ck_assert_uint_eq(s.address, 0x7f00000a);
	ck_assert_uint_eq(s.inode, UINT64_MAX);
	ck_assert(listening_parse("   2: 00000000000000000000000000000000:0016 "
				  "00000000000000000000000000000000:0000 0A 00000000:00000000 "
				  "00:00000000 00000000     0        0 7 1",
				  &s));
	ck_assert(s.is_ipv4 && !s.is_loopback); /* [::] is every IPv4 address, too */
	ck_assert_uint_eq(s.address, 0);
	ck_assert(listening_parse("   3: 00000000000000000000000001000000:0016 "
				  "00000000000000000000000000000000:0000 0A 00000000:00000000 "
				  "00:00000000 00000000     0        0 7 1",
				  &s));
	ck_assert(!s.is_ipv4 && s.is_loopback);
	ck_assert(listening_parse("   4: B80D0120000000000000000001000000:0016 "
				  "00000000000000000000000000000000:0000 0A 00000000:00000000 "
				  "00:00000000 00000000     0        0 7 1",
				  &s));
	ck_assert(!s.is_ipv4 && !s.is_loopback);
}
END_TEST

START_TEST(other_lines)
{
	static const char *const lines[] = {
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
		"   0: 0100007F:1BA5 0100007F:0016 01 00000000:00000000 00:00000000 00000000 0 0 7 1",
		"   0: 0100007F:1BA5 00000000:0000 0A",
		"   0: 01007F:1BA5 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 7 1",
		"",
		"garbage",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(!listening_parse(lines[i], &s), "%s", lines[i]);
}
END_TEST

static int listen_at(uint32_t address, int *port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	socklen_t size = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &size), 0);
	*port = ntohs(name.sin_port);
	return fd;
}

START_TEST(our_own_sockets)
{
	cleanup_free struct listening_socket *list = NULL;
	size_t count;
	int ports[2] = {0, 0}, wild;
	cleanup_close int fd = listen_at(ELSEWHERE, &ports[0]);
	cleanup_close int everywhere = -1;

	ck_assert_int_eq(listening_probe(ELSEWHERE, ports[0]), -EADDRINUSE);
	ck_assert_int_eq(listening_probe(0x08080808, ports[0]), -EADDRNOTAVAIL);
	ck_assert_int_eq(listening_read(&list, &count, &e), 0);
	ck_assert(listening_has_address(list, count, ELSEWHERE));
	ck_assert(!listening_has_address(list, count, ELSEWHERE + 1));
	ck_assert_msg(listening_check("it", getpid(), ELSEWHERE, ports, &e) == 0, "%s", e.msg);
	ports[1] = 1;
	ck_assert_int_eq(listening_check("it", getpid(), ELSEWHERE, ports, &e), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(e.msg, "does not listen at its port 1"));
	ports[1] = 0;
	everywhere = listen_at(0, &wild);
	ck_assert_int_eq(listening_check("it", getpid(), ELSEWHERE, ports, &e), -EPERM);
	ck_assert_ptr_nonnull(strstr(e.msg, "listens on 0.0.0.0:"));
	ck_assert_ptr_nonnull(strstr(e.msg, "it may only on 127.0.240.15 and loopback"));
	close(fd);
	fd = -1;
	ck_assert_int_eq(listening_probe(ELSEWHERE, ports[0]), 0);
}
END_TEST

START_TEST(an_address_can_be_reached)
{
	ck_assert_msg(listening_check_address(ELSEWHERE, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(listening_check_address(0x08080808, &e), -EADDRNOTAVAIL);
	ck_assert_ptr_nonnull(strstr(e.msg, "nobody can be reached at 8.8.8.8 here"));
	ck_assert_ptr_nonnull(strstr(e.msg, "spark.first_address"));
}
END_TEST

/* A container's own network, before anybody has brought loopback up: listening succeeds there. */
START_TEST(loopback_may_be_down)
{
	if (unshare(CLONE_NEWNET))
		test_skip("no network of one's own can be made here: %s", strerror(errno));
	ck_assert_int_lt(listening_check_address(LOOPBACK + 9, &e), 0);
	ck_assert_msg(strstr(e.msg, "nobody can be reached at 127.0.0.10") &&
			      strstr(e.msg, "ip link set lo up"),
		      "%s", e.msg);
}
END_TEST

TEST_MAIN("listening", test_case("sockets", lines_of_proc, other_lines, our_own_sockets,
				 an_address_can_be_reached, loopback_may_be_down))
