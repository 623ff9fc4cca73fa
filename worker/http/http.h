/* http.h: the worker's read-only endpoints: /metrics, /livez, /readyz, /status and /.
 *
 * One thread of its own answers, so the loop is never held up. It calls back through struct
 * http_source: callbacks run on that thread, one at a time, and must neither block nor touch what
 * the loop changes without a lock; a snapshot behind a mutex, or atomics (metrics.h), is the way.
 * After http_stop() has returned no callback runs any more.
 */
#ifndef CODEWORKER_HTTP_H
#define CODEWORKER_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "../../sandbox/err.h"

struct http_source {
	void *context;
	/* Text for Prometheus, malloc'ed; NULL answers 503. */
	char *(*metrics)(void *context, size_t *size);
	/* false: 503. reason is a line of text either way; NULL as function: always live. */
	bool (*live)(void *context, char *reason, size_t size);
	bool (*ready)(void *context, char *reason, size_t size);
	/* A JSON object, malloc'ed; NULL answers 503. */
	char *(*status)(void *context, size_t *size);
};

struct http;

/* listen: as http.listen (listen_address.h). source: copied; its context is borrowed until
 * http_stop. Threads start here: after the sandbox was opened. Returns 0 with *http (NULL when
 * listen is "off"), or -1 with err: ERR_INVALID (no such address), ERR_SYSTEM (it is in use, or not
 * to be had). */
int http_start(const char *listen, const struct http_source *source, struct http **http,
	struct err *err);
int http_port(const struct http *http);	/* the one really used; 0: off */
void http_stop(struct http *http);	/* NULL is allowed */

#endif
