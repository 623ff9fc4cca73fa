/* result.h: one result from the launcher's outcome and what the job wrote. */
#ifndef CODESANDBOX_RESULT_H
#define CODESANDBOX_RESULT_H

#include "shared/record.h"

/* On the value's channel: a kind ('v' JSON text, 'e' why the value is not JSON; 'c' compiled code), the
 * length in 4 little-endian bytes, the text. */
#define VALUE_FRAME 5

/* Takes over the buffers' memory (they are empty afterwards). output_fd: CODE_OUTPUT, borrowed.
 * compile_bytes: of the job's request; what it says of itself makes no compiled code of its value. */
void result_build(const struct record_outcome *outcome, struct sandbox_buffer *out,
	struct sandbox_buffer *err, struct sandbox_buffer *value, int output_fd,
	size_t compile_bytes, struct sandbox_result *result);

#endif
