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

enum offset_seen {
	OFFSET_NEW,			/* open from now on */
	OFFSET_KNOWN,			/* below the watermark or seen before: nothing changed */
	OFFSET_FINISHED,		/* restored as finished: done from now on */
	OFFSET_FULL,			/* no room: pause, and come back with it */
};

/* size: the most offsets that may stand between the watermark and the newest one seen. */
struct offset_window *offset_window_new(int64_t start, int64_t size);	/* NULL: no memory */
void offset_window_free(struct offset_window *window);

/* A predecessor finished this offset, which has not been consumed yet. One below the watermark is
 * ignored; one beyond the window makes it larger. -1: no memory, or absurdly far away. */
int offset_window_restore(struct offset_window *window, int64_t offset);

/* It was not, after all: what is there now is another request. */
void offset_window_unrestore(struct offset_window *window, int64_t offset);

/* An offset has been consumed. */
enum offset_seen offset_window_add(struct offset_window *window, int64_t offset);

/* Whether the offset was added and is not done yet. */
bool offset_window_open(const struct offset_window *window, int64_t offset);

/* The offset is done. Ignored when it is not open. */
void offset_window_done(struct offset_window *window, int64_t offset);

/* Nothing below end that was not added exists: transaction markers at the end of the partition. Moves
 * the watermark there as soon as nothing is open. */
void offset_window_end(struct offset_window *window, int64_t end);

/* How far back one must look for what is finished beyond the watermark: all of it ended at or after this
 * time. since_set: what a predecessor committed; since: at now_ms, to be committed with the watermark. */
void offset_window_since_set(struct offset_window *window, int64_t since_ms);
int64_t offset_window_since(struct offset_window *window, int64_t now_ms);

/* What to commit: every offset below is done. */
int64_t offset_window_watermark(const struct offset_window *window);

/* Added and not done. */
int64_t offset_window_pending(const struct offset_window *window);
/* From the watermark to the newest one seen. */
int64_t offset_window_fill(const struct offset_window *window);

#endif
