/* SPDX-License-Identifier: Apache-2.0 */
/* What a JVM says of itself, and which Spark runs on which Java. */

#include "launcher/spark/java.h"

#include <errno.h>

#include "tests/harness.h"

START_TEST(read_by_labels)
{
	/* As JDK 17 of Debian and JDK 8 print it, with what variables add. */
	static const char of_17[] =
		"Picked up JAVA_TOOL_OPTIONS: -Dx=y\nProperty settings:\n"
		"    java.class.path = \n    java.home = /usr/lib/jvm/java-17\n"
		"    java.library.path = /usr/java/packages/lib\n        /lib\n"
		"    java.specification.version = 17\n    java.vendor = Debian\n"
		"    java.vendor.url = https://x\n    java.version = 17.0.15\n"
		"    java.version.date = 2025-04-15\n    java.vm.name = OpenJDK VM\n\n"
		"openjdk version \"17.0.15\" 2025-04-15\n";
	static const char of_8[] = "Property settings:\r\n    java.home = /opt/jdk 8/jre\r\n"
				   "    java.vm.name = OpenJDK VM\r\n"
				   "    java.version = 1.8.0_392\r\n";
	struct java j;
	char text[2 * PROFILE_PATH];

	java_read(of_17, &j);
	ck_assert_str_eq(j.home, "/usr/lib/jvm/java-17");
	ck_assert_str_eq(j.version, "17.0.15");
	ck_assert_str_eq(j.vendor, "Debian");
	ck_assert_int_eq(j.release, 17);
	java_read(of_8, &j);
	ck_assert_str_eq(j.home, "/opt/jdk 8/jre");
	ck_assert_str_eq(j.version, "1.8.0_392");
	ck_assert_str_eq(j.vendor, "OpenJDK VM");
	ck_assert_int_eq(j.release, 8);
	java_read("java version \"9\"", &j);
	ck_assert_str_eq(j.home, "");
	ck_assert_int_eq(j.release, 9);
	/* What has no room is none. */
	snprintf(text, sizeof(text), "java.home = /%0*d\njava.version = 17", PROFILE_PATH, 0);
	java_read(text, &j);
	ck_assert_str_eq(j.home, "");
	ck_assert_int_eq(j.release, 17);
}
END_TEST

