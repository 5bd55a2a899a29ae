/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/export.h"

#include <errno.h>
#include <stdarg.h>

void export_files_release(struct export_files *f)
{
	for (unsigned i = 0; i < f->count; i++)
		free(f->files[i].text);
	f->count = 0;
}

FILE *export_open(struct export_files *out, const char *format, ...)
{
	struct export_file *file = &out->files[out->count];
	va_list args;
	FILE *stream;

	va_start(args, format);
	vsnprintf(file->name, sizeof(file->name), format, args);
	va_end(args);
	stream = open_memstream(&file->text, &file->size);
	if (stream)
		out->count++;
	return stream;
}

int export_close(FILE *file, int r, struct err *e)
{
	if (!file || fclose(file) || r)
		return err_set(e, -ENOMEM, "out of memory");
	return 0;
}

void export_print(const struct export_files *f, FILE *to)
{
	for (unsigned i = 0; i < f->count; i++) {
		if (f->count > 1)
			fprintf(to, "%s# /etc/systemd/system/%s\n", i ? "\n" : "",
				f->files[i].name);
		fwrite(f->files[i].text, 1, f->files[i].size, to);
	}
}
