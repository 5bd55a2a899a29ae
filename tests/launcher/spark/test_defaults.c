/* SPDX-License-Identifier: Apache-2.0 */
/* The user's own spark-defaults.conf: how it is read, what of it is used, and its bounds. */

#include "launcher/spark/doors.h"

#include <errno.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/room.h"
#include "profiles/load.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static struct err e;

static char directory[PROFILE_PATH];

static void write_conf(const char *file, const char *text)
{
	char path[2 * PROFILE_PATH];

	snprintf(directory, sizeof(directory), "%s/conf", test_directory());
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	unlink(path);
	spark_tree_program(directory, file, text);
}

static const struct {
	const char *text, *key, *value;
	unsigned line;
} properties[] = {
	{"spark.a b", "spark.a", "b", 1},
	{"spark.a=b", "spark.a", "b", 1},
	{"spark.a : b c ", "spark.a", "b c ", 1},
	{"spark.a==b", "spark.a", "=b", 1},
	{"spark.a", "spark.a", "", 1},
	{"\r\n\n# spark.x y\\\n! z\n  \tspark.a\tb", "spark.a", "b", 5},
	{"spark.a b\\\n   c\\\r\n\td\ne f", "spark.a", "bcd", 1},
	{"spark\\ .a\\=x\\:y v", "spark .a=x:y", "v", 1},
	{"spark.a \\t\\n\\r\\f\\q\\\\", "spark.a", "\t\n\r\fq\\", 1},
	{"spark.a \\u00e4\\uD83D\\ude00\\u20AC", "spark.a", "ä😀€", 1},
	{"spark.a \\ud83d", "spark.a", "\xef\xbf\xbd", 1},
	{"spark.a \\u12", "spark.a", "u12", 1},
	{"spark.a b\\", "spark.a", "b", 1},
	{"spark.ä ö", "spark.ä", "ö", 1},
	{"=b", "", "b", 1},
};

static void check_properties(size_t i)
{
	cleanup_property struct property q = {0};
	struct properties from = {.at = properties[i].text,
				  .end = properties[i].text + strlen(properties[i].text)};

	ck_assert_int_eq(properties_next(&from, &q), 1);
	ck_assert_str_eq(q.key, properties[i].key);
	ck_assert_str_eq(q.value, properties[i].value);
	ck_assert_uint_eq(q.line, properties[i].line);
}

START_TEST(properties_are_read_as_java_does)
{
	for (size_t i = 0; i < COUNT(properties); i++)
		check_properties(i);
}
END_TEST

static const char *conf_value(const struct spark_tree *t, const char *key)
{
	return strings_value(&t->profile.spark.conf, key);
}

START_TEST(defaults_are_beneath_the_profile)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_argv struct argv notes = {0};

	write_conf("spark-defaults.conf",
		   "spark.executor.cores 1\nspark.sql.x   a  \nspark.sql.x b\nother.key 1\n"
		   "spark.mine file\nspark.executor.extraJavaOptions -XX:+UseG1GC -Dfoo=1\n"
		   "spark.speculation true\nspark.worker.cleanup.interval 5\nspark.ui.filters x\n"
		   "spark.authenticate.secret hush\n");
	snprintf(t->spark.home, sizeof(t->spark.home), "%s", test_directory());
	unsetenv("SPARK_CONF_DIR");
	t->profile.security.ui = UI_ACL;
	strings_add(&t->profile.spark.conf, "spark.mine");
	strings_add(&t->profile.spark.conf, "profile");
	ck_assert_msg(spark_take_defaults(&t->cluster, &t->spark, &t->profile, &notes, &e) == 0,
		      "%s", e.msg);
	ck_assert_str_eq(conf_value(t, "spark.sql.x"), "b");
	ck_assert_str_eq(conf_value(t, "spark.mine"), "profile");
	ck_assert_str_eq(conf_value(t, "spark.executor.extraJavaOptions"), "-Dfoo=1");
	ck_assert_uint_eq(t->profile.spark.conf.count, 6);
	ck_assert(spark_tree_notes_have(&notes,
					"/conf/spark-defaults.conf:1: spark.executor.cores is left "
					"out: an executor has an equal part"));
	ck_assert(spark_tree_notes_have(&notes, ":7: spark.speculation is left out"));
	ck_assert(spark_tree_notes_have(
		&notes, ":8: spark.worker.cleanup.interval is left out: only daemons"));
	ck_assert(spark_tree_notes_have(&notes, ":9: spark.ui.filters is left out: security.ui"));
	ck_assert(spark_tree_notes_have(&notes, ":10: spark.authenticate.secret is left out"));
	ck_assert(spark_tree_notes_have(&notes, "-XX:+UseG1GC at "));
	ck_assert(!spark_tree_notes_have(&notes, "hush"));
	ck_assert_uint_eq(notes.count, 6);
}
END_TEST

