# SPDX-License-Identifier: Apache-2.0
"""What the workloads share: their command line, the directory of their data, and how a result is judged.

A workload is NAME.py beside this file; it fills a Workload and calls main(). DIR, its data:

    making          it is being made; holds the process id
    input/          what the workload reads
    expected.json   the facts of the data, and the expected result as arithmetic says it
    complete        `making`, renamed when all is written
    run-PID/        what a run writes; removed at its end, or by the next one

Executors do not have these files: what is shipped to them is a lambda or an inner function that uses Python's modules
only, so that it is pickled by value.
"""
import argparse
import contextlib
import json
import os
import random
import re
import shutil
import sys
import time
from dataclasses import dataclass
from typing import Callable, Optional

MIB, TIB = 1 << 20, 1 << 40
LEAST, MOST = MIB, 10 * TIB
UNITS = {"": 1, "K": 1 << 10, "M": MIB, "G": 1 << 30, "T": TIB}
# Files of 16 MiB give 120 cores enough of them at 2 GiB; 8 at least, so that small data has some parallelism too.
FILE_BYTES, LEAST_FILES, MOST_FILES = 16 * MIB, 8, 8192
# Spark reads these in a path as patterns, lists or escapes.
BAD_IN_PATHS = "*?[]{},\\"


class Wrong(Exception):
    """Wrong use, or data that is not there: one sentence for the user, and exit status 2."""


@dataclass
class Outcome:
    seconds: float
    result: dict                    # what is printed
    checked: Optional[dict] = None  # what is compared with `expected`, if it is not the result


@dataclass
class Workload:
    name: str
    data: str                       # the kind of data: what one `make` wrote, each of that kind can run on
    make: Callable                  # (spark, path of input, size, seed) → facts, expected
    run: Callable                   # (spark, URI of input, URI of scratch, facts) → Outcome
    checked: tuple                  # the keys of `expected` that this workload answers
    make_from_text: Optional[Callable] = None       # (spark, path of input, size, text) → facts, expected


# ---- the data

