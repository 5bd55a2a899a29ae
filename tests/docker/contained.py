# SPDX-License-Identifier: Apache-2.0
"""A cluster in containers of an engine of the test's own."""
import json
import os
import re
import subprocess

from engine import TOP, Engine, check
from cluster import Cluster


class Contained(Cluster):
    """As Cluster; its engine is not started yet. `engine_directory`: below build/, short."""

    def __init__(self, directory, name, engine_directory):
        super().__init__(directory, name)
        self.engine = Engine(engine_directory)
        self.profile = f"{self.here}/profile.yaml"

    def write(self, image, docker="", partition="by: machine, slices: 2, cores: 1, max_cores: 2", **more):
        """The profile of it; `docker`: more keys of that part."""
        lines = f"backend: docker\ndocker: {{socket: {more.pop('socket', self.engine.socket)}, image: {image}{docker}}}\n"
        self.write_profile(self.profile, partition, more=lines + more.pop("more", ""), **more)

    def started(self, *words):
        """cleave as a process, whose stderr is read."""
        return subprocess.Popen(self.words(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                text=True, cwd=TOP)

    def container_name(self, which):
        return f"cleave-{self.name}-{which if which == 'master' else f'slice-{which}'}"

    def container(self, which):
        """What the engine says of a slice's container, or of "master"'s."""
        return self.engine.inspect(self.container_name(which))

    def pid(self, which):
        return self.container(which)["State"]["Pid"]

    def events(self, what=None):
        with open(f"{self.state_dir}/state/{self.name}/events.jsonl", encoding="utf-8") as file:
            found = [json.loads(line) for line in file if line.endswith("\n")]
        return [event for event in found if what in (None, event["what"])]

    def groups(self):
        return [path for path in super().groups() if not re.search(r"/cleave-engine-", path)]

    def nothing_is_left(self):
        super().nothing_is_left()
        ours = self.engine.containers(self.name)
        check(not ours, "containers:", ours)
        networks = {network["Name"] for network in self.engine.must("GET", "/networks")}
        check(networks <= {"host", "none"}, "networks:", networks)
        volumes = self.engine.must("GET", "/volumes")["Volumes"]
        check(not volumes, "volumes:", volumes)

    def end(self):
        super().end()
        self.engine.end()


def group_of(pid):
    """The path of its cgroup where the hierarchies agree, as they do for what an engine has started."""
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
        paths = {line.rstrip("\n").split(":", 2)[2] for line in file}
    check(len(paths) == 1, "process", pid, "is in", paths)
    return paths.pop()


def status_of(pid, key, thread=None):
    """A line of /proc/PID/status, or of one of its threads."""
    path = f"/proc/{pid}/task/{thread}/status" if thread else f"/proc/{pid}/status"
    with open(path, encoding="ascii", errors="replace") as file:
        return re.search(rf"^{key}:\s*(.*)$", file.read(), re.M).group(1)


def last_cpu(pid, thread):
    """Where a thread that runs, runs; None if it does not."""
    with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[36]) if fields[0] == "R" else None


def threads(pid):
    return os.listdir(f"/proc/{pid}/task")
