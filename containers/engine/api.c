/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/engine/api.h"

#include <curl/curl.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "containers/engine/answer.h"
#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

struct engine {
	CURL *easy;
	char socket[PROFILE_PATH];
	char version[16]; /* ours; "": not agreed yet */
	int fd;		  /* of its connection, which is curl's */
};

const char *api_version(const struct engine *g)
{
	return g->version;
}

const char *api_socket(const struct engine *g)
{
	return g->socket;
}

/* ---- the socket */

static int refused(const char *socket, struct err *e)
{
	const struct passwd *me = getpwuid(geteuid());
	const struct group *of;
	struct stat file;
	char user[32];

	snprintf(user, sizeof(user), "%u", (unsigned)geteuid());
	if (stat(socket, &file))
		return err_set(e, -EACCES,
			       "user %s may not reach %s; set docker.socket to a rootless "
			       "engine's socket",
			       me ? me->pw_name : user, socket);
	of = getgrgid(file.st_gid);
	if (!of || !(file.st_mode & S_IWGRP) || file.st_gid == 0)
		return err_set(e, -EACCES,
			       "user %s may not use %s; set docker.socket to a rootless "
			       "engine's socket",
			       me ? me->pw_name : user, socket);
	return err_set(e, -EACCES,
		       "user %s may not use %s: it is of group %s; add %s to it, or set "
		       "docker.socket to a rootless engine's socket",
		       me ? me->pw_name : user, socket, of->gr_name, me ? me->pw_name : user);
}

/*
 * What an engine says is acted upon, and what it starts is ours: it has to be root's or the
 * caller's. Of a socket that a service manager listens on, that is who started it.
 */
static int check_owner(int fd, const char *socket_path, struct err *e)
{
	struct ucred owner;
	socklen_t size = sizeof(owner);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size))
		return err_errno(e, -errno, "cannot tell whose engine is at %s", socket_path);
	if (owner.uid == 0 || owner.uid == geteuid())
		return 0;
	return err_set(e, -EPERM,
		       "the engine at %s is user %u's, and this is user %u: run cleave as that "
		       "user, or set docker.socket to root's engine",
		       socket_path, (unsigned)owner.uid, (unsigned)geteuid());
}

int api_connect(const char *socket_path, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = -1;

	if (string_copy(address.sun_path, socket_path))
		return err_wrong(e, "docker.socket: %s is longer than %zu bytes", socket_path,
				 sizeof(address.sun_path) - 1);
	/* Whoever is stopped takes no connection once its queue is full. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(e, -errno, "cannot make a socket");
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return check_owner(fd, socket_path, e) ? e->code : take_fd(fd);
	if (errno == EACCES || errno == EPERM)
		return refused(socket_path, e);
	if (errno == EAGAIN)
		return err_set(e, -ETIMEDOUT, "the container engine at %s takes no connection",
			       socket_path);
	return err_set(e, -ECONNREFUSED, "no container engine at %s: %s", socket_path,
		       strerrordesc_np(errno));
}

/* ---- one exchange */

struct exchange {
	struct engine *engine;
	const struct api_request *request;
	FILE *stream;	     /* keeps the body */
	size_t size, head;   /* bytes that came */
	int failed;	     /* found while receiving */
	struct err stranger; /* why nothing was asked: failed is its code */
	bool has_head;	     /* all of it: to libcurl a connection that ends there is an answer */
};

static size_t receive(char *data, size_t one, size_t size, void *context)
{
	struct exchange *x = context;
	long status = 0;

	(void)one;
	curl_easy_getinfo(x->engine->easy, CURLINFO_RESPONSE_CODE, &status);
	if (x->request->feed && status < 300) {
		x->failed = x->request->feed(x->request->context, data, size);
		return x->failed ? 0 : size;
	}
	x->size += size;
	if (x->size > API_ANSWER_MAX)
		x->failed = -EFBIG;
	else if (fwrite(data, 1, size, x->stream) != size)
		x->failed = -ENOMEM;
	return x->failed ? 0 : size;
}

static size_t receive_head(char *line, size_t one, size_t size, void *context)
{
	struct exchange *x = context;

	(void)one;
	x->head += size;
	x->has_head = size == 2 && !memcmp(line, "\r\n", 2);
	if (x->head > API_HEAD_MAX)
		x->failed = -EFBIG;
	return x->failed ? 0 : size;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct exchange *x = context;

	(void)purpose;
	x->engine->fd =
		socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	return x->engine->fd < 0 ? CURL_SOCKET_BAD : x->engine->fd;
}

/* Once connected, before a word is said: the path may lead elsewhere than when it was opened. */
static int look_first(void *context, char *theirs, char *ours, int their_port, int our_port)
{
	struct exchange *x = context;

	(void)theirs;
	(void)ours;
	(void)their_port;
	(void)our_port;
	x->failed = check_owner(x->engine->fd, x->engine->socket, &x->stranger);
	return x->failed ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static bool prepare(struct exchange *x, const char *url, struct curl_slist *headers)
{
	const struct api_request *q = x->request;
	CURL *c = x->engine->easy;

	curl_easy_reset(c); /* connections stay */
	return curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, x->engine->socket) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, look_first) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PREREQDATA, x) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	       (!q->body || (curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body) == CURLE_OK &&
			     curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
					      (curl_off_t)strlen(q->body)) == CURLE_OK)) &&
	       (strcmp(q->method, "HEAD") || curl_easy_setopt(c, CURLOPT_NOBODY, 1L) == CURLE_OK) &&
	       curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, q->stall_s ? 1L : 0L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)q->stall_s) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEDATA, x) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, receive_head) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_HEADERDATA, x) == CURLE_OK;
}

