# SPDX-License-Identifier: Apache-2.0
"""A skewed job of four one-thread tasks: skew.py LATE EARLY. Those on slice 0 use LATE CPU-seconds each, others EARLY.

Prints the sum of what they return, 6.
"""
import os
import sys
import time

from pyspark.sql import SparkSession

LATE, EARLY = float(sys.argv[1]), float(sys.argv[2])


def burn(number):
    end = time.process_time() + (LATE if os.environ["SPARK_EXECUTOR_ATTRIBUTE_SLICE"] == "0" else EARLY)
    while time.process_time() < end:
        pass
    return number


spark = SparkSession.builder.appName("skew").getOrCreate()
print("sum", spark.sparkContext.parallelize(range(4), 4).map(burn).sum(), flush=True)
spark.stop()
