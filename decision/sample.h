#ifndef DECISION_SAMPLE_H
#define DECISION_SAMPLE_H

/* What the kernel's counters say of one group at one moment. Counters a machine lacks are 0. */

#include <stdbool.h>
#include <stdint.h>

struct sample {
	uint64_t at_ns;		   /* CLOCK_MONOTONIC when it was taken */
	uint64_t cpu_usage_us;	   /* CPU time of the group since it was made */
	uint64_t memory_bytes;	   /* charged now */
	uint64_t memory_max_bytes; /* the limit in force, 0: none */
	uint64_t anon_bytes;	   /* anonymous memory … */
	uint64_t anon_local_bytes; /* … of it on the group's own nodes */
	uint64_t oom_kills;
	uint64_t throttled; /* times the group ran into memory.high */
	unsigned processes;
};

#endif
