/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_DOCTOR_DOCTOR_H
#define LAUNCHER_DOCTOR_DOCTOR_H

/*
 * What this machine can do for cleave, what is missing, and the command that would fix it: a list
 * of findings, made from facts that were read before. Nothing of the machine is changed: an empty
 * group is made and removed, for only a try can tell what a security module forbids.
 */

#include "launcher/doctor/facts.h"
#include "launcher/doctor/finding.h"
#include "launcher/system/roots.h"

/*
 * Read the facts that matter to `p`; `wait_ms` is how long the use of the CPUs is measured. About
 * 400 KB: keep it on the heap.
 */
int doctor_read(const struct profile *p, const struct roots *roots, unsigned wait_ms,
		struct doctor_facts *out, struct err *e);

void doctor_judge(const struct doctor_facts *f, struct findings *out);

#endif
