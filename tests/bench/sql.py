# SPDX-License-Identifier: Apache-2.0
"""The application of bench_sql: sql.py DIRECTORY REPETITIONS makes two tables of Parquet in DIRECTORY unless they are there, then
joins and aggregates them, so that both sides of the join and the groups are sorted in execution memory; a line of JSON on stdout
for each repetition. Spills and collections are read off the event log (bench_sql)."""
import json
import os
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

ROWS, KEYS, FILES = 10_000_000, 3_000_000, 16


def make(spark, directory):
    rows = spark.range(0, ROWS, 1, FILES)
    key = (f.xxhash64("id") % KEYS).alias("key")
    rows.select(key, f.rand(1).alias("price"), f.sha2(f.col("id").cast("string"), 256).alias("text")) \
        .write.mode("overwrite").parquet(f"{directory}/orders")
    spark.range(0, KEYS, 1, FILES).select(f.col("id").alias("key"), f.sha2(f.col("id").cast("string"), 256).alias("name")) \
        .write.mode("overwrite").parquet(f"{directory}/parts")
    with open(f"{directory}/made", "w", encoding="ascii"):
        pass


def query(spark, directory):
    orders, parts = (spark.read.parquet(f"{directory}/{name}") for name in ("orders", "parts"))
    groups = orders.join(parts, "key").groupBy("name").agg(f.sum("price").alias("sum"), f.max("text").alias("last"))
    return groups.agg(f.count("*"), f.sum("sum"), f.max("last")).collect()[0]


def main():
    directory, repetitions = sys.argv[1], int(sys.argv[2])
    spark = SparkSession.builder.appName("sql").config("spark.sql.autoBroadcastJoinThreshold", -1) \
        .config("spark.sql.shuffle.partitions", 6).config("spark.sql.adaptive.enabled", "false").getOrCreate()
    if not os.path.exists(f"{directory}/made"):
        make(spark, directory)
    for _ in range(repetitions):
        begin = time.monotonic()
        answer = query(spark, directory)
        print(json.dumps({"seconds": time.monotonic() - begin, "answer": [answer[0], round(answer[1], 2), answer[2]]}), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
