/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of events, on good disks and full ones.
 *
 * link: -Wl,--wrap=ftruncate
 */

#include "launcher/protocol/events.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/small_disk.h"

static struct cluster cluster;
static bool cannot_cut; /* files */

int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);

int __wrap_ftruncate(int fd, off_t size)
{
	return cannot_cut ? -1 : __real_ftruncate(fd, size);
}

static void begin(const char *name)
{
	struct err e;

	ck_assert_int_eq(cluster_paths(test_directory(), name, &cluster, &e), 0);
	ck_assert_int_eq(cluster_make(&cluster, &e), 0);
}

START_TEST(a_line_is_an_object)
{
	const struct event_input inputs[] = {{"pid", 12}, {"bytes", INT64_MAX}};
	cleanup_free char *line = event_format(UINT64_C(1769860800123000000), "restart", "slice-0",
					       "said \"no\"\nand ended", inputs, 2);

	ck_assert_str_eq(
		line,
		"{\"time\":\"2026-01-31T12:00:00.123Z\",\"what\":\"restart\",\"object\":"
		"\"slice-0\",\"reason\":\"said \\\"no\\\"\\nand ended\",\"inputs\":{\"pid\":12,"
		"\"bytes\":9223372036854775807}}\n");
}
END_TEST

START_TEST(events_are_appended)
{
	cleanup_free char *text = NULL;
	struct events ev;
	struct stat st;
	size_t size;
	struct err e;
	unsigned lines = 0;

	begin("append");
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(events_open(&cluster, &ev, &e), 0);
		events_note(&ev, "start", "master", "wanted", {"round", round});
		events_close(&ev);
		events_note(&ev, "lost", "master", "nowhere to write", {"round", round});
	}
	ck_assert_int_eq(stat(ev.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(file_read(ev.path, 4096, &text, &size, &e), 0);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);

		ck_assert_ptr_nonnull(object);
		ck_assert_str_eq(json_string_value(json_object_get(object, "what")), "start");
		json_decref(object);
	}
	ck_assert_uint_eq(lines, 2);
}
END_TEST

/* As after a crash in the middle of a write, whatever its length. */
START_TEST(a_piece_of_a_line_goes)
{
	static const size_t lengths[] = {1, 40, 4095, 4096, 4097, 20000};
	static char piece[20000];
	struct events ev;
	struct stat st;
	struct err e;

	memset(piece, 'x', sizeof(piece));
	begin("piece");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		off_t size;

		ck_assert_int_eq(events_open(&cluster, &ev, &e), 0);
		events_note(&ev, "start", "master", "wanted", {"round", (int64_t)i});
		ck_assert_int_eq(fstat(ev.fd, &st), 0);
		size = st.st_size;
		ck_assert_int_eq(write(ev.fd, piece, lengths[i]), (ssize_t)lengths[i]);
		events_close(&ev);
		ck_assert_int_eq(events_open(&cluster, &ev, &e), 0);
		ck_assert_int_eq(fstat(ev.fd, &st), 0);
		ck_assert_int_eq(st.st_size, size);
		events_close(&ev);
	}
}
END_TEST

START_TEST(a_full_file_begins_anew)
{
	char old[PROFILE_PATH + 8];
	struct events ev;
	struct stat st;
	struct err e;

	begin("rotate");
	ck_assert_int_eq(events_open(&cluster, &ev, &e), 0);
	ck_assert_int_eq(ftruncate(ev.fd, EVENTS_MAX_BYTES - 1), 0);
	events_note(&ev, "last", "master", "of the old file", {"n", 1});
	events_note(&ev, "first", "master", "of the new file", {"n", 2});
	snprintf(old, sizeof(old), "%s.1", ev.path);
	ck_assert_int_eq(stat(old, &st), 0);
	ck_assert_int_gt(st.st_size, EVENTS_MAX_BYTES);
	ck_assert_int_eq(stat(ev.path, &st), 0);
	ck_assert_int_lt(st.st_size, 200);
	events_close(&ev);
}
END_TEST

/* An event is lost, the supervisor goes on. */
START_TEST(a_full_disk)
{
	struct events ev = {.fd = open("/dev/full", O_WRONLY | O_CLOEXEC)};

	if (ev.fd < 0)
		test_skip("no /dev/full");
	events_note(&ev, "lost", "master", "no space", {"n", 1});
	ck_assert_int_ge(ev.fd, 0);
	events_close(&ev);
}
END_TEST

