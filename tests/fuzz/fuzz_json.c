/* fuzz_json.c: any bytes as a request in JSON, and the scanner beside jansson. */
#include <jansson.h>
#include <stdint.h>

#include "codec_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct codec *codec_of_process(void)
{
	static struct codec *codec;
	struct err err;
	if (!codec)
		HOLDS(codec_new(NULL, &codec, &err) == 0);
	return codec;
}

static bool is_jansson_only(const json_error_t *error)
{
	return json_error_code(error) == json_error_numeric_overflow ||
		json_error_code(error) == json_error_null_byte_in_key;
}

/* Both are strict; jansson also refuses numbers that it can't hold and NUL in a name, and overlooks
 * a NUL byte after a number. The scanner nests less. */
static void same_as_jansson(const char *text, size_t size)
{
	struct json_fault fault;
	json_error_t error;
	json_t *json = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	bool scanned = json_scan(text, size, &fault) == 0;
	if (json)
		HOLDS(scanned || strstr(fault.what, "too deep") || memchr(text, '\0', size));
	else if (scanned && utf8_valid(text, size))
		HOLDS(is_jansson_only(&error));
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct codec *codec = codec_of_process();
	same_as_jansson((const char *)data, size);
	invariant_request(codec, data, size);
	invariant_shown(codec, data, size);
	return 0;
}
