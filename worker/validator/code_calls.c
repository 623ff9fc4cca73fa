/* code_calls.c: see code_calls.h.
 *
 * Only the first argument counts, and a list as the second (spawn("rm", ["-rf"])): what else is handed
 * over is data. */
#include "code_calls.h"

#include <string.h>

enum { MODULE_OS = 1, MODULE_SUBPROCESS = 2, MODULE_CHILD_PROCESS = 4, MODULE_ASYNCIO = 8,
	MODULE_PTY = 16 };

static const struct {
	const char *name;
	unsigned bit;
} modules_known[] = {{"os", MODULE_OS}, {"subprocess", MODULE_SUBPROCESS},
	{"child_process", MODULE_CHILD_PROCESS}, {"asyncio", MODULE_ASYNCIO}, {"pty", MODULE_PTY}};

static const struct {
	enum code_language language;
	unsigned module;
	const char *name;		/* a '*' at its end stands for anything */
	enum runner runner;
} runners[] = {
	{CODE_PYTHON, MODULE_OS, "system", RUNNER_SHELL},
	{CODE_PYTHON, MODULE_OS, "popen", RUNNER_SHELL},
	{CODE_PYTHON, MODULE_OS, "exec*", RUNNER_WORDS},
	{CODE_PYTHON, MODULE_OS, "spawn*", RUNNER_WORDS},
	{CODE_PYTHON, MODULE_OS, "posix_spawn*", RUNNER_WORDS},
	{CODE_PYTHON, MODULE_SUBPROCESS, "run", RUNNER_SHELL},
	{CODE_PYTHON, MODULE_SUBPROCESS, "call", RUNNER_SHELL},
	{CODE_PYTHON, MODULE_SUBPROCESS, "Popen", RUNNER_SHELL},
	{CODE_PYTHON, MODULE_SUBPROCESS, "check_*", RUNNER_SHELL},
	{CODE_PYTHON, MODULE_SUBPROCESS, "getoutput", RUNNER_SHELL},
	{CODE_PYTHON, MODULE_SUBPROCESS, "getstatusoutput", RUNNER_SHELL},
	{CODE_PYTHON, MODULE_ASYNCIO, "create_subprocess_shell", RUNNER_SHELL},
	{CODE_PYTHON, MODULE_ASYNCIO, "create_subprocess_exec", RUNNER_WORDS},
	{CODE_PYTHON, MODULE_PTY, "spawn", RUNNER_SHELL},
	{CODE_JAVASCRIPT, MODULE_CHILD_PROCESS, "exec", RUNNER_SHELL},
	{CODE_JAVASCRIPT, MODULE_CHILD_PROCESS, "execSync", RUNNER_SHELL},
	{CODE_JAVASCRIPT, MODULE_CHILD_PROCESS, "spawn*", RUNNER_SHELL},
	{CODE_JAVASCRIPT, MODULE_CHILD_PROCESS, "execFile*", RUNNER_SHELL},
};

unsigned code_calls_module(const char *name)
{
	if (strncmp(name, "node:", 5) == 0)
		name += 5;
	size_t length = strcspn(name, ".");
	for (size_t i = 0; i < sizeof modules_known / sizeof *modules_known; i++)
		if (strlen(modules_known[i].name) == length &&
				strncmp(modules_known[i].name, name, length) == 0)
			return modules_known[i].bit;
	return 0;
}

static bool fits(const char *name, const char *pattern)
{
	size_t length = strlen(pattern);
	if (length > 0 && pattern[length - 1] == '*')
		return strncmp(name, pattern, length - 1) == 0;
	return strcmp(name, pattern) == 0;
}

enum runner code_calls_runner(enum code_language language, const char *name, unsigned modules)
{
	const char *last = strrchr(name, '.');
	unsigned owner = last ? code_calls_module(name) : 0;
	last = last ? last + 1 : name;
	for (size_t i = 0; i < sizeof runners / sizeof *runners; i++)
		if (runners[i].language == language && fits(last, runners[i].name) &&
				((modules | owner) & runners[i].module))
			return runners[i].runner;
	return RUNNER_NONE;
}

void code_calls_begin(struct call *call, enum runner runner)
{
	call->runner = runner;
	call->depth = 1;
	call->argument = 0;
	call->listed = false;
	call->used = call->count = 0;
}

static char unescaped(char c)
{
	return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

static void keep(struct call *call, const struct token *token)
{
	size_t begin = call->used;
	if (call->count == CALL_WORDS || begin + 1 >= sizeof call->text)
		return;
	for (size_t i = 0; i < token->size && call->used + 2 < sizeof call->text; i++) {
		char c = token->text[i];
		if (c == '\\' && i + 1 < token->size)
			c = unescaped(token->text[++i]);
		if (c != '\0')
			call->text[call->used++] = c;
	}
	call->text[call->used++] = '\0';
	call->words[call->count++] = call->text + begin;
}

static bool wanted(const struct call *call)
{
	if (call->runner == RUNNER_WORDS)
		return call->depth <= 2;
	if (call->depth == 1)
		return call->argument == 0;
	return call->depth == 2 && call->argument <= 1 && call->listed;
}

static bool finish(struct call *call, const struct shell_reader *reader)
{
	bool words = call->runner == RUNNER_WORDS || call->listed;
	call->runner = RUNNER_NONE;
	if (call->count == 0)
		return true;
	if (words)
		return shell_argv(call->words, call->count, reader);
	bool more = true;
	for (size_t i = 0; more && i < call->count; i++)
		more = shell_words(call->words[i], strlen(call->words[i]), reader);
	return more;
}

bool code_calls_token(struct call *call, const struct token *token,
	const struct shell_reader *reader)
{
	char sign = token->kind == TOKEN_SIGN ? token->text[0] : '\0';
	if (token->kind == TOKEN_STRING && wanted(call))
		keep(call, token);
	else if (sign == '(' || sign == '[' || sign == '{') {
		if (call->depth == 1 && sign != '{' && call->argument <= 1)
			call->listed |= sign == '[' || call->count == 0;
		call->depth++;
	} else if (sign == ')' || sign == ']' || sign == '}') {
		if (--call->depth == 0)
			return finish(call, reader);
	} else if (sign == ',' && call->depth == 1)
		call->argument++;
	return true;
}
