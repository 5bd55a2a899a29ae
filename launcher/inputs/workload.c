/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/workload.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "launcher/spark/spark.h"

enum {
	CODE_BYTES = 1 << 20,
	HEAD_BYTES = 1 << 20, /* of a log: its first jobs */
	TAIL_BYTES = 1 << 18, /* and its last */
	ENTRIES_MOST = 10000, /* of a directory; what comes later is not looked at */
	LOGS_TRIED = 16,      /* the newest */
	LOGS_READ = 5,	      /* of them, those that tell something */
	SHOWN = 80,
};

/* Names of files are anybody's: what a terminal would obey is written as \xNN, what is long cut. */
static const char *printable(const char *text, char *to, size_t size)
{
	size_t at = 0;

	for (; *text && at + 8 < size; text++) {
		unsigned char c = (unsigned char)*text;
		bool is_c1 = c == 0xc2 && ((unsigned char)text[1] & 0xe0) == 0x80;

		/* Not within a UTF-8 character. */
		if ((c & 0xc0) != 0x80 && at + 12 > size)
			break;
		if (c >= ' ' && c != 0x7f && !is_c1)
			to[at++] = (char)c;
		else
			at += (size_t)snprintf(to + at, size - at, "\\x%02x",
					       is_c1 ? (unsigned char)*++text : c);
	}
	snprintf(to + at, size - at, "%s", *text ? "…" : "");
	return to;
}
#define PRINTABLE(text) printable((text), (char[SHOWN]){0}, SHOWN)

/* The bytes of a regular file from `at`, at most `size`; 0 where there are none. */
static size_t read_part(int fd, off_t at, char *to, size_t size)
{
	size_t got = 0;
	ssize_t n;

	while (got < size && (n = pread(fd, to + got, size - got, at + (off_t)got)) > 0)
		got += (size_t)n;
	return got;
}

/* ---- the application */

/*
 * Words of the interfaces, and how much each tells. SparkSession and SparkContext tell little: a
 * program of either kind begins with one, and has the other in its hands.
 */
static const struct {
	const char *text;
	enum workload_type type;
	unsigned weight;
} code_words[] = {
	{"StreamingContext", WORKLOAD_STREAMING, 30},
	{"readStream", WORKLOAD_STREAMING, 30},
	{"writeStream", WORKLOAD_STREAMING, 30},
	{"pyspark.streaming", WORKLOAD_STREAMING, 20},
	{"read.stream", WORKLOAD_STREAMING, 30}, /* R */
	{"NaiveBayes", WORKLOAD_NAIVE_BAYES, 25},
	{"spark.naiveBayes", WORKLOAD_NAIVE_BAYES, 25}, /* R */
	{"KMeans", WORKLOAD_KMEANS, 20},
	{"spark.kmeans", WORKLOAD_KMEANS, 20}, /* R */
	{"pyspark.ml", WORKLOAD_KMEANS, 10},
	{"pyspark.mllib", WORKLOAD_KMEANS, 10},
	{".sql(", WORKLOAD_SQL, 4},
	{"pyspark.sql.functions", WORKLOAD_SQL, 4},
	{"pyspark.pandas", WORKLOAD_SQL, 4},
	{"SparkR", WORKLOAD_SQL, 4}, /* which has nothing else */
	{"HiveContext", WORKLOAD_SQL, 3},
	{"SQLContext", WORKLOAD_SQL, 3},
	{".select(", WORKLOAD_SQL, 3},
	{".selectExpr(", WORKLOAD_SQL, 3},
	{".withColumn(", WORKLOAD_SQL, 3},
	{".agg(", WORKLOAD_SQL, 3},
	{"createOrReplaceTempView", WORKLOAD_SQL, 3},
	{"pandas_udf", WORKLOAD_SQL, 3},
	{"spark.table(", WORKLOAD_SQL, 3},
	{"createDataFrame", WORKLOAD_SQL, 2},
	{".read.", WORKLOAD_SQL, 2},
	{".write.", WORKLOAD_SQL, 2},
	{".orderBy(", WORKLOAD_SQL, 2},
	{".groupBy(", WORKLOAD_SQL, 1},
	{".where(", WORKLOAD_SQL, 1},
	{"SparkSession", WORKLOAD_SQL, 1},
	{"pyspark.sql", WORKLOAD_SQL, 1},
	{"reduceByKey", WORKLOAD_WORDCOUNT, 4},
	{"groupByKey", WORKLOAD_WORDCOUNT, 4},
	{"sortByKey", WORKLOAD_WORDCOUNT, 4},
	{"aggregateByKey", WORKLOAD_WORDCOUNT, 4},
	{"combineByKey", WORKLOAD_WORDCOUNT, 4},
	{"textFile", WORKLOAD_WORDCOUNT, 3},
	{"wholeTextFiles", WORKLOAD_WORDCOUNT, 3},
	{"saveAsTextFile", WORKLOAD_WORDCOUNT, 3},
	{"newAPIHadoopFile", WORKLOAD_WORDCOUNT, 3},
	{"flatMap", WORKLOAD_WORDCOUNT, 3},
	{"mapValues", WORKLOAD_WORDCOUNT, 3},
	{"mapPartitions", WORKLOAD_WORDCOUNT, 2},
	{"parallelize", WORKLOAD_WORDCOUNT, 2},
	{".rdd", WORKLOAD_WORDCOUNT, 2},
	{"SparkContext", WORKLOAD_WORDCOUNT, 2},
	{".map(", WORKLOAD_WORDCOUNT, 1},
};

