/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/plan/setting.h"

#include <stddef.h>
#include <string.h>

#define SLOTS                                                                      \
	"an executor has an equal part of its slice's slots; spark.executors and " \
	"spark.slots_per_cpu set it"
#define ADDRESS "spark.first_address and spark.master.address set it"
#define CONNECT                                                                    \
	"it leads to a Spark Connect server instead of this cluster's master; an " \
	"application may ask for one by --conf spark.api.mode=connect"
#define OF_TESTS "it is for Spark's own tests"
#define SCRIPTS	 "only the scripts in Spark's sbin/ read it"

/* The first that fits counts. */
static const struct setting properties[] = {
	{"spark.master", SETTING_MASTER, "cleave sets it to the cluster's own master"},
	{"spark.remote", SETTING_OURS, "cleave sets spark.master, which it contradicts"},
	{"spark.submit.deployMode", SETTING_OURS,
	 "cleave runs drivers in the host group, which is deploy mode client"},
	{"spark.authenticate*", SETTING_OURS,
	 "security.authenticate sets it, with a secret of its own"},
	{"spark.driver.host", SETTING_OURS, "spark.master.address sets it"},
	{"spark.driver.bindAddress", SETTING_OURS, "spark.master.address sets it"},
	{"spark.executor.memory", SETTING_PLANNED, "memory.heap sets it"},
	{"spark.memory.offHeap.*", SETTING_PLANNED, "memory.off_heap sets it"},
	{"spark.executor.pyspark.memory", SETTING_PLANNED, "memory.python sets the room of Python"},
	{"spark.executor.cores", SETTING_PLANNED, SLOTS},
	{"spark.executor.instances", SETTING_DEAD, "spark.executors sets how many a slice has"},
	{"spark.local.dir", SETTING_DEAD, "memory.scratch.path sets it"},
	{"spark.ui.filters", SETTING_PAGES, "security.ui sets it"},
	{"spark.org.apache.spark.ui.JWSFilter.*", SETTING_PAGES, "security.ui sets it"},
	{"spark.executorEnv.JAVA_HOME", SETTING_OURS, "jvm.home sets it"},
	{"spark.executorEnv.SPARK_HOME", SETTING_OURS, "spark.home sets it"},
	{"spark.executorEnv.SPARK_CONF_DIR", SETTING_OURS, "nothing of it is read in a slice"},
	{"spark.executorEnv.JDK_JAVA_OPTIONS", SETTING_OURS,
	 "it has the slice's own directories; use spark.executor.extraJavaOptions"},
	{"spark.scheduler.minRegisteredResourcesRatio", SETTING_DEFAULT,
	 "else the first stage may begin on one slice alone"},
	{"spark.ui.reverseProxy*", SETTING_DEFAULT, "cleave asks drivers through the master"},
	{"spark.ui.killEnabled", SETTING_DEFAULT, "who reads a page is not to end what it shows"},
	{"spark.ui.liveUpdate.period", SETTING_DEFAULT, "lending wants counters of now"},
	{"spark.dynamicAllocation.enabled", SETTING_DEFAULT,
	 "it would read lent CPUs as a change of the cluster"},
	{"spark.speculation", SETTING_DEFAULT,
	 "it would read lent CPUs as a change of the cluster"},
	{"spark.shuffle.service.enabled", SETTING_DEFAULT, "no shuffle service runs here"},
	{"spark.connect.grpc.binding.address", SETTING_DEFAULT, "spark.master.address sets it"},
	{"spark.worker.*", SETTING_NO_DRIVER, "only daemons read it, and they have cleave's own"},
	{"spark.deploy.*", SETTING_NO_DRIVER, "only daemons read it, and they have cleave's own"},
	{"spark.master.*", SETTING_NO_DRIVER, "only daemons read it, and they have cleave's own"},
	{NULL, SETTING_OURS, NULL},
};

