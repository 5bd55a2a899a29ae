/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/ui.h"

#include <errno.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

/* 32 bytes, 0 to 31; the tokens are Python's (hmac, base64). */
static const char key[UI_KEY] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

START_TEST(tokens)
{
	char header[UI_HEADER];

	ui_header(key, 0, header);
	ck_assert_str_eq(header,
			 "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjbGVhdmUifQ."
			 "bTUsXuRayuswZL1RlZl5YN8ftE8bcuDhsYC1iDY4eL4");
	ui_header(key, 1796020000, header);
	ck_assert_str_eq(header, "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9."
				 "eyJzdWIiOiJjbGVhdmUiLCJleHAiOjE3OTYwMjAwMDB9."
				 "YkYU10YBHrNRNertJtEMBLF45gGvnY7P0Lg_apje2Gk");
	ui_header(key, INT64_MAX, header); /* fits */
}
END_TEST

/* A cluster with STATE and a Spark of which the jars have this file. */
static struct spark_tree *tree_with(const char *name, const char *jar)
{
	char top[PROFILE_PATH / 2], home[PROFILE_PATH - 16], path[PROFILE_PATH];
	struct spark_tree *t;

	snprintf(top, sizeof(top), "%.400s/%s", test_directory(), name);
	snprintf(home, sizeof(home), "%s/spark", top);
	snprintf(path, sizeof(path), "%s/jars", home);
	spark_tree_program(path, jar, "");
	snprintf(path, sizeof(path), "%s/state/tree", top);
	spark_tree_program(path, "lock", "");
	t = spark_tree_new(top);
	string_copy(t->spark.home, home);
	t->profile.security.ui = UI_ACL;
	return t;
}

static char *read_state(const struct spark_tree *t, const char *file)
{
	char path[PROFILE_PATH], *text;
	struct stat st;
	struct err e;
	size_t size;

	ck_assert_int_eq(cluster_file(&t->cluster, file, path, &e), 0);
	ck_assert_msg(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "%s", path);
	ck_assert_int_eq(file_read(path, 1000, &text, &size, &e), 0);
	return text;
}

static char *properties(const struct spark_tree *t)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	struct err e;

	ck_assert_msg(ui_put_properties(file, &t->all, &e) == 0, "%s", e.msg);
	fclose(file);
	return text;
}

START_TEST(files)
{
	cleanup_free struct spark_tree *t = tree_with("files", "jjwt-impl-0.12.6.jar");
	cleanup_free char *made = NULL, *header = NULL, *again = NULL, *acl = NULL, *off = NULL;
	cleanup_free char *open = NULL;
	char expected[UI_HEADER], read[UI_KEY], line[256], path[PROFILE_PATH];
	struct err e;

	umask(0);
	ck_assert_msg(ui_check(&t->all, &e) == 0, "%s", e.msg);
	ck_assert_msg(ui_prepare(&t->all, &e) == 0, "%s", e.msg);
	made = read_state(t, "ui.key");
	ck_assert_uint_eq(strlen(made), UI_KEY - 1);
	ui_header(made, 0, expected);
	header = read_state(t, "ui.header");
	snprintf(line, sizeof(line), "%s\n", expected);
	ck_assert_str_eq(header, line);
	ck_assert_int_eq(ui_read_key(&t->all, read, &e), 0);
	ck_assert_str_eq(read, made);
	acl = properties(t);
	snprintf(line, sizeof(line),
		 "spark.ui.filters=org.apache.spark.ui.JWSFilter\n"
		 "spark.org.apache.spark.ui.JWSFilter.param.secretKey=%s\n",
		 made);
	ck_assert_str_eq(acl, line);
	/* Off: the daemons' are closed in the same way, and a driver's, if it has them after all. */
	t->profile.security.ui = UI_OFF;
	ck_assert_int_eq(ui_prepare(&t->all, &e), 0);
	off = properties(t);
	ck_assert_int_eq(strncmp(off, acl, strlen(acl)), 0);
	ck_assert_str_eq(off + strlen(acl), "spark.ui.enabled=false\n");
	/* Open: nobody is asked, and the key stays for what runs with it. */
	t->profile.security.ui = UI_OPEN;
	ck_assert_int_eq(ui_prepare(&t->all, &e), 0);
	open = properties(t);
	ck_assert_str_eq(open, "");
	ck_assert_int_eq(ui_read_key(&t->all, read, &e), 0);
	ck_assert_str_eq(read, "");
	ck_assert_int_eq(cluster_file(&t->cluster, "ui.header", path, &e), 0);
	ck_assert(access(path, F_OK) < 0);
	ck_assert_int_eq(ui_prepare(&t->all, &e), 0);
	t->profile.security.ui = UI_ACL;
	ck_assert_int_eq(ui_prepare(&t->all, &e), 0);
	again = read_state(t, "ui.key");
	ck_assert_str_eq(again, made);
	/* What is no key is none of ours. */
	ck_assert_int_eq(cluster_file(&t->cluster, "ui.key", path, &e), 0);
	ck_assert_int_eq(file_replace(path, "x", 1, 0600, &e), 0);
	ck_assert_int_eq(ui_prepare(&t->all, &e), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(e.msg, "ui.key is no key of ours"));
}
END_TEST

