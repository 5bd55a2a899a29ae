/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines and environments in /proc, which processes write as they like: every walk ends,
 * finds what NULs end and nothing else, and reads no byte behind the last.
 */

#include "containers/proc/process.h"
#include "launcher/supervisor/daemon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1), *argv[WORDS + 1] = {NULL};
	struct words words = {text, text + size};
	size_t covered = 0, count = 0;
	const char *word;

	if (!text)
		return 0;
	memcpy(text, data, size);
	while ((word = words_next(&words))) {
		if (word != text + covered)
			abort();
		covered += strlen(word) + 1;
		if (count < WORDS && strncmp(word, GROUP_VARIABLE "=", sizeof(GROUP_VARIABLE)) != 0)
			argv[count++] = (char *)(uintptr_t)word;
	}
	if (covered > size || memchr(text + covered, '\0', size - covered))
		abort();
	if (count < WORDS && argv_match_proc(argv, text, size) != (covered == size))
		abort();
	free(text);
	return 0;
}
