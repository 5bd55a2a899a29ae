# SPDX-License-Identifier: Apache-2.0
"""K-means as the paper has it: MLlib's over a cached RDD of vectors; on the planted points of kmeans.py, as lines of
vectors."""
import sys
import time

sys.dont_write_bytecode = True
import kmeans  # noqa: E402
import workload  # noqa: E402


def run(spark, points, _, facts):
    mllib = spark._jvm.org.apache.spark.mllib
    begin = time.monotonic()
    vectors = mllib.util.MLUtils.loadVectors(spark.sparkContext._jsc.sc(), points).cache()
    models = []
    for start in range(facts["starts"]):
        means = mllib.clustering.KMeans().setK(kmeans.CLUSTERS).setMaxIterations(facts["iterations"])
        models.append(means.setEpsilon(0.0).setSeed(start).run(vectors))
    best = min(models, key=lambda model: model.trainingCost())
    seconds = time.monotonic() - begin
    centres = [list(centre.toArray()) for centre in best.clusterCenters()]
    sizes = [int(count) for count in best.predict(vectors).toJavaRDD().countByValue().values()]
    vectors.unpersist(False)
    return kmeans.outcome(seconds, facts, centres, sizes, best.trainingCost())


WORKLOAD = workload.Workload("kmeans-rdd", "kmeans-rdd", kmeans.make_lines(False), run, kmeans.CHECKED)

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
