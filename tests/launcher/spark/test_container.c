/* SPDX-License-Identifier: Apache-2.0 */
/* What containers see, and how a daemon in one is started. */

#include "launcher/spark/room.h"

#include <errno.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/plan/observation.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

static struct spark contained;
static struct spark_engine engine;
static struct container_spec spec;

/* Slices in containers of an image without Spark, with Java; master and drivers on this machine. */
static struct spark_tree *new_tree(const char *top)
{
	struct spark_tree *t = spark_tree_new(top);

	contained = t->spark;
	string_copy(contained.image, "sha256:1");
	string_copy(contained.java, "/usr/lib/jvm/image/bin/java");
	string_copy(contained.java_home, "/usr/lib/jvm/image");
	contained.mounts_home = true;
	string_copy(contained.fingerprint, "1111111111111111");
	t->all.contained = &contained;
	t->all.engine = &engine;
	return t;
}

static const struct mount *find(const char *target)
{
	for (unsigned i = 0; i < spec.mount_count; i++)
		if (strcmp(spec.mounts[i].target, target) == 0)
			return &spec.mounts[i];
	return NULL;
}

START_TEST(a_slice_sees_its_own)
{
	cleanup_free struct spark_tree *t = new_tree("/t");
	char user[32];
	struct err e;

	ck_assert_msg(spark_container(&t->all, "slice-1", &spec, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(spec.name, "cleave-tree-slice-1");
	ck_assert_str_eq(spec.image, "sha256:1");
	ck_assert_str_eq(spec.cluster, "tree");
	ck_assert_str_eq(spec.slice, "slice-1");
	snprintf(user, sizeof(user), "%u:%u", geteuid(), getegid());
	ck_assert_str_eq(spec.user, user);
	ck_assert(!find("/t/state/tree")->is_writable);
	ck_assert_str_eq(find("/etc/passwd")->source, "/t/state/tree/passwd");
	ck_assert(find("/t/data/tree/slice-1")->is_writable);
	ck_assert(!find("/opt/spark")->is_writable);
	/* Nothing of others, nor the image's own Java. */
	ck_assert_ptr_null(find("/t/data/tree/slice-0"));
	ck_assert_ptr_null(find("/t/data/tree"));
	ck_assert_ptr_null(find("/usr/lib/jvm/image"));
	ck_assert_uint_eq(spec.mount_count, 4);
	engine.is_rootless = true;
	ck_assert_msg(spark_container(&t->all, "slice-1", &spec, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(spec.user, "0:0");
	ck_assert(!spark_is_contained(&t->all, GROUP_HOST));
	ck_assert(spark_is_contained(&t->all, "slice-0"));
}
END_TEST

START_TEST(what_the_profile_mounts)
{
	cleanup_free struct spark_tree *t = new_tree("/t");
	const char *top = test_directory();
	char item[PROFILE_PATH];
	struct err e;

	snprintf(t->profile.workload.data_path, PROFILE_PATH, "file://%s", top);
	strings_add(&t->profile.docker.mounts, "/usr:/a b:ro");
	strings_add(&t->profile.docker.mounts, "/etc:/x:rw");
	ck_assert_msg(spark_container(&t->all, "slice-0", &spec, &e) == 0, "%s", e.msg);
	ck_assert_ptr_nonnull(find(top));
	ck_assert(!find(top)->is_writable);
	ck_assert_str_eq(find("/a b")->source, "/usr");
	ck_assert(!find("/a b")->is_writable);
	ck_assert(find("/x")->is_writable);
	snprintf(item, sizeof(item), "%s/none:/n", top);
	strings_add(&t->profile.docker.mounts, item);
	ck_assert_int_eq(spark_container(&t->all, "slice-0", &spec, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.msg, "docker.mounts: "));
	/* What is elsewhere, or not there, needs no mount. */
	t->profile.docker.mounts = (struct strings){0};
	string_copy(t->profile.workload.data_path, "hdfs://n/data");
	ck_assert_msg(spark_container(&t->all, "slice-0", &spec, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(spec.mount_count, 4);
}
END_TEST

START_TEST(too_many_mounts)
{
	cleanup_free struct spark_tree *t = new_tree("/t");
	struct err e;

	for (unsigned i = 0; i < CONTAINER_MOUNTS; i++)
		strings_addf(&t->profile.docker.mounts, "/usr:/m%u", i);
	ck_assert_int_eq(spark_container(&t->all, "slice-0", &spec, &e), -E2BIG);
	ck_assert_ptr_nonnull(strstr(e.msg, "docker.mounts"));
}
END_TEST

/* Who can exchange a directory on the way to a source would choose what root mounts. */
START_TEST(root_mounts_by_its_own_way_only)
{
	cleanup_free struct spark_tree *t = new_tree("/t");
	char theirs[PROFILE_PATH], below[PROFILE_PATH + 8], item[2 * PROFILE_PATH];
	const char *top = test_directory();
	struct err e;

	if (geteuid() != 0)
		test_skip("needs root");
	snprintf(theirs, sizeof(theirs), "%s/theirs", top);
	snprintf(below, sizeof(below), "%s/data", theirs);
	ck_assert_int_eq(mkdir(theirs, 0755), 0);
	ck_assert_int_eq(mkdir(below, 0755), 0);
	ck_assert_int_eq(chown(theirs, 4711, 4711), 0);
	t->cluster.uid = 4711;
	string_copy(t->cluster.user, "them");
	/* A directory of theirs, to which the way is root's, is theirs to use. */
	snprintf(item, sizeof(item), "%s:/d", theirs);
	strings_add(&t->profile.docker.mounts, item);
	ck_assert_msg(spark_container(&t->all, "slice-0", &spec, &e) == 0, "%s", e.msg);
	snprintf(item, sizeof(item), "%s:/e", below);
	strings_add(&t->profile.docker.mounts, item);
	ck_assert_int_eq(spark_container(&t->all, "slice-0", &spec, &e), -EPERM);
	ck_assert_ptr_nonnull(strstr(e.msg, "4711"));
	/* What is only offered is left out. */
	t->profile.docker.mounts = (struct strings){0};
	string_copy(t->profile.workload.data_path, below);
	ck_assert(!spark_sees(&t->all, below));
	ck_assert(spark_sees(&t->all, theirs));
	ck_assert_msg(spark_container(&t->all, "slice-0", &spec, &e) == 0, "%s", e.msg);
	ck_assert_ptr_null(find(below));
	ck_assert_msg(spark_command_container(&t->all, below, (char *[]){NULL}, &spec, &e) == 0,
		      "%s", e.msg);
	ck_assert_str_eq(spec.directory, "/");
}
END_TEST

START_TEST(a_worker_in_a_container)
{
	cleanup_free struct spark_tree *t = new_tree("/t");
	cleanup_process struct process p = {0}, master = {0}, other = {0};
	struct err e;

	ck_assert_int_eq(spark_worker_process(&t->all, 0, &p, &e), 0);
	ck_assert_str_eq(argv_value(&p.env, "JAVA_HOME"), "/usr/lib/jvm/image");
	ck_assert(spark_tree_has(&p.argv, "-Dcleave.spark=1111111111111111"));
	ck_assert_ptr_nonnull(argv_value(&p.env, SPARK_CONTAINER));
	/* An archive of this machine's JVM is not for the image's. */
	ck_assert_ptr_null(strstr(argv_value(&p.env, "JDK_JAVA_OPTIONS"), "jvm.options"));
	ck_assert_int_eq(spark_master_process(&t->all, &master, &e), 0);
	ck_assert_str_eq(argv_value(&master.env, "JAVA_HOME"), "/opt/jdk");
	ck_assert_ptr_null(argv_value(&master.env, SPARK_CONTAINER));
	/* With another mount, or of another image, it is another one. */
	strings_add(&t->profile.docker.mounts, "/usr:/u");
	ck_assert_int_eq(spark_worker_process(&t->all, 0, &other, &e), 0);
	ck_assert_str_ne(argv_value(&other.env, SPARK_CONTAINER),
			 argv_value(&p.env, SPARK_CONTAINER));
}
END_TEST

START_TEST(a_command_sees_where_it_is)
{
	cleanup_free struct spark_tree *t = new_tree("/t");
	const char *top = test_directory();
	char *words[] = {(char[]){"--flag"}, (char[]){"/usr/bin/env"}, (char[]){"/none"}, NULL};
	struct err e;

	ck_assert_msg(spark_command_container(&t->all, top, words, &spec, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(spec.slice, GROUP_HOST);
	ck_assert_str_eq(spec.directory, top);
	ck_assert(find(top)->is_writable);
	ck_assert(find("/usr/bin/env")->is_writable);
	ck_assert(find("/t/data/tree/host")->is_writable);
	ck_assert_ptr_null(find("/none"));
}
END_TEST

/* As the passwd that is mounted there has them, so that HOME is the JVM's user.home. */
START_TEST(who_it_is_in_a_container)
{
	static const struct {
		uid_t uid;
		bool is_rootless;
		const char *home, *user; /* NULL: whatever the machine calls him */
	} cases[] = {
		{0, false, "/root", "root"},
		{54321, false, "/tmp", "cleave"}, /* nobody knows him */
		{65534, false, "/tmp", NULL},
		{54321, true, "/root", "root"}, /* the caller, there */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_free struct spark_tree *t = spark_tree_new("/t");
		struct spark inside = t->spark;
		struct spark_engine theirs = {.is_rootless = cases[i].is_rootless};
		cleanup_argv struct argv env = {0}, own = {0};

		t->all.contained = &inside;
		t->all.engine = &theirs;
		t->cluster.uid = cases[i].uid;
		spark_put_container_user(&t->all, &env);
		ck_assert_str_eq(argv_value(&env, "HOME"), cases[i].home);
		ck_assert_str_eq(argv_value(&env, "USER"), argv_value(&env, "LOGNAME"));
		if (cases[i].user)
			ck_assert_str_eq(argv_value(&env, "USER"), cases[i].user);
		/* spark.env's is left. */
		strings_add(&t->profile.spark.env, "HOME");
		strings_add(&t->profile.spark.env, "/data");
		argv_put(&own, "HOME", "/data");
		spark_put_container_user(&t->all, &own);
		ck_assert_str_eq(argv_value(&own, "HOME"), "/data");
	}
}
END_TEST

TEST_MAIN("containers of Spark's",
	  test_case("mounts", a_slice_sees_its_own, what_the_profile_mounts, too_many_mounts,
		    root_mounts_by_its_own_way_only, a_command_sees_where_it_is),
	  test_case("processes", a_worker_in_a_container, who_it_is_in_a_container))
