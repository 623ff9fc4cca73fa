/* publisher_fit.h: what a result or an error event goes without when its topic does not take it whole. */
#ifndef CODEWORKER_PUBLISHER_FIT_H
#define CODEWORKER_PUBLISHER_FIT_H

#include "codec/contract.h"

enum fit {
	FIT_WHOLE,			/* but for stdout, stderr or stderrTail */
	FIT_BRIEF,			/* without texts that are long, and says so */
	FIT_NO_METADATA,		/* and without metadata */
	FIT_LEAST,			/* and without trace headers: goes whatever its size is */
	FITS
};

/* Both borrow from what they are given, and from arena. bytes: what the topic takes, for the error's details. */
struct result result_fit(struct arena *arena, const struct result *result, enum fit fit,
	int64_t bytes);
struct error_event event_fit(struct arena *arena, const struct error_event *event, enum fit fit,
	int64_t bytes);

#endif
