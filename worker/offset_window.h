/* offset_window.h: which offsets of one partition are done. Pure.
 *
 * Jobs finish out of order, Kafka commits one number: the watermark is the first offset that is not
 * done. Offsets that a consumer never sees (transaction markers, compacted ones) count as done
 * once a later one was seen.
 */
#ifndef CODEWORKER_OFFSET_WINDOW_H
#define CODEWORKER_OFFSET_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct offset_window;

/* size: the most offsets that may stand between the watermark and the newest one seen. */
struct offset_window *offset_window_new(int64_t start, int64_t size);	/* NULL: no memory */
void offset_window_free(struct offset_window *window);

/* An offset has been consumed. Returns false when the window is full: pause, and come back with it. One
 * below the watermark or seen before is true and changes nothing. */
bool offset_window_add(struct offset_window *window, int64_t offset);

/* Whether the offset was added and is not done yet. */
bool offset_window_open(const struct offset_window *window, int64_t offset);

/* The offset is done. Ignored when it is not open. */
void offset_window_done(struct offset_window *window, int64_t offset);

/* What to commit: every offset below is done. */
int64_t offset_window_watermark(const struct offset_window *window);

/* Added and not done. */
int64_t offset_window_pending(const struct offset_window *window);
/* From the watermark to the newest one seen. */
int64_t offset_window_fill(const struct offset_window *window);

#endif
