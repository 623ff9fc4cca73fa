/* memfd.h: memfd_create(2), F_ADD_SEALS of fcntl(2): memory handed over that nobody changes any more. */
#ifndef CODESANDBOX_MEMFD_H
#define CODESANDBOX_MEMFD_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* A close-on-exec memfd with these bytes and every seal, the caller's; -1 with err. */
int memfd_sealed(const char *name, const void *data, size_t size, bool executable,
	struct err *err);

#endif
