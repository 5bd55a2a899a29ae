/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories and files that Spark's processes need: secret, properties, resources, log
 * settings.
 */

#include "launcher/spark/room.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/archive.h"
#include "launcher/spark/directories.h"
#include "launcher/spark/doors.h"
#include "launcher/spark/limits.h"
#include "launcher/spark/ui.h"
#include "launcher/system/directory.h"
#include "launcher/system/files.h"
#include "launcher/system/scratch.h"

enum {
	SECRET_BYTES = SPARK_SECRET / 2, /* 256 bits from the kernel */
	SECRET_DIGITS = 2 * SECRET_BYTES,
	/* UnifiedMemoryManager.scala: 1.5 × 300 MiB; an executor with less does not start. */
	HEAP_MIN_MB = 450,
};

/* ---- directories and files */

/* One of the caller's below an open one, with directories of the workers' user in it. */
static int make_part(const struct cluster *c, int data, const char *name, const char *const *below,
		     struct err *e)
{
	cleanup_close int part = directory_make_at(data, name, 0711, geteuid(), getegid(), e);

	for (; part >= 0 && *below; below++) {
		cleanup_close int fd = directory_make_at(part, *below, 0700, c->uid, c->gid, e);

		if (fd < 0)
			return fd;
	}
	return part < 0 ? part : 0;
}

/* For what root itself runs in the host group: nothing of it where another user writes. */
static int make_own_tmp(int data, struct err *e)
{
	cleanup_close int host = directory_open_below(data, "host", O_RDONLY | O_DIRECTORY, e);
	cleanup_close int own =
		host < 0 ? host
			 : directory_make_at(host, SPARK_OWN_TMP, 0700, geteuid(), getegid(), e);

	return own < 0 ? own : 0;
}

static int make_directories(const struct spark_cluster *c, struct err *e)
{
	static const char *const of_master[] = {"work", "tmp", NULL};
	static const char *const of_slice[] = {"work", "scratch", "tmp", NULL};
	static const char *const of_host[] = {"tmp", NULL};
	static const char *const of_training[] = {"work", "tmp", NULL};
	const char *top = c->profile->memory.scratch.path;
	const struct cluster *k = c->cluster;
	cleanup_close int state = cluster_open_state(k, e), data = -1, env = -1, log = -1;
	int r;

	if (state < 0 || (data = cluster_open_data(k, e)) < 0)
		return e->code;
	/* Those that others have to pass can be searched. */
	if (fchmod(state, 0711) || fchmod(data, 0711))
		return err_errno(e, -errno, "%s", k->state);
	env = directory_make_at(state, "env", 0755, geteuid(), getegid(), e);
	log = env < 0 ? env : directory_make_at(data, "log", 0711, geteuid(), getegid(), e);
	if (log < 0 || make_part(k, data, "master", of_master, e) ||
	    make_part(k, data, "host", of_host, e) || make_own_tmp(data, e) ||
	    make_part(k, data, "train", of_training, e))
		return e->code;
	for (unsigned i = 0; i < c->plan->slice_count; i++) {
		const char *name = c->plan->slices[i].name;

		r = make_part(k, data, name, of_slice, e);
		if (!r && top[0])
			r = scratch_make(k, top, name, e);
		if (r)
			return r;
	}
	return 0;
}

/* Put `text` at STATE/file, whole or not at all; mode 0600: for the workers' user. */
static int write_file(const struct cluster *c, const char *file, mode_t mode, const char *text,
		      size_t size, struct err *e)
{
	const struct file_owner owner = {mode, c->uid, c->gid};
	cleanup_close int state = cluster_open_state(c, e);

	return state < 0 ? state : file_replace_at(state, file, text, size, &owner, e);
}

/* The same at STATE/env/file, for the caller: what `exec` and `env` lead his own programs to. */
static int write_own_file(const struct cluster *c, const char *file, const char *text, size_t size,
			  struct err *e)
{
	cleanup_close int state = cluster_open_state(c, e), env = -1;

