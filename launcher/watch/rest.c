/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/watch/rest.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/spark/ui.h"
#include "launcher/system/peer.h"

enum { REST_FDS = 128, TOKEN_SECONDS = 30, LARGE_ANSWER = 256 << 10 };

_Static_assert(POLLIN == CURL_WAIT_POLLIN && POLLPRI == CURL_WAIT_POLLPRI &&
		       POLLOUT == CURL_WAIT_POLLOUT,
	       "events go to libcurl as they are");

/* One GET under way. */
struct request {
	struct request *next;
	struct rest *rest;
	CURL *easy;
	struct curl_slist *headers;
	rest_answer *answer; /* NULL: nobody waits for it any more, what comes is thrown away */
	void *context;	     /* NULL: it was dropped */
	uint64_t late_ns;    /* when whoever waits is told that it is late */
	FILE *stream;	     /* builds the body, which is there once it is closed */
	char *body;
	size_t size;
	struct json_bound bound; /* writes to the stream */
	size_t held;		 /* bytes of the body, as long as it may come whole */
	size_t head;		 /* bytes of it */
	size_t drained;		 /* bytes that were thrown away */
	int failed;		 /* found while receiving */
};

struct rest {
	CURLM *multi;
	struct request *requests;
	unsigned count;
	size_t held; /* bytes of their bodies */
	char key[UI_KEY];
	uid_t uid; /* whom it may be shown to */
};

int rest_open(struct rest **out, struct err *e)
{
	struct rest *rest = calloc(1, sizeof(*rest));

	if (!rest)
		return err_set(e, -ENOMEM, "out of memory");
	/* Counted by libcurl; undone in rest_close(). */
	if (curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK) {
		rest->multi = curl_multi_init();
		if (rest->multi) {
			*out = rest;
			return 0;
		}
		curl_global_cleanup();
	}
	free(rest);
	return err_set(e, -ENOMEM, "libcurl does not start");
}

/* What has come of its body is of no use, nor in the way of others. */
static void forget_body(struct request *q)
{
	q->rest->held -= q->held;
	q->held = 0;
	if (q->stream)
		fclose(take_pointer(q->stream));
	free(take_pointer(q->body));
	q->size = 0;
}

static void request_free(struct request *q)
{
	curl_easy_cleanup(q->easy);
	curl_slist_free_all(q->headers);
	forget_body(q);
	free(q);
}

/* Take `q` out of the list and out of libcurl's hands. */
static void request_unlink(struct rest *rest, struct request *q)
{
	for (struct request **at = &rest->requests; *at; at = &(*at)->next)
		if (*at == q) {
			*at = q->next;
			break;
		}
	rest->count--;
	rest->held -= q->held;
	q->held = 0;
	curl_multi_remove_handle(rest->multi, q->easy);
}

static void hang_up(struct rest *rest, struct request *q)
{
	request_unlink(rest, q);
	request_free(q);
}

void rest_close(struct rest *rest)
{
	if (!rest)
		return;
	while (rest->requests)
		hang_up(rest, rest->requests);
	curl_multi_cleanup(rest->multi);
	curl_global_cleanup();
	free(rest);
}

void rest_set_key(struct rest *rest, const char *key, uid_t uid)
{
	snprintf(rest->key, sizeof(rest->key), "%s", key);
	rest->uid = uid;
}

/*
 * The connection is there and nothing was sent. A kernel that cannot tell whose it is leaves it to
 * the token's early end.
 */
static int look_at_peer(void *context, char *server, char *client, int port, int client_port)
{
	struct request *q = context;
	struct err e;

	if (!q->headers ||
	    peer_check(server, port, client, client_port, q->rest->uid, &e) != -EPERM)
		return CURL_PREREQFUNC_OK;
	q->failed = -EPERM;
	return CURL_PREREQFUNC_ABORT;
}

/*
 * Keep what came. What is said with another status than 200 nobody reads: it counts as bytes alone.
 * What is too much, or too late, is thrown away to its end; less than `size` makes libcurl hang up.
 */
