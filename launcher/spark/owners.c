/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who could change what is run of a Spark and a JDK.
 */

#include "launcher/spark/room.h"

#include <errno.h>
#include <sys/stat.h>

#include "launcher/system/owner.h"

int spark_check_owner(const char *what, const char *path, uid_t uid, struct err *e)
{
	struct owner stranger;
	int r = owner_find_stranger(path, uid, &stranger);

	if (r < 0 && r != -ENOENT)
		return err_errno(e, r, "%s: %s", what, path);
	return r == 1 ? owner_refuse(&stranger, uid, what, e) : 0;
}

/* The directories below `top` that there are, with all that is in them. */
static int check_owners_below(const char *what, const char *top, const char *const *names,
			      uid_t uid, struct err *e)
{
	char path[PROFILE_PATH + 16];

	for (; *names; names++) {
		struct owner stranger;
		int r;

		snprintf(path, sizeof(path), "%s/%s", top, *names);
		r = owner_find_stranger_below(path, uid, &stranger);
		if (r == 1)
			return owner_refuse(&stranger, uid, what, e);
		if (r && r != -ENOENT)
			return err_errno(e, r, "%s: %s", what, path);
	}
	return 0;
}

int spark_check_home_owner(const char *what, const char *home, uid_t uid, struct err *e)
{
	static const char *const loaded[] = {"bin", "conf", "jars", "python", NULL};

	return spark_check_owner(what, home, uid, e) ||
			       check_owners_below(what, home, loaded, uid, e)
		       ? e->code
		       : 0;
}

bool spark_has_java(const char *home)
{
	/* Its modules (JEP 220), the classes of JDK 8, and what both may have. */
	static const char *const signs[] = {"lib/modules", "lib/rt.jar", "release", NULL};
	char path[PROFILE_PATH + 16];
	struct stat st;

	for (const char *const *file = signs; *file; file++) {
		snprintf(path, sizeof(path), "%s/%s", home, *file);
		/* /usr/lib/modules, a directory, is the kernel's. */
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

int spark_check_java_owner(const char *what, const char *java, const char *home, uid_t uid,
			   struct err *e)
{
	static const char *const loaded[] = {"bin", "conf", "lib", NULL};

	if (spark_check_owner(what, java, uid, e))
		return e->code;
	/* Above a java that is no JDK's may be all of /usr. */
	return home[0] && spark_has_java(home) ? check_owners_below(what, home, loaded, uid, e) : 0;
}

int spark_check_owners(const struct spark *s, uid_t uid, struct err *e)
{
	return spark_check_home_owner("this cluster's Spark", s->home, uid, e) ||
			       spark_check_java_owner("this cluster's Java", s->java, s->java_home,
						      uid, e)
		       ? e->code
		       : 0;
}
