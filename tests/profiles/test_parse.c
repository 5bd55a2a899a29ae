/* SPDX-License-Identifier: Apache-2.0 */
/* Reading profiles that are right: every key, every way to write a value, files. */

#include <fcntl.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "profiles/fields.h"
#include "profiles/load.h"
#include "profiles/value.h"
#include "tests/harness.h"
#include "tests/profiles/values.h"

static struct profile profile, defaults;

static void parse(const char *text)
{
	struct err e;

	ck_assert_msg(profile_parse(text, strlen(text), "p.yaml", &profile, &e) == 0, "%s\n%s",
		      e.msg, text);
}

/* The schema with every default, as the design has it. */
static const char schema[] =
	"version: 1\n"
	"name: cleave\n"
	"partition:\n"
	"  by: auto\n"
	"  slices: auto\n"
	"  cores: auto\n"
	"  max_cores: all\n"
	"  smt: all\n"
	"  cpus: all\n"
	"  memory_only_nodes: false\n"
	"  reserve: {cores: auto, memory: auto}\n"
	"workload:\n"
	"  type: auto\n"
	"  data: {path: none, size: auto, format: auto}\n"
	"  model: none\n"
	"  model_force: false\n"
	"memory:\n"
	"  policy: strict\n"
	"  limit: auto\n"
	"  heap: auto\n"
	"  direct: auto\n"
	"  off_heap: auto\n"
	"  python: 0\n"
	"  scratch: {type: disk, path: auto, size: 0, spill: none}\n"
	"  page_cache: auto\n"
	"  high: none\n"
	"  low: 0\n"
	"  swap: 0\n"
	"  give_back: off\n"
	"io: []\n"
	"jvm:\n"
	"  home: auto\n"
	"  gc: auto\n"
	"  class_data_sharing: true\n"
	"  options: []\n"
	"spark:\n"
	"  home: auto\n"
	"  start_timeout: 120s\n"
	"  master: {address: 127.0.0.1, port: auto, ui_port: auto}\n"
	"  join: none\n"
	"  first_address: auto\n"
	"  slots_per_cpu: auto\n"
	"  executors: auto\n"
	"  conf: {}\n"
	"  env: {}\n"
	"rebalance:\n"
	"  mode: act\n"
	"  loans: shared\n"
	"  scope: machine\n"
	"  keep: 1\n"
	"  tick: 50ms\n"
	"  cool_down: 500ms\n"
	"backend: auto\n"
	"docker: {socket: auto, image: none, pull: never, master: host, mounts: []}\n"
	"services: []\n"
	"security: {user: auto, authenticate: true, ui: open}\n"
	"metrics: {listen: none}\n";

START_TEST(the_schema_holds_the_defaults)
{
	profile_default(&defaults);
	parse(schema);
	ck_assert_msg(!values_difference(&defaults, &profile), "%s",
		      values_difference(&defaults, &profile));
}
END_TEST

START_TEST(the_empty_profile_is_the_default)
{
	static const char *const empty[] = {
		"",	      "\n",	      "# only a comment\n",
		"---\n",      "{}",	      "%YAML 1.1\n---\n",
		"---\n...\n", "\xef\xbb\xbf", "\xef\xbb\xbfname: cleave\n"};

	profile_default(&defaults);
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		parse(empty[i]);
		ck_assert_msg(!values_difference(&defaults, &profile), "\"%s\": %s", empty[i],
			      values_difference(&defaults, &profile));
	}
}
END_TEST

