#ifndef LAUNCHER_SPARK_ROOM_H
#define LAUNCHER_SPARK_ROOM_H

/* What the files of this room share and nobody else needs; spark.h is its face. */

#include "launcher/spark/spark.h"

/* Where the slice's worker puts shuffle files: below memory.scratch.path, or below DATA/NAME/slice-N. */
int spark_scratch(const struct spark_cluster *c, unsigned slice, char path[PROFILE_PATH],
		  struct err *e);

/* python3 on the caller's PATH, "" if there is none. */
void spark_find_python(char path[PROFILE_PATH]);

#endif
