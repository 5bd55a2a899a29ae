/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/launcher/told_machine.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "containers/proc/clock.h"
#include "containers/where/tree.h"

struct told_group {
	char name[NAME_MAX_BYTES + 1];
	struct cpuset asked;
	struct cpuset owed; /* came back to the machine, and the group has not been written since */
	unsigned weight;
	uint64_t usage_us, at_ns; /* CPU time until then */
};

struct told_machine {
	pthread_mutex_t mutex;
	unsigned cpus;	      /* 0 … cpus - 1, one a core */
	struct cpuset online; /* of them */
	struct cpuset known;  /* of these: the supervisor has heard of */
	bool forgets;	      /* as cgroup v1 does: what is lost is gone from cpuset.cpus */
	bool is_exclusive;    /* the rule for loans with walls holds */
	char refuse[NAME_MAX_BYTES + 1]; /* cpuset.cpus of this group cannot be written */
	unsigned slices; /* whose homes and threads follow; 0: there is no rule yet */
	struct cpuset homes[SLICES_MAX];
	unsigned threads[SLICES_MAX];
	unsigned group_count;
	struct told_group groups[SLICES_MAX + 2];
	unsigned writes; /* of CPUs, so far */
	char broken[256];
};

static struct told_machine *told; /* shared; NULL: none yet */
static const struct driver_ops *real;
static struct driver_ops told_ops;
static struct cpuset there;

static void hold(void)
{
	if (pthread_mutex_lock(&told->mutex) == EOWNERDEAD)
		pthread_mutex_consistent(&told->mutex); /* a supervisor was killed in here */
}

static void let_go(void)
{
	pthread_mutex_unlock(&told->mutex);
}

void told_begin(unsigned cpus)
{
	pthread_mutexattr_t shared;

	if (!told)
		told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	if (told == MAP_FAILED)
		abort();
	memset(told, 0, sizeof(*told));
	pthread_mutexattr_init(&shared);
	pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&told->mutex, &shared);
	told->cpus = cpus;
	for (unsigned i = 0; i < cpus; i++)
		cpuset_add(&told->online, i);
	told->known = told->online;
}

/* ---- groups */

static struct told_group *find(const char *name)
{
	for (unsigned i = 0; i < told->group_count; i++)
		if (strcmp(told->groups[i].name, name) == 0)
			return &told->groups[i];
	return NULL;
}

static struct told_group *find_slice(unsigned slice)
{
	char name[NAME_MAX_BYTES + 1];

	snprintf(name, sizeof(name), "slice-%u", slice);
	return find(name);
}

static struct told_group *find_or_add(const char *name)
{
	struct told_group *g = find(name);

	if (g)
		return g;
	if (told->group_count == SLICES_MAX + 2)
		abort();
	g = &told->groups[told->group_count++];
	*g = (struct told_group){.usage_us = 1000, .at_ns = clock_now_ns()};
	string_copy(g->name, name);
	return g;
}

static void forget(const char *name)
{
	struct told_group *g = find(name);

	if (g)
		*g = told->groups[--told->group_count];
}

static struct cpuset effective(const struct told_group *g)
{
	return cpuset_and(&g->asked, &told->online);
}

/* ---- the rule */

static void note_broken(const char *what, unsigned slice, const struct cpuset *cpus)
{
	if (!told->broken[0])
		snprintf(told->broken, sizeof(told->broken), "write %u: slice-%u %s: %.100s",
			 told->writes, slice, what, CPUSET_STRING(cpus));
}

/* Home CPUs that the supervisor should have given it. */
static struct cpuset lost_home(const struct told_group *g, unsigned slice)
{
	struct cpuset home = cpuset_and(&told->homes[slice], &told->known);
	struct cpuset has = cpuset_or(&g->asked, &g->owed);

	return cpuset_and_not(&home, &has);
}

/* With shared loans its home CPUs are its own; either way each CPU is in few sets. */
static void check_rule(void)
{
	struct cpuset once = {0}, twice = {0};

	for (unsigned i = 0; i < told->slices; i++) {
		const struct told_group *g = find_slice(i);
		struct cpuset cpus, borrowed, lost, again;

		if (!g)
			continue;
		cpus = effective(g);
		borrowed = told->is_exclusive ? cpus : cpuset_and_not(&cpus, &told->homes[i]);
		again = cpuset_and(&borrowed, &once);
		lost = lost_home(g, i);
		if (!told->is_exclusive && !cpuset_is_empty(&lost))
			note_broken("has lost home CPUs", i, &lost);
		if (cpuset_is_empty(&cpus) && !cpuset_is_empty(&lost))
			note_broken("has no CPU", i, &lost);
		once = cpuset_or(&once, &borrowed);
		twice = cpuset_or(&twice, &again);
	}
	if (!cpuset_is_empty(&twice))
		note_broken("and others: CPUs in too many sets", 0, &twice);
}

/* ---- CPU time */

