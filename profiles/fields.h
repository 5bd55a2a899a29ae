/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILES_FIELDS_H
#define PROFILES_FIELDS_H

/*
 * The schema of a profile as one const table: a field a key (profiles/README.md). Mappings that
 * only group keys ("partition", "memory.scratch") are not in it: they are the paths' prefixes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
	FIELD_NUMBER,  /* int; its word stands for word_value */
	FIELD_FLAG,    /* bool */
	FIELD_WORD,    /* an enum whose values count through `words` */
	FIELD_SIZE,    /* struct size; its words are `auto` and `none` */
	FIELD_RATE,    /* uint64_t: bytes, written like a size */
	FIELD_COUNT,   /* uint64_t */
	FIELD_TIME,    /* uint64_t: milliseconds */
	FIELD_TEXT,    /* char[size]; its word stands for "" */
	FIELD_CPUS,    /* struct cpuset; its word sets the bool beside it */
	FIELD_ADDRESS, /* uint32_t: IPv4 in host order; its word stands for 0 */
	FIELD_STRINGS, /* struct strings: a sequence */
	FIELD_PAIRS,   /* struct strings: a mapping of texts */
	FIELD_ITEMS,   /* an array of mappings, counted by the unsigned beside it */
};

struct fields;

struct field {
	const char *path; /* from the top, or from the item of a list: "partition.reserve.cores" */
	enum field_kind kind;
	bool percent;		  /* FIELD_SIZE: up to 100% is allowed, too; 0% if `min` is 0 */
	bool required;		  /* of an item */
	int word_value;		  /* FIELD_NUMBER */
	const char *const *words; /* ends with NULL; NULL: none */
	uint64_t min, max;	  /* of numbers, bytes, milliseconds, addresses */
	size_t offset;		  /* in struct profile, or in the item */
	size_t size;		  /* of the member, bytes */
	size_t beside;		  /* offset of the bool or the count that belongs to it */
	const char *allowed;	  /* of texts: what may stand there, for messages */
	bool (*is_valid)(const char *text);	 /* FIELD_TEXT; NULL: any text */
	const char *(*refuse)(const char *text); /* a string, a pair's key: why not, or NULL */
	const struct fields *items;		 /* FIELD_ITEMS */
	unsigned not_yet; /* bit n: value n (see value_number()) is not in force in this release */
	const char *help; /* one line for the written profile */
};

enum { FIELDS_MAX = 80, FIELD_PATH_MAX = 64, FIELD_NAME_MAX = 32, FIELD_ALLOWED_MAX = 256 };

struct fields {
	const struct field *list;
	unsigned count;
	unsigned max;  /* of a list: its longest */
	size_t stride; /* of a list: bytes an item; its first field names it and is unique */
};

/* All keys of a profile. */
extern const struct fields profile_fields;

/*
 * The field with this path, or the first one below it if it is a mapping; NULL where there is
 * neither.
 */
const struct field *fields_find(const struct fields *set, const char *path);

struct field_names {
	unsigned count;
	const char *list[FIELDS_MAX + 1]; /* ends with NULL */
	char text[FIELDS_MAX + 1][FIELD_NAME_MAX];
};

/* The names one level below `prefix` ("" or "partition."), in the table's order. */
void fields_below(const struct fields *set, const char *prefix, struct field_names *out);

/*
 * The path that the user may have meant by the unknown `name` below `prefix`: the nearest of the
 * `names` there, else the same name elsewhere in the table; NULL where there is none.
 */
const char *fields_nearest(const struct fields *set, const struct field_names *names,
			   const char *prefix, const char *name, char path[FIELD_PATH_MAX]);

#endif
