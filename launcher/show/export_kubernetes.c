/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan as pods for one Kubernetes node; declared in export_parts.h. Pods ask for numbers of CPUs
 * and bytes, and the kubelet's managers choose which: requests equal to limits with whole CPUs
 * (Guaranteed) make the static CPU manager and the Static memory manager pin them
 * (kubernetes.io/docs/tasks/administer-cluster/{cpu-management-policies,memory-manager,
 * topology-manager}). Manifests cannot set the kubelet, so its configuration is a comment.
 */

#include <errno.h>

#include "launcher/show/export_parts.h"
#include "launcher/show/export_quote.h"

enum { KUBELET_NODES = 8 }; /* the topology manager's limit unless told otherwise */

/* The kubelet's default evictionHard of memory.available counts as reserved memory. */
#define EVICTION_BYTES (UINT64_C(100) << 20)
/* What the Master's pod may have: its JVM has 384 MB of heap; out of the plan's reserve. */
#define MASTER_BYTES (UINT64_C(1) << 30)

static const char indent[] = "#       ";

static const char *home(const struct exported *x)
{
	return x->profile->spark.home[0] ? x->profile->spark.home : EXPORT_IMAGE_SPARK;
}

/* Where no machine's sizes are known, what its JVMs take. */
static uint64_t memory_of(const struct slice_memory *m)
{
	return m->max_bytes
		       ? m->max_bytes
		       : m->heap_bytes + m->direct_bytes + m->off_heap_bytes + m->python_bytes +
				 m->native_bytes + m->daemon_bytes + m->scratch_bytes;
}

/* ---- the kubelet */

/* The most nodes that a slice has, and whether all have as many. */
static unsigned most_nodes(const struct plan *p, bool *is_even)
{
	unsigned most = 0;

	*is_even = true;
	for (unsigned i = 0; i < p->slice_count; i++) {
		unsigned count = cpuset_count(&p->slices[i].nodes);

		if (i && count != most)
			*is_even = false;
		if (count > most)
			most = count;
	}
	return most;
}

static bool crosses(const struct plan *p)
{
	for (unsigned i = 0; i < p->warning_count; i++)
		if (p->warnings[i].code == WARN_CROSSES_NODE)
			return true;
	return false;
}

/*
 * single-numa-node admits no pod that needs more than one. restricted admits those that have the
 * least number of nodes that can hold them: what a slice of several whole nodes is.
 */
static void put_topology_policy(const struct plan *p, FILE *to)
{
	bool is_even;
	unsigned most = most_nodes(p, &is_even);

	if (most <= 1)
		fputs("#   topologyManagerPolicy: single-numa-node\n", to);
	else if (is_even && !crosses(p))
		fprintf(to,
			"#   # Not single-numa-node, which would refuse the slices: each has %u nodes.\n"
			"#   topologyManagerPolicy: restricted\n",
			most);
	else
		fputs("#   # Not single-numa-node or restricted: slices share nodes, or have uneven numbers of them.\n"
		      "#   topologyManagerPolicy: best-effort\n",
		      to);
	fputs("#   topologyManagerScope: pod\n", to);
	if (cpuset_count(&p->host.nodes) > KUBELET_NODES)
		fprintf(to,
			"#   topologyManagerPolicyOptions: {max-allowable-numa-nodes: \"%u\"} # 8 by itself; since 1.31\n",
			cpuset_count(&p->host.nodes));
}

/* Whole cores only: where each has as many threads, and all of them are used. */
static bool has_whole_cores(const struct plan *p)
{
	unsigned threads = 0;

	for (unsigned i = 0; i < p->slice_count; i++) {
		unsigned cpus = cpuset_count(&p->slices[i].cpus), cores = p->slices[i].cores;

		if (cpus % cores || cpus == cores || (i && cpus / cores != threads))
			return false;
		threads = cpus / cores;
	}
	return true;
}

/* The sum over the nodes has to be systemReserved and evictionHard, to the byte. */
static void put_reserved_memory(const struct plan *p, FILE *to)
{
	uint64_t total = p->host.memory_bytes;
	unsigned count = cpuset_count(&p->host.nodes), done = 0;

	/* The Master's pod is a pod like others: its memory is not the kubelet's. */
	total = total > MASTER_BYTES + EVICTION_BYTES ? total - MASTER_BYTES : EVICTION_BYTES;
	fprintf(to,
		"#   evictionHard: {memory.available: \"%llu\"}\n"
		"#   systemReserved: {memory: \"%llu\"}\n"
		"#   reservedMemory: # together, by node\n",
		(unsigned long long)EVICTION_BYTES, (unsigned long long)(total - EVICTION_BYTES));
	cpuset_for_each(node, &p->host.nodes)
	{
		uint64_t share =
			size_share(total, done + 1, count) - size_share(total, done, count);

		fprintf(to, "#     - {numaNode: %u, limits: {memory: \"%llu\"}}\n", node,
			(unsigned long long)share);
		done++;
	}
}

