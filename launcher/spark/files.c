#include "launcher/spark/spark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/slices.h"
#include "launcher/system/files.h"

enum {
	MIB = 1 << 20,
	SECRET_BYTES = 32, /* 256 bits from the kernel */
	SECRET_DIGITS = 2 * SECRET_BYTES,
	/* UnifiedMemoryManager.scala: 1.5 × 300 MiB reserved; an executor with less refuses to start. */
	HEAP_MIN_MB = 450,
};

uint64_t spark_worker_memory_mb(const struct slice *s)
{
	return s->memory.heap_bytes / MIB + (s->memory.off_heap_bytes + MIB - 1) / MIB;
}

uint64_t spark_executor_memory_mb(const struct plan *p)
{
	uint64_t least = p->slice_count ? UINT64_MAX : 0;

	for (unsigned i = 0; i < p->slice_count; i++)
		if (p->slices[i].memory.heap_bytes / MIB < least)
			least = p->slices[i].memory.heap_bytes / MIB;
	return least;
}

const char *spark_property(const struct strings *conf, const char *name)
{
	const char *key = NULL, *value = NULL;

	strings_for_each(item, conf)
	{
		if (key && strcmp(key, name) == 0)
			value = item;
		key = key ? NULL : item;
	}
	return value;
}

int spark_scratch(const struct spark_cluster *c, unsigned slice, char path[PROFILE_PATH],
		  struct err *e)
{
	const char *name = c->plan->slices[slice].name, *own = c->profile->memory.scratch.path;

	if (own[0])
		return cluster_scratch(c->cluster, own, name, path, e);
	if (snprintf(path, PROFILE_PATH, "%s/%s/scratch", c->cluster->data, name) >= PROFILE_PATH)
		return err_set(e, -ENAMETOOLONG, "the data directory is longer than %d bytes",
			       PROFILE_PATH - 64);
	return 0;
}

/* ---- directories and files */

/* Make `path`, or take it as it is there, and give it mode and owner. */
static int make_directory(const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *e)
{
	cleanup_close int fd = -1;
	struct stat st;

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
 * memory.scratch.path may be a place where others write, too: what has our name there must be the worker's user's, or
 * ours from an `up` that was killed just here. Made before it is looked at, so that nobody comes between.
 */
static int make_scratch(const struct spark_cluster *all, unsigned slice, struct err *e)
{
	const struct cluster *c = all->cluster;
	char path[PROFILE_PATH];
	struct stat st;

	if (spark_scratch(all, slice, path, e))
		return e->code;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "cannot make the directory %s", path);
	if (lstat(path, &st) < 0)
		return err_errno(e, -errno, "%s", path);
	if (st.st_uid != c->uid && st.st_uid != geteuid())
		return err_set(e, -EPERM,
			       "%s belongs to user %u: remove it, or choose another "
			       "memory.scratch.path",
			       path, (unsigned)st.st_uid);
	return make_directory(path, 0700, c->uid, c->gid, e);
}

/* The directory `path`/`names`… for the worker's user, each level 0700. */
static int make_private(const struct cluster *c, const char *top, const char *const *names,
			struct err *e)
{
	char path[2 * PROFILE_PATH];

	if (make_directory(top, 0700, c->uid, c->gid, e))
		return e->code;
	for (; *names; names++) {
		snprintf(path, sizeof(path), "%s/%s", top, *names);
		if (make_directory(path, 0700, c->uid, c->gid, e))
			return e->code;
	}
	return 0;
}

static int make_slice_directories(const struct spark_cluster *c, unsigned slice, struct err *e)
{
	static const char *const names[] = {"log", "work", "tmp", NULL};
	char path[2 * PROFILE_PATH];

	snprintf(path, sizeof(path), "%s/%s", c->cluster->data, c->plan->slices[slice].name);
	return make_private(c->cluster, path, names, e) ? e->code : make_scratch(c, slice, e);
}

