/* err.h: what went wrong in doing the work.
 *
 * A function that can fail takes a struct err last, returns -1 (or NULL) and fills it. A verdict
 * about a job (refused, timed out, killed) is a value and never an err. The text names the cause
 * and, where one is known, the remedy; it ends without a full stop or newline.
 */
#ifndef CODESANDBOX_ERR_H
#define CODESANDBOX_ERR_H

#include <stddef.h>

enum err_code {
	ERR_NONE = 0,
	ERR_SYSTEM,		/* a system call failed; errnum is set */
	ERR_MEMORY,		/* no memory, or a bound on it was reached */
	ERR_INVALID,		/* the caller's argument or configuration is wrong */
	ERR_UNAVAILABLE,	/* the isolation that is needed can't be had; nothing ran */
	ERR_BUSY,		/* no free slot now */
	ERR_CLOSED,		/* the other side is gone */
	ERR_BROKER,		/* Kafka refused or can't be reached */
};

struct err {
	enum err_code code;
	int errnum;		/* errno, 0 where there is none */
	char text[400];
};

/* Fills err (which may be NULL) and returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *err, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with ERR_SYSTEM, errno kept and ": strerror" appended. */
int err_system(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
