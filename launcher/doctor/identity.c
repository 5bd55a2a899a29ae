/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who Spark's processes run as on this machine, in which locale, and under which limits.
 */

#include "launcher/doctor/room.h"

#include "launcher/system/environment.h"

void identity_read(const struct profile *p, const char *state_dir, struct doctor_facts *out)
{
	cleanup_argv struct argv env = {0};
	uint64_t heap = size_bytes(&p->memory.heap, 0);

	out->cluster_result = cluster_paths(state_dir, p->name, &out->cluster, &out->cluster_error);
	if (!out->cluster_result)
		out->cluster_result = cluster_user(p, &out->cluster, &out->cluster_error);
	out->has_name = spark_check_user(out->cluster.uid, &(struct err){0}) == 0;
	environment_put_locale(&env);
	out->has_utf8 = !env.failed && environment_has_utf8(env.items);
	limits_read(&out->limits);
	/* A Master, one slice and its executor. */
	if (heap < HEAP_LEAST_BYTES)
		heap = HEAP_LEAST_BYTES;
	out->limits_use = (struct limits_use){
		.uid = out->cluster.uid, .jvms = 3, .heap_mb = (unsigned)(heap >> 20)};
}

static void judge_limits(const struct doctor_facts *f, struct findings *out)
{
	static const char *const names[] = {
		[LIMIT_FILES] = "open-files",	     [LIMIT_PROCESSES] = "threads",
		[LIMIT_ADDRESSES] = "address-space", [LIMIT_DATA] = "data-size",
		[LIMIT_FILE_SIZE] = "file-size",     [LIMIT_CPU] = "cpu-time",
	};
	static const char fix[] = "raise the hard limit for who calls cleave "
				  "(/etc/security/limits.conf, Limit…= of a unit)";
	char text[LIMIT_TEXT];
	struct err e;

	if (limits_check(&f->limits, &f->limits_use, &e))
		finding_add(out, FINDING_MISSING, "limits", fix, "%s", e.msg);
	for (enum limit i = 0; i < LIMIT_COUNT; i++)
		if (limits_are_narrow(&f->limits, i, &f->limits_use, text))
			finding_add(out, FINDING_NOTE, names[i], fix, "%s", text);
}

void identity_judge(const struct doctor_facts *f, struct findings *out)
{
	const struct cluster *c = &f->cluster;

	if (f->cluster_result < 0)
		finding_add(out, FINDING_MISSING, "user", "", "%s", f->cluster_error.msg);
	else if (!f->has_name)
		finding_add(out, f->wants_engine ? FINDING_NOTE : FINDING_MISSING, "user",
			    "useradd, or security.user (in the profile)",
			    "user %u has no entry in the password database: Spark ends where the "
			    "user that it runs as has no name",
			    (unsigned)c->uid);
	else
		finding_add(out, FINDING_OK, "user", "", "Spark runs as %s (uid %u)",
			    c->user[0] ? c->user : "the caller", (unsigned)c->uid);
	if (!f->has_utf8)
		finding_add(out, FINDING_NOTE, "locale", "localedef -i en_US -f UTF-8 en_US.UTF-8",
			    "neither C.UTF-8 nor en_US.UTF-8 is on this machine: files whose names "
			    "are not ASCII are not found");
	judge_limits(f, out);
}
