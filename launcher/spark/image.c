/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which engine, which image, and which Spark, Java and python are in it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/plan/observation.h"
#include "launcher/spark/room.h"

enum { SURVEY_TIMEOUT_MS = 60 * 1000, SURVEY_MAX = 16 << 10 };

/* ---- the engine */

/*
 * Whether it has a cpuset, only Docker can tell (Podman 4.3 says no as root, and no also where its
 * user has one): of others the groups tell, when they are made.
 */
static int check_engine(const struct spark_engine *engine, const struct engine_about *a,
			struct err *e)
{
	bool is_docker = strcmp(a->name, "docker") == 0;

	if (is_docker && !a->has_cpuset && a->is_rootless)
		return err_impossible(
			e,
			"the rootless engine at %s cannot bind containers to CPUs: its user's "
			"service has no cpuset (Delegate=cpu cpuset io memory pids in a drop-in of "
			"user@.service); or set docker.socket to root's engine",
			engine->socket);
	if (is_docker && (!a->has_cpuset || !a->has_memory_limit))
		return err_impossible(
			e, "the engine at %s cannot %s: this kernel has no %s controller",
			engine->socket, a->has_cpuset ? "limit memory" : "bind containers to CPUs",
			a->has_cpuset ? "memory" : "cpuset");
	if (strcmp(a->cgroup_driver, "cgroupfs") != 0 && strcmp(a->cgroup_driver, "systemd") != 0)
		return err_impossible(e,
				      "the engine at %s makes groups by \"%s\": cgroupfs and "
				      "systemd are what cleave knows",
				      engine->socket, a->cgroup_driver);
	/* Root's systemd makes its groups, a user's makes ours. */
	if (strcmp(a->cgroup_driver, "systemd") == 0 && geteuid() != 0 && !a->is_rootless)
		return err_impossible(
			e,
			"the engine at %s is root's, and has systemd make its groups, not in "
			"those that a user may make: run cleave as root, or set docker.socket "
			"to a rootless engine's",
			engine->socket);
	return 0;
}

static void show_progress(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "cleave: %s\n", FOREIGN(line));
}

static int find_image(struct engine *g, const struct profile *p, struct image *out, struct err *e)
{
	const char *name = p->docker.image;
	struct utsname here;
	int r = -ENOENT;

	if (p->docker.pull != PULL_ALWAYS)
		r = image_inspect(g, name, out, e);
	if (r == -ENOENT && p->docker.pull == PULL_NEVER)
		return err_set(e, r,
			       "docker.image: the engine has no image %s: load it, or set "
			       "docker.pull: missing",
			       name);
	if (r == -ENOENT) {
		fprintf(stderr, "cleave: fetching the image %s\n", FOREIGN(name));
		r = image_pull(g, name, show_progress, NULL, e);
		if (!r)
			r = image_inspect(g, name, out, e);
	}
	if (r)
		return err_wrap(e, "docker.image");
	uname(&here);
	if (strcmp(out->architecture, here.machine) != 0)
		return err_impossible(e, "docker.image: %s is for %s, this machine is %s", name,
				      out->architecture, here.machine);
	return 0;
}

/* ---- what is in the image */

/*
 * In the shell that Spark's own scripts need. An image without one has no Spark, and its Java is
 * found where JAVA_HOME says, if at all. Where java lies in a JDK, "jdk" is what it will call its
 * java.home, as guess_java_home() of this machine's. python3 says itself which one it is, behind
 * whatever it says else, or nothing where it does not run.
 */
