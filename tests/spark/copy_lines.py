# SPDX-License-Identifier: Apache-2.0
"""A short job of the JVM alone, without Python workers: copy_lines.py IN OUT copies lines of text."""
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("copy").getOrCreate()
spark.sparkContext._jsc.textFile(sys.argv[1]).saveAsTextFile(sys.argv[2])
spark.stop()