/* Which pairs go, which are refused, which are remarked on. */
START_TEST(pairs)
{
	enum answer { GOES, REMARK, REFUSED };
	static const struct {
		const char *spark, *hadoop, *java;
		enum answer answer;
		const char *says;
	} cases[] = {
		{"3.3.4", "3.3.2", "1.8.0_392", GOES, NULL},
		{"3.3.4", "3.3.2", "1.8.0_192", REMARK, "1.8.0_192 at /jdk is older than 8u201"},
		{"3.3.4", "3.3.2", "11.0.2", GOES, NULL},
		{"3.3.4", "3.3.2", "17", GOES, NULL},
		{"3.3.4", "3.3.2", "20.0.1", REMARK, "documented for Java 8, 11 or 17, not"},
		{"3.3.4", "3.3.2", "21.0.3", REFUSED,
		 "jvm.home: /jdk/bin/java is Java 21, but Spark 3.3.4 cannot run on Java 21 or "
		 "newer: it looks for a constructor of direct buffers that they have no more; "
		 "set jvm.home to a Java 8, 11 or 17"},
		{"3.3.4", "3.3.2", "1.7.0_80", REFUSED, "is Java 7, but Spark 3.3.4 needs Java 8"},
		{"3.4.4", "3.3.4", "1.8.0_361", REMARK, "older than 8u362"},
		{"3.4.4", "3.3.4", "1.8.0_362", GOES, NULL},
		{"3.4.4", "3.3.4", "25", REFUSED, "cannot run on Java 21 or newer"},
		{"3.5.6", "3.3.4", "1.8.0_371-b11", GOES, NULL},
		{"3.5.6", "3.3.4", "1.8.0_370", REMARK, "older than 8u371"},
		{"3.5.6", "3.3.4", "17.0.1", GOES, NULL},
		{"3.5.6", "3.3.4", "21.0.1", REMARK, "for Java 8, 11 or 17, not for Java 21"},
		{"3.5.6", "3.3.4", "22", REMARK, "not for Java 22"},
		{"3.5.6", "3.3.4", "23", REFUSED,
		 "its Hadoop client 3.3.4 calls Subject.getSubject(), which they refuse; set "
		 "jvm.home to a Java 8, 11 or 17"},
		{"4.0.0", "3.4.1", "11.0.2", REFUSED,
		 "is Java 11, but Spark 4.0.0 needs Java 17 or newer: it runs on 17 or 21; set "
		 "jvm.home"},
		{"4.0.0", "3.4.1", "17", GOES, NULL},
		{"4.0.0", "3.4.1", "21", GOES, NULL},
		{"4.0.0-SNAPSHOT", "3.4.1", "25", REFUSED, "Java 23 or newer"},
		{"4.1.0", "3.4.2", "17.0.15", GOES, NULL},
		{"4.1.0", "3.4.2", "21", GOES, NULL},
		{"4.1.0", "3.4.2", "18", REMARK, "documented for Java 17 or 21, not for Java 18"},
		{"4.1.0", "3.4.2", "24", REFUSED, "a Java 17 or 21"},
		{"4.1.0", "3.4.2", "25.0.3", REFUSED,
		 "jvm.home: /jdk/bin/java is Java 25, but Spark 4.1.0 cannot run on Java 23 or "
		 "newer: its Hadoop client 3.4.2 calls Subject.getSubject(), which they refuse; "
		 "set jvm.home to a Java 17 or 21"},
		/* One that does not show Hadoop's jars, and one with others. */
		{"4.1.0", "", "25.0.3", REFUSED, "its Hadoop client calls Subject.getSubject()"},
		{"4.1.0", "3.4.3", "25.0.3", REMARK, "not for Java 25"},
		{"4.1.0", "3.4.2.7.1-9", "25.0.3", REFUSED, "client 3.4.2.7.1-9 calls"},
		{"4.2.0", "3.5.0", "17", GOES, NULL},
		{"4.2.0", "3.5.0", "25.0.3", GOES, NULL},
		{"4.2.0", "3.5.0", "25.0.10", GOES, NULL},
		{"4.2.0", "", "25.0.3", GOES, NULL},
		{"4.2.0", "3.5.0", "25", REMARK, "Java 25 at /jdk is older than 25.0.3"},
		{"4.2.0", "3.5.0", "25.0.2", REMARK, "may corrupt data under G1 (JDK-8377811)"},
		{"4.2.0", "3.5.0", "26", REMARK, "for Java 17, 21 or 25, not for Java 26"},
		{"4.3.0", "3.5.0", "21", GOES, NULL},
		{"4.3.0", "3.5.0", "11", REFUSED, "runs on 17, 21 or 25"},
		{"4.4.0", "3.5.0", "25.0.3", REMARK,
		 "Spark 4.4.0 is newer than what cleave knows (3.3 to 4.3): whether it runs on "
		 "Java 25 is not known"},
		{"5.0.0", "3.5.0", "17", REMARK, "Spark 5.0.0 is newer"},
		{"5.0.0", "3.5.0", "11", REFUSED, "needs Java 17 or newer; set jvm.home"},
		{"3.2.1", "3.3.1", "11", REMARK, "Spark 3.2.1 is older than what cleave knows"},
		{"3.10.0", "3.3.1", "11", REMARK, "Spark 3.10.0 is newer"},
		{"2.4.8", "2.6.5", "1.8.0_392", REMARK, "Spark 2.4.8 is older"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct spark s;
		char remark[ERR_TEXT];
		struct err e = {.msg = ""};
		enum answer answer;

		s = (struct spark){.java = "/jdk/bin/java", .java_home = "/jdk"};
		string_copy(s.version, cases[i].spark);
		string_copy(s.hadoop, cases[i].hadoop);
		string_copy(s.java_full, cases[i].java);
		s.java_version = java_feature_release(cases[i].java);
		answer = java_check("jvm.home", &s, &e)	 ? REFUSED
			 : spark_java_remark(&s, remark) ? REMARK
							 : GOES;
		ck_assert_msg(answer == cases[i].answer, "Spark %s on Java %s: %s", cases[i].spark,
			      cases[i].java, answer == REFUSED ? e.msg : remark);
		if (cases[i].says)
			ck_assert_msg(strstr(answer == REFUSED ? e.msg : remark, cases[i].says),
				      "Spark %s on Java %s: %s", cases[i].spark, cases[i].java,
				      answer == REFUSED ? e.msg : remark);
		ck_assert(answer != REFUSED || (e.code == -ENOEXEC && e.exit == ERR_FAILED));
	}
}
END_TEST

START_TEST(pythons)
{
	static const struct {
		const char *spark, *python;
		bool is_remarked;
	} cases[] = {
		{"3.3.4", "3.6.8", true},   {"3.4.4", "3.7.0", false},	{"3.5.6", "3.7.17", true},
		{"3.5.6", "3.8.0", false},  {"4.0.0", "3.8.20", true},	{"4.0.0", "3.9.0", false},
		{"4.1.0", "3.9.2", true},   {"4.1.0", "3.10.0", false}, {"4.1.0", "3.11.2", false},
		{"4.2.1", "3.10.1", false}, {"4.3.0", "3.10.1", true},	{"4.3.0", "3.13.0", false},
		{"4.4.0", "3.6.0", false},  {"4.1.0", "", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct spark s;
		char remark[ERR_TEXT];

		s = (struct spark){.python = "/usr/bin/python3"};
		string_copy(s.version, cases[i].spark);
		string_copy(s.python_version, cases[i].python);
		ck_assert_msg(spark_python_remark(&s, remark) == cases[i].is_remarked,
			      "Spark %s with Python %s: %s", cases[i].spark, cases[i].python,
			      remark);
		ck_assert(cases[i].is_remarked == (remark[0] != '\0'));
	}
}
END_TEST

START_TEST(a_python_that_is_too_old)
{
	static struct spark s;
	char remark[ERR_TEXT];

	s = (struct spark){
		.version = "4.1.0", .python = "/usr/bin/python3", .python_version = "3.9.2"};
	ck_assert(spark_python_remark(&s, remark));
	ck_assert_str_eq(remark, "the pyspark of Spark 4.1.0 is for Python 3.10 or newer, and "
				 "/usr/bin/python3 is 3.9.2: applications in Python may fail "
				 "(PYSPARK_PYTHON)");
}
END_TEST

TEST_MAIN("java", test_case("answer", read_by_labels),
	  test_case("spark", pairs, pythons, a_python_that_is_too_old))
