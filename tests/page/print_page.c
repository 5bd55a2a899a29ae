/* SPDX-License-Identifier: Apache-2.0 */
/* print_page FILE.json: the page of a comparison that was written before, on stdout. */

#include "decision/base/cleanup.h"
#include "launcher/protocol/bench_json.h"
#include "launcher/show/bench_page.h"

int main(int argc, char **argv)
{
	cleanup_free struct bench *b = calloc(1, sizeof(*b));
	struct err e = {0};

	if (argc != 2 || !b)
		return ERR_WRONG;
	if (bench_read(argv[1], b, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		return ERR_WRONG;
	}
	return bench_page_print(b, stdout) || fflush(stdout) ? ERR_FAILED : 0;
}
