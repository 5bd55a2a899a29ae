/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/launcher/two_slices.h"

#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "decision/reconcile/actual.h"
#include "launcher/protocol/control_line.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/fake_orders.h"

static struct driver *driver;

void two_begin(void)
{
	own_begin();
	own.profile.partition.slices = 2;
	own.profile.partition.cores = 1;
	own.profile.spark.slots_per_cpu = 2;
	own_write_profile();
	driver = NULL;
}

bool two_is_usable(char why[ERR_TEXT])
{
	snprintf(why, ERR_TEXT, "two slices need two CPUs");
	return sysconf(_SC_NPROCESSORS_ONLN) >= 2 && own_is_usable(why);
}

void two_reopen(void)
{
	struct driver_request request = {.cluster = own.name, .location = own.state.location};
	struct err e;

	if (driver)
		driver->ops->close(driver);
	ck_assert_msg(driver_open(&request, &driver, &e) == 0, "%s", e.msg);
}

void two_up(void)
{
	own_must_come_up(REPLY_STARTED);
	ck_assert_uint_eq(own.state.plan.slice_count, 2);
	two_reopen();
	ck_assert(two_is_home());
}

void two_end(void)
{
	if (driver)
		driver->ops->close(driver);
	driver = NULL;
	own_end();
}

/* ---- orders */

void two_burn(unsigned slice, unsigned threads)
{
	fake_burn(own.orders, own.state.plan.slices[slice].address, threads);
}

void two_lag(unsigned slice)
{
	two_burn(slice, cpuset_count(&own.state.plan.slices[slice].cpus) + 1);
}

void two_rest(unsigned slice)
{
	two_burn(slice, 0);
}

void two_tell(unsigned of_0, unsigned of_1, unsigned stage)
{
	const uint32_t addresses[] = {own.state.plan.slices[0].address,
				      own.state.plan.slices[1].address};
	const unsigned running[] = {of_0, of_1};
	struct fake_application app = {.id = "app-1",
				       .addresses = addresses,
				       .count = 2,
				       .running = running,
				       .stage = stage};

	fake_tell(own.orders, &app);
}

/* ---- the kernel */

struct driver *two_driver(void)
{
	return driver;
}

struct observed_group two_look(unsigned slice)
{
	cleanup_free struct observation *seen = calloc(1, sizeof(*seen));
	const struct observed_group *found;
	struct err e;

	ck_assert_ptr_nonnull(seen);
	ck_assert_msg(driver->ops->observe(driver, seen, &e) == 0, "%s", e.msg);
	found = observed_find(seen, own.state.plan.slices[slice].name);
	ck_assert_ptr_nonnull(found);
	return *found;
}

static bool has_own_cpus(const struct observed_group *g, unsigned slice)
{
	return cpuset_is_equal(&g->cpus, &own.state.plan.slices[slice].cpus);
}

static bool is_lent(unsigned from, unsigned to)
{
	struct observed_group donor = two_look(from), borrower = two_look(to);
	struct cpuset both =
		cpuset_or(&own.state.plan.slices[0].cpus, &own.state.plan.slices[1].cpus);

	return cpuset_is_equal(&borrower.cpus, &both) && borrower.weight == WEIGHT_DEFAULT &&
	       has_own_cpus(&donor, from) && donor.weight == WEIGHT_MAX;
}

bool two_is_lent(void)
{
	return is_lent(1, 0);
}

bool two_is_lent_back(void)
{
	return is_lent(0, 1);
}

bool two_is_home(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct observed_group g = two_look(i);

		if (!has_own_cpus(&g, i) || g.weight != WEIGHT_DEFAULT)
			return false;
	}
	return true;
}

/* ---- events */

static unsigned count_decisions(const struct rebalance_event *ev, const char *what,
				enum rebalance_reason reason)
{
	unsigned count = 0;

	for (unsigned i = 0; strcmp(ev->what, what) == 0 && i < ev->decisions.count; i++)
		count += ev->decisions.items[i].reason == reason;
	return count;
}

unsigned two_decisions(const char *what, enum rebalance_reason reason)
{
	cleanup_free struct rebalance_event *ev = malloc(sizeof(*ev));
	cleanup_fclose FILE *f = NULL;
	cleanup_free char *line = NULL;
	char path[PROFILE_PATH];
	size_t room = 0;
	unsigned count = 0;
	ssize_t size;
	struct err e;

	ck_assert_int_eq(cluster_file(&own.cluster, "events.jsonl", path, &e), 0);
	f = fopen(path, "re");
	ck_assert(ev && f);
	while ((size = getline(&line, &room, f)) > 0 && line[size - 1] == '\n') {
		int r = rebalance_event_parse(line, (size_t)size, ev, &e);

		ck_assert_msg(r >= 0, "%s: %s", e.msg, line);
		count += r ? count_decisions(ev, what, reason) : 0;
	}
	return count;
}

/* ---- rebalance */

static void read_refusal(const char *line, struct err *e)
{
	json_auto_t *root = json_loads(line, 0, NULL);
	const char *sentence = json_string_value(json_object_get(root, "error"));

	ck_assert_msg(sentence, "%s: %s", e->msg, line);
	err_set(e, -EPROTO, "%s", sentence);
	e->exit = (enum err_exit)json_integer_value(json_object_get(root, "exit"));
}

struct rebalance_answer *two_ask(const struct rebalance_request *r, struct err *e)
{
	cleanup_free struct rebalance_answer *answer = malloc(sizeof(*answer));
	const struct control_request all = {.command = CONTROL_REBALANCE, .rebalance = *r};
	cleanup_free char *request = NULL, *line = NULL;

	ck_assert_ptr_nonnull(answer);
	ck_assert_int_eq(control_request_format(&all, &request, e), 0);
	ck_assert_int_eq(own_ask(request, &line), 0);
	if (json_table_parse(&rebalance_answer_table, line, strlen(line), answer, e) == 0)
		return take_pointer(answer);
	read_refusal(line, e);
	return NULL;
}

struct rebalance_answer *two_must(const struct rebalance_request *r)
{
	struct err e;
	struct rebalance_answer *answer = two_ask(r, &e);

	ck_assert_msg(answer, "%s", e.msg);
	return answer;
}

void two_set_mode(enum rebalance_mode mode)
{
	struct rebalance_request r = {.what = REBALANCE_SET_MODE, .mode = mode};
	cleanup_free struct rebalance_answer *answer = two_must(&r);

	ck_assert_int_eq(answer->mode, mode);
}
