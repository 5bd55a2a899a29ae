/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/wanted.h"

#include <arpa/inet.h>
#include <errno.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/spark.h"
#include "launcher/system/listening.h"

enum { PORTS_TRIED = 512 };
static const uint32_t loopback_last = 0x7ffffffe; /* 127.255.255.254 */

/* ---- the master's ports */

struct port {
	const char *key;
	int requested; /* AMOUNT_AUTO or the profile's */
	int first;     /* of auto */
	int known;     /* of the running master, 0: none runs */
	int *chosen;
};

/* `other` is the master's other port, which is chosen already. */
static int choose_port(const struct port *q, const char *host, int other, struct err *e)
{
	bool is_auto = q->requested == AMOUNT_AUTO;
	int first = is_auto ? q->first : q->requested;
	int last = is_auto ? q->first + PORTS_TRIED - 1 : q->requested;
	struct in_addr address;
	bool is_numeric = inet_pton(AF_INET, host, &address) == 1;
	int r = 0;

	if (q->known && (is_auto || q->requested == q->known)) {
		*q->chosen = q->known;
		return 0;
	}
	for (int port = first; port <= last && (!r || r == -EADDRINUSE); port++) {
		/* A name is Spark's to resolve: then only the check after the start can tell. */
		r = is_numeric ? listening_probe(ntohl(address.s_addr), port) : 0;
		if (!r && port != other) {
			*q->chosen = port;
			return 0;
		}
	}
	if (is_auto)
		return err_errno(e, r, "%s: no port from %d to %d is free on %s", q->key, first,
				 last, host);
	return err_errno(e, r, "%s: port %d on %s cannot be used: choose another or auto", q->key,
			 q->requested, host);
}

static int choose_endpoints(const struct profile *p, const struct state *known,
			    struct endpoints *out, struct err *e)
{
	bool is_running = known && process_is_alive(&known->master_process) &&
			  strcmp(known->master.address, p->spark.master_address) == 0;
	const struct port master = {"spark.master.port", p->spark.master_port, PLAN_MASTER_PORT,
				    is_running ? known->master.port : 0, &out->port};
	const struct port ui = {"spark.master.ui_port", p->spark.master_ui_port,
				PLAN_MASTER_UI_PORT, is_running ? known->master.ui_port : 0,
				&out->ui_port};
	int r;

	string_copy(out->address, p->spark.master_address);
	r = choose_port(&master, out->address, 0, e);
	return r ? r : choose_port(&ui, out->address, out->port, e);
}

/* ---- the slices' addresses */

/* Free, or our own already. */
static bool is_free(const struct listening_socket *list, size_t count, uint32_t address,
		    const struct plan *running)
{
	for (unsigned i = 0; running && i < running->slice_count; i++)
		if (running->slices[i].address == address)
			return true;
	return !listening_has_address(list, count, address);
}

/*
 * The first of `slices` free addresses in a row, from those of the running cluster or the default
 * on: slice i listens on the first address + i. A profile's own block is taken as it is.
 */
static int choose_first_address(const struct profile *p, const struct plan *running,
				unsigned slices, uint32_t *out, struct err *e)
{
	cleanup_free struct listening_socket *list = NULL;
	uint32_t begin = running && running->slice_count ? running->slices[0].address : 0;
	size_t count;
	int r = p->spark.first_address ? 0 : listening_read(&list, &count, e);

	if (r || p->spark.first_address)
		return r;
	/* Another profile's own choice may have been elsewhere; what we choose is loopback. */
	if (begin >> 24 != IN_LOOPBACKNET)
		begin = PLAN_FIRST_ADDRESS;
	for (uint32_t a = begin; a < begin + slices && a < loopback_last; a++)
		if (!is_free(list, count, a, running))
			begin = a + 1;
	if (begin + slices > loopback_last)
		return err_set(e, -EADDRINUSE,
			       "spark.first_address: no %u free loopback addresses in a row",
			       slices);
	*out = begin;
	return 0;
}

/* ---- all of it */

int wanted_make(const struct options *o, const struct state *known, struct inputs *in,
		struct state *out, struct err *e)
{
	struct cpuset slices;
	int r;

	if (inputs_read(&o->roots, in, e) < 0)
		return e->code;
	if (known && known->plan.slice_count)
		inputs_keep_workload(in, known->profile.workload.type);
	if (inputs_decide(in, e) < 0)
		return e->code;
	/* Of `run`: refused before anything is started for it. */
	if (o->slices && spark_slices_parse(o->slices, &in->plan, &slices, e))
		return e->code;
	if (!in->topology.this_machine)
		return err_impossible(
			e,
			"--topology %.200s is another machine: up works on this one, plan shows others",
			in->topology.source);
	if (in->profile.backend == BACKEND_DOCKER)
		return err_impossible(
			e, "backend: docker is not in this release, cgroup and affinity are");
	if ((r = cluster_paths(o->roots.state_dir, in->profile.name, &out->cluster, e)) ||
	    (r = spark_paths_check(&out->cluster, &in->profile, e)) ||
	    (r = cluster_user(&in->profile, &out->cluster, e)) ||
	    (r = spark_resolve(&in->profile, &out->cluster, &out->spark, e)) ||
	    (r = choose_endpoints(&in->profile, known, &out->master, e)) ||
	    (r = choose_first_address(&in->profile, known ? &known->plan : NULL,
				      in->plan.slice_count, &in->facts.first_address, e)))
		return r;
	/* Decided again, now that this is known too: the same cut, where it is to listen. */
	in->facts.java_version = out->spark.java_version;
	r = inputs_decide(in, e);
	out->phase = PHASE_STARTING;
	out->profile = in->profile;
	/* What it was cut for; the next `up` is not to see something else. */
	if (in->profile.workload.type == WORKLOAD_AUTO)
		out->profile.workload.type = in->facts.workload;
	out->plan = in->plan;
	return r;
}
