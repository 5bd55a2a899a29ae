/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/plan/plan.h"

#include <stdarg.h>
#include <string.h>

/* ---- texts ---- */

/* Print; a text that does not fit ends in "…" behind its last whole UTF-8 character. */
__attribute__((format(printf, 2, 0))) static void print_cut(char text[PLAN_TEXT],
							    const char *format, va_list args)
{
	static const char ellipsis[] = "…";
	size_t end = PLAN_TEXT - sizeof(ellipsis);

	if (vsnprintf(text, PLAN_TEXT, format, args) < PLAN_TEXT)
		return;
	while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
		end--;
	memcpy(text + end, ellipsis, sizeof(ellipsis));
}

void plan_warn(struct plan *p, enum warning_code code, const char *format, ...)
{
	struct plan_warning *warning = &p->warnings[p->warning_count];
	va_list args;

	for (unsigned i = 0; i < p->warning_count; i++) {
		if (p->warnings[i].code == code)
			return;
	}
	p->warning_count++;
	warning->code = code;
	va_start(args, format);
	print_cut(warning->message, format, args);
	va_end(args);
}

void plan_note(struct plan *p, const char *format, ...)
{
	va_list args;

	if (p->note_count == PLAN_NOTES)
		return;
	va_start(args, format);
	print_cut(p->notes[p->note_count++], format, args);
	va_end(args);
}

const char *warning_code_name(enum warning_code code)
{
	static const char *const names[] = {
		[WARN_UNEVEN_PACKAGES] = "uneven-packages",
		[WARN_UNEVEN_NODES] = "uneven-nodes",
		[WARN_PACKAGE_RESERVED] = "package-reserved",
		[WARN_CROSSES_L3] = "crosses-l3",
		[WARN_CROSSES_NODE] = "crosses-node",
		[WARN_CROSSES_PACKAGE] = "crosses-package",
		[WARN_MEMORY_UNKNOWN] = "memory-unknown",
		[WARN_MEMORY_SMALL] = "memory-small",
		[WARN_CPUS_WITHOUT_NODE] = "cpus-without-node",
		[WARN_NO_PACKAGES] = "no-packages",
		[WARN_NO_L3] = "no-l3",
		[WARN_NO_DISTANCES] = "no-distances",
		[WARN_HYBRID_CORES] = "hybrid-cores",
		[WARN_SLOTS_EQUAL_CPUS] = "slots-equal-cpus",
		[WARN_UNUSED_CORES] = "unused-cores",
		[WARN_MEMORY_ONLY_NODES] = "memory-only-nodes",
		[WARN_HIDDEN_NODES] = "hidden-nodes",
		[WARN_CPUS_WITHOUT_PACKAGE] = "cpus-without-package",
		[WARN_HUGE_PAGES] = "huge-pages",
		[WARN_MEMORY_HELD] = "memory-held",
		[WARN_ISOLATED_CPUS] = "isolated-cpus",
		[WARN_NOHZ_FULL_CPUS] = "nohz-full-cpus",
	};

	return names[code];
}

/* ---- equality ---- */

bool slice_memory_is_equal(const struct slice_memory *a, const struct slice_memory *b)
{
	_Static_assert(sizeof(*a) == 12 * sizeof(uint64_t), "without padding, bytes are values");
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool loan_is_same(const struct loan *a, const struct loan *b)
{
	return a->from == b->from && a->to == b->to && a->mode == b->mode &&
	       a->by_hand == b->by_hand;
}

/* ---- what loans mean ---- */

struct cpuset plan_host_cpus(const struct plan *p)
{
	return p->host.shared ? plan_balanced_cpus(p) : p->host.cpus;
}

struct cpuset plan_balanced_cpus(const struct plan *p)
{
	struct cpuset cpus = cpuset_and_not(&p->allowed, &p->apart);

	return cpuset_is_empty(&cpus) ? p->usable : cpus;
}

struct cpuset plan_effective_cpus(const struct plan *p, unsigned slice)
{
	struct cpuset cpus = p->slices[slice].cpus;

	for (unsigned i = 0; i < p->loan_count; i++) {
		const struct loan *loan = &p->loans[i];

		if (loan->to == slice)
			cpus = cpuset_or(&cpus, &loan->cpus);
		else if (loan->from == slice && loan->mode == LOANS_EXCLUSIVE)
			cpus = cpuset_and_not(&cpus, &loan->cpus);
	}
	return cpus;
}

unsigned plan_weight(const struct plan *p, unsigned slice)
{
	for (unsigned i = 0; i < p->loan_count; i++) {
		if (p->loans[i].from == slice && p->loans[i].mode == LOANS_SHARED)
			return WEIGHT_MAX;
	}
	return WEIGHT_DEFAULT;
}
