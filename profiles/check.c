/* SPDX-License-Identifier: Apache-2.0 */
#include "profiles/check.h"

#include <ctype.h>

#include "decision/plan/setting.h"

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

bool text_take_number(const char **at, uint64_t *out)
{
	const char *c = *at;
	uint64_t value = 0;

	if (!isdigit((unsigned char)*c) || (*c == '0' && isdigit((unsigned char)c[1])))
		return false;
	for (; isdigit((unsigned char)*c); c++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return false;
	}
	*at = c;
	*out = value;
	return true;
}

bool text_read_ipv4(const char *text, uint64_t *out)
{
	uint64_t address = 0, part;

	for (int i = 0; i < 4; i++) {
		if ((i && *text++ != '.') || !text_take_number(&text, &part) || part > 255)
			return false;
		address = address << 8 | part;
	}
	*out = address;
	return !*text;
}

/*
 * RFC 1123, section 2.1: labels of letters, digits and inner hyphens, 253 bytes; a last label with
 * a letter, so no address.
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
	uint64_t address;

	return is_host_name(text) || (text_read_ipv4(text, &address) && address);
}

/* Copy what stands before the last ':' to `host`; false if no port follows it. */
static bool split_port(const char *text, char *host, size_t size)
{
	const char *colon = strrchr(text, ':');
	const char *end = colon ? colon + 1 : "";
	uint64_t port;

	if (!colon || !text_take_number(&end, &port) || *end || !port || port > 65535 ||
	    (size_t)(colon - text) >= size)
		return false;
	snprintf(host, size, "%.*s", (int)(colon - text), text);
	return true;
}

bool text_is_host_port(const char *text)
{
	char host[PROFILE_WORD];
	uint64_t address;

	return split_port(text, host, sizeof(host)) &&
	       (is_host_name(host) || text_read_ipv4(host, &address));
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
	uint64_t major, minor;

	return text_take_number(&text, &major) && *text++ == ':' &&
	       text_take_number(&text, &minor) && !*text && major < 1 << 12 && minor < 1 << 20;
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

const char *jvm_option_refuse(const char *option)
{
	if (option[0] != '-')
		return "a JVM option begins with '-'";
	/* Spark splits the executors' options at blanks. */
	if (strpbrk(option, " \t\r\n\"'\\"))
		return "blanks, quotes and backslashes do not reach the executors; write one "
		       "option an item";
	return setting_refuse_option(option, SETTING_OF_EXECUTORS);
}

const char *mount_refuse(const char *mount)
{
	const char *target = strchr(mount, ':'), *mode = target ? strchr(target + 1, ':') : NULL;

	if (mount[0] != '/' || !target || target[1] != '/')
		return "a mount is SOURCE:TARGET, both absolute";
	if (mode && strcmp(mode, ":ro") != 0 && strcmp(mode, ":rw") != 0)
		return "behind the target comes ro, rw or nothing";
	return NULL;
}

const char *spark_property_refuse(const char *key)
{
	if (strncmp(key, "spark.", strlen("spark.")) != 0 || !key[strlen("spark.")])
		return "only properties that begin with \"spark.\" reach an application";
	for (const char *c = key; *c; c++) {
		if (*c == '=' || !isgraph((unsigned char)*c))
			return "a property's name has visible ASCII characters, none of them '='";
	}
	return setting_refuse_property(key);
}

const char *environment_name_refuse(const char *name)
{
	/* POSIX.1-2017, XBD 8.1 */
	if (!*name || isdigit((unsigned char)*name) || name[strspn(name, LOWER UPPER DIGITS "_")])
		return "a variable's name has letters, digits and '_', no digit first";
	return setting_refuse_variable(name);
}

/* ---- keys that exclude one another */

/* A master elsewhere, and slices that only this machine can reach. */
static bool joins_from_loopback(const struct profile *p)
{
	char host[PROFILE_WORD];
	uint64_t address;

	if (!p->spark.join[0] ||
	    !split_port(p->spark.join + strlen(spark_scheme), host, sizeof(host)) ||
	    !strcmp(host, "localhost") || (text_read_ipv4(host, &address) && address >> 24 == 127))
		return false;
	return p->spark.first_address == 0 || p->spark.first_address >> 24 == 127;
}

#define NO_LIMITS "backend affinity has no limits; remove this key, or write backend: cgroup"

const char *conflict_find(const struct profile *p, const char **path)
{
	const struct profile_memory *m = &p->memory;
	bool unheld = p->backend == BACKEND_AFFINITY;
	const struct {
		bool is_there;
		const char *path, *why;
	} list[] = {
		{unheld && m->limit.unit != SIZE_AUTO, "memory.limit", NO_LIMITS},
		{unheld && m->high.unit != SIZE_NONE, "memory.high", NO_LIMITS},
		{unheld && m->low.value, "memory.low", NO_LIMITS},
		{unheld && m->swap.value, "memory.swap", NO_LIMITS},
		{unheld && p->io_count, "io", NO_LIMITS},
		{m->scratch.type == SCRATCH_TMPFS && !m->scratch.size.value, "memory.scratch.type",
		 "tmpfs needs a memory.scratch.size above 0"},
		{p->spark.master_port != AMOUNT_AUTO &&
			 p->spark.master_port == p->spark.master_ui_port,
		 "spark.master.ui_port",
		 "spark.master.port is the same; the master needs two ports"},
		{joins_from_loopback(p), "spark.join",
		 "the master there cannot reach slices on loopback; write an address of this "
		 "machine as spark.first_address"},
		{profile_has_engine(p) && !p->docker.image[0], "backend",
		 "containers need docker.image"},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (!list[i].is_there)
			continue;
		*path = list[i].path;
		return list[i].why;
	}
	return NULL;
}