/* What is written, which key it sets, and how profile_emit() spells the value. */
static const struct {
	const char *text, *path, *value;
} values[] = {
	{"version: 1", "version", "1"},
	{"name: a", "name", "a"},
	{"name: 8x15", "name", "\"8x15\""},
	{"name: \"null\"", "name", "\"null\""},
	{"name: abcdefghijklmnopqrstuvwxyz-0123", "name", "abcdefghijklmnopqrstuvwxyz-0123"},
	{"partition: {by: machine}", "partition.by", "machine"},
	{"partition: {by: socket}", "partition.by", "socket"},
	{"partition: {by: numa}", "partition.by", "numa"},
	{"partition: {by: l3}", "partition.by", "l3"},
	{"partition:\n  by: 'l3'", "partition.by", "l3"},
	{"partition: {slices: 1}", "partition.slices", "1"},
	{"partition: {slices: 64}", "partition.slices", "64"},
	{"partition: {slices: \"auto\"}", "partition.slices", "auto"},
	{"partition: {cores: 4096}", "partition.cores", "4096"},
	{"partition: {max_cores: 60}", "partition.max_cores", "60"},
	{"partition: {smt: one}", "partition.smt", "one"},
	{"partition: {cpus: 3}", "partition.cpus", "\"3\""},
	{"partition:\n  cpus: 0-3,8", "partition.cpus", "\"0-3,8\""},
	{"partition: {cpus: \"8,0-2,3\"}", "partition.cpus", "\"0-3,8\""},
	{"partition: {cpus: 4095}", "partition.cpus", "\"4095\""},
	{"partition: {cpus: all}", "partition.cpus", "all"},
	{"partition: {memory_only_nodes: true}", "partition.memory_only_nodes", "true"},
	{"partition: {reserve: {cores: 0}}", "partition.reserve.cores", "0"},
	{"partition: {reserve: {memory: 2G}}", "partition.reserve.memory", "2G"},
	{"partition: {reserve: {memory: 0}}", "partition.reserve.memory", "0"},
	{"partition: {reserve: {memory: 2%}}", "partition.reserve.memory", "2%"},
	{"workload: {type: naive-bayes}", "workload.type", "naive-bayes"},
	{"workload: {data: {path: hdfs://n:9000/x}}", "workload.data.path", "\"hdfs://n:9000/x\""},
	{"workload: {data: {size: 1T}}", "workload.data.size", "1T"},
	{"workload: {data: {format: columnar}}", "workload.data.format", "columnar"},
	{"workload: {model: /m.json}", "workload.model", "/m.json"},
	{"workload: {model_force: true}", "workload.model_force", "true"},
	{"memory: {policy: none}", "memory.policy", "none"},
	{"memory: {limit: 100%}", "memory.limit", "100%"},
	{"memory: {heap: 4g}", "memory.heap", "4G"},
	{"memory: {heap: 471859200}", "memory.heap", "450M"},
	{"memory: {heap: 31744M}", "memory.heap", "31G"},
	{"memory: {direct: 200m}", "memory.direct", "200M"},
	{"memory: {off_heap: 1}", "memory.off_heap", "1"},
	{"memory: {off_heap: 1024T}", "memory.off_heap", "1024T"},
	{"memory: {python: 1025K}", "memory.python", "1025K"},
	{"memory: {scratch: {type: tmpfs, size: 1G}}", "memory.scratch.type", "tmpfs"},
	{"memory: {scratch: {path: /a b}}", "memory.scratch.path", "\"/a b\""},
	{"memory: {scratch: {size: 2k}}", "memory.scratch.size", "2K"},
	{"memory: {scratch: {spill: /x}}", "memory.scratch.spill", "/x"},
	{"memory: {page_cache: 0}", "memory.page_cache", "0"},
	{"memory: {high: 90%}", "memory.high", "90%"},
	{"memory: {low: 1G}", "memory.low", "1G"},
	{"memory: {swap: 0%}", "memory.swap", "0%"},
	{"memory: {give_back: idle}", "memory.give_back", "idle"},
	{"memory: {give_back: off}", "memory.give_back", "off"},
	{"io: [{device: 8:0}]", "io", ""},
	{"jvm: {home: /usr/lib/jvm/x}", "jvm.home", "/usr/lib/jvm/x"},
	{"jvm: {gc: zgc}", "jvm.gc", "zgc"},
	{"jvm: {class_data_sharing: false}", "jvm.class_data_sharing", "false"},
	{"jvm: {options: [-ea]}", "jvm.options", ""},
	{"spark: {home: /opt/spark}", "spark.home", "/opt/spark"},
	{"spark: {start_timeout: 1s}", "spark.start_timeout", "1s"},
	{"spark: {start_timeout: 90000ms}", "spark.start_timeout", "90s"},
	{"spark: {master: {address: node-1.example.org}}", "spark.master.address",
	 "node-1.example.org"},
	{"spark: {master: {port: 65535}}", "spark.master.port", "65535"},
	{"spark: {master: {ui_port: 1}}", "spark.master.ui_port", "1"},
	{"spark: {join: spark://127.0.0.1:7077}", "spark.join", "\"spark://127.0.0.1:7077\""},
	{"spark: {first_address: 10.1.2.3}", "spark.first_address", "10.1.2.3"},
	{"spark: {slots_per_cpu: 16}", "spark.slots_per_cpu", "16"},
	{"spark: {executors: 64}", "spark.executors", "64"},
	{"spark: {conf: {spark.x: 1}}", "spark.conf", ""},
	{"spark: {env: {A: b}}", "spark.env", ""},
	{"rebalance: {mode: off}", "rebalance.mode", "off"},
	{"rebalance: {loans: exclusive}", "rebalance.loans", "exclusive"},
	{"rebalance: {scope: package}", "rebalance.scope", "package"},
	{"rebalance: {keep: 4}", "rebalance.keep", "4"},
	{"rebalance: {tick: 10000ms}", "rebalance.tick", "10s"},
	{"rebalance: {cool_down: 0}", "rebalance.cool_down", "0"},
	{"rebalance: {cool_down: 5m}", "rebalance.cool_down", "5m"},
	{"backend: affinity", "backend", "affinity"},
	{"docker: {socket: /run/podman/podman.sock}", "docker.socket", "/run/podman/podman.sock"},
	{"docker: {image: localhost/cleave:1}", "docker.image", "\"localhost/cleave:1\""},
	{"docker: {pull: missing}", "docker.pull", "missing"},
	{"docker: {master: container}", "docker.master", "container"},
	{"docker: {mounts: [\"/a:/b:ro\"]}", "docker.mounts", ""},
	{"services: [{name: a, command: [b]}]", "services", ""},
	{"security: {user: spark}", "security.user", "spark"},
	{"security: {authenticate: false}", "security.authenticate", "false"},
	{"security: {ui: acl}", "security.ui", "acl"},
	{"metrics: {listen: 0.0.0.0:9400}", "metrics.listen", "\"0.0.0.0:9400\""},
};