static const struct setting variables[] = {
	/* programs, and where they lie */
	{"SPARK_HOME", SETTING_PLACE, "spark.home sets it"},
	{"JAVA_HOME", SETTING_PLACE, "jvm.home sets it"},
	{"SPARK_CONF_DIR", SETTING_PLACE, "cleave sets it; spark.conf holds the properties"},
	{"PYSPARK_PYTHON", SETTING_PYTHON, ""},
	{"PYSPARK_DRIVER_PYTHON", SETTING_PYTHON, ""},
	/* daemons */
	{"SPARK_DAEMON_MEMORY", SETTING_DAEMONS, ""},
	{"SPARK_DAEMON_JAVA_OPTS", SETTING_DAEMON_OPTIONS, ""},
	{"SPARK_DAEMON_CLASSPATH", SETTING_DAEMONS, ""},
	{"SPARK_MASTER_OPTS", SETTING_DAEMON_OPTIONS, ""},
	{"SPARK_WORKER_OPTS", SETTING_DAEMON_OPTIONS, ""},
	{"SPARK_DIST_CLASSPATH", SETTING_DAEMONS, ""},
	{"HADOOP_CONF_DIR", SETTING_DAEMONS, ""},
	{"HADOOP_HOME", SETTING_DAEMONS, ""},
	{"YARN_CONF_DIR", SETTING_DAEMONS, ""},
	/* cores and memory */
	{"SPARK_EXECUTOR_CORES", SETTING_OURS, SLOTS},
	{"SPARK_EXECUTOR_MEMORY", SETTING_OURS, "memory.heap sets it"},
	{"SPARK_EXECUTOR_INSTANCES", SETTING_OURS, "spark.executors sets how many a slice has"},
	{"SPARK_WORKER_CORES", SETTING_OURS, "spark.slots_per_cpu sets the slots of a slice"},
	{"SPARK_WORKER_MEMORY", SETTING_OURS, "memory.heap sets it"},
	{"SPARK_WORKER_INSTANCES", SETTING_OURS, "a slice has one worker"},
	{"_JAVA_OPTIONS", SETTING_OURS, "it would override memory.heap; use jvm.options"},
	/* addresses */
	{"SPARK_LOCAL_IP", SETTING_OURS, ADDRESS},
	{"SPARK_LOCAL_HOSTNAME", SETTING_OURS, ADDRESS},
	{"SPARK_PUBLIC_DNS", SETTING_OURS, ADDRESS},
	{"SPARK_WORKER_PORT", SETTING_OURS, "a worker has an address of its own, and any port"},
	{"SPARK_WORKER_WEBUI_PORT", SETTING_OURS,
	 "a worker has an address of its own, and any port"},
	{"SPARK_MASTER_HOST", SETTING_OURS, "spark.master.address sets it"},
	{"SPARK_MASTER_IP", SETTING_OURS, "spark.master.address sets it"},
	{"SPARK_MASTER_PORT", SETTING_OURS, "spark.master.port sets it"},
	{"SPARK_MASTER_WEBUI_PORT", SETTING_OURS, "spark.master.ui_port sets it"},
	{"SPARK_EXECUTOR_ATTRIBUTE_SLICE", SETTING_OURS, "cleave sets it to the slice's id"},
	/* directories */
	{"SPARK_LOCAL_DIRS", SETTING_OURS, "memory.scratch.path sets it"},
	{"SPARK_EXECUTOR_DIRS", SETTING_OURS, "memory.scratch.path sets it"},
	{"SPARK_WORKER_DIR", SETTING_OURS, "cleave keeps work directories with the cluster's logs"},
	{"SPARK_WORKER_RESOURCE_FILE", SETTING_OURS, "cleave writes it for each slice"},
	{"CONTAINER_ID", SETTING_OURS,
	 "Spark would take itself for a container of YARN, and its LOCAL_DIRS for scratch"},
	{"SPARK_LOG_DIR", SETTING_SCRIPTS, SCRIPTS},
	{"SPARK_LOG_MAX_FILES", SETTING_SCRIPTS, SCRIPTS},
	{"SPARK_PID_DIR", SETTING_SCRIPTS, SCRIPTS},
	{"SPARK_IDENT_STRING", SETTING_SCRIPTS, SCRIPTS},
	{"SPARK_NICENESS", SETTING_SCRIPTS, SCRIPTS},
	{"SPARK_NO_DAEMONIZE", SETTING_SCRIPTS, SCRIPTS},
	/* where an application goes */
	{"DEPLOY_MODE", SETTING_OURS,
	 "cleave runs drivers in the host group, which is deploy mode client"},
	{"SPARK_REMOTE", SETTING_OURS, CONNECT},
	{"SPARK_LOCAL_REMOTE", SETTING_OURS, CONNECT},
	{"SPARK_CONNECT_MODE", SETTING_OURS, CONNECT},
	{"SPARK_CONNECT_MODE_ENABLED", SETTING_OURS, CONNECT},
	{"SPARK_API_MODE", SETTING_OURS, CONNECT},
	{"SPARK_SUBMIT_OPTS", SETTING_OPTIONS, ""},
	{"JDK_JAVA_OPTIONS", SETTING_OPTIONS, ""},
	{"JAVA_TOOL_OPTIONS", SETTING_OPTIONS, ""},
	/* how Spark's own build and tests start it */
	{"SPARK_TESTING", SETTING_OURS, OF_TESTS},
	{"SPARK_SQL_TESTING", SETTING_OURS, OF_TESTS},
	{"SPARK_PREPEND_CLASSES", SETTING_OURS, OF_TESTS},
	{"SPARK_SCALA_VERSION", SETTING_OURS, "it is that of Spark's jars"},
	{NULL, SETTING_OURS, NULL},
};