/*
 * Comments and quoted text become blanks, as Python writes them; what R has of both is alike. A
 * quote that is not closed ends with its line.
 */
static void blank_texts(char *text, size_t size)
{
	size_t i = 0;

	while (i < size) {
		char quote = text[i];
		size_t marks;

		if (quote == '#')
			while (i < size && text[i] != '\n')
				text[i++] = ' ';
		if (i == size || (quote != '"' && quote != '\'')) {
			i++;
			continue;
		}
		marks = size - i >= 3 && text[i + 1] == quote && text[i + 2] == quote ? 3 : 1;
		for (i += marks; i < size && (marks == 3 || text[i] != '\n'); text[i++] = ' ') {
			if (size - i >= marks && text[i] == quote &&
			    (marks == 1 || (text[i + 1] == quote && text[i + 2] == quote))) {
				i += marks;
				break;
			}
			if (text[i] == '\\' && i + 1 < size)
				text[i++] = ' ';
		}
	}
}

static bool is_of_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether it is there, and no part of a longer name. */
static bool has_word(const char *text, size_t size, const char *word)
{
	size_t length = strlen(word);
	const char *end = text + size, *at = text;

	for (; (at = memmem(at, (size_t)(end - at), word, length)); at++)
		if ((at == text || !is_of_name(word[0]) || !is_of_name(at[-1])) &&
		    (at + length == end || !is_of_name(word[length - 1]) ||
		     !is_of_name(at[length])))
			return true;
	return false;
}

enum workload_type workload_of_code(char *text, size_t size, const char **word)
{
	struct {
		unsigned sum, most;
		const char *word; /* of the most weight */
	} found[WORKLOAD_STREAMING + 1] = {0};
	enum workload_type type = WORKLOAD_AUTO;

	blank_texts(text, size);
	for (size_t i = 0; i < sizeof(code_words) / sizeof(*code_words); i++) {
		unsigned weight = code_words[i].weight;

		if (!has_word(text, size, code_words[i].text))
			continue;
		found[code_words[i].type].sum += weight;
		if (weight <= found[code_words[i].type].most)
			continue;
		found[code_words[i].type].most = weight;
		found[code_words[i].type].word = code_words[i].text;
	}
	/* In the table's order, so a tie goes to what is first there. */
	for (size_t i = 0; i < sizeof(code_words) / sizeof(*code_words); i++)
		if (found[code_words[i].type].sum > found[type].sum)
			type = code_words[i].type;
	if (type != WORKLOAD_AUTO)
		*word = found[type].word;
	return type;
}