/* Its state on a file system of these `options`. */
#define begin_on_small_disk(name, options)                         \
	do {                                                       \
		struct err no;                                     \
		begin(name);                                       \
		if (small_disk_mount(cluster.state, options, &no)) \
			test_skip("%s", no.msg);                   \
	} while (0)

/* Lines, and how many of them are none of JSON. */
static unsigned count_lines(const struct events *ev, unsigned *torn)
{
	cleanup_free char *text = NULL;
	unsigned lines = 0;
	size_t size;
	struct err e;

	*torn = 0;
	ck_assert_msg(file_read(ev->path, 1 << 20, &text, &size, &e) == 0, "%s", e.msg);
	ck_assert(!size || text[size - 1] == '\n');
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);

		*torn += !object;
		json_decref(object);
	}
	return lines;
}

static void add_many(struct events *ev, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		events_note(ev, "start", "master", "a reason that fills some of the disk",
			    {"n", i});
}

/* Events are lost while it is full, but none is torn, and afterwards they are written again. */
START_TEST(a_disk_that_fills_up)
{
	unsigned before, torn;
	struct events ev;
	struct err e;

	begin_on_small_disk("small", "size=16k");
	ck_assert_int_eq(events_open(&cluster, &ev, &e), 0);
	add_many(&ev, 1000);
	before = count_lines(&ev, &torn);
	ck_assert_uint_gt(before, 10);
	ck_assert_uint_lt(before, 1000);
	ck_assert_uint_eq(torn, 0);
	ck_assert_int_eq(truncate(ev.path, 0), 0);
	add_many(&ev, 3);
	ck_assert_uint_eq(count_lines(&ev, &torn), 3);
	ck_assert_uint_eq(torn, 0);
	events_close(&ev);
}
END_TEST

/* What can be neither written nor taken back is one line of its own. */
START_TEST(a_piece_that_cannot_be_taken_back)
{
	unsigned torn;
	struct events ev;
	struct err e;

	begin_on_small_disk("piece-stays", "size=16k");
	ck_assert_int_eq(events_open(&cluster, &ev, &e), 0);
	cannot_cut = true;
	add_many(&ev, 10);
	small_disk_fill(cluster.state, SMALL_DISK_SPACE);
	add_many(&ev, 100);
	ck_assert(ev.is_torn);
	small_disk_free(cluster.state);
	add_many(&ev, 3);
	ck_assert(!ev.is_torn);
	ck_assert_uint_gt(count_lines(&ev, &torn), 13);
	ck_assert_uint_eq(torn, 1);
	events_close(&ev);
}
END_TEST

/* No new file can be made: the old one goes on, within bounds. */
START_TEST(no_inode_for_a_new_file)
{
	struct events ev;
	struct stat st;
	struct err e;

	begin_on_small_disk("inodes", "size=1m,nr_inodes=16");
	ck_assert_int_eq(events_open(&cluster, &ev, &e), 0);
	small_disk_fill(cluster.state, SMALL_DISK_INODES);
	ck_assert_int_eq(ftruncate(ev.fd, EVENTS_MAX_BYTES), 0); /* a hole: it takes no space */
	add_many(&ev, 3);
	ck_assert_int_ge(ev.fd, 0);
	ck_assert_int_eq(stat(ev.path, &st), 0);
	ck_assert_int_gt(st.st_size, EVENTS_MAX_BYTES + 300);
	ck_assert_int_eq(ftruncate(ev.fd, 2 * EVENTS_MAX_BYTES), 0);
	add_many(&ev, 3);
	ck_assert_int_eq(stat(ev.path, &st), 0);
	ck_assert_int_lt(st.st_size, 1000);
	ck_assert_int_eq(ftruncate(ev.fd, EVENTS_MAX_BYTES), 0);
	small_disk_free(cluster.state);
	add_many(&ev, 3);
	ck_assert_int_eq(stat(ev.path, &st), 0);
	ck_assert_int_lt(st.st_size, 1000);
	events_close(&ev);
}
END_TEST

TEST_MAIN("events",
	  test_case("events", a_line_is_an_object, events_are_appended, a_piece_of_a_line_goes,
		    a_full_file_begins_anew, a_full_disk, a_disk_that_fills_up,
		    a_piece_that_cannot_be_taken_back, no_inode_for_a_new_file))
