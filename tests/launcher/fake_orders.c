/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/launcher/fake_orders.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "decision/plan/profile.h"

enum { ORDER_BYTES = 8192 };

static const char *address_text(uint32_t address, char text[INET_ADDRSTRLEN])
{
	return inet_ntop(AF_INET, &(struct in_addr){htonl(address)}, text, INET_ADDRSTRLEN);
}

/* ---- the test's side */

void fake_order(const char *directory, const char *what, const char *format, ...)
{
	char path[PROFILE_PATH + 64], hidden[PROFILE_PATH + 64];
	va_list args;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, what);
	snprintf(hidden, sizeof(hidden), "%s/.%s", directory, what);
	f = fopen(hidden, "we");
	va_start(args, format);
	if (!f || vfprintf(f, format, args) < 0 || fclose(f) || rename(hidden, path))
		abort();
	va_end(args);
}

void fake_unorder(const char *directory, const char *what)
{
	char path[PROFILE_PATH + 64];

	snprintf(path, sizeof(path), "%s/%s", directory, what);
	unlink(path);
}

void fake_unorder_all(const char *directory)
{
	DIR *list = opendir(directory);
	struct dirent *entry;

	if (!list)
		abort();
	while ((entry = readdir(list)))
		if (entry->d_type == DT_REG)
			unlinkat(dirfd(list), entry->d_name, 0);
	closedir(list);
}

void fake_burn(const char *directory, uint32_t address, unsigned threads)
{
	char text[INET_ADDRSTRLEN];

	fake_order(directory, address_text(address, text), "%u", threads);
}

void fake_executors(const char *directory, uint32_t address, const char *app, const char *ids)
{
	char text[INET_ADDRSTRLEN], what[32];

	snprintf(what, sizeof(what), "%s.executor", address_text(address, text));
	fake_order(directory, what, "%s %s", app, ids);
}

static void tell_stages(const char *directory, const struct fake_application *a)
{
	unsigned running = 0, tasks;
	char what[64];

	for (unsigned i = 0; i < a->count; i++)
		running += a->running[i];
	tasks = running + a->pending;
	snprintf(what, sizeof(what), "%s.stages", a->id);
	if (!tasks)
		fake_order(directory, what, "[]");
	else
		fake_order(directory, what,
			   "[{\"status\":\"ACTIVE\",\"stageId\":%u,\"attemptId\":0,"
			   "\"name\":\"sum at app.py:6\",\"numTasks\":%u,\"numActiveTasks\":%u,"
			   "\"numCompleteTasks\":1,\"numCompletedIndices\":1,"
			   "\"numFailedTasks\":0,\"numKilledTasks\":0}]",
			   a->stage, tasks + 1, running);
}

static void tell_executors(const char *directory, const struct fake_application *a)
{
	char what[64], list[ORDER_BYTES], address[INET_ADDRSTRLEN];
	size_t used = 0;

	list[0] = '\0';
	for (unsigned i = 0; i < a->count && used < sizeof(list); i++)
		used += (size_t)snprintf(
			list + used, sizeof(list) - used,
			",{\"id\":\"%u\",\"hostPort\":\"%s:40001\",\"isActive\":true,"
			"\"totalCores\":2,\"activeTasks\":%u,\"attributes\":{\"SLICE\":\"%u\"}}",
			i, address_text(a->addresses[i], address), a->running[i], i);
	snprintf(what, sizeof(what), "%s.executors", a->id);
	fake_order(directory, what,
		   "[{\"id\":\"driver\",\"hostPort\":\"127.0.0.1:40000\",\"isActive\":true,"
		   "\"totalCores\":0,\"activeTasks\":0,\"attributes\":{}}%s]",
		   list);
}

void fake_tell(const char *directory, const struct fake_application *a)
{
	char what[64];

	tell_stages(directory, a);
	tell_executors(directory, a);
	snprintf(what, sizeof(what), "%s.environment", a->id);
	fake_order(directory, what, "{\"sparkProperties\":[[\"spark.app.id\",\"%s\"]]}", a->id);
	fake_order(directory, "apps", "%s\n", a->id);
}

/* ---- the fakes' side */

bool fake_ordered(const char *what, char *text, size_t size)
{
	const char *directory = getenv("FAKE_ORDERS");
	char path[PROFILE_PATH + 64];
	cleanup_close int fd = -1;
	ssize_t n;

	if (!directory)
		return false;
	snprintf(path, sizeof(path), "%s/%s", directory, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}
