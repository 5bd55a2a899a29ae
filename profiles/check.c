#include "profiles/check.h"

#include <ctype.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* ---- texts */

bool text_is_line(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			return false;
	}
	return true;
}

bool text_is_path(const char *text)
{
	return text[0] == '/' && text_is_line(text);
}

/* Take a decimal number up to `max` off *at, without needless zeros; false if there is none. */
static bool take_number(const char **at, unsigned max)
{
	size_t digits = strspn(*at, DIGITS);
	unsigned long value;

	if (!digits || digits > 9 || (**at == '0' && digits > 1))
		return false;
	value = strtoul(*at, NULL, 10);
	*at += digits;
	return value <= max;
}

static bool is_ipv4(const char *text)
{
	for (int i = 0; i < 4; i++) {
		if ((i && *text++ != '.') || !take_number(&text, 255))
			return false;
	}
	return !*text;
}

/*
 * RFC 1123 §2.1: labels of letters, digits and inner hyphens, 253 bytes; a last label with a
 * letter, so no address.
 */
static bool is_host_name(const char *text)
{
	const char *last = text;

	if (!*text || strlen(text) > 253)
		return false;
	for (const char *label = text;;) {
		size_t length = strspn(label, LOWER UPPER DIGITS "-");

		if (!length || length > 63 || label[0] == '-' || label[length - 1] == '-')
			return false;
		last = label;
		label += length;
		if (!*label)
			return strspn(last, DIGITS) < length;
		if (*label++ != '.')
			return false;
	}
}

bool text_is_host(const char *text)
{
	return is_host_name(text) || (is_ipv4(text) && strcmp(text, "0.0.0.0") != 0);
}

/* Copy what stands before the last ':' to `host`; false if no port follows it. */
static bool split_port(const char *text, char *host, size_t size)
{
	const char *colon = strrchr(text, ':');
	const char *port = colon ? colon + 1 : "";

	if (!colon || *port == '0' || !take_number(&port, 65535) || *port ||
	    (size_t)(colon - text) >= size)
		return false;
	snprintf(host, size, "%.*s", (int)(colon - text), text);
	return true;
}

bool text_is_host_port(const char *text)
{
	char host[PROFILE_WORD];

	return split_port(text, host, sizeof(host)) && (is_host_name(host) || is_ipv4(host));
}

static const char spark_scheme[] = "spark://";

bool text_is_spark_url(const char *text)
{
	char host[PROFILE_WORD];
	size_t scheme = strlen(spark_scheme);

	return !strncmp(text, spark_scheme, scheme) &&
	       split_port(text + scheme, host, sizeof(host)) && text_is_host(host);
}

bool text_is_device(const char *text)
{
	return take_number(&text, (1u << 12) - 1) && *text++ == ':' &&
	       take_number(&text, (1u << 20) - 1) && !*text;
}

bool text_is_user(const char *text)
{
	size_t length = strspn(text, LOWER UPPER DIGITS "_.-");

	return length && text[0] != '-' && (!text[length] || !strcmp(text + length, "$"));
}

bool text_is_image(const char *text)
{
	if (!isalnum((unsigned char)*text))
		return false;
	for (; *text; text++) {
		if (!isgraph((unsigned char)*text))
			return false;
	}
	return true;
}

/* ---- what cleave itself sets */

struct refusal {
	const char *text; /* all of it, or its beginning if it ends in '*' */
	const char *why;
};

static const char *refuse(const struct refusal *list, const char *text)
{
	for (; list->text; list++) {
		size_t length = strcspn(list->text, "*");

		if (!strncmp(list->text, text, length) && (list->text[length] || !text[length]))
			return list->why;
	}
	return NULL;
}

const char *jvm_option_refuse(const char *option)
{
	static const struct refusal list[] = {
		{"-Xmx*", "memory.heap sets the heap"},
		{"-XX:MaxHeapSize*", "memory.heap sets the heap"},
		{"-XX:MaxRAM*", "memory.heap sets the heap"},
		{"-XX:MaxDirectMemorySize*", "memory.direct sets it"},
		{"-XX:+UseParallelGC", "jvm.gc chooses the collector"},
		{"-XX:+UseG1GC", "jvm.gc chooses the collector"},
		{"-XX:+UseZGC", "jvm.gc chooses the collector"},
		{"-XX:+UseShenandoahGC", "jvm.gc chooses the collector"},
		{"-XX:+UseSerialGC", "jvm.gc chooses the collector"},
		{NULL, NULL},
	};

	if (option[0] != '-')
		return "a JVM option begins with '-'";
	/* Spark splits the executors' options at blanks. */
	if (strpbrk(option, " \t\r\n\"'\\"))
		return "blanks, quotes and backslashes do not reach the executors; write one "
		       "option an item";
	return refuse(list, option);
}

