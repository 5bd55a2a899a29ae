# SPDX-License-Identifier: Apache-2.0
"""The images that the tests use; an engine has none of them until it is asked to. Nothing comes from a registry."""
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile

from engine import IMAGES, TOP, check

HERE = os.path.dirname(os.path.abspath(__file__))
JAVA, OFFICIAL, TINY, FOREIGN = "cleave-java", "cleave-official", "cleave-tiny", "cleave-foreign"
BUSYBOX = "/bin/busybox"                        # Debian's busybox-static: the whole of TINY
WAIT = "trap exit TERM; while :; do sleep 1000 & wait; done"     # for its shell: ends when it is told to, as a first process
PASSWD = "root:x:0:0:root:/root:/bin/sh\nspark:x:185:185::/nonexistent:/bin/sh\n"
SPARK_TOP = "/opt/spark"                        # of the official images


def settings():
    """The lines of containers/Dockerfile that docker import takes over."""
    with open(f"{TOP}/containers/Dockerfile", encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file if re.match(r"(ENV|USER|WORKDIR|CMD) ", line)]


def add(tar, path, data=None, mode=0o755, owner=0, link=None):
    """A file with `data`, a link, or a directory."""
    entry = tarfile.TarInfo(path)
    entry.mode, entry.uid, entry.gid = mode, owner, owner
    if link:
        entry.type, entry.linkname = tarfile.SYMTYPE, link
    elif data is None:
        entry.type = tarfile.DIRTYPE
    else:
        entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data or b""))


def import_java(engine):
    """What `make image` makes: Java, no Spark."""
    engine.import_image(JAVA, f"{IMAGES}/cleave-java.tar", *settings())


def load(engine, name, layer, architecture, env):
    """An image of one layer, a tar's bytes, as `docker save` would have written it."""
    config = json.dumps({"architecture": architecture, "os": "linux", "config": {"Env": env},
                         "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}})
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [f"{name}:latest"], "Layers": ["layer.tar"]}])
    saved = io.BytesIO()
    with tarfile.open(fileobj=saved, mode="w") as tar:
        for path, data in (("config.json", config.encode()), ("manifest.json", manifest.encode()), ("layer.tar", layer)):
            add(tar, path, data, 0o644)
    saved.seek(0)
    answer = engine.must("POST", "/images/load", saved)
    check("error" not in str(answer), answer)


def load_tiny(engine, name=TINY, architecture=None):
    """A shell and nothing else."""
    check(os.path.exists(BUSYBOX), "no", BUSYBOX, "for the tiny image: Debian's package busybox-static")
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(BUSYBOX, "bin/busybox")
        for program in ("sh", "sleep", "cat", "true", "id"):
            add(tar, f"bin/{program}", link="busybox")
        add(tar, "tmp", mode=0o1777)
    load(engine, name, layer.getvalue(), architecture or engine.must("GET", "/version")["Arch"], ["PATH=/bin"])


def load_foreign(engine):
    """Of another architecture, so it says."""
    load_tiny(engine, FOREIGN, "s390x")


def import_official(engine):
    """As apache/spark's: Spark in /opt/spark, a user of its own, an entrypoint that has its own idea of what is to run. On JAVA."""
    name = f"making-{OFFICIAL}"
    made = engine.must("POST", f"/containers/create?name={name}", {"Image": JAVA, "Cmd": ["true"]})["Id"]
    small = io.BytesIO()
    with open(f"{HERE}/entrypoint.sh", "rb") as file, tarfile.open(fileobj=small, mode="w") as tar:
        add(tar, "opt/entrypoint.sh", file.read())
        add(tar, "etc/passwd", PASSWD.encode(), 0o644)
        add(tar, "opt/java/openjdk", link="/usr/lib/jvm/default-java")
        add(tar, "opt/spark/work-dir", mode=0o775, owner=185)
    small.seek(0)
    engine.must("PUT", f"/containers/{made}/archive?path=/", small)
    with subprocess.Popen(["tar", "-C", os.path.realpath(f"{TOP}/build/spark"), "--exclude=__pycache__", "--owner=185", "--group=185",
                           "--transform=s,^\\.,opt/spark,", "-c", "./bin", "./jars", "./python", "./data"], stdout=subprocess.PIPE) as tar:
        engine.must("PUT", f"/containers/{made}/archive?path=/", tar.stdout)
        check(tar.wait() == 0, "tar of Spark: exit", tar.returncode)
    engine.must("POST", f"/commit?container={made}&repo={OFFICIAL}&tag=latest", {
        "Env": ["PATH=/opt/java/openjdk/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "JAVA_HOME=/opt/java/openjdk", f"SPARK_HOME={SPARK_TOP}", "LANG=C.UTF-8"],
        "User": "spark", "WorkingDir": f"{SPARK_TOP}/work-dir", "Entrypoint": ["/opt/entrypoint.sh"], "Cmd": None})
    engine.must("DELETE", f"/containers/{made}")


def room_reason(directory):
    """Why there is no room for the images below a directory, or None."""
    free = shutil.disk_usage(directory).free
    return None if free > 4 << 30 else f"the images need 4 GB below {directory}, {free >> 20} MB are free"
