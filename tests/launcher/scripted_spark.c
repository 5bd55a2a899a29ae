#include "tests/launcher/scripted_spark.h"

#include <stdio.h>

#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

static const char java[] =
	"#!/bin/sh\n"
	"case \"$*\" in\n"
	"*-version) echo 'openjdk version \"21.0.3\"' ;;\n"
	"*) printf '\\0\\n/jdk/bin/java\\0-cp\\0/jars/*\\0org.apache.spark.deploy.worker.Worker\\0' ;;\n"
	"esac\n";

void scripted_spark_make(char home[PROFILE_PATH], char jdk[PROFILE_PATH])
{
	char path[PROFILE_PATH + 16];

	snprintf(home, PROFILE_PATH, "%s/spark", test_directory());
	snprintf(jdk, PROFILE_PATH, "%s/jdk", test_directory());
	snprintf(path, sizeof(path), "%s/jars", home);
	spark_tree_program(path, "spark-core_2.13-4.1.0.jar", "");
	snprintf(path, sizeof(path), "%s/bin", home);
	spark_tree_program(path, "spark-submit", "#!/bin/sh\n");
	snprintf(path, sizeof(path), "%s/bin", jdk);
	spark_tree_program(path, "java", java);
}
