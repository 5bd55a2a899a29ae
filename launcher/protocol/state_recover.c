/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/state_recover.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containers/proc/process.h"
#include "decision/base/cleanup.h"

enum { GROUP_PIDS = 4096 };

/* ---- daemons */

/* A command line as /proc has it: words that end with NUL. */
struct command_line {
	const char *text;
	int size;
};

/* The word behind `option`; "" where there is none. */
static const char *value_of(const struct command_line *line, const char *option)
{
	struct words words = {line->text, line->text + line->size};
	const char *word = words_next(&words);

	while (word && strcmp(word, option) != 0)
		word = words_next(&words);
	word = word ? words_next(&words) : NULL;
	return word ? word : "";
}

static int port_of(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return end != text && !*end && port > 0 && port <= 65535 ? (int)port : 0;
}

static bool use_master(const struct command_line *line, pid_t pid, struct state *out)
{
	struct endpoints master = {
		.port = port_of(value_of(line, "--port")),
		.ui_port = port_of(value_of(line, "--webui-port")),
	};
	struct err ignored; /* it ended just now */

	if (!master.port || !master.ui_port ||
	    string_copy(master.address, value_of(line, "--host")) ||
	    process_identify(pid, &out->master_process, &ignored))
		return false;
	out->master = master;
	return true;
}

static bool is_loopback(uint32_t address)
{
	return address >> 24 == IN_LOOPBACKNET;
}

/*
 * DATA/slice-3/work: slice 3. Slice i has the first address + i, so one worker tells all addresses
 * up to its own.
 */
static bool use_worker(const struct command_line *line, const char *work, const struct cluster *c,
		       struct state *out)
{
	size_t length = strlen(c->data);
	struct in_addr address;
	unsigned id;

	if (strncmp(work, c->data, length) != 0 ||
	    sscanf(work + length, "/slice-%2u/work", &id) != 1 || id >= SLICES_MAX ||
	    inet_pton(AF_INET, value_of(line, "--host"), &address) != 1 ||
	    !is_loopback(ntohl(address.s_addr)) || !is_loopback(ntohl(address.s_addr) - id))
		return false;
	for (unsigned i = 0; i <= id; i++)
		out->plan.slices[i].address = ntohl(address.s_addr) - id + i;
	if (out->plan.slice_count <= id)
		out->plan.slice_count = id + 1;
	return true;
}

/* What one process of ours tells. */
static bool use_process(const struct cluster *c, const char *conf, pid_t pid,
			struct command_line *line, char *text, struct state *out)
{
	const char *work;

	line->size = proc_read_text(pid, "cmdline", text, PROC_TEXT_MAX);
	if (line->size < 0 || strcmp(value_of(line, "--properties-file"), conf) != 0)
		return false;
	work = value_of(line, "--work-dir");
	return *work ? use_worker(line, work, c, out) : use_master(line, pid, out);
}

unsigned state_recover_daemons(const struct cluster *c, struct driver *d, struct state *out)
{
	cleanup_free struct observation *seen = calloc(1, sizeof(*seen));
	cleanup_free pid_t *pids = malloc(GROUP_PIDS * sizeof(*pids));
	cleanup_free char *text = malloc(PROC_TEXT_MAX);
	struct command_line line = {.text = text};
	char conf[PROFILE_PATH];
	unsigned found = 0;
	struct err ignored; /* without a path there is no daemon either */

	if (!seen || !pids || !text || cluster_file(c, "spark.conf", conf, &ignored) ||
	    d->ops->observe(d, seen, &ignored))
		return 0;
	for (unsigned i = 0; i < seen->count; i++) {
		const char *group = seen->groups[i].name;
		int count = d->ops->pids(d, group, pids, GROUP_PIDS, &ignored);

		for (int p = 0; p < count && p < GROUP_PIDS; p++)
			found += d->ops->has(d, group, pids[p]) &&
				 use_process(c, conf, pids[p], &line, text, out);
	}
	return found;
}

/* ---- home.json */

int state_recover_plan(const struct cluster *c, const struct plan *wanted, struct plan *out,
		       struct err *e)
{
	cleanup_free struct plan *home = malloc(sizeof(*home));
	int r = home ? home_read(c, home, e) : err_set(e, -ENOMEM, "no memory for a plan");

	if (r)
		return r;
	*out = *wanted;
	out->slice_count = home->slice_count;
	out->loan_count = 0;
	for (unsigned i = 0; i < home->slice_count; i++) {
		struct slice *slice = &out->slices[i];

		if (i >= wanted->slice_count) {
			*slice = home->slices[i];
			continue;
		}
		slice->cpus = home->slices[i].cpus;
		slice->nodes = home->slices[i].nodes;
	}
	return 0;
}
