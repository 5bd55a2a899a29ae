/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container of Spark's sees of this machine: the same paths that a process without one has.
 */

#include "launcher/spark/room.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/plan/observation.h"
#include "launcher/system/cache.h"
#include "launcher/system/owner.h"

/* The absolute path that a data path names here, where a mount has room for it; else NULL. */
static const char *local_path(const char *path)
{
	path = spark_local_path(path);
	return path && path[0] == '/' && strlen(path) < PROFILE_PATH ? path : NULL;
}

void spark_container_name(const char *cluster, const char *name, char out[CONTAINER_NAME])
{
	snprintf(out, CONTAINER_NAME, "cleave-%s-%s", cluster, name);
}

void spark_container_user(const struct spark_engine *engine, uid_t uid, gid_t gid, char out[32])
{
	bool is_mapped = engine->is_rootless;

	snprintf(out, 32, "%u:%u", is_mapped ? 0 : uid, is_mapped ? 0 : gid);
}

bool spark_offers_archive(const struct spark_cluster *c)
{
	const struct spark *inside = c->contained;

	return c->profile->jvm.class_data_sharing && !c->spark->image[0] &&
	       (!inside || (inside->mounts_home && inside->mounts_java));
}

bool spark_is_contained(const struct spark_cluster *c, const char *group)
{
	return strcmp(group, GROUP_HOST) == 0 ? c->spark->image[0] != '\0' : c->contained != NULL;
}

/* ---- mounts */

enum mount_mode { MOUNT_READ, MOUNT_WRITE };

/*
 * The engine goes the way to a source as root, so who can exchange a directory on that way chooses
 * what is mounted, and reads there what a closed directory above it keeps from him. Where root
 * works for another user the way has to be root's; the source itself may be anybody's. 0 with the
 * way without links; -EPERM, and who it is.
 */
static int find_way(const struct spark_cluster *c, const char *source, char real[PATH_MAX],
		    struct owner *stranger)
{
	char above[PATH_MAX], *slash;
	int r;

	if (!realpath(source, real))
		return -errno;
	if (geteuid() != 0 || c->cluster->uid == 0)
		return 0;
	string_copy(above, real);
	slash = strrchr(above, '/');
	slash[slash == above] = '\0';
	r = owner_find_stranger(above, 0, stranger);
	return r == 1 ? -EPERM : r;
}

/* `source` NULL: the same. What is there already, as a data path may be, is not mounted twice. */
static int add_mount(struct container_spec *spec, const char *source, const char *target,
		     enum mount_mode mode, struct err *e)
{
	struct mount *m = &spec->mounts[spec->mount_count];

	for (unsigned i = 0; i < spec->mount_count; i++)
		if (strcmp(spec->mounts[i].target, target) == 0)
			return 0;
	if (spec->mount_count == CONTAINER_MOUNTS)
		return err_set(e, -E2BIG, "docker.mounts: a container has at most %d mounts",
			       CONTAINER_MOUNTS);
	if (string_copy(m->source, source ? source : target) || string_copy(m->target, target))
		return err_set(e, -ENAMETOOLONG, "the path of a mount, %.100s…, is too long",
			       target);
	m->is_writable = mode == MOUNT_WRITE;
	spec->mount_count++;
	return 0;
}

static int add_below(struct container_spec *spec, const char *top, const char *name,
		     enum mount_mode mode, struct err *e)
{
	char path[PROFILE_PATH];

	if (snprintf(path, sizeof(path), "%s/%s", top, name) >= PROFILE_PATH)
		return err_set(e, -ENAMETOOLONG, "%.100s… is too long", top);
	return add_mount(spec, NULL, path, mode, e);
}