START_TEST(every_key_is_read)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const struct field *f = fields_find(&profile_fields, values[i].path);
		cleanup_free char *value = NULL;
		size_t size;
		FILE *file = open_memstream(&value, &size);

		ck_assert_msg(f && !strcmp(f->path, values[i].path), "no key %s", values[i].path);
		parse(values[i].text);
		value_write(file, f, &profile);
		fclose(file);
		ck_assert_msg(!strcmp(value, values[i].value), "\"%s\" gives %s, not %s",
			      values[i].text, value, values[i].value);
	}
}
END_TEST

/* One key at a time changes that key alone: no two share a member. */
START_TEST(a_key_sets_itself_alone)
{
	profile_default(&defaults);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		parse(values[i].text);
		for (unsigned j = 0; j < profile_fields.count; j++) {
			const struct field *f = &profile_fields.list[j];

			/* tmpfs needs a size beside it. */
			if (strcmp(f->path, values[i].path) &&
			    strcmp(f->path, "memory.scratch.size"))
				ck_assert_msg(value_is_equal(f, &defaults, &profile),
					      "\"%s\" sets %s", values[i].text, f->path);
		}
	}
}
END_TEST

START_TEST(no_key_is_without_a_case)
{
	for (unsigned i = 0; i < profile_fields.count; i++) {
		bool found = false;

		for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++)
			found |= !strcmp(values[j].path, profile_fields.list[i].path);
		ck_assert_msg(found, "%s", profile_fields.list[i].path);
	}
}
END_TEST

