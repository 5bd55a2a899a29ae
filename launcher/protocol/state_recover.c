#include "launcher/protocol/state_recover.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "decision/base/cleanup.h"

/* The options that cleave starts Spark's daemons with. */
enum option { OPTION_HOST, OPTION_PORT, OPTION_UI_PORT, OPTION_WORK_DIR, OPTION_FILE, OPTIONS };

static const char *const names[OPTIONS] = {
	[OPTION_HOST] = "--host",
	[OPTION_PORT] = "--port",
	[OPTION_UI_PORT] = "--webui-port",
	[OPTION_WORK_DIR] = "--work-dir",
	[OPTION_FILE] = "--properties-file",
};

struct trace {
	pid_t pid;
	char values[OPTIONS][PROFILE_PATH]; /* "" where the option is not given */
};

static enum option option_of(const char *word)
{
	enum option o = OPTION_HOST;

	while (o < OPTIONS && strcmp(word, names[o]) != 0)
		o++;
	return o;
}

/* `text` holds PROC_TEXT_MAX bytes. */
static void read_trace(pid_t pid, char *text, struct trace *out)
{
	int size = proc_read_text(pid, "cmdline", text, PROC_TEXT_MAX);
	enum option o = OPTIONS;

	*out = (struct trace){.pid = pid};
	for (const char *word = text; size > 0 && word < text + size; word += strlen(word) + 1) {
		if (o < OPTIONS && string_copy(out->values[o], word))
			out->values[o][0] = '\0'; /* longer than any of ours */
		o = option_of(word);
	}
}

static int port_of(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return end != text && !*end && port > 0 && port <= 65535 ? (int)port : 0;
}

static bool use_master(const struct trace *t, struct state *out)
{
	int port = port_of(t->values[OPTION_PORT]), ui_port = port_of(t->values[OPTION_UI_PORT]);
	struct endpoints master = {.port = port, .ui_port = ui_port};
	struct err ignored; /* it ended just now */

	if (!port || !ui_port || string_copy(master.address, t->values[OPTION_HOST]) ||
	    process_identify(t->pid, &out->master_process, &ignored))
		return false;
	out->master = master;
	return true;
}

/* DATA/slice-3/work: slice 3. Slice i has the first address + i, so one worker tells all addresses up to its own. */
static bool use_worker(const struct trace *t, const struct cluster *c, struct state *out)
{
	const char *place = t->values[OPTION_WORK_DIR];
	size_t length = strlen(c->data);
	struct in_addr address;
	unsigned id;

	if (strncmp(place, c->data, length) != 0 ||
	    sscanf(place + length, "/slice-%2u/work", &id) != 1 || id >= SLICES_MAX ||
	    inet_pton(AF_INET, t->values[OPTION_HOST], &address) != 1)
		return false;
	for (unsigned i = 0; i <= id; i++)
		out->plan.slices[i].address = ntohl(address.s_addr) - id + i;
	if (out->plan.slice_count <= id)
		out->plan.slice_count = id + 1;
	return true;
}

unsigned traces_read(const struct cluster *c, struct state *out)
{
	cleanup_closedir DIR *processes = proc_list(0);
	cleanup_free char *text = malloc(PROC_TEXT_MAX);
	char ours[PROFILE_PATH];
	unsigned found = 0;
	struct trace t;
	struct err ignored; /* without a path there is no daemon either */
	pid_t pid;

	if (!processes || !text || cluster_file(c, "spark.conf", ours, &ignored))
		return 0;
	while ((pid = proc_next(processes))) {
		read_trace(pid, text, &t);
		if (strcmp(t.values[OPTION_FILE], ours) != 0)
			continue;
		found +=
			t.values[OPTION_WORK_DIR][0] ? use_worker(&t, c, out) : use_master(&t, out);
	}
	return found;
}
