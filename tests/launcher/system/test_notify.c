/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told, and that nobody waits for it. */

#include "launcher/system/notify.h"

#include <errno.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "decision/base/strings.h"
#include "tests/harness.h"

/* A manager's socket at `path`, in $NOTIFY_SOCKET. */
static int listen_at(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(string_copy(a.sun_path, path), 0);
	unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

/* What it hears next; "" for nothing. */
static char *hear(int fd)
{
	static char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

START_TEST(it_hears_and_its_name_is_not_passed_on)
{
	struct notify n;
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/manager", test_directory());
	fd = listen_at(path);
	notify_open(&n);
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
	notify_manager(&n, "READY=1");
	ck_assert_str_eq(hear(fd), "READY=1");
	notify_again(&n);
	ck_assert_str_eq(hear(fd), "");
	notify_close(&n);
	notify_manager(&n, "STOPPING=1"); /* to nobody */
	ck_assert_str_eq(hear(fd), "");
	close(fd);
}
END_TEST

/* A manager that does not read: sending waits for nobody, and it hears the last word later. */
START_TEST(nobody_waits_for_one_that_does_not_read)
{
	struct notify n;
	char path[100];
	unsigned sent = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/mute", test_directory());
	fd = listen_at(path);
	notify_open(&n);
	for (; sent < 100000 && !n.unsaid; sent++)
		notify_manager(&n, "READY=1");
	ck_assert_ptr_nonnull(n.unsaid);
	notify_manager(&n, "STOPPING=1");
	notify_again(&n);
	for (unsigned heard = 1; heard < sent; heard++)
		ck_assert_str_eq(hear(fd), "READY=1");
	ck_assert_str_eq(hear(fd), "");
	notify_again(&n);
	ck_assert_str_eq(hear(fd), "STOPPING=1");
	ck_assert_ptr_null(n.unsaid);
	notify_close(&n);
	close(fd);
}
END_TEST

START_TEST(none_is_no_error)
{
	static const char *const none[] = {"", "relative", "/no/such/socket"};
	struct notify n;

	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		setenv("NOTIFY_SOCKET", none[i], 1);
		notify_open(&n);
		notify_manager(&n, "READY=1");
		ck_assert_ptr_null(n.fd < 0 ? NULL : n.unsaid);
		notify_close(&n);
	}
	unsetenv("NOTIFY_SOCKET");
	notify_open(&n);
	ck_assert_int_eq(n.fd, -1);
}
END_TEST

TEST_MAIN("notify", test_case("notify", it_hears_and_its_name_is_not_passed_on,
			      nobody_waits_for_one_that_does_not_read, none_is_no_error))
