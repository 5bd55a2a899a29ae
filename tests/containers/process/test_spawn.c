/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Birth of a process: in a real v2 group where there is one; what it inherits and what it does not;
 * failed starts.
 */

#include "containers/process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

static char own_root[64]; /* several runs may be on this machine at once */

static __attribute__((constructor)) void name_root(void)
{
	snprintf(own_root, sizeof(own_root), "cleave-test-spawn-%d", getpid());
}

static __attribute__((destructor)) void clean(void)
{
	real_clean(own_root);
}

struct run {
	struct spawn s;
	struct spawn_into into;
	char text[8192]; /* stdout */
	int status;
};

static struct run shell(const char *script)
{
	static char name[] = "sh", option[] = "-c", path[] = "PATH=/usr/bin:/bin";
	static char *argv[] = {name, option, NULL, NULL}, *envp[] = {path, NULL};
	static char copy[512];

	snprintf(copy, sizeof(copy), "%s", script);
	argv[2] = copy;
	return (struct run){.s = {.group = "x",
				  .file = "/bin/sh",
				  .argv = argv,
				  .envp = envp,
				  .in = -1,
				  .err = 2,
				  .uid = (uid_t)-1},
			    .into = {.cgroup2 = -1, .wall = WALL_CPUSET}};
}

static int start(struct run *run, struct err *e)
{
	size_t used = 0;
	int ends[2], pidfd, r;
	pid_t pid;
	ssize_t n;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	run->s.out = ends[1];
	r = spawn_process(&run->s, &run->into, &pid, &pidfd, e);
	close(ends[1]);
	while (r == 0 && (n = read(ends[0], run->text + used, sizeof(run->text) - 1 - used)) > 0)
		used += (size_t)n;
	run->text[used] = '\0';
	close(ends[0]);
	if (r == 0) {
		ck_assert_int_eq(waitpid(pid, &run->status, 0), pid);
		close(pidfd);
	}
	return r;
}

