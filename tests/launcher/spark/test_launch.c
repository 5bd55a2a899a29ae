/* SPDX-License-Identifier: Apache-2.0 */
/* What Spark's launcher and the JDK have answered is asked again when one of them is another. */

#include "launcher/spark/room.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "decision/base/cleanup.h"
#include "launcher/system/cache.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

static char top[PROFILE_PATH - 256], home[PROFILE_PATH], jdk[PROFILE_PATH], record[PROFILE_PATH];

/* A java that counts how often it was asked, three questions a resolve(). */
static void begin(void)
{
	char program[2 * PROFILE_PATH];

	umask(022);
	snprintf(top, sizeof(top), "%s/test-%d", test_directory(), (int)getpid());
	ck_assert_int_eq(mkdir(top, 0755), 0);
	setenv("XDG_CACHE_HOME", top, 1);
	snprintf(program, sizeof(program), "#!/bin/sh\necho asked >>%s/asked\n%s", top,
		 strchr(spark_tree_java, '\n') + 1);
	spark_tree_fake(top, program, home, jdk);
}

static struct spark *resolve(void)
{
	static struct profile p;
	static struct spark s;
	char path[PROFILE_PATH];
	struct err e;

	profile_default(&p);
	string_copy(p.spark.home, home);
	string_copy(p.jvm.home, jdk);
	memset(&s, 0, sizeof(s));
	if (spark_resolve(&p, spark_tree_caller(), &s, &e))
		ck_abort_msg("%s", e.msg);
	ck_assert_int_eq(s.java_version, 21);
	ck_assert_str_eq(strings_get(&s.launch, 0), "/jdk/bin/java");
	ck_assert_uint_eq(s.launch.count, 3);
	close(cache_open(s.fingerprint, path, &e));
	ck_assert_int_lt(snprintf(record, sizeof(record), "%s/launch-%u.json", path, geteuid()),
			 PROFILE_PATH);
	return &s;
}

/* Since the last call. */
static unsigned times_asked(void)
{
	cleanup_free char *text = NULL;
	char path[PROFILE_PATH];
	struct err e;
	size_t size;

	snprintf(path, sizeof(path), "%s/asked", top);
	if (file_read(path, 10000, &text, &size, &e))
		return 0;
	unlink(path);
	return (unsigned)(size / strlen("asked\n"));
}

static void must_be_known(void)
{
	resolve();
	ck_assert_uint_eq(times_asked(), 0);
}

static void must_ask(void)
{
	resolve();
	ck_assert_uint_eq(times_asked(), 3);
	must_be_known();
}

static char *read_record(size_t *size)
{
	struct err e;
	char *text;

	if (file_read(record, 100000, &text, size, &e))
		ck_abort_msg("%s", e.msg);
	return text;
}

static void write_record(const char *text, size_t size)
{
	struct err e;

	ck_assert_int_eq(file_replace(record, text, size, 0644, &e), 0);
}

START_TEST(asked_once)
{
	struct spark first, again;

	begin();
	first = *resolve();
	ck_assert_uint_eq(times_asked(), 3);
	again = *resolve();
	ck_assert_uint_eq(times_asked(), 0);
	ck_assert(strings_is_equal(&first.launch, &again.launch));
	ck_assert_str_eq(first.fingerprint, again.fingerprint);
	ck_assert_uint_eq(strlen(first.fingerprint), SPARK_FINGERPRINT - 1);
}
END_TEST

START_TEST(asked_again_of_another_spark)
{
	char path[2 * PROFILE_PATH];

	begin();
	must_ask();
	snprintf(path, sizeof(path), "%s/jars/spark-core_2.13-4.1.0.jar", home);
	ck_assert_int_eq(utimes(path, NULL), 0);
	must_ask();
	snprintf(path, sizeof(path), "%s/jars", home);
	spark_tree_program(path, "another.jar", "x");
	must_ask();
	snprintf(path, sizeof(path), "%s/jars/another.jar", home);
	ck_assert_int_eq(unlink(path), 0);
	must_be_known(); /* as it was before */
	/* The same jars elsewhere: their paths are words. */
	snprintf(path, sizeof(path), "%s/moved", top);
	ck_assert_int_eq(rename(home, path), 0);
	snprintf(home, sizeof(home), "%s/moved", top);
	must_ask();
}
END_TEST

