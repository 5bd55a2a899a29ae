/* SPDX-License-Identifier: Apache-2.0 */
/* The program: the list of commands, and what is the same for all of them. */

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "decision/base/foreign.h"
#include "launcher/commands/options.h"

extern const struct command cmd_topology, cmd_plan, cmd_up, cmd_run, cmd_status, cmd_exec, cmd_logs,
	cmd_env, cmd_down, cmd_rebalance, cmd_tune, cmd_bench, cmd_export, cmd_doctor, cmd_verify,
	cmd_help;

/* In the order of the help. */
static const struct command *const commands[] = {
	&cmd_topology, &cmd_plan,   &cmd_up,	 &cmd_run,  &cmd_status, &cmd_rebalance,
	&cmd_exec,     &cmd_logs,   &cmd_env,	 &cmd_down, &cmd_tune,	 &cmd_bench,
	&cmd_export,   &cmd_doctor, &cmd_verify, &cmd_help, NULL, /* the end */
};

static void on_signal(int signal_number)
{
	(void)signal_number;
}

/*
 * A write to a closed pipe, or beyond the limit of a file's size, is an error like another (EPIPE,
 * EFBIG). A handler rather than SIG_IGN, which programs that we execute would inherit.
 */
static void catch_writes(void)
{
	static const int signals[] = {SIGPIPE, SIGXFSZ};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction action;

		if (sigaction(signals[i], NULL, &action) || action.sa_handler != SIG_DFL)
			continue;
		action = (struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART};
		sigaction(signals[i], &action, NULL);
	}
}

/*
 * A caller may have closed descriptor 0, 1 or 2; then the next file that we open would get its
 * number and be written to by mistake. Fill the gap with something whose use in that direction
 * fails.
 */
static int fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return -errno;
	return 0;
}

/* A full disk or a closed pipe shows only when the last buffer is written. */
static int flush_stdout(struct err *e)
{
	int failed = ferror(stdout);

	errno = 0;
	if (fflush(stdout) != 0 || failed)
		return err_errno(e, errno ? -errno : -EIO, "cannot write standard output");
	return 0;
}

/* Run the command that was asked for. Return its exit status, or a negative errno. */
static int dispatch(const struct command_line *line, struct err *e)
{
	const struct command *c = line->command;

	if (line->version)
		puts("cleave " CLEAVE_VERSION);
	else if (!line->invocation.options.help)
		return c->run(&line->invocation, e);
	else
		help_print(commands, c, stdout);
	return 0;
}

/* Show an error. Return the exit status. */
static int fail(const struct command *c, const struct err *e)
{
	fprintf(stderr, "cleave: %s\n", FOREIGN(e->msg));
	return command_exit_status(c, e);
}

int main(int argc, char **argv)
{
	struct command_line line = {0};
	struct err e = {.exit = ERR_FAILED};
	const struct command *c;
	int status;

	if (fill_standard_descriptors() < 0)
		return ERR_FAILED;
	catch_writes();
	setlocale(LC_CTYPE, "");
	if (command_line_parse(commands, argc, argv, &line, &e) < 0) {
		c = line.command;
		status = fail(c, &e);
		fprintf(stderr, "Try 'cleave %s%s--help'.\n", c ? c->name : "", c ? " " : "");
		return status;
	}
	status = dispatch(&line, &e);
	if (status < 0)
		status = fail(line.command, &e);
	if (flush_stdout(&e) < 0) {
		fail(line.command, &e);
		return status ? status : ERR_FAILED;
	}
	return status;
}
