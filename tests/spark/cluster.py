# SPDX-License-Identifier: Apache-2.0
"""What the tests of whole clusters share: one cluster below build/, what it leaves, and TAP on stdout."""
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

# Short applications: of the JVM's compilers only the first, which spends the least time itself (0.6 times the CPU time in all).
FAST_JVM = "-XX:TieredStopAtLevel=1"
TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
UP_SECONDS = 180

# One archive of classes for all tests of the real Spark (tests/spark/warm makes it): nothing is trained beside them.
os.environ.setdefault("XDG_CACHE_HOME", f"{TOP}/build/cache")

# What runs the tests may ignore signals (a shell in the background does SIGINT, nohup SIGHUP), and so would all that we start.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)


class Failed(Exception):
    """What a check found."""


def check(fact, *what):
    if not fact:
        raise Failed(" ".join(str(w) for w in what))


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise Failed("not within", seconds, "s:", what() if callable(what) else what)


def leavings():
    """What a JVM or Spark may have put outside our directories."""
    return {name for name in os.listdir("/tmp")
            if re.match(r"(spark-|blockmgr-|hsperfdata_|liblz4|libzstd|snappy-|libnetty|pyspark)", name)}


def process_lines():
    """pid → command line of every process."""
    found = {}
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                found[int(path.split("/")[2])] = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


class Cluster:
    """A cluster called NAME-PID, so that others on this machine are not touched, all of it below build/DIRECTORY."""

    def __init__(self, directory, name):
        self.here = f"{TOP}/build/{directory}"
        self.name = f"{name}-{os.getpid()}"
        self.state_dir = f"{self.here}/state"
        self.program = [f"{TOP}/build/cleave"]
        self.before = leavings()

    def write_profile(self, path, partition, name=None, memory="heap: 600M", spark="", jvm="", more=""):
        """A profile of short applications; the keys are flow mappings without their braces, `more` are lines."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""version: 1
name: {name or self.name}
partition: {{{partition}, reserve: {{cores: 0}}}}
memory: {{{memory}}}
jvm: {{options: ["{FAST_JVM}"]{jvm}}}
spark: {{start_timeout: {UP_SECONDS}s, conf: {{spark.driver.extraJavaOptions: "{FAST_JVM}"}}{spark}}}
{more}
""")

    def words(self, *words):
        return [*self.program, "--state-dir", self.state_dir, *words]

    def cleave(self, *words, timeout=UP_SECONDS, **options):
        """Run cleave; return the finished process with its outputs."""
        return subprocess.run(self.words(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, check=False, cwd=TOP, **options)

    def must(self, *words, **options):
        done = self.cleave(*words, **options)
        check(done.returncode == 0, words, "exit", done.returncode, done.stdout, done.stderr[-2000:])
        return done

    def status(self):
        return json.loads(self.must("status", self.name, "--json").stdout)

    def processes(self):
        """pid → command line of everything that belongs to the cluster."""
        marks = (self.here + "/", f"cleave-{self.name}")
        return {pid: line for pid, line in process_lines().items()
                if pid != os.getpid() and any(mark in line for mark in marks)}

    def groups(self):
        return [path for path, _, _ in os.walk("/sys/fs/cgroup") if self.name in path]

    def group_file(self, group, file):
        """A control file of one of our groups, in whichever hierarchy has it; None if none has."""
        for path in self.groups():
            if path.endswith(f"/{group}") and os.path.exists(f"{path}/{file}"):
                return f"{path}/{file}"
        return None

    def cpu_clock(self, group):
        """A function that returns the seconds of CPU time that a group has used."""
        path, unit = self.group_file(group, "cpuacct.usage"), 1e9
        if not path:
            path, unit = self.group_file(group, "cpu.stat"), 1e6

        def used():
            with open(path, encoding="ascii") as file:
                return int(file.readline().split()[-1]) / unit
        return used

    def nothing_is_left(self):
        wait_until(lambda: not self.processes(), 10, lambda: f"no process of ours: {self.processes()}")
        check(not self.groups(), "groups:", self.groups())
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            check(self.state_dir not in file.read(), "a mount below", self.state_dir)
        left = [path for path, _, _ in os.walk(self.state_dir) if self.name in path]
        check(not left, "files:", left)
        check(leavings() <= self.before, "in /tmp:", leavings() - self.before)

    def end(self):
        """Whatever a failed test has left."""
        if os.path.exists(self.state_dir):
            self.cleave("down", self.name, "--purge")
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for path in sorted(self.groups(), reverse=True):
            with contextlib.suppress(OSError):
                os.rmdir(path)


def run_test(number, name, test):
    """Run one test. Return whether it failed."""
    begin = time.monotonic()
    bad = False
    try:
        test()
        print(f"ok {number} - {name}")
    except Exception as why:                # whatever it is, the next tests still tell something
        bad = True
        print(f"not ok {number} - {name}")
        print("".join(f"# {line}\n" for line in repr(why).split("\\n")), end="")
    print(f"# {time.monotonic() - begin:.1f} s", flush=True)
    return bad


def run(cluster, names, skip_reason):
    """Run the functions test_… of `names` (a module's globals()) in their order, or skip all. Return the exit status.

    ONLY=EXPRESSION in the environment: only those whose name matches.
    """
    tests = [(name[5:].replace("_", " "), test) for name, test in names.items() if name.startswith("test_")
             and ("ONLY" not in os.environ or re.search(os.environ["ONLY"], name))]
    print(f"1..{len(tests)}")
    if skip_reason:
        for number, (name, _) in enumerate(tests, 1):
            print(f"ok {number} - {name} # SKIP {skip_reason}")
        return 0
    shutil.rmtree(cluster.here, ignore_errors=True)
    os.makedirs(cluster.here)
    try:
        failed = sum([run_test(number, name, test) for number, (name, test) in enumerate(tests, 1)])
    finally:
        cluster.end()
    return 1 if failed else 0


def no_spark_reason():
    """Why the real Spark cannot be had here in two slices, or None."""
    if not os.path.isdir(f"{TOP}/build/spark/jars"):
        return "no Spark at build/spark"
    if len(os.sched_getaffinity(0)) < 2:
        return "needs a machine with two CPUs"
    if os.geteuid() != 0:
        return "needs root for cgroups"
    return None


def main(cluster, names, skip_reason):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(run(cluster, names, skip_reason))