static int make_directories(const struct spark_cluster *c, struct err *e)
{
	static const char *const of_master[] = {"log", "work", "tmp", NULL};
	static const char *const of_host[] = {"tmp", NULL};
	const struct cluster *k = c->cluster;
	char path[2 * PROFILE_PATH];

	/* Searchable, so that the worker's user reaches its own directories below. */
	if (make_directory(k->state, 0711, geteuid(), getegid(), e) ||
	    make_directory(k->data, 0711, geteuid(), getegid(), e))
		return e->code;
	snprintf(path, sizeof(path), "%s/conf", k->state);
	if (make_directory(path, 0755, geteuid(), getegid(), e))
		return e->code;
	snprintf(path, sizeof(path), "%s/env", k->state);
	if (make_directory(path, 0755, geteuid(), getegid(), e))
		return e->code;
	snprintf(path, sizeof(path), "%s/master", k->data);
	if (make_private(k, path, of_master, e))
		return e->code;
	snprintf(path, sizeof(path), "%s/host", k->data);
	if (make_private(k, path, of_host, e))
		return e->code;
	for (unsigned i = 0; i < c->plan->slice_count; i++)
		if (make_slice_directories(c, i, e))
			return e->code;
	return 0;
}

/* Put `text` at STATE/file, whole or not at all; mode 0600 is for the worker's user, 0644 for all. */
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

static bool is_secret(const char *text)
{
	return strspn(text, "0123456789abcdef") == SECRET_DIGITS && !text[SECRET_DIGITS];
}

/* The secret that is there; "" if there is none of ours. */
static int read_secret(const char *path, char secret[SECRET_DIGITS + 1], struct err *e)
{
	cleanup_free char *text = NULL;
	size_t size;
	int failed = file_read(path, SECRET_DIGITS, &text, &size, e);

	secret[0] = '\0';
	if (failed && failed != -ENOENT)
		return failed;
	if (!failed && is_secret(text))
		memcpy(secret, text, SECRET_DIGITS + 1);
	return 0;
}

static int make_secret(const struct cluster *c, char secret[SECRET_DIGITS + 1], struct err *e)
{
	unsigned char bytes[SECRET_BYTES];
	char path[PROFILE_PATH + 16];

	snprintf(path, sizeof(path), "%s/secret", c->state);
	if (read_secret(path, secret, e))
		return e->code;
	if (secret[0])
		return 0;
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_errno(e, -errno, "cannot get random bytes for the secret");
	for (unsigned i = 0; i < SECRET_BYTES; i++)
		snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
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

static void put_secret(FILE *file, const char *secret)
{
	if (!secret[0])
		return;
	put_property(file, "spark.authenticate", "true");
	put_property(file, "spark.authenticate.secret", secret);
}

/* Of Master and Workers. */
static void put_daemon_properties(FILE *file, const char *secret)
{
	put_secret(file, secret);
	/* Spark moves to the next port silently if one is taken. */
	put_property(file, "spark.port.maxRetries", "0");
	/* On by default since 4.1, and refuses to start with a secret. */
	put_property(file, "spark.master.rest.enabled", "false");
	put_property(file, "spark.ui.reverseProxy", "true");
	put_property(file, "spark.ui.killEnabled", "false");
	put_property(file, "spark.worker.cleanup.enabled", "true");
}

/* The plan's JVM options of an executor, then the user's own. */
static void put_executor_options(FILE *file, const struct spark_cluster *c, const char *own)
{
	static const char key[] = "spark.executor.extraJavaOptions";

	fprintf(file, "%s=-XX:-UsePerfData", key);
	if (c->plan->slice_count) {
		strings_for_each(option, &c->plan->slices[0].jvm_options)
		{
			fputc(' ', file);
			put_escaped(file, option, "");
		}
	}
	if (own) {
		fputc(' ', file);
		put_escaped(file, own, "");
	}
	fputc('\n', file);
}

static void put_memory_properties(FILE *file, const struct plan *p)
{
	uint64_t off_heap = p->slice_count ? p->slices[0].memory.off_heap_bytes : 0;
	char text[32];

	snprintf(text, sizeof(text), "%llum", (unsigned long long)spark_executor_memory_mb(p));
	put_property(file, "spark.executor.memory", text);
	if (!off_heap)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)off_heap);
	put_property(file, "spark.memory.offHeap.enabled", "true");
	put_property(file, "spark.memory.offHeap.size", text);
}

static void put_master(FILE *file, const struct spark_cluster *c)
{
	char text[PROFILE_WORD + 32];

	if (c->profile->spark.join[0])
		snprintf(text, sizeof(text), "%s", c->profile->spark.join);
	else
		snprintf(text, sizeof(text), "spark://%s:%d", c->master.address, c->master.port);
	put_property(file, "spark.master", text);
	put_property(file, "spark.driver.host", c->master.address);
	put_property(file, "spark.driver.bindAddress", c->master.address);
}