START_TEST(asked_again_of_another_jdk)
{
	char path[2 * PROFILE_PATH];

	begin();
	must_ask();
	snprintf(path, sizeof(path), "%s/bin/java", jdk);
	ck_assert_int_eq(utimes(path, NULL), 0);
	must_ask();
	snprintf(path, sizeof(path), "%s/lib", jdk);
	spark_tree_program(path, "modules", "of another build");
	must_ask();
}
END_TEST

START_TEST(asked_again_where_the_record_is_none)
{
	static const char *const garbage[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"schema\":\"cleave.launch/2\"}",
		"{\"schema\":\"cleave.launch/1\",\"home\":\"/\",\"java\":\"/\"}",
		"\177ELF",
	};
	cleanup_free char *text = NULL;
	unsigned long long random = test_seed();
	size_t size;

	begin();
	must_ask();
	text = read_record(&size);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++) {
		write_record(garbage[i], strlen(garbage[i]));
		must_ask();
	}
	for (unsigned i = 0; i < 10; i++) { /* cut anywhere but behind its last brace */
		write_record(text, test_random(&random) % (size - 2));
		must_ask();
	}
	write_record(text, size);
	must_be_known();
	ck_assert_int_eq(unlink(record), 0);
	ck_assert_int_eq(mkdir(record, 0755), 0);
	resolve();
	ck_assert_uint_eq(times_asked(), 3); /* and nothing can be kept */
	ck_assert_int_eq(rmdir(record), 0);
	ck_assert_int_eq(mkfifo(record, 0644), 0);
	must_ask();
}
END_TEST

/* Replace the first `from` by `to` of the same length. */
static void forge(const char *from, const char *to)
{
	size_t size;
	cleanup_free char *text = read_record(&size);
	char *at = strstr(text, from);

	ck_assert_msg(at, "no %s in %s", from, text);
	ck_assert_uint_eq(strlen(from), strlen(to));
	memcpy(at, to, strlen(to));
	write_record(text, size);
}

START_TEST(asked_again_where_the_record_is_of_others)
{
	static const char words[] = "\"launch\": [";
	size_t size;

	begin();
	must_ask();
	forge("/spark\"", "/other\"");
	must_ask();
	forge("/bin/java\"", "/bin/jave\"");
	must_ask();
	forge("/jdk\"", "/jre\""); /* java_home */
	must_ask();
	forge("\"java_version\": 21", "\"java_version\": 00");
	must_ask();
	forge("\"java_version\": 21", "\"java_version\":  0");
	must_ask();
	{
		cleanup_free char *text = read_record(&size);
		char *begin_words = strstr(text, words), *end_words;

		ck_assert_msg(begin_words, "%s", text);
		begin_words += strlen(words);
		end_words = strchr(begin_words, ']');
		memset(begin_words, ' ', (size_t)(end_words - begin_words));
		write_record(text, size);
	}
	must_ask(); /* nothing can be executed of that */
}
END_TEST

START_TEST(asked_again_where_others_could_have_written)
{
	char other[2 * PROFILE_PATH];

	begin();
	must_ask();
	ck_assert_int_eq(chmod(record, 0664), 0);
	must_ask();
	snprintf(other, sizeof(other), "%s/other", top);
	ck_assert_int_eq(rename(record, other), 0);
	ck_assert_int_eq(symlink(other, record), 0);
	must_ask();
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(record, 12345, 12345), 0);
		must_ask();
	}
}
END_TEST

/* Who is asked can make the program say what he wants: that is for himself. */
START_TEST(asked_for_each_user)
{
	struct spark other;

	begin();
	other = *resolve();
	ck_assert(spark_launch_recall(&other, geteuid()));
	ck_assert(!spark_launch_recall(&other, geteuid() + 1));
}
END_TEST

START_TEST(without_a_cache_it_is_asked_each_time)
{
	begin();
	setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
	for (unsigned i = 0; i < 2; i++) {
		static struct profile p;
		static struct spark s;
		struct err e;

		profile_default(&p);
		string_copy(p.spark.home, home);
		string_copy(p.jvm.home, jdk);
		ck_assert_msg(spark_resolve(&p, spark_tree_caller(), &s, &e) == 0, "%s", e.msg);
		ck_assert_uint_eq(times_asked(), 3);
	}
}
END_TEST

TEST_MAIN("launch",
	  test_case("record", asked_once, asked_again_of_another_spark, asked_again_of_another_jdk,
		    asked_again_where_the_record_is_none, asked_again_where_the_record_is_of_others,
		    asked_again_where_others_could_have_written, asked_for_each_user,
		    without_a_cache_it_is_asked_each_time))
