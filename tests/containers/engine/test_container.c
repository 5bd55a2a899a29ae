/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is asked to be: all of it, and what holds whatever is wished. */

#include "containers/engine/engine.h"

#include <jansson.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

static char *sh[] = {(char[]){"/opt/java/bin/java"}, (char[]){"-cp"}, (char[]){"a b"}, NULL};
static char *env[] = {(char[]){"SPARK_HOME=/opt/spark"}, (char[]){"PATH"}, NULL};

static const struct container_spec worker = {
	.name = "cleave-demo-slice-0",
	.image = "registry:5000/spark:4",
	.parent = "/cleave/demo/slice-0",
	.cluster = "demo",
	.slice = "slice-0",
	.user = "185:185",
	.directory = "/work",
	.argv = sh,
	.envp = env,
	.mounts = {{.source = "/opt/spark", .target = "/opt/spark"},
		   {.source = "/var/lib/cleave/demo",
		    .target = "/var/lib/cleave/demo",
		    .is_writable = true}},
	.mount_count = 2,
	.open_files = 4096,
};

/* Written down here, so that no change of it goes unseen. */
static const char golden[] =
	"{\"Image\":\"registry:5000/spark:4\",\"Entrypoint\":[\"/opt/java/bin/java\"],"
	"\"Cmd\":[\"-cp\",\"a b\"],\"Env\":[\"SPARK_HOME=/opt/spark\",\"PATH\"],"
	"\"User\":\"185:185\",\"WorkingDir\":\"/work\","
	"\"Labels\":{\"cleave.cluster\":\"demo\",\"cleave.slice\":\"slice-0\"},"
	"\"Tty\":false,\"OpenStdin\":false,\"StdinOnce\":false,\"AttachStdin\":false,"
	"\"AttachStdout\":false,\"AttachStderr\":false,\"Healthcheck\":{\"Test\":[\"NONE\"]},"
	"\"HostConfig\":{\"NetworkMode\":\"host\",\"CgroupParent\":\"/cleave/demo/slice-0\","
	"\"ReadonlyRootfs\":true,\"AutoRemove\":false,"
	"\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/opt/spark\","
	"\"Target\":\"/opt/spark\",\"ReadOnly\":true},"
	"{\"Type\":\"bind\",\"Source\":\"/var/lib/cleave/demo\","
	"\"Target\":\"/var/lib/cleave/demo\",\"ReadOnly\":false}],"
	"\"Tmpfs\":{\"/tmp\":\"rw,nosuid,nodev,noexec,size=64m,mode=1777\","
	"\"/run\":\"rw,nosuid,nodev,noexec,size=16m,mode=755\"},"
	"\"CapDrop\":[\"ALL\"],\"SecurityOpt\":[\"no-new-privileges\",\"label=disable\"],"
	"\"UsernsMode\":\"host\",\"IpcMode\":\"private\",\"Init\":false,\"OomScoreAdj\":0,"
	"\"RestartPolicy\":{\"Name\":\"no\"},"
	"\"LogConfig\":{\"Type\":\"json-file\","
	"\"Config\":{\"max-size\":\"16m\",\"max-file\":\"2\"}},"
	"\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":4096,\"Hard\":4096}],\"PidsLimit\":-1}}";

START_TEST(whole_body)
{
	cleanup_free char *body = container_body(&worker);

	ck_assert_str_eq(body, golden);
}
END_TEST

START_TEST(attached)
{
	struct container_spec spec = worker;
	cleanup_free char *body = NULL;

	spec.takes_input = spec.takes_terminal = spec.keeps_no_record = true;
	body = container_body(&spec);
	ck_assert(strstr(body, "\"Tty\":true,\"OpenStdin\":true,\"StdinOnce\":true,"
			       "\"AttachStdin\":true,\"AttachStdout\":true,\"AttachStderr\":true"));
	ck_assert(strstr(body, "\"AutoRemove\":true"));
}
END_TEST

/* A mount where a tmpfs would be takes its place; engines refuse both. */
START_TEST(mounted_tmp)
{
	struct container_spec spec = worker;
	cleanup_free char *body = NULL;

	spec.mounts[0] =
		(struct mount){.source = "/scratch", .target = "/tmp", .is_writable = true};
	body = container_body(&spec);
	ck_assert(strstr(body, "\"Tmpfs\":{\"/run\""));
	ck_assert_ptr_null(strstr(body, "\"Tmpfs\":{\"/tmp\""));
}
END_TEST

