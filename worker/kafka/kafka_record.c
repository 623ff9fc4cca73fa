/* kafka_record.c: see kafka_record.h. */
#include "kafka_record.h"

#include <stdlib.h>

static int headers_fill(const rd_kafka_message_t *message, struct kafka_header_list *headers,
	struct kafka_record *record, struct err *err)
{
	rd_kafka_headers_t *found;
	if (rd_kafka_message_headers(message, &found) != 0)
		return 0;		/* none */
	size_t count = rd_kafka_header_cnt(found);
	if (count > headers->room) {
		struct kafka_header *list = realloc(headers->list, count * sizeof *list);
		if (!list)
			return err_set(err, ERR_MEMORY, "no memory for %zu headers", count);
		*headers = (struct kafka_header_list){list, count};
	}
	for (size_t i = 0; i < count; i++) {
		struct kafka_header *header = &headers->list[i];
		rd_kafka_header_get_all(found, i, &header->name, &header->value, &header->size);
	}
	record->headers = headers->list;
	record->header_count = count;
	return 0;
}

int kafka_record_fill(const rd_kafka_message_t *message, struct kafka_header_list *headers,
	struct kafka_record *record, struct err *err)
{
	*record = (struct kafka_record){
		.topic = rd_kafka_topic_name(message->rkt),
		.partition = message->partition,
		.offset = message->offset,
		.timestamp_ms = rd_kafka_message_timestamp(message, NULL),
		.key = message->key, .key_size = message->key_len,
		.value = message->payload, .value_size = message->len,
	};
	return headers_fill(message, headers, record, err);
}
