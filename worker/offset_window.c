/* offset_window.c: see offset_window.h. A ring of one byte an offset from the watermark up; the watermark
 * moves when the run above it is complete. */
#include "offset_window.h"

#include <stdlib.h>
#include <string.h>

struct offset_window {
	int64_t watermark, next;	/* next: one above the newest seen */
	int64_t size, pending;
	unsigned char *open;		/* open[offset % size] */
};

struct offset_window *offset_window_new(int64_t start, int64_t size)
{
	struct offset_window *window = calloc(1, sizeof *window);
	if (!window)
		return NULL;
	window->watermark = window->next = start;
	window->size = size;
	window->open = calloc((size_t)size, 1);
	if (!window->open) {
		free(window);
		return NULL;
	}
	return window;
}

void offset_window_free(struct offset_window *window)
{
	if (window)
		free(window->open);
	free(window);
}

static void advance(struct offset_window *window)
{
	while (window->watermark < window->next &&
			!window->open[window->watermark % window->size])
		window->watermark++;
}

bool offset_window_add(struct offset_window *window, int64_t offset)
{
	if (offset < window->next)
		return true;
	if (window->pending == 0)	/* a gap of any length, with nothing below it open */
		window->watermark = window->next = offset;
	if (offset - window->watermark >= window->size)
		return false;
	window->open[offset % window->size] = 1;
	window->next = offset + 1;
	window->pending++;
	advance(window);
	return true;
}

bool offset_window_open(const struct offset_window *window, int64_t offset)
{
	return offset >= window->watermark && offset < window->next &&
		window->open[offset % window->size];
}

void offset_window_done(struct offset_window *window, int64_t offset)
{
	if (!offset_window_open(window, offset))
		return;
	window->open[offset % window->size] = 0;
	window->pending--;
	advance(window);
}

int64_t offset_window_watermark(const struct offset_window *window)
{
	return window->watermark;
}

int64_t offset_window_pending(const struct offset_window *window)
{
	return window->pending;
}

int64_t offset_window_fill(const struct offset_window *window)
{
	return window->next - window->watermark;
}