/* The directory in which a link of the JDK's ends, where that is outside of it (Debian: in /etc). */
static int add_settings(struct container_spec *spec, const struct spark *s, const char *file,
			struct err *e)
{
	char path[PROFILE_PATH + 64], real[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", s->java_home, file);
	if (lstat(path, &st) || !S_ISLNK(st.st_mode) || !realpath(path, real) ||
	    strlen(real) >= PROFILE_PATH)
		return 0;
	*strrchr(real, '/') = '\0';
	return real[0] ? add_mount(spec, NULL, real, MOUNT_READ, e) : 0;
}

int spark_add_programs(struct container_spec *spec, const struct spark *s, struct err *e)
{
	if (s->mounts_home && add_mount(spec, NULL, s->home, MOUNT_READ, e))
		return e->code;
	if (!s->mounts_java)
		return 0;
	return add_mount(spec, NULL, s->java_home, MOUNT_READ, e) ||
			       add_settings(spec, s, "conf/net.properties", e) ||
			       add_settings(spec, s, "conf/management/management.properties", e) ||
			       add_settings(spec, s, "conf/security/java.security", e) ||
			       add_settings(spec, s, "lib/security/default.policy", e) ||
			       add_settings(spec, s, "lib/security/cacerts", e)
		       ? e->code
		       : 0;
}

/* What workload.data.path, or the application of `run`, is on this machine. */
static int add_path(struct container_spec *spec, const struct spark_cluster *c, const char *path,
		    enum mount_mode mode, struct err *e)
{
	struct owner stranger;
	char real[PATH_MAX];

	path = local_path(path);
	if (!path || find_way(c, path, real, &stranger))
		return 0;
	return add_mount(spec, real, path, mode, e);
}

/* What the profile's `key` wants: an error if it cannot be had, or must not. */
static int add_checked(struct container_spec *spec, const struct spark_cluster *c, const char *key,
		       const char *source, const char *target, enum mount_mode mode, struct err *e)
{
	char real[PATH_MAX], text[OWNER_TEXT];
	struct owner stranger;
	int r = find_way(c, source, real, &stranger);

	if (r == -EPERM)
		return err_set(
			e, r,
			"%s: %s: %s, so that what a container gets is not for root to say: mount "
			"from where only root can change the way, or run cleave as that user",
			key, source, owner_text(&stranger, 0, text));
	return r ? err_errno(e, r, "%s: %s", key, source) : add_mount(spec, real, target, mode, e);
}

/* docker.mounts: SOURCE:TARGET, SOURCE:TARGET:ro; profiles/ has checked them. */
static int add_wanted(struct container_spec *spec, const struct spark_cluster *c, struct err *e)
{
	strings_for_each(item, &c->profile->docker.mounts)
	{
		char source[PROFILE_PATH], target[PROFILE_PATH], *mode;

		string_copy_n(source, sizeof(source), item);
		source[strcspn(source, ":")] = '\0';
		string_copy_n(target, sizeof(target), strchr(item, ':') + 1);
		mode = strchr(target, ':');
		if (mode)
			*mode++ = '\0';
		if (add_checked(spec, c, "docker.mounts", source, target,
				mode && strcmp(mode, "ro") == 0 ? MOUNT_READ : MOUNT_WRITE, e))
			return e->code;
	}
	return 0;
}

/* Where the archive of classes lies, or will: only JVMs of this machine's Spark and Java use it. */
static int add_archive(struct container_spec *spec, const struct spark_cluster *c, struct err *e)
{
	char path[PROFILE_PATH];
	cleanup_close int entry = -1;
	struct err ignored; /* then there is none */

	if (!spark_offers_archive(c))
		return 0;
	entry = cache_open(c->spark->fingerprint, path, &ignored);
	return entry < 0 ? 0 : add_mount(spec, NULL, path, MOUNT_READ, e);
}

/* Of the cluster's own directories, those of this one; what others have to keep is not seen. */
static int add_own(struct container_spec *spec, const struct spark_cluster *c, const char *name,
		   struct err *e)
{
	const struct cluster *k = c->cluster;
	char scratch[PROFILE_PATH];
	char path[PROFILE_PATH + 16];

