# SPDX-License-Identifier: Apache-2.0
"""What the benches that are scripts share: rounds, spreads, figures beside what they should be, results as JSON."""
import argparse
import json
import math
import os
import shutil
import signal
import statistics
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../spark"))
from cluster import TOP, Failed  # noqa: E402


def rounds(description, default):
    """How many: --rounds N, or $ROUNDS, which `make bench` passes on."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", default)), metavar="N")
    return max(1, parser.parse_args().rounds)


def quantile(values, share):
    """The least value that at least `share` of the values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(values, digits=3):
    """As the JSON has it."""
    return {"count": len(values), "median": round(statistics.median(values), digits), "min": round(min(values), digits),
            "p95": round(quantile(values, 0.95), digits), "max": round(max(values), digits),
            "all": [round(value, digits) for value in values]}


class Targets:
    """Figures beside what they should be: printed, kept for the JSON, never an error."""

    def __init__(self):
        self.items = []

    def _add(self, what, value, limit, unit, word, reached):
        self.items.append({"what": what, "value": round(value, 4), "limit": limit, "unit": unit, "reached": reached})
        print(f"{what}: {value:.4g}{unit}, {word} {limit:g}{unit}: {'reached' if reached else 'not reached'}")

    def at_most(self, what, value, limit, unit=""):
        self._add(what, value, limit, unit, "at most", value <= limit)

    def at_least(self, what, value, limit, unit=""):
        self._add(what, value, limit, unit, "at least", value >= limit)


def write_result(name, **result):
    """build/bench/NAME.json, of schema cleave.bench-NAME/1."""
    path = f"{TOP}/build/bench/{name}.json"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.new", "w", encoding="ascii") as file:
        json.dump({"schema": f"cleave.bench-{name}/1", **result}, file, indent=1)
        file.write("\n")
    os.replace(f"{path}.new", path)
    print(f"written to build/bench/{name}.json")


def main(cluster, measure):
    """Call measure() with an empty directory for the cluster, of which nothing is left afterwards, interrupted or not; then exit."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(cluster.here, ignore_errors=True)
    os.makedirs(cluster.here)
    end = 0
    try:
        measure()
    except Failed as why:
        end = f"{os.path.basename(sys.argv[0])}: {why}"
    except KeyboardInterrupt:
        end = 128 + signal.SIGINT
    except SystemExit as why:
        end = why.code
    finally:
        cluster.end()
    if not isinstance(end, str):        # what failed leaves its logs
        shutil.rmtree(cluster.here)
    sys.exit(end)
