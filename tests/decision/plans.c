/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/decision/plans.h"

#include "tests/decision/machines.h"
#include "tests/harness.h"

enum { MB = 1 << 20, RESERVE = SLICES_MAX, LEFT_OVER = SLICES_MAX + 1 };

/* ---- from "whose is each core" to a plan ---- */

static void name_slice(struct slice *s, unsigned id)
{
	s->id = id;
	snprintf(s->name, sizeof(s->name), "slice-%u", id);
	s->address = PLAN_FIRST_ADDRESS + id;
}

static void set_memory(struct slice *s, uint64_t bytes)
{
	s->memory = (struct slice_memory){.max_bytes = bytes,
					  .heap_bytes = bytes / 2,
					  .native_bytes = bytes / 8,
					  .page_cache_bytes = bytes - bytes / 2 - bytes / 8};
}

/*
 * Fill in what follows from the cores of each slice. Slices without a core are dropped, later ones
 * move up.
 */
static void assign(const struct topology *t, const uint8_t user[TOPOLOGY_CPUS], struct plan *out)
{
	struct slice old[SLICES_MAX];
	unsigned kept = 0;

	memcpy(old, out->slices, sizeof(old));
	out->allowed = t->allowed;
	out->host.cpus = (struct cpuset){0};
	for (unsigned i = 0; i < SLICES_MAX; i++) {
		struct slice s = old[i];

		s.cpus = s.nodes = s.packages = (struct cpuset){0};
		s.cores = 0;
		for (unsigned core = 0; core < t->core_count; core++) {
			struct cpuset cpus = topology_core_cpus(t, core), nodes;

			if (user[core] == RESERVE && i == 0)
				out->host.cpus = cpuset_or(&out->host.cpus, &cpus);
			if (user[core] != i)
				continue;
			nodes = topology_node_ids(t, t->numa[t->cores[core].numa].nodes);
			s.cpus = cpuset_or(&s.cpus, &cpus);
			s.nodes = cpuset_or(&s.nodes, &nodes);
			cpuset_add(&s.packages, t->cores[core].package);
			s.cores++;
		}
		if (!s.cores)
			continue;
		name_slice(&s, kept);
		out->slices[kept++] = s;
	}
	out->slice_count = kept;
	out->host.shared = cpuset_is_empty(&out->host.cpus);
}

static void read_users(const struct topology *t, const struct plan *p, uint8_t user[TOPOLOGY_CPUS])
{
	for (unsigned core = 0; core < t->core_count; core++) {
		unsigned cpu = t->cpus[t->cores[core].first_cpu].os_index;

		user[core] = cpuset_has(&p->host.cpus, cpu) ? RESERVE : LEFT_OVER;
		for (unsigned i = 0; i < p->slice_count; i++) {
			if (cpuset_has(&p->slices[i].cpus, cpu))
				user[core] = (uint8_t)i;
		}
	}
}

/* What the slice's nodes have, in proportion to the cores on them that are its own. */
static uint64_t share_of_nodes(const struct topology *t, const struct slice *s)
{
	unsigned cores = 0;
	uint64_t bytes = 0;

	for (unsigned core = 0; core < t->core_count; core++) {
		struct cpuset nodes = topology_node_ids(t, t->numa[t->cores[core].numa].nodes);

		cores += cpuset_intersects(&nodes, &s->nodes);
	}
	for (unsigned n = 0; n < t->node_count; n++) {
		if (cpuset_has(&s->nodes, t->nodes[n].id))
			bytes += t->nodes[n].usable_bytes;
	}
	return bytes / cores * s->cores;
}

void plan_of_parents(const struct topology *t, enum partition_by by, unsigned count,
		     struct plan *out)
{
	static uint8_t user[TOPOLOGY_CPUS];
	unsigned size = t->core_count / count;

	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "by-hand");
	for (unsigned core = 0; core < t->core_count; core++)
		user[core] = (uint8_t)(core / size < count ? core / size : LEFT_OVER);
	assign(t, user, out);
	out->usable = t->allowed;
	for (unsigned i = 0; i < out->slice_count; i++) {
		set_memory(&out->slices[i], share_of_nodes(t, &out->slices[i]));
		out->slices[i].slots = cpuset_count(&out->slices[i].cpus);
		out->slices[i].executors = 1;
	}
	out->host.nodes = out->slices[0].nodes;
	out->candidate_count = 1;
	out->candidates[0] = (struct plan_candidate){
		.by = by, .slices = count, .cores = size, .executors = 1, .feasible = true};
}

/* ---- random ones ---- */

