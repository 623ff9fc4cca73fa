/* codec_record.h: what stands in the records that the worker writes.
 */
#ifndef CODEWORKER_CODEC_RECORD_H
#define CODEWORKER_CODEC_RECORD_H

#include "codec_datum.h"

/* Each builds the record on its stack and hands it to write, whose answer it returns: the data
 * point into each other and are gone afterwards. */
struct record_writer {
	int (*write)(void *user, const struct datum *record);
	void *user;
};

int codec_record_request(const struct request *request, struct record_writer writer);
int codec_record_result(const struct result *result, struct record_writer writer);
int codec_record_error(const struct error_event *event, struct record_writer writer);

#endif
