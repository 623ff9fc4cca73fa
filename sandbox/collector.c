/* collector.c: see collector.h. */
#include "collector.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (64u << 10)
#define CHUNKS_PER_CALL 16

int collector_pipe(int ends[2], struct err *err)
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_system(err, "pipe");
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	err_system(err, "fcntl of a pipe");
	close(ends[0]);
	close(ends[1]);
	return -1;
}

void collector_close(struct collector *collector)
{
	if (collector->fd >= 0)
		close(collector->fd);
	collector->fd = -1;
}

static bool reserve(struct collector *collector, size_t more)
{
	size_t needed = collector->buffer.size + more + 1;
	if (needed <= collector->capacity)
		return true;
	size_t capacity = needed * 2;
	char *grown = realloc(collector->buffer.data, capacity);
	if (!grown)
		return false;
	collector->buffer.data = grown;
	collector->capacity = capacity;
	return true;
}

static void keep(struct collector *collector, const char *data, size_t size)
{
	size_t room = collector->limit - collector->buffer.size;
	if (size > room) {
		size = room;
		collector->buffer.truncated = true;
	}
	if (size == 0)
		return;
	if (collector->failed || !reserve(collector, size)) {
		collector->failed = collector->buffer.truncated = true;
		return;
	}
	memcpy(collector->buffer.data + collector->buffer.size, data, size);
	collector->buffer.size += size;
	collector->buffer.data[collector->buffer.size] = '\0';
}

bool collector_read(struct collector *collector)
{
	char chunk[CHUNK];
	for (int i = 0; i < CHUNKS_PER_CALL && collector->fd >= 0; i++) {
		ssize_t got = read(collector->fd, chunk, sizeof chunk);
		if (got > 0) {
			keep(collector, chunk, (size_t)got);
		} else if (got < 0 && errno == EINTR) {
			continue;
		} else if (got < 0 && errno == EAGAIN) {
			return false;
		} else {
			collector_close(collector);
			return false;
		}
	}
	return collector->fd >= 0;
}
