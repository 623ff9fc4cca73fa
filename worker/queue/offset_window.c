/* offset_window.c: see offset_window.h. A ring of one byte an offset from the watermark up; the watermark
 * moves when the run above it is complete. */
#include "offset_window.h"

#include <stdlib.h>
#include <string.h>

#define RING_LEAST INT64_C(1024)
#define RESTORE_MOST INT64_C(16777216)	/* offsets beyond the watermark: more is no window of ours */

enum mark { MARK_NONE, MARK_OPEN, MARK_FINISHED };

struct offset_window {
	int64_t watermark, next;	/* next: one above the newest seen */
	int64_t restored;		/* one above the newest restored */
	int64_t end;			/* nothing below it is still to come; 0: not known */
	int64_t size, pending;
	int64_t ring_size;		/* grows to size, and beyond where what was restored takes it */
	int64_t since_ms;		/* what is done beyond the watermark ended at or after it */
	int64_t next_since_ms, next_since_from;	/* holds once the watermark is at from */
	unsigned char *marks;		/* marks[offset % ring_size], from watermark up */
};

struct offset_window *offset_window_new(int64_t start, int64_t size)
{
	struct offset_window *window = calloc(1, sizeof *window);
	if (!window)
		return NULL;
	window->watermark = window->next = window->restored = start;
	window->size = size;
	window->ring_size = size < RING_LEAST ? size : RING_LEAST;
	window->marks = calloc((size_t)window->ring_size, 1);
	if (!window->marks) {
		free(window);
		return NULL;
	}
	return window;
}

void offset_window_free(struct offset_window *window)
{
	if (window)
		free(window->marks);
	free(window);
}

static unsigned char *mark_of(const struct offset_window *window, int64_t offset)
{
	return &window->marks[offset % window->ring_size];
}

static int64_t top_of(const struct offset_window *window)
{
	return window->next > window->restored ? window->next : window->restored;
}

static int ring_grow(struct offset_window *window, int64_t ring_size)
{
	unsigned char *marks = calloc((size_t)ring_size, 1);
	if (!marks)
		return -1;
	for (int64_t offset = window->watermark; offset < top_of(window); offset++)
		marks[offset % ring_size] = *mark_of(window, offset);
	free(window->marks);
	window->marks = marks;
	window->ring_size = ring_size;
	return 0;
}

int offset_window_restore(struct offset_window *window, int64_t offset)
{
	int64_t distance = offset - window->watermark;
	if (distance < 0 || offset < window->next)
		return 0;
	if (distance >= RESTORE_MOST)
		return -1;
	if (distance >= window->ring_size && ring_grow(window, distance * 2) < 0)
		return -1;
	*mark_of(window, offset) = MARK_FINISHED;
	if (offset >= window->restored)
		window->restored = offset + 1;
	return 0;
}

void offset_window_unrestore(struct offset_window *window, int64_t offset)
{
	if (offset >= window->next && offset < window->restored)
		*mark_of(window, offset) = MARK_NONE;
}

/* Moves the watermark over all that is not open, up to the newest seen. */
static void advance(struct offset_window *window)
{
	int64_t top = top_of(window);
	while (window->watermark < window->next) {
		if (window->watermark < top && *mark_of(window, window->watermark) == MARK_OPEN)
			return;
		if (window->watermark < top)
			*mark_of(window, window->watermark) = MARK_NONE;
		window->watermark++;
		if (window->watermark >= top)	/* nothing is marked beyond: a gap of any length */
			window->watermark = window->next;
	}
}

static void skip_to(struct offset_window *window, int64_t next)
{
	int64_t top = top_of(window);
	while (window->watermark < next && window->watermark < top)
		*mark_of(window, window->watermark++) = MARK_NONE;
	window->watermark = window->next = next;
}

static int ring_make_room(struct offset_window *window, int64_t distance)
{
	int64_t ring_size = window->ring_size * 2;
	while (ring_size <= distance)
		ring_size *= 2;
	return ring_grow(window, ring_size < window->size ? ring_size : window->size);
}

static void end_reach(struct offset_window *window)
{
	if (window->pending == 0 && window->end > window->next)
		skip_to(window, window->end);
}

enum offset_seen offset_window_add(struct offset_window *window, int64_t offset)
{
	if (offset < window->next)
		return OFFSET_KNOWN;
	if (window->pending == 0)
		skip_to(window, offset);
	int64_t distance = offset - window->watermark;
	int64_t room = offset < window->restored ? window->ring_size : window->size;
	if (distance >= room || (distance >= window->ring_size && ring_make_room(window, distance) < 0))
		return OFFSET_FULL;
	window->next = offset + 1;
	if (*mark_of(window, offset) == MARK_FINISHED) {
		*mark_of(window, offset) = MARK_NONE;
		advance(window);
		return OFFSET_FINISHED;
	}
	*mark_of(window, offset) = MARK_OPEN;
	window->pending++;
	return OFFSET_NEW;
}

bool offset_window_open(const struct offset_window *window, int64_t offset)
{
	return offset >= window->watermark && offset < window->next &&
		*mark_of(window, offset) == MARK_OPEN;
}

void offset_window_done(struct offset_window *window, int64_t offset)
{
	if (!offset_window_open(window, offset))
		return;
	*mark_of(window, offset) = MARK_NONE;
	window->pending--;
	advance(window);
	end_reach(window);
}

void offset_window_end(struct offset_window *window, int64_t end)
{
	if (end > window->end)
		window->end = end;
	end_reach(window);
}

int64_t offset_window_watermark(const struct offset_window *window)
{
	return window->watermark;
}

void offset_window_since_set(struct offset_window *window, int64_t since_ms)
{
	window->since_ms = since_ms;
}

/* Offsets not seen yet end after now. So once the watermark has passed all that are known now, what is
 * done beyond it ended after now. */
int64_t offset_window_since(struct offset_window *window, int64_t now_ms)
{
	if (window->next_since_ms == 0 || window->watermark >= window->next_since_from) {
		if (window->next_since_ms != 0)
			window->since_ms = window->next_since_ms;
		window->next_since_ms = now_ms;
		window->next_since_from = top_of(window);
	}
	return window->since_ms;
}

int64_t offset_window_pending(const struct offset_window *window)
{
	return window->pending;
}

int64_t offset_window_fill(const struct offset_window *window)
{
	return window->next - window->watermark;
}
