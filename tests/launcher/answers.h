#ifndef TESTS_LAUNCHER_ANSWERS_H
#define TESTS_LAUNCHER_ANSWERS_H

/* Spark's answers for tests: recorded from Spark 4.1.0 in tests/launcher/answers, and made of its words. */

#include <stddef.h>

/* NUL-terminated, the caller's to free(). Aborts the test if there is no such recording. */
char *recorded(const char *file, size_t *size);

#define STAGE(id, attempt, tasks, completed, active)                           \
	"{\"stageId\":" #id ",\"attemptId\":" #attempt ",\"numTasks\":" #tasks \
	",\"numCompletedIndices\":" #completed ",\"numActiveTasks\":" #active  \
	",\"numFailedTasks\":0,\"name\":\"s\"}"
#define EXECUTOR(id, host, active) \
	"{\"id\":\"" #id "\",\"hostPort\":\"" host ":1\",\"activeTasks\":" #active "}"
#define ON_0(active)	  EXECUTOR(0, "127.0.0.10", active)
#define ON_1(active)	  EXECUTOR(1, "127.0.0.11", active)
#define ENVIRONMENT(cpus) "{\"sparkProperties\":[[\"spark.task.cpus\",\"" #cpus "\"]]}"
#define STARTING	  "Spark is starting up. Please wait a while until it's ready."

#endif
