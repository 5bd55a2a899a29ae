/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan as text for other programs: whatever the machine, each slice's CPUs, nodes and memory are
 * in it; whatever the characters, a value is one word and comes back as it was; no secret is told.
 * That other programs read it: tests/cli/exports.
 */

#include <stdarg.h>

#include "decision/base/foreign.h"
#include "decision/engine/plan_make.h"
#include "launcher/show/export_formats.h"
#include "launcher/show/export_quote.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

static struct topology t;
static struct profile profile;
static struct facts facts;
static struct plan p;
static struct export_files files;
static struct exported x;
static char *text;

static void init(void)
{
	profile_default(&profile);
	machine_named("paper-8x15", &t);
}

/* Everything of a format in `text`. */
static void make_as(enum export_format format, const char *user, long uid)
{
	struct err e = {0};
	size_t size;
	FILE *to;

	x = (struct exported){.plan = &p,
			      .profile = &profile,
			      .called = "a.yaml",
			      .machine = "a machine",
			      .spark_home = profile.spark.home,
			      .java_home = profile.jvm.home,
			      .user = user,
			      .uid = uid,
			      .gid = uid,
			      .cores_max = 4,
			      .heap_mb = 600};
	export_files_release(&files);
	ck_assert_msg(export_make(&x, format, &files, &e) == 0, "%s", e.msg);
	free(text);
	to = open_memstream(&text, &size);
	export_print(&files, to);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_uint_eq(strlen(text), size);
}

static void make(enum export_format format)
{
	make_as(format, "", -1);
}

static void plan_it(void)
{
	struct err e = {0};

	ck_assert_msg(plan_make(&t, &profile, &facts, &p, &e) == 0, "%s", e.msg);
}

static void ck_has(const char *what)
{
	ck_assert_msg(strstr(text, what), "no '%s' in\n%s", what, text);
}

static void ck_has_not(const char *what)
{
	ck_assert_msg(!strstr(text, what), "'%s' in\n%s", what, text);
}

