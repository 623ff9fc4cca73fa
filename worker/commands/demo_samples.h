/* demo_samples.h: the requests that `codeworker demo` publishes, and how each should end. */
#ifndef CODEWORKER_DEMO_SAMPLES_H
#define CODEWORKER_DEMO_SAMPLES_H

#include <stddef.h>

struct demo_sample {
	const char *title;		/* what it tries, for the table; also the executionId's end */
	const char *expected;		/* "COMPLETED", or the error's code */
	const char *request;		/* members of the JSON request besides the ids */
};

extern const struct demo_sample demo_samples[];
extern const size_t demo_sample_count;

/* A script of the demo's script directory. */
#define DEMO_SCRIPT_NAME "greet.py"
extern const char demo_script[];

#endif