	if (state < 0)
		return state;
	env = directory_open_below(state, "env", O_RDONLY | O_DIRECTORY, e);
	return env < 0 ? env : file_replace_at(env, file, text, size, FILE_OF_CALLER(0600), e);
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
	cleanup_close int state = cluster_open_state(c, e);
	cleanup_free char *text = NULL;
	size_t size;
	int r = state < 0 ? state : file_read_at(state, "secret", SECRET_DIGITS, &text, &size, e);

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
	"spark.worker.cleanup.enabled=true\n"
	/* Of executors' stdout and stderr, which the Worker writes: else they grow without bound. */
	"spark.executor.logs.rolling.strategy=size\n"
	"spark.executor.logs.rolling.maxSize=16777216\n"
	"spark.executor.logs.rolling.maxRetainedFiles=1\n";

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
	/* Of a Spark Connect server in a driver, which would listen on all addresses. */
	put_property(file, "spark.connect.grpc.binding.address", c->master.address);
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

/* Of daemons: cleave's, then what of the profile's spark.conf a Worker reads and no application. */
static void put_daemon_properties(FILE *file, const struct spark_cluster *c, const char *secret)
{
	static const char rolling[] = "spark.executor.logs.rolling.";
	const char *key = NULL;

	put_fixed(file, secret, of_daemons);
	strings_for_each(item, &c->profile->spark.conf)
	{
		if (key && strncmp(key, rolling, sizeof(rolling) - 1) == 0)
			put_property(file, key, item);
		key = key ? NULL : item;
	}
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
	int r = 0;

	if (!stream)
		return err_errno(e, -errno, "no memory for a file of Spark's");
	if (what == FILE_OF_DAEMONS) {
		put_daemon_properties(stream, c, secret);
	} else if (what == FILE_OF_APPLICATIONS) {
		string_copy(file, SPARK_APPLICATIONS);
		put_application_properties(stream, c, secret);
	} else {
		unsigned slice = what - FILE_OF_SLICE;

		snprintf(file, sizeof(file), "%s.resources", c->plan->slices[slice].name);
		spark_slices_write(c->plan, slice, stream);
	}
	if (what < FILE_OF_SLICE)
		r = ui_put_properties(stream, c, e);
	if (fclose(stream) && !r)
		r = err_errno(e, -errno, "cannot build %s", file);
	if (!r)
		r = write_file(c->cluster, file, 0600, text, size, e);
	if (!r && what == FILE_OF_APPLICATIONS)
		r = write_own_file(c->cluster, "spark-defaults.conf", text, size, e);
	return r;
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

/*
 * Whoever a container runs as has to have a name there; in the user namespace of a rootless engine
 * the caller is its root.
 */
static const char *container_user(const struct spark_cluster *c)
{
	const struct passwd *known = getpwuid(c->cluster->uid);
	char who[32];

	spark_container_user(c->engine, c->cluster->uid, c->cluster->gid, who);
	return strncmp(who, "0:", 2) == 0 ? "root" : known ? known->pw_name : "cleave";
}

static const char *container_home(const char *user)
{
	return strcmp(user, "root") == 0 ? "/root" : "/tmp";
}

static int write_passwd(const struct spark_cluster *c, struct err *e)
{
	const struct cluster *k = c->cluster;
	const char *user = container_user(c);
	cleanup_free char *text = NULL;
	int size;

	size = strcmp(user, "root") == 0
		       ? asprintf(&text, "root:x:0:0:root:/root:/bin/sh\n")
		       : asprintf(&text, "root:x:0:0:root:/root:/bin/sh\n%s:x:%u:%u::%s:/bin/sh\n",
				  user, k->uid, k->gid, container_home(user));
	if (size < 0) {
		text = NULL;
		return err_set(e, -ENOMEM, "no memory for a file of Spark's");
	}
	return write_file(k, SPARK_PASSWD, 0644, text, (size_t)size, e);
}

void spark_put_container_user(const struct spark_cluster *c, struct argv *env)
{
	const char *user = container_user(c);
	const struct {
		const char *name, *value;
	} known[] = {{"HOME", container_home(user)},
		     {"USER", user},
		     {"LOGNAME", user},
		     {"SHELL", "/bin/sh"}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strings_value(&c->profile->spark.env, known[i].name))
			argv_put(env, known[i].name, known[i].value);
}

/* ---- what must hold before anything is written */

/* JVM options in the profile's spark.env: of daemons, and what executors inherit. */
static int check_daemon_options(const struct profile *p, struct err *e)
{
	const char *key = NULL;

	strings_for_each(item, &p->spark.env)
	{
		const struct setting *s = key ? setting_of_variable(key) : NULL;
		char from[128];

		snprintf(from, sizeof(from), "spark.env: %.100s", key ? key : "");
		if (s && (s->rule == SETTING_DAEMON_OPTIONS || s->rule == SETTING_OPTIONS) &&
		    doors_check_options(from, item, SETTING_OF_DAEMONS, e))
			return e->code;
		if (s && s->rule == SETTING_OPTIONS &&
		    doors_check_options(from, item, SETTING_OF_EXECUTORS, e))
			return e->code;
		key = key ? NULL : item;
	}
	return 0;
}

static int check_properties(const struct spark_cluster *c, struct err *e)
{
	const struct plan *p = c->plan;
	const char *key = NULL, *why;
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
	strings_for_each(item, &c->profile->spark.conf)
	{
		why = key ? setting_refuse_property(key) : NULL;
		if (why)
			return err_wrong(e, "spark.conf: %s: %s; remove it", key, why);
		if (key && doors_check_value("spark.conf: ", key, item, e))
			return e->code;
		key = key ? NULL : item;
	}
	return check_daemon_options(c->profile, e);
}

/* What of this machine's Spark the workers' user has to reach. */
static int check_access(const struct spark_cluster *c, const struct spark *s, struct err *e)
{
	const struct cluster *k = c->cluster;
	char path[PROFILE_PATH + 8];

	snprintf(path, sizeof(path), "%s/jars", s->home);
	if (cluster_user_access(k, path, R_OK | X_OK, e) ||
	    cluster_user_access(k, s->java, X_OK, e) ||
	    (s->python[0] && cluster_user_access(k, s->python, X_OK, e)))
		return e->code;
	return 0;
}

int spark_check_user(uid_t uid, struct err *e)
{
	if (getpwuid(uid))
		return 0;
	return err_set(
		e, -ENOENT,
		"user %u has no entry in the password database: Spark ends where the user that "
		"it runs as has no name; add one (useradd -u %u …), or choose security.user",
		(unsigned)uid, (unsigned)uid);
}

/* Daemons and executors of this machine; a container has the engine's limits, and a name of ours. */
static int check_birth(const struct spark_cluster *c, struct err *e)
{
	const unsigned executors = c->plan->slice_count * c->plan->slices[0].executors;
	const struct limits_use use = {.uid = c->cluster->uid,
				       .jvms = 1 + c->plan->slice_count + executors,
				       .heap_mb = request_of_all(c).heap_mb};
	struct limits limits;

	if (c->spark->image[0])
		return 0;
	if (spark_check_user(c->cluster->uid, e))
		return e->code;
	if (c->contained)
		return 0;
	limits_read(&limits);
	return limits_check(&limits, &use, e);
}

int spark_prepare(const struct spark_cluster *c, struct err *e)
{
	const struct cluster *k = c->cluster;
	char secret[SECRET_DIGITS + 1] = "", container[SPARK_FINGERPRINT];

	if (check_properties(c, e) || ui_check(c, e) || check_birth(c, e) ||
	    make_directories(c, e) || directories_try(c, e))
		return e->code;
	/* The worker's user has to reach what it needs. */
	if (cluster_user_access(k, k->state, X_OK, e) || cluster_user_access(k, k->data, X_OK, e) ||
	    (!c->spark->image[0] && check_access(c, c->spark, e)))
		return e->code;
	if (c->profile->security.authenticate && make_secret(k, secret, e))
		return e->code;
	if (ui_prepare(c, e))
		return e->code;
	for (unsigned i = 0; i < FILE_OF_SLICE + c->plan->slice_count; i++)
		if (write_built(c, i, secret, e))
			return e->code;
	if (write_file(k, "log4j2.properties", 0644, log_settings, sizeof(log_settings) - 1, e) ||
	    write_file(k, SPARK_TRAINING, 0644, archive_training_program,
		       strlen(archive_training_program), e))
		return e->code;
	if (c->contained && (write_passwd(c, e) ||
			     spark_container_fingerprint(c, c->plan->slices[0].name, container, e)))
		return e->code;
	return archive_offer(c, e);
}
