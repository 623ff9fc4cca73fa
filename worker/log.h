/* log.h: one line an event on stderr; text on a terminal, JSON otherwise. Thread-safe. */
#ifndef CODEWORKER_LOG_H
#define CODEWORKER_LOG_H

#include "config/config.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_setup(const struct config *config);

/* Fields: pairs of name and value (strings), ended by NULL:
 *	log_event(LOG_WARN, "partition paused", "topic", topic, "reason", text, NULL);  */
void log_event(enum log_level level, const char *message, ...) __attribute__((sentinel));
/* Number as a field's value; the text lives until the line's end of the calling full expression's
 * thread reuses it 8 calls later. */
const char *log_number(int64_t number);

#endif
