/* start_text.c: see start_text.h. */
#include "start_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../time_text.h"

int start_parse(const char *text, struct kafka_start *start)
{
	*start = (struct kafka_start){.from = START_TIME};
	if (strcmp(text, "beginning") == 0)
		start->from = START_BEGINNING;
	else if (strcmp(text, "end") == 0)
		start->from = START_END;
	else
		return time_parse(text, time_now_ms(), &start->value);
	return 0;
}

int start_parse_offset(const char *text, struct kafka_start *start)
{
	bool tail = text[0] == '-', time = strncmp(text, "s@", 2) == 0;
	const char *digits = text + (time ? 2 : tail ? 1 : 0);
	char *rest;
	if (strcmp(text, "beginning") == 0 || strcmp(text, "end") == 0)
		return start_parse(text, start);
	errno = 0;
	start->value = strtoll(digits, &rest, 10);
	start->from = time ? START_TIME : tail ? START_TAIL : START_OFFSET;
	return *digits < '0' || *digits > '9' || *rest || errno ? -1 : 0;
}
