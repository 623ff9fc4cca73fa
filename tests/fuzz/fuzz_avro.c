/* fuzz_avro.c: any bytes as a record in Avro.
 *
 * The first byte chooses the writer's schema, since no fuzzer finds a fingerprint: one of the
 * contract's, one with every type that Avro has, or none, when the bytes are taken as they are.
 */
#include <stdint.h>
#include <unistd.h>

#include "../../worker/codec/avro_builtin.h"
#include "../../worker/codec/avro_canonical.h"
#include "../../worker/codec/avro_write.h"
#include "codec_invariants.h"

#define CHOICES (AVRO_RECORD_COUNT + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char every_type[] =
	"{\"type\":\"record\",\"name\":\"CodeExecutionRequest\",\"fields\":["
	"{\"name\":\"threadId\",\"type\":\"bytes\"},{\"name\":\"nodeId\",\"type\":\"string\"},"
	"{\"name\":\"scriptType\",\"type\":[\"null\",\"string\",\"int\"]},"
	"{\"name\":\"nulls\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"
	"{\"name\":\"code\",\"type\":\"string\"},{\"name\":\"timeoutMs\",\"type\":\"int\"},"
	"{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"d\",\"type\":\"double\"},"
	"{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}},"
	"{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"
	"{\"name\":\"environment\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"bytes\"]}},"
	"{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"F\"}}},"
	"{\"name\":\"next\",\"type\":[\"null\",\"CodeExecutionRequest\"]}]}";

struct target {
	struct codec *codec;
	uint64_t fingerprints[CHOICES];
};

static uint64_t fingerprint_of(const char *schema)
{
	char *canonical;
	struct err err;
	HOLDS(avro_canonical(schema, strlen(schema), &canonical, &err) == 0);
	uint64_t fingerprint = avro_fingerprint(canonical, strlen(canonical));
	free(canonical);
	return fingerprint;
}

static struct codec *codec_with(const char *schema)
{
	char directory[] = "/tmp/codeworker-fuzz-XXXXXX", path[60];
	struct codec *codec;
	struct err err;
	HOLDS(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/every.avsc", directory);
	FILE *file = fopen(path, "we");
	HOLDS(file && fputs(schema, file) >= 0 && fclose(file) == 0);
	HOLDS(codec_new(directory, &codec, &err) == 0);
	HOLDS(unlink(path) == 0 && rmdir(directory) == 0);
	return codec;
}

static const struct target *target_of_process(void)
{
	static struct target target;
	if (target.codec)
		return &target;
	target.codec = codec_with(every_type);
	for (int i = 0; i < AVRO_RECORD_COUNT; i++)
		target.fingerprints[i] = fingerprint_of(avro_builtin(i));
	target.fingerprints[AVRO_RECORD_COUNT] = fingerprint_of(every_type);
	return &target;
}

static void value_is_handled(struct codec *codec, const void *value, size_t size)
{
	invariant_request(codec, value, size);
	invariant_shown(codec, value, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct target *target = target_of_process();
	if (size == 0 || *data % (CHOICES + 1) == CHOICES) {
		value_is_handled(target->codec, data + (size > 0), size - (size > 0));
		return 0;
	}
	unsigned char *value = malloc(AVRO_HEADER_BYTES + size - 1);
	HOLDS(value);
	uint64_t fingerprint = target->fingerprints[*data % (CHOICES + 1)];
	memcpy(value, AVRO_MARKER, 2);
	for (int i = 0; i < 8; i++)
		value[2 + i] = (unsigned char)(fingerprint >> 8 * i);
	memcpy(value + AVRO_HEADER_BYTES, data + 1, size - 1);
	value_is_handled(target->codec, value, AVRO_HEADER_BYTES + size - 1);
	free(value);
	return 0;
}