static void look_at_program(const char *path, struct facts *f)
{
	/*
	 * A program is its user's own, links and all; that a pipe has no writer must not hold us.
	 */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	cleanup_free char *text = malloc(CODE_BYTES);
	const char *slash = strrchr(path, '/'), *word;
	size_t length;
	enum workload_type type;
	struct stat st;

	if (fd < 0 || !text || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	type = workload_of_code(text, read_part(fd, 0, text, CODE_BYTES), &word);
	if (type == WORKLOAD_AUTO)
		return;
	f->workload = type;
	word += word[0] == '.';
	length = strlen(word);
	length -= strchr(".(", word[length - 1]) != NULL;
	snprintf(f->workload_from, sizeof(f->workload_from), "%s uses %.*s%s",
		 PRINTABLE(slash ? slash + 1 : path), (int)length, word,
		 word[length] == '(' ? "()" : "");
}

/* The first of these that is in the name tells. */
static void look_at_class(const char *name, struct facts *f)
{
	static const struct {
		const char *text;
		enum workload_type type;
	} words[] = {
		{".streaming.", WORKLOAD_STREAMING},
		{"Streaming", WORKLOAD_STREAMING},
		{"NaiveBayes", WORKLOAD_NAIVE_BAYES},
		{"KMeans", WORKLOAD_KMEANS},
		{"Kmeans", WORKLOAD_KMEANS},
		{".ml.", WORKLOAD_KMEANS},
		{".mllib.", WORKLOAD_KMEANS},
		{"WordCount", WORKLOAD_WORDCOUNT},
		{"Wordcount", WORKLOAD_WORDCOUNT},
		{"Grep", WORKLOAD_GREP},
		{".sql.", WORKLOAD_SQL},
		{"SQL", WORKLOAD_SQL},
		{"Sql", WORKLOAD_SQL},
		{"TPCDS", WORKLOAD_SQL},
		{"TPCH", WORKLOAD_SQL},
		{"SparkPi", WORKLOAD_WORDCOUNT},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strstr(name, words[i].text))
			continue;
		f->workload = words[i].type;
		snprintf(f->workload_from, sizeof(f->workload_from), "the class is %s",
			 PRINTABLE(name));
		return;
	}
}

void workload_of_application(char *const *words, struct facts *f)
{
	static const char option[] = "--class";
	size_t at = spark_application_word(words), length = sizeof(option) - 1;
	const char *path = words[at] ? spark_local_path(words[at]) : NULL;
	const char *dot = path ? strrchr(path, '.') : NULL;
	const char *class = NULL;

	if (dot && (!strcmp(dot, ".py") || !strcmp(dot, ".R") || !strcmp(dot, ".r"))) {
		look_at_program(path, f);
		return;
	}
	for (size_t i = 0; i < at; i++) {
		if (!strcmp(words[i], option) && i + 1 < at)
			class = words[i + 1];
		else if (!strncmp(words[i], option, length) && words[i][length] == '=')
			class = words[i] + length + 1;
	}
	if (class)
		look_at_class(class, f);
}

/* ---- event logs */

static bool begins(const char *text, size_t size, const char *with)
{
	return size >= strlen(with) && !memcmp(text, with, strlen(with));
}

/*
 * Lines of JSON, of which each begins with its event's name (JsonProtocol.scala). What is looked
 * for are names of events, keys, and places in Spark's own sources: in a text of JSON, where quotes
 * are escaped, none of them can be part of a user's words. So no line needs to be whole, and the
 * longest (plans of many MB) need not be parsed.
 */
