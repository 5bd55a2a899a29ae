#include "launcher/commands/wanted.h"
#include "launcher/commands/command.h"

#include <arpa/inet.h>
#include <errno.h>

#include "decision/base/cleanup.h"
#include "launcher/system/listening.h"

enum { PORTS_TRIED = 512 };
static const uint32_t loopback_last = 0x7ffffffe; /* 127.255.255.254 */

/* ---- the master's ports */

struct port_wish {
	const char *key;
	int asked; /* AMOUNT_AUTO or the profile's */
	int first; /* of auto */
	int known; /* of the running master, 0: none runs */
	int other; /* the master's other port, already chosen */
};

static int choose_port(const struct port_wish *w, const char *host, int *port, struct err *e)
{
	struct in_addr address;
	bool is_numeric = inet_pton(AF_INET, host, &address) == 1;
	int first = w->asked == AMOUNT_AUTO ? w->first : w->asked;
	int last = w->asked == AMOUNT_AUTO ? w->first + PORTS_TRIED - 1 : w->asked;
	int r = 0;

	if (w->known && (w->asked == AMOUNT_AUTO || w->asked == w->known)) {
		*port = w->known;
		return 0;
	}
	for (int p = first; p <= last; p++) {
		/* A name is Spark's to resolve: then only the check after the start can tell. */
		r = is_numeric ? listening_probe(ntohl(address.s_addr), p) : 0;
		if (!r && p != w->other) {
			*port = p;
			return 0;
		}
		if (r != -EADDRINUSE && r)
			break;
	}
	if (w->asked == AMOUNT_AUTO)
		return err_errno(e, r, "%s: no port from %d to %d is free on %s", w->key, first,
				 last, host);
	return err_errno(e, r, "%s: port %d on %s cannot be used: choose another or auto", w->key,
			 w->asked, host);
}

static int choose_endpoints(const struct profile *p, const struct state *known,
			    struct endpoints *out, struct err *e)
{
	bool is_running = known && process_is_alive(&known->master_process) &&
			  strcmp(known->master.address, p->spark.master_address) == 0;
	struct port_wish master = {
		.key = "spark.master.port",
		.asked = p->spark.master_port,
		.first = PLAN_MASTER_PORT,
		.known = is_running ? known->master.port : 0,
	};
	struct port_wish ui = {
		.key = "spark.master.ui_port",
		.asked = p->spark.master_ui_port,
		.first = PLAN_MASTER_UI_PORT,
		.known = is_running ? known->master.ui_port : 0,
	};
	int r;

	string_copy(out->address, p->spark.master_address);
	r = choose_port(&master, out->address, &out->port, e);
	ui.other = out->port;
	return r ? r : choose_port(&ui, out->address, &out->ui_port, e);
}

/* ---- the slices' addresses */

static bool is_free(const struct listening_socket *list, size_t count, uint32_t address,
		    const struct state *known)
{
	const struct plan *running = known ? &known->plan : NULL;

	for (unsigned i = 0; running && i < running->slice_count; i++)
		if (running->slices[i].address == address)
			return true; /* our own */
	return !listening_has_address(list, count, address);
}

/* The first block of free addresses from `first` on. */
static int find_block(uint32_t first, unsigned slices, const struct state *known, uint32_t *out,
		      struct err *e)
{
	cleanup_free struct listening_socket *list = NULL;
	uint32_t begin = first;
	size_t count;
	int r = listening_read(&list, &count, e);

	if (r)
		return r;
	for (uint32_t a = begin; a < begin + slices && a < loopback_last; a++)
		if (!is_free(list, count, a, known))
			begin = a + 1;
	if (begin + slices > loopback_last)
		return err_set(e, -EADDRINUSE,
			       "spark.first_address: no %u free loopback addresses in a row",
			       slices);
	*out = begin;
	return 0;
}

/* A profile's own block is taken as it is; DESIGN §8: slice i listens on the first address + i. */
static int choose_addresses(const struct profile *p, const struct state *known, struct plan *plan,
			    struct err *e)
{
	uint32_t first = PLAN_FIRST_ADDRESS;
	int r;

	if (p->spark.first_address)
		return 0;
	if (known && known->plan.slice_count)
		first = known->plan.slices[0].address;
	r = find_block(first, plan->slice_count, known, &first, e);
	for (unsigned i = 0; !r && i < plan->slice_count; i++)
		plan->slices[i].address = first + i;
	return r;
}

int wish_make(const struct options *o, const char *profile, const struct state *known,
	      struct inputs *inputs, struct state *out, struct err *e)
{
	int r = load_inputs(&o->roots, profile, inputs, e);

	if (r)
		return r;
	if (!inputs->topology.this_machine)
		return err_impossible(
			e,
			"--topology %.200s is another machine: up works on this one, plan shows others",
			inputs->topology.source);
	if (inputs->profile.backend == BACKEND_DOCKER)
		return err_impossible(
			e, "backend: docker is not in this release, cgroup and affinity are");
	r = cluster_paths(o->roots.state_dir, inputs->profile.name, &out->cluster, e);
	if (!r)
		r = cluster_user(&inputs->profile, &out->cluster, e);
	if (!r)
		r = spark_resolve(&inputs->profile, &out->spark, e);
	if (!r)
		r = choose_endpoints(&inputs->profile, known, &out->master, e);
	if (!r)
		r = choose_addresses(&inputs->profile, known, &inputs->plan, e);
	out->phase = PHASE_STARTING;
	out->profile = inputs->profile;
	out->plan = inputs->plan;
	return r;
}
