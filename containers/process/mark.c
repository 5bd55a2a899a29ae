/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/process/mark.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "containers/driver.h"
#include "containers/proc/process.h"

#define MARK GROUP_VARIABLE "="

char **mark_environment(char *const *envp, char *mark)
{
	size_t count = 0, used = 0;
	char **out;

	while (envp && envp[count])
		count++;
	out = calloc(count + 2, sizeof(*out));
	if (!out)
		return NULL;
	out[used++] = mark;
	for (size_t i = 0; i < count; i++)
		if (strncmp(envp[i], MARK, strlen(MARK)) != 0)
			out[used++] = envp[i];
	return out;
}

static bool is_executing(pid_t pid)
{
	char exe[64], link[8], line[64];

	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	return proc_read_text(pid, "cmdline", line, sizeof(line)) == 0 &&
	       readlink(exe, link, sizeof(link)) > 0;
}

const char *mark_read(pid_t pid, const char *cluster, char *text, enum unmarked *why)
{
	size_t size = strlen(cluster);
	struct words words;
	const char *word;
	int n = proc_read_text(pid, "environ", text, PROC_TEXT_MAX);

	*why = n > 0 || n == -ENOENT || n == -ESRCH ? UNMARKED_NONE
	       : n < 0				    ? UNMARKED_HIDDEN
	       : is_executing(pid)		    ? UNMARKED_EXECUTING
						    : UNMARKED_NONE;
	words = (struct words){text, text + (n > 0 ? n : 0)};
	while ((word = words_next(&words)))
		if (!strncmp(word, MARK, strlen(MARK)) &&
		    !strncmp(word + strlen(MARK), cluster, size) &&
		    word[strlen(MARK) + size] == '/')
			return word + strlen(MARK) + size + 1;
	return NULL;
}
