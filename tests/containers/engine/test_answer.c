/* SPDX-License-Identifier: Apache-2.0 */
/* What engines answered, recorded of Docker 20.10.24 and Podman 4.3.1, and what none should. */

#include "containers/engine/answer.h"

#include <errno.h>
#include <sys/stat.h>

#include "containers/engine/frames.h"
#include "decision/base/cleanup.h"
#include "tests/containers/engine/fake_engine.h"
#include "tests/harness.h"

/* Read a recorded answer by `parse`, which has to succeed. */
#define READ(name, parse, ...)                                                              \
	do {                                                                                \
		size_t size_;                                                               \
		cleanup_free char *text_ = fake_engine_recorded((name), &size_);            \
		struct err e_ = {0};                                                        \
                                                                                            \
		ck_assert_msg(parse(text_, size_, __VA_ARGS__, &e_) >= 0, "%s: %s", (name), \
			      e_.msg);                                                      \
	} while (0)

START_TEST(engines)
{
	struct engine_about docker, podman;
	char least[16];

	READ("docker-version.json", version_parse, &docker, least);
	ck_assert_str_eq(docker.name, "docker");
	ck_assert_str_eq(docker.version, "20.10.24+dfsg1");
	ck_assert_str_eq(docker.api, "1.41");
	ck_assert_str_eq(least, "1.12");
	READ("docker-info.json", info_parse, &docker);
	ck_assert_str_eq(docker.name, "docker");
	ck_assert_str_eq(docker.architecture, "x86_64");
	ck_assert_str_eq(docker.cgroup_driver, "cgroupfs");
	ck_assert_int_eq(docker.cgroup_version, 1);
	ck_assert(docker.has_cpuset && docker.has_memory_limit);
	ck_assert(!docker.is_rootless && !docker.keeps_containers);

	READ("podman-version.json", version_parse, &podman, least);
	ck_assert_str_eq(podman.name, "podman");
	ck_assert_str_eq(podman.version, "4.3.1");
	ck_assert_str_eq(podman.api, "1.41");
	READ("podman-info.json", info_parse, &podman);
	ck_assert_str_eq(podman.architecture, "x86_64"); /* it says amd64 */
	ck_assert(podman.has_cpuset && !podman.is_rootless);
}
END_TEST

START_TEST(rootless)
{
	static const char text[] = "{\"SecurityOptions\":[\"name=seccomp\",\"name=rootless\"],"
				   "\"CgroupVersion\":\"2\",\"CPUSet\":false}";
	struct engine_about about = {0};
	struct err e;

	ck_assert_int_eq(info_parse(text, strlen(text), &about, &e), 0);
	ck_assert(about.is_rootless && !about.has_cpuset);
	ck_assert_int_eq(about.cgroup_version, 2);
}
END_TEST

START_TEST(images)
{
	static const char none[] = "{\"Id\":\"sha256:1\",\"Config\":null}";
	struct image image;
	struct err e;

	READ("docker-image.json", image_parse, &image);
	ck_assert_uint_eq(strlen(image.id), 71);
	ck_assert_str_eq(image.architecture, "x86_64"); /* it says amd64 */
	ck_assert_str_eq(image.user, "185");
	ck_assert_str_eq(image.spark_home, "/opt/spark");
	ck_assert_str_eq(image.java_home, "/usr/lib/jvm");
	ck_assert_str_eq(image.path, "");
	READ("podman-image.json", image_parse, &image);
	ck_assert_str_eq(image.user, "");
	ck_assert_int_eq(image_parse(none, strlen(none), &image, &e), 0);
	ck_assert_str_eq(image.id, "sha256:1");
}
END_TEST

START_TEST(containers)
{
	struct container_state s;
	char ids[2][CONTAINER_ID];
	int code = 0;

	READ("docker-container-created.json", container_parse, &s);
	ck_assert_str_eq(s.status, "created");
	ck_assert_int_eq(s.pid, 0);
	READ("docker-container-running.json", container_parse, &s);
	ck_assert_str_eq(s.status, "running");
	ck_assert_int_gt(s.pid, 1);
	ck_assert_str_eq(s.name, "cleave-demo-slice-0");
	ck_assert_str_eq(s.cluster, "demo");
	ck_assert_str_eq(s.slice, "slice-0");
	ck_assert_str_eq(s.cpus, "");
	ck_assert_uint_eq(strlen(s.id), 64);
	ck_assert(!s.has_terminal && !s.is_oom_killed);
	READ("docker-container-exited.json", container_parse, &s);
	ck_assert_str_eq(s.status, "exited");
	ck_assert_int_eq(s.exit_code, 137);
	READ("docker-containers.json", container_list_parse, ids, 2);
	ck_assert_str_eq(ids[0], s.id);
	READ("docker-waited.json", waited_parse, &code);
	ck_assert_int_eq(code, 137);
	READ("podman-container-failed.json", container_parse, &s);
	ck_assert_str_eq(s.status, "created");
	ck_assert_str_eq(s.name, "cleave-demo-slice-0");
	ck_assert_str_eq(s.cluster, "demo");
	READ("podman-containers.json", container_list_parse, ids, 2);
	ck_assert_str_eq(ids[0], s.id);
}
END_TEST

