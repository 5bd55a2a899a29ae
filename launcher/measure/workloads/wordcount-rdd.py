# SPDX-License-Identifier: Apache-2.0
"""WordCount as the paper has it: an RDD of lines, here with Python workers."""
import re
import sys
import time

sys.dont_write_bytecode = True
import wordcount  # noqa: E402
import workload  # noqa: E402


def run(spark, text, scratch, _):
    begin = time.monotonic()
    spark.sparkContext.textFile(text) \
        .flatMap(lambda line: re.findall("[A-Za-z]+", line)) \
        .map(lambda word: (word.lower(), 1)) \
        .reduceByKey(lambda one, other: one + other) \
        .map(lambda pair: f"{pair[1]}\t{pair[0]}") \
        .saveAsTextFile(f"{scratch}/counts")
    return wordcount.judge(spark, time.monotonic() - begin, f"{scratch}/counts")


WORKLOAD = workload.Workload("wordcount-rdd", "text", wordcount.make, run, wordcount.CHECKED, wordcount.make_from_text)

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
