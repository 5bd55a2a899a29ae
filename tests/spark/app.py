# SPDX-License-Identifier: Apache-2.0
"""A small application for the tests: app.py SECONDS CODE sleeps in each of 8 tasks, prints a sum and exits with CODE."""
import sys
import time

from pyspark.sql import SparkSession

SECONDS, CODE = float(sys.argv[1]), int(sys.argv[2])


def slow(number):
    time.sleep(SECONDS)
    return number


spark = SparkSession.builder.appName("test").getOrCreate()
print("sum", spark.sparkContext.parallelize(range(8), 8).map(slow).sum(), flush=True)
spark.stop()
sys.exit(CODE)
