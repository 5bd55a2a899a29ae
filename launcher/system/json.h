/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_JSON_H
#define LAUNCHER_SYSTEM_JSON_H

/*
 * A struct and its JSON by one const table of fields, walked in both directions: what is written
 * and what is read cannot know different keys. Reading is for foreign bytes: types, ranges and
 * lengths are checked, what is wrong is named by the path of its key (ERR_WRONG), keys that are not
 * in the table are passed by, and nothing is written on failure. Writing fails as a whole if one of
 * its parts cannot be written.
 *
 * JSON is UTF-8, texts (file names, lines of logs) need not be. Where one is not, each of its bytes
 * above 127 is written as a character of U+F780 … U+F7FF and read as that byte again, so no text
 * makes a file or an answer fail.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decision/base/cpuset.h"
#include "decision/base/strings.h"
#include "launcher/system/json_bound.h"

/* Of a text: the largest plan has about 1 MB, some 20,000 values and a depth of 8. */
enum { JSON_MAX_BYTES = 4 << 20, JSON_MAX_VALUES = 1 << 18, JSON_MAX_DEPTH = 32 };

struct json_t; /* jansson's */
struct json_field;

/* Where a walk is: the document that is written or read, and the walk's error. */
struct json_walk {
	const struct json_table *table;
	const void *document;
	struct err *e;
};

enum json_kind {
	JSON_AS_COUNT,	 /* unsigned, int or uint64_t of 0 … max */
	JSON_AS_NUMBER,	 /* double, finite */
	JSON_AS_FLAG,	 /* bool */
	JSON_AS_TEXT,	 /* char[size] */
	JSON_AS_WORD,	 /* an enum below max, by its name */
	JSON_AS_PLACE,	 /* unsigned below max, of an item: by its name where the table has names */
	JSON_AS_CPUSET,	 /* struct cpuset: a cpulist */
	JSON_AS_ADDRESS, /* uint32_t: IPv4 in host order */
	JSON_AS_STRINGS, /* struct strings: a list */
	JSON_AS_ANY,	 /* struct json_t *: an object as it is, borrowed from what is read */
	JSON_AS_PART,	 /* an object of `fields`, or a document of `table` */
	JSON_AS_SAME,	 /* `fields` in the same object */
	JSON_AS_LIST,	 /* max objects of `fields`, or texts, of `size` bytes, with a count */
	JSON_AS_OTHER,	 /* by the functions of `type` */
};

/*
 * Both get the struct that the field is in, and the object that its key is in. NULL: not written;
 * not read.
 */
struct json_type {
	int (*write)(const struct json_field *f, const void *value, const struct json_walk *w,
		     struct json_t *object); /* with json_put() */
	int (*read)(const struct json_field *f, void *value, const struct json_walk *w,
		    struct json_t *object); /* errors name the key */
};

struct json_field {
	const char *key;
	enum json_kind kind;
	size_t offset, size;
	uint64_t max; /* of counts 0: what the member holds; of lists and words: how many */
	const char *(*word)(unsigned);	 /* the name of a value */
	const struct json_field *fields; /* end with JSON_END */
	const struct json_table *table;
	const struct json_type *type;
	bool (*is_valid)(const char *text); /* whether it is a `valid`; NULL: any text is */
	const char *valid;
	int (*check)(const void *value, struct err *e); /* of a part: what no field can say alone */
	size_t beside;	  /* offset of a list's count, of an optional key's bool */
	bool is_optional; /* the bool beside it says whether the key is there */
	bool is_new;	  /* texts of older versions may lack the key: nothing is read */
	bool is_counted;  /* a list of as many items as its count says already */
	bool is_only;	  /* the key is there if the enum at `only` has the value `only_for` */
	size_t only;
	unsigned only_for;
	bool (*when)(const void *value, const void *document); /* whether the key is there */
	/* A list: a second array with as many structs, whose fields follow in the same objects. */
	const struct json_field *more;
	size_t more_offset, more_size;
};

