/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAUNCHER_FAKE_PARTS_H
#define TESTS_LAUNCHER_FAKE_PARTS_H

/* What the fakes share, fake_spark.c and fake_master.c, and servers of tests. */

/* The word after an option, NULL: there is none. */
const char *fake_option(char **argv, const char *option);
int fake_number(const char *text);

/* A listening socket; exit with a line in the log on failure. */
int fake_listen(const char *host, int port);
/* The port that it got, where it was opened with 0. */
int fake_port(int listener);

/*
 * What the environment variable asks for, or the order `what`, before anything else; its word, ""
 * for none.
 */
const char *fake_mode(const char *variable, const char *what);

_Noreturn void fake_master(char **argv);

#endif
