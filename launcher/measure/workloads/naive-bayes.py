# SPDX-License-Identifier: Apache-2.0
"""Naive Bayes by DataFrames: MLlib's multinomial one, driven in the JVM, so that Python needs no numpy. Trains on
labelled documents and then classifies them.

A document has one word in each of 20 fields of the vocabulary; in every other field it is one of its class's own
words. Of each class 5 % are labelled as the next one. So a good classifier finds every class, its priors are
arithmetic, and it agrees with exactly 95 % of the labels.
"""
import math
import sys
import time

sys.dont_write_bytecode = True
import workload  # noqa: E402

SHARES = [4, 3, 2, 1]                   # of the classes, in tenths
TENTHS = "array(0, 0, 0, 0, 1, 1, 1, 2, 2, 3)"
CLASSES = len(SHARES)
FIELDS, OWN, COMMON = 20, 25, 50        # fields; in a field: words of each class, and words of all
FIELD = CLASSES * OWN + COMMON
FEATURES = FIELDS * FIELD
MISLABELLED = 20                        # one in so many
WHOLE = 10 * MISLABELLED                # of so many documents, all shares are whole numbers
SMOOTHING = 1.0


def sql_documents(spark, begin, count, files, seed):
    """cls, label, and words and times of each field as w0, t0, …; words count from 0."""
    words = []
    for field in range(FIELDS):
        chance = f"xxhash64({seed * FIELDS + field}L, id)"
        word = f"{CLASSES * OWN} + pmod({chance}, {COMMON})" if field % 2 else f"cls * {OWN} + pmod({chance}, {OWN})"
        words += [f"{field * FIELD} + {word} as w{field}", f"1 + pmod(shiftright({chance}, 40), 3) as t{field}"]
    return spark.range(begin, begin + count, 1, files) \
        .selectExpr("id", f"element_at({TENTHS}, cast(id % 10 as int) + 1) as cls") \
        .selectExpr("cls", f"if(id div 10 % {MISLABELLED} = 7, (cls + 1) % {CLASSES}, cls) as label", *words)


def mean_line(extra):
    """Bytes: a field's mean index with a ':' or ',', a digit, a separator; and what the line has besides."""
    digits = sum(len(str(i)) for i in range(FEATURES)) / FEATURES
    return FIELDS * (digits + 3) + extra


def write_labelled(documents, path):
    pairs = ", ".join(f"concat(w{field} + 1, ':', t{field})" for field in range(FIELDS))
    documents.selectExpr(f"concat_ws(' ', cast(label as string), {pairs})").write.text(workload.uri(path))


def labels_of(documents):
    """{label: {class: documents}}"""
    counts = {label: {} for label in range(CLASSES)}
    for cls, share in enumerate(SHARES):
        everyone = documents // 10 * share
        counts[(cls + 1) % CLASSES][cls] = everyone // MISLABELLED
        counts[cls][cls] = everyone - everyone // MISLABELLED
    return counts


def log_priors(documents):
    """What training finds, whatever the words are."""
    return [{"about": math.log((sum(of.values()) + SMOOTHING) / (documents + CLASSES * SMOOTHING)), "within": 1e-9}
            for _, of in sorted(labels_of(documents).items())]


def make(spark, path, size, seed):
    documents = WHOLE * max(1, round(size / mean_line(2) / WHOLE))
    write_labelled(sql_documents(spark, 0, documents, workload.file_count(size), seed), path)
    correct = sum(of[label] for label, of in labels_of(documents).items())
    return {}, {"log_priors": log_priors(documents), "classes": [documents // 10 * share for share in SHARES],
                "correct": correct}


def run(spark, documents, _, __):
    begin = time.monotonic()
    frame = spark.read.format("libsvm").option("numFeatures", FEATURES).load(documents)
    model = spark._jvm.org.apache.spark.ml.classification.NaiveBayes().setSmoothing(SMOOTHING).fit(frame._jdf)
    name = "naive_bayes_classified"
    model.transform(frame._jdf).createOrReplaceTempView(name)
    pairs = spark.sql(f"select label, prediction, count(*) as count from {name} group by label, prediction").collect()
    seconds = time.monotonic() - begin
    spark.catalog.dropTempView(name)
    return workload.Outcome(seconds, {
        "log_priors": list(model.pi().toArray()),
        "classes": [sum(pair["count"] for pair in pairs if pair["prediction"] == cls) for cls in range(CLASSES)],
        "correct": sum(pair["count"] for pair in pairs if pair["prediction"] == pair["label"])})


WORKLOAD = workload.Workload("naive-bayes", "naive-bayes", make, run, ("log_priors", "classes", "correct"))

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