/* A group of its own in the v2 tree; -1: there is none, or not for us. */
static int v2_group(char *path, size_t size)
{
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	struct statfs fs;

	for (unsigned i = 0; i < 2; i++) {
		if (statfs(mounts[i], &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		snprintf(path, size, "%s/%s", mounts[i], own_root);
		if (mkdir(path, 0755) && errno != EEXIST)
			continue;
		return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return -1;
}

static int never(void *context, pid_t child, struct err *e)
{
	(void)child;
	*(int *)context += 1;
	return err_set(e, -EIO, "the child was not born in its group");
}

/* The shell's own first act is to read where it is; nothing put it there. */
START_TEST(the_first_instruction_runs_in_the_group)
{
	struct run run = shell("while read line; do case $line in 0::*) echo $line;; esac; done "
			       "</proc/self/cgroup");
	struct err e = {0};
	char path[256];
	int joins = 0;

	run.into.cgroup2 = v2_group(path, sizeof(path));
	if (run.into.cgroup2 < 0)
		test_skip("no v2 tree in which groups can be made");
	run.into.join = never;
	run.into.context = &joins;
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(joins, 0);
	ck_assert_msg(strstr(run.text, own_root), "%s", run.text);
	close(run.into.cgroup2);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(attach_happens_before_exec)
{
	struct run run = shell("echo started");
	struct err e = {0};
	int calls = 0;

	run.into.attach = never;
	run.into.context = &calls;
	ck_assert_int_eq(start(&run, &e), -EIO);
	ck_assert_int_eq(calls, 1);
	ck_assert_str_eq(run.text, ""); /* it was ended before it ran anything */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static int widen_parent(void *context, pid_t child, struct err *e)
{
	char path[64], link[64];
	ssize_t n;

	(void)e;
	snprintf(path, sizeof(path), "/proc/%d/exe", child);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	*(bool *)context = strcmp(link, "/bin/sh") && strcmp(link, "/usr/bin/dash");
	return 0;
}

START_TEST(the_child_waits_while_it_is_attached)
{
	struct run run = shell("echo started");
	struct err e = {0};
	bool waited = false;

	run.into.attach = widen_parent;
	run.into.context = &waited;
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert(waited);
	ck_assert_str_eq(run.text, "started\n");
}
END_TEST

START_TEST(the_callers_affinity_is_not_inherited)
{
	struct run run = shell("grep Cpus_allowed_list /proc/self/status");
	cpu_set_t before, one;
	char narrow[64];
	struct err e = {0};

	ck_assert_int_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	if (CPU_COUNT(&before) < 2)
		test_skip("one CPU");
	CPU_ZERO(&one);
	for (unsigned cpu = 0; CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &before)) {
			CPU_SET(cpu, &one);
			snprintf(narrow, sizeof(narrow), "Cpus_allowed_list:\t%u\n", cpu);
		}
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert_str_ne(run.text, narrow);
	run.into.cpus = &(struct cpuset){{(uint64_t)one.__bits[0]}};
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(run.text, narrow);
}
END_TEST

START_TEST(nothing_else_is_inherited)
{
	struct run run =
		shell("ls /proc/self/fd; grep -E 'SigBlk|SigIgn' /proc/self/status; env; pwd");
	/*
	 * 32 and 33 are glibc's own: posix_spawn(), so make too, has them ignored, and sigaction()
	 * leaves them alone.
	 */
	const unsigned long long libc_signals = 3ull << 31;
	const char *ignored;
	sigset_t all;
	int leaked = open("/dev/null", O_RDONLY); /* not close-on-exec */
	struct err e = {0};
	char number[16];

	ck_assert_int_ge(leaked, 3);
	ck_assert_int_eq(dup2(leaked, 77), 77);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	run.s.directory = "/usr";
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	snprintf(number, sizeof(number), "77\n");
	ck_assert_msg(!strstr(run.text, number), "%s", run.text);
	ck_assert_msg(strstr(run.text, "SigBlk:\t0000000000000000"), "%s", run.text);
	ignored = strstr(run.text, "SigIgn:\t");
	ck_assert_msg(ignored && !(strtoull(ignored + 8, NULL, 16) & ~libc_signals), "%s",
		      run.text);
	ck_assert_msg(!strstr(run.text, "HOME="), "%s", run.text);
	ck_assert_msg(strstr(run.text, "/usr\n"), "%s", run.text);
	close(leaked);
	close(77);
}
END_TEST

/* The child's standard files come from descriptors that are in each other's places. */
START_TEST(standard_files_may_be_swapped)
{
	struct run run = shell("echo out; echo err >&2");
	int ends[2], pidfd, saved1 = dup(1), saved2 = dup(2), status;
	struct err e = {0};
	char text[64];
	pid_t pid;
	ssize_t n;
	int r;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], 2);
	dup2(ends[1], 1);
	run.s.in = -1;
	run.s.out = 2;
	run.s.err = 1;
	r = spawn_process(&run.s, &run.into, &pid, &pidfd, &e);
	dup2(saved1, 1);
	dup2(saved2, 2);
	close(saved1);
	close(saved2);
	close(ends[1]);
	ck_assert_msg(r == 0, "%s", e.msg);
	waitpid(pid, &status, 0);
	n = read(ends[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	close(pidfd);
	ck_assert_str_eq(text, "out\nerr\n");
}
END_TEST

START_TEST(it_becomes_the_user_without_new_privileges)
{
	struct run run = shell(
		"id -u; id -g; id -G; grep NoNewPrivs /proc/self/status; ps -o sid= -p $$ >&2");
	struct err e = {0};

	if (geteuid() != 0)
		test_skip("not root");
	run.s.uid = 65534;
	run.s.gid = 65534;
	run.s.user = "nobody";
	run.s.no_new_privileges = true;
	run.s.new_session = true;
	run.s.err = -1;
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(run.text, "65534\n65534\n65534\nNoNewPrivs:\t1\n");
}
END_TEST

/* Umask and limits are the same whoever's shell it was; a command of the caller's keeps his. */
START_TEST(what_a_shell_has_set_is_left)
{
	struct run run = shell("umask; ulimit -S -n; ulimit -S -f; ulimit -S -v; ulimit -S -d");
	struct rlimit files = {200, 300}, sizes = {1 << 30, RLIM_INFINITY};
	struct rlimit addresses = {UINT64_C(1) << 46, RLIM_INFINITY}; /* a sanitizer takes 2^44 */
	struct err e = {0};

	umask(077);
	if (setrlimit(RLIMIT_FSIZE, &sizes) || setrlimit(RLIMIT_AS, &addresses) ||
	    setrlimit(RLIMIT_DATA, &addresses))
		test_skip("the hard limits are lower here");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(run.text, "0022\n300\nunlimited\nunlimited\nunlimited\n");
	run.s.is_callers = true;
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(run.text, "0077\n200\n2097152\n68719476736\n68719476736\n");
}
END_TEST

START_TEST(a_session_of_its_own)
{
	struct run run = shell("set -- $(cat /proc/self/stat); echo $6");
	struct err e = {0};
	long mine = getsid(0);

	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(strtol(run.text, NULL, 10), mine);
	run.s.new_session = true;
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert_int_ne(strtol(run.text, NULL, 10), mine);
}
END_TEST

/* What is in our session's keyring can be read by who has it, whoever he is. */
START_TEST(the_callers_keys_are_not_inherited)
{
	static const char key[] = "cleave-test-spawn",
			  look[] = "grep -c cleave-test-spawn /proc/keys";
	struct run run = shell(look);
	struct err e = {0};

	if (geteuid() != 0)
		test_skip("not root");
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_add_key, "user", key, "secret", 6ul, KEY_SPEC_SESSION_KEYRING) < 0)
		test_skip("this kernel keeps no keys, or not for us: %s", strerror(errno));
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(run.text, "1\n");
	run.s.uid = run.s.gid = 65534;
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(run.text, "0\n");
}
END_TEST

START_TEST(a_terminal_of_its_own)
{
	struct run run = shell("echo seen >/dev/tty; tty");
	struct err e = {0};
	char name[64], seen[64];
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1;
	ssize_t n;

	ck_assert(master >= 0 && unlockpt(master) == 0);
	ck_assert_int_eq(ptsname_r(master, name, sizeof(name)), 0);
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	run.s.in = slave;
	run.s.new_session = run.s.takes_terminal = true;
	if (geteuid() == 0)
		run.s.uid = run.s.gid = 65534;
	ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
	n = read(master, seen, sizeof(seen) - 1);
	seen[n > 0 ? n : 0] = '\0';
	ck_assert_str_eq(seen, "seen\r\n");
	ck_assert(strncmp(run.text, name, strlen(name)) == 0);
	close(slave);
	close(master);
}
END_TEST

/* In whose process spawn_process() was called, which is killed; as another user where that can be. */
static void start_and_die(bool dies_with_us, int out)
{
	struct run run = shell("echo $$; exec sleep 1000");
	struct err e;
	int pidfd;
	pid_t pid;

	if (geteuid() == 0) {
		run.s.uid = run.s.gid = 12345;
		run.s.no_new_privileges = true;
	}
	run.s.new_session = true;
	run.s.dies_with_us = dies_with_us;
	run.s.out = out;
	if (spawn_process(&run.s, &run.into, &pid, &pidfd, &e))
		_exit(1);
	pause();
}

START_TEST(it_dies_with_us_where_that_is_wanted)
{
	for (unsigned dies = 0; dies < 2; dies++) {
		struct pollfd end = {.events = POLLIN};
		int ends[2];
		char text[32];
		ssize_t n;
		pid_t pid, its;

		ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
		pid = fork();
		if (pid == 0)
			start_and_die(dies, ends[1]);
		close(ends[1]);
		n = read(ends[0], text, sizeof(text) - 1);
		ck_assert_int_gt(n, 1);
		text[n] = '\0';
		its = (pid_t)strtol(text, NULL, 10);
		end.fd = ends[0];
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		/* The end of the pipe is the end of both. */
		ck_assert_int_eq(poll(&end, 1, dies ? 10000 : 200), (int)dies);
		if (!dies)
			ck_assert_int_eq(kill(its, SIGKILL), 0);
		close(ends[0]);
	}
}
END_TEST

START_TEST(memory_policies_are_set)
{
	static const struct {
		enum memory_policy policy;
		enum memory_wall wall;
		const char *words; /* in the second column of numa_maps */
	} table[] = {
		{POLICY_STRICT, WALL_CPUSET, " default "},
		{POLICY_STRICT, WALL_NONE, " bind:0 "},
		{POLICY_NONE, WALL_NONE, " default "},
		{POLICY_PREFERRED, WALL_CPUSET, " prefer:0 "},
		{POLICY_INTERLEAVE, WALL_CPUSET, " interleave:0 "},
	};

	if (access("/proc/self/numa_maps", R_OK))
		test_skip("the kernel has no NUMA");
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct run run = shell("read line </proc/self/numa_maps; echo \"$line\"");
		struct err e = {0};

		run.s.policy = table[i].policy;
		cpuset_add(&run.s.nodes, 0);
		run.into.wall = table[i].wall;
		ck_assert_msg(start(&run, &e) == 0, "%s", e.msg);
		ck_assert_msg(strstr(run.text, table[i].words), "%u: %s", i, run.text);
	}
}
END_TEST

/* From now on these calls of this process are answered EPERM, as by a container's filter. */
static void forbid(int first, int second)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)first, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)second, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 5, .filter = filter};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* A container's default filter: what needs no policy starts, what needs one says how. */
START_TEST(a_filter_forbids_memory_policies)
{
	struct run plain = shell("echo here"), interleaved = plain;
	struct err e = {0};

	interleaved.s.policy = POLICY_INTERLEAVE;
	cpuset_add(&interleaved.s.nodes, 0);
	forbid(SYS_set_mempolicy, SYS_set_mempolicy);
	ck_assert_msg(start(&plain, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(plain.text, "here\n");
	ck_assert_int_lt(start(&interleaved, &e), 0);
	ck_assert_msg(strstr(e.msg, "set its memory policy") &&
			      strstr(e.msg, "--cap-add SYS_NICE") &&
			      strstr(e.msg, "memory.policy: strict"),
		      "%s", e.msg);
}
END_TEST

START_TEST(a_filter_forbids_affinity)
{
	struct run run = shell("true");
	struct err e = {0};

	forbid(SYS_sched_setaffinity, SYS_sched_setaffinity);
	ck_assert_int_lt(start(&run, &e), 0);
	ck_assert_msg(strstr(e.msg, "sched_setaffinity") && strstr(e.msg, "seccomp=unconfined"),
		      "%s", e.msg);
}
END_TEST

START_TEST(an_old_filter_forbids_descriptors_of_processes)
{
	struct run run = shell("true");
	struct err e = {0};

	forbid(SYS_clone3, SYS_pidfd_open);
	ck_assert_int_lt(start(&run, &e), 0);
	ck_assert_msg(strstr(e.msg, "forbids clone3, fork or pidfd_open"), "%s", e.msg);
}
END_TEST

START_TEST(a_failed_start_says_why_and_leaves_nothing)
{
	static const struct {
		const char *file, *directory;
		int code;
		const char *words;
	} table[] = {
		{"/none/such", NULL, -ENOENT, "/none/such: execute it"},
		{"/etc/passwd", NULL, -EACCES, "/etc/passwd: execute it"},
		{"/proc/self/status", NULL, -EACCES, "execute it"},
		{"/bin/true", "/none/dir", -EIO, "enter /none/dir"},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct run run = shell("true");
		struct err e = {0};

		run.s.file = table[i].file;
		run.s.directory = table[i].directory;
		ck_assert_int_eq(start(&run, &e), table[i].code);
		ck_assert_msg(strstr(e.msg, table[i].words), "%s", e.msg);
		ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	}
}
END_TEST

static unsigned count_open(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(no_descriptor_is_lost)
{
	unsigned before = count_open();

	for (unsigned i = 0; i < 10; i++) {
		struct run run = shell("true");
		struct err e = {0};

		if (i % 2)
			run.s.file = "/none";
		start(&run, &e);
	}
	ck_assert_uint_eq(count_open(), before);
}
END_TEST

TEST_MAIN("spawn",
	  test_case("birth", the_first_instruction_runs_in_the_group, attach_happens_before_exec,
		    the_child_waits_while_it_is_attached),
	  test_case("inheritance", the_callers_affinity_is_not_inherited, nothing_else_is_inherited,
		    standard_files_may_be_swapped, it_becomes_the_user_without_new_privileges,
		    what_a_shell_has_set_is_left, a_session_of_its_own,
		    the_callers_keys_are_not_inherited, a_terminal_of_its_own,
		    it_dies_with_us_where_that_is_wanted, memory_policies_are_set,
		    a_filter_forbids_memory_policies, a_filter_forbids_affinity,
		    an_old_filter_forbids_descriptors_of_processes),
	  test_case("failure", a_failed_start_says_why_and_leaves_nothing, no_descriptor_is_lost))