/* The share of a slice's home CPUs that it uses itself. */
static double use_of_home(unsigned slice)
{
	unsigned home = cpuset_count(&told->homes[slice]);

	return home && told->threads[slice] < home ? (double)told->threads[slice] / home : 1;
}

/* What it uses of the CPUs that it has: its home's first, then what their owners leave. */
static double used_cpus(unsigned slice, const struct cpuset *cpus)
{
	double left = told->threads[slice], used = 0;

	cpuset_for_each(cpu, cpus)
	{
		double share = 1;

		for (unsigned i = 0; i < told->slices && !told->is_exclusive; i++)
			if (i != slice && cpuset_has(&told->homes[i], cpu))
				share = 1 - use_of_home(i);
		if (share > left)
			share = left;
		used += share;
		left -= share;
	}
	return used;
}

static void count_usage(unsigned slice)
{
	struct told_group *g = find_slice(slice);
	uint64_t now_ns = clock_now_ns();
	struct cpuset cpus;

	if (!g)
		return;
	cpus = effective(g);
	g->usage_us += (uint64_t)(used_cpus(slice, &cpus) * (double)(now_ns - g->at_ns) / 1000);
	g->at_ns = now_ns;
}

/* Before anything changes that it depends on. */
static void count_all(void)
{
	for (unsigned i = 0; i < told->slices; i++)
		count_usage(i);
}

static unsigned slice_of(const char *group)
{
	unsigned slice;

	return sscanf(group, "slice-%u", &slice) == 1 ? slice : SLICES_MAX;
}

/* ---- the test's side */

void told_know(const struct plan *p)
{
	hold();
	told->slices = p->slice_count;
	for (unsigned i = 0; i < p->slice_count; i++)
		told->homes[i] = p->slices[i].cpus;
	let_go();
}

void told_work(unsigned slice, unsigned threads)
{
	hold();
	count_all();
	told->threads[slice] = threads;
	let_go();
}

void told_go_offline(unsigned cpu)
{
	struct cpuset gone = {0};

	cpuset_add(&gone, cpu);
	hold();
	count_all();
	told->online = cpuset_and_not(&told->online, &gone);
	told->known = cpuset_and_not(&told->known, &gone);
	for (unsigned i = 0; i < told->group_count && told->forgets; i++)
		told->groups[i].asked = cpuset_and_not(&told->groups[i].asked, &gone);
	let_go();
}

void told_come_online(unsigned cpu)
{
	hold();
	count_all();
	cpuset_add(&told->online, cpu);
	let_go();
}

void told_refuse(const char *group)
{
	hold();
	string_copy(told->refuse, group);
	let_go();
}

void told_be(enum told_kind kind)
{
	hold();
	told->forgets = kind == TOLD_FORGETS;
	told->is_exclusive = kind == TOLD_EXCLUSIVE;
	let_go();
}

bool told_is_sound(char why[256])
{
	bool is_sound;

	hold();
	is_sound = !told->broken[0];
	snprintf(why, 256, "%s", told->broken);
	let_go();
	return is_sound;
}

struct cpuset told_cpus(unsigned slice)
{
	const struct told_group *g;
	struct cpuset cpus = {0};

	hold();
	g = find_slice(slice);
	if (g)
		cpus = effective(g);
	let_go();
	return cpus;
}

unsigned told_weight(unsigned slice)
{
	const struct told_group *g;
	unsigned weight;

	hold();
	g = find_slice(slice);
	weight = g ? g->weight : 0;
	let_go();
	return weight;
}

/* ---- the driver: the real one, but for what it would say of CPUs and their use */

static struct cpuset fold(const struct cpuset *asked)
{
	struct cpuset out = {0};

	cpuset_for_each(cpu, asked)
	{
		unsigned real_cpu = cpuset_first(&there);

		for (unsigned i = cpu % cpuset_count(&there); i; i--)
			real_cpu = cpuset_next(&there, real_cpu);
		cpuset_add(&out, real_cpu);
	}
	return out;
}

static int told_create(struct driver *d, const struct group_spec *group, struct err *e)
{
	struct group_spec spec = *group;
	struct told_group *g;
	int r;

	spec.cpus = fold(&group->cpus);
	r = real->create(d, &spec, e);
	if (r)
		return r;
	hold();
	g = find_or_add(group->name);
	g->asked = group->cpus;
	g->weight = group->weight;
	let_go();
	return 0;
}

static int told_remove(struct driver *d, const char *group, struct err *e)
{
	int r = real->remove(d, group, e);

	hold();
	if (!r)
		forget(group);
	let_go();
	return r;
}

