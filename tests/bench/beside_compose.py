# SPDX-License-Identifier: Apache-2.0
"""The same plan put in force by three: cleave with containers, docker-compose with the file that `cleave export compose` writes,
and cleave with cgroups alone. The engine is the bench's own (tests/docker/engine.py); all of it lies below build/."""
import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

from bench import TOP
from cluster import Cluster, Failed, check, no_spark_reason

sys.path.insert(0, f"{TOP}/tests/docker")
import engine  # noqa: E402
import images  # noqa: E402

COMPOSE = "/usr/bin/docker-compose"
MASTER = "127.0.0.1"
PORT, UI = 27177, 28180
POLL_SECONDS = 0.02
UP_SECONDS = 300
NODES = len(glob.glob("/sys/devices/system/node/node[0-9]*"))
SLICES = max(2, NODES)


def why_not():
    """Why this machine cannot run it, or None."""
    for program, package in ((engine.DOCKER, "docker.io"), (COMPOSE, "docker-compose")):
        if not os.access(program, os.X_OK):
            return f"no {program}: Debian's package {package}"
    return no_spark_reason() or engine.skip_reason() or images.room_reason(f"{TOP}/build")


def registered():
    """How many Workers the Master has."""
    try:
        with urllib.request.urlopen(f"http://{MASTER}:{UI}/json/", timeout=2) as answer:
            return json.load(answer)["aliveworkers"]
    except OSError:
        return 0


class BesideCompose(Cluster):
    def __init__(self, name):
        super().__init__(f"bench/{name}", f"bench-{name}")
        self.engine = engine.Engine("bench-e")
        self.project = f"cleave-{self.name}"
        self.compose_file = f"{self.here}/compose/{self.project}.yaml"
        self.compose_env = dict(os.environ, DOCKER_HOST=f"unix://{self.engine.socket}", COMPOSE_HTTP_TIMEOUT=str(UP_SECONDS))

    def prepare(self):
        """The engine with its image, both profiles, and what an administrator has to do before docker-compose."""
        self.engine.start()
        images.import_java(self.engine)
        for backend in ("docker", "cgroup"):
            self.write(backend)
        self.must("export", "compose", self.profile("docker"), "--output", f"{self.here}/compose")
        with open(self.compose_file, encoding="utf-8") as file:
            text = file.read()
        data = f"{self.here}/compose"
        with open(self.compose_file, "w", encoding="utf-8") as file:
            file.write(text.replace(f"/var/lib/cleave-{self.name}/", f"{data}/"))
        for number in range(SLICES):
            for directory in ("work", "scratch"):
                os.makedirs(f"{data}/slice-{number}/{directory}")

    def profile(self, backend):
        return f"{self.here}/{backend}.yaml"

    def write(self, backend):
        """Without an archive of classes, which docker-compose's JVMs have not either (bench_up measures what it is worth)."""
        with open(self.profile(backend), "w", encoding="ascii") as file:
            file.write(f"""version: 1
name: {self.name}
backend: {backend}
docker: {{socket: {self.engine.socket}, image: {images.JAVA}, master: container}}
partition: {{slices: {SLICES}, reserve: {{cores: 0}}}}
memory: {{heap: 600M}}
jvm: {{class_data_sharing: false}}
spark: {{home: {os.path.realpath(f"{TOP}/build/spark")}, start_timeout: {UP_SECONDS}s, master: {{address: {MASTER}, port: {PORT}, ui_port: {UI}}}}}
rebalance: {{mode: off}}
""")

    # ---- starting, and what is left of it

    def until_registered(self, words, **options):
        """Run them. Seconds until all Workers are registered, and until the command has returned."""
        begin = time.monotonic()
        log = f"{self.here}/command.log"
        with open(log, "wb") as file, subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=TOP,
                                                       **options) as process:
            registered_s = returned_s = None
            while registered_s is None or returned_s is None:
                if registered_s is None and registered() == SLICES:
                    registered_s = time.monotonic() - begin
                if returned_s is None and process.poll() is not None:
                    returned_s = time.monotonic() - begin
                if process.returncode or time.monotonic() > begin + UP_SECONDS:
                    process.terminate()
                    with open(log, encoding="utf-8", errors="replace") as text:
                        raise Failed(words, f"exit {process.poll()}, {registered()} Workers are registered:\n", text.read()[-2000:])
                time.sleep(POLL_SECONDS)
        return {"registered_s": registered_s, "returned_s": returned_s}

    def up(self, backend):
        return self.until_registered(self.words("up", self.profile(backend)))

    def down(self):
        self.must("down", self.name, "--purge")

    def compose_words(self, *words):
        return [COMPOSE, "-p", self.project, "-f", self.compose_file, *words]

    def compose(self, *words):
        done = subprocess.run(self.compose_words(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=UP_SECONDS, env=self.compose_env)
        check(done.returncode == 0, "docker-compose", *words, "exit", done.returncode, done.stderr[-2000:])

    def compose_up(self):
        return self.until_registered(self.compose_words("up", "-d"), env=self.compose_env)

    def compose_down(self):
        self.compose("down")

    def end(self):
        """docker-compose's containers go with the engine."""
        super().end()
        self.engine.end()

    def groups(self):
        """Without those of the engine's own, which end with it."""
        return [path for path in super().groups() if self.engine.parent not in path]

    # ---- what is asked

    def container(self, number):
        """The engine's name of a slice's container."""
        return f"cleave-{self.name}-slice-{number}"

    def events(self):
        return f"{self.state_dir}/state/{self.name}/events.jsonl"
