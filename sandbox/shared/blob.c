/* blob.c: see blob.h. A string or byte run is its length (8 bytes), the bytes, and a NUL; the length
 * ABSENT stands for NULL. */
#include "blob.h"

#include <stdlib.h>
#include <string.h>

#define ABSENT UINT64_MAX

static void put(struct blob_writer *writer, const void *data, size_t size)
{
	if (writer->failed || size == 0)
		return;
	if (size > writer->capacity - writer->size) {
		size_t capacity = (writer->size + size) * 2 + 256;
		char *grown = realloc(writer->data, capacity);
		if (!grown) {
			writer->failed = true;
			return;
		}
		writer->data = grown;
		writer->capacity = capacity;
	}
	memcpy(writer->data + writer->size, data, size);
	writer->size += size;
}

void blob_put_u64(struct blob_writer *writer, uint64_t value)
{
	put(writer, &value, sizeof value);
}

void blob_put_bytes(struct blob_writer *writer, const void *data, size_t size)
{
	blob_put_u64(writer, size);
	put(writer, data, size);
	put(writer, "", 1);
}

void blob_put_string(struct blob_writer *writer, const char *string)
{
	if (string)
		blob_put_bytes(writer, string, strlen(string));
	else
		blob_put_u64(writer, ABSENT);
}

uint64_t blob_get_u64(struct blob_reader *reader)
{
	uint64_t value = 0;
	if (reader->failed || reader->size - reader->at < sizeof value) {
		reader->failed = true;
		return 0;
	}
	memcpy(&value, reader->data + reader->at, sizeof value);
	reader->at += sizeof value;
	return value;
}

static const char *get_run(struct blob_reader *reader, uint64_t length, size_t *size)
{
	size_t left = reader->size - reader->at;
	if (reader->failed || left == 0 || length > left - 1 ||
			reader->data[reader->at + length] != '\0') {
		reader->failed = true;
		return NULL;
	}
	const char *run = reader->data + reader->at;
	reader->at += length + 1;
	*size = length;
	return run;
}

const char *blob_get_bytes(struct blob_reader *reader, size_t *size)
{
	uint64_t length = blob_get_u64(reader);
	*size = 0;
	return get_run(reader, length, size);
}

const char *blob_get_string(struct blob_reader *reader)
{
	uint64_t length = blob_get_u64(reader);
	if (length == ABSENT)
		return NULL;
	size_t size = 0;
	const char *string = get_run(reader, length, &size);
	if (string && strlen(string) != size) {
		reader->failed = true;
		return NULL;
	}
	return string;
}
