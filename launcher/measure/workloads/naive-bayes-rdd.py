# SPDX-License-Identifier: Apache-2.0
"""Naive Bayes as the paper has it: MLlib's over RDDs. Trains on the labelled documents of naive-bayes.py, which are
three quarters of the input, and classifies the others, which are lines of vectors: `predict` takes an RDD of vectors,
and without a function of Scala's there is no way to one from labelled points."""
import importlib
import sys
import time

sys.dont_write_bytecode = True
import workload  # noqa: E402

bayes = importlib.import_module("naive-bayes")
LABELLED = 0.75


def make(spark, path, size, seed):
    files = workload.file_count(size)
    labelled = bayes.WHOLE * max(1, round(LABELLED * size / bayes.mean_line(2) / bayes.WHOLE))
    others = bayes.WHOLE * max(1, round((1 - LABELLED) * size / bayes.mean_line(11) / bayes.WHOLE))
    bayes.write_labelled(bayes.sql_documents(spark, 0, labelled, files, seed), f"{path}/labelled")
    words, times = ([f"{letter}{field}" for field in range(bayes.FIELDS)] for letter in "wt")
    bayes.sql_documents(spark, labelled, others, files, seed) \
        .selectExpr(f"concat('({bayes.FEATURES},[', concat_ws(',', array({', '.join(words)})), "
                    f"'],[', concat_ws(',', array({', '.join(times)})), '])')") \
        .write.text(workload.uri(f"{path}/others"))
    return {}, {"log_priors": bayes.log_priors(labelled), "classes": [others // 10 * share for share in bayes.SHARES]}


def run(spark, documents, _, __):
    mllib = spark._jvm.org.apache.spark.mllib
    context = spark.sparkContext._jsc.sc()
    begin = time.monotonic()
    labelled = mllib.util.MLUtils.loadLibSVMFile(context, f"{documents}/labelled", bayes.FEATURES)
    model = mllib.classification.NaiveBayes.train(labelled, bayes.SMOOTHING)
    others = mllib.util.MLUtils.loadVectors(context, f"{documents}/others")
    counts = dict(model.predict(others).toJavaRDD().countByValue())
    seconds = time.monotonic() - begin
    priors = dict(zip(model.labels(), model.pi()))
    return workload.Outcome(seconds, {"log_priors": [priors.get(float(cls)) for cls in range(bayes.CLASSES)],
                                      "classes": [counts.get(float(cls), 0) for cls in range(bayes.CLASSES)]})


WORKLOAD = workload.Workload("naive-bayes-rdd", "naive-bayes-rdd", make, run, ("log_priors", "classes"))

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
