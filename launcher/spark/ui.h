/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_UI_H
#define LAUNCHER_SPARK_UI_H

/*
 * Who may read what Spark shows by HTTP (security.ui): pages and REST of the Master, the Workers
 * with the executors' logs, and the drivers. Where it is not `open`, all of them ask for a token of
 * the cluster's key: a JSON Web Token (RFC 7519) of HMAC-SHA256, which Spark's own JWSFilter checks,
 * an expiry too where it has one (JWSFilter.scala). The Master's proxy passes it on.
 *
 *   STATE/NAME/  ui.key     32 bytes in base64url, made once
 *                ui.header  a line for curl -H @FILE, which does not expire
 *
 * Both are the caller's, 0600; in Spark's own files of properties the key is the workers' user's.
 */

#include <stdint.h>
#include <stdio.h>

#include "launcher/spark/spark.h"

enum { UI_KEY = 44, UI_HEADER = 160 };

/*
 * Whether this Spark can close its pages, and the profile leaves that to us. ERR_IMPOSSIBLE naming
 * security.ui and what is missing, ERR_WRONG naming a key of spark.conf.
 */
int ui_check(const struct spark_cluster *c, struct err *e);

/* Make the files; a key that is there stays, whatever the profile says. */
int ui_prepare(const struct spark_cluster *c, struct err *e);

/* The key that ui_prepare() has made; "" where the pages are open. */
int ui_read_key(const struct spark_cluster *c, char key[UI_KEY], struct err *e);

/* Its part of a file of properties, of daemons and of applications alike. */
int ui_put_properties(FILE *file, const struct spark_cluster *c, struct err *e);

/* "Authorization: Bearer …", good until expires_s (of the epoch); 0: for as long as the key is. */
void ui_header(const char key[UI_KEY], int64_t expires_s, char header[UI_HEADER]);

#endif
