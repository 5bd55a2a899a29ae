/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_BENCH_JSON_H
#define LAUNCHER_PROTOCOL_BENCH_JSON_H

/*
 * A comparison as JSON of schema cleave.bench/1. What was not measured is null. What follows from
 * the runs is written for scripts, as "figures" of each case and as "result", and not read.
 *
 *   {"schema":"cleave.bench/1","name":"cleave","workload":"wordcount","application":"count.py …",
 *    "machine":"…","spark":"4.1.0","java":17,"made":"2026-11-21T15:04:05Z",
 *    "data_bytes":1073741824,"repetitions":3,"interrupted":false,"notes":[],
 *    "result":{"verdict":"paid","sentence":"…","plain":0,"best":1,"ratio":1.5,"least":1.4,
 *      "most":1.6},
 *    "cases":[{"side":"plain","gc":"parallel","cores":16,"slices":1,"sweep":false,"skipped":null,
 *      "times_plain":1.0,"figures":{"seconds":{"count":3,"median":61.2,"min":60,"max":62},…}}],
 *    "runs":[{"case":0,"repetition":0,"failed":null,"seconds":61.2,"start_seconds":3.1,
 *      "cpu_idle":0.2,"gc_seconds":12.5,"local_share":0.51,"peak_bytes":1,"written_bytes":null}]}
 */

#include "decision/plan/bench.h"
#include "launcher/system/json.h"

/* What is read is in its range and place: bench_check(). */
extern const struct json_table bench_table;

/* As text, which is the caller's to free(). */
int bench_format(const struct bench *b, char **text, struct err *e);

/* Replace the file whole. */
int bench_write(const char *path, const struct bench *b, struct err *e);

/* Read a file; errors begin with its path. ERR_WRONG, also where there is none. */
int bench_read(const char *path, struct bench *out, struct err *e);

#endif