/* What went wrong between us and the engine; else 0. */
static int outcome(const struct exchange *x, CURLcode code, struct err *e)
{
	const struct api_request *q = x->request;
	const char *socket_path = x->engine->socket;
	int fd;

	if (x->stranger.code) {
		*e = x->stranger;
		return e->code;
	}
	if (x->failed == -EFBIG)
		return err_set(e, -EFBIG, "the container engine at %s says too much to %s %.80s",
			       socket_path, q->method, q->path);
	if (x->failed)
		return err_errno(e, x->failed, "cannot pass on what the container engine says");
	if (code == CURLE_OK && x->has_head)
		return 0;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(e, -ETIMEDOUT,
			       "the container engine at %s did not answer to %s %.80s within %g s",
			       socket_path, q->method, q->path,
			       q->timeout_ms ? q->timeout_ms / 1e3 : q->stall_s);
	if (code == CURLE_COULDNT_CONNECT) {
		fd = api_connect(socket_path, e);
		if (fd < 0)
			return fd;
		close(fd);
	}
	if (code == CURLE_OK || code == CURLE_COULDNT_CONNECT || code == CURLE_GOT_NOTHING ||
	    code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE)
		return err_set(e, -ECONNREFUSED,
			       "the container engine at %s closed the connection during %s %.80s",
			       socket_path, q->method, q->path);
	if (code == CURLE_OUT_OF_MEMORY)
		return err_set(e, -ENOMEM, "out of memory");
	return err_set(e, -EBADMSG, "what answers at %s to %s %.80s is no HTTP: %s", socket_path,
		       q->method, q->path, curl_easy_strerror(code));
}

