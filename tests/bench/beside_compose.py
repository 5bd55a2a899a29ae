# SPDX-License-Identifier: Apache-2.0
"""The same plan put in force by cleave with containers, by docker-compose with the file that `cleave export compose` writes, and
by cleave with cgroups alone. The engine is the bench's own (tests/docker/engine.py); all of it lies below build/."""
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
from cluster import Cluster, Failed, check, no_spark_reason, wait_until

sys.path.insert(0, f"{TOP}/tests/docker")
import engine  # noqa: E402
import images  # noqa: E402

COMPOSE = "/usr/bin/docker-compose"
MASTER = "127.0.0.1"
PORT, UI = 27177, 28180
POLL_SECONDS = 0.02
UP_SECONDS = 300
# Ways of `cleave up`: all in containers of the image; slices in containers with this machine's Java, which alone has an archive of
# classes; no containers.
CONTAINERS, ARCHIVE, GROUPS = "containers", "archive", "groups"
NODES = len(glob.glob("/sys/devices/system/node/node[0-9]*"))
SLICES = max(2, NODES)


def java_home():
    return os.environ.get("JAVA_HOME") or os.path.dirname(os.path.dirname(os.path.realpath(shutil.which("java") or "/none/bin/java")))


def why_not():
    """Why this machine cannot run it, or None."""
    for program, package in ((engine.DOCKER, "docker.io"), (COMPOSE, "docker-compose"),
                             (f"{java_home()}/bin/java", "openjdk-17-jre-headless")):
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
        """The engine with its image, the profiles, and what an administrator has to do before docker-compose."""
        os.makedirs(f"{self.here}/cache")
        os.environ["XDG_CACHE_HOME"] = f"{self.here}/cache"
        self.engine.start()
        images.import_java(self.engine)
        for way, keys in self.keys().items():
            self.write(way, keys)
        self.must("export", "compose", self.profile(CONTAINERS), "--output", f"{self.here}/compose")
        with open(self.compose_file, encoding="utf-8") as file:
            text = file.read()
        with open(self.compose_file, "w", encoding="utf-8") as file:
            file.write(text.replace(f"/var/lib/cleave-{self.name}/", f"{self.here}/compose/"))
        for number in range(SLICES):
            for directory in ("work", "scratch"):
                os.makedirs(f"{self.here}/compose/slice-{number}/{directory}")

    def keys(self):
        """What the profiles of the three ways differ in. docker-compose's file has no archive of classes, so the like of it has none."""
        docker = f"docker: {{socket: {self.engine.socket}, image: {images.JAVA}"
        return {
            CONTAINERS: f"backend: docker\n{docker}, master: container}}\njvm: {{class_data_sharing: false}}",
            ARCHIVE: f"backend: docker\n{docker}}}\njvm: {{home: {java_home()}}}",
            GROUPS: "backend: cgroup\njvm: {class_data_sharing: false}",
        }

    def profile(self, way):
        return f"{self.here}/{way}.yaml"

    def write(self, way, keys):
        with open(self.profile(way), "w", encoding="ascii") as file:
            file.write(f"""version: 1
name: {self.name}
partition: {{slices: {SLICES}, reserve: {{cores: 0}}}}
memory: {{heap: 600M}}
spark:
  home: {os.path.realpath(f"{TOP}/build/spark")}
  start_timeout: {UP_SECONDS}s
  master: {{address: {MASTER}, port: {PORT}, ui_port: {UI}}}
rebalance: {{mode: off}}
{keys}
""")

    # ---- starting, and what is left of it

    def until_registered(self, words, **options):
        """Run them. When that was, and seconds until all Workers are registered, and until the command has returned."""
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
        return {"begin": begin, "registered_s": registered_s, "returned_s": returned_s}

    def up(self, way):
        return self.until_registered(self.words("up", self.profile(way)))

    def make_archive(self):
        """What the first up with Java of this machine begins, once."""
        self.up(ARCHIVE)
        pattern = f"{self.here}/cache/cleave/*/uid-*."
        wait_until(lambda: glob.glob(f"{pattern}jsa") + glob.glob(f"{pattern}aot"), 600, "an archive of classes")
        self.down()

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
