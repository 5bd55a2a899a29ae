# SPDX-License-Identifier: Apache-2.0
"""A short job of the JVM alone, without Python workers: copy_lines.py [--once] IN OUT copies lines of text.

It looks at itself as scripts do, and with --once it fails where it has run before in the same Python.
"""
import argparse
import os
import sys

from pyspark import SparkConf, SparkContext


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", action="store_true")
    parser.add_argument("source")
    parser.add_argument("target")
    words = parser.parse_args()
    assert sys.path[0] == os.path.dirname(os.path.abspath(__file__)), sys.path[0]
    if words.once and hasattr(sys, "copied"):
        sys.exit("this application runs once")
    sys.copied = True
    context = SparkContext(conf=SparkConf().setAppName("copy"))
    lines = context._jsc.textFile(words.source).cache()
    lines.saveAsTextFile(words.target)
    assert len(context._jsc.getPersistentRDDs()) == 1, "another repetition's lines are kept"
    context.stop()


if __name__ == "__main__":
    main()
