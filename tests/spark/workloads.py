# SPDX-License-Identifier: Apache-2.0
"""Many workloads in one application: workloads.py MODULES SIZE DIRECTORY make|both NAME…

Makes the data of each NAME in DIRECTORY/KIND unless it is there, and with `both` runs it. A line of JSON on stdout
for each. NAME=TEXT makes it of that text, in DIRECTORY/real. Executors do not have the MODULES: what is shipped to
them has to come by itself.
"""
import importlib
import json
import os
import sys
import time

from pyspark.sql import SparkSession

sys.dont_write_bytecode = True
modules, size, directory, command, *names = sys.argv[1:]
sys.path.insert(0, modules)
import workload  # noqa: E402

spark = SparkSession.builder.appName("workloads").config("spark.sql.shuffle.partitions", 2).getOrCreate()
os.makedirs(directory, exist_ok=True)
for word in names:
    name, _, text = word.partition("=")
    one = importlib.import_module(name).WORKLOAD
    data = f"{directory}/{'real' if text else one.data}"
    line = {"name": word}
    begin = time.monotonic()
    if not os.path.exists(f"{data}/complete"):
        line["made"] = workload.make(spark, one, data, int(size), text=text)
    line["made_in"] = time.monotonic() - begin
    if command == "both":
        result, wrong = workload.run(spark, one, data)
        line.update(result, wrong=wrong)
    print(json.dumps(line), flush=True)
spark.stop()