def file_count(size):
    """Of the size alone: the same data whatever runs it."""
    return min(max(-(-size // FILE_BYTES), LEAST_FILES), MOST_FILES)


def write_parquet(frame, path):
    """Plain pages, so that the size on disk follows from the types."""
    frame.write.option("compression", "none").option("parquet.enable.dictionary", "false").parquet(uri(path))


def uri(path):
    return f"file://{os.path.abspath(path)}"


def dice(seed):
    return random.Random(seed)


def bytes_below(path):
    """Of what Spark reads: names that begin with '.' or '_' are not data."""
    return sum(os.path.getsize(f"{where}/{name}") for where, _, names in os.walk(path) for name in names
               if name[0] not in "._")


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def said(what):
    """An error of the system, as the user's sentence."""
    try:
        yield
    except OSError as why:
        raise Wrong(f"cannot {what}: {why.strerror}") from why


def is_ours(name):
    return name in ("making", "input", "expected.json") or re.fullmatch(r"run-\d+", name)


def read_pid(path):
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def begin_making(directory):
    """An empty DIR with the mark `making`. What another has put there is never touched."""
    with said(f"use {directory}"):
        os.makedirs(directory, exist_ok=True)
        names = os.listdir(directory)
        if "complete" in names:
            raise Wrong(f"{directory} already holds complete data; remove it or choose another directory")
        others = [name for name in names if not is_ours(name)] or ([] if "making" in names else names)
        if others:
            raise Wrong(f"{directory} holds something else, such as '{min(others)}'; choose a directory that is empty"
                        " or not there")
        maker = read_pid(f"{directory}/making")
        if maker and maker != os.getpid() and is_alive(maker):
            raise Wrong(f"{directory} is being made by process {maker}")
        for name in set(names) - {"making"}:
            remove(f"{directory}/{name}")
        with open(f"{directory}/making", "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def make(spark, workload, directory, size, seed=1, text=None):
    """Return the bytes of the input."""
    begin_making(directory)
    path = f"{directory}/input"
    if text:
        facts, expected = workload.make_from_text(spark, path, size, text)
    else:
        facts, expected = workload.make(spark, path, size, seed)
    with said(f"write below {directory}"):
        with open(f"{directory}/expected.json", "w", encoding="utf-8") as file:
            json.dump({"version": 1, "data": workload.data, "size": size, "seed": seed, "text": text,
                       "facts": facts, "expected": expected}, file, indent=1)
        os.rename(f"{directory}/making", f"{directory}/complete")
    return bytes_below(path)


def read_expected(workload, directory):
    """The facts of complete data for this workload, and what is expected."""
    if not os.path.isdir(directory):
        raise Wrong(f"--data {directory}: there is no such directory")
    if not os.path.exists(f"{directory}/complete"):
        raise Wrong(f"{directory} holds no complete data: {workload.name}.py make --data {directory} --size SIZE")
    try:
        with open(f"{directory}/expected.json", encoding="utf-8") as file:
            told = json.load(file)
        data, facts, expected = told["data"], told["facts"], told["expected"]
        if data == workload.data:
            expected = {key: expected[key] for key in workload.checked}
    except OSError as why:
        raise Wrong(f"cannot read {directory}/expected.json: {why.strerror}") from why
    except (ValueError, KeyError, TypeError) as why:
        raise Wrong(f"{directory}/expected.json is damaged ({why}): make the data anew") from why
    if data != workload.data:
        raise Wrong(f"{directory} holds data of the kind '{data}', and {workload.name} needs '{workload.data}'")
    return facts, expected


# ---- a run

@contextlib.contextmanager
def scratch_below(directory):
    """A directory for one run. Those whose process has ended are removed first: theirs was interrupted."""
    path = f"{directory}/run-{os.getpid()}"
    with said(f"write below {directory}"):
        for name in os.listdir(directory):
            if re.fullmatch(r"run-\d+", name) and (name == f"run-{os.getpid()}" or not is_alive(int(name[4:]))):
                shutil.rmtree(f"{directory}/{name}", ignore_errors=True)
        os.makedirs(path, exist_ok=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)     # executors may still write after an interrupt: the next run removes


def faults(expected, found, where):
    """Sentences. {"at_most": N} and {"about": N, "within": N} stand for a number."""
    if isinstance(expected, dict) and "at_most" in expected:
        if not isinstance(found, (int, float)) or not found <= expected["at_most"]:
            yield f"{where} is {found}, and {expected['at_most']} at most was expected"
    elif isinstance(expected, dict) and "about" in expected:
        if not isinstance(found, (int, float)) or not abs(found - expected["about"]) <= expected["within"]:
            yield f"{where} is {found}, and {expected['about']} (within {expected['within']}) was expected"
    elif isinstance(expected, dict) and isinstance(found, dict) and expected.keys() == found.keys():
        for key in expected:
            yield from faults(expected[key], found[key], f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, pair in enumerate(zip(expected, found)):
            yield from faults(*pair, f"{where}[{number}]")
    elif expected != found:
        yield f"{where} is {found}, and {expected} was expected"


def run(spark, workload, directory, scratch=None):
    """Return what is printed, and what is wrong with the result: a sentence or None."""
    facts, expected = read_expected(workload, directory)
    path = f"{directory}/input"
    with scratch_below(scratch or directory) as work:
        outcome = workload.run(spark, uri(path), uri(work), facts)
    checked = outcome.checked or outcome.result
    wrong = next((fault for key in workload.checked for fault in faults(expected[key], checked[key], key)), None)
    return {"workload": workload.name, "seconds": round(outcome.seconds, 3), "bytes": bytes_below(path),
            "result": outcome.result, "correct": wrong is None}, wrong


@contextlib.contextmanager
def settings(spark, wanted):
    """Some of the session's settings, for a while."""
    before = {key: spark.conf.get(key, None) for key in wanted}
    for key, value in wanted.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, value)


# ---- the command line

class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Wrong(message)


def size_of(word):
    match = re.fullmatch(r"(\d+)([KMGT]?)", word)
    if not match:
        raise argparse.ArgumentTypeError(f"'{word}' is not a size like 512M or 4G")
    size = int(match.group(1)) * UNITS[match.group(2)]
    if not LEAST <= size <= MOST:
        where = "below 1M" if size < LEAST else "above 10T"
        raise argparse.ArgumentTypeError(f"{word} is {where}, allowed are 1M to 10T")
    return size


def seed_of(word):
    if not re.fullmatch(r"\d{1,9}", word):
        raise argparse.ArgumentTypeError(f"'{word}' is not a whole number from 0 to 999999999")
    return int(word)


def path_of(word):
    bad = [letter for letter in word if letter in BAD_IN_PATHS or not letter.isprintable()]
    if not word or bad:
        raise argparse.ArgumentTypeError(f"'{word}': Spark cannot take a path with {bad[0]!r}" if word
                                         else "the path is empty")
    return os.path.abspath(word)


def parse(workload, words):
    parser = Parser(prog=f"{workload.name}.py", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="make|run", required=True)
    making = commands.add_parser("make", help="make the input and what is expected of it", allow_abbrev=False)
    making.add_argument("--size", required=True, type=size_of, help="of the input on disk: 512M, 4G; 1M to 10T")
    making.add_argument("--seed", default=1, type=seed_of, help="another one: other data (1)")
    if workload.make_from_text:
        making.add_argument("--text", metavar="PATH", type=path_of,
                            help="a file or directory of text, copied to the size")
    running = commands.add_parser("run", help="run once, compare, print a line of JSON", allow_abbrev=False)
    running.add_argument("--scratch", metavar="DIR", type=path_of, help="where to write (below the data)")
    for command in (making, running):
        command.add_argument("--data", required=True, metavar="DIR", type=path_of)
    options = parser.parse_args(words)
    if getattr(options, "text", None) and not os.path.exists(options.text):
        raise Wrong(f"--text {options.text}: there is no such file or directory")
    if getattr(options, "scratch", None) and not os.path.isdir(options.scratch):
        raise Wrong(f"--scratch {options.scratch}: there is no such directory")
    return options


def session(name):
    from pyspark.sql import SparkSession    # not above: wrong use is told at once, Python's modules need seconds
    return SparkSession.builder.appName(name).getOrCreate()


def complain(sentence):
    """On stderr. spark-submit makes one stream of Python's two, its stdout: so the JVM says it, where there is one."""
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        try:
            from pyspark import SparkContext
            SparkContext._ensure_initialized()
            SparkContext._jvm.System.err.println(sentence)
            return
        except Exception:       # whatever it is, the sentence matters more
            pass
    print(sentence, file=sys.stderr, flush=True)


def main_make(workload, options):
    begin_making(options.data)
    spark = session(f"{workload.name} make")
    begin = time.monotonic()
    count = make(spark, workload, options.data, options.size, options.seed, getattr(options, "text", None))
    print(json.dumps({"workload": workload.name, "made": options.data, "seconds": round(time.monotonic() - begin, 3),
                      "bytes": count}), flush=True)
    spark.stop()
    return 0


def main_run(workload, options):
    read_expected(workload, options.data)
    spark = session(workload.name)
    line, wrong = run(spark, workload, options.data, options.scratch)
    print(json.dumps(line), flush=True)
    if wrong:
        complain(f"{workload.name}: the result is wrong: {wrong}")
    spark.stop()
    return 1 if wrong else 0


def main(workload):
    """The exit status: 0, 1 for a wrong result, 2 for wrong use or missing data."""
    try:
        options = parse(workload, sys.argv[1:])
        return (main_make if options.command == "make" else main_run)(workload, options)
    except Wrong as why:
        complain(f"{workload.name}: {why}")
        return 2
    except KeyboardInterrupt:
        print(f"{workload.name}: interrupted", file=sys.stderr)
        return 130
