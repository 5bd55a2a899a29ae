/* SPDX-License-Identifier: Apache-2.0 */
#include "profiles/fields.h"

#include "decision/base/nearest.h"
#include "decision/plan/profile.h"
#include "profiles/check.h"

#define AT(member) \
	.offset = offsetof(struct profile, member), .size = sizeof(((struct profile *)NULL)->member)
#define BESIDE(member)	 .beside = offsetof(struct profile, member)
#define RANGE(low, high) .min = (low), .max = (high)
#define WORDS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define OR(word, value) .words = WORDS(word), .word_value = (value)
#define BYTES(low)	.min = (low), .max = BYTES_MAX
#define BYTES_MAX	(UINT64_C(1) << 50) /* 1024T; the largest machines have some 64T */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A value of `not_yet`. */
#define ALL_BUT_FIRST (~1u)

/* The longest path a unix socket can have, less its NUL (sockaddr_un.sun_path, unix(7)). */
#define SOCKET_MAX 108

#define IO(member)                                     \
	.offset = offsetof(struct profile_io, member), \
	.size = sizeof(((struct profile_io *)NULL)->member)
static const struct field io_list[] = {
	{"device", FIELD_TEXT, IO(device), .required = true, .is_valid = text_is_device,
	 .allowed = "a block device as \"major:minor\""},
	{"read_bps", FIELD_RATE, IO(read_bps), BYTES(0)},
	{"write_bps", FIELD_RATE, IO(write_bps), BYTES(0)},
	{"read_iops", FIELD_COUNT, IO(read_iops), RANGE(0, UINT32_MAX)},
	{"write_iops", FIELD_COUNT, IO(write_iops), RANGE(0, UINT32_MAX)},
};
static const struct fields io_fields = {io_list, COUNT_OF(io_list), PROFILE_IO,
					sizeof(struct profile_io)};

#define SERVICE(member)                                     \
	.offset = offsetof(struct profile_service, member), \
	.size = sizeof(((struct profile_service *)NULL)->member)
static const struct field service_list[] = {
	{"name", FIELD_TEXT, SERVICE(name), .required = true, .is_valid = profile_name_is_valid,
	 .allowed = TEXT_NAME_ALLOWED},
	{"command", FIELD_STRINGS, SERVICE(command), .required = true,
	 .allowed = "the words of a command"},
	{"env", FIELD_PAIRS, SERVICE(env), .refuse = environment_name_refuse,
	 .allowed = "environment variables"},
};
static const struct fields service_fields = {service_list, COUNT_OF(service_list), PROFILE_SERVICES,
					     sizeof(struct profile_service)};

