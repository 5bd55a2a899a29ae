#include "launcher/spark/executors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>

#include "decision/base/cleanup.h"
#include "decision/base/strings.h"
#include "launcher/system/json.h"

/* "127.0.0.10:38201" */
static uint32_t parse_host(const char *host_port)
{
	char host[64];
	char *colon;
	struct in_addr address;

	if (string_copy(host, host_port))
		return 0;
	colon = strrchr(host, ':');
	if (colon)
		*colon = '\0';
	return inet_pton(AF_INET, host, &address) == 1 ? ntohl(address.s_addr) : 0;
}

bool executor_number_parse(const char *id, uint32_t *number)
{
	uint32_t value = 0;

	/* Nine digits always fit. */
	if (!id[0] || strlen(id) > 9 || id[strspn(id, "0123456789")])
		return false;
	for (; *id; id++)
		value = 10 * value + (uint32_t)(*id - '0');
	*number = value;
	return true;
}

static int parse_one(json_t *o, struct executors *out, struct err *e)
{
	struct executor *executor = &out->items[out->count];
	char id[64], host[256];
	int r = json_read_text(o, "id", id, sizeof(id), e);

	if (!r)
		r = json_read_text(o, "hostPort", host, sizeof(host), e);
	if (!r)
		r = json_read_unsigned(o, "activeTasks", INT_MAX, &executor->active_tasks, e);
	if (r || strcmp(id, "driver") == 0 || json_is_false(json_object_get(o, "isActive")))
		return r;
	if (!executor_number_parse(id, &executor->number))
		return err_wrong(e, "id: a number is expected");
	executor->address = parse_host(host);
	out->count++;
	return 0;
}

int executors_parse(const char *text, size_t size, struct executors *out, struct err *e)
{
	json_auto_t *root = json_read(text, size, e);
	cleanup_free struct executors *found = calloc(1, sizeof(*found));
	int r = 0;

	if (!root)
		return e->code;
	if (!found)
		return err_set(e, -ENOMEM, "out of memory");
	if (!json_is_array(root) || json_array_size(root) > EXECUTORS_MAX)
		return err_wrong(e, "executors: a list of at most %d is expected", EXECUTORS_MAX);
	for (size_t i = 0; !r && i < json_array_size(root); i++)
		r = parse_one(json_array_get(root, i), found, e);
	if (!r)
		*out = *found;
	return r;
}
