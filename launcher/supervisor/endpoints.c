/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/endpoints.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "launcher/supervisor/claim.h"
#include "launcher/system/listening.h"

enum { PORTS_TRIED = 512 };
static const uint32_t loopback_last = 0x7ffffffe; /* 127.255.255.254 */

/* ---- claims */

static void name_port(const char *address, int port, char name[CLAIM_NAME])
{
	snprintf(name, CLAIM_NAME, "%.*s:%d", CLAIM_NAME - 16, address, port);
}

static void name_address(uint32_t address, char name[CLAIM_NAME])
{
	struct in_addr in = {htonl(address)};

	inet_ntop(AF_INET, &in, name, CLAIM_NAME);
}

/* False: another cluster has it. Where nothing can be claimed, whoever listens first has it. */
static bool claim(struct claims *c, const char *name)
{
	struct claim *item = &c->items[c->count];
	struct err e;
	int fd;

	for (unsigned i = 0; i < c->count; i++)
		if (strcmp(c->items[i].name, name) == 0)
			return true;
	if (c->count == CLAIMS)
		return true;
	fd = claim_take(name, &e);
	if (fd < 0)
		return fd != -EADDRINUSE;
	string_copy(item->name, name);
	item->fd = fd;
	c->count++;
	return true;
}

static void give_back(struct claims *c, unsigned first)
{
	while (c->count > first)
		close(c->items[--c->count].fd);
}

static bool is_used(const struct state *s, const char *name)
{
	char ours[CLAIM_NAME];

	name_port(s->master.address, s->master.port, ours);
	if (strcmp(ours, name) == 0)
		return true;
	name_port(s->master.address, s->master.ui_port, ours);
	if (strcmp(ours, name) == 0)
		return true;
	for (unsigned i = 0; i < s->plan.slice_count; i++) {
		name_address(s->plan.slices[i].address, ours);
		if (strcmp(ours, name) == 0)
			return true;
	}
	return false;
}

void endpoints_keep(struct claims *c, const struct state *s, const struct state *other)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < c->count; i++)
		if ((s && is_used(s, c->items[i].name)) ||
		    (other && is_used(other, c->items[i].name)))
			c->items[kept++] = c->items[i];
		else
			close(c->items[i].fd);
	c->count = kept;
}

/* ---- the master's ports */

struct port {
	const char *key;
	int requested; /* AMOUNT_AUTO or the profile's */
	int first;     /* of auto */
	int known;     /* of the running master, 0: none runs */
	int *chosen;
};

/* 0: a master can listen there, as far as can be told: a name is Spark's to resolve. */
static int probe(const char *host, int port)
{
	struct in_addr address;

	return inet_pton(AF_INET, host, &address) == 1
		       ? listening_probe(ntohl(address.s_addr), port)
		       : 0;
}

/* `other` is the master's other port, which is chosen already. */
static int choose_port(struct claims *c, const struct port *q, const char *host, int other,
		       struct err *e)
{
	bool is_auto = q->requested == AMOUNT_AUTO;
	int first = is_auto ? q->first : q->requested;
	int last = is_auto ? q->first + PORTS_TRIED - 1 : q->requested;
	char name[CLAIM_NAME];
	int r = -EADDRINUSE;

	if (last > UINT16_MAX)
		last = UINT16_MAX;
	if (q->known && (is_auto || q->requested == q->known)) {
		name_port(host, q->known, name);
		claim(c, name);
		*q->chosen = q->known;
		return 0;
	}
	for (int port = first; port <= last && r == -EADDRINUSE; port++) {
		unsigned before = c->count;

		name_port(host, port, name);
		/* Claimed before it is tried: a try is a bind, which another's could fail on. */
		if (port == other || (!claim(c, name) && is_auto))
			continue;
		r = probe(host, port);
		if (!r) {
			*q->chosen = port;
			return 0;
		}
		give_back(c, before);
	}
	if (is_auto)
		return err_errno(e, r, "%s: no port from %d to %d is free on %s", q->key, first,
				 last, host);
	return err_errno(e, r, "%s: port %d on %s cannot be used: choose another or auto", q->key,
			 q->requested, host);
}

