# SPDX-License-Identifier: Apache-2.0
"""Where an application runs: where.py SECONDS sleeps in each of 16 tasks, and prints slice, address and tasks of each executor."""
import collections
import os
import sys
import time

from pyspark.sql import SparkSession

SECONDS = float(sys.argv[1])


def where(_):
    time.sleep(SECONDS)
    return f"{os.environ['SPARK_EXECUTOR_ATTRIBUTE_SLICE']} {os.environ['SPARK_LOCAL_IP']}"


spark = SparkSession.builder.appName("where").getOrCreate()
places = spark.sparkContext.parallelize(range(16), 16).map(where).collect()
for place, tasks in sorted(collections.Counter(places).items()):
    print(place, tasks)
spark.stop()
