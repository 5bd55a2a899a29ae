/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/process/mark.h"

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

const char *mark_read(pid_t pid, const char *cluster, char *text, bool *is_executing)
{
	char exe[64], link[8], line[64];
	size_t size = strlen(cluster);
	struct words words;
	const char *word;
	int n = proc_read_text(pid, "environ", text, PROC_TEXT_MAX);

	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	*is_executing = n == 0 && proc_read_text(pid, "cmdline", line, sizeof(line)) == 0 &&
			readlink(exe, link, sizeof(link)) > 0;
	words = (struct words){text, text + (n > 0 ? n : 0)};
	while ((word = words_next(&words)))
		if (!strncmp(word, MARK, strlen(MARK)) &&
		    !strncmp(word + strlen(MARK), cluster, size) &&
		    word[strlen(MARK) + size] == '/')
			return word + strlen(MARK) + size + 1;
	return NULL;
}