static int choose_ports(struct claims *c, const struct profile *p, const struct endpoints *known,
			const struct endpoints *first, struct endpoints *out, struct err *e)
{
	struct endpoints chosen = {0};
	const struct port master = {"spark.master.port", p->spark.master_port, first->port,
				    known ? known->port : 0, &chosen.port};
	const struct port ui = {"spark.master.ui_port", p->spark.master_ui_port, first->ui_port,
				known ? known->ui_port : 0, &chosen.ui_port};
	int r;

	string_copy(chosen.address, p->spark.master_address);
	r = choose_port(c, &master, chosen.address, 0, e);
	if (!r)
		r = choose_port(c, &ui, chosen.address, chosen.port, e);
	if (!r)
		*out = chosen;
	return r;
}

int endpoints_move_master(struct claims *c, struct state *s, struct err *e)
{
	const struct endpoints *now = &s->master;
	const struct endpoints behind = {.port = now->port + 1, .ui_port = now->ui_port + 1};
	const struct endpoints stay = {
		.port = s->profile.spark.master_port == AMOUNT_AUTO ? 0 : now->port,
		.ui_port = s->profile.spark.master_ui_port == AMOUNT_AUTO ? 0 : now->ui_port,
	};

	return choose_ports(c, &s->profile, &stay, &behind, &s->master, e);
}

bool endpoints_may_be_taken(const struct state *s)
{
	const struct endpoints *m = &s->master;
	bool is_open = s->profile.spark.master_port == AMOUNT_AUTO ||
		       s->profile.spark.master_ui_port == AMOUNT_AUTO;
	struct in_addr any;

	return is_open && (inet_pton(AF_INET, m->address, &any) != 1 ||
			   probe(m->address, m->port) || probe(m->address, m->ui_port));
}

/* ---- the slices' addresses */

static bool has_slice_at(const struct plan *p, uint32_t address)
{
	for (unsigned i = 0; p && i < p->slice_count; i++)
		if (p->slices[i].address == address)
			return true;
	return false;
}

/*
 * The first of `slices` free addresses in a row, from those of the running cluster or the default
 * on: slice i listens on the first address + i.
 */
static int choose_first_address(struct claims *c, const struct plan *running, unsigned slices,
				uint32_t *out, struct err *e)
{
	cleanup_free struct listening_socket *list = NULL;
	uint32_t begin = running && running->slice_count ? running->slices[0].address : 0;
	unsigned before = c->count;
	char name[CLAIM_NAME];
	size_t count;
	int r = listening_read(&list, &count, e);

	if (r)
		return r;
	/* Another profile's own choice may have been elsewhere; what we choose is loopback. */
	if (begin >> 24 != IN_LOOPBACKNET)
		begin = PLAN_FIRST_ADDRESS;
	for (uint32_t a = begin; a < begin + slices && a < loopback_last; a++) {
		name_address(a, name);
		if (claim(c, name) &&
		    (has_slice_at(running, a) || !listening_has_address(list, count, a)))
			continue;
		give_back(c, before);
		begin = a + 1;
	}
	if (begin + slices > loopback_last)
		return err_set(e, -EADDRINUSE,
			       "spark.first_address: no %u free loopback addresses in a row",
			       slices);
	*out = begin;
	return 0;
}

/* ---- all of it */

int endpoints_choose(struct claims *c, const struct state *known, struct state *wanted,
		     struct err *e)
{
	static const struct endpoints first = {.port = PLAN_MASTER_PORT,
					       .ui_port = PLAN_MASTER_UI_PORT};
	const struct profile *p = &wanted->profile;
	struct plan *plan = &wanted->plan;
	bool is_running = known && process_is_alive(&known->master_process) &&
			  strcmp(known->master.address, p->spark.master_address) == 0;
	uint32_t address = p->spark.first_address;
	char name[CLAIM_NAME];
	int r = choose_ports(c, p, is_running ? &known->master : NULL, &first, &wanted->master, e);

	if (!r && !address)
		r = choose_first_address(c, known ? &known->plan : NULL, plan->slice_count,
					 &address, e);
	for (unsigned i = 0; !r && i < plan->slice_count; i++) {
		plan->slices[i].address = address + i;
		name_address(address + i, name);
		claim(c, name);
		r = listening_check_address(address + i, e);
	}
	return r;
}
