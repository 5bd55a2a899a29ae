/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILES_CHECK_H
#define PROFILES_CHECK_H

/*
 * What the texts of a profile may be, and which keys exclude one another. Whether a thing
 * exists is not asked here.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/plan/profile.h"

#define TEXT_NAME_ALLOWED "1 to 31 of a-z, 0-9 and '-', no '-' first"
#define TEXT_PATH_ALLOWED "a path from the root like /opt/x"

/*
 * Take decimal digits off *at. False if there are none, if they begin with a needless 0 (octal to
 * YAML 1.1, decimal to YAML 1.2), or on overflow.
 */
bool text_take_number(const char **at, uint64_t *out);

/* A dotted IPv4 address, in host order. */
bool text_read_ipv4(const char *text, uint64_t *out);

/* One line of at least one character: no control characters. */
bool text_is_line(const char *text);

/* A line that begins with '/': the supervisor runs in another directory than the caller. */
bool text_is_path(const char *text);

/*
 * A dotted IPv4 address (not 0.0.0.0), or a host name as Spark accepts it: RFC 1123, section 2.1,
 * no '_'.
 */
bool text_is_host(const char *text);

/* HOST:PORT; here 0.0.0.0 is all addresses. */
bool text_is_host_port(const char *text);
bool text_is_spark_url(const char *text);

/* major:minor, 12 and 20 bits (the kernel's include/linux/kdev_t.h). */
bool text_is_device(const char *text);

/*
 * A name that useradd accepts, or has been seen to: letters, digits, '_', '.', '-', '$' last;
 * no '-' first.
 */
bool text_is_user(const char *text);

/* Visible ASCII characters, a letter or digit first. */
bool text_is_image(const char *text);

/*
 * Why a JVM option, a mount, a Spark property, a variable cannot stand in the profile, as the end
 * of a sentence; NULL: it can.
 */
const char *jvm_option_refuse(const char *option);
const char *mount_refuse(const char *mount);
const char *spark_property_refuse(const char *key);
const char *environment_name_refuse(const char *name);

/*
 * Keys of which each is right and both together are not: of the first such pair, why, as the end of
 * a sentence, and in *path the key that was written and is to be changed. NULL: there is none.
 */
const char *conflict_find(const struct profile *p, const char **path);

#endif
