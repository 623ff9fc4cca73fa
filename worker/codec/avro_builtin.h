/* avro_builtin.h: the schemas of the contract, as compiled in.
 */
#ifndef CODEWORKER_AVRO_BUILTIN_H
#define CODEWORKER_AVRO_BUILTIN_H

enum avro_record {
	AVRO_REQUEST,
	AVRO_RESULT,
	AVRO_ERROR,
	AVRO_CONTROL,
	AVRO_RECORD_COUNT
};

/* NUL-terminated JSON. */
const char *avro_builtin(enum avro_record record);

#endif