static void ck_has_f(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void ck_has_f(const char *format, ...)
{
	static char what[2 * CPUSET_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	ck_has(what);
}

/* ---- quoting. The readers here know the rules of each format as its manual has them. */

static unsigned hex(const char *digits)
{
	char two[3] = {digits[0], digits[1], 0};

	return (unsigned)strtoul(two, NULL, 16);
}

/* bash(1), QUOTING: bare, '…', '…'\''…' or $'…' with \', \\ and \xHH. */
static void read_shell(const char *c, char *out)
{
	while (*c) {
		if (c[0] == '$' && c[1] == '\'') {
			for (c += 2; *c != '\''; c++) {
				if (*c != '\\') {
					*out++ = *c;
				} else if (*++c == 'x') {
					*out++ = (char)hex(c + 1);
					c += 2;
				} else {
					*out++ = *c;
				}
			}
			c++;
		} else if (*c == '\'') {
			for (c++; *c != '\''; c++)
				*out++ = *c;
			c++;
		} else if (*c == '\\') {
			*out++ = c[1];
			c += 2;
		} else {
			ck_assert_msg(!strchr(" \t\n$`\"&;|<>(){}*?[]~#!%^", *c), "bare %c", *c);
			*out++ = *c++;
		}
	}
	*out = '\0';
}

/* systemd.syntax(7) and systemd.service(5): "…" with C escapes, %% and (in commands) $$. */
static void read_systemd(const char *c, enum systemd_place place, char *out)
{
	ck_assert_int_eq(*c, '"');
	for (c++; *c != '"'; c++) {
		if (*c == '\\' && c[1] == 'x') {
			*out++ = (char)hex(c + 2);
			c += 3;
			continue;
		}
		if (*c == '\\' || *c == '%' || (*c == '$' && place == SYSTEMD_ARGUMENT)) {
			ck_assert_int_eq(*c == '\\' ? '\\' : c[1], *c);
			c++;
		}
		*out++ = *c;
	}
	ck_assert_int_eq(c[1], '\0');
	*out = '\0';
}

static void put_utf8(unsigned c, char **out)
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	unsigned bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (unsigned i = bytes; i-- > 1;)
		(*out)[i] = (char)(0x80 | (c >> (6 * (bytes - 1 - i)) & 0x3f));
	(*out)[0] = (char)(bytes == 1 ? c : lead[bytes] | c >> (6 * (bytes - 1)));
	*out += bytes;
}

/* YAML 1.2, 5.7 and 7.3.1: "…" with escapes, each \x, \u and \U a character; then $$ is $. */
static void read_yaml(const char *c, enum yaml_place place, char *out)
{
	ck_assert_int_eq(*c, '"');
	for (c++; *c != '"'; c++) {
		if (*c == '$' && place == YAML_EXPANDED) {
			ck_assert_int_eq(*++c, '$');
		} else if (*c == '\\') {
			unsigned digits = *++c == 'x' ? 2 : *c == 'u' ? 4 : *c == 'U' ? 8 : 0;
			char number[9] = {0};

			if (digits) {
				memcpy(number, c + 1, digits);
				c += digits;
				put_utf8((unsigned)strtoul(number, NULL, 16), &out);
				continue;
			}
			if (*c == 'n' || *c == 't' || *c == 'r') {
				*out++ = *c == 'n' ? '\n' : *c == 't' ? '\t' : '\r';
				continue;
			}
		}
		*out++ = *c;
	}
	ck_assert_int_eq(c[1], '\0');
	*out = '\0';
}

/* Text as a profile can have: UTF-8, anything but NUL, odd characters more often than others. */
static void random_text(unsigned long long *state, char *out)
{
	static const char odd[] = "'\"\\$%`!#&;|<>(){}[]*?~^ \t\n\r=,:@-a0x\x1b\x7f";
	static const unsigned wide[] = {0x80,	0x85,	0x9b,	0xad,	0xe9,	 0x61c,	  0x200b,
					0x2028, 0x202e, 0xfeff, 0xfffe, 0x1f600, 0xe0001, 0x10ffff};
	unsigned count = random_below(state, 40);

	for (unsigned i = 0; i < count; i++) {
		if (random_once(state, 5))
			put_utf8(wide[random_below(state, sizeof(wide) / sizeof(*wide))], &out);
		else
			*out++ = odd[random_below(state, sizeof(odd) - 1)];
	}
	*out = '\0';
}

/* One line, of characters that are seen. */
static void ck_one_line(const char *quoted)
{
	char shown[FOREIGN_CHAR];

	for (const char *c = quoted; *c;) {
		unsigned length = foreign_char(c, shown);

		ck_assert_msg(strlen(shown) == length && !memcmp(shown, c, length),
			      "%s is not seen in %s", shown, quoted);
		c += length;
	}
}

enum quoting { SHELL, SYSTEMD, SYSTEMD_COMMAND, YAML, YAML_REPLACED, QUOTINGS };

static char *quote(const char *value, enum quoting how)
{
	char *quoted = NULL;
	size_t size;
	FILE *to = open_memstream(&quoted, &size);

	if (how == SHELL)
		export_put_shell(value, to);
	else if (how <= SYSTEMD_COMMAND)
		export_put_systemd(value, how == SYSTEMD ? SYSTEMD_SETTING : SYSTEMD_ARGUMENT, to);
	else
		export_put_yaml(value, how == YAML ? YAML_PLAIN : YAML_EXPANDED, to);
	ck_assert_int_eq(fclose(to), 0);
	return quoted;
}

START_TEST(what_is_quoted_comes_back)
{
	unsigned long seed = test_seed();
	unsigned long long state = seed;

	for (unsigned i = 0; i < 20000; i++) {
		enum quoting how = (enum quoting)(i % QUOTINGS);
		char value[256], back[256];
		char *quoted;

		random_text(&state, value);
		quoted = quote(value, how);
		ck_one_line(quoted);
		if (how == SHELL)
			read_shell(quoted, back);
		else if (how <= SYSTEMD_COMMAND)
			read_systemd(quoted, how == SYSTEMD ? SYSTEMD_SETTING : SYSTEMD_ARGUMENT,
				     back);
		else
			read_yaml(quoted, how == YAML ? YAML_PLAIN : YAML_EXPANDED, back);
		ck_assert_msg(!strcmp(value, back), "seed %lu, round %u, way %d: %s is read as %s",
			      seed, i, how, quoted, FOREIGN(back));
		free(quoted);
	}
}
END_TEST

/* ---- what is in it */

/* Every slice, on any machine that has a plan. */
START_TEST(every_slice_is_carried)
{
	unsigned long seed = test_seed();
	unsigned long long state = seed;
	unsigned made = 0;

	for (unsigned i = 0; i < 60; i++) {
		struct err e = {0};

		machine_random(&state, &t);
		profile_random(&state, &t, &profile);
		if (plan_make(&t, &profile, &facts, &p, &e) < 0)
			continue;
		made++;
		for (unsigned format = 0; export_format_words[format]; format++) {
			make((enum export_format)format);
			for (unsigned j = 0; j < p.slice_count; j++) {
				const struct slice *s = &p.slices[j];
				unsigned long long max = s->memory.max_bytes;

				ck_has_f("CPUs %s, nodes %s", CPUSET_STRING(&s->cpus),
					 CPUSET_STRING(&s->nodes));
				ck_has_f("127.0.0.%u", 10 + j);
				if (format == EXPORT_COMPOSE)
					ck_has_f("cpuset: \"%s\"\n", CPUSET_STRING(&s->cpus));
				if (format == EXPORT_COMPOSE && max)
					ck_has_f("mem_limit: %llu\n", max);
				if (format == EXPORT_SYSTEMD)
					ck_has_f("AllowedCPUs=%s\n", CPUSET_STRING(&s->cpus));
				if (format == EXPORT_SYSTEMD && max)
					ck_has_f("MemoryMax=%llu\n", max);
				if (format == EXPORT_KUBERNETES)
					ck_has_f("limits: {cpu: \"%u\", memory: \"",
						 cpuset_count(&s->cpus));
				if (format == EXPORT_NUMACTL)
					ck_has_f("start slice-%u %s ", j, CPUSET_STRING(&s->cpus));
			}
		}
	}
	ck_assert_msg(made > 10, "seed %lu: %u plans only", seed, made);
}
END_TEST

START_TEST(no_secret_is_told)
{
	init();
	strings_add(&profile.spark.env, "MY_TOKEN");
	strings_add(&profile.spark.env, "hunter-a");
	strings_add(&profile.spark.env, "SPARK_DAEMON_JAVA_OPTS");
	strings_add(&profile.spark.env, "-Da.Password=hunter-b");
	strings_add(&profile.spark.conf, "spark.hadoop.fs.s3a.Secret.key");
	strings_add(&profile.spark.conf, "hunter-c");
	strings_add(&profile.spark.conf, "spark.executor.extraJavaOptions");
	strings_add(&profile.spark.conf, "-Da.password=hunter-d");
	strings_add(&profile.jvm.options, "-Dkey.password=hunter-e");
	strings_add(&profile.spark.env, "KEPT");
	strings_add(&profile.spark.env, "as it is");
	plan_it();
	for (unsigned format = 0; export_format_words[format]; format++) {
		make((enum export_format)format);
		ck_has_not("hunter");
		ck_has("# * spark.env: MY_TOKEN, which");
		ck_has("# * spark.env: SPARK_DAEMON_JAVA_OPTS, which");
		ck_has("# * spark.conf: spark.hadoop.fs.s3a.Secret.key, which");
		ck_has("# * spark.conf: spark.executor.extraJavaOptions, which");
		ck_has("# * jvm.options: -Dkey.password, which");
		ck_has("# * A secret, though the profile asks for one.");
		ck_has("as it is");
	}
}
END_TEST

START_TEST(a_master_elsewhere_is_not_started)
{
	init();
	string_copy(profile.spark.join, "spark://far.example.org:7077");
	profile.spark.first_address = 0x0a000001;
	plan_it();
	for (unsigned format = 0; export_format_words[format]; format++) {
		make((enum export_format)format);
		ck_has_not("master.Master");
		ck_has("spark://far.example.org:7077");
		ck_has("10.0.0.1");
	}
}
END_TEST

START_TEST(a_policy_is_the_format_s_own)
{
	static const struct {
		enum memory_policy policy;
		const char *numactl, *systemd;
		bool is_bound; /* by systemd, to the group's nodes */
	} cases[] = {{POLICY_STRICT, "--membind=0 ", "AllowedMemoryNodes=0\n", true},
		     {POLICY_INTERLEAVE, "--interleave=0 ", "NUMAPolicy=interleave\n", true},
		     {POLICY_PREFERRED, "--preferred=0 ", "NUMAPolicy=preferred\n", false},
		     {POLICY_NONE, "--localalloc ", "AllowedCPUs=0-14\n", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		init();
		profile.partition.by = BY_SOCKET;
		profile.partition.reserve_cores = 0;
		profile.memory.policy = cases[i].policy;
		plan_it();
		make(EXPORT_NUMACTL);
		ck_has(cases[i].numactl);
		make(EXPORT_SYSTEMD);
		ck_has(cases[i].systemd);
		ck_assert_int_eq(!!strstr(text, "\nAllowedMemoryNodes="), cases[i].is_bound);
	}
}
END_TEST

/* The kubelet refuses pods that need more nodes than its policy lets them have. */
START_TEST(kubelet_s_policy_suits_the_slices)
{
	init();
	profile.partition.by = BY_NUMA;
	plan_it();
	make(EXPORT_KUBERNETES);
	ck_has("topologyManagerPolicy: single-numa-node");
	profile.partition.by = BY_MACHINE;
	profile.partition.slices = 4;
	plan_it();
	make(EXPORT_KUBERNETES);
	ck_has("topologyManagerPolicy: restricted");
	profile.partition.slices = 3;
	plan_it();
	make(EXPORT_KUBERNETES);
	ck_has("topologyManagerPolicy: best-effort");
}
END_TEST

/* What the kubelet sums up is what it was told, to the byte. */
START_TEST(reserved_memory_adds_up)
{
	unsigned long long eviction, kubelet, sum = 0;
	const char *at;

	init();
	profile.partition.reserve_memory = (struct size){SIZE_BYTES, 5000000007};
	plan_it();
	make(EXPORT_KUBERNETES);
	at = strstr(text, "memory.available: \"");
	ck_assert_ptr_nonnull(at);
	eviction = strtoull(at + strlen("memory.available: \""), NULL, 10);
	at = strstr(text, "systemReserved: {memory: \"");
	ck_assert_ptr_nonnull(at);
	kubelet = strtoull(at + strlen("systemReserved: {memory: \""), NULL, 10);
	for (at = text; (at = strstr(at, "numaNode: "));) {
		at = strstr(at, "memory: \"") + strlen("memory: \"");
		sum += strtoull(at, NULL, 10);
	}
	ck_assert_uint_eq(sum, eviction + kubelet);
	/* The plan's reserve, less the Master's pod. */
	ck_assert_uint_eq(sum, p.host.memory_bytes - (UINT64_C(1) << 30));
}
END_TEST

/* A number is no name: Spark's executors need one. */
START_TEST(a_user_s_name_comes_with_his_number)
{
	init();
	plan_it();
	for (unsigned format = 0; export_format_words[format]; format++) {
		make_as((enum export_format)format, "worker", 1234);
		if (format == EXPORT_COMPOSE || format == EXPORT_KUBERNETES) {
			ck_has("1234");
			ck_has("\"/etc/passwd\"");
		} else {
			ck_has(format == EXPORT_SYSTEMD ? "User=worker\n" : "user=worker\n");
		}
		make((enum export_format)format);
		ck_has_not("/etc/passwd");
		ck_has_not("user=");
		ck_has_not("\nUser=");
	}
}
END_TEST

START_TEST(scratch_in_memory_is_counted)
{
	init();
	profile.memory.scratch.type = SCRATCH_TMPFS;
	profile.memory.scratch.size = (struct size){SIZE_BYTES, 1 << 30};
	plan_it();
	make(EXPORT_COMPOSE);
	ck_has("tmpfs: [\"/scratch:mode=1777,size=1073741824\"]");
	make(EXPORT_SYSTEMD);
	ck_has("/scratch:mode=1777,size=1073741824\n");
	make(EXPORT_KUBERNETES);
	ck_has("emptyDir: {medium: Memory, sizeLimit: \"1073741824\"}");
}
END_TEST

TEST_MAIN("export", test_case("quoting", what_is_quoted_comes_back),
	  test_case("text", every_slice_is_carried, no_secret_is_told,
		    a_master_elsewhere_is_not_started, a_policy_is_the_format_s_own,
		    kubelet_s_policy_suits_the_slices, reserved_memory_adds_up,
		    scratch_in_memory_is_counted, a_user_s_name_comes_with_his_number))
