#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""WordCount by DataFrames: wordcount.py TEXT OUTPUT

TEXT is a directory of text files. A word is a run of ASCII letters, in lower case, so that coreutils can
count the same words. OUTPUT gets one line a word: the count, a tab, the word. Prints the most frequent words and
how long the count took.
"""
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as f


def main(text, output):
    spark = SparkSession.builder.appName("WordCount").getOrCreate()
    begin = time.monotonic()
    # Split first, then lower case: the lower case of some letters outside ASCII lies inside.
    words = (spark.read.text(text)
             .select(f.explode(f.split("value", "[^A-Za-z]+")).alias("word"))
             .where("word != ''"))
    counts = words.groupBy(f.lower("word").alias("word")).count().select(f.concat_ws("\t", "count", "word"))
    counts.write.text(output)
    seconds = time.monotonic() - begin
    print("the most frequent words:")
    counted = spark.read.csv(output, sep="\t", schema="count long, word string")
    for row in counted.orderBy(f.desc("count"), "word").limit(10).collect():
        print(f"{row['count']:>10}  {row['word']}")
    print(f"counted in {seconds:.2f} s")
    spark.stop()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
