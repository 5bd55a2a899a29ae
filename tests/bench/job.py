# SPDX-License-Identifier: Apache-2.0
"""The application of the benches: job.py FIFO reads a command a line from FIFO, until its end, and answers each with a line
of JSON on stdout. Times are those of CLOCK_MONOTONIC, the same in every process of the machine.

load N0 N1      cached partitions, N0 on slice 0; the tasks of `burn` stay where they are, as they do beside HDFS
burn S0 S1      a stage of one task a partition: those of slice 0's partitions use S0 seconds of one CPU, the others S1
count TEXT,…    a balanced job: WordCount by DataFrames
"""
import json
import os
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as f


def slice_here():
    return int(os.environ["SPARK_EXECUTOR_ATTRIBUTE_SLICE"])


def hold(number, _):
    time.sleep(1)           # long enough that every slot takes its share of the partitions
    return [number]


def place(numbers):
    return [(number, slice_here()) for number in numbers]


def burn(seconds):
    """Use one CPU for seconds[number], wherever the task runs."""
    def run(numbers):
        for number in numbers:
            begin = time.monotonic()
            end = time.process_time() + seconds[number]
            while time.process_time() < end:
                pass
            yield {"slice": slice_here(), "begin": begin, "end": time.monotonic()}
    return run


class Job:
    def __init__(self):
        self.spark = SparkSession.builder.appName("bench").getOrCreate()
        self.data = self.places = None

    def copies(self):
        """Speculative copies of tasks that the last stage began."""
        context = self.spark.sparkContext
        stages = [stage for job in context.statusTracker().getJobIdsForGroup()
                  for stage in context.statusTracker().getJobInfo(job).stageIds]
        summary = context._jsc.sc().statusStore().speculationSummary(max(stages), 0)
        return summary.get().numTasks() if summary.isDefined() else 0

    def load(self, *by_slice):
        wanted = [int(count) for count in by_slice]
        count = sum(wanted)
        self.data = self.spark.sparkContext.parallelize(range(count), count).mapPartitionsWithIndex(hold).cache()
        self.data.count()
        self.places = dict(self.data.mapPartitions(place).collect())
        if [list(self.places.values()).count(number) for number in range(len(wanted))] != wanted:
            sys.exit(f"the partitions of the slices are not {wanted}: {self.places}")
        return {}

    def burn(self, *by_slice):
        seconds = {number: float(by_slice[where]) for number, where in self.places.items()}
        begin = time.monotonic()
        tasks = self.data.mapPartitions(burn(seconds)).collect()
        return {"begin": begin, "end": time.monotonic(), "tasks": tasks, "copies": self.copies()}

    def count(self, text):
        begin = time.monotonic()
        words = (self.spark.read.text(text.split(",")).select(f.explode(f.split("value", "[^A-Za-z]+")).alias("word"))
                 .where("word != ''"))
        words.groupBy(f.lower("word").alias("word")).count().write.format("noop").mode("overwrite").save()
        return {"begin": begin, "end": time.monotonic()}


def main():
    job = Job()
    commands = {"load": job.load, "burn": job.burn, "count": job.count}
    with open(sys.argv[1], encoding="utf-8") as fifo:
        for line in fifo:
            word, *rest = line.split()
            print(json.dumps(commands[word](*rest)), flush=True)
    job.spark.stop()


if __name__ == "__main__":
    main()