static const char survey[] =
	"home=${SPARK_HOME:-/opt/spark}\n"
	"if [ -x \"$home/bin/spark-submit\" ]; then\n"
	"  for jar in \"$home\"/jars/spark-core_*.jar \"$home\"/jars/hadoop-client-api-*.jar; do\n"
	"    echo \"jar ${jar##*/}\"\n"
	"  done\n"
	"  echo \"spark $(readlink -f \"$home\")\"\n"
	"fi\n"
	"java=${JAVA_HOME:-/nonexistent}/bin/java\n"
	"[ -x \"$java\" ] || java=$(command -v java)\n"
	"if [ -n \"$java\" ]; then\n"
	"  java=$(readlink -f \"$java\")\n"
	"  for jdk in \"${java%/bin/*}/jre\" \"${java%/bin/*}\"; do\n"
	"    for sign in lib/modules lib/rt.jar release; do\n"
	"      if [ -f \"$jdk/$sign\" ]; then\n"
	"        java=$jdk/bin/java; echo \"jdk $jdk\"; break 2\n"
	"      fi\n"
	"    done\n"
	"  done\n"
	"  echo \"java $java\"\n"
	"fi\n"
	"python=$(command -v python3) &&\n"
	"\"$python\" -I -c 'import sys; print(\"\\npython \" + sys.executable)'\n"
	"exit 0\n";

/* An absolute path behind `word` and a blank. */
static bool read_path(const char *line, const char *word, char path[PROFILE_PATH])
{
	size_t length = strlen(word);

	return strncmp(line, word, length) == 0 && line[length] == ' ' && line[length + 1] == '/' &&
	       string_copy_n(path, PROFILE_PATH, line + length + 1) == 0;
}

static void read_survey(char *text, struct spark *out)
{
	char home[PROFILE_PATH] = "";

	for (char *line = text, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		if (strncmp(line, "jar ", 4) == 0)
			spark_read_jar(line + 4, out);
		else if (!read_path(line, "spark", home) && !read_path(line, "java", out->java) &&
			 !read_path(line, "jdk", out->java_home))
			read_path(line, "python", out->python);
	}
	if (home[0] && out->version[0])
		string_copy(out->home, home);
	if (!out->java[0])
		out->java_home[0] = '\0';
}

static int look_into(struct engine *g, const struct container_spec *in, struct spark *out,
		     struct err *e)
{
	const char *const argv[] = {"/bin/sh", "-c", survey, NULL};
	const char *const none[] = {NULL};
	cleanup_free struct printed *p = calloc(1, sizeof(*p));
	struct container_spec spec = *in;
	char text[SURVEY_MAX];
	int r;

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	p->out = text;
	p->size = sizeof(text);
	spec.argv = (char *const *)argv;
	spec.envp = (char *const *)none;
	r = container_capture(g, &spec, SURVEY_TIMEOUT_MS, p, e);
	if (r == 0)
		read_survey(text, out);
	/* 127, or the engine's refusal: there is no shell. */
	return r == -ECONNREFUSED || r == -ETIMEDOUT || r == -EEXIST ? r : 0;
}

/* A container to ask in: as the slices', without what is a slice's own. */
static void make_asking(const struct cluster *c, const struct spark_engine *engine,
			const struct image *image, struct container_spec *out)
{
	*out = (struct container_spec){0};
	snprintf(out->name, sizeof(out->name), "cleave-%s-question-%d", c->name, (int)getpid());
	string_copy(out->image, image->id);
	string_copy(out->cluster, c->name);
	string_copy(out->slice, GROUP_HOST);
	spark_container_user(engine, c->uid, c->gid, out->user);
	string_copy(out->directory, "/");
}

/* What the image lacks, or the profile names, is this machine's. */
static int complete(const struct profile *p, const struct cluster *c, struct spark *inside,
		    const char **from, struct err *e)
{
	cleanup_free struct spark *here = calloc(1, sizeof(*here));
	struct python python;

	if (!here)
		return err_set(e, -ENOMEM, "out of memory");
	*from = "its java";
	inside->mounts_home = p->spark.home[0] || !inside->home[0];
	inside->mounts_java = p->jvm.home[0] || !inside->java[0];
	if (inside->mounts_home) {
		if (spark_find_python(c, &python, e))
			return e->code;
		string_copy(here->python, python.path);
		string_copy(here->python_trouble, python.trouble);
		if (spark_find_home(p, c, here, e))
			return err_wrap(e, "docker.image: %s has no Spark to be used, and here",
					p->docker.image);
		string_copy(inside->hadoop, here->hadoop);
		string_copy(inside->home, here->home);
		string_copy(inside->version, here->version);
		string_copy(inside->scala_version, here->scala_version);
	}
	if (inside->mounts_java) {
		/* What is mounted is a JDK, not a shim of one. */
		if (spark_find_java(p, c, here, from, e) || spark_lead_java(c, *from, here, e))
			return err_wrap(e, "docker.image: %s has no Java to be used, and here",
					p->docker.image);
		string_copy(inside->java, here->java);
		string_copy(inside->java_home, here->java_home);
	}
	return 0;
}

