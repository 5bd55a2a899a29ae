/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shell, spark-env.sh and spark-defaults.conf set that is cleave's, as `up` and `run` would
 * find it.
 */

#include "launcher/doctor/room.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/spark/doors.h"

static int read_notes(const struct profile *p, struct doctor_facts *out, struct argv *notes,
		      struct err *e)
{
	cleanup_free struct profile *own = malloc(sizeof(*own));
	cleanup_argv struct argv env = {0}, none = {0};
	struct cluster c = {.uid = geteuid(), .gid = getegid()};

	if (!own)
		return err_set(e, -ENOMEM, "out of memory");
	*own = *p;
	for (char **item = environ; *item; item++)
		argv_add(&env, *item);
	if (env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	if (cluster_user(p, &c, e) ||
	    doors_judge_environment(&env, &none, "in the environment", notes, e))
		return e->code;
	return spark_take_environment(p, &c, &out->spark, notes, e) ||
			       spark_take_defaults(&c, &out->spark, own, notes, e)
		       ? e->code
		       : 0;
}

void doors_read(const struct profile *p, struct doctor_facts *out)
{
	cleanup_argv struct argv notes = {0};

	if (out->spark_result)
		return; /* without a Spark there are no files of its */
	out->doors_result = read_notes(p, out, &notes, &out->doors_error);
	for (size_t i = 0; i < notes.count; i++)
		if (strings_add(&out->door_notes, notes.items[i]))
			break; /* the first will do */
}

void doors_judge(const struct doctor_facts *f, struct findings *out)
{
	if (f->spark_result)
		return;
	if (f->doors_result)
		finding_add(out, FINDING_MISSING, "settings", "", "%s", f->doors_error.msg);
	strings_for_each(note, &f->door_notes)
	{
		finding_add(out, FINDING_NOTE, "settings", "", "%s", FOREIGN(note));
	}
	if (!f->doors_result && !f->door_notes.count)
		finding_add(out, FINDING_OK, "settings", "",
			    "neither the environment nor spark-env.sh and spark-defaults.conf set "
			    "what is cleave's");
}
