/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_EXPORT_H
#define LAUNCHER_SHOW_EXPORT_H

/*
 * What an export is made from, and the files that it comes to; export_formats.h makes them.
 */

#include <stdio.h>

#include "decision/plan/plan.h"

/* What is exported. Borrowed pointers, none is NULL. */
struct exported {
	const struct plan *plan; /* at least one slice */
	const struct profile *profile;
	const char *called;		    /* the profile as the user named it, "" for none */
	const char *machine;		    /* whose plan it is */
	const char *spark_home, *java_home; /* "": not known, the text says where to write it */
	const char *user;		    /* the workers', a plain word; "": not known */
	long uid, gid;			    /* of that user here; -1: not known */
	/* What an application asks for to use all slices. */
	unsigned cores_max, executor_cores, heap_mb; /* executor_cores 0: all of its worker's */
};

/* The files of one export; {0} is none, release what there is. */
enum { EXPORT_FILES = SLICES_MAX + 3, EXPORT_NAME = 128 };
struct export_file {
	char name[EXPORT_NAME]; /* relative, may have one directory */
	char *text;
	size_t size;
};
struct export_files {
	unsigned count;
	struct export_file files[EXPORT_FILES];
};
void export_files_release(struct export_files *f);
#define cleanup_export_files __attribute__((cleanup(export_files_release)))

/*
 * Begin the next file, and end it: `r` is what came of writing it. NULL, and then -ENOMEM.
 */
FILE *export_open(struct export_files *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int export_close(FILE *file, int r, struct err *e);

/*
 * For standard output: the file's text, or of several each under a line with the path where it
 * belongs.
 */
void export_print(const struct export_files *f, FILE *to);

#endif
