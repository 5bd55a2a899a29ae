/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/ui.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/room.h"
#include "launcher/system/files.h"

#define JWS_FILTER "org.apache.spark.ui.JWSFilter"

enum { KEY_BYTES = 32 };

static const char key_file[] = "ui.key", header_file[] = "ui.header";

/* Without padding (RFC 7515, section 2). Return its length. */
static size_t encode(const void *bytes, size_t size, char *to)
{
	struct base64_encode_ctx context;
	size_t length;

	base64url_encode_init(&context);
	length = base64_encode_update(&context, to, size, bytes);
	length += base64_encode_final(&context, to + length);
	while (length && to[length - 1] == '=')
		length--;
	to[length] = '\0';
	return length;
}

static bool decode_key(const char *key, uint8_t bytes[KEY_BYTES])
{
	uint8_t decoded[BASE64_DECODE_LENGTH(UI_KEY)];
	struct base64_decode_ctx context;
	size_t length;

	base64url_decode_init(&context);
	if (strlen(key) != UI_KEY - 1 ||
	    !base64_decode_update(&context, &length, decoded, UI_KEY - 1, key) ||
	    length != KEY_BYTES)
		return false;
	memcpy(bytes, decoded, KEY_BYTES);
	return true;
}

void ui_header(const char key[UI_KEY], int64_t expires_s, char header[UI_HEADER])
{
	static const char begin[] = "Authorization: Bearer ", algorithm[] = "{\"alg\":\"HS256\"}";
	uint8_t bytes[KEY_BYTES] = {0}, digest[SHA256_DIGEST_SIZE];
	char claims[64], *token = header + sizeof(begin) - 1, *end;
	struct hmac_sha256_ctx context;

	decode_key(key, bytes);
	if (expires_s)
		snprintf(claims, sizeof(claims), "{\"sub\":\"cleave\",\"exp\":%" PRId64 "}",
			 expires_s);
	else
		snprintf(claims, sizeof(claims), "{\"sub\":\"cleave\"}");
	memcpy(header, begin, sizeof(begin));
	end = token + encode(algorithm, sizeof(algorithm) - 1, token);
	*end++ = '.';
	end += encode(claims, strlen(claims), end);
	hmac_sha256_set_key(&context, sizeof(bytes), bytes);
	hmac_sha256_update(&context, (size_t)(end - token), (const uint8_t *)token);
	hmac_sha256_digest(&context, sizeof(digest), digest);
	*end++ = '.';
	encode(digest, sizeof(digest), end);
}

/* ---- whether it can be */

static bool has_jar(const struct spark *s, const char *pattern)
{
	char jars[PROFILE_PATH + 8];
	struct dirent *entry;
	bool found = false;
	DIR *list;

	snprintf(jars, sizeof(jars), "%s/jars", s->home);
	list = opendir(jars);
	while (list && !found && (entry = readdir(list)))
		found = fnmatch(pattern, entry->d_name, 0) == 0;
	if (list)
		closedir(list);
	return found;
}

int ui_check(const struct spark_cluster *c, struct err *e)
{
	static const char *const own[] = {"spark.ui.filters",
					  "spark." JWS_FILTER ".param.secretKey",
					  "spark.ui.enabled", NULL};
	const enum ui_access access = c->profile->security.ui;
	const char *word = ui_access_words[access];

	if (access == UI_OPEN)
		return 0;
	if (strtol(c->spark->version, NULL, 10) < 4)
		return err_impossible(
			e,
			"security.ui: %s needs Spark 4.0 or later, whose pages can ask "
			"for a token, and %s is %s: write open, and to have no pages of "
			"applications spark.conf: {spark.ui.enabled: \"false\"}",
			word, c->spark->home, c->spark->version);
	if (!has_jar(c->spark, "jjwt-impl-*.jar"))
		return err_impossible(
			e,
			"security.ui: %s needs a Spark with the jars of jjwt, and there "
			"is no jjwt-impl-*.jar in %s/jars: add it, or write open",
			word, c->spark->home);
	for (const char *const *key = own; *key; key++)
		if (strings_value(&c->profile->spark.conf, *key))
			return err_wrong(e,
					 "spark.conf: %s is set by security.ui: %s; remove it, or "
					 "write open",
					 *key, word);
	return 0;
}

/* ---- files */

int ui_read_key(const struct spark_cluster *c, char key[UI_KEY], struct err *e)
{
	char path[PROFILE_PATH];
	cleanup_free char *text = NULL;
	uint8_t bytes[KEY_BYTES];
	size_t size;

	key[0] = '\0';
	if (c->profile->security.ui == UI_OPEN)
		return 0;
	if (cluster_file(c->cluster, key_file, path, e) ||
	    file_read(path, UI_KEY - 1, &text, &size, e))
		return e->code;
	if (!decode_key(text, bytes))
		return err_set(e, -EBADMSG, "%s is no key of ours: remove it, and run up", path);
	memcpy(key, text, UI_KEY);
	return 0;
}

static int make_key(const char *path, char key[UI_KEY], struct err *e)
{
	char made[BASE64_ENCODE_RAW_LENGTH(KEY_BYTES) + 1];
	uint8_t bytes[KEY_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_errno(e, -errno, "cannot get random bytes for a key");
	encode(bytes, sizeof(bytes), made);
	if (file_replace(path, made, UI_KEY - 1, 0600, e))
		return e->code;
	memcpy(key, made, UI_KEY);
	return 0;
}

int ui_prepare(const struct spark_cluster *c, struct err *e)
{
	char path[PROFILE_PATH], header_path[PROFILE_PATH], key[UI_KEY];
	char header[UI_HEADER], line[UI_HEADER + 1];
	int r;

	if (cluster_file(c->cluster, key_file, path, e) ||
	    cluster_file(c->cluster, header_file, header_path, e))
		return e->code;
	if (c->profile->security.ui == UI_OPEN) /* daemons of before have the key until they end */
		return unlink(header_path) < 0 && errno != ENOENT
			       ? err_errno(e, -errno, "cannot remove %s", header_path)
			       : 0;
	r = ui_read_key(c, key, e);
	if (r == -ENOENT)
		r = make_key(path, key, e);
	if (r)
		return r;
	ui_header(key, 0, header);
	snprintf(line, sizeof(line), "%s\n", header);
	return file_replace(header_path, line, strlen(line), 0600, e);
}

int ui_put_properties(FILE *file, const struct spark_cluster *c, struct err *e)
{
	char key[UI_KEY];

	if (ui_read_key(c, key, e))
		return e->code;
	if (key[0])
		fprintf(file,
			"spark.ui.filters=" JWS_FILTER "\nspark." JWS_FILTER
			".param.secretKey=%s\n",
			key);
	if (c->profile->security.ui == UI_OFF) /* the Master's and the Workers' are there always */
		fputs("spark.ui.enabled=false\n", file);
	return 0;
}
