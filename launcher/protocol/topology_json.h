/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_TOPOLOGY_JSON_H
#define LAUNCHER_PROTOCOL_TOPOLOGY_JSON_H

/* struct topology as JSON: all of it (schema cleave.topology/1), and the part that plans carry. */

#include "decision/machine/topology.h"

struct json_t; /* jansson's */

/* New objects, or NULL without memory. */
struct json_t *topology_json(const struct topology *t);
struct json_t *topology_json_summary(const struct topology *t);

/* The stable spelling of the oddity of one bit: the code of the warning that plans give for it. */
const char *topology_oddity_name(enum topology_oddity oddity);

#endif
