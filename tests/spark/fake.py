# SPDX-License-Identifier: Apache-2.0
"""A Spark that is up in a tenth of a second: tests/launcher/fake_spark.h's daemons, and a spark-submit that executes the application."""
import os
import shutil

from cluster import TOP

JAVA = f"{TOP}/build/{os.environ.get('VARIANT', 'release')}/tests/launcher/supervisor/test_supervisor"    # called java, it is one
SUBMIT = """#!/bin/sh
while :; do
    case $1 in
    --properties-file|--conf) shift 2 ;;
    *) exec "$@" ;;
    esac
done
"""


def write_program(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


def make_spark(top):
    """TOP/spark and TOP/jdk, anew."""
    for name in ("spark", "jdk"):
        shutil.rmtree(f"{top}/{name}", ignore_errors=True)
    write_program(f"{top}/spark/jars/spark-core_2.13-4.1.0.jar", "")
    write_program(f"{top}/spark/bin/spark-submit", SUBMIT)
    os.makedirs(f"{top}/jdk/bin")
    shutil.copy(JAVA, f"{top}/jdk/bin/java")
    write_program(f"{top}/jdk/lib/modules", "")     # so it is a JDK


def write_profile(top, name, more="", jdk=None, spark=None):
    """TOP/profile.yaml of one slice, with these; `jdk` and `spark` "auto": as the environment says."""
    path = f"{top}/profile.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""version: 1
name: {name}
partition: {{by: machine, slices: 1, reserve: {{cores: 0}}}}
memory: {{heap: 600M}}
jvm: {{home: {jdk or top + '/jdk'}}}
spark: {{home: {spark or top + '/spark'}, start_timeout: 60s}}
{more}
""")
    return path


def skip_reason():
    if not os.access(JAVA, os.X_OK):
        return "no fake Spark: make tests"
    if os.geteuid() != 0:
        return "needs root for cgroups and other users"
    return None