	if (add_mount(spec, NULL, k->state, MOUNT_READ, e))
		return e->code;
	/* Who is not in /etc/passwd cannot log in to Hadoop (UserGroupInformation). */
	snprintf(path, sizeof(path), "%s/%s", k->state, SPARK_PASSWD);
	if (add_mount(spec, path, "/etc/passwd", MOUNT_READ, e))
		return e->code;
	for (unsigned i = 0; i < c->plan->slice_count; i++) {
		if (strcmp(name, c->plan->slices[i].name) != 0)
			continue;
		if (c->profile->memory.scratch.path[0] &&
		    (spark_scratch(c, i, scratch, e) ||
		     add_checked(spec, c, "memory.scratch.path", scratch, scratch, MOUNT_WRITE, e)))
			return e->code;
		return add_below(spec, k->data, name, MOUNT_WRITE, e);
	}
	return add_below(spec, k->data, strcmp(name, "master") == 0 ? name : GROUP_HOST,
			 MOUNT_WRITE, e);
}

/* ---- all of it */

int spark_container(const struct spark_cluster *c, const char *name, struct container_spec *out,
		    struct err *e)
{
	cleanup_free struct container_spec *spec = calloc(1, sizeof(*spec));
	bool is_slice = strncmp(name, "slice-", strlen("slice-")) == 0;

	if (!spec)
		return err_set(e, -ENOMEM, "no memory for a container");
	spark_container_name(c->cluster->name, name, spec->name);
	string_copy(spec->image, c->contained->image);
	string_copy(spec->cluster, c->cluster->name);
	string_copy_n(spec->slice, sizeof(spec->slice), is_slice ? name : GROUP_HOST);
	spark_container_user(c->engine, c->cluster->uid, c->cluster->gid, spec->user);
	if (add_own(spec, c, name, e) || spark_add_programs(spec, c->contained, e) ||
	    add_archive(spec, c, e) ||
	    add_path(spec, c, c->profile->workload.data_path, MOUNT_READ, e) ||
	    add_wanted(spec, c, e))
		return e->code;
	*out = *spec;
	return 0;
}

int spark_command_container(const struct spark_cluster *c, const char *directory,
			    char *const *words, struct container_spec *out, struct err *e)
{
	char name[NAME_MAX_BYTES + 1], real[PATH_MAX];
	struct owner stranger;

	snprintf(name, sizeof(name), "command-%d", (int)getpid());
	if (spark_container(c, name, out, e))
		return e->code;
	/* Where it cannot be seen, as from /. */
	string_copy(out->directory, "/");
	if (directory[1] && find_way(c, directory, real, &stranger) == 0) {
		if (add_mount(out, real, directory, MOUNT_WRITE, e))
			return e->code;
		string_copy(out->directory, directory);
	}
	for (; *words; words++)
		if (add_path(out, c, *words, MOUNT_WRITE, e))
			return e->code;
	return 0;
}

bool spark_sees(const struct spark_cluster *c, const char *path)
{
	struct owner stranger;
	char real[PATH_MAX];

	path = local_path(path);
	return !c->contained || !path || find_way(c, path, real, &stranger) != -EPERM;
}

int spark_container_fingerprint(const struct spark_cluster *c, const char *name,
				char out[SPARK_FINGERPRINT], struct err *e)
{
	cleanup_free struct container_spec *spec = calloc(1, sizeof(*spec));
	cleanup_free char *text = NULL;
	size_t size;
	FILE *file;

	if (!spec || !(file = open_memstream(&text, &size)))
		return err_set(e, -ENOMEM, "no memory for a container");
	if (spark_container(c, name, spec, e)) {
		fclose(file);
		return e->code;
	}
	fprintf(file, "%s %s", spec->image, spec->user);
	for (unsigned i = 0; i < spec->mount_count; i++)
		fprintf(file, "\n%s:%s:%d", spec->mounts[i].source, spec->mounts[i].target,
			spec->mounts[i].is_writable);
	if (fclose(file))
		return err_set(e, -ENOMEM, "no memory for a container");
	spark_text_fingerprint(text, out);
	return 0;
}
