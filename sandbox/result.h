/* result.h: one result from the launcher's outcome and what the job wrote. */
#ifndef CODESANDBOX_RESULT_H
#define CODESANDBOX_RESULT_H

#include "shared/record.h"

/* On the value's channel: a kind ('v' JSON text, 'e' why the value is not JSON), the length in 4
 * little-endian bytes, the text. */
#define VALUE_FRAME 5

/* Takes over the buffers' memory (they are empty afterwards). output_fd: CODE_OUTPUT, borrowed. */
void result_build(const struct record_outcome *outcome, struct sandbox_buffer *out,
	struct sandbox_buffer *err, struct sandbox_buffer *value, int output_fd,
	struct sandbox_result *result);

#endif
