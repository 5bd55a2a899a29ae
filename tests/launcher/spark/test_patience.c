/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/spark.h"

#include "decision/base/cleanup.h"
#include "tests/harness.h"

/* A third of spark.network.timeout, as Spark reads it. */
START_TEST(a_third_of_the_network_timeout)
{
	static const struct row {
		const char *text;
		uint64_t ms;
	} rows[] = {
		{NULL, 40000},
		{"120s", 40000},
		{"12s", 4000},
		{"12", 4000}, /* seconds */
		{" 12S ", 4000},
		{"12000ms", 4000},
		{"9000000us", 3000},
		{"2m", 40000},
		{"2min", 40000},
		{"1h", 1200000},
		{"1d", 28800000},
		{"0", 0},
		{"999999999999d", INT32_MAX / 3}, /* fits wherever it is counted */
		/* What is none is the default, as no application gets far with it. */
		{"", 40000},
		{"soon", 40000},
		{"-5s", 40000},
		{"1.5s", 40000},
		{"5 s", 40000},
		{"5s s", 40000},
		{"5sec", 40000},
		{"9999999999999s", 40000},
	};
	cleanup_free struct profile *p = malloc(sizeof(*p));

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		profile_default(p);
		if (rows[i].text) {
			strings_add(&p->spark.conf, "spark.network.timeout");
			strings_add(&p->spark.conf, rows[i].text);
		}
		ck_assert_msg(spark_answer_ms(p) == rows[i].ms, "%s: %llu", rows[i].text,
			      (unsigned long long)spark_answer_ms(p));
	}
}
END_TEST

TEST_MAIN("patience", test_case("answer", a_third_of_the_network_timeout))