static void random_loans(unsigned long long *state, const struct topology *t, struct plan *p)
{
	bool lends[SLICES_MAX] = {false}, borrows[SLICES_MAX] = {false};
	struct cpuset lent = {0};
	unsigned tries = random_below(state, 6);

	p->loan_count = 0;
	while (tries-- && p->slice_count > 1) {
		unsigned from = random_below(state, p->slice_count);
		unsigned to = random_below(state, p->slice_count);
		struct loan loan = {.from = from, .to = to};
		const struct slice *donor = &p->slices[loan.from];
		struct cpuset left = {0};

		loan.mode = (enum loan_mode)random_below(state, 2);
		if (loan.from == loan.to || borrows[loan.from] || lends[loan.to])
			continue;
		for (unsigned core = 0; core < t->core_count; core++) {
			struct cpuset cpus = topology_core_cpus(t, core);

			if (cpuset_is_subset(&cpus, &donor->cpus) && random_once(state, 2) &&
			    !cpuset_intersects(&cpus, &lent))
				loan.cpus = cpuset_or(&loan.cpus, &cpus);
		}
		/* One core of each donor is never lent, so that exclusive loans leave something. */
		for (unsigned core = t->core_count; core-- > 0;) {
			struct cpuset cpus = topology_core_cpus(t, core);

			if (cpuset_is_subset(&cpus, &donor->cpus))
				left = cpus;
		}
		loan.cpus = cpuset_and_not(&loan.cpus, &left);
		if (cpuset_is_empty(&loan.cpus))
			continue;
		lent = cpuset_or(&lent, &loan.cpus);
		lends[loan.from] = borrows[loan.to] = true;
		p->loans[p->loan_count++] = loan;
	}
}

/* Several executors a slice are the same in all. */
static void random_worker(unsigned long long *state, unsigned executors, struct slice *s)
{
	s->executors = executors;
	s->slots = executors > 1 ? 2 * executors : 1 + random_below(state, 4);
	s->jvm_options = (struct strings){0};
	strings_addf(&s->jvm_options, "-Xmn%um", random_below(state, 4));
	set_memory(s, (uint64_t)random_below(state, 8) * MB);
}

void plan_random(unsigned long long *state, const struct topology *t, struct plan *out)
{
	static uint8_t user[TOPOLOGY_CPUS];
	unsigned count = 1 + random_below(state, 8), now = 0, executors;
	bool reserve = random_once(state, 2);

	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "random");
	for (unsigned core = 0; core < t->core_count; core++) {
		if (core == 0 || random_once(state, 3))
			now = random_below(state, count + 2);
		user[core] = (uint8_t)(now < count		 ? now
				       : now == count && reserve ? RESERVE
								 : LEFT_OVER);
	}
	user[random_below(state, t->core_count)] = 0;
	executors = 1 + random_below(state, 2);
	for (unsigned i = 0; i < count; i++)
		random_worker(state, executors, &out->slices[i]);
	assign(t, user, out);
	out->host.nodes = topology_node_ids(t, t->numa[0].nodes);
	random_loans(state, t, out);
}

/* Move some cores to other users; two slices may change places altogether. */
static void move_cores(unsigned long long *state, const struct topology *t, const struct plan *p,
		       uint8_t user[TOPOLOGY_CPUS])
{
	bool swap = random_once(state, 4);

	for (unsigned moves = random_below(state, t->core_count); moves; moves--) {
		unsigned to = random_below(state, p->slice_count + 2);

		if (to >= p->slice_count)
			to = to == p->slice_count ? RESERVE : LEFT_OVER;
		user[random_below(state, t->core_count)] = (uint8_t)to;
	}
	for (unsigned core = 0; swap && core < t->core_count; core++)
		user[core] = user[core] < 2 && p->slice_count > 1 ? (uint8_t)(1 - user[core])
								  : user[core];
	user[random_below(state, t->core_count)] = 0;
}

void plan_mutate(unsigned long long *state, const struct topology *t, struct plan *p)
{
	static uint8_t user[TOPOLOGY_CPUS];
	bool moved = !random_once(state, 3);

	read_users(t, p, user);
	if (moved)
		move_cores(state, t, p, user);
	if (random_once(state, 3))
		random_worker(state, p->slices[0].executors,
			      &p->slices[random_below(state, p->slice_count)]);
	for (unsigned core = 0; core < t->core_count; core++) {
		if (user[core] < SLICES_MAX && !p->slices[user[core]].slots)
			random_worker(state, p->slices[0].executors, &p->slices[user[core]]);
	}
	assign(t, user, p);
	if (moved || random_once(state, 2))
		random_loans(state, t, p);
	else if (p->loan_count)
		p->loan_count -= random_below(state, 2);
}