static int check_versions(const struct profile *p, const struct spark *here,
			  const struct spark *inside, struct err *e)
{
	if (strcmp(here->version, inside->version) == 0 &&
	    strcmp(here->scala_version, inside->scala_version) == 0)
		return 0;
	return err_set(e, -EINVAL,
		       "docker.image: %s has Spark %s (Scala %s), this machine's, for master and "
		       "drivers, is %s (Scala %s): set docker.master: container, or spark.home to "
		       "one of the image's version",
		       p->docker.image, inside->version, inside->scala_version, here->version,
		       here->scala_version);
}

static int resolve(struct engine *g, const struct spark_engine *engine, const struct profile *p,
		   const struct cluster *c, struct spark *spark, struct spark *inside,
		   struct err *e)
{
	cleanup_free struct container_spec *asking = calloc(1, sizeof(*asking));
	struct spark_asked asked = {.cluster = c, .engine = g, .container = asking};
	struct image image;
	const char *from;

	if (!asking)
		return err_set(e, -ENOMEM, "out of memory");
	if (find_image(g, p, &image, e))
		return e->code;
	string_copy(inside->image, image.id);
	make_asking(c, engine, &image, asking);
	if (look_into(g, asking, inside, e) || complete(p, c, inside, &from, e) ||
	    spark_path_check("docker.image", inside->home, SPARK_PATH_CLASSES, e) ||
	    spark_path_check("docker.image", inside->java, SPARK_PATH_JDK, e) ||
	    spark_add_programs(asking, inside, e))
		return e->code;
	if (spark_ask(&asked, from, inside, e))
		return err_wrap(e, "docker.image: in a container of %s", p->docker.image);
	if (p->docker.master == DOCKER_MASTER_CONTAINER) {
		*spark = *inside;
		return 0;
	}
	return spark_resolve(p, c, spark, e) || check_versions(p, spark, inside, e) ? e->code : 0;
}

static int open_engine(const struct profile *p, struct spark_engine *out, struct engine **g,
		       struct err *e)
{
	struct spark_engine found = {0};
	struct engine_about about;
	int r;

	if (engine_find_socket(p->docker.socket, p->backend, found.socket, e) ||
	    engine_open(found.socket, g, e))
		return e->code == -ECONNREFUSED ? err_wrap(e, "docker.socket") : e->code;
	r = engine_about(*g, &about, e);
	if (!r) {
		string_copy(found.name, about.name);
		string_copy(found.version, about.version);
		string_copy(found.cgroup_driver, about.cgroup_driver);
		found.is_rootless = about.is_rootless;
		r = check_engine(&found, &about, e);
	}
	if (r)
		engine_close(*g);
	else
		*out = found;
	return r;
}

int spark_find_engine(const struct profile *p, struct spark_engine *out, struct err *e)
{
	struct engine *g = NULL;
	int r = open_engine(p, out, &g, e);

	if (!r)
		engine_close(g);
	return r;
}

int spark_resolve_contained(const struct profile *p, const struct cluster *c,
			    struct spark_engine *engine, struct spark *spark,
			    struct spark *contained, struct err *e)
{
	cleanup_free struct spark *inside = calloc(1, sizeof(*inside));
	struct spark_engine found;
	struct engine *g = NULL;
	int r;

	if (!inside)
		return err_set(e, -ENOMEM, "out of memory");
	if (open_engine(p, &found, &g, e))
		return e->code;
	r = resolve(g, &found, p, c, spark, inside, e);
	engine_close(g);
	if (r)
		return r;
	*engine = found;
	*contained = *inside;
	return 0;
}