static size_t receive(char *data, size_t one, size_t size, void *context)
{
	struct request *q = context;
	struct json_bound *b = &q->bound;
	long status = 0;

	(void)one;
	if (!q->answer || q->failed) {
		q->drained += size;
		return q->drained <= REST_DRAINED_MAX ? size : 0;
	}
	curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200) {
		q->failed = json_bound_feed(b, data, size);
	} else if (size <= b->most.bytes - b->bytes) {
		b->bytes += size;
		return size;
	} else {
		q->failed = -EFBIG;
	}
	if (!q->failed && q->rest->held + size > REST_HELD_MAX)
		q->failed = -EFBIG;
	if (!q->failed && ferror(q->stream))
		q->failed = -ENOMEM;
	if (q->failed) { /* deliver() tells who waits; what has come is no longer in others' way */
		q->rest->held -= q->held;
		q->held = 0;
		return size;
	}
	q->held += size;
	q->rest->held += size;
	return size;
}

/* The lines of a head, which may be as many as the other side likes, are nothing to keep. */
static size_t receive_head(char *line, size_t one, size_t size, void *context)
{
	struct request *q = context;

	(void)line;
	(void)one;
	q->head += size;
	if (q->head <= REST_HEAD_MAX)
		return size;
	q->failed = -EFBIG;
	return 0;
}

/* Whether what was asked for `context` before is late, and may still come. */
static bool is_owed(const struct rest *rest, const void *context)
{
	for (const struct request *q = rest->requests; q; q = q->next)
		if (!q->answer && q->context && q->context == context)
			return true;
	return false;
}

/* The oldest, if there is one: others need its place. */
static void hang_up_on_unwanted(struct rest *rest)
{
	struct request *oldest = NULL;

	for (struct request *q = rest->requests; q; q = q->next)
		if (!q->answer)
			oldest = q;
	if (oldest)
		hang_up(rest, oldest);
}

int rest_get(struct rest *rest, const char *url, unsigned timeout_ms,
	     const struct json_limits *most, rest_answer *answer, void *context, struct err *e)
{
	struct request *q;
	CURL *c;

	if (is_owed(rest, context))
		return err_set(e, -EALREADY, "the answer before is late and still to come");
	if (rest->count == REST_REQUESTS)
		hang_up_on_unwanted(rest);
	if (rest->count == REST_REQUESTS)
		return err_set(e, -EBUSY, "%u questions wait for an answer (limit %d)", rest->count,
			       REST_REQUESTS);
	q = calloc(1, sizeof(*q));
	if (!q)
		return err_set(e, -ENOMEM, "out of memory");
	q->rest = rest;
	q->answer = answer;
	q->context = context;
	q->late_ns = clock_now_ns() + timeout_ms * CLOCK_MS;
	q->stream = open_memstream(&q->body, &q->size);
	q->bound = (struct json_bound){.most = *most, .kept = q->stream};
	q->easy = c = curl_easy_init();
	if (rest->key[0]) {
		char header[UI_HEADER];

		ui_header(rest->key, time(NULL) + TOKEN_SECONDS, header);
		q->headers = curl_slist_append(NULL, header);
	}
	if (!q->stream || !c || (rest->key[0] && !q->headers) ||
	    curl_easy_setopt(c, CURLOPT_HTTPHEADER, q->headers) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, look_at_peer) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_PREREQDATA, q) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http") != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
	    /* $http_proxy is for the world, not for loopback */
	    curl_easy_setopt(c, CURLOPT_PROXY, "") != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms + REST_DRAIN_MS) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_WRITEDATA, q) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, receive_head) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_HEADERDATA, q) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_PRIVATE, q) != CURLE_OK ||
	    curl_multi_add_handle(rest->multi, c) != CURLM_OK) {
		request_free(q);
		return err_set(e, -EINVAL, "cannot ask %s", url);
	}
	q->next = rest->requests;
	rest->requests = q;
	rest->count++;
	return 0;
}

void rest_drop(struct rest *rest, const void *context)
{
	for (struct request *q = rest->requests; q; q = q->next) {
		if (q->context != context)
			continue;
		q->answer = NULL;
		q->context = NULL;
		forget_body(q);
	}
}

