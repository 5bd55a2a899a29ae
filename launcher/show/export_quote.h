/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_EXPORT_QUOTE_H
#define LAUNCHER_SHOW_EXPORT_QUOTE_H

/*
 * Text of others in the words of other programs: whatever its characters, what comes out is one
 * word or scalar, on one line. What a reader would not see (decision/base/foreign.h) is written as
 * an escape everywhere, so that no line says less than it shows.
 */

#include <stdio.h>

/* For bash, bare where nothing is special. Controls and invisible characters become \xHH in $'…'. */
void export_put_shell(const char *text, FILE *to);

/*
 * A double-quoted YAML scalar. Where the reader replaces $NAME or $(NAME), as Compose does
 * everywhere and Kubernetes in commands and variables, a '$' is doubled.
 */
enum yaml_place { YAML_PLAIN, YAML_EXPANDED };
void export_put_yaml(const char *text, enum yaml_place place, FILE *to);

/* The same of a file below a directory, YAML_EXPANDED. */
void export_put_yaml_path(const char *directory, const char *file, FILE *to);

/*
 * In systemd's double quotes (systemd.syntax(7), systemd.service(5)): specifiers (%) are doubled;
 * of a command's arguments dollars too.
 */
enum systemd_place { SYSTEMD_SETTING, SYSTEMD_ARGUMENT };
void export_put_systemd(const char *text, enum systemd_place place, FILE *to);

#endif
