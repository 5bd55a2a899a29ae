/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/launcher/spark_tree.h"

#include <errno.h>
#include <sys/stat.h>

struct spark_tree *spark_tree_new(const char *top)
{
	struct spark_tree *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	profile_default(&t->profile);
	string_copy(t->cluster.name, "tree");
	snprintf(t->cluster.state, sizeof(t->cluster.state), "%s/state/tree", top);
	snprintf(t->cluster.data, sizeof(t->cluster.data), "%s/data/tree", top);
	t->cluster.uid = geteuid();
	t->cluster.gid = getegid();
	t->plan.slice_count = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct slice *s = &t->plan.slices[i];

		s->id = i;
		snprintf(s->name, sizeof(s->name), "slice-%u", i);
		s->slots = 3 + i;
		s->executors = 1;
		s->address = PLAN_FIRST_ADDRESS + i;
		s->memory.heap_bytes = (uint64_t)(1000 + i) << 20;
	}
	string_copy(t->spark.home, "/opt/spark");
	string_copy(t->spark.scala_version, "2.13");
	string_copy(t->spark.version, "4.1.0");
	string_copy(t->spark.java, "/opt/jdk/bin/java");
	string_copy(t->spark.java_home, "/opt/jdk");
	strings_add(&t->spark.launch, "/opt/jdk/bin/java");
	strings_add(&t->spark.launch, "-cp");
	strings_add(&t->spark.launch, "/opt/spark/jars/*");
	t->all = (struct spark_cluster){.cluster = &t->cluster,
					.profile = &t->profile,
					.plan = &t->plan,
					.spark = &t->spark,
					.master = {"127.0.0.1", 7077, 8080}};
	return t;
}

const struct cluster *spark_tree_caller(void)
{
	static struct cluster caller;

	caller.uid = geteuid();
	caller.gid = getegid();
	return &caller;
}

bool spark_tree_has(const struct argv *argv, const char *word)
{
	for (size_t i = 0; i < argv->count; i++)
		if (strcmp(argv->items[i], word) == 0)
			return true;
	return false;
}

const char *spark_tree_home(void)
{
	const char *home = getenv("SPARK_HOME");

	if (!home)
		home = "build/spark";
	return access(home, R_OK) == 0 ? home : NULL;
}

void spark_tree_program(const char *path, const char *file, const char *text)
{
	char full[PROFILE_PATH];
	FILE *stream;

	for (const char *end = strchr(path + 1, '/');; end = strchr(end + 1, '/')) {
		snprintf(full, sizeof(full), "%.*s", end ? (int)(end - path) : (int)strlen(path),
			 path);
		if (mkdir(full, 0755) < 0 && errno != EEXIST)
			abort();
		if (!end)
			break;
	}
	snprintf(full, sizeof(full), "%s/%s", path, file);
	stream = fopen(full, "we");
	if (!stream || fputs(text, stream) < 0 || fclose(stream) || chmod(full, 0755) < 0)
		abort();
}

const char spark_tree_java[] =
	"#!/bin/sh\n"
	"case \"$*\" in\n"
	"*-version) printf '%s\\n' 'Property settings:' \"    java.home = ${0%/bin/java}\" \\\n"
	"  '    java.vendor = Nobody' '    java.version = 21.0.3' 'openjdk version \"21.0.3\"' >&2 ;;\n"
	"*SparkSubmit*) printf '\\0\\n/jdk/bin/java\\0-cp\\0/jars/*\\0--opens\\0org.apache.spark.deploy.SparkSubmit\\0' ;;\n"
	"*) printf '\\0\\n/jdk/bin/java\\0-cp\\0/jars/*\\0org.apache.spark.deploy.worker.Worker\\0' ;;\n"
	"esac\n";

void spark_tree_fake(const char *top, const char *java, char home[PROFILE_PATH],
		     char jdk[PROFILE_PATH])
{
	char path[PROFILE_PATH + 16];

	snprintf(home, PROFILE_PATH, "%s/spark", top);
	snprintf(path, sizeof(path), "%s/jars", home);
	spark_tree_program(path, "spark-core_2.13-4.1.0.jar", "");
	snprintf(path, sizeof(path), "%s/bin", home);
	spark_tree_program(path, "spark-submit", "#!/bin/sh\n");
	snprintf(jdk, PROFILE_PATH, "%s/jdk", top);
	snprintf(path, sizeof(path), "%s/bin/java", jdk);
	unlink(path); /* what a failed test left may run it still: ETXTBSY */
	snprintf(path, sizeof(path), "%s/bin", jdk);
	spark_tree_program(path, "java", java);
	/* So that it is known for a JDK (JEP 220). */
	snprintf(path, sizeof(path), "%s/lib", jdk);
	spark_tree_program(path, "modules", "");
}

bool spark_tree_notes_have(const struct argv *notes, const char *text)
{
	for (size_t i = 0; i < notes->count; i++)
		if (strstr(notes->items[i], text))
			return true;
	return false;
}
