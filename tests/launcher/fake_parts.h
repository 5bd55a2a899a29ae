#ifndef TESTS_LAUNCHER_FAKE_PARTS_H
#define TESTS_LAUNCHER_FAKE_PARTS_H

/* What the fakes share: fake_spark.c (java, the Worker, the tree) and fake_master.c. */

/* The word after an option, NULL: there is none. */
const char *fake_option(char **argv, const char *option);
int fake_number(const char *text);

/* A listening socket; exit with a line in the log on failure. */
int fake_listen(const char *host, int port);

/*
 * What the environment variable asks for, or the order `what`, before anything else; its word, ""
 * for none.
 */
const char *fake_mode(const char *variable, const char *what);

_Noreturn void fake_master(char **argv);

#endif