/* A document. */
struct json_table {
	const char *schema; /* written first, as the key "schema"; NULL: there is none */
	const struct json_field *fields;
	size_t size;					/* of the struct */
	size_t style;					/* jansson's flags for its text */
	int (*check)(const void *value, struct err *e); /* what no field can say alone */
	/* Where items go by name: that of a place, NULL behind the last; and what has it. */
	const char *(*name)(const void *document, unsigned place);
	const char *named;
};

#define JSON_KIND_OF(member) \
	_Generic((member),                       \
		unsigned: JSON_AS_COUNT,         \
		int: JSON_AS_COUNT,              \
		uint64_t: JSON_AS_COUNT,         \
		double: JSON_AS_NUMBER,          \
		bool: JSON_AS_FLAG,              \
		char *: JSON_AS_TEXT,            \
		struct cpuset: JSON_AS_CPUSET,   \
		struct strings: JSON_AS_STRINGS, \
		struct json_t *: JSON_AS_ANY)

/* The middle of a field: {"key", JSON_AT(struct slice, cores), .max = 4096}. */
#define JSON_BY(kind_, T, member) \
	.kind = (kind_), .offset = offsetof(T, member), .size = sizeof(((T *)NULL)->member)
#define JSON_AT(T, member) JSON_BY(JSON_KIND_OF(((T *)NULL)->member), T, member)
#define JSON_WORD(T, member, name_, count) \
	JSON_BY(JSON_AS_WORD, T, member), .word = (name_), .max = (count)
#define JSON_PART(T, member, fields_) JSON_BY(JSON_AS_PART, T, member), .fields = (fields_)
/* An object of members of the same struct. */
#define JSON_GROUP(fields_)	      .kind = JSON_AS_PART, .fields = (fields_)
#define JSON_SAME(T, member, fields_) JSON_BY(JSON_AS_SAME, T, member), .fields = (fields_)
#define JSON_OTHER(type_)	      .kind = JSON_AS_OTHER, .type = (type_)
#define JSON_ITEMS(T, member, count)                                                       \
	.kind = JSON_AS_LIST, .offset = offsetof(T, member), .beside = offsetof(T, count), \
	.size = sizeof(((T *)NULL)->member[0]),                                            \
	.max = sizeof(((T *)NULL)->member) / sizeof(((T *)NULL)->member[0])
#define JSON_LIST(T, member, count, fields_) JSON_ITEMS(T, member, count), .fields = (fields_)
#define JSON_MORE(T, member, fields_)                          \
	.more = (fields_), .more_offset = offsetof(T, member), \
	.more_size = sizeof(((T *)NULL)->member[0])
#define JSON_ONLY(T, member, value) \
	.is_only = true, .only = offsetof(T, member), .only_for = (value)
#define JSON_END            \
	{                   \
		.key = NULL \
	}

/* A new object of the value; NULL: -ENOMEM, or -EINVAL with the key of what cannot be written. */
struct json_t *json_table_build(const struct json_table *t, const void *value, struct err *e);
int json_table_read(const struct json_table *t, struct json_t *json, void *out, struct err *e);

/* The same as text, which is the caller's to free(). */
int json_table_format(const struct json_table *t, const void *value, char **text, struct err *e);
int json_table_parse(const struct json_table *t, const char *text, size_t size, void *out,
		     struct err *e);

/*
 * Parse a whole text that keeps to the limits, duplicate keys refused; NULL and an error without
 * it. A new reference: hold it in a json_auto_t.
 */
struct json_t *json_read_within(const struct json_limits *most, const char *text, size_t size,
				struct err *e);

/* The same within the limits above. */
struct json_t *json_read(const char *text, size_t size, struct err *e);

/* A new string of any bytes; NULL without memory. */
struct json_t *json_text(const char *text);

/* Set a key to a new reference, which is given up; -ENOMEM without it. */
int json_put(struct json_t *object, const char *key, struct json_t *json, struct err *e);

/* One text member, into `to` of `size` bytes. */
int json_read_text(struct json_t *object, const char *key, char *to, size_t size, struct err *e);

/*
 * The output of --json: print a value and a newline on stdout; `flags` are jansson's. The reference
 * is taken. -ENOMEM for NULL: it could not be made.
 */
int json_print(struct json_t *taken, size_t flags, struct err *e);

#endif
