/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/watch/master.h"

#include <arpa/inet.h>
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

static const char *const wanted[] = {"url",   "status",	      "aliveworkers", "workers",    "host",
				     "state", "webuiaddress", "id",	      "activeapps", NULL};

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

static const char *const nothing[] = {NULL};

const struct json_limits worker_limits = {
	.bytes = 64 << 10,
	.values = 64,
	.depth = JSON_MAX_DEPTH,
	.wanted = nothing,
};

/* The port of "http://HOST:PORT", where that is the host; else 0. */
static int port_at(const char *url, const char *host)
{
	static const char scheme[] = "http://";
	unsigned long port;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return 0;
	url += strlen(scheme);
	if (strncmp(url, host, strlen(host)) != 0 || url[strlen(host)] != ':')
		return 0;
	url += strlen(host) + 1;
	if (!*url || strlen(url) > 5 || url[strspn(url, "0123456789")])
		return 0;
	port = strtoul(url, NULL, 10);
	return port <= UINT16_MAX ? (int)port : 0;
}

int master_state_parse(const char *text, size_t size, struct master_state *out, struct err *e)
{
	json_auto_t *root = json_read_within(&master_limits, text, size, e);
	cleanup_free struct master_state *found = calloc(1, sizeof(*found));
	json_t *workers, *apps = NULL, *item;
	const char *url, *status, *host, *state, *id, *ui;
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

		ui = "";
		if (json_unpack(item, "{s:s, s:s, s?s}", "host", &host, "state", &state,
				"webuiaddress", &ui) ||
		    !copy_id(w->host, sizeof(w->host), host) ||
		    !copy_id(w->state, sizeof(w->state), state))
			return err_set(e, -EBADMSG,
				       "worker %zu of the Master's answer is incomplete", i);
		w->ui_port = port_at(ui, w->host);
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

/* ---- asking */

void master_question(const struct endpoints *m, char url[MASTER_QUESTION])
{
	snprintf(url, MASTER_QUESTION, "http://%s:%d/json/", m->address, m->ui_port);
}

void worker_question(uint32_t address, int ui_port, char url[MASTER_QUESTION])
{
	struct in_addr in = {htonl(address)};
	char text[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &in, text, sizeof(text));
	snprintf(url, MASTER_QUESTION, "http://%s:%d/json/", text, ui_port);
}

int master_answer_read(const struct endpoints *m, int status, const char *body, size_t size,
		       struct master_state *out, struct err *e)
{
	cleanup_free struct master_state *found = calloc(1, sizeof(*found));
	char url[PROFILE_WORD + 32];
	int r;

	if (!found)
		return err_set(e, -ENOMEM, "out of memory");
	if (status < 0) /* whatever it is, no other Master has answered */
		return err_errno(e, status == -EADDRINUSE ? -EIO : status,
				 "the Master's user interface");
	if (status != 200)
		return err_set(e, -EBADMSG, "the Master's user interface answers %d", status);
	r = master_state_parse(body, size, found, e);
	if (r)
		return r;
	snprintf(url, sizeof(url), "spark://%s:%d", m->address, m->port);
	if (strcmp(url, found->url) != 0)
		return err_set(e, -EADDRINUSE,
			       "%s answers at the master's port %d instead of %s: choose other "
			       "ports (spark.master.port, spark.master.ui_port)",
			       found->url, m->ui_port, url);
	*out = *found;
	return 0;
}