unsigned workload_of_events(const char *text, size_t size)
{
	static const char head[] = "{\"Event\":\"";
	static const char sql[] =
		"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart\"";
	static const char query[] = "org.apache.spark.sql.streaming.StreamingQueryListener$";
	static const char stage[] = "SparkListenerStageSubmitted\"";
	static const struct {
		const char *text;
		enum workload_type type;
	} marks[] = {
		{"\"sql.streaming.queryId\":", WORKLOAD_STREAMING},
		{"\"spark.streaming.internal.batchTime\":", WORKLOAD_STREAMING},
		{"\"spark.sql.execution.id\":", WORKLOAD_SQL},
		{" at NaiveBayes.scala:", WORKLOAD_NAIVE_BAYES},
		{" at KMeans.scala:", WORKLOAD_KMEANS},
	};
	const char *end = text + size, *next;
	unsigned seen = 0;

	for (; text < end; text = next) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		next = newline ? newline + 1 : end;
		size = (size_t)(next - text);
		if (!begins(text, size, head))
			continue;
		text += sizeof(head) - 1;
		size -= sizeof(head) - 1;
		if (begins(text, size, query))
			seen |= 1u << WORKLOAD_STREAMING;
		if (begins(text, size, sql))
			seen |= 1u << WORKLOAD_SQL;
		else if (begins(text, size, stage))
			seen |= 1u << WORKLOAD_WORDCOUNT;
		else
			continue;
		for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
			if (memmem(text, size, marks[i].text, strlen(marks[i].text)))
				seen |= 1u << marks[i].type;
	}
	return seen;
}

/* An application of several kinds is of the first of these; every one has stages. */
static enum workload_type kind_of_events(unsigned seen)
{
	static const enum workload_type order[] = {WORKLOAD_STREAMING, WORKLOAD_NAIVE_BAYES,
						   WORKLOAD_KMEANS, WORKLOAD_SQL,
						   WORKLOAD_WORDCOUNT};

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (seen >> order[i] & 1)
			return order[i];
	return WORKLOAD_AUTO;
}

/* By what Spark appends to their names: none of the libraries that we have can read them. */
static bool is_compressed(const char *name)
{
	static const char *const codecs[] = {".zstd", ".lz4", ".lzf", ".snappy"};

	for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++)
		if (strstr(name, codecs[i]))
			return true;
	return false;
}

static const char rolling[] = "eventlog_v2_", part[] = "events_";

/* The first of a rolling log's files, events_N_APP: "" where there is none. */
static void find_first_part(DIR *directory, char name[NAME_MAX + 1])
{
	unsigned long first = ULONG_MAX;
	struct dirent *entry;

	name[0] = '\0';
	for (unsigned n = 0; n < ENTRIES_MOST && (entry = readdir(directory)); n++) {
		const char *number = entry->d_name + sizeof(part) - 1;

		if (strncmp(entry->d_name, part, sizeof(part) - 1) != 0 ||
		    !isdigit((unsigned char)*number) || strtoul(number, NULL, 10) >= first)
			continue;
		first = strtoul(number, NULL, 10);
		snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
	}
}

struct log {
	char name[NAME_MAX + 1];
	bool is_rolling; /* a directory */
	struct timespec time;
};

static enum workload_type look_at_log(int at, const struct log *log, unsigned *compressed)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	cleanup_close int fd = openat(at, log->name, flags);
	cleanup_closedir DIR *directory = log->is_rolling && fd >= 0 ? fdopendir(fd) : NULL;
	cleanup_free char *text = malloc(HEAD_BYTES);
	char name[NAME_MAX + 1];
	unsigned seen;
	struct stat st;

	memcpy(name, log->name, sizeof(name));
	if (directory) {
		find_first_part(directory, name);
		take_fd(fd); /* is the directory's */
		fd = openat(dirfd(directory), name, flags);
	}
	if (is_compressed(name)) {
		++*compressed;
		return WORKLOAD_AUTO;
	}
	if (!text || fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return WORKLOAD_AUTO;
	seen = workload_of_events(text, read_part(fd, 0, text, HEAD_BYTES));
	if (st.st_size > HEAD_BYTES)
		seen |= workload_of_events(
			text, read_part(fd, st.st_size - TAIL_BYTES, text, TAIL_BYTES));
	return kind_of_events(seen);
}

