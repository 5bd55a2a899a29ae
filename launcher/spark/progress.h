#ifndef LAUNCHER_SPARK_PROGRESS_H
#define LAUNCHER_SPARK_PROGRESS_H

/*
 * The stages of a running application on the last row of a terminal, from the driver's REST through the Master's proxy.
 * The rows above stay the application's own: it writes to the terminal by itself, and scrolls above ours.
 */

#include <poll.h>

#include "launcher/spark/rest.h"

struct progress;

/*
 * Show the application that carries spark.cleave.run=`mark` on terminal `fd` (-1, or no terminal: nothing is shown, but
 * progress_turn() works). `master` is "http://host:port" of the Master's user interface.
 */
int progress_open(const char *master, const char *mark, int fd, struct progress **out,
		  struct err *e);

/* Give the row back and free. NULL is allowed. */
void progress_close(struct progress *p);

/* One turn of a loop: wait for `fds`, at most until the next question is due. A foreground_turn. */
int progress_turn(void *progress, struct pollfd *fds, unsigned count, struct err *e);

/* One line of at most `columns` characters: "stage 3: 12 of 40 tasks, 4 running [=====     ] name". "" for no stage. */
char *progress_format(const struct stages *stages, unsigned columns, char *text, size_t size);

#endif