/* JSON has no words for it. */
START_TEST(no_utf8)
{
	char word[] = "/bin/\xff", *odd[] = {word, NULL};
	struct container_spec spec = worker;

	spec.argv = odd;
	ck_assert_ptr_null(container_body(&spec));
	spec = worker;
	spec.envp = odd;
	ck_assert_ptr_null(container_body(&spec));
	spec = worker;
	snprintf(spec.mounts[1].source, sizeof(spec.mounts[1].source), "/data/\xe9");
	ck_assert_ptr_null(container_body(&spec));
}
END_TEST

static void fill(char *to, size_t size, unsigned long long *state)
{
	static const char *const bits[] = {"a", "/",  "\"",   "\\", "{", "]",
					   ",", "\n", "\x01", "é",  " ", "$"};
	size_t used = 1;

	to[0] = '/';
	for (unsigned i = 0; i < test_random(state) % 40 && used + 4 < size; i++) {
		const char *bit = bits[test_random(state) % (sizeof(bits) / sizeof(*bits))];

		memcpy(to + used, bit, strlen(bit));
		used += strlen(bit);
	}
	to[used] = '\0';
}

static const char *text_at(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* Whatever is wished: it is said as it is, and nothing is given that was not to be. */
START_TEST(any_wish)
{
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 500; round++) {
		struct container_spec spec = {0};
		char words[3][64];
		char *argv[] = {words[0], words[1], NULL}, *envp[] = {words[2], NULL};
		cleanup_free char *body = NULL;
		json_t *host, *mounts;
		json_auto_t *root = NULL;

		for (int i = 0; i < 3; i++)
			fill(words[i], sizeof(words[i]), &state);
		spec.argv = argv;
		spec.envp = envp;
		fill(spec.image, sizeof(spec.image), &state);
		fill(spec.parent, sizeof(spec.parent), &state);
		fill(spec.user, sizeof(spec.user), &state);
		spec.mount_count = (unsigned)(test_random(&state) % CONTAINER_MOUNTS);
		for (unsigned i = 0; i < spec.mount_count; i++) {
			fill(spec.mounts[i].source, PROFILE_PATH, &state);
			fill(spec.mounts[i].target, PROFILE_PATH, &state);
			spec.mounts[i].is_writable = test_random(&state) % 2;
		}
		body = container_body(&spec);
		root = body ? json_loads(body, JSON_REJECT_DUPLICATES, NULL) : NULL;
		ck_assert_msg(root != NULL, "seed %lu round %u", test_seed(), round);
		host = json_object_get(root, "HostConfig");
		mounts = json_object_get(host, "Mounts");
		ck_assert_str_eq(text_at(root, "Image"), spec.image);
		ck_assert_str_eq(text_at(root, "User"), spec.user);
		ck_assert_str_eq(text_at(host, "CgroupParent"), spec.parent);
		ck_assert_str_eq(
			json_string_value(json_array_get(json_object_get(root, "Entrypoint"), 0)),
			words[0]);
		ck_assert_str_eq(json_string_value(json_array_get(json_object_get(root, "Cmd"), 0)),
				 words[1]);
		ck_assert_str_eq(json_string_value(json_array_get(json_object_get(root, "Env"), 0)),
				 words[2]);
		ck_assert_uint_eq(json_array_size(mounts), spec.mount_count);
		for (unsigned i = 0; i < spec.mount_count; i++) {
			json_t *m = json_array_get(mounts, i);

			ck_assert_str_eq(text_at(m, "Source"), spec.mounts[i].source);
			ck_assert_str_eq(text_at(m, "Target"), spec.mounts[i].target);
			ck_assert(json_is_true(json_object_get(m, "ReadOnly")) !=
				  spec.mounts[i].is_writable);
		}
		ck_assert(json_is_true(json_object_get(host, "ReadonlyRootfs")));
		ck_assert(!json_object_get(host, "CapAdd") && !json_object_get(host, "Privileged"));
		ck_assert(!json_object_get(host, "CpusetCpus") &&
			  !json_object_get(host, "CpusetMems"));
		ck_assert(!json_object_get(host, "Memory") && !json_object_get(host, "Binds"));
	}
}
END_TEST

TEST_MAIN("container", test_case("body", whole_body, attached, mounted_tmp, no_utf8, any_wish))
