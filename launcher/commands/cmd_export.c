/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/nearest.h"
#include "launcher/commands/command.h"
#include "launcher/inputs/inputs.h"
#include "launcher/show/export_formats.h"
#include "launcher/spark/spark.h"
#include "launcher/system/files.h"

enum { PATH_BYTES = PROFILE_PATH + EXPORT_NAME };

static int format_parse(const char *word, enum export_format *out, struct err *e)
{
	const char *nearest = word_nearest(word, export_format_words);

	for (unsigned i = 0; export_format_words[i]; i++) {
		if (strcmp(word, export_format_words[i]) != 0)
			continue;
		*out = (enum export_format)i;
		return 0;
	}
	return err_wrong(
		e, "no format '%.100s': choose compose, systemd, kubernetes or numactl%s%s%s", word,
		nearest ? "; the nearest is '" : "", nearest ? nearest : "", nearest ? "'" : "");
}

/* ---- what of this machine the text names */

struct places {
	struct spark spark;
	char java[PROFILE_PATH]; /* JAVA_HOME */
	char user[PROFILE_WORD];
	long uid, gid;
};

/* Formats whose daemons are processes of this machine, with its Spark and Java. */
static bool is_of_host(enum export_format format)
{
	return format == EXPORT_SYSTEMD || format == EXPORT_NUMACTL;
}

/* The workers' user as `up` chooses him; root has no name here, as one that nobody chose. */
static void find_user(const struct inputs *in, struct places *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.-";
	const char *sudo = getenv("SUDO_USER"), *name = in->profile.security.user;
	const struct passwd *user = NULL;

	out->uid = out->gid = -1;
	string_copy(out->user, name);
	if (!in->topology.this_machine)
		return;
	if (name[0])
		user = getpwnam(name);
	else if (geteuid() == 0 && sudo && sudo[0])
		user = getpwnam(sudo);
	else if (geteuid() != 0)
		user = getpwuid(geteuid());
	if (!user || user->pw_uid == 0 || user->pw_name[strspn(user->pw_name, letters)] ||
	    string_copy(out->user, user->pw_name))
		return;
	out->uid = (long)user->pw_uid;
	out->gid = (long)user->pw_gid;
}

/*
 * Spark and Java: of a machine elsewhere, and for an image, what the profile says; of this machine
 * what `up` would take, with the plan decided again for that JDK. None is no error: the text has a
 * place to write it.
 */
static int find_places(const struct options *o, struct inputs *in, enum export_format format,
		       struct places *out, struct err *e)
{
	cleanup_free struct cluster *c = calloc(1, sizeof(*c));
	struct err why;

	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	find_user(in, out);
	string_copy(out->spark.home, in->profile.spark.home);
	string_copy(out->java, in->profile.jvm.home);
	if (!in->topology.this_machine || !is_of_host(format))
		return 0;
	if (cluster_paths(o->roots.state_dir, in->profile.name, c, &why) ||
	    cluster_user(&in->profile, c, &why) ||
	    spark_resolve(&in->profile, c, &out->spark, &why)) {
		fprintf(stderr, "cleave: the text has no place of Spark's: %s\n", FOREIGN(why.msg));
		return 0;
	}
	string_copy(out->java, out->spark.java_home);
	in->facts.java_version = out->spark.java_version;
	return inputs_decide(in, e);
}

/* ---- --output */

/* Whether DIR/name is there already; refused where it says something else. */
static int check_file(const char *path, const struct export_file *file, bool *is_there,
		      struct err *e)
{
	cleanup_free char *text = NULL;
	size_t size;
	int r = file_read(path, file->size, &text, &size, e);

	*is_there = false;
	if (r == -ENOENT)
		return 0;
	if (r && r != -EFBIG)
		return r;
	if (r || size != file->size || memcmp(text, file->text, size) != 0)
		return err_set(e, -EEXIST,
			       "--output: %s is there with another text: remove it, or choose "
			       "another directory",
			       path);
	*is_there = true;
	return 0;
}

static int make_directory(const char *path, struct err *e)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "--output: cannot make %s", path);
	return 0;
}

/* All are looked at before one is written. */
static int write_files(const char *directory, const struct export_files *f, struct err *e)
{
	bool is_there[EXPORT_FILES] = {0};
	char path[PATH_BYTES], *slash;

	if (strlen(directory) >= PROFILE_PATH)
		return err_wrong(e, "--output: a path of more than %d bytes", PROFILE_PATH - 1);
	for (unsigned i = 0; i < f->count; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, f->files[i].name);
		if (check_file(path, &f->files[i], &is_there[i], e))
			return e->code;
	}
	if (make_directory(directory, e))
		return e->code;
	for (unsigned i = 0; i < f->count; i++) {
		const struct export_file *file = &f->files[i];

		snprintf(path, sizeof(path), "%s/%s", directory, file->name);
		slash = strrchr(path, '/');
		*slash = '\0';
		if (strchr(file->name, '/') && make_directory(path, e))
			return e->code;
		*slash = '/';
		if (!is_there[i] && file_replace(path, file->text, file->size, 0644, e))
			return e->code;
		printf("%s\n", FOREIGN(path));
	}
	return 0;
}

static int run_export(const struct invocation *invocation, struct err *e)
{
	const struct options *o = &invocation->options;
	cleanup_free struct inputs *in = calloc(1, sizeof(*in));
	cleanup_free struct places *places = calloc(1, sizeof(*places));
	cleanup_export_files struct export_files files = {0};
	struct cpuset all = {0};
	struct spark_request asked;
	enum export_format format = EXPORT_COMPOSE;
	struct exported x;

	if (!in || !places)
		return err_set(e, -ENOMEM, "out of memory");
	if (format_parse(invocation->operand, &format, e) ||
	    inputs_profile(invocation->second, in, e) || inputs_read(&o->roots, in, e) ||
	    inputs_decide(in, e) || find_places(o, in, format, places, e))
		return e->code;
	for (unsigned i = 0; i < in->plan.slice_count; i++)
		cpuset_add(&all, i);
	asked = spark_request(&in->plan, &in->profile.spark.conf, &all);
	x = (struct exported){
		.plan = &in->plan,
		.profile = &in->profile,
		.called = in->called ? in->called : "",
		.machine = in->topology.this_machine ? "this machine" : in->topology.source,
		.spark_home = places->spark.home,
		.java_home = places->java,
		.user = places->user,
		.uid = places->uid,
		.gid = places->gid,
		.cores_max = asked.cores_max,
		.executor_cores = asked.executor_cores,
		.heap_mb = asked.heap_mb,
	};
	if (export_make(&x, format, &files, e))
		return e->code;
	if (o->output)
		return write_files(o->output, &files, e);
	export_print(&files, stdout);
	return 0;
}

static const struct option options[] = {
	{"output", "DIR", "write files there; one that says something else is kept and refused",
	 OPTION(output)},
	{0},
};

const struct command cmd_export = {
	.name = "export",
	.arguments = "FORMAT [PROFILE]",
	.summary = "Print the plan for Compose, systemd, Kubernetes or numactl",
	.details =
		"FORMAT is compose, systemd, kubernetes or numactl. The text gives the same slices without cleave,\n"
		"and says how it is used and what it does not give. It holds no secret. Nothing is started.",
	.options = options,
	.min_operands = 1,
	.max_operands = 2,
	.run = run_export,
};