static void put_kubelet(const struct plan *p, FILE *to)
{
	fputs("# The server's kubelet needs (restart it after removing /var/lib/kubelet/*_manager_state):\n"
	      "#   apiVersion: kubelet.config.k8s.io/v1beta1\n"
	      "#   kind: KubeletConfiguration\n"
	      "#   cpuManagerPolicy: static\n",
	      to);
	if (has_whole_cores(p))
		fputs("#   cpuManagerPolicyOptions: {full-pcpus-only: \"true\"}\n", to);
	if (p->host.shared)
		fputs("#   reservedSystemCPUs: \"…\" # the plan reserves none and the kubelet insists on one: write\n"
		      "#                           # partition.reserve.cores: 1, or one slice stays Pending\n",
		      to);
	else
		fprintf(to, "#   reservedSystemCPUs: \"%s\"\n", CPUSET_STRING(&p->host.cpus));
	fputs("#   memoryManagerPolicy: Static\n", to);
	put_topology_policy(p, to);
	put_reserved_memory(p, to);
}

/* ---- comments */

static int put_comment(const struct exported *x, FILE *to)
{
	const char *name = x->plan->name;
	int r;

	export_head(x, "Kubernetes", to);
	fprintf(to,
		"# First:   kubectl label node SERVER cleave=%s-slices\n"
		"# Start:   kubectl apply -f THIS.yaml\n"
		"# Look:    kubectl get pods -l app=cleave; kubectl logs cleave-%s-slice-0\n"
		"# End:     kubectl delete -f THIS.yaml\n"
		"# Submit, the driver runs %s:\n#   ",
		name, name,
		x->profile->spark.join[0] ? "where you call it" : "in the master's pod");
	if (!x->profile->spark.join[0])
		fprintf(to, "kubectl exec -it cleave-%s-master -- ", name);
	export_put_shell(home(x), to);
	r = export_submit(x, SUBMIT_BY_SHELL, "/" EXPORT_SPARK_SUBMIT, indent, to);
	fprintf(to, " \\\n%sAPPLICATION…\n#\n", indent);
	put_kubelet(x->plan, to);
	fputs("#\n"
	      "# The plan's sizes are asked for; which CPUs and nodes a pod gets is the kubelet's choice, so that the\n"
	      "# lists in the comments below are the plan's and not a promise. Requests of DaemonSets on this server\n"
	      "# come off: if a slice stays Pending, reserve more (partition.reserve).\n",
	      to);
	export_tail(x, to);
	fputs("# * CPU weights, swap, memory.high, memory.low and limits of devices: pods have none.\n",
	      to);
	if (x->profile->memory.policy != POLICY_STRICT)
		fputs("# * memory.policy: the memory manager binds.\n", to);
	return r;
}

/* ---- pods */

static void put_variable(void *context, const char *key, const char *value)
{
	FILE *to = context;

	fprintf(to, "        - name: %s\n          value: ", key);
	export_put_yaml(value, YAML_EXPANDED, to);
	fputc('\n', to);
}

/* A directory of the server. */
static void put_host_path(const char *name, const char *path, const char *target, const char *type,
			  const char *more, FILE *mounts, FILE *volumes)
{
	fprintf(mounts, "        - {name: %s, mountPath: ", name);
	export_put_yaml(target, YAML_PLAIN, mounts);
	fprintf(mounts, "%s}\n", more);
	fprintf(volumes, "    - name: %s\n      hostPath: {%spath: ", name, type);
	export_put_yaml(path, YAML_PLAIN, volumes);
	fputs("}\n", volumes);
}

static void put_volumes(const struct exported *x, const struct export_part *part, FILE *mounts,
			FILE *volumes)
{
	static const char read_only[] = ", readOnly: true";
	const struct profile *p = x->profile;
	const char *data = export_data_path(x);
	char path[2 * PROFILE_PATH];

	if (x->uid >= 0)
		put_host_path("passwd", EXPORT_PASSWD, EXPORT_PASSWD, "type: File, ", read_only,
			      mounts, volumes);
	if (p->spark.home[0])
		put_host_path("spark", p->spark.home, p->spark.home, "", read_only, mounts,
			      volumes);
	if (p->jvm.home[0])
		put_host_path("java", p->jvm.home, p->jvm.home, "", read_only, mounts, volumes);
	if (data)
		put_host_path("data", data, data, "", read_only, mounts, volumes);
	if (!part->slice)
		return;
	fputs("        - {name: work, mountPath: /work}\n", mounts);
	fputs("    - {name: work, emptyDir: {}}\n", volumes);
	if (!export_scratch_is_tmpfs(x) && export_scratch(x, part->slice, path)) {
		put_host_path("scratch", path, "/scratch", "type: DirectoryOrCreate, ", "", mounts,
			      volumes);
		return;
	}
	fputs("        - {name: scratch, mountPath: /scratch}\n", mounts);
	if (export_scratch_is_tmpfs(x))
		fprintf(volumes,
			"    - {name: scratch, emptyDir: {medium: Memory, sizeLimit: \"%llu\"}}\n",
			(unsigned long long)part->slice->memory.scratch_bytes);
	else
		fputs("    - {name: scratch, emptyDir: {}}\n", volumes);
}

