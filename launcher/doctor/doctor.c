/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/doctor/doctor.h"

#include "launcher/doctor/room.h"

int doctor_read(const struct profile *p, const struct roots *roots, unsigned wait_ms,
		struct doctor_facts *out, struct err *e)
{
	const char *engine_cgroups = NULL;
	struct tree tree;
	int r;

	memset(out, 0, sizeof(*out));
	out->wants_engine = profile_has_engine(p);
	r = tree_read(roots->cgroup_root, &tree, e);
	if (r < 0)
		return r;
	out->place = tree.facts;
	out->engine_result = spark_find_engine(p, &out->engine, &out->engine_error);
	if (out->wants_engine && !out->engine_result)
		engine_cgroups = out->engine.cgroup_driver;
	r = groups_read(&tree, &p->partition, out, e);
	if (r < 0)
		return r;
	if (engine_cgroups)
		out->place_result = tree_align(&tree, &out->place_error);
	if (!out->place_result)
		out->place_result = tree_place(
			&tree, out->wants_engine && !engine_cgroups ? BACKEND_AUTO : p->backend,
			engine_cgroups, &out->decided, &out->place_error);
	if (!out->place_result)
		out->place_result = placement_try(&out->decided, &out->place_error);
	kernel_read(out);
	machine_read(p, &tree, out);
	spark_read(p, out);
	doors_read(p, out);
	identity_read(p, roots->state_dir, out);
	directories_read(p, out);
	r = tree_claims(&tree, "", &out->claims, e);
	if (r == 0)
		r = busy_measure(wait_ms, 0.2, out->busy, BUSY_MAX, e);
	if (r < 0)
		return r;
	out->busy_count = (unsigned)r;
	return 0;
}

void doctor_judge(const struct doctor_facts *f, struct findings *out)
{
	out->count = out->missing = 0;
	groups_judge(f, out);
	kernel_judge(f, out);
	machine_judge(f, out);
	spark_judge(f, out);
	doors_judge(f, out);
	identity_judge(f, out);
	directories_judge(f, out);
	others_judge(f, out);
}
