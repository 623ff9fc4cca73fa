/* fuzz_record.c: bytes of a hostile caller against the launcher's record check and the blob reader that a
 * job's process uses on its payload. The first byte chooses which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../sandbox/shared/blob.h"
#include "../../sandbox/shared/record.h"
#include "../../sandbox/shared/setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_record(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	size_t fd_count = size ? data[0] % 9 : 0;
	if (size > 0 && record_check(data + 1, size - 1, fd_count, 3, &why) < 0 && !why)
		abort();		/* a refusal names its cause */
}

static void fuzz_payload(const uint8_t *data, size_t size)
{
	struct blob_reader reader = {.data = (const char *)data, .size = size};
	size_t length, total = 0;
	(void)blob_get_string(&reader);
	const char *code = blob_get_bytes(&reader, &length);
	if (code && code[length] != '\0')
		abort();
	for (const char *entry; total < 4096 && (entry = blob_get_string(&reader)); total++)
		if (entry < reader.data || entry + strlen(entry) >= reader.data + size)
			abort();
}

static void fuzz_setup(const uint8_t *data, size_t size)
{
	static struct setup setup;
	struct blob_reader reader = {.data = (const char *)data, .size = size};
	if (setup_read(&setup, &reader) == 0 && setup.runtime_count > SETUP_MAX_RUNTIMES)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0: fuzz_record(data + 1, size - 1); break;
	case 1: fuzz_payload(data + 1, size - 1); break;
	default: fuzz_setup(data + 1, size - 1); break;
	}
	return 0;
}
