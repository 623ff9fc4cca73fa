/* sandbox_user.c: a program of someone who installed libcodesandbox: one Python job, its value. */
#include <codesandbox/sandbox.h>
#include <stdio.h>
#include <string.h>

static const char *const python[] = {"/usr/bin/python3", NULL};
static const char code[] = "def main(input):\n\treturn input['a'] * 7\n";

static int run(struct sandbox *sandbox, struct sandbox_result *result, struct err *err)
{
	struct sandbox_job job = {.tag = 1, .level = SANDBOX_STRICT, .code = code,
		.code_size = strlen(code), .input = "{\"a\": 6}"};
	int got = sandbox_start(sandbox, &job, err);
	while (got == 0)
		got = sandbox_poll(sandbox, -1, result, err);
	return got;
}

int main(int argc, char **argv)
{
	const struct sandbox_runtime runtime = {"python", SANDBOX_RUNTIME_PYTHON, python, ".py", NULL};
	struct sandbox_config config = {.slots = 1, .floor = SANDBOX_STRICT, .runtimes = &runtime,
		.runtime_count = 1, .pool = -1, .run_directory = argc > 1 ? argv[1] : NULL};
	struct sandbox_result result;
	struct sandbox *sandbox;
	struct err err = {0};
	if (sandbox_open(&config, &sandbox, &err) < 0) {
		fprintf(stderr, "sandbox_open: %s\n", err.text);
		return 1;
	}
	int got = run(sandbox, &result, &err);
	if (got < 0)
		fprintf(stderr, "job: %s\n", err.text);
	if (got == 1)
		printf("%s %d %s %s\n", sandbox_level_name(result.level), result.exit_code,
			result.value.data ? result.value.data : "-", result.reason);
	if (got == 1)
		sandbox_result_free(&result);
	sandbox_close(sandbox);
	return got == 1 ? 0 : 1;
}