/* Of applications: cleave's, then the profile's spark.conf, of which the last word counts. */
static void put_application_properties(FILE *file, const struct spark_cluster *c,
				       const char *secret)
{
	static const char options[] = "spark.executor.extraJavaOptions";
	const char *key = NULL, *own_options = NULL;
	unsigned slots = 0;
	char text[32];

	for (unsigned i = 0; i < c->plan->slice_count; i++)
		slots += c->plan->slices[i].slots;
	snprintf(text, sizeof(text), "%u", slots);
	put_master(file, c);
	put_secret(file, secret);
	put_property(file, "spark.cores.max", text);
	/* Else the first stage may begin on the first slice alone. */
	put_property(file, "spark.scheduler.minRegisteredResourcesRatio", "1.0");
	put_memory_properties(file, c->plan);
	put_property(file, "spark.ui.reverseProxy", "true");
	put_property(file, "spark.ui.killEnabled", "false");
	put_property(file, "spark.ui.liveUpdate.period", "0");
	/* Both would read lent CPUs as a change of the cluster. */
	put_property(file, "spark.dynamicAllocation.enabled", "false");
	put_property(file, "spark.speculation", "false");
	strings_for_each(item, &c->profile->spark.conf)
	{
		if (key && strcmp(key, options) == 0)
			own_options = item;
		else if (key)
			put_property(file, key, item);
		key = key ? NULL : item;
	}
	put_executor_options(file, c, own_options);
}

static int write_properties(const struct spark_cluster *c, const char *file, const char *secret,
			    struct err *e)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return err_errno(e, -errno, "cannot build %s", file);
	if (strcmp(file, "spark.conf") == 0)
		put_daemon_properties(stream, secret);
	else
		put_application_properties(stream, c, secret);
	if (fclose(stream))
		return err_errno(e, -errno, "cannot build %s", file);
	return write_file(c->cluster, file, 0600, text, size, e);
}

/* What each Worker offers, so that applications can choose slices. */
static int write_resources(const struct spark_cluster *c, unsigned slice, struct err *e)
{
	cleanup_free char *text = NULL;
	char file[NAME_MAX_BYTES + 16];
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return err_errno(e, -errno, "cannot build the resources of slice %u", slice);
	spark_slices_write(c->plan, slice, stream);
	if (fclose(stream))
		return err_errno(e, -errno, "cannot build the resources of slice %u", slice);
	snprintf(file, sizeof(file), "%s.resources", c->plan->slices[slice].name);
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
	uint64_t heap = spark_executor_memory_mb(c->plan);
	bool is_key = true;

	if (heap < HEAP_MIN_MB)
		return err_impossible(e,
				      "an executor would get %llu MB of heap, below Spark's "
				      "minimum of %d MB: choose fewer partition.slices, or raise "
				      "memory.limit or memory.heap",
				      (unsigned long long)heap, HEAP_MIN_MB);
	strings_for_each(item, &c->profile->spark.conf)
	{
		for (unsigned i = 0; is_key && own[i]; i++)
			if (strcmp(item, own[i]) == 0)
				return err_wrong(e, "spark.conf: %s is set by cleave; remove it",
						 item);
		is_key = !is_key;
	}
	return 0;
}

/* Whether the worker's user reaches what it needs. */
static int check_user(const struct spark_cluster *c, struct err *e)
{
	const struct cluster *k = c->cluster;
	char jars[PROFILE_PATH + 8];

	snprintf(jars, sizeof(jars), "%s/jars", c->spark->home);
	if (cluster_user_access(k, k->state, X_OK, e) || cluster_user_access(k, k->data, X_OK, e) ||
	    cluster_user_access(k, jars, R_OK | X_OK, e) ||
	    cluster_user_access(k, c->spark->java, X_OK, e))
		return e->code;
	return c->spark->python[0] ? cluster_user_access(k, c->spark->python, X_OK, e) : 0;
}

int spark_prepare(const struct spark_cluster *c, struct err *e)
{
	char secret[SECRET_DIGITS + 1] = "";

	if (check_properties(c, e) || make_directories(c, e) || check_user(c, e))
		return e->code;
	if (c->profile->security.authenticate && make_secret(c->cluster, secret, e))
		return e->code;
	if (write_properties(c, "spark.conf", secret, e) ||
	    write_properties(c, "env/spark-defaults.conf", secret, e))
		return e->code;
	for (unsigned i = 0; i < c->plan->slice_count; i++)
		if (write_resources(c, i, e))
			return e->code;
	return write_file(c->cluster, "log4j2.properties", 0644, log_settings,
			  sizeof(log_settings) - 1, e);
}
