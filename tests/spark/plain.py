# SPDX-License-Identifier: Apache-2.0
"""Plain standalone Spark beside cleave: a Master and Workers as spark-class starts them, bound to nothing, and spark-submit. Its
own options are those only that keep it on loopback, and out of /tmp: no /tmp/hsperfdata_USER, directories below `here`."""
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
import urllib.request

from cluster import TOP, Failed

DEPLOY = "org.apache.spark.deploy"
ADDRESS, PORT, UI = "127.0.0.90", 27077, 28080
START_SECONDS = 300
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """CPU time of a process and of the children it has waited for."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return sum(int(word) for word in file.read().rpartition(")")[2].split()[11:15]) / TICKS


class Plain:
    """Inside a `with`: Workers that share `cores`, and an equal part of `memory_mb` each, started one after the other where
    is_sequential."""

    def __init__(self, here, workers, cores, memory_mb, is_sequential=False):
        self.here, self.workers, self.memory_mb, self.started = here, workers, memory_mb // workers, []
        self.spark = os.path.realpath(f"{TOP}/build/spark")
        shutil.rmtree(here, ignore_errors=True)
        os.makedirs(f"{here}/tmp")
        # Whoever reached a Master without one could run what he likes as the user who runs this.
        self.properties = f"{here}/spark.conf"
        with open(os.open(self.properties, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(f"spark.authenticate=true\nspark.authenticate.secret={secrets.token_hex(32)}\nspark.master.rest.enabled=false\n"
                       "spark.port.maxRetries=0\n")
        quiet = f"-XX:-UsePerfData -Djava.io.tmpdir={here}/tmp"
        self.env = dict(os.environ, SPARK_HOME=self.spark, SPARK_LOCAL_IP=ADDRESS, SPARK_LOCAL_DIRS=f"{here}/tmp", TMPDIR=f"{here}/tmp",
                        SPARK_DAEMON_JAVA_OPTS=quiet, SPARK_SUBMIT_OPTS=quiet, SPARK_LAUNCHER_OPTS="-XX:-UsePerfData")
        self.commands = [[f"{DEPLOY}.worker.Worker", "--host", f"127.0.0.{91 + i}", "-c", str(cores), "-m", f"{self.memory_mb}M", "-d",
                          f"{here}/work-{i}", "--properties-file", self.properties, f"spark://{ADDRESS}:{PORT}"] for i in range(workers)]
        self.is_sequential = is_sequential

    def __enter__(self):
        try:
            self._start([f"{DEPLOY}.master.Master", "--host", ADDRESS, "--port", str(PORT), "--webui-port", str(UI),
                         "--properties-file", self.properties])
            for number, words in enumerate(self.commands):
                self._start(words)
                if self.is_sequential:
                    self._wait(number + 1)
            self._wait(self.workers)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.started = []
        shutil.rmtree(self.here, ignore_errors=True)

    def _start(self, words):
        with open(f"{self.here}/daemons.log", "ab") as log:
            self.started.append(subprocess.Popen([f"{self.spark}/bin/spark-class", *words], env=self.env, start_new_session=True,
                                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def _wait(self, workers):
        end = time.monotonic() + START_SECONDS
        while self._registered() < workers:
            if time.monotonic() > end or any(process.poll() is not None for process in self.started):
                with open(f"{self.here}/daemons.log", encoding="utf-8", errors="replace") as log:
                    raise Failed("the Workers that spark-class started did not register:\n", log.read()[-2000:])
            time.sleep(0.02)

    @staticmethod
    def _registered():
        try:
            with urllib.request.urlopen(f"http://{ADDRESS}:{UI}/json/", timeout=2) as answer:
                return json.load(answer)["aliveworkers"]
        except OSError:
            return 0

    def cpu_seconds(self):
        """Of the daemons so far, their launchers among it."""
        return sum(cpu_seconds(process.pid) for process in self.started)

    def submit(self, *words, **options):
        """Run spark-submit; return the finished process. An executor has what an admin would give it: most of its Worker's."""
        heap = ["--properties-file", self.properties, "--conf", f"spark.executor.memory={self.memory_mb * 3 // 4}m"]
        done = subprocess.run([f"{self.spark}/bin/spark-submit", "--master", f"spark://{ADDRESS}:{PORT}", *heap, *words], env=self.env,
                              cwd=TOP, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
        if done.returncode:
            raise Failed("spark-submit: exit", done.returncode, done.stderr[-2000:])
        return done