/* HTTP's status, or what went wrong as negative errno. */
static int request_status(const struct request *q, CURLcode result)
{
	long status = 0, number = 0;

	if (q->failed)
		return q->failed;
	if (result == CURLE_OK && curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status) == 0)
		return (int)status;
	if (result == CURLE_OPERATION_TIMEDOUT)
		return -ETIMEDOUT;
	if (curl_easy_getinfo(q->easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number > 0)
		return (int)-number;
	return result == CURLE_COULDNT_CONNECT ? -ECONNREFUSED : -EPROTO;
}

/* The first that waits for what is too much, or late by now; NULL: none does. */
static struct request *find_failed(struct rest *rest, uint64_t now_ns)
{
	for (struct request *q = rest->requests; q; q = q->next)
		if (q->answer && (q->failed || now_ns >= q->late_ns))
			return q;
	return NULL;
}

/* Hand out what is complete, and say what will not be; return how many answers that was. */
static unsigned deliver(struct rest *rest)
{
	uint64_t now_ns = clock_now_ns();
	bool is_large = false;
	unsigned count = 0;
	struct request *q;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(rest->multi, &left))) {
		int status;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&q);
		status = request_status(q, message->data.result);
		/* First out of the list: the answer may ask again, or take long. */
		request_unlink(rest, q);
		if (q->answer) {
			fclose(take_pointer(q->stream));
			q->answer(q->context, status, q->body ? q->body : "", q->size);
			is_large |= q->size > LARGE_ANSWER;
			count++;
		}
		request_free(q);
	}
	/* After those: what came while we slept is not late. An answer may ask again, so look again. */
	while ((q = find_failed(rest, now_ns))) {
		rest_answer *answer = q->answer;

		is_large |= q->bound.bytes > LARGE_ANSWER;
		forget_body(q);
		q->answer = NULL;
		answer(q->context, q->failed ? q->failed : -ETIMEDOUT, "", 0);
		count++;
	}
	if (is_large) /* what it was read with is of no more use to us */
		malloc_trim(0);
	return count;
}

/* At most timeout_ms (negative: for ever), and no longer than until an answer is late. */
static int wait_ms(const struct rest *rest, int timeout_ms)
{
	uint64_t now_ns = clock_now_ns();

	if (timeout_ms < 0) /* curl_multi_poll() takes no "for ever" */
		timeout_ms = INT_MAX;
	for (const struct request *q = rest->requests; q; q = q->next) {
		uint64_t left_ns = q->late_ns > now_ns ? q->late_ns - now_ns : 0;

		if (q->answer && left_ns < (uint64_t)timeout_ms * CLOCK_MS)
			timeout_ms = (int)((left_ns + CLOCK_MS - 1) / CLOCK_MS);
	}
	return timeout_ms;
}

int rest_turn(struct rest *rest, struct pollfd *fds, unsigned count, int timeout_ms, struct err *e)
{
	struct curl_waitfd extra[REST_FDS];
	int ready, running;

	if (count > REST_FDS)
		return err_set(e, -E2BIG, "%u descriptors in one loop (limit %d)", count, REST_FDS);
	for (unsigned i = 0; i < count; i++)
		extra[i] = (struct curl_waitfd){fds[i].fd, fds[i].events, 0};
	if (curl_multi_perform(rest->multi, &running) != CURLM_OK)
		return err_set(e, -EIO, "libcurl's loop failed");
	if (deliver(rest)) /* nothing is left that would wake the poll */
		timeout_ms = 0;
	if (curl_multi_poll(rest->multi, extra, count, wait_ms(rest, timeout_ms), NULL) !=
		    CURLM_OK ||
	    curl_multi_perform(rest->multi, &running) != CURLM_OK)
		return err_set(e, -EIO, "libcurl's loop failed");
	deliver(rest);
	/* curl_multi_poll() does not pass on hang-ups and errors: ask again, without waiting. */
	ready = poll(fds, count, 0);
	if (ready < 0 && errno != EINTR)
		return err_errno(e, -errno, "cannot poll");
	return ready < 0 ? 0 : ready;
}