static const struct field profile_list[] = {
	{"version", FIELD_NUMBER, AT(version), RANGE(1, 1), .help = "of this schema"},
	{"name", FIELD_TEXT, AT(name), .is_valid = profile_name_is_valid,
	 .allowed = TEXT_NAME_ALLOWED, .help = "of the cluster"},

	{"partition.by", FIELD_WORD, AT(partition.by), .words = partition_by_words,
	 .help = "what is divided into slices"},
	{"partition.slices", FIELD_NUMBER, AT(partition.slices), RANGE(1, SLICES_MAX),
	 OR("auto", AMOUNT_AUTO), .help = "all together"},
	{"partition.cores", FIELD_NUMBER, AT(partition.cores), RANGE(1, CPUSET_MAX),
	 OR("auto", AMOUNT_AUTO), .help = "physical cores a slice"},
	{"partition.max_cores", FIELD_NUMBER, AT(partition.max_cores), RANGE(1, CPUSET_MAX),
	 OR("all", AMOUNT_ALL), .help = "ceiling over all slices"},
	{"partition.smt", FIELD_WORD, AT(partition.smt), .words = WORDS("all", "one"),
	 .help = "hardware threads used per core"},
	{"partition.cpus", FIELD_CPUS, AT(partition.cpus), BESIDE(partition.all_cpus),
	 .words = WORDS("all"), .help = "restrict to these CPUs"},
	{"partition.memory_only_nodes", FIELD_FLAG, AT(partition.memory_only_nodes),
	 .help = "use CXL, HBM and the like as slices' memory"},
	{"partition.reserve.cores", FIELD_NUMBER, AT(partition.reserve_cores), RANGE(0, CPUSET_MAX),
	 OR("auto", AMOUNT_AUTO), .help = "for master, driver and the system"},
	{"partition.reserve.memory", FIELD_SIZE, AT(partition.reserve_memory), .percent = true,
	 .words = WORDS("auto"), BYTES(0), .help = "percent of the nodes that have CPUs"},

	{"workload.type", FIELD_WORD, AT(workload.type), .words = workload_type_words},
	{"workload.data.path", FIELD_TEXT, AT(workload.data_path), .words = WORDS("none"),
	 .is_valid = text_is_line, .allowed = "a path or URL"},
	{"workload.data.size", FIELD_SIZE, AT(workload.data_size), .words = WORDS("auto"), BYTES(0),
	 .help = "auto: a local path is measured"},
	{"workload.data.format", FIELD_WORD, AT(workload.data_format),
	 .words = WORDS("auto", "text", "columnar", "vectors")},
	{"workload.model", FIELD_TEXT, AT(workload.model), .words = WORDS("none"),
	 .is_valid = text_is_line, .allowed = "the path of a model file",
	 .help = "written by `cleave tune`"},
	{"workload.model_force", FIELD_FLAG, AT(workload.model_force),
	 .help = "use a model of another machine"},

	{"memory.policy", FIELD_WORD, AT(memory.policy),
	 .words = WORDS("strict", "preferred", "interleave", "none")},
	{"memory.limit", FIELD_SIZE, AT(memory.limit), .percent = true, .words = WORDS("auto"),
	 BYTES(1), .help = "of a slice; percent of its share of its nodes"},
	{"memory.heap", FIELD_SIZE, AT(memory.heap), .percent = true, .words = WORDS("auto"),
	 BYTES(HEAP_LEAST_BYTES), .help = "of an executor"},
	{"memory.direct", FIELD_SIZE, AT(memory.direct), .percent = true, .words = WORDS("auto"),
	 BYTES(DIRECT_LEAST_BYTES), .help = "the JVM's direct buffers"},
	{"memory.off_heap", FIELD_SIZE, AT(memory.off_heap), .percent = true,
	 .words = WORDS("auto"), BYTES(0), .help = "Spark's off-heap memory"},
	{"memory.python", FIELD_SIZE, AT(memory.python), .percent = true, BYTES(0),
	 .help = "PySpark's workers"},
	{"memory.scratch.type", FIELD_WORD, AT(memory.scratch.type),
	 .words = WORDS("disk", "tmpfs"), .not_yet = ALL_BUT_FIRST,
	 .help = "tmpfs: on the slice's own nodes"},
	{"memory.scratch.path", FIELD_TEXT, AT(memory.scratch.path), .words = WORDS("auto"),
	 .is_valid = text_is_path, .allowed = TEXT_PATH_ALLOWED},
	{"memory.scratch.size", FIELD_SIZE, AT(memory.scratch.size), BYTES(0),
	 .not_yet = ALL_BUT_FIRST, .help = "of tmpfs"},
	{"memory.scratch.spill", FIELD_TEXT, AT(memory.scratch.spill), .words = WORDS("none"),
	 .is_valid = text_is_path, .allowed = TEXT_PATH_ALLOWED, .not_yet = ALL_BUT_FIRST,
	 .help = "where a full tmpfs goes on"},
	{"memory.page_cache", FIELD_SIZE, AT(memory.page_cache), .percent = true,
	 .words = WORDS("auto"), BYTES(0), .help = "least room to leave"},
	{"memory.high", FIELD_SIZE, AT(memory.high), .percent = true, .words = WORDS("none"),
	 BYTES(1), .help = "throttle above it"},
	{"memory.low", FIELD_SIZE, AT(memory.low), .percent = true, BYTES(0),
	 .help = "protected from reclaim"},
	{"memory.swap", FIELD_SIZE, AT(memory.swap), .percent = true, BYTES(0)},
	{"memory.give_back", FIELD_WORD, AT(memory.give_back), .words = WORDS("off", "idle"),
	 .not_yet = ALL_BUT_FIRST, .help = "idle: return an idle slice's heap"},

	{"io", FIELD_ITEMS, AT(io), BESIDE(io_count), .items = &io_fields,
	 .help = "limits a block device, for each slice"},

	{"jvm.home", FIELD_TEXT, AT(jvm.home), .words = WORDS("auto"), .is_valid = text_is_path,
	 .allowed = TEXT_PATH_ALLOWED, .help = "auto: $JAVA_HOME, then java on PATH"},
	{"jvm.gc", FIELD_WORD, AT(jvm.gc), .words = gc_words},
	{"jvm.class_data_sharing", FIELD_FLAG, AT(jvm.class_data_sharing), .help = "faster starts"},
	{"jvm.options", FIELD_STRINGS, AT(jvm.options), .refuse = jvm_option_refuse,
	 .allowed = "JVM options, one an item", .help = "of the executors"},

	{"spark.home", FIELD_TEXT, AT(spark.home), .words = WORDS("auto"), .is_valid = text_is_path,
	 .allowed = TEXT_PATH_ALLOWED, .help = "auto: $SPARK_HOME, then python3's pyspark"},
	{"spark.start_timeout", FIELD_TIME, AT(spark.start_timeout_ms), RANGE(1000, 3600000)},
	{"spark.master.address", FIELD_TEXT, AT(spark.master_address), .is_valid = text_is_host,
	 .allowed = "an IPv4 address but 0.0.0.0, or a host name without '_'"},
	{"spark.master.port", FIELD_NUMBER, AT(spark.master_port), RANGE(1, 65535),
	 OR("auto", AMOUNT_AUTO), .help = "auto: 7077 or the next free one"},
	{"spark.master.ui_port", FIELD_NUMBER, AT(spark.master_ui_port), RANGE(1, 65535),
	 OR("auto", AMOUNT_AUTO), .help = "auto: 8080 or the next free one"},
	{"spark.join", FIELD_TEXT, AT(spark.join), .words = WORDS("none"),
	 .is_valid = text_is_spark_url, .allowed = "spark://HOST:PORT", .not_yet = ALL_BUT_FIRST,
	 .help = "become workers of that cluster"},
	/* A class A to C address; its block of one a slice stays below 224.0.0.0. */
	{"spark.first_address", FIELD_ADDRESS, AT(spark.first_address), .words = WORDS("auto"),
	 RANGE(0x01000000, 0xe0000000 - SLICES_MAX),
	 .help = "slice i listens on the i-th from here"},
	{"spark.slots_per_cpu", FIELD_NUMBER, AT(spark.slots_per_cpu), RANGE(1, 16),
	 OR("auto", AMOUNT_AUTO)},
	{"spark.executors", FIELD_NUMBER, AT(spark.executors), RANGE(1, SLICE_EXECUTORS),
	 OR("auto", AMOUNT_AUTO), .help = "executor JVMs a slice, with equal shares of it"},
	{"spark.conf", FIELD_PAIRS, AT(spark.conf), .refuse = spark_property_refuse,
	 .allowed = "spark.* properties", .help = "for applications run by `cleave run`"},
	{"spark.env", FIELD_PAIRS, AT(spark.env), .refuse = environment_name_refuse,
	 .allowed = "environment variables", .help = "of master and workers"},

	{"rebalance.mode", FIELD_WORD, AT(rebalance.mode), .words = rebalance_mode_words},
	{"rebalance.loans", FIELD_WORD, AT(rebalance.loans), .words = loan_mode_words},
	{"rebalance.scope", FIELD_WORD, AT(rebalance.scope), .words = loan_scope_words},
	{"rebalance.keep", FIELD_NUMBER, AT(rebalance.keep), RANGE(1, CPUSET_MAX),
	 .help = "home CPUs an exclusive donor keeps"},
	{"rebalance.tick", FIELD_TIME, AT(rebalance.tick_ms), RANGE(10, 10000)},
	{"rebalance.cool_down", FIELD_TIME, AT(rebalance.cool_down_ms), RANGE(0, 3600000)},

	{"backend", FIELD_WORD, AT(backend),
	 .words = WORDS("auto", "cgroup", "docker", "podman", "affinity"),
	 .help = "affinity: no cgroups, no limits"},
	{"docker.socket", FIELD_TEXT, AT(docker.socket), .words = WORDS("auto"), .max = SOCKET_MAX,
	 .is_valid = text_is_path, .allowed = TEXT_PATH_ALLOWED, .help = "of the engine"},
	{"docker.image", FIELD_TEXT, AT(docker.image), .words = WORDS("none"),
	 .is_valid = text_is_image, .allowed = "the name of an image",
	 .help = "of the slices' containers"},
	{"docker.pull", FIELD_WORD, AT(docker.pull), .words = WORDS("never", "missing", "always")},
	{"docker.master", FIELD_WORD, AT(docker.master), .words = WORDS("host", "container"),
	 .help = "where master and drivers run"},
	{"docker.mounts", FIELD_STRINGS, AT(docker.mounts), .refuse = mount_refuse,
	 .allowed = "SOURCE:TARGET or SOURCE:TARGET:ro, absolute paths", .help = "more of them"},

	{"services", FIELD_ITEMS, AT(services), BESIDE(service_count), .items = &service_fields,
	 .not_yet = ALL_BUT_FIRST, .help = "run beside each worker"},

	{"security.user", FIELD_TEXT, AT(security.user), .words = WORDS("auto"),
	 .is_valid = text_is_user, .allowed = "the name of a user",
	 .help = "auto: $SUDO_USER if set, else the caller"},
	{"security.authenticate", FIELD_FLAG, AT(security.authenticate),
	 .help = "Spark's connections need the cluster's secret"},
	{"security.ui", FIELD_WORD, AT(security.ui), .words = ui_access_words,
	 .help = "who reads Spark's pages: acl: who has a token"},
	{"metrics.listen", FIELD_TEXT, AT(metrics_listen), .words = WORDS("none"),
	 .is_valid = text_is_host_port, .allowed = "ADDRESS:PORT", .not_yet = ALL_BUT_FIRST},
};
_Static_assert(COUNT_OF(profile_list) <= FIELDS_MAX, "FIELDS_MAX bounds arrays over the table");

