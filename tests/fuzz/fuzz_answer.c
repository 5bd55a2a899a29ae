/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program that was asked prints, on both outputs: lines are found within it and are lines,
 * a JVM's answer has no more than was printed, and whatever versions it names, the pair is judged.
 */

#include "containers/proc/printed.h"
#include "launcher/spark/java.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_path(const char *line)
{
	return line[0] == '/';
}

static void check_line(const char *line)
{
	if (strchr(line, '\n'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct printed *p = calloc(1, sizeof(*p));
	struct spark *s = calloc(1, sizeof(*s));
	char *out = malloc(size + 1), reason[PRINTED_REASON], remark[ERR_TEXT];
	struct java java;
	struct err e;
	const char *line;

	if (!p || !s || !out)
		abort();
	memcpy(out, data, size);
	out[size] = '\0';
	*p = (struct printed){.out = out, .size = size + 1, .length = size};
	snprintf(p->err, sizeof(p->err), "%s", out);
	check_line(printed_reason(p, reason));
	java_read(p->err, &java);
	check_line(java.home);
	check_line(java.version);
	if (java.release < 0 || java.release > 999)
		abort();
	line = printed_last_line(p, is_path);
	if (line && (line < out || line + strlen(line) > out + size || line[0] != '/'))
		abort();
	if (line)
		check_line(line);
	s->java_version = java.release;
	string_copy(s->java_full, java.version);
	snprintf(s->version, sizeof(s->version), "%s", java.vendor);
	snprintf(s->hadoop, sizeof(s->hadoop), "%s", java.version);
	if (java_check("jvm.home", s, &e) == 0)
		spark_java_remark(s, remark);
	free(out);
	free(s);
	free(p);
	return 0;
}
