# SPDX-License-Identifier: Apache-2.0
"""Grep by DataFrames: the lines with a word, written out; on the text of wordcount."""
import sys
import time

sys.dont_write_bytecode = True
import wordcount  # noqa: E402
import workload  # noqa: E402

CHECKED = ("lines",)


def judge(spark, seconds, written, pattern):
    """How many lines were written. Those without the word do not count."""
    from pyspark.sql import functions as f
    lines = spark.read.text(written)
    return workload.Outcome(seconds, {"lines": lines.where(f.col("value").rlike(pattern)).count()})


def run(spark, text, scratch, facts):
    from pyspark.sql import functions as f
    begin = time.monotonic()
    spark.read.text(text).where(f.col("value").rlike(facts["pattern"])).write.text(f"{scratch}/lines")
    return judge(spark, time.monotonic() - begin, f"{scratch}/lines", facts["pattern"])


WORKLOAD = workload.Workload("grep", "text", wordcount.make, run, CHECKED, wordcount.make_from_text)

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
