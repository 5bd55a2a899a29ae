"""The application of bench_slots: slots_app.py balanced TEXT REPETITIONS | slots_app.py skewed SECONDS LATE_ADDRESS

balanced: WordCount by DataFrames, every slice has the same to do; prints "seconds S" a repetition.
skewed: four cached partitions, two a slice; those on the slice at LATE_ADDRESS need SECONDS of one CPU each, the
others an eighth of it. Tasks stay where their data is, as they do beside HDFS. Prints "begin" and "seconds S".
"""
import os
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as f


def balanced(spark, text, repetitions):
    for _ in range(repetitions):
        begin = time.monotonic()
        words = (spark.read.text(text.split(",")).select(f.explode(f.split("value", "[^A-Za-z]+")).alias("word"))
                 .where("word != ''"))
        words.groupBy(f.lower("word").alias("word")).count().write.format("noop").mode("overwrite").save()
        print(f"seconds {time.monotonic() - begin:.3f}", flush=True)


def hold(number, _):
    time.sleep(1)           # long enough that every slot takes its share of the partitions
    return [number]


def burn(late, seconds):
    """Use one CPU for `seconds`, an eighth of it where we are not on the late slice."""
    def run(numbers):
        for number in numbers:
            mine = seconds if os.environ["SPARK_LOCAL_IP"] == late else seconds / 8
            end = time.process_time() + mine
            while time.process_time() < end:
                pass
            yield os.environ["SPARK_LOCAL_IP"], number
    return run


def skewed(spark, seconds, late):
    data = spark.sparkContext.parallelize(range(4), 4).mapPartitionsWithIndex(hold).cache()
    data.count()
    print("begin", flush=True)
    begin = time.monotonic()
    places = data.mapPartitions(burn(late, seconds)).collect()
    took = time.monotonic() - begin
    if sorted(place == late for place, _ in places) != [False, False, True, True]:
        sys.exit(f"the partitions are not two a slice: {places}")
    print(f"seconds {took:.3f}", flush=True)


if __name__ == "__main__":
    session = SparkSession.builder.appName("slots").getOrCreate()
    if sys.argv[1] == "balanced":
        balanced(session, sys.argv[2], int(sys.argv[3]))
    else:
        skewed(session, float(sys.argv[2]), sys.argv[3])
    session.stop()
