/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_MODEL_FILE_H
#define LAUNCHER_PROTOCOL_MODEL_FILE_H

/*
 * The file that `tune` writes and `workload.model` names: struct model as JSON of schema
 * cleave.model/2.
 *
 *   {"schema":"cleave.model/2","made":"2026-11-21T15:04:05Z","workload":"wordcount",
 *    "machine":{"cpu":"…","packages":8,"nodes":8,"cores":120,"cpus":120,"distances":305419896},
 *    "coefficients":{"fixed":4.1,"slice":0.3,…},"confidence":{"fixed":0.8,…},"error":0.04,
 *    "runs":[{"slices":8,"cores":15,"executors":1,"slots":15,"warm":false,
 *      "data_bytes":1073741824,"predicted_s":20.1,"measured_s":19.8}]}
 */

#include "decision/cost/model.h"
#include "launcher/system/json.h"

enum { MODEL_FILE_MAX = 64 << 10 };

/* What is read is a usable model: model_check(). */
extern const struct json_table model_table;

/* Read a file; errors begin with its path. ERR_WRONG, also where there is none. */
int model_read(const char *path, struct model *out, struct err *e);

/* Replace the file whole. */
int model_write(const char *path, const struct model *m, struct err *e);

#endif
