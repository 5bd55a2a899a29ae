/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/watch/first_error.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decision/base/foreign.h"

enum level { LEVEL_NONE, LEVEL_QUIET, LEVEL_ERROR };

/* What any JVM and any Spark may say in passing, at whichever level, and what follows their end. */
static const char *const noise[] = {
	"Picked up ",		 /* JDK_JAVA_OPTIONS, JAVA_TOOL_OPTIONS */
	"NativeCodeLoader",	 /* no libhadoop.so */
	"SLF4J",		 /* which of its bindings */
	"StatusLogger",		 /* Log4j's own setting up */
	"log4j:",		 /* likewise, of its first version */
	"llegal reflective",	 /* JDK 9 … 16 */
	"incubator modules",	 /* of Spark's own command line */
	"default log4j profile", /* where an application has none */
	"[error][cds",		 /* an archive of classes that does not fit: it goes on without */
};

/* From here on a process ends because it was told to, or has decided to. */
static const char *const endings[] = {"RECEIVED SIGNAL ", "ShutdownHookManager"};

/* How the errors begin that no logger wrote: those of the JVM (JDK 8 … 25), java(1), Python, a shell. */
static const char *const begins[] = {
	"Exception in thread ",
	"Exception: ",
	"Usage: ",
	"Error: ",
	"error: ",
	"Error occurred ",
	"Error opening ",
	"Error:",
	"FATAL ERROR ",
	"Unrecognized ",
	"Improperly specified ",
	"Invalid ",
	"Conflicting ",
	"Missing ",
	"Multiple ",
	"Initial heap size ",
	"Incompatible ",
	"Could not ",
	"Cannot ",
	"cannot ",
	"Unable to ",
	"Failed to ",
	"failed to ",
	"Too small ",
	"There is insufficient memory ",
	"A fatal error has been detected ",
	"Native memory allocation ",
	"library initialization failed",
	"Agent ",
	"Traceback (most recent call last)",
	"Caused by: ",
	"Terminating due to ",
};

static const char *const ends[] = {": No such file or directory",
				   ": Permission denied",
				   ": not found",
				   ": command not found",
				   "Killed",
				   "Segmentation fault",
				   "(core dumped)",
				   "cannot execute: required file not found"};

static bool starts_with(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool has_any(const char *text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(text, list[i]))
			return true;
	return false;
}
#define HAS_ANY(text, list) has_any((text), (list), sizeof(list) / sizeof(*(list)))

/* Behind the date and time or what else comes before it, the level that a logger writes. */
static enum level find_level(const char *line, const char **behind)
{
	static const struct {
		const char *name;
		enum level level;
	} levels[] = {
		{"ERROR", LEVEL_ERROR},	  {"FATAL", LEVEL_ERROR}, {"SEVERE", LEVEL_ERROR},
		{"error", LEVEL_ERROR},	  {"WARN", LEVEL_QUIET},  {"WARNING", LEVEL_QUIET},
		{"warning", LEVEL_QUIET}, {"INFO", LEVEL_QUIET},  {"info", LEVEL_QUIET},
		{"DEBUG", LEVEL_QUIET},	  {"TRACE", LEVEL_QUIET},
	};
	const char *at = line;

	/* "26/11/30 15:24:19 ERROR …", "ERROR: …", "[0.005s][error][gc] …" */
	for (unsigned word = 0; word < 4 && *at; word++) {
		size_t length;

		at += strspn(at, " []:");
		length = strcspn(at, " []:");
		for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
			if (length == strlen(levels[i].name) &&
			    strncmp(at, levels[i].name, length) == 0 &&
			    /* "error: …" is java's own, see `begins` */
			    (word || isupper((unsigned char)at[0]))) {
				*behind = at + length + strspn(at + length, " ]:");
				return levels[i].level;
			}
		if (at > line && at[-1] == '[') { /* a thread */
			at += strcspn(at, "]");
			continue;
		}
		/* Before it there are but numbers: a sentence with such a word in it has no level. */
		if (!isdigit((unsigned char)at[0]))
			return LEVEL_NONE;
		for (at += length; *at == ':'; at += 1 + strcspn(at + 1, " []:"))
			;
	}
	return LEVEL_NONE;
}

