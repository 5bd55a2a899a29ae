/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/reconcile/op.h"

#include <inttypes.h>
#include <stdio.h>

enum { MEMORY_TEXT = 32 };

/* "60 GB", "1.9 GB", "512 MB" in powers of 1024. */
static const char *format_memory(uint64_t bytes, char text[MEMORY_TEXT])
{
	const uint64_t mb = UINT64_C(1) << 20, gb = UINT64_C(1) << 30;

	if (bytes == 0)
		snprintf(text, MEMORY_TEXT, "unlimited");
	else if (bytes >= gb && bytes % gb == 0)
		snprintf(text, MEMORY_TEXT, "%" PRIu64 " GB", bytes / gb);
	else if (bytes >= gb)
		snprintf(text, MEMORY_TEXT, "%.1f GB", (double)bytes / (double)gb);
	else if (bytes >= mb)
		snprintf(text, MEMORY_TEXT, "%" PRIu64 " MB", bytes / mb);
	else
		snprintf(text, MEMORY_TEXT, "%" PRIu64 " B", bytes);
	return text;
}

char *op_format(const struct op *op, const struct plan *to, char *text, size_t size)
{
	char memory[MEMORY_TEXT];

	switch (op->kind) {
	case OP_SET_CPUS:
		snprintf(text, size, "set %s cpus %s", op->name, CPUSET_STRING(&op->cpus));
		break;
	case OP_SET_WEIGHT:
		snprintf(text, size, "set %s weight %u", op->name, op->weight);
		break;
	case OP_REMOVE:
		snprintf(text, size, "remove %s", op->name);
		break;
	case OP_CREATE:
		snprintf(text, size, "create %s cpus %s nodes %s memory %s", op->name,
			 CPUSET_STRING(&op->cpus), CPUSET_STRING(&to->slices[op->slice].nodes),
			 format_memory(to->slices[op->slice].memory.max_bytes, memory));
		break;
	case OP_SET_HOST:
		snprintf(text, size, "set %s cpus %s nodes %s", op->name, CPUSET_STRING(&op->cpus),
			 CPUSET_STRING(&to->host.nodes));
		break;
	}
	return text;
}
