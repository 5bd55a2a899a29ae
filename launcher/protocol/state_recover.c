#include "launcher/protocol/state_recover.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void read_trace(pid_t pid, struct trace *out)
{
	cleanup_fclose FILE *file = NULL;
	cleanup_free char *word = NULL;
	enum option o = OPTIONS;
	size_t size = 0;
	char path[64];

	*out = (struct trace){.pid = pid};
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	file = fopen(path, "re");
	while (file && getdelim(&word, &size, '\0', file) > 0) {
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
	DIR *proc = opendir("/proc");
	char ours[PROFILE_PATH];
	struct dirent *entry;
	unsigned found = 0;
	struct trace t;
	struct err ignored; /* without a path there is no daemon either */

	if (!proc || cluster_file(c, "spark.conf", ours, &ignored))
		ours[0] = '\0';
	while (proc && ours[0] && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		read_trace((pid_t)strtol(entry->d_name, NULL, 10), &t);
		if (strcmp(t.values[OPTION_FILE], ours) != 0)
			continue;
		found +=
			t.values[OPTION_WORK_DIR][0] ? use_worker(&t, c, out) : use_master(&t, out);
	}
	if (proc)
		closedir(proc);
	return found;
}