START_TEST(execs)
{
	struct exec_state s;

	READ("docker-exec-ended.json", exec_parse, &s);
	ck_assert(!s.is_running);
	ck_assert_int_eq(s.exit_code, 4);
	ck_assert_uint_eq(strlen(s.container), 64);
}
END_TEST

/* A label that is cut would be another cluster's. */
START_TEST(strange_labels)
{
	static const char text[] =
		"{\"Id\":\"1a\",\"Name\":\"/x\",\"State\":{\"Status\":\"running\",\"Pid\":-5},"
		"\"Config\":{\"Labels\":{\"cleave.cluster\":"
		"\"a123456789a123456789a123456789ab\",\"cleave.slice\":7}}}";
	struct container_state s;
	struct err e;

	ck_assert_int_eq(container_parse(text, strlen(text), &s, &e), 0);
	ck_assert_str_eq(s.cluster, "");
	ck_assert_str_eq(s.slice, "");
	ck_assert_int_eq(s.pid, 0);
}
END_TEST

/* None of it is an answer; nothing is written, and the error is a sentence. */
START_TEST(nonsense)
{
	static const char *const texts[] = {"",
					    "{",
					    "null",
					    "7",
					    "[]x",
					    "{\"Id\":\"",
					    "{\"Id\":7}",
					    "<html>",
					    "[[]]",
					    "{\"Id\":\"../../x\"}",
					    "{\"Id\":\"\"}",
					    "[{\"Id\":null}]",
					    "{\"ApiVersion\":\"0123456789abcdef\"}",
					    "{\"Running\":false}",
					    "\xff\xfe"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const size_t size = strlen(texts[i]);
		struct container_state state = {.pid = 77};
		struct image image = {.user = "u"};
		struct engine_about about = {.version = "v"};
		struct exec_state exec = {.pid = 77};
		char id[CONTAINER_ID] = "id", least[16] = "l", ids[1][CONTAINER_ID] = {"id"};
		struct err e = {0};
		int code = 77;

		ck_assert_int_eq(container_parse(texts[i], size, &state, &e), -EBADMSG);
		ck_assert_int_eq(image_parse(texts[i], size, &image, &e), -EBADMSG);
		ck_assert_int_eq(created_parse(texts[i], size, id, &e), -EBADMSG);
		ck_assert_int_eq(container_list_parse(texts[i], size, ids, 1, &e), -EBADMSG);
		ck_assert_int_eq(version_parse(texts[i], size, &about, least, &e), -EBADMSG);
		ck_assert_int_eq(exec_parse(texts[i], size, &exec, &e), -EBADMSG);
		ck_assert_int_eq(waited_parse(texts[i], size, &code, &e), -EBADMSG);
		ck_assert(e.msg[0] && e.exit == ERR_FAILED);
		ck_assert(state.pid == 77 && exec.pid == 77 && code == 77);
		ck_assert_str_eq(image.user, "u");
		ck_assert_str_eq(about.version, "v");
		ck_assert_str_eq(id, "id");
		ck_assert_str_eq(ids[0], "id");
	}
}
END_TEST

/* Some bytes of text are a hundred of a parser's memory. */
START_TEST(too_many_values)
{
	const size_t size = 4 << 20;
	cleanup_free char *text = malloc(size);
	struct container_state state;
	struct err e;

	for (size_t i = 0; i < size; i++)
		text[i] = "[],"[i % 3];
	text[0] = '[';
	ck_assert_int_eq(container_parse(text, size, &state, &e), -EBADMSG);
	ck_assert(strstr(e.msg, "too many"));
}
END_TEST