static int put_mounts(const struct exported *x, const struct export_part *part, FILE *to)
{
	char *mounts = NULL, *volumes = NULL;
	size_t mounts_size, volumes_size;
	FILE *first = open_memstream(&mounts, &mounts_size);
	FILE *second = open_memstream(&volumes, &volumes_size);
	int r = first && second ? 0 : -ENOMEM;

	if (!r)
		put_volumes(x, part, first, second);
	if ((first && fclose(first)) || (second && fclose(second)))
		r = -ENOMEM;
	if (!r && mounts_size)
		fprintf(to, "      volumeMounts:\n%s  volumes:\n%s", mounts, volumes);
	free(mounts);
	free(volumes);
	return r;
}

/*
 * A slice's are equal, whole CPUs: Guaranteed. The Master's pod asks for no CPU, so that it runs on
 * what slices leave, the reserve; all allocatable CPUs are the slices'.
 */
static void put_resources(const struct export_part *part, FILE *to)
{
	uint64_t bytes = part->slice ? memory_of(&part->slice->memory) : MASTER_BYTES;

	fputs("      resources:\n", to);
	for (unsigned i = 0; i < 2; i++) {
		fprintf(to, "        %s: {", i ? "limits" : "requests");
		if (part->slice)
			fprintf(to, "cpu: \"%u\", ", cpuset_count(&part->cpus));
		fprintf(to, "memory: \"%llu\"}\n", (unsigned long long)bytes);
	}
}

static int put_pod(const struct exported *x, const struct export_part *part, FILE *to)
{
	static const char *const pull[] = {"Never", "IfNotPresent", "Always"};
	const struct profile *p = x->profile;
	int r;

	fputs("---\n# ", to);
	export_describe(part, to);
	fprintf(to,
		"\napiVersion: v1\nkind: Pod\nmetadata:\n"
		"  name: cleave-%s-%s\n"
		"  labels: {app: cleave}\n"
		"spec:\n"
		"  nodeSelector: {cleave: %s-slices}\n"
		"  hostNetwork: true # each slice has a loopback address of its own\n"
		"  # Else a Service called spark-master would set SPARK_MASTER_PORT to a URL.\n"
		"  enableServiceLinks: false\n"
		"  automountServiceAccountToken: false\n"
		"  restartPolicy: Always\n",
		x->plan->name, part->name, x->plan->name);
	if (x->uid >= 0)
		fprintf(to, "  securityContext: {runAsUser: %ld, runAsGroup: %ld, fsGroup: %ld}\n",
			x->uid, x->gid, x->gid);
	fputs("  containers:\n    - name: spark\n", to);
	if (!p->docker.image[0])
		fputs("      # docker.image is not in the profile: write the image that has your Java and Spark.\n",
		      to);
	fputs("      image: ", to);
	export_put_yaml(p->docker.image[0] ? p->docker.image : EXPORT_IMAGE, YAML_PLAIN, to);
	fprintf(to, "\n      imagePullPolicy: %s\n",
		p->docker.image[0] ? pull[p->docker.pull] : "IfNotPresent");
	fputs("      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n"
	      "      # In place of the image's own entry point, which takes other words.\n"
	      "      command:\n        - ",
	      to);
	export_put_yaml_path(home(x), EXPORT_SPARK_CLASS, to);
	strings_for_each(word, &part->words)
	{
		fputs("\n        - ", to);
		export_put_yaml(word, YAML_EXPANDED, to);
	}
	fputs("\n      env:\n", to);
	put_variable(to, "SPARK_HOME", home(x));
	if (p->jvm.home[0])
		put_variable(to, "JAVA_HOME", p->jvm.home);
	r = export_environment(x, put_variable, to);
	export_own_environment(part, put_variable, to);
	if (part->slice) {
		put_variable(to, "SPARK_LOCAL_DIRS", "/scratch");
		put_variable(to, "SPARK_WORKER_DIR", "/work");
	}
	put_resources(part, to);
	return r ? r : put_mounts(x, part, to);
}

int export_kubernetes(const struct exported *x, struct export_files *out, struct err *e)
{
	FILE *to = export_open(out, "cleave-%s.yaml", x->plan->name);
	struct export_part part;
	int r;

	if (!to)
		return export_close(to, 0, e);
	r = put_comment(x, to);
	for (unsigned i = 0; i < export_part_count(x) && !r; i++) {
		export_part(x, i, &part);
		r = put_pod(x, &part, to);
	}
	return export_close(to, r, e);
}
