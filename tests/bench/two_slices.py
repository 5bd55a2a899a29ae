# SPDX-License-Identifier: Apache-2.0
"""A cluster of two slices, the application that runs there (job.py), and what either used of the CPUs."""
import json
import os
import subprocess
import threading
import time

from bench import TOP
from cluster import Cluster, Failed

JOB = f"{TOP}/tests/bench/job.py"
CPUS_NEEDED = 2


def why_not():
    """Why this machine cannot run it, or None."""
    return None if len(os.sched_getaffinity(0)) >= CPUS_NEEDED else f"{CPUS_NEEDED} CPUs are needed"


class TwoSlices(Cluster):
    def __init__(self, name):
        super().__init__(f"bench/{name}", f"bench-{name}")

    def take_for(self, cpus):
        """Have cleave take this machine for one of so many CPUs (tests/fold/fold.h), if it has fewer."""
        if cpus > len(os.sched_getaffinity(0)):
            memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
            self.program = ["env", f"FOLD_MACHINE=numa:1(memory={memory}) core:{cpus} pu:1",
                            f"{TOP}/build/release/tests/fold/cleave"]

    def up(self, cores=2, slots=2, loans="shared"):
        """Bring it up with `cores` in all, the first slice having the odd one, and `slots` a CPU; the monitor is off."""
        path = f"{self.here}/profile.yaml"
        with open(path, "w", encoding="ascii") as file:
            file.write(f"""version: 1
name: {self.name}
partition: {{by: machine, slices: 2, max_cores: {cores}, reserve: {{cores: 0}}}}
memory: {{heap: 900M}}
spark: {{home: {TOP}/build/spark, slots_per_cpu: {slots}, conf: {{spark.locality.wait: 120s}}}}
rebalance: {{mode: off, loans: {loans}}}
""")
        self.must("up", path)

    def down(self):
        self.must("down", self.name, "--purge")

    def mode(self, mode):
        """off, observe or act."""
        self.must("rebalance", self.name, "--mode", mode)

    def supervisor(self):
        return self.status()["supervisor"]["pid"]

    def events(self):
        return f"{self.state_dir}/state/{self.name}/events.jsonl"


class Job:
    """The application in a cluster, from its start to the end of a `with`."""

    def __init__(self, cluster, *options):
        """`options` are spark-submit's."""
        fifo, self.log = f"{cluster.here}/commands", f"{cluster.here}/job.log"
        if not os.path.exists(fifo):
            os.mkfifo(fifo)
        # Both ends: opening it does not wait for the application, and its end is when we close.
        self.commands = os.fdopen(os.open(fifo, os.O_RDWR | os.O_CLOEXEC), "wb", buffering=0)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(cluster.words("run", "--cluster", cluster.name, "--", *options, JOB, fifo),
                                            cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.commands.close()
        if kind:
            self.process.terminate()
        self.process.stdout.read()
        if self.process.wait() and not kind:
            raise self.failed()

    def failed(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            lines = [line for line in log if " INFO " not in line]
        return Failed(f"the application failed (exit {self.process.wait()}):\n{''.join(lines[-40:])}")

    def do(self, *words):
        """One command; its answer."""
        self.commands.write((" ".join(str(word) for word in words) + "\n").encode())
        for line in self.process.stdout:
            if line.startswith(b"{"):
                return json.loads(line)
        raise self.failed()


class Sampler:
    """Inside a `with`: the CPU time of each group every tenth of a second, as [time, seconds, …]."""

    def __init__(self, clocks):
        self.clocks, self.samples, self.stop = clocks, [], threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.stop.wait(0.1):
            self.take()

    def take(self):
        self.samples.append([time.monotonic(), *(clock() for clock in self.clocks)])

    def __enter__(self):
        self.take()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.take()


def process_seconds(pid):
    """CPU time of a process so far, by the kernel's clock of it: its number is clock_getcpuclockid(3)'s."""
    return time.clock_gettime((~pid << 3) | 2)


def process_memory(pid):
    """The most bytes that were resident (VmHWM)."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
