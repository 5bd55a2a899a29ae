/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Master's answer, as foreign bytes: parsed, or refused with a sentence, and nothing written
 * then.
 */

#include <assert.h>
#include <stdint.h>

#include "launcher/watch/master.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct master_state m;
	struct err e = {0};

	m = (struct master_state){.worker_count = 12345};
	if (master_state_parse((const char *)data, size, &m, &e)) {
		assert(e.msg[0] && m.worker_count == 12345);
		return 0;
	}
	assert(m.worker_count <= MASTER_WORKERS && m.app_count <= MASTER_APPS);
	for (unsigned i = 0; i < m.app_count; i++) /* they go into URLs */
		assert(m.apps[i][0] && !strpbrk(m.apps[i], " ?#%\r\n\\"));
	return 0;
}
