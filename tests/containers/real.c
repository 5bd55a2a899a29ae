/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/containers/real.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "containers/where/tree.h"
#include "decision/base/cleanup.h"
#include "tests/harness.h"

struct driver *real_open(const struct driver_request *r, char *why, size_t size)
{
	struct driver *d;
	struct err e = {0};

	if (driver_open(r, &d, &e) == 0)
		return d;
	snprintf(why, size, "%s", e.msg);
	return NULL;
}

struct group_spec real_group(const struct driver *d, const char *name, const char *cpus)
{
	struct group_spec g = {.name = name, .weight = WEIGHT_DEFAULT, .nodes = d->nodes};
	struct err e = {0};

	ck_assert_int_eq(cpuset_parse(cpus, &g.cpus, &e), 0);
	return g;
}

struct cpuset real_allowed(void)
{
	struct cpuset cpus, nodes;
	struct err e = {0};
	struct tree tree;

	real_do(tree_read(NULL, &tree, &e));
	real_do(tree_allowed(&tree, &cpus, &nodes, &e));
	return cpus;
}

struct cpuset real_taken(const char *root, const char *cluster, char by[NAME_MAX_BYTES + 1])
{
	struct claims claims;
	struct err e = {0};
	struct tree tree;

	real_do(tree_read(root, &tree, &e));
	real_do(tree_claims(&tree, cluster, &claims, &e));
	memcpy(by, claims.taken_by, sizeof(claims.taken_by));
	return claims.taken;
}

pid_t real_spawn(struct driver *d, const char *group, const char *script, int output)
{
	char shell[] = "sh", option[] = "-c", path[] = "PATH=/usr/bin:/bin";
	char *text = strdup(script);
	char *argv[] = {shell, option, text, NULL}, *envp[] = {path, NULL};
	struct spawn s = {.group = group,
			  .file = "/bin/sh",
			  .argv = argv,
			  .envp = envp,
			  .in = -1,
			  .out = output,
			  .err = 2,
			  .uid = (uid_t)-1};
	struct err e = {0};
	pid_t pid;
	int fd;
	int r = d->ops->spawn(d, &s, &pid, &fd, &e);

	free(text);
	ck_assert_msg(r == 0, "%s", e.msg);
	close(fd);
	return pid;
}

int real_run(struct driver *d, const char *group, const char *script, char *text, size_t size)
{
	size_t used = 0;
	int ends[2], status;
	pid_t pid;
	ssize_t n;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = real_spawn(d, group, script, ends[1]);
	close(ends[1]);
	while ((n = read(ends[0], text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void real_wait_byte(int fd)
{
	char byte;

	ck_assert_int_eq(read(fd, &byte, 1), 1);
}

static const char *wanted, *wanted_above;

static int is_wanted(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	return type == FTW_D && !strcmp(path + walk->base, wanted) && strstr(path, wanted_above);
}

bool real_tree_has(const char *above, const char *name)
{
	wanted = name;
	wanted_above = above;
	return nftw("/sys/fs/cgroup", is_wanted, 16, FTW_PHYS) == 1;
}

/* Only groups below `wanted`, and `wanted` itself. */
static int clean_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	char file[4096], line[32];
	FILE *procs;

	(void)st;
	(void)walk;
	snprintf(file, sizeof(file), "/%s", wanted);
	if (type != FTW_DP || !strstr(path, file))
		return 0;
	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	procs = fopen(file, "re");
	while (procs && fgets(line, sizeof(line), procs))
		kill((pid_t)strtol(line, NULL, 10), SIGKILL);
	if (procs)
		fclose(procs);
	for (unsigned turn = 0; turn < 100 && rmdir(path) && errno == EBUSY; turn++)
		poll(NULL, 0, 10);
	return 0;
}

void real_clean(const char *root)
{
	wanted = root;
	nftw("/sys/fs/cgroup", clean_one, 16, FTW_PHYS | FTW_DEPTH);
}
