/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_DOCTOR_ROOM_H
#define LAUNCHER_DOCTOR_ROOM_H

/*
 * The subjects of the doctor, a file each: it reads its part of the facts and judges it. Reading
 * never fails because something is missing, which is what the findings are about.
 */

#include "launcher/doctor/facts.h"
#include "launcher/doctor/finding.h"

/* groups.c: controllers, where groups would be made, and what limits the caller */
int groups_read(const struct tree *t, const struct profile_partition *wanted,
		struct doctor_facts *out, struct err *e);
void groups_judge(const struct doctor_facts *f, struct findings *out);

/* kernel.c: what the kernel has of what cleave uses, and its memory settings; after the groups */
void kernel_read(struct doctor_facts *out);
void kernel_judge(const struct doctor_facts *f, struct findings *out);

/* machine.c: whether it can be cut, and memory and CPUs that are there but cannot be had */
void machine_read(const struct profile *p, const struct tree *tree, struct doctor_facts *out);
void machine_judge(const struct doctor_facts *f, struct findings *out);

/* spark.c: Spark, Java, python3 and a container engine, as `up` would find them */
void spark_read(const struct profile *p, struct doctor_facts *out);
void spark_judge(const struct doctor_facts *f, struct findings *out);

/* doors.c: what is set outside of a profile and is cleave's; after Spark */
void doors_read(const struct profile *p, struct doctor_facts *out);
void doors_judge(const struct doctor_facts *f, struct findings *out);

/*
 * identity.c: who Spark runs as here, in which locale and under which limits; it finds the cluster's
 * paths and user. directories.c: what can be done where that cluster would keep its things; after
 * the identity.
 */
void identity_read(const struct profile *p, const char *state_dir, struct doctor_facts *out);
void identity_judge(const struct doctor_facts *f, struct findings *out);
void directories_read(const struct profile *p, struct doctor_facts *out);
void directories_judge(const struct doctor_facts *f, struct findings *out);

/* others.c: who else uses the CPUs */
void others_judge(const struct doctor_facts *f, struct findings *out);

#endif
