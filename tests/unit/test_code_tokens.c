/* test_code_tokens.c: Python and JavaScript as tokens, and what they name and run. */
#include "../../worker/validator/code_names.h"
#include "../../worker/validator/code_tokens.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char seen[4096];

static bool note_token(void *context, const struct token *token)
{
	size_t used = strlen(seen);
	static const char kinds[] = {'n', 's', '.'};
	snprintf(seen + used, sizeof seen - used, "%c:%.*s ", kinds[token->kind], (int)token->size,
		token->text);
	return context == NULL;
}

static const char *tokens(enum code_language language, const char *code)
{
	seen[0] = '\0';
	code_tokens(language, code, strlen(code), note_token, NULL);
	return seen;
}

static bool note_name(void *context, const char *name, bool imported)
{
	size_t used = strlen(seen);
	snprintf(seen + used, sizeof seen - used, "%s%s ", imported ? "+" : "", name);
	return context == NULL;
}

static bool note_command(void *context, const char *const *words, size_t count)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", i ? " " : "[",
			words[i]);
	snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "] ");
	return true;
}

static const char *names(enum code_language language, const char *code)
{
	struct name_reader reader = {.name = note_name, .shell = {.command = note_command}};
	seen[0] = '\0';
	code_names(language, code, strlen(code), &reader);
	return seen;
}

struct sample {
	enum code_language language;
	const char *code, *wanted;
};

static const struct sample lexical[] = {
	{CODE_PYTHON, "a.b(1)", "n:a .:. n:b .:( n:1 .:) "},
	{CODE_PYTHON, "a # b 'c\nd", "n:a n:d "}, {CODE_PYTHON, "'a # b' c", "s:a # b n:c "},
	{CODE_PYTHON, "'a\\'b' \"c'd\"", "s:a\\'b s:c'd "}, {CODE_PYTHON, "'a\nb'", "s:a s: "},
	{CODE_PYTHON, "'''a'b\n''c''' d", "s:a'b\n''c n:d "}, {CODE_PYTHON, "\"\"\"a\"\"\"b", "s:a n:b "},
	{CODE_PYTHON, "f'{a}' rb\"b\" Rb'c'", "s:{a} s:b s:c "}, {CODE_PYTHON, "rub", "n:rub "},
	{CODE_PYTHON, "fr = 1", "n:fr .:= n:1 "}, {CODE_PYTHON, "'' ''", "s: s: "}, {CODE_PYTHON, "'", "s: "},
	{CODE_PYTHON, "'''a''", "s:a'' "}, {CODE_PYTHON, "a // b", "n:a .:/ .:/ n:b "},
	{CODE_PYTHON, "\xc3\xa9 = 1", "n:\xc3\xa9 .:= n:1 "}, {CODE_PYTHON, "'a\\", "s:a\\ "},
	{CODE_JAVASCRIPT, "a // b\nc", "n:a n:c "}, {CODE_JAVASCRIPT, "a /* ' */ b", "n:a n:b "},
	{CODE_JAVASCRIPT, "a /* b", "n:a "}, {CODE_JAVASCRIPT, "'a//b'", "s:a//b "},
	{CODE_JAVASCRIPT, "a / b / c", "n:a .:/ n:b .:/ n:c "}, {CODE_JAVASCRIPT, "= /'/.x", ".:= .:/ .:. n:x "},
	{CODE_JAVASCRIPT, "(/[/']/)", ".:( .:/ .:) "}, {CODE_JAVASCRIPT, "(/\\//)", ".:( .:/ .:) "},
	{CODE_JAVASCRIPT, "return /'/", "n:return .:/ "}, {CODE_JAVASCRIPT, "(a) / 'b'", ".:( n:a .:) .:/ s:b "},
	{CODE_JAVASCRIPT, "`a\nb` c", "s:a\nb n:c "}, {CODE_JAVASCRIPT, "`${`'`}` d", "s:${`'`} n:d "},
	{CODE_JAVASCRIPT, "`${ {a: '}'} }`e", "s:${ {a: '}'} } n:e "}, {CODE_JAVASCRIPT, "`${", "s:${ "},
	{CODE_JAVASCRIPT, "= /a/ / 'b' / c", ".:= .:/ .:/ s:b .:/ n:c "},
	{CODE_JAVASCRIPT, "$a_1", "n:$a_1 "}, {CODE_JAVASCRIPT, "# x", ".:# n:x "},
};