const char *spark_property_refuse(const char *key)
{
	static const struct refusal list[] = {
		{"spark.master", "cleave sets it to the cluster's own master"},
		{"spark.authenticate*", "security.authenticate sets it, with a secret of its own"},
		{"spark.executor.memory", "memory.heap sets it"},
		{"spark.memory.offHeap.*", "memory.off_heap sets it"},
		{"spark.executor.pyspark.memory", "memory.python sets the room of Python"},
		{"spark.executor.cores", "a slice has one executor with all its slots; "
					 "spark.slots_per_cpu sets them"},
		{"spark.local.dir", "memory.scratch.path sets it"},
		{NULL, NULL},
	};

	if (strncmp(key, "spark.", strlen("spark.")) != 0 || !key[strlen("spark.")])
		return "only properties that begin with \"spark.\" reach an application";
	for (const char *c = key; *c; c++) {
		if (*c == '=' || !isgraph((unsigned char)*c))
			return "a property's name has visible ASCII characters, none of them '='";
	}
	return refuse(list, key);
}

const char *environment_name_refuse(const char *name)
{
	static const struct refusal list[] = {
		{"SPARK_HOME", "spark.home sets it"},
		{"JAVA_HOME", "jvm.home sets it"},
		{"SPARK_LOCAL_DIRS", "memory.scratch.path sets it"},
		{"SPARK_LOCAL_IP", "spark.first_address and spark.master.address set it"},
		{"SPARK_CONF_DIR", "cleave sets it; spark.conf holds the properties"},
		{"_JAVA_OPTIONS", "it would override memory.heap; use jvm.options"},
		{NULL, NULL},
	};

	/* POSIX.1-2017, XBD 8.1 */
	if (!*name || isdigit((unsigned char)*name) || name[strspn(name, LOWER UPPER DIGITS "_")])
		return "a variable's name has letters, digits and '_', no digit first";
	return refuse(list, name);
}

/* ---- keys that exclude one another */

static bool is_loopback(const char *host)
{
	return !strcmp(host, "localhost") || (is_ipv4(host) && !strncmp(host, "127.", 4));
}

static bool joins_from_loopback(const struct profile *p)
{
	char host[PROFILE_WORD];

	if (!p->spark.join[0] ||
	    !split_port(p->spark.join + strlen(spark_scheme), host, sizeof(host)) ||
	    is_loopback(host))
		return false;
	return p->spark.first_address == 0 || p->spark.first_address >> 24 == 127;
}

static bool has_equal_ports(const struct profile *p)
{
	return p->spark.master_port != AMOUNT_AUTO &&
	       p->spark.master_port == p->spark.master_ui_port;
}

static bool has_docker_without_image(const struct profile *p)
{
	return p->backend == BACKEND_DOCKER && !p->docker.image[0];
}

static bool has_tmpfs_without_size(const struct profile *p)
{
	return p->memory.scratch.type == SCRATCH_TMPFS && p->memory.scratch.size.value == 0;
}

static bool has_unheld_limit(const struct profile *p)
{
	return p->backend == BACKEND_AFFINITY && p->memory.limit.unit != SIZE_AUTO;
}

static bool has_unheld_high(const struct profile *p)
{
	return p->backend == BACKEND_AFFINITY && p->memory.high.unit != SIZE_NONE;
}

static bool has_unheld_low(const struct profile *p)
{
	return p->backend == BACKEND_AFFINITY && p->memory.low.value;
}

static bool has_unheld_swap(const struct profile *p)
{
	return p->backend == BACKEND_AFFINITY && p->memory.swap.value;
}

static bool has_unheld_io(const struct profile *p)
{
	return p->backend == BACKEND_AFFINITY && p->io_count;
}

#define NO_LIMITS "backend affinity has no limits; remove this key, or write backend: cgroup"

const struct conflict *conflict_find(const struct profile *p)
{
	static const struct conflict list[] = {
		{"memory.limit", has_unheld_limit, NO_LIMITS},
		{"memory.high", has_unheld_high, NO_LIMITS},
		{"memory.low", has_unheld_low, NO_LIMITS},
		{"memory.swap", has_unheld_swap, NO_LIMITS},
		{"io", has_unheld_io, NO_LIMITS},
		{"memory.scratch.type", has_tmpfs_without_size,
		 "tmpfs needs a memory.scratch.size above 0"},
		{"spark.master.ui_port", has_equal_ports,
		 "spark.master.port is the same; the master needs two ports"},
		{"spark.join", joins_from_loopback,
		 "the master there cannot reach slices on loopback; write an address of this "
		 "machine as spark.first_address"},
		{"backend", has_docker_without_image, "docker needs docker.image"},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (list[i].is_there(p))
			return &list[i];
	}
	return NULL;
}
