#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Behaves as the entrypoint of the official Spark images does: it gives an unknown user a name, knows the words "driver" and
# "executor" of Kubernetes, and runs anything else as it is. It says so, for the tests to see whether it was run.
id -un >/dev/null 2>&1 || { [ -w /etc/passwd ] && echo "spark:x:$(id -u):$(id -g)::${SPARK_HOME:-/}:/bin/sh" >>/etc/passwd; }
[ -n "${JAVA_HOME-}" ] || JAVA_HOME=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/ *java.home = //p')
export JAVA_HOME SPARK_CLASSPATH="${SPARK_CLASSPATH-}:$SPARK_HOME/jars/*"
case ${1-} in
driver)
	shift
	set -- "$SPARK_HOME/bin/spark-submit" --deploy-mode client "$@"
	;;
executor)
	shift
	set -- "$JAVA_HOME/bin/java" -cp "$SPARK_CLASSPATH" org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend "$@"
	;;
*)
	echo "entrypoint.sh: not a command of Spark on Kubernetes, run as it is"
	;;
esac
exec "$@"
