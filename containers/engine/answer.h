/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_ENGINE_ANSWER_H
#define CONTAINERS_ENGINE_ANSWER_H

/*
 * What an engine answers, from its bytes to our values; nothing is asked here. The bytes are
 * foreign: what is not there or has another type than Docker's reference says is nothing ("", 0,
 * false), or where we cannot do without it -EBADMSG and nothing is written. Keys that we do not
 * know are passed by. Texts are kept as they are: escape them where they are shown.
 */

#include <stddef.h>

#include "containers/engine/engine.h"

enum { ANSWER_VALUES = 1 << 18 }; /* of one answer; a few hundred bytes of memory each */

/* GET /version: name, version and api; `least` is the oldest version that it speaks. */
int version_parse(const char *text, size_t size, struct engine_about *out, char least[16],
		  struct err *e);

/* GET /info: the rest of it, which stays as it was else. */
int info_parse(const char *text, size_t size, struct engine_about *out, struct err *e);

/* GET /images/NAME/json */
int image_parse(const char *text, size_t size, struct image *out, struct err *e);

/* GET /containers/ID/json */
int container_parse(const char *text, size_t size, struct container_state *out, struct err *e);

/* GET /containers/json: the ids, at most `count` of them; return how many there are. */
int container_list_parse(const char *text, size_t size, char (*ids)[CONTAINER_ID], size_t count,
			 struct err *e);

/* The id of what was made. */
int created_parse(const char *text, size_t size, char id[CONTAINER_ID], struct err *e);

/* POST /containers/ID/wait */
int waited_parse(const char *text, size_t size, int *exit_code, struct err *e);

/* GET /exec/ID/json */
int exec_parse(const char *text, size_t size, struct exec_state *out, struct err *e);

/* The header X-Docker-Container-Path-Stat of HEAD /containers/ID/archive. */
int path_stat_parse(const char *header, struct container_path *out, struct err *e);

/*
 * A line of POST /images/create: what it says to people, escaped, in `shown`; -EIO and the engine's
 * words where it is the end of the attempt.
 */
int pull_line_parse(const char *text, size_t size, char *shown, size_t shown_size, struct err *e);

/* The engine's own words of a failure, one line and cut; "": it has none. */
void answer_message(const char *text, size_t size, char *to, size_t to_size);

#endif
