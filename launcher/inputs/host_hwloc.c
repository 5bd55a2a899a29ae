/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/host_hwloc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <hwloc.h>
#include <hwloc/cpukinds.h>
#include <hwloc/distances.h>
#include <hwloc/memattrs.h>
#include <string.h>
#include <sys/stat.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "decision/base/strings.h"
#include "launcher/inputs/host_cpus.h"
#include "launcher/inputs/host_memory.h"
#include "launcher/system/confined.h"

static void topology_destroyp(hwloc_topology_t *h)
{
	if (*h)
		hwloc_topology_destroy(*h);
}
#define cleanup_topology __attribute__((cleanup(topology_destroyp)))

enum source_kind { SOURCE_LIVE, SOURCE_XML, SOURCE_SYNTHETIC };

/* ---- where the description comes from ---- */

static const char *const prefixes[] = {
	[SOURCE_LIVE] = "live", [SOURCE_XML] = "xml:", [SOURCE_SYNTHETIC] = "synthetic:"};

/* Tell file from synthetic text, and cut the prefix that may say so. */
static enum source_kind source_kind(const char **text)
{
	size_t length;

	if (!*text)
		return SOURCE_LIVE;
	for (unsigned kind = SOURCE_XML; kind <= SOURCE_SYNTHETIC; kind++) {
		length = strlen(prefixes[kind]);
		if (strncmp(*text, prefixes[kind], length) == 0) {
			*text += length;
			return (enum source_kind)kind;
		}
	}
	length = strlen(*text);
	if (strchr(*text, '/') || (length > 4 && !strcmp(*text + length - 4, ".xml")))
		return SOURCE_XML;
	return strchr(*text, ':') ? SOURCE_SYNTHETIC : SOURCE_XML;
}

/* What hwloc is to read. It gives no reason where it cannot: look for the usual ones. */
struct description {
	enum source_kind kind;
	const char *text; /* path or synthetic text */
	char *xml;	  /* the file's bytes, and a NUL */
	int xml_size;	  /* with the NUL */
};

static void description_free(struct description *d)
{
	free(d->xml);
}
#define cleanup_description __attribute__((cleanup(description_free)))

static int read_xml(const char *path, struct description *d, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = 1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_wrong(e, "cannot read topology '%s': %s", path, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode))
		return err_wrong(e, "topology '%s' is not a regular file", path);
	if (st.st_size > TOPOLOGY_FILE_MAX)
		return err_wrong(e, "topology '%s' has %lld bytes; the limit is %d", path,
				 (long long)st.st_size, TOPOLOGY_FILE_MAX);
	d->xml = malloc((size_t)st.st_size + 1);
	if (!d->xml)
		return err_set(e, -ENOMEM, "no memory for the topology '%s'", path);
	for (; got && used < (size_t)st.st_size; used += (size_t)got)
		if ((got = read(fd, d->xml + used, (size_t)st.st_size - used)) < 0)
			return err_wrong(e, "cannot read topology '%s': %s", path,
					 strerrordesc_np(errno));
	d->xml[used] = '\0';
	d->xml_size = (int)used + 1;
	return 0;
}

static int load_xml(hwloc_topology_t h, const struct description *d, struct err *e)
{
	enum { HEAD = 1024 };
	const char *path = d->text;
	const char *version3 = strstr(d->xml, "<topology version=\"3");

	if (hwloc_topology_set_xmlbuffer(h, d->xml, d->xml_size) == 0 &&
	    hwloc_topology_load(h) == 0)
		return 0;
	if (version3 && version3 - d->xml < HEAD)
		return err_wrong(e,
				 "topology '%s' is version 3 XML, which hwloc %s cannot read; "
				 "export it for hwloc 2 (lstopo --export-xml-flags v2)",
				 path, HWLOC_VERSION);
	return err_wrong(e, "topology '%s' is not an hwloc XML file that hwloc %s can read", path,
			 HWLOC_VERSION);
}

