# SPDX-License-Identifier: Apache-2.0
"""Grep as the paper has it: an RDD of lines, here with Python workers."""
import re
import sys
import time

sys.dont_write_bytecode = True
import grep  # noqa: E402
import wordcount  # noqa: E402
import workload  # noqa: E402


def run(spark, text, scratch, facts):
    pattern = re.compile(facts["pattern"])
    begin = time.monotonic()
    spark.sparkContext.textFile(text).filter(pattern.search).saveAsTextFile(f"{scratch}/lines")
    return grep.judge(spark, time.monotonic() - begin, f"{scratch}/lines", facts["pattern"])


WORKLOAD = workload.Workload("grep-rdd", "text", wordcount.make, run, grep.CHECKED, wordcount.make_from_text)

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
