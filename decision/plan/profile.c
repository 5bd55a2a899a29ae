#include "decision/plan/profile.h"

#include <string.h>

/* What is not named here is 0, false, "" or the first word of its enum. */
void profile_default(struct profile *out)
{
	const struct size automatic = {.unit = SIZE_AUTO};
	const struct size zero = {.unit = SIZE_BYTES};

	*out = (struct profile){
		.version = 1,
		.name = "cleave",
		.partition = {.by = BY_AUTO,
			      .slices = AMOUNT_AUTO,
			      .cores = AMOUNT_AUTO,
			      .max_cores = AMOUNT_ALL,
			      .smt = SMT_ALL,
			      .all_cpus = true,
			      .reserve_cores = AMOUNT_AUTO,
			      .reserve_memory = automatic},
		.workload = {.type = WORKLOAD_AUTO,
			     .data_size = automatic,
			     .data_format = FORMAT_AUTO},
		.memory = {.policy = POLICY_STRICT,
			   .limit = automatic,
			   .heap = automatic,
			   .direct = automatic,
			   .off_heap = zero,
			   .python = zero,
			   .scratch = {.type = SCRATCH_DISK, .size = zero},
			   .page_cache = automatic,
			   .high = {.unit = SIZE_NONE},
			   .low = zero,
			   .swap = zero,
			   .give_back = GIVE_BACK_OFF},
		.jvm = {.gc = GC_AUTO, .class_data_sharing = true},
		.spark = {.start_timeout_ms = 120000,
			  .master_address = "127.0.0.1",
			  .master_port = AMOUNT_AUTO,
			  .master_ui_port = AMOUNT_AUTO,
			  .slots_per_cpu = AMOUNT_AUTO},
		.rebalance = {.mode = REBALANCE_ACT,
			      .loans = LOANS_SHARED,
			      .scope = SCOPE_MACHINE,
			      .keep = 1,
			      .tick_ms = 50,
			      .cool_down_ms = 500},
		.backend = BACKEND_AUTO,
		.docker = {.pull = PULL_NEVER},
		.security = {.authenticate = true},
	};
}

uint64_t size_share(uint64_t bytes, uint64_t part, uint64_t whole)
{
	return bytes / whole * part + bytes % whole * part / whole;
}

uint64_t size_bytes(const struct size *size, uint64_t whole)
{
	if (size->unit == SIZE_PERCENT)
		return size_share(whole, size->value, 100);
	return size->unit == SIZE_BYTES ? size->value : 0;
}

bool profile_name_is_valid(const char *name)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t length = strspn(name, word);

	return length >= 1 && length <= NAME_MAX_BYTES && name[0] != '-' && name[length] == '\0';
}

const char *workload_type_name(enum workload_type type)
{
	static const char *const names[] = {
		[WORKLOAD_AUTO] = "auto",	    [WORKLOAD_WORDCOUNT] = "wordcount",
		[WORKLOAD_GREP] = "grep",	    [WORKLOAD_NAIVE_BAYES] = "naive-bayes",
		[WORKLOAD_KMEANS] = "kmeans",	    [WORKLOAD_SQL] = "sql",
		[WORKLOAD_STREAMING] = "streaming",
	};

	return type <= WORKLOAD_STREAMING ? names[type] : "unknown";
}

const char *rebalance_mode_name(unsigned mode)
{
	static const char *const names[] = {
		[REBALANCE_OFF] = "off",
		[REBALANCE_OBSERVE] = "observe",
		[REBALANCE_ACT] = "act",
	};

	return names[mode];
}

const char *loan_mode_name(unsigned mode)
{
	return mode == LOANS_SHARED ? "shared" : "exclusive";
}

const char *loan_scope_name(unsigned scope)
{
	return scope == SCOPE_PACKAGE ? "package" : "machine";
}
