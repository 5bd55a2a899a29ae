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

struct json_limits master_limits(unsigned slices)
{
	/*
	 * JsonProtocol.scala: each of the other slices' resources is listed for a Worker, as
	 * offered, used and free, and again for all that are alive: five times, with up to
	 * SLICE_EXECUTORS addresses four times.
	 */
	enum {
		APPS = MASTER_APPS + 200, /* spark.deploy.retainedApplications */
		ITEM_VALUES = 64,
		ITEM_BYTES = 1024,
		RESOURCE_VALUES = 5 * 10 + 4 * SLICE_EXECUTORS,
		RESOURCE_BYTES = 5 * 96 + 4 * 6 * SLICE_EXECUTORS,
		/* 64 slices with 32 addresses each, of which half were started anew, have these. */
		VALUES_MAX = 1 << 20,
		BYTES_MAX = 8 << 20,
	};
	const size_t workers = 2 * slices + 2, others = slices ? slices - 1 : 0;
	const size_t values = workers * (ITEM_VALUES + others * RESOURCE_VALUES) +
			      APPS * (ITEM_VALUES + others * 14);
	const size_t bytes = workers * (ITEM_BYTES + others * RESOURCE_BYTES) +
			     APPS * (ITEM_BYTES + others * 128);

	return (struct json_limits){
		.bytes = bytes < BYTES_MAX ? bytes : BYTES_MAX,
		.values = values < VALUES_MAX ? values : VALUES_MAX,
		.depth = JSON_MAX_DEPTH,
	};
}

int master_state_parse(const char *text, size_t size, struct master_state *out, struct err *e)
{
	const struct json_limits most = master_limits(SLICES_MAX);
	json_auto_t *root = json_read_within(&most, text, size, e);
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
