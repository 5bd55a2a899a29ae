/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

void test_skip_note(const char *test, const char *format, ...)
{
	const char *path = getenv("TEST_SKIPS");
	FILE *file = path ? fopen(path, "ae") : NULL;
	size_t length = strlen(test);
	va_list args;

	/* Check calls a test's function NAME_fn, and the test itself NAME. */
	if (length > 3 && !strcmp(test + length - 3, "_fn"))
		length -= 3;
	va_start(args, format);
	fprintf(file ? file : stderr, "%.*s: ", (int)length, test);
	vfprintf(file ? file : stderr, format, args);
	fputc('\n', file ? file : stderr);
	va_end(args);
	if (file)
		fclose(file);
}

/* Temporary directories, each removed at the end of the process that made it. */
struct place {
	char path[256];
	pid_t owner;
};
static struct place directory, cache;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static void remove_places(void)
{
	const struct place *places[] = {&directory, &cache};

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (getpid() == places[i]->owner)
			nftw(places[i]->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *make_place(struct place *place, const char *kind)
{
	const char *top = getenv("TMPDIR");

	snprintf(place->path, sizeof(place->path), "%s/cleave-%s-XXXXXX", top ? top : "/tmp", kind);
	if (!mkdtemp(place->path))
		abort();
	place->owner = getpid();
	atexit(remove_places);
	return place->path;
}

const char *test_directory(void)
{
	return directory.path[0] ? directory.path : make_place(&directory, "test");
}

void test_put(const char *path, const char *text)
{
	char whole[1024];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", test_directory(), path);
	for (char *at = whole + strlen(test_directory()) + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		mkdir(whole, 0755);
	}
	if (!text) {
		unlink(whole);
		return;
	}
	file = fopen(whole, "we");
	ck_assert_msg(file, "%s", whole);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

unsigned test_count_descriptors(void)
{
	DIR *list = opendir("/proc/self/fd");
	unsigned count = 0;

	while (list && readdir(list))
		count++;
	closedir(list);
	return count;
}

const char *test_topologies(void)
{
	static const char path[] = "../shared/topologies";

	return access(path, R_OK) == 0 ? path : NULL;
}

unsigned long test_seed(void)
{
	const char *text = getenv("SEED");

	return text ? strtoul(text, NULL, 10) : 1;
}

unsigned long long test_random(unsigned long long *state)
{
	/* Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (2014). */
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

TCase *test_case_of(const char *name, const TTest *const *tests)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 300);
	for (; *tests; tests++)
		tcase_add_test(tcase, *tests);
	return tcase;
}

int test_run(const char *name, TCase *const *cases)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	setenv("XDG_CACHE_HOME", make_place(&cache, "cache"), 1);
	for (; *cases; cases++)
		suite_add_tcase(suite, *cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
