/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_LISTENING_H
#define LAUNCHER_SYSTEM_LISTENING_H

/*
 * Who listens where, from /proc/net/tcp and tcp6: to choose free ports and addresses before Spark
 * starts, and to check afterwards that Spark listens where it was told (it moves to other ports and
 * to 0.0.0.0 by itself).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "decision/base/err.h"

struct listening_socket {
	bool is_ipv4;	  /* or IPv4 mapped into IPv6; else: */
	bool is_loopback; /* 127.0.0.0/8 or ::1 */
	uint32_t address; /* of IPv4, host order; 0 is every address */
	uint16_t port;
	uint64_t inode;
};

/*
 * One line of /proc/net/tcp or tcp6; false: its header, a socket that does not listen, or no such
 * line.
 */
bool listening_parse(const char *line, struct listening_socket *out);

/* All of this network namespace's. *list is the caller's to free(). */
int listening_read(struct listening_socket **list, size_t *count, struct err *e);

/* Whether a socket listens at this address (host order) itself, at any port. */
bool listening_has_address(const struct listening_socket *list, size_t count, uint32_t address);

/* 0 if a TCP socket can listen there now; -EADDRINUSE, -EADDRNOTAVAIL, … */
int listening_probe(uint32_t address, int port);

/*
 * Whether a process that listens at an address can be reached: in a container's own network
 * loopback may be down.
 */
int listening_check_address(uint32_t address, struct err *e);

/*
 * Check a process: it listens only on loopback and on `address`, and at each of the ports (0: none
 * asked for) on `address`. Errors name the process and where it listens.
 */
int listening_check(const char *name, pid_t pid, uint32_t address, const int ports[2],
		    struct err *e);

#endif
