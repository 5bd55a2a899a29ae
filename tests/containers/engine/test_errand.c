/* SPDX-License-Identifier: Apache-2.0 */
/* Errands: what is asked of the engine, in which order, and what the supervisor hears of it. */

#include "containers/engine/errand.h"

#include <errno.h>
#include <poll.h>

#include "tests/containers/engine/fake_engine.h"
#include "tests/harness.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A container as the engine tells of it. */
#define CONTAINER(cluster, state)                                                           \
	FAKE_SAYS("200 OK", "{\"Id\":\"" ID "\",\"Name\":\"/cleave-demo-slice-0\","         \
			    "\"Image\":\"sha256:1\",\"State\":{" state "},"                 \
			    "\"Config\":{\"Labels\":{\"cleave.cluster\":\"" cluster "\"}}," \
			    "\"HostConfig\":{}}")
#define RUNS "\"Status\":\"running\",\"Running\":true,\"Pid\":4242"
#define ENDED \
	"\"Status\":\"exited\",\"Running\":false,\"Pid\":0,\"ExitCode\":137,\"OOMKilled\":true"

static char *words[] = {(char[]){"/bin/worker"}, NULL}, *none[] = {NULL};
static const struct container_spec spec = {
	.name = "cleave-demo-slice-0",
	.image = "sha256:1",
	.cluster = "demo",
	.slice = "slice-0",
	.argv = words,
	.envp = none,
};

/* Send it, and wait for what it brings. */
static void run(enum errand_kind kind, const char *socket, int log, struct errand_result *out)
{
	struct errand errand = {.fd = -1};
	struct err e;

	ck_assert_msg(errand_send(&errand, kind, socket, &spec, log, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(poll(&(struct pollfd){.fd = errand.fd, .events = POLLIN}, 1, 30000), 1);
	errand_take(&errand, out);
	ck_assert_int_eq(errand.fd, -1);
}

static void ck_order(const char *first, const char *second)
{
	const char *asked = fake_engine_asked(), *at = strstr(asked, first);

	ck_assert_msg(at && strstr(at, second), "not %s and then %s: %s", first, second, asked);
}

START_TEST(one_begins)
{
	const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = "GET /v1.41/containers/" ID "/json", .text = CONTAINER("demo", RUNS)},
		{.request = "POST /v1.41/containers/create",
		 .text = FAKE_SAYS("201 Created", "{\"Id\":\"" ID "\"}")},
		{.request = "POST /v1.41/containers/" ID "/start",
		 .text = FAKE_HEAD("204 No Content")},
		{0}};
	struct errand_result result;

	run(ERRAND_BEGIN, fake_engine_start(answers), -1, &result);
	ck_assert_msg(result.err.code == 0, "%s", result.err.msg);
	ck_assert_int_eq(result.container.pid, 4242);
	ck_order("/containers/create?name=cleave-demo-slice-0", "/" ID "/start");
}
END_TEST

/* The one that has ended goes; one of somebody else stays. */
START_TEST(room_is_made_of_our_own)
{
	const struct fake_answer ours[] = {
		FAKE_VERSION,
		{.request = "GET /v1.41/containers/", .text = CONTAINER("demo", ENDED)},
		{.request = "DELETE /v1.41/containers/" ID, .text = FAKE_HEAD("204 No Content")},
		{.request = "POST /v1.41/containers/create",
		 .text = FAKE_SAYS("201 Created", "{\"Id\":\"" ID "\"}")},
		{.request = "POST /v1.41/containers/" ID "/start",
		 .text = FAKE_HEAD("204 No Content")},
		{0}};
	const struct fake_answer theirs[] = {
		FAKE_VERSION,
		{.request = "GET /v1.41/containers/", .text = CONTAINER("other", RUNS)},
		{.request = "POST /v1.41/containers/cleave-demo-slice-0/wait",
		 .text = FAKE_SAYS("200 OK", "{\"StatusCode\":0}")},
		{0}};
	struct errand_result result;

	run(ERRAND_BEGIN, fake_engine_start(ours), -1, &result);
	ck_assert_msg(result.err.code == 0, "%s", result.err.msg);
	ck_order("DELETE /v1.41/containers/" ID, "/containers/create");
	ck_assert_int_eq(result.container.pid, 0);

	run(ERRAND_BEGIN, fake_engine_start(theirs), -1, &result);
	ck_assert_int_eq(result.err.code, -EEXIST);
	ck_assert_int_eq(result.err.exit, ERR_IMPOSSIBLE);
	ck_assert_ptr_null(strstr(fake_engine_asked(), "DELETE"));
	ck_assert_ptr_null(strstr(fake_engine_asked(), "create"));
	run(ERRAND_END, fake_engine_start(theirs), -1, &result);
	ck_assert_int_eq(result.err.code, -EEXIST);
	ck_assert_ptr_null(strstr(fake_engine_asked(), "DELETE"));
}
END_TEST

