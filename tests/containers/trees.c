#include "tests/containers/trees.h"

#include <fcntl.h>

#include "tests/harness.h"

int tree_open(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "tests/containers/trees/%s", name);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "no recorded machine %s", path);
	return fd;
}
