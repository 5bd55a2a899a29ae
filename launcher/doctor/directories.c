/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done where the cluster would keep its things, and how much room there is.
 */

#include "launcher/doctor/room.h"

#include "decision/base/size_text.h"

enum { FILES_ENOUGH = 100000 };

static const uint64_t bytes_enough = 1 << 30;

void directories_read(const struct profile *p, struct doctor_facts *out)
{
	if (!out->cluster_result)
		directories_look(&out->cluster, p, out->directories);
}

void directories_judge(const struct doctor_facts *f, struct findings *out)
{
	static const struct {
		const char *name, *setting;
		bool takes_room; /* of the data that applications work on */
	} known[] = {
		[SPARK_STATE] = {"state-directory", "--state-dir (else XDG_RUNTIME_DIR)", false},
		[SPARK_DATA] = {"data-directory", "--state-dir (else XDG_STATE_HOME)", true},
		[SPARK_SCRATCH] = {"scratch", "memory.scratch.path (in the profile)", true},
	};

	for (unsigned i = 0; i < SPARK_DIRECTORIES; i++) {
		const struct directory_look *d = &f->directories[i];
		/* Shuffles go where memory.scratch.path is. */
		bool takes_room = known[i].takes_room &&
				  (i != SPARK_DATA || !f->directories[SPARK_SCRATCH].path[0]);

		if (!d->path[0])
			continue;
		if (d->result < 0)
			finding_add(out, FINDING_MISSING, known[i].name, known[i].setting, "%s",
				    d->error.msg);
		else if (takes_room &&
			 (d->free_bytes < bytes_enough || d->free_bytes < d->bytes / 10))
			finding_add(
				out, FINDING_NOTE, known[i].name, known[i].setting,
				"%s has %s free of %s: shuffles, spills and the JVMs' native libraries need room",
				d->path, SIZE_STRING(d->free_bytes), SIZE_STRING(d->bytes));
		else if (takes_room && d->files && d->free_files < FILES_ENOUGH)
			finding_add(out, FINDING_NOTE, known[i].name, known[i].setting,
				    "%s has %llu inodes free of %llu: a shuffle takes two a task",
				    d->path, (unsigned long long)d->free_files,
				    (unsigned long long)d->files);
		else
			finding_add(out, FINDING_OK, known[i].name, "", "%s, %s free", d->path,
				    SIZE_STRING(d->free_bytes));
	}
}