/* The PUs of synthetic text, as far as its "type:count" words tell; at most `limit` + 1. */
static unsigned synthetic_count(const char *text, unsigned limit)
{
	unsigned long product = 1;

	for (const char *p = text; *p;) {
		bool attached = *p == '[';
		const char *end = p + (attached ? strcspn(p, "]") : strcspn(p, " ("));
		const char *colon = memchr(p, ':', (size_t)(end - p));
		const char *digits = colon ? colon + 1 : p;

		if (!attached && isdigit((unsigned char)*digits)) {
			unsigned long count = strtoul(digits, NULL, 10);

			product = count > limit ? limit + 1ul : product * count;
			if (product > limit)
				return limit + 1;
		}
		p = *end == '(' ? end + strcspn(end, ")") : end;
		p += strspn(p, " )]");
	}
	return (unsigned)product;
}

static int load_synthetic(hwloc_topology_t h, const char *text, struct err *e)
{
	if (hwloc_topology_set_synthetic(h, text) < 0 || hwloc_topology_load(h) < 0)
		return err_wrong(e,
				 "'%s' is no topology: neither a file nor synthetic text like "
				 "'pack:8 core:15 pu:1'",
				 text);
	return 0;
}

static int describe(enum source_kind kind, const char *text, struct description *out, struct err *e)
{
	*out = (struct description){.kind = kind, .text = text};
	if (kind == SOURCE_XML)
		return read_xml(text, out, e);
	/* hwloc would build millions of objects before we could count them. */
	if (kind == SOURCE_SYNTHETIC && synthetic_count(text, TOPOLOGY_CPUS) > TOPOLOGY_CPUS)
		return err_wrong(e, "the synthetic topology '%s' has more than %d CPUs", text,
				 TOPOLOGY_CPUS);
	return 0;
}

static void forget_variables(void)
{
	for (char **entry = environ; entry && *entry;) {
		cleanup_free char *name = strndup(*entry, strcspn(*entry, "="));

		/* unsetenv() moves the others down. */
		if (!name || strncmp(name, "HWLOC_", 6) != 0 || unsetenv(name) < 0)
			entry++;
	}
}