static const struct sample named[] = {
	{CODE_PYTHON, "a.b.c", "a.b.c "}, {CODE_PYTHON, "a . b\nc", "a.b c "}, {CODE_PYTHON, "f().g.h", "f ?.g.h "},
	{CODE_PYTHON, "import a", "+a "}, {CODE_PYTHON, "import a.b as c, d\ne", "+a.b +d e "},
	{CODE_PYTHON, "import a; b", "+a b "}, {CODE_PYTHON, "import a\nimport b", "+a +b "},
	{CODE_PYTHON, "from a import b\nc", "+a +a.b c "},
	{CODE_PYTHON, "from a.b import (c as d,\n e)\nf", "+a.b +a.b.c +a.b.e f "},
	{CODE_PYTHON, "from . import a", "+. +..a "}, {CODE_PYTHON, "from .a import b", "+.a +.a.b "},
	{CODE_PYTHON, "from a import *\nb", "+a b "}, {CODE_PYTHON, "yield from a.b()", "yield a.b "},
	{CODE_PYTHON, "x.from_y", "x.from_y "}, {CODE_PYTHON, "__import__('a')", "__import__ +a "},
	{CODE_PYTHON, "m.import_module(\"a.b\")", "m.import_module +a.b "},
	{CODE_PYTHON, "import os; os.system('a b')", "+os os.system [a b] "},
	{CODE_PYTHON, "subprocess.run(['a', 'b'], c='d')", "subprocess.run c [a b] "},
	{CODE_PYTHON, "subprocess.run([x, 'b'])", "subprocess.run x [b] "},
	{CODE_PYTHON, "os.execl('a', 'b', 'c')", "os.execl [a b c] "}, {CODE_PYTHON, "run('a')", "run "},
	{CODE_PYTHON, "import os; os.system('a' if f('b') else g)", "+os os.system if f else g [a] "},
	{CODE_PYTHON, "os.system('a", "os.system "},
	{CODE_JAVASCRIPT, "require('a')", "require +a "}, {CODE_JAVASCRIPT, "require('node:a')", "require +a "},
	{CODE_JAVASCRIPT, "import a from 'b'", "import a +b from "},
	{CODE_JAVASCRIPT, "child_process.spawn('a', ['b', 'c'], {d: 'e'})",
		"child_process.spawn d [a b c] "},
	{CODE_JAVASCRIPT, "require('child_process').exec(`a`)", "require +child_process ?.exec [a] "},
	{CODE_JAVASCRIPT, "x.exec('a')", "x.exec "},
};

START_TEST(code_is_told_from_strings_and_comments)
{
	const struct sample *sample = &lexical[_i];
	ck_assert_str_eq(tokens(sample->language, sample->code), sample->wanted);
}
END_TEST

START_TEST(names_imports_and_commands_are_found)
{
	const struct sample *sample = &named[_i];
	ck_assert_str_eq(names(sample->language, sample->code), sample->wanted);
}
END_TEST

START_TEST(the_function_can_stop_it)
{
	int stop;
	seen[0] = '\0';
	code_tokens(CODE_PYTHON, "a b c", 5, note_token, &stop);
	ck_assert_str_eq(seen, "n:a ");
	struct name_reader reader = {.name = note_name, .context = &stop,
		.shell = {.command = note_command}};
	seen[0] = '\0';
	code_names(CODE_PYTHON, "import a, b; c", 14, &reader);
	ck_assert_str_eq(seen, "+a ");
}
END_TEST

START_TEST(garbage_never_fails)
{
	static const char signs[] = "'\"`$/{}()[].,#\\\n rfab*\0";
	struct name_reader reader = {.name = note_name, .shell = {.command = note_command}};
	unsigned state = 7;
	for (int round = 0; round < 20000; round++) {
		size_t size = 1 + state % 63;
		char *code = malloc(size);
		ck_assert_ptr_nonnull(code);
		for (size_t i = 0; i < size; i++) {
			state = state * 1103515245 + 12345;
			code[i] = signs[(state >> 16) % sizeof signs];
		}
		seen[0] = '\0';
		code_names(round % 2 ? CODE_PYTHON : CODE_JAVASCRIPT, code, size, &reader);
		free(code);
	}
}
END_TEST

START_TEST(deep_templates_end)
{
	size_t size = 90000;
	char *code = malloc(size + 1);
	ck_assert_ptr_nonnull(code);
	for (size_t i = 0; i < size; i += 3)
		memcpy(code + i, "`${", 3);
	code[size] = '\0';
	seen[0] = '\0';
	code_tokens(CODE_JAVASCRIPT, code, size, note_token, NULL);
	ck_assert_int_eq(seen[0], 's');
	free(code);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("code_tokens");
	TCase *cases = tcase_create("code_tokens");
	tcase_add_loop_test(cases, code_is_told_from_strings_and_comments, 0,
		(int)(sizeof lexical / sizeof *lexical));
	tcase_add_loop_test(cases, names_imports_and_commands_are_found, 0,
		(int)(sizeof named / sizeof *named));
	tcase_add_test(cases, the_function_can_stop_it);
	tcase_add_test(cases, garbage_never_fails);
	tcase_add_test(cases, deep_templates_end);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