START_TEST(one_that_cannot_start_is_removed)
{
	const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = "POST /v1.41/containers/create",
		 .text = FAKE_SAYS("201 Created", "{\"Id\":\"" ID "\"}")},
		{.request = "POST /v1.41/containers/" ID "/start",
		 .text = FAKE_SAYS("400 Bad Request",
				   "{\"message\":\"no such \\u001b[31mprogram\"}")},
		{.request = "DELETE /v1.41/containers/" ID, .text = FAKE_HEAD("204 No Content")},
		{0}};
	struct errand_result result;

	run(ERRAND_BEGIN, fake_engine_start(answers), -1, &result);
	ck_assert_int_lt(result.err.code, 0);
	ck_assert_ptr_nonnull(strstr(result.err.msg, "no such "));
	ck_assert_ptr_null(strchr(result.err.msg, '\033'));
	ck_order("/start", "DELETE");
}
END_TEST

START_TEST(a_missing_image_names_its_key)
{
	const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = "GET /v1.41/containers/",
		 .text = FAKE_SAYS("404 Not Found", "{\"message\":\"none\"}")},
		{.request = "POST /v1.41/containers/create",
		 .text = FAKE_SAYS("404 Not Found", "{\"message\":\"No such image: sha256:1\"}")},
		{0}};
	struct errand_result result;

	run(ERRAND_BEGIN, fake_engine_start(answers), -1, &result);
	ck_assert_int_eq(result.err.code, -ENOENT);
	ck_assert_msg(strncmp(result.err.msg, "docker.image: ", 14) == 0, "%s", result.err.msg);
}
END_TEST

START_TEST(how_one_ended_is_told_and_its_words_are_kept)
{
	const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = "POST /v1.41/containers/cleave-demo-slice-0/wait",
		 .text = FAKE_SAYS("200 OK", "{\"StatusCode\":137}")},
		{.request = "GET /v1.41/containers/" ID "/logs",
		 .text = FAKE_HEAD("200 OK") "\1\0\0\0\0\0\0\5last\n",
		 .size = sizeof(FAKE_HEAD("200 OK") "\1\0\0\0\0\0\0\5last\n") - 1},
		{.request = "GET /v1.41/containers/", .text = CONTAINER("demo", ENDED)},
		{.request = "DELETE /v1.41/containers/" ID, .text = FAKE_HEAD("204 No Content")},
		{0}};
	const struct fake_answer gone[] = {FAKE_VERSION, {0}};
	struct errand_result result;
	char said[16] = "";
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	run(ERRAND_END, fake_engine_start(answers), ends[1], &result);
	ck_assert_msg(result.err.code == 0, "%s", result.err.msg);
	ck_assert_int_eq(result.container.exit_code, 137);
	ck_assert(result.container.is_oom_killed);
	ck_assert_int_eq(read(ends[0], said, sizeof(said) - 1), 5);
	ck_assert_str_eq(said, "last\n");
	ck_order("/logs", "DELETE");

	run(ERRAND_END, fake_engine_start(gone), -1, &result);
	ck_assert_msg(result.err.code == 0, "%s", result.err.msg);
	ck_assert_str_eq(result.container.name, "");
}
END_TEST

START_TEST(no_engine_is_told_apart)
{
	char nowhere[512];
	struct errand_result result;

	snprintf(nowhere, sizeof(nowhere), "%s/none", test_directory());
	run(ERRAND_BEGIN, nowhere, -1, &result);
	ck_assert_int_eq(result.err.code, -ECONNREFUSED);
}
END_TEST

/* A lock that the supervisor holds ends with the supervisor. */
START_TEST(the_child_keeps_nothing)
{
	const struct fake_answer answers[] = {FAKE_VERSION,
					      {.request = "GET /v1.41/containers/",
					       .text = FAKE_HEAD("200 OK"),
					       .then = FAKE_STAY},
					      {0}};
	struct errand errand = {.fd = -1};
	struct pollfd end = {.events = POLLIN};
	const char *socket = fake_engine_start(answers);
	int ends[2];
	struct err e;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_msg(errand_send(&errand, ERRAND_BEGIN, socket, &spec, -1, &e) == 0, "%s", e.msg);
	while (!strstr(fake_engine_asked(), "/json"))
		poll(NULL, 0, 10);
	close(ends[1]);
	end.fd = ends[0];
	ck_assert_int_eq(poll(&end, 1, 10000), 1); /* nobody else has it open */
	errand_drop(&errand);
	ck_assert_int_eq(errand.fd, -1);
}
END_TEST

TEST_MAIN("errand", test_case("errands", one_begins, room_is_made_of_our_own,
			      one_that_cannot_start_is_removed, a_missing_image_names_its_key,
			      how_one_ended_is_told_and_its_words_are_kept, no_engine_is_told_apart,
			      the_child_keeps_nothing))
