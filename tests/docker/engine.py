# SPDX-License-Identifier: Apache-2.0
"""A Docker Engine of the test's own: Debian's dockerd with its own data, socket and containers, all of it below one directory.

It is not in the way of another one, a test's or the machine's: the two places that it shares with every engine whatever it is
told (/run/docker, /run/containerd) are this process's own here, like all that it mounts; it touches no network. Containers
for which nobody names a group are in Engine.parent.
"""
import contextlib
import ctypes
import functools
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../spark"))
from cluster import TOP, Failed, check, wait_until  # noqa: E402

DOCKERD, DOCKER = "/usr/sbin/dockerd", "/usr/bin/docker"    # Debian's: there may be another client first on PATH
IMAGES = f"{TOP}/build/image"
START_SECONDS = 60
CLONE_NEWNS, MS_REC, MS_SLAVE = 0x20000, 0x4000, 0x80000
LIBC = ctypes.CDLL(None, use_errno=True)
SOCKET_PATH_MAX = 107


def call(function, *arguments):
    if function(*(a.encode() if isinstance(a, str) else a for a in arguments)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), function.__name__)


@functools.cache
def own_mounts():
    """From here on this process and its children see what others mount, and nobody sees what they do."""
    call(LIBC.unshare, CLONE_NEWNS)
    call(LIBC.mount, None, "/", None, MS_REC | MS_SLAVE, None)
    for path in ("/run/docker", "/run/containerd"):
        os.makedirs(path, exist_ok=True)
        call(LIBC.mount, "tmpfs", path, "tmpfs", 0, "mode=711")


class Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path):
        super().__init__("docker", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    """Not running until start(). `directory`: below build/, and short: socket paths end at 107 bytes."""

    def __init__(self, directory):
        self.here = f"{TOP}/build/{directory}"
        self.socket = f"{self.here}/socket"
        self.parent = f"/cleave-engine-{directory}-{os.getpid()}"
        self.daemon = None
        self.is_begun = False

    def words(self):
        return [DOCKERD, "--data-root", f"{self.here}/data", "--exec-root", f"{self.here}/exec", "--pidfile", f"{self.here}/pid",
                "--host", f"unix://{self.socket}", "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", self.parent,
                "--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false", "--userland-proxy=false"]

    # ---- its life

    def start(self, *words):
        """With more of dockerd's words, such as --live-restore. Returns when it answers."""
        check(not self.daemon, "the engine is running")
        check(len(f"{self.here}/exec/containerd/containerd.sock.ttrpc") <= SOCKET_PATH_MAX, "too long for a socket:", self.here)
        own_mounts()
        if not self.is_begun:
            self.end()              # what an earlier run has left that was killed
        self.is_begun = True
        os.makedirs(self.here, exist_ok=True)
        for path in ("pid", "exec/containerd/containerd.pid"):      # of one that was killed: a zombie passes for alive there
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.here}/{path}")
        with open(f"{self.here}/log", "ab") as log:
            self.daemon = subprocess.Popen([*self.words(), *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           start_new_session=True)

        def answers():
            if self.daemon.poll() is not None:
                self.daemon = None
                raise Failed("dockerd ended:", self.last_words())
            with contextlib.suppress(OSError):
                return self.request("GET", "/_ping")[0] == 200
            return False
        wait_until(answers, START_SECONDS, "an answer of dockerd")

    def stop(self):
        """As an administrator does; containers end with it unless it was started with --live-restore."""
        self._end(signal.SIGTERM)

    def kill(self):
        """As a crash does; its containerd dies with it, containers do not."""
        self._end(signal.SIGKILL)

    def _end(self, number):
        containerd = self._containerd()
        self.daemon.send_signal(number)
        self.daemon.wait(60)
        self.daemon = None
        wait_until(lambda: not containerd or not is_alive(containerd), 30, "containerd has ended")

    def _containerd(self):
        with contextlib.suppress(OSError, ValueError), open(f"{self.here}/exec/containerd/containerd.pid", encoding="ascii") as file:
            return int(file.read())
        return None

    def last_words(self):
        """The last line of its log that is not a mere information."""
        with open(f"{self.here}/log", encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if "level=info" not in line]
        return lines[-1] if lines else "nothing"

    def end(self):
        """Nothing of it, of its containers or their groups is left, whatever has happened."""
        if not os.path.exists(self.here):
            return
        if self.daemon:
            with contextlib.suppress(OSError, Failed):
                for container in self.containers():
                    self.request("DELETE", f"/containers/{container['Id']}?force=1")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop()
        if self.daemon:
            self.kill()
        # What a killed engine has left: containers, while their shims still wait for them, then the shims.
        ids = os.listdir(f"{self.here}/data/containers") if os.path.isdir(f"{self.here}/data/containers") else []
        tops = {self.parent[1:], *ids}
        for path in [path for path, _, _ in os.walk("/sys/fs/cgroup", topdown=False) if tops & set(path.split("/"))]:
            remove_group(path)
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
                line = file.read()
                if "containerd-shim" in line and f"{self.here}/exec/" in line:
                    os.kill(int(path.split("/")[2]), signal.SIGKILL)
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            for mount in reversed([line.split()[4] for line in file]):
                if mount.startswith(self.here + "/"):
                    LIBC.umount2(mount.encode(), 2)             # MNT_DETACH
        shutil.rmtree(self.here)

    # ---- what it is asked

    def request(self, method, path, body=None):
        """(status, answer: parsed where it is JSON)"""
        connection = Connection(self.socket)
        try:
            text, kind = (body, "application/x-tar") if hasattr(body, "read") else \
                (json.dumps(body) if body is not None else None, "application/json")
            connection.request(method, f"/v1.41{path}", text, {"Content-Type": kind})
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        with contextlib.suppress(ValueError):
            return answer.status, json.loads(data)
        return answer.status, data.decode(errors="replace")

    def must(self, method, path, body=None):
        status, answer = self.request(method, path, body)
        check(status < 300, method, path, status, answer)
        return answer

    def docker(self, *words, **options):
        """As a user's own command does it."""
        return subprocess.run([DOCKER, "--host", f"unix://{self.socket}", *words], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, timeout=60, **options)

    def import_image(self, name, tar, *changes):
        """`tar`: a file's path. `changes`: lines of a Dockerfile."""
        query = urllib.parse.urlencode([("fromSrc", "-"), ("repo", name), ("tag", "latest"), *(("changes", line) for line in changes)])
        with open(tar, "rb") as file:
            answer = self.must("POST", f"/images/create?{query}", file)
        check("error" not in str(answer), answer)

    def containers(self, cluster=None):
        """All, also those that have ended; or one cluster's."""
        query = {"all": "1"}
        if cluster:
            query["filters"] = json.dumps({"label": [f"cleave.cluster={cluster}"]})
        return self.must("GET", f"/containers/json?{urllib.parse.urlencode(query)}")

    def inspect(self, container):
        return self.must("GET", f"/containers/{container}/json")

    def run(self, name, image, *argv, labels=None, **host):
        """Create and start one on the host's network that is none of cleave's. Returns its id."""
        made = self.must("POST", f"/containers/create?name={name}", {
            "Image": image, "Entrypoint": [argv[0]], "Cmd": list(argv[1:]), "Labels": labels or {},
            "HostConfig": {"NetworkMode": "host", **host}})
        self.must("POST", f"/containers/{made['Id']}/start")
        return made["Id"]


def is_alive(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0] not in "ZX"
    return False


def remove_group(path):
    """With what still runs in it. Its own freezer is opened first: what is frozen does not die."""
    freezer = re.sub(r"^(/sys/fs/cgroup)/[^/]+/", r"\1/freezer/", path)
    with contextlib.suppress(OSError), open(f"{freezer}/freezer.state", "r+", encoding="ascii") as file:
        file.write("THAWED")
    end = time.monotonic() + 10
    while os.path.isdir(path) and time.monotonic() < end:
        with contextlib.suppress(OSError):
            with open(f"{path}/cgroup.procs", encoding="ascii") as file:
                for pid in file.read().split():
                    os.kill(int(pid), signal.SIGKILL)
            os.rmdir(path)
            return
        time.sleep(0.02)


def skip_reason():
    """Why no engine can be had here, or None: what can be told without starting one."""
    if not os.access(DOCKERD, os.X_OK):
        return "no dockerd: Debian's package docker.io"
    if os.geteuid() != 0:
        return "needs root for a Docker Engine"
    if not os.path.exists(f"{IMAGES}/cleave-java.tar"):
        return "no image: make image"
    return None
