/* nearest.h: which of the right names a wrong one was probably meant to be. Pure. */
#ifndef CODEWORKER_NEAREST_H
#define CODEWORKER_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *word;		/* as it was written */
	const char *best;		/* of those offered; NULL: none is near */
	size_t distance;
};

struct nearest nearest_to(const char *word);

/* candidate: must live as long as the answer is used. Of equally near ones the first stays. */
void nearest_offer(struct nearest *nearest, const char *candidate);

/* "; did you mean CANDIDATE?", or "" when none is near. Returns buffer. */
const char *nearest_hint(const struct nearest *nearest, char *buffer, size_t size);

#endif