static int perform(struct exchange *x, struct api_answer *out, struct err *e)
{
	CURL *c = x->engine->easy;
	struct curl_header *header;
	long status = 0;
	int r = outcome(x, curl_easy_perform(c), e);

	if (r)
		return r;
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	out->status = (int)status;
	if (x->request->header &&
	    curl_easy_header(c, x->request->header, 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
		out->header = strdup(header->value);
		if (!out->header)
			return err_set(e, -ENOMEM, "out of memory");
	}
	return 0;
}

void api_answer_release(struct api_answer *a)
{
	free(a->body);
	free(a->header);
	*a = (struct api_answer){0};
}

int api_ask(struct engine *g, const struct api_request *q, struct api_answer *out, struct err *e)
{
	cleanup_answer struct api_answer answer = {0};
	struct exchange x = {.engine = g, .request = q};
	struct curl_slist *headers;
	char url[API_PATH + 64];
	int r;

	snprintf(url, sizeof(url), "http://localhost%s%s%s", g->version[0] ? "/v" : "", g->version,
		 q->path);
	/* libcurl's own form of a body, and its wait for a "100 Continue" */
	headers = curl_slist_append(NULL, "Expect:");
	if (headers && q->body && !curl_slist_append(headers, "Content-Type: application/json")) {
		curl_slist_free_all(headers);
		headers = NULL;
	}
	x.stream = open_memstream(&answer.body, &answer.size);
	if (headers && x.stream && prepare(&x, url, headers))
		r = perform(&x, &answer, e);
	else
		r = err_set(e, -ENOMEM, "out of memory");
	curl_slist_free_all(headers);
	if (x.stream && fclose(x.stream) && !r)
		r = err_set(e, -ENOMEM, "out of memory");
	if (r)
		return r;
	*out = answer;
	answer = (struct api_answer){0};
	return 0;
}

int api_status_code(int status)
{
	switch (status) {
	case 404:
		return -ENOENT;
	case 409:
		return -EBUSY;
	case 400:
		return -EINVAL;
	case 401:
	case 403:
		return -EPERM;
	default:
		return -EIO;
	}
}

int api_call(struct engine *g, const struct api_request *q, struct api_answer *out, struct err *e,
	     const char *object, ...)
{
	cleanup_answer struct api_answer answer = {0};
	char about[ERR_TEXT / 2], words[ERR_TEXT / 2];
	va_list args;
	int r = api_ask(g, q, &answer, e);

	va_start(args, object);
	vsnprintf(about, sizeof(about), object, args);
	va_end(args);
	if (r)
		return err_wrap(e, "%s", about);
	if (answer.status < 200 || (answer.status >= 300 && answer.status != 304)) {
		answer_message(answer.body, answer.size, words, sizeof(words));
		r = api_status_code(answer.status);
		if (strstr(words, "container state improper")) /* Podman's 409 is a 500 */
			r = -EBUSY;
		return words[0] ? err_set(e, r, "%s: %s", about, words)
				: err_set(e, r, "%s: the container engine answers %d to %s %.80s",
					  about, answer.status, q->method, q->path);
	}
	*out = answer;
	answer = (struct api_answer){0};
	return 0;
}

/* ---- paths */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-._~/:@", c);
}

int api_path(char path[API_PATH], struct err *e, const char *format, ...)
{
	size_t used = 0;
	va_list args;

	va_start(args, format);
	for (const char *at = format; *at && used < API_PATH - 16; at++) {
		if (at[0] == '%' && at[1] == 'u') {
			used += (size_t)snprintf(path + used, 16, "%u", va_arg(args, unsigned));
			at++;
		} else if (at[0] == '%') { /* s */
			const char *text = va_arg(args, const char *);

			for (; *text && used < API_PATH - 16; text++)
				used += (size_t)snprintf(path + used, 4,
							 is_plain(*text) ? "%c" : "%%%02X",
							 (unsigned char)*text);
			at++;
		} else {
			path[used++] = *at;
		}
	}
	va_end(args);
	path[used] = '\0';
	return used < API_PATH - 16 ? 0
				    : err_set(e, -ENAMETOOLONG,
					      "a container engine is not asked for %.80s…", path);
}

int api_shown(const char *id)
{
	return strspn(id, "0123456789abcdef") == CONTAINER_ID - 1 ? 12 : CONTAINER_NAME;
}

/* ---- engines */

int engine_find_socket(const char *wish, enum backend backend, char socket_path[PROFILE_PATH],
		       struct err *e)
{
	const bool may_be_docker = backend != BACKEND_PODMAN;
	const char *host = may_be_docker ? getenv("DOCKER_HOST") : NULL;
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char paths[4][PROFILE_PATH] = {"/run/docker.sock", "", "/run/podman/podman.sock", ""};
	char looked[ERR_TEXT / 2] = "";
	const char *given = wish[0] ? wish : host;
	struct stat file;

