# SPDX-License-Identifier: Apache-2.0
"""A join of which one key has 30 % of the rows, sorted and merged: without broadcast, and without AQE's cure of skew.
One task of the join is as long as all others of many; what it takes, a cluster without lending waits for."""
import sys
import time

sys.dont_write_bytecode = True
import workload  # noqa: E402

HOT_TENTHS = 3                  # the rows of key 0
ROWS_A_KEY = 20                 # of the other keys, and those that the rarer half has
VALUES, WEIGHTS = 1000, 97
ROW_BYTES, KEY_BYTES = 8 + 8 + 36, 8 + 8 + 36


def sum_mod(count, modulus):
    """The sum of i mod modulus for i below count."""
    rounds, rest = divmod(count, modulus)
    return rounds * (modulus * (modulus - 1) // 2) + rest * (rest - 1) // 2


def make(spark, path, size, seed):
    rows = 10 * max(1, round(size / (ROW_BYTES + KEY_BYTES / ROWS_A_KEY) / 10))
    keys = max(1, rows // ROWS_A_KEY)
    hot, cold = rows // 10 * HOT_TENTHS, rows // 10 * (10 - HOT_TENTHS)
    files = workload.file_count(size)
    # The cold rows are numbered one after the other, and take the keys in turns.
    workload.write_parquet(spark.range(0, rows, 1, files).selectExpr(
        f"if(id % 10 < {HOT_TENTHS}, 0, 1 + (id div 10 * {10 - HOT_TENTHS} + id % 10 - {HOT_TENTHS}) % {keys}) as key",
        f"id % {VALUES} as value", f"md5(concat('{seed} ', id)) as payload"), f"{path}/rows")
    workload.write_parquet(spark.range(0, keys + 1, 1, files).selectExpr(
        "id as key", f"1 + id % {WEIGHTS} as weight", f"md5(concat(id, ' {seed}')) as name"), f"{path}/keys")
    rounds, rest = divmod(cold, keys)
    weight = rows + rounds * sum_mod(keys + 1, WEIGHTS) + sum_mod(rest + 1, WEIGHTS)
    return {"share": HOT_TENTHS / 10}, {"rows": rows, "hot": hot, "value": sum_mod(rows, VALUES), "weight": weight,
                                        "letters": 64 * rows}


def run(spark, tables, _, __):
    with workload.settings(spark, {"spark.sql.adaptive.skewJoin.enabled": "false",
                                   "spark.sql.autoBroadcastJoinThreshold": "-1",
                                   "spark.sql.adaptive.autoBroadcastJoinThreshold": "-1"}):
        begin = time.monotonic()
        rows, keys = (spark.read.parquet(f"{tables}/{name}") for name in ("rows", "keys"))
        answer = rows.join(keys.hint("merge"), "key").selectExpr(
            "count(*) as rows", "count_if(key = 0) as hot", "sum(value) as value", "sum(weight) as weight",
            "sum(length(payload) + length(name)) as letters").first()
        seconds = time.monotonic() - begin
    return workload.Outcome(seconds, answer.asDict())


WORKLOAD = workload.Workload("skewed-join", "skewed-join", make, run, ("rows", "hot", "value", "weight", "letters"))

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
