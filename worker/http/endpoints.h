/* endpoints.h: what the worker answers over HTTP: docs/contract.md, "Endpoints". */
#ifndef CODEWORKER_ENDPOINTS_H
#define CODEWORKER_ENDPOINTS_H

#include "../config/config.h"
#include "metrics.h"
#include "../worker.h"

struct endpoints;

/* All borrowed until endpoints_close. Starts a thread: after the sandbox was opened. */
int endpoints_open(const struct config *config, struct metrics *metrics,
	struct worker_health *health, struct watermark_report *watermarks,
	struct endpoints **endpoints, struct err *err);
void endpoints_close(struct endpoints *endpoints);

#endif
