/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spark, Java, python3 and a container engine, as `up` would find them.
 */

#include "launcher/doctor/room.h"

#include <errno.h>

/* As `up` would, but that no image is fetched. */
static void find_contained(const struct profile *p, const struct cluster *c,
			   struct doctor_facts *out)
{
	struct profile own = *p;

	own.docker.pull = PULL_NEVER;
	out->spark_result = spark_resolve_contained(&own, c, &out->engine, &out->spark,
						    &out->contained, &out->spark_error);
}

void spark_read(const struct profile *p, struct doctor_facts *out)
{
	struct cluster c = {.uid = geteuid(), .gid = getegid()};

	out->spark_result = cluster_user(p, &c, &out->spark_error);
	if (!out->spark_result && out->wants_engine && !out->engine_result)
		find_contained(p, &c, out);
	else if (!out->spark_result)
		out->spark_result = spark_resolve(p, &c, &out->spark, &out->spark_error);
	/* What containers run is theirs. */
	if (!out->spark_result && !out->wants_engine)
		out->python_result = spark_check_choice(&c, &out->python_error);
	if (!out->spark_result)
		out->archive_result =
			archive_find(&out->spark, c.uid, &out->archive, &out->archive_error);
}

static void judge_engine(const struct doctor_facts *f, struct findings *out)
{
	char remark[ERR_TEXT];

	if (f->engine_result < 0)
		finding_add(out, f->wants_engine ? FINDING_MISSING : FINDING_NOTE, "engine", "",
			    "slices cannot be containers: %s", f->engine_error.msg);
	else
		finding_add(out, FINDING_OK, "engine", "", "%s %s at %s, groups by %s",
			    f->engine.name, f->engine.version, f->engine.socket,
			    f->engine.cgroup_driver);
	if (!f->wants_engine || f->engine_result < 0 || f->spark_result < 0)
		return;
	finding_add(out, FINDING_OK, "image", "", "%.19s: Spark %s at %s%s, Java %d at %s%s",
		    f->contained.image, f->contained.version, f->contained.home,
		    f->contained.mounts_home ? " (mounted)" : "", f->contained.java_version,
		    f->contained.java, f->contained.mounts_java ? " (mounted)" : "");
	if (!f->contained.python[0])
		finding_add(out, FINDING_NOTE, "image-python3", "",
			    "the image has no python3 that runs: applications in Python cannot");
	if (spark_java_remark(&f->contained, remark))
		finding_add(out, FINDING_NOTE, "image-java", "", "%s", remark);
}

/* Fine, or what `up` says about the pair, too. */
static void judge_java(const struct spark *s, struct findings *out)
{
	char remark[ERR_TEXT];

	if (spark_java_remark(s, remark))
		finding_add(out, FINDING_NOTE, "java", "jvm.home", "%s", remark);
	else
		finding_add(out, FINDING_OK, "java", "", "%s%s%s%s at %s", s->java_full,
			    s->java_vendor[0] ? " (" : "", s->java_vendor,
			    s->java_vendor[0] ? ")" : "", s->java_home);
}

/* What `run` gives an application in Python: the user's own choice comes first. */
static void judge_python(const struct doctor_facts *f, struct findings *out)
{
	const struct spark *s = &f->spark;
	char remark[ERR_TEXT];

	if (f->python_result < 0)
		finding_add(out, FINDING_NOTE, "pyspark-python", "",
			    "applications in Python cannot run: %s", f->python_error.msg);
	if (s->python_trouble[0])
		finding_add(out, FINDING_NOTE, "python3", "mend it, or set PYSPARK_PYTHON",
			    "the one on PATH cannot be used: %s", s->python_trouble);
	else if (!s->python[0])
		finding_add(out, FINDING_NOTE, "python3", "apt-get install python3",
			    "not on PATH: applications in Python cannot run");
	else if (spark_python_remark(s, remark))
		finding_add(out, FINDING_NOTE, "python3", "", "%s", remark);
	else if (s->python_version[0])
		finding_add(out, FINDING_OK, "python3", "", "%s at %s", s->python_version,
			    s->python);
	else
		finding_add(out, FINDING_OK, "python3", "", "%s", s->python);
}

static void judge_spark(const struct doctor_facts *f, struct findings *out)
{
	if (f->spark_result < 0) {
		finding_add(out, FINDING_MISSING, f->wants_engine ? "image" : "spark", "", "%s",
			    f->spark_error.msg);
		return;
	}
	finding_add(out, FINDING_OK, "spark", "", "%s at %s", f->spark.version, f->spark.home);
	judge_java(&f->spark, out);
	judge_python(f, out);
	if (f->wants_engine && !(f->contained.mounts_home && f->contained.mounts_java)) {
		finding_add(
			out, FINDING_NOTE, "fast-start", "spark.home and jvm.home (in the profile)",
			"JVMs start slower: an archive of classes is made for this machine's Spark "
			"and Java only, and the image has its own");
		return;
	}
	if (f->archive_result == 0)
		finding_add(out, FINDING_OK, "fast-start", "", "from the archive of classes %s",
			    f->archive.path);
	else if (f->archive_result == -ENOENT)
		finding_add(out, FINDING_NOTE, "fast-start", "",
			    "%s: it is made after the next up or run", f->archive_error.msg);
	else
		finding_add(out, FINDING_NOTE, "fast-start", "", "JVMs start slower: %s",
			    f->archive_error.msg);
}

void spark_judge(const struct doctor_facts *f, struct findings *out)
{
	judge_engine(f, out);
	judge_spark(f, out);
}
