/* The identity of processes, declared in cluster.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "decision/base/cleanup.h"
#include "launcher/system/cluster.h"

/*
 * /proc/PID/stat, proc(5): "pid (comm) state ppid …", starttime is field 22. The name may hold blanks and parentheses,
 * so fields are counted from the last ')'.
 */
static int parse_stat(const char *text, char *state, uint64_t *start_time)
{
	const char *p = strrchr(text, ')');

	if (!p || sscanf(p + 1, " %c", state) != 1)
		return -EBADMSG;
	p += 2;
	for (int field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (!p)
			return -EBADMSG;
		p++;
	}
	return sscanf(p, "%" SCNu64, start_time) == 1 ? 0 : -EBADMSG;
}

static int read_identity(pid_t pid, struct process_id *out)
{
	char path[64], text[1024], state;
	uint64_t start_time;
	cleanup_close int fd = -1;
	ssize_t n;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	r = parse_stat(text, &state, &start_time);
	if (r)
		return r;
	if (state == 'Z' || state == 'X' || state == 'x')
		return -ESRCH;
	*out = (struct process_id){pid, start_time};
	return 0;
}

int process_identify(pid_t pid, struct process_id *out, struct err *e)
{
	int r = pid > 0 ? read_identity(pid, out) : -ESRCH;

	return r ? err_errno(e, r, "process %d", (int)pid) : 0;
}

bool process_is_alive(const struct process_id *id)
{
	struct process_id now = {0};

	return id->pid > 0 && read_identity(id->pid, &now) == 0 && now.start_time == id->start_time;
}
