# SPDX-License-Identifier: Apache-2.0
"""K-means by DataFrames: MLlib's, driven in the JVM, so that Python needs no numpy.

The points are planted: pairs at centre + noise and centre - noise, so that the mean of a cluster is its centre
exactly; the noise is small beside the distance of the centres. The points are cached and clustered several times from
other starts, as one does because a start can be a bad one; the best counts. So many starts are also what makes the
workload iterate: with clusters that can be told apart, each converges within few steps.
"""
import sys
import time

sys.dont_write_bytecode = True
import workload  # noqa: E402

CLUSTERS, DIMENSIONS = 16, 16
FROM, TO, NOISE = 2000, 8000, 50        # all coordinates have four digits
STARTS, ITERATIONS = 3, 10
CHECKED = ("sizes", "centre_error", "cost")


def libsvm_line(label, values):
    return " ".join([str(label), *(f"{number}:{value}" for number, value in enumerate(values, 1))])


def vector_line(_, values):
    return f"[{','.join(str(value) for value in values)}]"


def sql_line(is_libsvm, coordinates):
    """The same two, of SQL expressions."""
    if is_libsvm:
        pairs = [f"concat('{number}:', {value})" for number, value in enumerate(coordinates, 1)]
        return f"concat_ws(' ', cluster, {', '.join(pairs)})"
    return f"concat('[', concat_ws(',', {', '.join(coordinates)}), ']')"


def make_lines(is_libsvm):
    def make(spark, path, size, seed):
        dice = workload.dice(seed)
        centres = [[dice.randrange(FROM, TO) for _ in range(DIMENSIONS)] for _ in range(CLUSTERS)]
        line = libsvm_line if is_libsvm else vector_line
        mean = sum(len(line(cluster, centre)) + 1 for cluster, centre in enumerate(centres)) / CLUSTERS
        in_cluster = 2 * round(size / mean / CLUSTERS / 2)
        points = in_cluster * CLUSTERS
        coordinates = []
        for number in range(DIMENSIONS):
            column = ", ".join(str(centre[number]) for centre in centres)
            noise = f"(pmod(xxhash64({seed * DIMENSIONS + number}L, pair), {2 * NOISE + 1}) - {NOISE})"
            coordinates.append(f"cast(element_at(array({column}), cluster + 1) + sign * {noise} as string)")
        spark.range(0, points, 1, workload.file_count(size)) \
            .selectExpr("id div 2 as pair", "1 - 2 * (id % 2) as sign",
                        f"cast(id div 2 % {CLUSTERS} as int) as cluster") \
            .selectExpr(sql_line(is_libsvm, coordinates)).write.text(workload.uri(path))
        variance = ((2 * NOISE + 1) ** 2 - 1) / 12
        cost = points * DIMENSIONS * variance
        return {"centres": centres, "starts": STARTS, "iterations": ITERATIONS}, {
            "sizes": [in_cluster] * CLUSTERS, "centre_error": {"at_most": 1e-6},
            "cost": {"about": cost, "within": 0.05 * cost}}
    return make


def centre_error(planted, found):
    """The largest distance of a planted centre from the nearest one that was found."""
    return max(min(sum((a - b) ** 2 for a, b in zip(centre, other)) ** 0.5 for other in found) for centre in planted)


def outcome(seconds, facts, centres, sizes, cost):
    return workload.Outcome(seconds, {"points": sum(sizes), "centre_error": centre_error(facts["centres"], centres),
                                      "sizes": sizes, "cost": cost})


def run(spark, points, _, facts):
    begin = time.monotonic()
    frame = spark.read.format("libsvm").option("numFeatures", DIMENSIONS).load(points).select("features").cache()
    models = []
    for start in range(facts["starts"]):
        means = spark._jvm.org.apache.spark.ml.clustering.KMeans().setK(CLUSTERS).setMaxIter(facts["iterations"])
        models.append(means.setTol(0.0).setSeed(start).fit(frame._jdf))
    best = min(models, key=lambda model: model.summary().trainingCost())
    seconds = time.monotonic() - begin
    centres = [list(centre.toArray()) for centre in best.clusterCenters()]
    sizes, cost = list(best.summary().clusterSizes()), best.summary().trainingCost()
    frame.unpersist()
    return outcome(seconds, facts, centres, sizes, cost)


WORKLOAD = workload.Workload("kmeans", "kmeans", make_lines(True), run, CHECKED)

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
