/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories and files that Spark's processes need: secret, properties, resources, log
 * settings.
 */

#include "launcher/spark/room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/application.h"
#include "launcher/spark/archive.h"
#include "launcher/system/files.h"

enum {
	SECRET_BYTES = SPARK_SECRET / 2, /* 256 bits from the kernel */
	SECRET_DIGITS = 2 * SECRET_BYTES,
	/* UnifiedMemoryManager.scala: 1.5 × 300 MiB; an executor with less does not start. */
	HEAP_MIN_MB = 450,
};

/* ---- directories and files */

/* Make the directory, or take it as it is there, and give it mode and owner. */
static int make_directory(mode_t mode, uid_t uid, gid_t gid, struct err *e, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
static int make_directory(mode_t mode, uid_t uid, gid_t gid, struct err *e, const char *format, ...)
{
	cleanup_close int fd = -1;
	char path[2 * PROFILE_PATH];
	struct stat st;
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "cannot make the directory %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, -errno, "cannot open the directory %s", path);
	if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) < 0)
		return err_errno(e, -errno, "cannot give %s to user %u", path, (unsigned)uid);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return err_errno(e, -errno, "cannot set mode %04o of %s", (unsigned)mode, path);
	return 0;
}

/*
 * memory.scratch.path may be a place where others write, too: what has our name there must be the
 * worker's user's, or ours from an `up` that was killed just here. Made before it is looked at, so
 * that nobody comes between.
 */
static int make_scratch(const struct spark_cluster *all, unsigned slice, struct err *e)
{
	const struct cluster *c = all->cluster;
	char path[PROFILE_PATH];
	struct stat st;

	if (spark_scratch(all, slice, path, e))
		return e->code;
	if ((mkdir(path, 0700) < 0 && errno != EEXIST) || lstat(path, &st) < 0)
		return err_errno(e, -errno, "cannot make the directory %s", path);
	if (st.st_uid != c->uid && st.st_uid != geteuid())
		return err_set(e, -EPERM,
			       "%s belongs to user %u: remove it, or choose another "
			       "memory.scratch.path",
			       path, (unsigned)st.st_uid);
	return make_directory(0700, c->uid, c->gid, e, "%s", path);
}

/* DATA/name with all of `below`, of the worker's user. */
static int make_for_user(const struct cluster *c, const char *name, const char *const *below,
			 struct err *e)
{
	for (; *below; below++)
		if (make_directory(0700, c->uid, c->gid, e, "%s/%s%s", c->data, name, *below))
			return e->code;
	return 0;
}

static int make_directories(const struct spark_cluster *c, struct err *e)
{
	static const char *const of_daemon[] = {"", "/log", "/work", "/tmp", NULL};
	static const char *const of_host[] = {"", "/tmp", NULL};
	const struct cluster *k = c->cluster;
	const uid_t uid = geteuid();
	const gid_t gid = getegid();

	/* Those that others have to pass can be searched. */
	if (make_directory(0711, uid, gid, e, "%s", k->state) ||
	    make_directory(0711, uid, gid, e, "%s", k->data) ||
	    make_directory(0755, uid, gid, e, "%s/env", k->state) ||
	    make_for_user(k, "master", of_daemon, e) || make_for_user(k, "host", of_host, e) ||
	    make_for_user(k, "train", of_host, e))
		return e->code;
	for (unsigned i = 0; i < c->plan->slice_count; i++)
		if (make_for_user(k, c->plan->slices[i].name, of_daemon, e) ||
		    make_scratch(c, i, e))
			return e->code;
	return 0;
}

/* Put `text` at STATE/file, whole or not at all; mode 0600: for the worker's user. */
static int write_file(const struct cluster *c, const char *file, mode_t mode, const char *text,
		      size_t size, struct err *e)
{
	char path[PROFILE_PATH + 64];

	snprintf(path, sizeof(path), "%s/%s", c->state, file);
	if (file_replace(path, text, size, mode, e))
		return e->code;
	/* The directories are ours alone, so nobody can have put another file there. */
	if (c->uid != geteuid() && lchown(path, c->uid, c->gid) < 0)
		return err_errno(e, -errno, "cannot give %s to user %s", path, c->user);
	return 0;
}

/* ---- the secret */