/* "java.net.BindException: …": a class in a package, and it is thrown. */
static bool is_exception(const char *line)
{
	size_t length = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_$.");
	static const char *const kinds[] = {"Exception", "Error"};

	if (!memchr(line, '.', length) || (line[length] && line[length] != ':'))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t kind = strlen(kinds[i]);

		if (length > kind && strncmp(line + length - kind, kinds[i], kind) == 0)
			return true;
	}
	return false;
}

/* What no logger wrote and tells of an error. */
static bool is_raw_error(const char *line)
{
	size_t length = strlen(line);

	/* "OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(…) failed; error='…'" */
	if (strstr(line, " VM warning: "))
		return strstr(line, " failed; error=") != NULL;
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
		if (starts_with(line, begins[i]))
			return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t end = strlen(ends[i]);

		if (length >= end && strcmp(line + length - end, ends[i]) == 0)
			return true;
	}
	return is_exception(line);
}

/* Spark writes uncaught ones as an error of its handler: "Thread[main,5,main]", "Thread[#1,main,5,main]". */
static bool is_end_of_main(const char *line)
{
	static const char *const fatal[] = {
		"Exception in thread \"main\"",
		"Could not create the Java Virtual Machine",
		"Error occurred during initialization of",
		"ncaught exception in thread Thread[main,",
		"ncaught exception in thread Thread[#1,main,",
		"Could not find or load main class",
		"Unable to initialize main class",
	};

	return HAS_ANY(line, fatal);
}

/* What only says that something follows which tells more. */
static bool announces(const char *line)
{
	static const char *const heads[] = {
		"Error: A JNI error has occurred",	   "Error: LinkageError occurred",
		"Traceback (most recent call last)",	   "ncaught exception in thread ",
		"A fatal error has been detected by ",	   "FATAL ERROR in native method",
		"Error occurred during initialization of",
	};

	return HAS_ANY(line, heads);
}

/* "\tat org.apache…", "\t... 12 more", and what a suppressed one has to say. */
static bool is_frame(const char *raw)
{
	return (raw[0] == '\t' || raw[0] == ' ') && !is_exception(raw + strspn(raw, " \t"));
}