static const struct setting *find(const struct setting *list, const char *name)
{
	for (; list->name; list++) {
		size_t length = strcspn(list->name, "*");

		if (!strncmp(list->name, name, length) && (list->name[length] || !name[length]))
			return list;
	}
	return NULL;
}

const struct setting *setting_of_property(const char *key)
{
	static const char environment[] = "spark.executorEnv.";
	const struct setting *s = find(properties, key);

	if (s || strncmp(key, environment, sizeof(environment) - 1) != 0)
		return s;
	s = find(variables, key + sizeof(environment) - 1);
	return s && s->rule == SETTING_OURS ? s : NULL;
}

const struct setting *setting_of_variable(const char *name)
{
	return find(variables, name);
}

const char *setting_refuse_property(const char *key)
{
	const struct setting *s = setting_of_property(key);

	return s && s->rule <= SETTING_DEAD ? s->why : NULL;
}

const char *setting_refuse_variable(const char *name)
{
	const struct setting *s = setting_of_variable(name);

	return s && (s->rule == SETTING_OURS || s->rule == SETTING_PLACE) ? s->why : NULL;
}

/* Of a JVM: memory that the plan divides, and what two of cannot stand beside each other. */
static const struct setting executor_options[] = {
	{"-Xmx*", SETTING_OURS, "memory.heap sets the heap"},
	{"-XX:MaxHeapSize*", SETTING_OURS, "memory.heap sets the heap"},
	{"-XX:MaxRAM*", SETTING_OURS, "memory.heap sets the heap"},
	{"-XX:MaxDirectMemorySize*", SETTING_OURS, "memory.direct sets it"},
	{"-XX:+UseParallelGC", SETTING_OURS, "jvm.gc chooses the collector"},
	{"-XX:+UseG1GC", SETTING_OURS, "jvm.gc chooses the collector"},
	{"-XX:+UseZGC", SETTING_OURS, "jvm.gc chooses the collector"},
	{"-XX:+UseShenandoahGC", SETTING_OURS, "jvm.gc chooses the collector"},
	{"-XX:+UseSerialGC", SETTING_OURS, "jvm.gc chooses the collector"},
	{NULL, SETTING_OURS, NULL},
};

static const struct setting daemon_options[] = {
	{"-Xmx*", SETTING_OURS, "SPARK_DAEMON_MEMORY sets the heap of daemons"},
	{"-XX:MaxHeapSize*", SETTING_OURS, "SPARK_DAEMON_MEMORY sets the heap of daemons"},
	{"-XX:MaxRAM*", SETTING_OURS, "SPARK_DAEMON_MEMORY sets the heap of daemons"},
	{"-Dspark.ui.reverseProxy=*", SETTING_OURS, "cleave asks drivers through the master"},
	{"-Dspark.master.rest.enabled=*", SETTING_OURS,
	 "it takes applications from everybody, and starts with no secret"},
	{"-Dspark.port.maxRetries=*", SETTING_OURS, "daemons keep to the ports of the plan"},
	{"-Dspark.worker.resource*", SETTING_OURS, "run --slices is made of it"},
	{"-Dcleave.*", SETTING_OURS, "daemons are known again by it"},
	{NULL, SETTING_OURS, NULL},
};

const char *setting_refuse_option(const char *option, enum setting_jvm jvm)
{
	static const char define[] = "-D";
	const struct setting *s = NULL;
	char key[256];
	size_t length;

	if (jvm == SETTING_OF_EXECUTORS)
		s = find(executor_options, option);
	else if (jvm == SETTING_OF_DAEMONS)
		s = find(daemon_options, option);
	if (s || strncmp(option, define, sizeof(define) - 1) != 0)
		return s ? s->why : NULL;
	option += sizeof(define) - 1;
	length = strcspn(option, "=");
	if (length >= sizeof(key))
		return NULL;
	memcpy(key, option, length);
	key[length] = '\0';
	s = setting_of_property(key);
	return s && s->rule <= SETTING_PAGES ? s->why : NULL;
}