int spark_new_secret(char secret[SPARK_SECRET], struct err *e)
{
	unsigned char bytes[SECRET_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_errno(e, -errno, "cannot get random bytes for the secret");
	for (unsigned i = 0; i < SECRET_BYTES; i++)
		snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* The one that is there, or a new one. */
static int make_secret(const struct cluster *c, char secret[SECRET_DIGITS + 1], struct err *e)
{
	char path[PROFILE_PATH + 16];
	cleanup_free char *text = NULL;
	size_t size;
	int r;

	snprintf(path, sizeof(path), "%s/secret", c->state);
	r = file_read(path, SECRET_DIGITS, &text, &size, e);
	if (r && r != -ENOENT)
		return r;
	if (!r && strspn(text, "0123456789abcdef") == SECRET_DIGITS && !text[SECRET_DIGITS]) {
		memcpy(secret, text, SECRET_DIGITS + 1);
		return 0;
	}
	if (spark_new_secret(secret, e))
		return e->code;
	return write_file(c, "secret", 0600, secret, SECRET_DIGITS, e);
}

/* ---- properties, in the form that java.util.Properties.load() reads */

static void put_escaped(FILE *file, const char *text, const char *special)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\n' || *c == '\r' || *c == '\t') {
			fprintf(file, "\\%c", *c == '\n' ? 'n' : *c == '\r' ? 'r' : 't');
			continue;
		}
		if (*c == '\\' || strchr(special, *c) || (c == text && *c == ' '))
			fputc('\\', file);
		fputc(*c, file);
	}
}

static void put_property(FILE *file, const char *key, const char *value)
{
	put_escaped(file, key, " :=#!");
	fputc('=', file);
	put_escaped(file, value, "");
	fputc('\n', file);
}

static const char of_daemons[] =
	/* Spark moves to the next port silently if one is taken. */
	"spark.port.maxRetries=0\n"
	/* On by default since 4.1, and refuses to start with a secret. */
	"spark.master.rest.enabled=false\n"
	"spark.ui.reverseProxy=true\n"
	"spark.ui.killEnabled=false\n"
	"spark.worker.cleanup.enabled=true\n";

static const char of_applications[] =
	/* Else the first stage may begin on the first slice alone. */
	"spark.scheduler.minRegisteredResourcesRatio=1.0\n"
	"spark.ui.reverseProxy=true\n"
	"spark.ui.killEnabled=false\n"
	"spark.ui.liveUpdate.period=0\n"
	/* Both would read lent CPUs as a change of the cluster. */
	"spark.dynamicAllocation.enabled=false\n"
	"spark.speculation=false\n";

/* The secret, where there is one, and what is always the same. */
static void put_fixed(FILE *file, const char *secret, const char *fixed)
{
	if (secret[0])
		fprintf(file, "spark.authenticate=true\nspark.authenticate.secret=%s\n", secret);
	fputs(fixed, file);
}

/* What an application asks for that may use all slices. */
static struct spark_request request_of_all(const struct spark_cluster *c)
{
	struct cpuset all = {0};

	for (unsigned i = 0; i < c->plan->slice_count; i++)
		cpuset_add(&all, i);
	return spark_request(c->plan, &c->profile->spark.conf, &all);
}

/*
 * Spark's jars first, which come later anyway: then the archive of classes fits, whatever is behind
 * (room.h). A user's own class path is to win over Spark's.
 */
static void put_class_path(FILE *file, const struct spark_cluster *c, const char *key)
{
	char jars[SPARK_JARS];

	spark_jars(c->spark, jars);
	if (c->profile->jvm.class_data_sharing && !strings_value(&c->profile->spark.conf, key))
		put_property(file, key, jars);
}

/* Of applications: cleave's, then the profile's spark.conf, of which the last word counts. */
static void put_application_properties(FILE *file, const struct spark_cluster *c,
				       const char *secret)
{
	static const char options[] = "spark.executor.extraJavaOptions",
			  cores[] = "spark.cores.max";
	const char *key = NULL, *own_options = strings_value(&c->profile->spark.conf, options);
	const struct slice *first = &c->plan->slices[0];
	struct spark_request asked = request_of_all(c);
	/* A Master elsewhere may have more cores than ours. */
	bool takes_cores = asked.executor_cores && !c->profile->spark.join[0];
	char url[MASTER_URL];

	spark_master_url(c, url);
	put_property(file, "spark.master", url);
	put_property(file, "spark.driver.host", c->master.address);
	put_property(file, "spark.driver.bindAddress", c->master.address);
	fprintf(file, "%s=%u\nspark.executor.memory=%um\n", cores, asked.cores_max, asked.heap_mb);
	if (asked.executor_cores)
		fprintf(file, "spark.executor.cores=%u\n", asked.executor_cores);
	put_class_path(file, c, "spark.driver.extraClassPath");
	if (!c->profile->spark.join[0])
		put_class_path(file, c, "spark.executor.extraClassPath");
	if (first->memory.off_heap_bytes)
		fprintf(file, "spark.memory.offHeap.enabled=true\nspark.memory.offHeap.size=%llu\n",
			(unsigned long long)(first->memory.off_heap_bytes / first->executors));
	put_fixed(file, secret, of_applications);
	strings_for_each(item, &c->profile->spark.conf)
	{
		if (key && strcmp(key, options) != 0 && !(takes_cores && strcmp(key, cores) == 0))
			put_property(file, key, item);
		key = key ? NULL : item;
	}
	/* The plan's JVM options of an executor, then the user's own. */
	fprintf(file, "%s=-XX:-UsePerfData", options);
	strings_for_each(option, &first->jvm_options)
	{
		fputc(' ', file);
		put_escaped(file, option, "");
	}
	if (own_options) {
		fputc(' ', file);
		put_escaped(file, own_options, "");
	}
	fputc('\n', file);
}