/* What the driver would say of a write that the kernel refuses, or takes in part. */
static int check_write(const char *group, const struct cpuset *cpus, struct err *e)
{
	struct cpuset lost = cpuset_and_not(cpus, &told->online);

	if (strcmp(told->refuse, group) == 0)
		return err_errno(e, -EIO, "cannot write cpuset.cpus of %s", group);
	if (!cpuset_is_empty(&lost))
		return err_set(e, -ERANGE, "CPUs %.100s of %s are offline", CPUSET_STRING(&lost),
			       group);
	return find(group) ? 0 : err_set(e, -ENOENT, "there is no %s", group);
}

static int told_set_cpus(struct driver *d, const char *group, const struct cpuset *cpus,
			 struct cpuset *out, struct err *e)
{
	struct cpuset folded = fold(cpus);
	int r;

	hold();
	count_all();
	r = check_write(group, cpus, e);
	if (!r)
		r = real->set_cpus(d, group, &folded, NULL, e);
	if (!r) {
		find(group)->asked = *cpus;
		find(group)->owed = (struct cpuset){0};
		told->writes++;
		check_rule();
		if (out)
			*out = *cpus;
	}
	let_go();
	return r;
}

static int told_set_weight(struct driver *d, const char *group, unsigned weight, struct err *e)
{
	int r = real->set_weight(d, group, weight, e);

	hold();
	if (!r && find(group))
		find(group)->weight = weight;
	let_go();
	return r;
}

static void tell(struct observed_group *seen)
{
	const struct told_group *g;

	hold();
	g = find(seen->name);
	if (g) {
		seen->requested = g->asked;
		seen->cpus = effective(g);
	}
	let_go();
}

static int told_observe(struct driver *d, struct observation *out, struct err *e)
{
	int r = real->observe(d, out, e);

	for (unsigned i = 0; !r && i < out->count; i++)
		tell(&out->groups[i]);
	return r;
}

static int told_look(struct driver *d, const char *group, struct observed_group *out, struct err *e)
{
	int r = real->look(d, group, out, e);

	if (!r)
		tell(out);
	return r;
}

static int told_allowed(struct driver *d, struct cpuset *cpus, struct err *e)
{
	struct cpuset back;

	(void)d;
	(void)e;
	hold();
	back = cpuset_and_not(&told->online, &told->known);
	for (unsigned i = 0; i < told->group_count; i++)
		told->groups[i].owed = cpuset_or(&told->groups[i].owed, &back);
	told->known = *cpus = told->online;
	let_go();
	return 0;
}

static int told_usage(struct driver *d, const char *group, struct sample *out, struct err *e)
{
	int r = real->usage(d, group, out, e);
	unsigned slice = slice_of(group);

	if (r || slice >= told->slices)
		return r;
	hold();
	count_usage(slice);
	out->cpu_usage_us = find(group)->usage_us;
	out->at_ns = find(group)->at_ns;
	out->known &= ~(unsigned)SAMPLE_PRESSURE;
	let_go();
	return 0;
}

static int told_runnable(struct driver *d, const char *group, unsigned *out, struct err *e)
{
	unsigned slice = slice_of(group);

	(void)d;
	if (slice >= told->slices)
		return err_set(e, -ENOENT, "there is no %s", group);
	hold();
	*out = told->threads[slice];
	let_go();
	return 0;
}

int told_driver_open(told_open *open, const struct driver_request *request, struct driver **out,
		     struct err *e)
{
	struct cpuset nodes;
	struct tree tree;
	int r = tree_read(request->cgroup_root, &tree, e);

	if (!r)
		r = tree_allowed(&tree, &there, &nodes, e);
	if (!r)
		r = open(request, out, e);
	if (r || !told)
		return r;
	real = (*out)->ops;
	told_ops = *real;
	told_ops.create = told_create;
	told_ops.remove = told_remove;
	told_ops.set_cpus = told_set_cpus;
	told_ops.set_weight = told_set_weight;
	told_ops.observe = told_observe;
	told_ops.look = told_look;
	told_ops.allowed = told_allowed;
	told_ops.usage = told_usage;
	told_ops.runnable = told_runnable;
	(*out)->ops = &told_ops;
	return 0;
}

/* As hwloc tells of CPUs that are offline: they are no more among those that we may use. */
static void take_away_offline(struct topology *t)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < t->cpu_count; i++)
		if (cpuset_has(&told->online, t->cpus[i].os_index))
			t->cpus[kept++] = t->cpus[i];
		else
			cpuset_add(&t->disallowed, t->cpus[i].os_index);
	t->cpu_count = kept;
}

/* One package, one node. */
int told_topology_read(told_read *read, const struct topology_source *source, struct topology *out,
		       struct cpuset *mask, struct err *e)
{
	char text[128];
	struct topology_source machine = {.text = text};
	int r;

	if (!told)
		return read(source, out, mask, e);
	snprintf(text, sizeof(text), "numa:1(memory=%llu) core:%u pu:1", 1ull << 40, told->cpus);
	r = read(&machine, out, mask, e);
	if (r)
		return r;
	out->this_machine = true;
	hold();
	take_away_offline(out);
	let_go();
	return topology_derive(out, e);
}