const struct fields profile_fields = {profile_list, COUNT_OF(profile_list), 1,
				      sizeof(struct profile)};

const struct field *fields_find(const struct fields *set, const char *path)
{
	size_t length = strlen(path);

	for (unsigned i = 0; i < set->count; i++) {
		const struct field *f = &set->list[i];

		if (!strncmp(f->path, path, length) &&
		    (f->path[length] == '\0' || f->path[length] == '.'))
			return f;
	}
	return NULL;
}

void fields_below(const struct fields *set, const char *prefix, struct field_names *out)
{
	size_t skip = strlen(prefix);

	out->count = 0;
	for (unsigned i = 0; i < set->count; i++) {
		const char *name = set->list[i].path + skip;
		char *to = out->text[out->count];

		if (strncmp(set->list[i].path, prefix, skip) != 0)
			continue;
		snprintf(to, sizeof(out->text[0]), "%.*s", (int)strcspn(name, "."), name);
		/* The keys of a group are neighbours in the table. */
		if (out->count && !strcmp(to, out->text[out->count - 1]))
			continue;
		out->list[out->count++] = to;
	}
	out->list[out->count] = NULL;
}

const char *fields_nearest(const struct fields *set, const struct field_names *names,
			   const char *prefix, const char *name, char path[FIELD_PATH_MAX])
{
	const char *near = word_nearest(name, names->list);

	if (near) {
		snprintf(path, FIELD_PATH_MAX, "%s%s", prefix, near);
		return path;
	}
	for (unsigned i = 0; i < set->count; i++) {
		const char *dot = strrchr(set->list[i].path, '.');

		if (!strcmp(set->list[i].path, name) || (dot && !strcmp(dot + 1, name)))
			return set->list[i].path;
	}
	return NULL;
}