/* Properties of daemons and of applications, and what each slice's Worker offers. */
enum { FILE_OF_DAEMONS, FILE_OF_APPLICATIONS, FILE_OF_SLICE };

static int write_built(const struct spark_cluster *c, unsigned what, const char *secret,
		       struct err *e)
{
	cleanup_free char *text = NULL;
	char file[NAME_MAX_BYTES + 32] = "spark.conf";
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return err_errno(e, -errno, "no memory for a file of Spark's");
	if (what == FILE_OF_DAEMONS) {
		put_fixed(stream, secret, of_daemons);
	} else if (what == FILE_OF_APPLICATIONS) {
		string_copy(file, "env/spark-defaults.conf");
		put_application_properties(stream, c, secret);
	} else {
		unsigned slice = what - FILE_OF_SLICE;

		snprintf(file, sizeof(file), "%s.resources", c->plan->slices[slice].name);
		spark_slices_write(c->plan, slice, stream);
	}
	if (fclose(stream))
		return err_errno(e, -errno, "cannot build %s", file);
	return write_file(c->cluster, file, 0600, text, size, e);
}

/* Of the daemons: one line an event on stderr, which goes to the log of the process. */
static const char log_settings[] = "status = warn\n"
				   "appender.console.type = Console\n"
				   "appender.console.name = console\n"
				   "appender.console.target = SYSTEM_ERR\n"
				   "appender.console.layout.type = PatternLayout\n"
				   "appender.console.layout.pattern = "
				   "%d{yyyy-MM-dd HH:mm:ss.SSS} %p %c{1}: %m%n%ex\n"
				   "rootLogger.level = info\n"
				   "rootLogger.appenderRef.console.ref = console\n"
				   "logger.jetty.name = org.sparkproject.jetty\n"
				   "logger.jetty.level = warn\n";

/* ---- what must hold before anything is written */

static int check_properties(const struct spark_cluster *c, struct err *e)
{
	static const char *const own[] = {"spark.master", "spark.authenticate",
					  "spark.authenticate.secret", NULL};
	const struct plan *p = c->plan;
	unsigned heap = request_of_all(c).heap_mb, executors = p->slices[0].executors;

	if (heap < HEAP_MIN_MB)
		return err_impossible(e,
				      "an executor would get %u MB of heap, below Spark's "
				      "minimum of %d MB: choose fewer partition.slices%s, or raise "
				      "memory.limit or memory.heap",
				      heap, HEAP_MIN_MB,
				      executors > 1 ? " or spark.executors" : "");
	if (p->slice_count * executors > EXECUTORS_MAX)
		return err_impossible(e,
				      "spark.executors: %u in each of %u slices are more executors "
				      "than cleave can watch, %d: write fewer",
				      executors, p->slice_count, EXECUTORS_MAX);
	for (const char *const *key = own; *key; key++)
		if (strings_value(&c->profile->spark.conf, *key))
			return err_wrong(e, "spark.conf: %s is set by cleave; remove it", *key);
	return 0;
}

int spark_prepare(const struct spark_cluster *c, struct err *e)
{
	const struct cluster *k = c->cluster;
	char secret[SECRET_DIGITS + 1] = "", path[PROFILE_PATH + 8];

	if (check_properties(c, e) || make_directories(c, e))
		return e->code;
	/* The worker's user has to reach what it needs. */
	snprintf(path, sizeof(path), "%s/jars", c->spark->home);
	if (cluster_user_access(k, k->state, X_OK, e) || cluster_user_access(k, k->data, X_OK, e) ||
	    cluster_user_access(k, path, R_OK | X_OK, e) ||
	    cluster_user_access(k, c->spark->java, X_OK, e) ||
	    (c->spark->python[0] && cluster_user_access(k, c->spark->python, X_OK, e)))
		return e->code;
	if (c->profile->security.authenticate && make_secret(k, secret, e))
		return e->code;
	for (unsigned i = 0; i < FILE_OF_SLICE + c->plan->slice_count; i++)
		if (write_built(c, i, secret, e))
			return e->code;
	if (write_file(k, "log4j2.properties", 0644, log_settings, sizeof(log_settings) - 1, e) ||
	    write_file(k, SPARK_TRAINING, 0644, archive_training_program,
		       strlen(archive_training_program), e))
		return e->code;
	return archive_offer(c, e);
}
