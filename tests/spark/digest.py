# SPDX-License-Identifier: Apache-2.0
"""A job of the JVM alone, without Python workers: digest.py ROWS takes the SHA-256 of so many numbers in two tasks.

Prints the number of digits, 64 a row.
"""
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

spark = SparkSession.builder.appName("digest").getOrCreate()
digest = f.sha2(f.col("id").cast("string").cast("binary"), 256)
print("digits", spark.range(0, int(sys.argv[1]), 1, 2).agg(f.sum(f.length(digest))).first()[0], flush=True)
spark.stop()
