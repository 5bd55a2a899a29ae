/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/master.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>

#include "decision/base/cleanup.h"
#include "launcher/system/json.h"

/*
 * Copy an identifier that goes into URLs or comparisons: whole, of harmless characters, or not at
 * all. Addresses of version 6 have brackets and colons.
 */
static bool copy_id(char *to, size_t size, const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.:/[]";

	return text[0] && !text[strspn(text, allowed)] && string_copy_n(to, size, text) == 0;
}

static const char *const wanted[] = {"url",   "status", "aliveworkers", "workers", "host",
				     "state", "id",	"activeapps",	NULL};

/*
 * For 64 slices most of it are custom resources (room.h), listed five times for each Worker, with up
 * to 32 addresses (JsonProtocol.scala): 4.5 MB, if half of the Workers began anew, and none of it is
 * kept. A Worker has 20 members, an application 16.
 */
const struct json_limits master_limits = {
	.bytes = 8 << 20,
	.values = MASTER_WORKERS * 48 + 1024 * 40,
	.depth = JSON_MAX_DEPTH,
	.wanted = wanted,
};

int master_state_parse(const char *text, size_t size, struct master_state *out, struct err *e)
{
	json_auto_t *root = json_read_within(&master_limits, text, size, e);
	cleanup_free struct master_state *found = calloc(1, sizeof(*found));
	json_t *workers, *apps = NULL, *item;
	const char *url, *status, *host, *state, *id;
	json_int_t alive;
	size_t i;

	if (!root)
		return err_set(e, -EBADMSG, "the Master's answer is no JSON");
	if (!found)
		return err_set(e, -ENOMEM, "out of memory");
	if (json_unpack(root, "{s:s, s:s, s:I, s:o, s?o}", "url", &url, "status", &status,
			"aliveworkers", &alive, "workers", &workers, "activeapps", &apps) ||
	    !copy_id(found->url, sizeof(found->url), url) ||
	    !copy_id(found->status, sizeof(found->status), status) || alive < 0 ||
	    alive > INT_MAX || !json_is_array(workers))
		return err_set(e, -EBADMSG,
			       "the Master's answer has no url, status, aliveworkers and workers");
	if (json_array_size(workers) > MASTER_WORKERS)
		return err_set(e, -E2BIG, "the Master lists %zu workers (limit %d)",
			       json_array_size(workers), MASTER_WORKERS);
	found->alive_workers = (unsigned)alive;
	json_array_foreach(workers, i, item)
	{
		struct master_worker *w = &found->workers[found->worker_count++];

		if (json_unpack(item, "{s:s, s:s}", "host", &host, "state", &state) ||
		    !copy_id(w->host, sizeof(w->host), host) ||
		    !copy_id(w->state, sizeof(w->state), state))
			return err_set(e, -EBADMSG,
				       "worker %zu of the Master's answer is incomplete", i);
	}
	json_array_foreach(apps, i, item)
	{
		if (found->app_count < MASTER_APPS && json_unpack(item, "{s:s}", "id", &id) == 0 &&
		    copy_id(found->apps[found->app_count], sizeof(found->apps[0]), id))
			found->app_count++;
		else
			found->apps_left_out++;
	}
	*out = *found;
	return 0;
}
