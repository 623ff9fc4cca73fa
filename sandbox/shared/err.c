/* err.c: see err.h. */
#include "../err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void format_text(struct err *err, const char *format, va_list args)
{
	if (vsnprintf(err->text, sizeof err->text, format, args) < 0)
		err->text[0] = '\0';
}

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
	if (!err)
		return -1;
	err->code = code;
	err->errnum = 0;
	va_list args;
	va_start(args, format);
	format_text(err, format, args);
	va_end(args);
	return -1;
}

int err_system(struct err *err, const char *format, ...)
{
	int saved = errno;
	if (!err)
		return -1;
	err->code = ERR_SYSTEM;
	err->errnum = saved;
	va_list args;
	va_start(args, format);
	format_text(err, format, args);
	va_end(args);
	size_t used = strlen(err->text);
	snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(saved));
	errno = saved;
	return -1;
}
