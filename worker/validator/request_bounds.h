/* request_bounds.h: what a job's directory and environment may be. Pure.
 *
 * The kernel and the sandbox take no more: beyond these bounds a sandbox would fail for what is the
 * request's fault.
 */
#ifndef CODEWORKER_REQUEST_BOUNDS_H
#define CODEWORKER_REQUEST_BOUNDS_H

#include "../codec/contract.h"

struct request_fault {
	const char *field;		/* static */
	char text[200];			/* what is wrong with it */
};

/* ruled: the rules have been asked. Until then a ".." at low and medium risk is left to the path rule,
 * whose answer is code.security. Returns false with *fault set. */
bool request_bounds_hold(const struct request *request, bool ruled, struct request_fault *fault);

#endif
