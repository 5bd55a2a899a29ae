# SPDX-License-Identifier: Apache-2.0
"""A machine of two sockets, two CPUs and a memory node each, with systemd and pure cgroup v2: Debian in QEMU, emulated.

Its root file system is made once below build/numa; what a run changes is forgotten with it. A shell on its second serial line
executes what it is told, one line each, in base64.
"""
import base64
import contextlib
import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../spark"))
from cluster import TOP, Failed, check  # noqa: E402

HERE = f"{TOP}/build/numa"
PACKAGES = ("systemd-sysv,dbus,linux-image-cloud-amd64,openjdk-17-jre-headless,python3-minimal,procps,jq,busybox-static,"
            "libhwloc15,libnuma1,libcgroup2,libyaml-0-2,libjansson4,libcurl4,docker.io,podman,crun,runc,iptables")
# Neither a network nor apparmor_parser is there. Of the machine's own timers none is needed.
KERNEL_LINE = "console=ttyS0 root=/dev/vda rw quiet mitigations=off psi=1 net.ifnames=0 apparmor=0"
MASKED = ("serial-getty@ttyS0.service", "serial-getty@ttyS1.service", "getty@tty1.service", "apt-daily.timer",
          "apt-daily-upgrade.timer", "dpkg-db-backup.timer")
# Without AVX, which QEMU 7.2 is the first to emulate: a JVM crashed once in a score of starts.
CPU = "max,avx=off,avx2=off"
NODES = ("-smp 4,sockets=2,cores=2,threads=1 -m 6G "
         "-object memory-backend-ram,id=m0,size=3G -object memory-backend-ram,id=m1,size=3G "
         "-numa node,nodeid=0,memdev=m0,cpus=0-1 -numa node,nodeid=1,memdev=m1,cpus=2-3 -numa dist,src=0,dst=1,val=21 -nic none")
SERVICE = """[Service]
Environment=HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin SPARK_HOME=/opt/spark LANG=C.UTF-8 TERM=dumb
ExecStart=/bin/bash /root/shell
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
[Install]
WantedBy=multi-user.target
"""
SHELL = """stty raw -echo -onlcr
cd /root
echo @@READY
while IFS= read -r line; do
	(eval "$(echo "$line" | base64 -d)") </dev/null 2>&1 | cat
	status=${PIPESTATUS[0]}
	echo; echo "@@END $status"
done
"""
JAVA = "/usr/lib/jvm/java-17-openjdk-amd64"


def skip_reason():
    for program in ("qemu-system-x86_64", "mmdebstrap", "mke2fs"):
        if not shutil.which(program):
            return f"no {program}: apt-get install qemu-system-x86 mmdebstrap e2fsprogs"
    if os.geteuid() != 0:
        return "needs root for a root file system"
    if not os.path.isdir(f"{TOP}/build/spark/jars"):
        return "no Spark at build/spark"
    return None


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def make_root(root):
    """Debian, an image for the engines, Spark, and the shell."""
    if not os.path.exists(f"{HERE}/debian.tar"):
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", f"{HERE}/new.tar"],
                       check=True)
        os.rename(f"{HERE}/new.tar", f"{HERE}/debian.tar")
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    subprocess.run(["tar", "-C", root, "-xf", f"{HERE}/debian.tar"], check=True)
    shutil.copytree(f"{TOP}/build/spark/", f"{root}/opt/spark", symlinks=True)
    subprocess.run(["chown", "-R", "root:root", f"{root}/opt/spark"], check=True)
    write(f"{root}/etc/hostname", "box\n")
    write(f"{root}/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 box\n")
    write(f"{root}/etc/docker/daemon.json", '{"bridge": "none", "iptables": false, "ip6tables": false}\n')
    units = f"{root}/etc/systemd/system"
    os.makedirs(f"{units}/multi-user.target.wants", exist_ok=True)
    os.symlink("/etc/systemd/system/shell.service", f"{units}/multi-user.target.wants/shell.service")
    for unit in MASKED:
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{units}/{unit}")
        os.symlink("/dev/null", f"{units}/{unit}")
    make_image(root, f"{root}/root/image.tar")


