/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_WHERE_UNIT_H
#define CONTAINERS_WHERE_UNIT_H

/*
 * Groups that are slice units of systemd's, and what it is told about them. Where a container
 * engine has the systemd cgroup driver, the parent of a container must be such a unit. The dashes of
 * a slice's name are its place (systemd.slice(5)), so the cluster "my-demo" has
 * system-cleave_my_demo.slice in system.slice, where the scope of another cluster would be, and in
 * it system-cleave_my_demo-s0.slice and system-cleave_my_demo-host.slice. No name of a cluster has
 * an underscore. A user's manager has them in its app.slice. Pure text.
 */

#include <stdbool.h>

#include "containers/driver.h"
#include "decision/base/err.h"

enum {
	UNIT_NAME = 72, /* system-cleave_<31 bytes>-supervisor.slice */
	UNIT_TEXT = 8192,
	UNIT_WORDS = 1536, /* 512 bytes for 4096 CPUs, 512 at most for nodes, 16 devices */
};

/* The unit of a cluster's own group, and of one of its groups. */
char *unit_of_cluster(const char *cluster, bool user_manager, char unit[UNIT_NAME]);
char *unit_of_group(const char *cluster, bool user_manager, const char *group,
		    char unit[UNIT_NAME]);

/* Whose unit this is; its group is "" for the cluster's own. false: it is none of cleave's. */
bool unit_parse(const char *unit, char cluster[NAME_MAX_BYTES + 1], char group[NAME_MAX_BYTES + 1]);

/* A program's words, which end with NULL and are borrowed from `text` and constants. */
struct unit_command {
	char text[UNIT_TEXT];
	const char *argv[UNIT_WORDS];
	size_t used, count;
	unsigned properties; /* of busctl's, and as its word */
	char properties_text[16];
};

/*
 * What makes a unit: busctl, since systemd-run makes no slices, and what systemctl set-property
 * writes outlives the unit. The properties are the group's limits, or systemd would take them back
 * whenever it writes the unit's files: at daemon-reload, for one. `g` NULL: the
 * cluster's own, without limits.
 */
void unit_make_command(const char *unit, bool user_manager, const struct group_spec *g,
		       struct unit_command *out);

/*
 * An empty unit in a slice's, which has all controllers that containers get. Without it the first
 * container turns them on in the slice, and the last one off, and whenever that changes systemd
 * writes the slice's files anew: a loan would be lost at each restart of a container.
 */
char *unit_of_controllers(const char *slice, char unit[UNIT_NAME]);
void unit_controllers_command(const char *slice, bool user_manager, const struct cpuset *nodes,
			      struct unit_command *out);

/* systemctl VERB UNIT: "start" waits until the unit has its group, "stop" until that has gone. */
void unit_systemctl(const char *verb, const char *unit, bool user_manager,
		    struct unit_command *out);

#endif