static void keep(struct first_error *f, unsigned at, const char *line)
{
	char flat[FIRST_ERROR_RAW];

	snprintf(flat, sizeof(flat), "%s", line);
	for (char *tab = flat; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	foreign_escape(flat, f->lines[at], FIRST_ERROR_LINE);
}

/* Of what comes behind an error. */
static void take_more(struct first_error *f, const char *line)
{
	if (starts_with(line, "Caused by: ")) {
		if (!f->has_root && f->count < FIRST_ERROR_LINES)
			f->count++;
		f->has_root = true;
		keep(f, f->count - 1, line);
	} else if (!f->has_root && f->count < FIRST_ERROR_LINES - 1) {
		keep(f, f->count++, line);
	}
}

/* There is no error yet: of such lines the last ones are all that can be shown. */
static void take_quiet(struct first_error *f, const char *line)
{
	if (f->count == FIRST_ERROR_LINES - 1)
		memmove(f->lines[0], f->lines[1], (FIRST_ERROR_LINES - 2) * sizeof(f->lines[0]));
	else
		f->count++;
	keep(f, f->count - 1, line);
}

static void take_line(struct first_error *f)
{
	const char *line = f->raw, *behind = line;
	bool is_of_stack, is_error, is_weak;
	enum level level;

	while (f->raw_size && isspace((unsigned char)f->raw[f->raw_size - 1]))
		f->raw_size--;
	f->raw[f->raw_size] = '\0';
	f->raw_size = 0;
	f->read++;
	is_of_stack = is_frame(line);
	line += strspn(line, "# \t");
	if (!line[0] || HAS_ANY(line, noise))
		return;
	/* Of whom is told to end nothing is kept, whatever it says. */
	if (f->is_ending || HAS_ANY(line, endings)) {
		f->is_ending = f->is_over = true;
		return;
	}
	f->is_fatal |= is_end_of_main(line);
	level = find_level(line, &behind);
	is_error =
		level == LEVEL_ERROR || (level == LEVEL_NONE && !is_of_stack && is_raw_error(line));
	if (level != LEVEL_NONE)
		f->is_in_passing = level == LEVEL_QUIET;
	/* An exception below a warning is one that Spark goes on after: it counts if there is no other. */
	is_weak = level == LEVEL_NONE && f->is_in_passing &&
		  (is_exception(line) || starts_with(line, "Caused by: "));
	if (f->is_weak && is_error && !is_weak)
		f->has_error = f->is_weak = f->has_root = f->is_over = false;
	if (f->is_over)
		return;
	if (f->has_error) {
		if (level != LEVEL_NONE)
			f->is_over = true;
		else if (!is_of_stack)
			take_more(f, line);
	} else if (is_error) {
		f->has_error = true;
		f->is_weak = is_weak;
		f->count = 1;
		keep(f, 0, line);
	} else {
		take_quiet(f, line);
	}
}

void first_error_feed(struct first_error *f, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n') {
			if (!f->is_skipping)
				take_line(f);
			f->is_skipping = false;
		} else if (!f->is_skipping && f->raw_size < sizeof(f->raw) - 1) {
			f->raw[f->raw_size++] = bytes[i] ? bytes[i] : '?';
		}
	}
}

void first_error_end(struct first_error *f)
{
	if (f->raw_size && !f->is_skipping)
		take_line(f);
	f->raw_size = 0;
}

/* Return the bytes that were read, 0 at the end, or an errno. */
static ssize_t feed_from(struct first_error *f, int fd, off_t from, size_t most)
{
	char bytes[16384];
	size_t all = 0;

	while (all < most) {
		size_t size = most - all < sizeof(bytes) ? most - all : sizeof(bytes);
		ssize_t n = pread(fd, bytes, size, from + (off_t)all);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		first_error_feed(f, bytes, (size_t)n);
		all += (size_t)n;
	}
	return (ssize_t)all;
}

int first_error_read(int fd, off_t from, struct first_error *out)
{
	struct first_error f = {0};
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	from = st.st_size < from ? 0 : from;
	n = feed_from(&f, fd, from, FIRST_ERROR_HEAD_BYTES);
	if (n < 0)
		return (int)n;
	from += n;
	if (st.st_size - from > FIRST_ERROR_TAIL_BYTES) {
		from = st.st_size - FIRST_ERROR_TAIL_BYTES;
		f.raw_size = 0;
		f.is_skipping = f.has_gap = true;
	}
	n = feed_from(&f, fd, from, FIRST_ERROR_TAIL_BYTES);
	if (n < 0)
		return (int)n;
	first_error_end(&f);
	*out = f;
	return 0;
}

char *first_error_cause(const struct first_error *f, char *to, size_t size)
{
	static const char cause[] = "Caused by: ", thread[] = "Exception in thread \"";
	const char *line = f->has_error ? f->lines[0] : "", *end;

	if (f->has_error && f->has_root)
		line = f->lines[f->count - 1];
	else if (f->count > 1 && announces(line))
		line = f->lines[1];

	if (find_level(line, &end) != LEVEL_NONE)
		line = end;
	if (starts_with(line, cause))
		line += strlen(cause);
	if (starts_with(line, thread) && (end = strchr(line + strlen(thread), '"')))
		line = end + 1 + strspn(end + 1, " ");
	return foreign_escape(line, to, size);
}
