/* time_text.h: points in time as people write and read them. */
#ifndef CODEWORKER_TIME_TEXT_H
#define CODEWORKER_TIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

int64_t time_now_ms(void);

/* Milliseconds since 1970, "2025-01-31", "2025-01-31T12:00[:00[.123]][Z]" (a blank for the T is
 * fine; without Z: local time), or "10m": that long before now_ms. Returns 0, or -1: none of these. */
int time_parse(const char *text, int64_t now_ms, int64_t *time_ms);

/* "2025-01-31 12:00:00.123" in local time. */
void time_format(int64_t time_ms, char *buffer, size_t size);

#endif