	if (given && !strncmp(given, "unix://", 7))
		given += 7;
	else if (!wish[0])
		given = NULL; /* tcp:// is another machine's engine */
	if (given)
		return string_copy_n(socket_path, PROFILE_PATH, given)
			       ? err_wrong(e, "docker.socket: %.80s… is too long", given)
			       : 0;
	if (runtime && runtime[0] == '/') {
		snprintf(paths[1], PROFILE_PATH, "%s/docker.sock", runtime);
		snprintf(paths[3], PROFILE_PATH, "%s/podman/podman.sock", runtime);
	}
	for (unsigned i = may_be_docker ? 0 : 2; i < 4; i++) {
		const size_t used = strlen(looked);

		if (!paths[i][0])
			continue;
		if (!stat(paths[i], &file) && S_ISSOCK(file.st_mode))
			return string_copy_n(socket_path, PROFILE_PATH, paths[i]);
		snprintf(looked + used, sizeof(looked) - used, "%s%.80s", used ? ", " : "",
			 paths[i]);
	}
	return err_set(e, -ENOENT,
		       "no container engine: there is no socket %s; start Docker or Podman, or set "
		       "docker.socket",
		       looked);
}

/* Whether version a, "1.41", is below b. -EBADMSG: a is none. */
static int is_below(const char *a, const char *b)
{
	unsigned a_major, a_minor, b_major = 0, b_minor = 0;
	char rest;

	if (sscanf(a, "%3u.%3u%c", &a_major, &a_minor, &rest) != 2)
		return -EBADMSG;
	sscanf(b, "%3u.%3u", &b_major, &b_minor);
	return a_major < b_major || (a_major == b_major && a_minor < b_minor);
}

static int agree(struct engine *g, struct err *e)
{
	const struct api_request q = {
		.method = "GET", .path = "/version", .timeout_ms = API_SOON_MS};
	cleanup_answer struct api_answer answer = {0};
	struct engine_about about;
	char least[16];
	int r;

	r = api_call(g, &q, &answer, e, "cannot talk with the container engine at %s", g->socket);
	if (r)
		return r;
	r = version_parse(answer.body, answer.size, &about, least, e);
	if (r)
		return err_wrap(e, "what answers at %s is no container engine", g->socket);
	if (is_below(about.api, API_VERSION) || (least[0] && is_below(least, "9.99") < 0))
		return err_set(e, -EPROTONOSUPPORT,
			       "the container engine at %s, %s %s, speaks version %s of the "
			       "Engine API; " API_VERSION " is the least (Docker 20.10, Podman 4)",
			       g->socket, about.name, about.version, about.api);
	/* Later engines give old versions up: what we ask for is the same in theirs. */
	snprintf(g->version, sizeof(g->version), "%s",
		 is_below(API_VERSION, least) ? least : API_VERSION);
	return 0;
}

int engine_open(const char *socket_path, struct engine **out, struct err *e)
{
	struct engine *g;
	int fd, r;

	/* Before libcurl, which knows of fewer reasons. */
	fd = api_connect(socket_path, e);
	if (fd < 0)
		return fd;
	close(fd);
	g = calloc(1, sizeof(*g));
	if (!g)
		return err_set(e, -ENOMEM, "out of memory");
	snprintf(g->socket, sizeof(g->socket), "%s", socket_path);
	/* Counted by libcurl; undone in engine_close(). */
	if (curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK)
		g->easy = curl_easy_init();
	r = g->easy ? agree(g, e) : err_set(e, -ENOMEM, "libcurl does not start");
	if (r) {
		engine_close(g);
		return r;
	}
	*out = g;
	return 0;
}

void engine_close(struct engine *g)
{
	if (!g)
		return;
	curl_easy_cleanup(g->easy);
	curl_global_cleanup();
	free(g);
}

int engine_about(struct engine *g, struct engine_about *out, struct err *e)
{
	struct api_request q = {.method = "GET", .path = "/version", .timeout_ms = API_SOON_MS};
	cleanup_answer struct api_answer version = {0}, info = {0};
	struct engine_about about = {0};
	char least[16];
	int r;

	r = api_call(g, &q, &version, e, "the container engine at %s", g->socket);
	if (!r)
		r = version_parse(version.body, version.size, &about, least, e);
	q.path = "/info";
	if (!r)
		r = api_call(g, &q, &info, e, "the container engine at %s", g->socket);
	if (!r)
		r = info_parse(info.body, info.size, &about, e);
	if (r)
		return r;
	snprintf(about.api, sizeof(about.api), "%s", g->version);
	*out = about;
	return 0;
}