static int load(const struct description *d, hwloc_topology_t *out, struct err *e)
{
	cleanup_topology hwloc_topology_t h = NULL;
	int r = 0;

	if (hwloc_topology_init(&h) < 0)
		return err_set(e, -ENOMEM, "hwloc cannot be initialised");
	/* What cleave does not look at need not be built. */
	hwloc_topology_set_flags(h, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
	hwloc_topology_set_icache_types_filter(h, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_io_types_filter(h, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_type_filter(h, HWLOC_OBJ_L1CACHE, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_type_filter(h, HWLOC_OBJ_L2CACHE, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_type_filter(h, HWLOC_OBJ_MISC, HWLOC_TYPE_FILTER_KEEP_NONE);
	/* What hwloc would print on standard error about odd firmware is not for our users. */
	setenv("HWLOC_HIDE_ERRORS", "2", 1);
	if (d->kind == SOURCE_XML)
		r = load_xml(h, d, e);
	else if (d->kind == SOURCE_SYNTHETIC)
		r = load_synthetic(h, d->text, e);
	else if (hwloc_topology_load(h) < 0)
		r = err_errno(e, -errno, "hwloc cannot read this machine's topology");
	unsetenv("HWLOC_HIDE_ERRORS");
	if (r == 0)
		*out = take_pointer(h);
	return r;
}

/* ---- from hwloc's tree to ours ---- */

/* The highest index that is there must be below `limit`. */
static int to_cpuset(hwloc_const_bitmap_t bitmap, const char *what, unsigned limit,
		     struct cpuset *out, struct err *e)
{
	*out = (struct cpuset){0};
	for (int i = hwloc_bitmap_first(bitmap); i >= 0; i = hwloc_bitmap_next(bitmap, i)) {
		if ((unsigned)i >= limit)
			return err_wrong(e,
					 "the machine has a %s %d; the highest that cleave "
					 "handles is %u",
					 what, i, limit - 1);
		cpuset_add(out, (unsigned)i);
	}
	return 0;
}

static uint16_t ancestor(hwloc_topology_t h, hwloc_obj_t pu, hwloc_obj_type_t type)
{
	hwloc_obj_t found = hwloc_get_ancestor_obj_by_type(h, type, pu);

	return found ? (uint16_t)found->logical_index : TOPOLOGY_NONE;
}

static int read_cpus(hwloc_topology_t h, const struct cpuset *allowed, struct topology *t,
		     struct err *e)
{
	hwloc_obj_t pu = NULL;

	if (to_cpuset(hwloc_topology_get_complete_cpuset(h), "CPU", CPUSET_MAX, &t->disallowed, e) <
	    0)
		return e->code;
	while ((pu = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_PU, pu))) {
		if (!cpuset_has(allowed, pu->os_index))
			continue;
		cpuset_remove(&t->disallowed, pu->os_index);
		t->cpus[t->cpu_count++] = (struct topology_cpu){
			.os_index = (uint16_t)pu->os_index,
			.core = ancestor(h, pu, HWLOC_OBJ_CORE),
			.l3 = ancestor(h, pu, HWLOC_OBJ_L3CACHE),
			.package = ancestor(h, pu, HWLOC_OBJ_PACKAGE),
		};
	}
	return 0;
}

static int compare_nodes(const void *a, const void *b)
{
	const hwloc_obj_t *x = a, *y = b;

	return ((*x)->os_index > (*y)->os_index) - ((*x)->os_index < (*y)->os_index);
}

/*
 * Memory of a node that is reserved as huge pages, of all sizes, in use or not: the kernel's pools,
 * surplus pages among them, which are a part of local_memory. In files of other hands, and where
 * firmware sets pages aside, they may be beside it: there the pages of the least size say what is
 * left. Of this machine, local_memory may be too small yet: host_memory_correct() knows.
 */
static uint64_t huge_bytes(const struct hwloc_numanode_attr_s *node, enum source_kind kind)
{
	uint64_t huge = 0, base = UINT64_MAX, base_bytes = 0, bytes;

	for (unsigned i = 0; i < node->page_types_len; i++)
		if (node->page_types[i].size && node->page_types[i].size < base)
			base = node->page_types[i].size;
	for (unsigned i = 0; i < node->page_types_len; i++) {
		const struct hwloc_memory_page_type_s *type = &node->page_types[i];
		uint64_t *sum = type->size == base ? &base_bytes : &huge;

		if (__builtin_mul_overflow(type->size, type->count, &bytes) ||
		    __builtin_add_overflow(*sum, bytes, sum))
			*sum = UINT64_MAX;
	}
	if (huge <= node->local_memory || kind == SOURCE_LIVE)
		return huge;
	return base_bytes < node->local_memory ? node->local_memory - base_bytes : 0;
}

static int read_nodes(hwloc_topology_t h, enum source_kind kind, const struct cpuset *allowed,
		      struct topology *t, struct err *e)
{
	hwloc_obj_t nodes[TOPOLOGY_NODES], node = NULL;

	while ((node = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_NUMANODE, node))) {
		if (t->node_count == TOPOLOGY_NODES)
			return err_wrong(e, "the machine has more than %d NUMA nodes",
					 TOPOLOGY_NODES);
		if (node->os_index >= TOPOLOGY_NODE_IDS)
			return err_wrong(e,
					 "the machine has a NUMA node %u; the highest that cleave "
					 "handles is %d",
					 node->os_index, TOPOLOGY_NODE_IDS - 1);
		nodes[t->node_count++] = node;
	}
	qsort(nodes, t->node_count, sizeof(*nodes), compare_nodes);
	for (unsigned i = 0; i < t->node_count; i++) {
		t->nodes[i].id = (uint16_t)nodes[i]->os_index;
		t->nodes[i].allowed = cpuset_has(allowed, nodes[i]->os_index);
		t->nodes[i].memory_bytes = nodes[i]->attr->numanode.local_memory;
		t->nodes[i].huge_bytes = huge_bytes(&nodes[i]->attr->numanode, kind);
		if (to_cpuset(nodes[i]->complete_cpuset, "CPU", CPUSET_MAX, &t->nodes[i].cpus, e) <
		    0)
			return e->code;
	}
	return 0;
}

/*
 * The firmware's matrix by name, else (version 1 captures) the first over nodes of latencies. One
 * over some of the nodes only leaves the others at 0, which topology_distance() knows.
 */
static void read_distances(hwloc_topology_t h, struct topology *t)
{
	struct hwloc_distances_s *d = NULL;
	uint16_t index[TOPOLOGY_NODE_IDS] = {0};
	uint64_t largest = 0, scale;
	unsigned count = 1;

	if (hwloc_distances_get_by_name(h, "NUMALatency", &count, &d, 0) < 0 || count == 0) {
		count = 1;
		if (hwloc_distances_get_by_type(h, HWLOC_OBJ_NUMANODE, &count, &d,
						HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) < 0 ||
		    count == 0)
			return;
	}
	for (unsigned i = 0; i < t->node_count; i++)
		index[t->nodes[i].id] = (uint16_t)i;
	for (unsigned i = 0; i < d->nbobjs * d->nbobjs; i++)
		largest = d->values[i] > largest ? d->values[i] : largest;
	scale = largest / UINT16_MAX + 1;
	for (unsigned i = 0; i < d->nbobjs * d->nbobjs; i++) {
		hwloc_obj_t from = d->objs[i / d->nbobjs], to = d->objs[i % d->nbobjs];

		if (!from || !to || from->type != HWLOC_OBJ_NUMANODE ||
		    to->type != HWLOC_OBJ_NUMANODE)
			continue;
		t->distance[index[from->os_index]][index[to->os_index]] =
			(uint16_t)(d->values[i] / scale);
		t->has_distances = true;
	}
	hwloc_distances_release(h, d);
}

/*
 * The firmware's latencies (HMAT) instead of its distances, which are no measure, if there is one
 * from the CPUs of each node that has some to every node: today's kernels tell only those from the
 * nearest CPUs. Local memory is 10.
 */
static void read_latencies(hwloc_topology_t h, struct topology *t)
{
	uint16_t latency[TOPOLOGY_NODES][TOPOLOGY_NODES] = {0};

	for (unsigned from = 0; from < t->node_count; from++) {
		hwloc_obj_t own = hwloc_get_numanode_obj_by_os_index(h, t->nodes[from].id);
		struct hwloc_location here = {.type = HWLOC_LOCATION_TYPE_CPUSET};
		hwloc_uint64_t local, value;

		if (!own || cpuset_is_empty(&t->nodes[from].cpus))
			continue;
		here.location.cpuset = own->cpuset;
		if (hwloc_memattr_get_value(h, HWLOC_MEMATTR_ID_LATENCY, own, &here, 0, &local) <
			    0 ||
		    local == 0)
			return;
		for (unsigned to = 0; to < t->node_count; to++) {
			hwloc_obj_t there = hwloc_get_numanode_obj_by_os_index(h, t->nodes[to].id);

			if (!there ||
			    hwloc_memattr_get_value(h, HWLOC_MEMATTR_ID_LATENCY, there, &here, 0,
						    &value) < 0 ||
			    value == 0 || value / local > UINT16_MAX / DISTANCE_LOCAL)
				return;
			latency[from][to] =
				(uint16_t)((value * DISTANCE_LOCAL + local / 2) / local);
			t->has_latencies |= to != from;
		}
	}
	if (!t->has_latencies)
		return;
	/* From nodes without CPUs nobody looks: as far as to them. */
	for (unsigned i = 0; i < t->node_count * t->node_count; i++) {
		unsigned from = i / t->node_count, to = i % t->node_count;

		t->distance[from][to] = latency[from][to] ? latency[from][to] : latency[to][from];
	}
	t->has_distances = true;
}

static int read_kinds(hwloc_topology_t h, struct topology *t, struct err *e)
{
	int count = hwloc_cpukinds_get_nr(h, 0);
	hwloc_bitmap_t bitmap;

	if (count < 2)
		return 0;
	bitmap = hwloc_bitmap_alloc();
	if (!bitmap)
		return err_set(e, -ENOMEM, "out of memory");
	for (int kind = 1; kind < count; kind++) {
		if (hwloc_cpukinds_get_info(h, (unsigned)kind, bitmap, NULL, NULL, NULL, 0) < 0)
			continue;
		for (unsigned i = 0; i < t->cpu_count; i++)
			if (hwloc_bitmap_isset(bitmap, t->cpus[i].os_index))
				t->cpus[i].kind = (uint16_t)kind;
	}
	hwloc_bitmap_free(bitmap);
	return 0;
}

/* ---- this machine ---- */

/* What is known of this machine beyond hwloc's tree. */
static void read_host(hwloc_topology_t h, const struct topology_source *source, struct topology *t,
		      struct cpuset *mask)
{
	cleanup_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	hwloc_bitmap_t bound = hwloc_bitmap_alloc();
	struct host_memory memory;
	struct cpuset has_cpu;
	struct err ignored;

	t->this_machine = hwloc_topology_is_thissystem(h);
	/* Nodes that the kernel has no CPU in only look local to some. */
	if (control_read_cpuset(root, "sys/devices/system/node/has_cpu", &has_cpu, &ignored) == 0)
		for (unsigned i = 0; i < t->node_count; i++)
			if (!cpuset_has(&has_cpu, t->nodes[i].id))
				t->nodes[i].cpus = (struct cpuset){0};
	host_memory_read(root, &memory);
	host_memory_find_hidden(t, &memory);
	host_memory_correct(t, &memory);
	host_memory_find_free(t, &memory);
	host_memory_limit(t, source->memory_limit_bytes);
	host_cpus_read(root, source->unified ? source->unified : "", t);
	if (source->is_isolated)
		t->isolated = cpuset_or(&t->isolated, &source->cpus);
	if (bound && hwloc_get_cpubind(h, bound, HWLOC_CPUBIND_PROCESS) == 0 &&
	    !hwloc_bitmap_isincluded(hwloc_topology_get_allowed_cpuset(h), bound) &&
	    to_cpuset(bound, "CPU", CPUSET_MAX, mask, &ignored) == 0) {
		/* Nobody but the kernel has bound every process to those that are not isolated. */
		struct cpuset missing = cpuset_and_not(&source->cpus, mask);

		if (cpuset_is_subset(&missing, &t->isolated))
			*mask = (struct cpuset){0};
	}
	hwloc_bitmap_free(bound);
}

/* ---- all of it ---- */

/* The raw part of *t, which is zeroed. */
static int read_raw(hwloc_topology_t h, const struct topology_source *source,
		    const struct description *d, struct topology *t, struct cpuset *mask,
		    struct err *e)
{
	struct cpuset cpus = source->cpus, nodes = source->nodes;

	if (d->kind != SOURCE_LIVE &&
	    (to_cpuset(hwloc_topology_get_allowed_cpuset(h), "CPU", CPUSET_MAX, &cpus, e) < 0 ||
	     to_cpuset(hwloc_topology_get_allowed_nodeset(h), "NUMA node", TOPOLOGY_NODE_IDS,
		       &nodes, e) < 0))
		return e->code;
	if (read_cpus(h, &cpus, t, e) < 0 || read_nodes(h, d->kind, &nodes, t, e) < 0 ||
	    read_kinds(h, t, e) < 0)
		return e->code;
	read_distances(h, t);
	read_latencies(h, t);
	/* Synthetic text without sizes gets 1 GB a node from hwloc; nobody said so: unknown. */
	if (d->kind == SOURCE_SYNTHETIC && !strstr(d->text, "memory="))
		for (unsigned i = 0; i < t->node_count; i++)
			t->nodes[i].memory_bytes = t->nodes[i].huge_bytes = 0;
	if (d->kind == SOURCE_LIVE)
		read_host(h, source, t, mask);
	return 0;
}

static int read_here(const struct topology_source *source, const struct description *d,
		     struct topology *t, struct cpuset *mask, struct err *e)
{
	cleanup_topology hwloc_topology_t h = NULL;

	if (load(d, &h, e) < 0)
		return e->code;
	return read_raw(h, source, d, t, mask, e);
}

/* What the child that reads a foreign machine hands back. */
struct foreign {
	struct topology machine; /* its raw part */
	struct err refusal;	 /* code 0: none */
};

static void read_foreign(const void *task, void *answer)
{
	struct foreign *foreign = answer;
	struct cpuset ignored;

	if (read_here(&(struct topology_source){0}, task, &foreign->machine, &ignored,
		      &foreign->refusal) == 0)
		foreign->refusal.code = 0;
}

/*
 * Whether the child's answer is one of the type at all: another byte than 0 or 1 is no bool. What
 * the numbers say is topology_derive()'s to check.
 */
static bool is_machine(const struct topology *t)
{
	unsigned char bools[TOPOLOGY_NODES + 2] = {0};

	memcpy(&bools[0], &t->has_distances, 1);
	memcpy(&bools[1], &t->has_latencies, 1);
	for (unsigned i = 0; i < TOPOLOGY_NODES; i++)
		memcpy(&bools[2 + i], &t->nodes[i].allowed, 1);
	for (unsigned i = 0; i < sizeof(bools); i++)
		if (bools[i] > 1)
			return false;
	return t->cpu_count <= TOPOLOGY_CPUS && t->node_count <= TOPOLOGY_NODES;
}

/*
 * hwloc trusts the files that it reads, and crashes on some that are no export of its own: foreign
 * machines are read in a child, and its answer is checked like the file itself.
 */
static int read_confined(const struct description *d, struct topology *t, struct err *e)
{
	cleanup_free struct foreign *foreign = calloc(1, sizeof(*foreign));
	struct topology *machine = foreign ? &foreign->machine : NULL;
	struct err ended = {0};

	if (!foreign)
		return err_set(e, -ENOMEM, "out of memory");
	if (confined_run(read_foreign, d, foreign, sizeof(*foreign), &ended) < 0)
		return err_wrong(
			e,
			"topology '%s' stops hwloc %s, which was reading it: %s; export "
			"it again with lstopo on that machine, or describe it by synthetic "
			"text like 'pack:8 core:15 pu:1'",
			d->text, HWLOC_VERSION, ended.msg);
	if (foreign->refusal.code != 0)
		return err_wrong(e, "%.*s", ERR_TEXT - 1, foreign->refusal.msg);
	if (!is_machine(machine))
		return err_wrong(e, "topology '%s' makes hwloc %s tell a machine that is none",
				 d->text, HWLOC_VERSION);
	machine->this_machine = false;
	machine->hidden_nodes = machine->isolated = (struct cpuset){0};
	machine->nohz_full = machine->rcu_nocbs = (struct cpuset){0};
	for (unsigned i = 0; i < machine->node_count; i++)
		machine->nodes[i].free_bytes = machine->nodes[i].held_bytes = 0;
	*t = *machine;
	return 0;
}

int topology_read(const struct topology_source *source, struct topology *out, struct cpuset *mask,
		  struct err *e)
{
	const char *text = source->text;
	enum source_kind kind = source_kind(&text);
	cleanup_description struct description d = {0};
	cleanup_free struct topology *t = calloc(1, sizeof(*t));
	struct cpuset bound = {0};
	char name[TOPOLOGY_SOURCE];
	int n, r;

	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	n = snprintf(name, sizeof(name), "%s%s", prefixes[kind], text ? text : "");
	if ((size_t)n >= sizeof(name))
		return err_wrong(e, "the value of --topology has %zu bytes; the limit is %zu",
				 strlen(text), sizeof(name) - strlen(prefixes[kind]) - 1);
	forget_variables();
	if (describe(kind, text, &d, e) < 0)
		return e->code;
	r = kind == SOURCE_LIVE ? read_here(source, &d, t, &bound, e) : read_confined(&d, t, e);
	if (r < 0)
		return e->code;
	memcpy(t->source, name, sizeof(name));
	if (topology_derive(t, e) < 0)
		return text ? err_wrap(e, "topology '%s'", text) : e->code;
	*out = *t;
	*mask = bound;
	return 0;
}
