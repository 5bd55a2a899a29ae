#include "launcher/spark/application.h"

#include <errno.h>

#include "decision/base/cleanup.h"

_Static_assert(SLICES_MAX <= 64, "a slice is a bit of struct application");

/* Neither sum overflows: executors and stages are few, and each counts at most INT_MAX tasks. */
_Static_assert(EXECUTORS_MAX <= 1 << 20 && REST_STAGES <= 1 << 20, "at most 2^20 times 2^31 tasks");

static void note_executor(struct application *a, const struct slice_addresses *slices,
			  const struct executor *x)
{
	a->running_everywhere += x->active_tasks;
	a->numbers[a->number_count++] = x->number;
	for (unsigned i = 0; x->address && i < slices->count; i++) {
		if (slices->items[i] != x->address)
			continue;
		a->slices |= UINT64_C(1) << i;
		a->executors[i]++;
		a->running[i] += x->active_tasks;
	}
}

int application_read_executors(struct application *a, const struct slice_addresses *slices,
			       const char *text, size_t size, uint64_t asked_ns, struct err *e)
{
	cleanup_free struct executors *found = calloc(1, sizeof(*found));

	if (!found)
		return err_set(e, -ENOMEM, "out of memory");
	if (executors_parse(text, size, found, e))
		return e->code;
	a->executors_at_ns = asked_ns;
	a->slices = a->running_everywhere = 0;
	a->number_count = 0;
	memset(a->executors, 0, sizeof(a->executors));
	memset(a->running, 0, sizeof(a->running));
	for (unsigned i = 0; i < found->count; i++)
		note_executor(a, slices, &found->items[i]);
	return 0;
}

/* For which slices an earlier answer had this stage counted. */
static uint64_t already_counted(const struct application *a, const struct stage *stage)
{
	for (unsigned i = 0; i < a->stage_count; i++)
		if (a->stages[i].id == stage->id && a->stages[i].attempt == stage->attempt)
			return a->stages[i].counted;
	return 0;
}

/* Counters that do not fit together (a copy of a task runs, an event is missing) leave none. */
static uint64_t stage_waiting(const struct stage *stage)
{
	uint64_t begun = (uint64_t)stage->completed + stage->active;

	return stage->tasks > begun ? stage->tasks - begun : 0;
}

int application_read_stages(struct application *a, const char *text, size_t size, uint64_t asked_ns,
			    struct err *e)
{
	cleanup_free struct stages *found = calloc(1, sizeof(*found));
	struct application_stage stages[REST_STAGES];

	if (!found)
		return err_set(e, -ENOMEM, "out of memory");
	if (stages_parse(text, size, found, e))
		return e->code;
	a->stages_at_ns = asked_ns;
	a->waiting = a->active = 0;
	for (unsigned i = 0; i < found->count; i++) {
		const struct stage *stage = &found->stages[i];

		stages[i] = (struct application_stage){stage->id, stage->attempt,
						       already_counted(a, stage)};
		a->waiting += stage_waiting(stage);
		a->active += stage->active;
	}
	a->stage_count = found->count;
	memcpy(a->stages, stages, found->count * sizeof(stages[0]));
	a->has_more_stages = found->left_out > 0;
	return 0;
}

int application_read_environment(struct application *a, const char *text, size_t size,
				 struct err *e)
{
	char value[32];
	int r = application_property_parse(text, size, "spark.task.cpus", value, sizeof(value), e);
	uint32_t cpus = 0;

	if (r && r != -ENOENT)
		return r;
	/* Spark's default is 1; it would have refused to start with anything that is no number. */
	a->task_cpus = !r && executor_number_parse(value, &cpus) && cpus ? cpus : 1;
	return 0;
}

void application_count_stages(struct application *a, uint64_t begun[SLICES_MAX])
{
	for (unsigned i = 0; i < a->stage_count; i++) {
		uint64_t fresh = a->slices & ~a->stages[i].counted;

		a->stages[i].counted |= fresh;
		for (unsigned slice = 0; fresh; slice++, fresh >>= 1)
			begun[slice] += fresh & 1;
	}
}

uint64_t application_pending(const struct application *a)
{
	uint64_t pending = a->waiting;

	if (a->executors_at_ns < a->stages_at_ns && a->active > a->running_everywhere)
		pending += a->active - a->running_everywhere;
	return pending || !a->has_more_stages ? pending : 1;
}

bool application_has_executor(const struct application *a, const char *id)
{
	uint32_t number;

	if (!executor_number_parse(id, &number))
		return false;
	for (unsigned i = 0; i < a->number_count; i++)
		if (a->numbers[i] == number)
			return true;
	return false;
}