START_TEST(paths)
{
	static const struct {
		const char *header;
		mode_t mode;
		const char *target;
	} cases[] = {
		/* /bin/sh of Docker, the same of Podman */
		{"eyJuYW1lIjoic2giLCJzaXplIjo3LCJtb2RlIjoxMzQyMTgyMzksIm10aW1lIjoiMjAyNi0xMS0zMFQx"
		 "MTowNjo0NFoiLCJsaW5rVGFyZ2V0IjoiL2Jpbi9idXN5Ym94In0=",
		 S_IFLNK | 0777, "/bin/busybox"},
		{"eyJuYW1lIjoiYnVzeWJveCIsInNpemUiOjcsIm1vZGUiOjEzNDIxODIzOSwibXRpbWUiOiIyMDI2LTEx"
		 "LTMwVDExOjA2OjQ0WiIsImlzRGlyIjpmYWxzZSwibGlua1RhcmdldCI6Ii9iaW4vYnVzeWJveCJ9",
		 S_IFLNK | 0777, "/bin/busybox"},
		/* {"mode":2147484141,"linkTarget":"/tmp"}: a directory */
		{"eyJtb2RlIjoyMTQ3NDg0MTQxLCJsaW5rVGFyZ2V0IjoiL3RtcCJ9", S_IFDIR | 0755, ""},
		/* {"mode":8389101}: a file, setuid */
		{"eyJtb2RlIjo4Mzg5MTAxfQ==", S_IFREG | S_ISUID | 0755, ""}};
	static const char *const bad[] = {"", "====", "bm8=", "e30=", "\xff"};
	struct container_path p = {0};
	struct err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_msg(!path_stat_parse(cases[i].header, &p, &e), "%s", e.msg);
		ck_assert_int_eq(p.mode, cases[i].mode);
		ck_assert_str_eq(p.target, cases[i].target);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_int_eq(path_stat_parse(bad[i], &p, &e), -EBADMSG);
}
END_TEST

START_TEST(pulls)
{
	static const char line[] = "{\"status\":\"Downloading\\u001b[2J\",\"progress\":\"[=> ]\","
				   "\"id\":\"1a2b\"}";
	struct err e = {0};
	char shown[256];
	size_t size;
	cleanup_free char *failed = fake_engine_recorded("podman-pull.json", &size);

	ck_assert_int_eq(pull_line_parse(line, strlen(line), shown, sizeof(shown), &e), 0);
	ck_assert_str_eq(shown, "1a2b: Downloading\\x1b[2J [=> ]");
	ck_assert_int_eq(pull_line_parse(failed, size, shown, sizeof(shown), &e), -EIO);
	ck_assert(strstr(e.msg, "connection refused"));
}
END_TEST

START_TEST(messages)
{
	static const struct {
		const char *text, *says;
	} cases[] = {{"{\"message\":\"No such: x\"}\n", "No such: x"},
		     {"{\"message\":7}", ""},
		     {"{}", ""},
		     {"page not found\n", "page not found"},
		     {"", ""},
		     /* cut, at a character */
		     {"{\"message\":\"0123456789abcdefghij\"}", "0123456789abcde"},
		     {"0123456789abcd\xc3\xa9", "0123456789abcd"}};
	char to[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		answer_message(cases[i].text, strlen(cases[i].text), to, sizeof(to));
		ck_assert_str_eq(to, cases[i].says);
	}
}
END_TEST

/* ---- frames */

struct streams {
	size_t used[3];
	char text[3][256];
};

static int put(void *context, int stream, const char *bytes, size_t size)
{
	struct streams *s = context;

	ck_assert(stream == 1 || stream == 2);
	memcpy(s->text[stream] + s->used[stream], bytes, size);
	s->used[stream] += size;
	return s->used[stream] > 100 ? -EFBIG : 0;
}

/* However the bytes are cut, they are the same streams. */
START_TEST(frames_in_any_pieces)
{
	static const char all[] = "\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n\1\0\0\0\0\0\0\0"
				  "\0\0\0\0\0\0\0\2in\3\0\0\0\0\0\0\3sys";
	const size_t size = sizeof(all) - 1;

	for (size_t step = 1; step <= size; step++) {
		struct frames f = {0};
		struct streams s = {0};

		for (size_t at = 0; at < size; at += step)
			ck_assert_int_eq(frames_feed(&f, all + at,
						     step < size - at ? step : size - at, put, &s),
					 0);
		ck_assert_str_eq(s.text[1], "out\nin");
		ck_assert_str_eq(s.text[2], "err\nsys");
	}
}
END_TEST

START_TEST(no_frames)
{
	static const char big[8] = {1, 0, 0, 0, (char)0xff, (char)0xff, (char)0xff, (char)0xff};
	struct frames f = {0};
	struct streams s = {0};
	char many[200] = "";

	ck_assert_int_eq(frames_feed(&f, "plain text", 10, put, &s), -EBADMSG);
	f = (struct frames){0};
	ck_assert_int_eq(frames_feed(&f, big, sizeof(big), put, &s), 0);
	ck_assert_int_eq(frames_feed(&f, many, sizeof(many), put, &s), -EFBIG);
}
END_TEST

TEST_MAIN("answer",
	  test_case("recorded", engines, rootless, images, containers, execs, paths, pulls),
	  test_case("foreign", strange_labels, nonsense, too_many_values, messages),
	  test_case("frames", frames_in_any_pieces, no_frames))
