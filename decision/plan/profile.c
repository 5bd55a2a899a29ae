/* SPDX-License-Identifier: Apache-2.0 */
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
			   .off_heap = automatic,
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
			  .slots_per_cpu = AMOUNT_AUTO,
			  .executors = AMOUNT_AUTO},
		.rebalance = {.mode = REBALANCE_ACT,
			      .loans = LOANS_SHARED,
			      .scope = SCOPE_MACHINE,
			      .keep = 1,
			      .tick_ms = 50,
			      .cool_down_ms = 500},
		.backend = BACKEND_AUTO,
		.docker = {.pull = PULL_NEVER},
		.security = {.authenticate = true, .ui = UI_OPEN},
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

const char *const partition_by_words[] = {"auto", "machine", "socket", "numa", "l3", NULL};
const char *const workload_type_words[] = {"auto",   "wordcount", "grep",      "naive-bayes",
					   "kmeans", "sql",	  "streaming", NULL};
const char *const gc_words[] = {"auto", "parallel", "g1", "zgc", "shenandoah", "serial", NULL};
const char *const rebalance_mode_words[] = {"off", "observe", "act", NULL};
const char *const loan_mode_words[] = {"shared", "exclusive", NULL};
const char *const ui_access_words[] = {"open", "acl", "off", NULL};
const char *const loan_scope_words[] = {"package", "machine", NULL};

const char *partition_by_name(enum partition_by by)
{
	return partition_by_words[by];
}

const char *workload_type_name(enum workload_type type)
{
	return workload_type_words[type];
}

const char *rebalance_mode_name(unsigned mode)
{
	return rebalance_mode_words[mode];
}

const char *loan_mode_name(unsigned mode)
{
	return loan_mode_words[mode];
}

const char *loan_scope_name(unsigned scope)
{
	return loan_scope_words[scope];
}

const char *ui_access_name(unsigned access)
{
	return ui_access_words[access];
}

const char *gc_option(enum gc gc)
{
	static const char *const options[] = {
		[GC_AUTO] = "-XX:+UseParallelGC",
		[GC_PARALLEL] = "-XX:+UseParallelGC",
		[GC_G1] = "-XX:+UseG1GC",
		[GC_ZGC] = "-XX:+UseZGC",
		[GC_SHENANDOAH] = "-XX:+UseShenandoahGC",
		[GC_SERIAL] = "-XX:+UseSerialGC",
	};

	return options[gc];
}

bool profile_has_engine(const struct profile *p)
{
	return p->backend == BACKEND_DOCKER || p->backend == BACKEND_PODMAN;
}