START_TEST(lists_and_maps)
{
	parse("io:\n"
	      "- device: 8:0\n"
	      "  read_bps: 200M\n"
	      "- {device: \"259:1\", write_iops: 4000000000}\n"
	      "jvm:\n"
	      "  options:\n"
	      "    - -Xss4m\n"
	      "    - \"-Da=#\"\n"
	      "spark:\n"
	      "  conf:\n"
	      "    spark.sql.shuffle.partitions: 64\n"
	      "    spark.hadoop.textinputformat.record.delimiter: \"\\n\\n\"\n"
	      "  env: {EMPTY: \"\", yes: no}\n"
	      "services:\n"
	      "  - name: datanode\n"
	      "    command: [/bin/sh, -c, 'echo ${slice.address}']\n"
	      "    env: {A: b}\n");
	ck_assert_uint_eq(profile.io_count, 2);
	ck_assert_str_eq(profile.io[0].device, "8:0");
	ck_assert_uint_eq(profile.io[0].read_bps, 200u << 20);
	ck_assert_uint_eq(profile.io[1].write_iops, 4000000000u);
	ck_assert_uint_eq(profile.jvm.options.count, 2);
	ck_assert_str_eq(strings_get(&profile.jvm.options, 0), "-Xss4m");
	ck_assert_str_eq(strings_get(&profile.jvm.options, 1), "-Da=#");
	ck_assert_uint_eq(profile.spark.conf.count, 4);
	ck_assert_str_eq(strings_get(&profile.spark.conf, 1), "64");
	ck_assert_str_eq(strings_get(&profile.spark.conf, 3), "\n\n");
	ck_assert_str_eq(strings_get(&profile.spark.env, 1), "");
	ck_assert_str_eq(strings_get(&profile.spark.env, 2), "yes");
	ck_assert_str_eq(strings_get(&profile.spark.env, 3), "no");
	ck_assert_uint_eq(profile.service_count, 1);
	ck_assert_str_eq(strings_get(&profile.services[0].command, 2), "echo ${slice.address}");
	ck_assert_str_eq(strings_get(&profile.services[0].env, 1), "b");
}
END_TEST

START_TEST(the_longest_lists_fit)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	fputs("io:\n", file);
	for (unsigned i = 0; i < PROFILE_IO; i++)
		fprintf(file, "- device: 8:%u\n", i);
	/* 4096 bytes with the NUL of each text. */
	fprintf(file, "jvm:\n  options:\n  - -%02046d\n  - -%02046d\n", 0, 0);
	fclose(file);
	parse(text);
	ck_assert_uint_eq(profile.io_count, PROFILE_IO);
	ck_assert_uint_eq(profile.jvm.options.used, STRINGS_POOL);
}
END_TEST

START_TEST(a_file_is_read)
{
	char path[512];
	struct err e;
	FILE *file;

	snprintf(path, sizeof(path), "%s/ok.yaml", test_directory());
	file = fopen(path, "we");
	fputs("name: from-file\r\npartition:\r\n  slices: 4\r\n", file);
	fclose(file);
	ck_assert_msg(profile_load(path, &profile, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(profile.name, "from-file");
	ck_assert_int_eq(profile.partition.slices, 4);
}
END_TEST

START_TEST(a_file_of_a_mebibyte_is_read)
{
	cleanup_free char *text = malloc(PROFILE_TEXT_MAX);
	struct err e;

	memset(text, '#', PROFILE_TEXT_MAX);
	ck_assert_msg(profile_parse(text, PROFILE_TEXT_MAX, "p.yaml", &profile, &e) == 0, "%s",
		      e.msg);
}
END_TEST

TEST_MAIN("profiles: reading",
	  test_case("defaults", the_schema_holds_the_defaults, the_empty_profile_is_the_default),
	  test_case("keys", every_key_is_read, a_key_sets_itself_alone, no_key_is_without_a_case,
		    lists_and_maps, the_longest_lists_fit),
	  test_case("files", a_file_is_read, a_file_of_a_mebibyte_is_read))
