/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/print_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

int print_json(json_t *taken, size_t flags, struct err *e)
{
	int failed = !taken || json_dumpf(taken, stdout, flags) < 0;

	json_decref(taken);
	if (failed)
		return err_set(e, -ENOMEM, "cannot print JSON");
	putchar('\n');
	return 0;
}