def make_image(root, tar):
    """A shell, and the libraries that this machine's Java needs: a whole Debian would take the engines minutes here."""
    image = f"{HERE}/image"
    shutil.rmtree(image, ignore_errors=True)
    listed = subprocess.run(["chroot", root, "sh", "-c", f"ldd {JAVA}/bin/java {JAVA}/lib/*.so {JAVA}/lib/server/*.so"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    for library in set(re.findall(r"(?:=> |\t)(/lib\S*)", listed)):
        os.makedirs(f"{image}{os.path.dirname(library)}", exist_ok=True)
        shutil.copy(f"{root}{library}", f"{image}{library}")
    for name in ("bin", "tmp", "proc", "sys", "dev"):
        os.makedirs(f"{image}/{name}")
    shutil.copy(f"{root}/bin/busybox", f"{image}/bin/sh")
    write(f"{image}/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    subprocess.run(["tar", "-C", image, "-cf", tar, "."], check=True)


class Box:
    here = f"{HERE}/run"        # of one run; cluster.run() makes it

    def __init__(self, kernel=""):
        self.qemu = self.line = None
        self.kernel = f"{KERNEL_LINE} {kernel}".rstrip()

    def boot(self):
        """With build/cleave as it is now."""
        root, disk = f"{HERE}/root", f"{HERE}/root.ext4"
        check(os.path.exists(f"{root}/root/image.tar"), "there is no root file system: python3 tests/numa/box.py makes it")
        shutil.copy(f"{TOP}/build/cleave", f"{root}/usr/local/bin/cleave")
        write(f"{root}/root/shell", SHELL)
        write(f"{root}/etc/systemd/system/shell.service", SERVICE)
        with contextlib.suppress(FileNotFoundError):
            os.remove(disk)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, disk, "6G"], stdout=subprocess.DEVNULL, check=True)
        where = os.path.relpath(f"{self.here}/shell")         # a socket's path has 107 bytes
        words = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU, "-display", "none", "-monitor", "none",
                 "-no-reboot", "-kernel", *glob.glob(f"{root}/boot/vmlinuz-*"),
                 "-initrd", *glob.glob(f"{root}/boot/initrd.img-*"),
                 "-append", self.kernel, "-snapshot", "-drive", f"file={disk},if=virtio,format=raw,cache=unsafe",
                 "-serial", f"file:{self.here}/console", "-serial", f"unix:{where},server=on,wait=on", *NODES.split()]
        with open(f"{self.here}/qemu", "wb") as log:
            self.qemu = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.line = socket.socket(socket.AF_UNIX)
        self.until(lambda: self.connect(where), 30)
        self.read("@@READY", 300)

    def until(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition():
            check(self.qemu.poll() is None, "the machine has ended:", f"{self.here}/qemu")
            check(time.monotonic() < end, "not within", seconds, "s")
            time.sleep(0.2)

    def connect(self, where):
        with contextlib.suppress(OSError):
            self.line.connect(where)
            return True
        return False

    def read(self, mark, seconds):
        """What it says up to a line with `mark`; and that line."""
        end, text = time.monotonic() + seconds, b""
        while f"\n{mark}".encode() not in b"\n" + text or not text.endswith(b"\n"):
            self.line.settimeout(max(0.1, end - time.monotonic()))
            try:
                more = self.line.recv(65536)
            except TimeoutError:
                raise Failed("the machine said nothing more within", seconds, "s:", text.decode(errors="replace")) from None
            check(more, "the machine has ended:", text.decode(errors="replace"))
            text += more
        said, _, last = text.decode(errors="replace").rpartition(mark)
        return said, last.strip()

    def run(self, script, seconds=300):
        """The exit status of a script of bash, and what it prints: for the log, too."""
        check(self.line, "there is no machine")
        self.line.sendall(base64.b64encode(script.encode()) + b"\n")
        said, status = self.read("@@END ", seconds)
        said = said.replace("\r", "").rstrip("\n")
        for line in f"$ {script}\n{said}".splitlines():
            print(f"# {line}", flush=True)
        return int(status), said

    def must(self, script, seconds=300):
        status, said = self.run(script, seconds)
        check(status == 0, f"{script}: {status}:", said)
        return said

    def end(self):
        if self.qemu and self.qemu.poll() is None:
            self.qemu.kill()
            self.qemu.wait()


# Tests run in a cell without a network, so what is fetched is fetched before.
if __name__ == "__main__" and not os.path.exists(f"{HERE}/root/root/image.tar"):
    os.makedirs(HERE, exist_ok=True)
    make_root(f"{HERE}/root")
