# SPDX-License-Identifier: Apache-2.0
"""A stream over files, in about eight micro-batches, that counts and sums by key; the state and the checkpoint of a
run are below its scratch."""
import sys
import time
import zlib

sys.dont_write_bytecode = True
import workload  # noqa: E402

KEYS, TURN, VALUES = 10_000, 7919, 1000         # the keys take turns; TURN has no factor of KEYS
BATCHES = 8
LINE_BYTES = sum(len(str(i)) for i in range(KEYS)) / KEYS + sum(len(str(i)) for i in range(VALUES)) / VALUES + 32 + 3


def make(spark, path, size, seed):
    rows = round(size / LINE_BYTES)
    files = workload.file_count(size)
    start = workload.dice(seed).randrange(KEYS)
    spark.range(0, rows, 1, files).selectExpr(
        f"concat_ws(',', (id % {KEYS} * {TURN} + {start}) % {KEYS}, id % {VALUES}, md5(concat('{seed} ', id)))") \
        .write.text(workload.uri(path))
    rounds, rest = divmod(rows, KEYS)
    counts = {(turn * TURN + start) % KEYS: rounds + (turn < rest) for turn in range(KEYS)}
    checksum = sum(zlib.crc32(f"{key} {count}".encode()) for key, count in counts.items() if count)
    whole, part = divmod(rows, VALUES)
    return {"files": files}, {"rows": rows, "keys": sum(1 for count in counts.values() if count), "checksum": checksum,
                              "value": whole * VALUES * (VALUES - 1) // 2 + part * (part - 1) // 2}


def run(spark, files, scratch, facts):
    begin = time.monotonic()
    lines = spark.readStream.schema("key long, value long, payload string") \
        .option("maxFilesPerTrigger", -(-facts["files"] // BATCHES)).csv(files)
    query = lines.groupBy("key").agg({"*": "count", "value": "sum"}).toDF("key", "count", "value").writeStream \
        .outputMode("complete").format("memory").queryName("stream_counts") \
        .option("checkpointLocation", f"{scratch}/checkpoint").trigger(availableNow=True).start()
    try:
        query.awaitTermination()
        seconds = time.monotonic() - begin
        answer = spark.table("stream_counts").selectExpr(
            "sum(count) as rows", "count(*) as keys", "sum(value) as value",
            "sum(crc32(cast(concat(key, ' ', count) as binary))) as checksum").first().asDict()
    finally:
        query.stop()
        spark.catalog.dropTempView("stream_counts")
    return workload.Outcome(seconds, {**answer, "batches": query.lastProgress["batchId"] + 1})


WORKLOAD = workload.Workload("stream", "stream", make, run, ("rows", "keys", "value", "checksum"))

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
