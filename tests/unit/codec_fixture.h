/* codec_fixture.h: a codec, and a request read with it, for the tests of the codec.
 */
#ifndef CODEWORKER_TESTS_CODEC_FIXTURE_H
#define CODEWORKER_TESTS_CODEC_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/codec/codec.h"

static const struct source fixture_source = {"code.requests", 3, 42};

struct reading_result {
	struct request *request;
	struct malformed malformed;
	int answer;
};

static inline struct codec *fixture_codec(const char *schemas_path)
{
	struct codec *codec;
	struct err err = {0};
	ck_assert_msg(codec_new(schemas_path, &codec, &err) == 0, "%s", err.text);
	return codec;
}

/* The value is handed over in memory of its own size, so that a sanitizer sees reads beyond it. */
static inline struct reading_result fixture_read(struct codec *codec, const void *value,
	size_t size)
{
	struct reading_result r;
	struct err err = {0};
	char *copy = malloc(size ? size : 1);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, value, size);
	r.answer = codec_decode_request(codec, copy, size, &fixture_source, &r.request,
		&r.malformed, &err);
	free(copy);
	ck_assert_msg(r.answer == 0 || r.answer == 1, "%s", err.text);
	ck_assert_ptr_nonnull(r.request->arena);
	ck_assert_str_eq(r.request->source.topic, "code.requests");
	if (r.answer == 1) {
		ck_assert_ptr_nonnull(r.malformed.field);
		ck_assert_ptr_nonnull(r.malformed.message);
		ck_assert(*r.malformed.field && *r.malformed.message);
	}
	return r;
}

static inline struct reading_result fixture_read_text(struct codec *codec, const char *text)
{
	return fixture_read(codec, text, strlen(text));
}

/* A request that is fine but for what members say. */
#define REQUEST_WITH(members)                                                                    \
	"{\"threadId\":\"t\",\"nodeId\":\"n\",\"scriptType\":\"shell\",\"code\":\"true\"" members "}"

static inline void fixture_refused(struct codec *codec, const void *value, size_t size,
	const char *field, const char *message)
{
	struct reading_result r = fixture_read(codec, value, size);
	ck_assert_msg(r.answer == 1, "not refused: %.*s", (int)size, (const char *)value);
	ck_assert_str_eq(r.malformed.field, field);
	ck_assert_msg(strstr(r.malformed.message, message), "\"%s\" lacks \"%s\"",
		r.malformed.message, message);
	arena_free(r.request->arena);
}

static inline void fixture_refused_text(struct codec *codec, const char *text, const char *field,
	const char *message)
{
	fixture_refused(codec, text, strlen(text), field, message);
}

static inline int fixture_run(const char *name, void (*add)(TCase *tests))
{
	Suite *suite = suite_create(name);
	TCase *tests = tcase_create(name);
	tcase_set_timeout(tests, 60);
	add(tests);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