/* Another profile is seen in the command line, without what is secret. */
START_TEST(command_lines)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");

	for (enum ui_access access = UI_OPEN; access <= UI_OFF; access++) {
		cleanup_process struct process master = {0}, worker = {0};
		struct err e;

		t->profile.security.ui = access;
		ck_assert_int_eq(spark_master_process(&t->all, &master, &e), 0);
		ck_assert_int_eq(spark_worker_process(&t->all, 0, &worker, &e), 0);
		ck_assert_int_eq(spark_tree_has(&master.argv, "-Dcleave.ui=closed"),
				 access != UI_OPEN);
		ck_assert_int_eq(spark_tree_has(&worker.argv, "-Dcleave.ui=closed"),
				 access != UI_OPEN);
	}
}
END_TEST

START_TEST(refused)
{
	cleanup_free struct spark_tree *t = tree_with("refused", "jackson.jar");
	struct err e;

	ck_assert_int_lt(ui_check(&t->all, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_ptr_nonnull(strstr(e.msg, "security.ui: acl needs a Spark with the jars of jjwt, "
					    "and there is no jjwt-impl-*.jar in "));
	ck_assert_ptr_nonnull(strstr(e.msg, t->spark.home));
	string_copy(t->spark.version, "3.5.6");
	t->profile.security.ui = UI_OFF;
	ck_assert_int_lt(ui_check(&t->all, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_ptr_nonnull(strstr(e.msg, "security.ui: off needs Spark 4.0 or later"));
	ck_assert_ptr_nonnull(strstr(e.msg, "is 3.5.6"));
	t->profile.security.ui = UI_OPEN;
	ck_assert_int_eq(ui_check(&t->all, &e), 0);
}
END_TEST

START_TEST(properties_of_the_profile)
{
	static const char *const keys[] = {"spark.ui.filters", "spark.ui.enabled",
					   "spark.org.apache.spark.ui.JWSFilter.param.secretKey"};
	cleanup_free struct spark_tree *t = tree_with("conf", "jjwt-impl-1.jar");
	char expected[ERR_TEXT];
	struct err e;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		t->profile.spark.conf = (struct strings){0};
		strings_add(&t->profile.spark.conf, keys[i]);
		strings_add(&t->profile.spark.conf, "x");
		t->profile.security.ui = UI_ACL;
		ck_assert_int_lt(ui_check(&t->all, &e), 0);
		ck_assert_int_eq(e.exit, ERR_WRONG);
		snprintf(expected, sizeof(expected),
			 "spark.conf: %s is set by security.ui: acl; remove it, or write open",
			 keys[i]);
		ck_assert_str_eq(e.msg, expected);
		t->profile.security.ui = UI_OPEN;
		ck_assert_int_eq(ui_check(&t->all, &e), 0);
	}
}
END_TEST

TEST_MAIN("ui", test_case("ui", tokens, files, command_lines, refused, properties_of_the_profile))
