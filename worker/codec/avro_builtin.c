/* avro_builtin.c: see avro_builtin.h.
 *
 * The assembler takes the files of schemas/ in as they are, so there is one text of each schema.
 * The paths are relative to the top of the source tree, where make runs.
 */
#include "avro_builtin.h"

#define EMBED(symbol, path)                                                                      \
	extern const char symbol[] __attribute__((visibility("hidden")));                       \
	__asm__(".pushsection .rodata\n"                                                         \
		".hidden " #symbol "\n"                                                          \
		".global " #symbol "\n"                                                          \
		#symbol ":\n"                                                                    \
		".incbin \"" path "\"\n"                                                         \
		".byte 0\n"                                                                      \
		".popsection\n")

EMBED(avro_builtin_request, "schemas/CodeExecutionRequest.avsc");
EMBED(avro_builtin_result, "schemas/CodeExecutionResult.avsc");
EMBED(avro_builtin_error, "schemas/CodeExecutionError.avsc");
EMBED(avro_builtin_control, "schemas/CodeControl.avsc");

const char *avro_builtin(enum avro_record record)
{
	switch (record) {
	case AVRO_REQUEST: return avro_builtin_request;
	case AVRO_RESULT: return avro_builtin_result;
	case AVRO_ERROR: return avro_builtin_error;
	case AVRO_CONTROL: return avro_builtin_control;
	case AVRO_RECORD_COUNT: break;
	}
	return "";
}