/* The newest files, and directories of rolling logs, newest first. */
static unsigned list_logs(DIR *directory, struct log logs[LOGS_TRIED])
{
	struct dirent *entry;
	unsigned count = 0;

	for (unsigned n = 0; n < ENTRIES_MOST && (entry = readdir(directory)); n++) {
		bool is_rolling = !strncmp(entry->d_name, rolling, sizeof(rolling) - 1);
		const struct timespec *time;
		unsigned place = 0;
		struct stat st;

		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !(is_rolling ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode)))
			continue;
		for (; place < count; place++) {
			time = &logs[place].time;
			if (time->tv_sec != st.st_mtim.tv_sec ? time->tv_sec < st.st_mtim.tv_sec
							      : time->tv_nsec < st.st_mtim.tv_nsec)
				break;
		}
		if (place == LOGS_TRIED)
			continue;
		count += count < LOGS_TRIED;
		memmove(&logs[place + 1], &logs[place], (count - 1 - place) * sizeof(*logs));
		snprintf(logs[place].name, sizeof(logs->name), "%s", entry->d_name);
		logs[place].is_rolling = is_rolling;
		logs[place].time = st.st_mtim;
	}
	return count;
}

void workload_of_event_logs(const struct strings *conf, struct facts *f)
{
	const char *enabled = strings_value(conf, "spark.eventLog.enabled");
	const char *path = strings_value(conf, "spark.eventLog.dir");
	cleanup_closedir DIR *directory = NULL;
	unsigned votes[WORKLOAD_STREAMING + 1] = {0}, read = 0, compressed = 0;
	const char *newest[WORKLOAD_STREAMING + 1] = {NULL};
	enum workload_type kinds[LOGS_READ], type = WORKLOAD_AUTO;
	struct log logs[LOGS_TRIED];
	unsigned count;

	path = spark_local_path(path ? path : "/tmp/spark-events"); /* Spark's default */
	if (!enabled || strcasecmp(enabled, "true") != 0 || !path || path[0] != '/' ||
	    !(directory = opendir(path)))
		return;
	count = list_logs(directory, logs);
	for (unsigned i = 0; i < count && read < LOGS_READ; i++) {
		enum workload_type kind = look_at_log(dirfd(directory), &logs[i], &compressed);

		if (kind == WORKLOAD_AUTO)
			continue;
		kinds[read++] = kind;
		if (!votes[kind]++)
			newest[kind] =
				logs[i].name + (logs[i].is_rolling ? sizeof(rolling) - 1 : 0);
	}
	for (unsigned i = 0; i < read; i++)
		if (votes[kinds[i]] > votes[type])
			type = kinds[i];
	if (type != WORKLOAD_AUTO) {
		f->workload = type;
		if (read == 1)
			snprintf(f->workload_from, sizeof(f->workload_from),
				 "the event log %s of %s", PRINTABLE(newest[type]),
				 PRINTABLE(path));
		else
			snprintf(f->workload_from, sizeof(f->workload_from),
				 "%u of the %u newest event logs of %s, such as %s", votes[type],
				 read, PRINTABLE(path), PRINTABLE(newest[type]));
	} else if (compressed) {
		snprintf(f->workload_from, sizeof(f->workload_from),
			 "the event logs of %s are compressed, which cleave does not read; "
			 "spark.eventLog.compress: false keeps them plain",
			 PRINTABLE(path));
	}
}