/* The state keeps the profile as YAML. */
START_TEST(defaults_are_kept_to_the_byte)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_free struct profile *again = calloc(1, sizeof(*again));
	cleanup_argv struct argv notes = {0};
	cleanup_free char *text = NULL;

	ck_assert_ptr_nonnull(again);
	write_conf(
		"spark-defaults.conf",
		"spark.a x\\u0001\\u007f\\u0085\\u2028 \\\"'#: - ? %@\\t.\\n \nspark.b  \n"
		"spark.\xc3\xa4 1\nspark. 2\nspark.c \xff\nspark.d \\u0000\\ufffe\nspark.e=f=g\n");
	snprintf(t->spark.home, sizeof(t->spark.home), "%s", test_directory());
	unsetenv("SPARK_CONF_DIR");
	ck_assert_msg(spark_take_defaults(&t->cluster, &t->spark, &t->profile, &notes, &e) == 0,
		      "%s", e.msg);
	ck_assert_str_eq(conf_value(t, "spark.a"),
			 "x\x01\x7f\xc2\x85\xe2\x80\xa8 \"'#: - ? %@\t.\n");
	ck_assert_str_eq(conf_value(t, "spark.b"), "");
	ck_assert_str_eq(conf_value(t, "spark.e"), "f=g");
	ck_assert_ptr_null(conf_value(t, "spark.c"));
	ck_assert(spark_tree_notes_have(&notes, "spark.c at "));
	ck_assert_msg(profile_emit(&t->profile, &text, &e) == 0, "%s", e.msg);
	ck_assert_msg(profile_parse(text, strlen(text), "again", again, &e) == 0, "%s", e.msg);
	ck_assert(strings_is_equal(&t->profile.spark.conf, &again->spark.conf));
	write_conf("spark-defaults.conf", "");
}
END_TEST

START_TEST(defaults_have_bounds)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_argv struct argv notes = {0};
	cleanup_free char *text = calloc(1, 300 << 10);

	ck_assert_ptr_nonnull(text);
	snprintf(t->spark.home, sizeof(t->spark.home), "%s", test_directory());
	unsetenv("SPARK_CONF_DIR");
	memset(text, 'x', 5000);
	memcpy(text, "spark.long ", 11);
	memcpy(text + 5000, "\nspark.short 1\n", 16);
	write_conf("spark-defaults.conf", text);
	ck_assert_int_eq(spark_take_defaults(&t->cluster, &t->spark, &t->profile, &notes, &e), 0);
	ck_assert_str_eq(conf_value(t, "spark.short"), "1");
	ck_assert_ptr_null(conf_value(t, "spark.long"));
	ck_assert(spark_tree_notes_have(&notes,
					"spark.long is left out: with the profile's spark.conf it "
					"would be more than 4096 bytes"));
	memset(text, '\n', 290 << 10);
	write_conf("spark-defaults.conf", text);
	ck_assert_int_eq(spark_take_defaults(&t->cluster, &t->spark, &t->profile, &notes, &e),
			 -EFBIG);
	ck_assert_ptr_nonnull(strstr(e.msg, "spark-defaults.conf has more than 262143 bytes"));
}
END_TEST

/* `env` leads a shell to files that were made of the user's. */
START_TEST(files_of_ours_are_not_the_users)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	char path[PROFILE_PATH], found[PROFILE_PATH];

	snprintf(path, sizeof(path), "%s/state/env", test_directory());
	spark_tree_program(path, "spark-defaults.conf", "");
	setenv("SPARK_CONF_DIR", path, 1);
	doors_directory(&t->spark, found);
	ck_assert_str_eq(found, path);
	snprintf(path, sizeof(path), "%s/state", test_directory());
	spark_tree_program(path, "applications.conf", "");
	doors_directory(&t->spark, found);
	ck_assert_str_eq(found, "/opt/spark/conf");
}
END_TEST

TEST_MAIN("defaults", test_case("properties", properties_are_read_as_java_does),
	  test_case("defaults", defaults_are_beneath_the_profile, defaults_are_kept_to_the_byte,
		    defaults_have_bounds, files_of_ours_are_not_the_users))
