/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/export_formats.h"

#include <errno.h>

#include "launcher/show/export_parts.h"

const char *const export_format_words[] = {"compose", "systemd", "kubernetes", "numactl", NULL};

int export_make(const struct exported *x, enum export_format format, struct export_files *out,
		struct err *e)
{
	switch (format) {
	case EXPORT_COMPOSE:
		return export_compose(x, out, e);
	case EXPORT_SYSTEMD:
		return export_systemd(x, out, e);
	case EXPORT_KUBERNETES:
		return export_kubernetes(x, out, e);
	case EXPORT_NUMACTL:
		return export_numactl(x, out, e);
	}
	return err_set(e, -EINVAL, "no such format");
}
