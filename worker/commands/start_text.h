/* start_text.h: from where a topic is read, as people write it. */
#ifndef CODEWORKER_START_TEXT_H
#define CODEWORKER_START_TEXT_H

#include "../kafka/kafka_client.h"

/* "beginning", "end", or a point in time (time_text.h). Returns 0, or -1: none of these. */
int start_parse(const char *text, struct kafka_start *start);

/* kcat's: "beginning", "end", N, -N (before the end), s@MS. */
int start_parse_offset(const char *text, struct kafka_start *start);

#endif
