/* test_shell_words.c: the words and commands that a shell would see. */
#include "../../worker/validator/shell_words.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct log {
	char text[4096];
	int left;			/* callbacks until it stops the reading; negative: never */
};

static bool note(struct log *log, const char *text, const char *behind)
{
	size_t used = strlen(log->text);
	snprintf(log->text + used, sizeof log->text - used, "%s%s", text, behind);
	return true;
}

static bool note_word(void *context, const char *text, bool quoted)
{
	struct log *log = context;
	note(log, text, quoted ? "'," : ",");
	return log->left-- != 0;
}

static bool note_command(void *context, const char *const *words, size_t count)
{
	struct log *log = context;
	for (size_t i = 0; i < count; i++)
		note(log, words[i], i + 1 < count ? " " : "|");
	return log->left-- != 0;
}

static const char *commands(const char *code)
{
	static struct log log;
	log = (struct log){.left = -1};
	struct shell_reader reader = {.command = note_command, .context = &log};
	ck_assert(shell_words(code, strlen(code), &reader));
	return log.text;
}

static const char *words(const char *code)
{
	static struct log log;
	log = (struct log){.left = -1};
	struct shell_reader reader = {.word = note_word, .command = note_command, .context = &log};
	ck_assert(shell_words(code, strlen(code), &reader));
	return log.text;
}

static const struct { const char *code, *commands; } samples[] = {
	{"", ""}, {"  \n\t\n", ""}, {"# all\n  # comment", ""}, {"ls -l a", "ls -l a|"},
	{"a;b&c|d||e&&f\ng", "a|b|c|d|e|f|g|"}, {"a 'b c' \"d e\"f g\\ h", "a b c d ef g h|"},
	{"a '' \"\" b", "a   b|"}, {"a b\\\nc", "a bc|"}, {"a#b #c", "a#b|"},
	{"a '$(b)' \\$\\(c\\) \"\\$(d)\"", "a $(b) $(c) $(d)|"},
	{"a \"x$(b \"c $(d)\")y\" z", "d|b c $|a x$y z|"}, {"a `b; c` d", "b|c|a $ d|"},
	{"a $(b; c) d", "b|c|a $ d|"}, {"a $((1 + (2))) b", "a $ b|"}, {"a ${x:-b; c} d", "a ${x:-b; c} d|"},
	{"if a; then b; elif c; then d; else e; fi", "a|b|c|d|e|"},
	{"while a; do b; done; until c; do d; done", "a|b|c|d|"}, {"! a; { b; }; (c)", "a|b|c|"},
	{"X=1 Y=\"2 3\" a Z=4", "a Z=4|"}, {"X=1", ""}, {"x=(a b\nc) d", "d|"},
	{"f() { a; }\nf", "a|"}, {"a >b 2>&1 <c d", "a d|"}, {">x a", "a|"}, {"a <<E b\nx\nE\nc", "a b|c|"},
	{"a <<-E\n\tx\n\tE\nb", "a|b|"}, {"a <<E <<'F'\n1\nE\n2\nF\nb", "a|b|"}, {"a <<E\nnever", "a|"},
	{"a <<< b c\nd", "a c|d|"}, {"case x in a) b;; c|d) e;; (f) g; esac; h", "b|e|g|h|"},
	{"case x in a) case y in b) c;; esac;; d) e;; esac", "c|e|"},
	{"env X=1 a b", "env X=1 a b|a b|"}, {"env -u X -i a", "env -u X -i a|a|"},
	{"nice -n 5 nohup a", "nice -n 5 nohup a|nohup a|a|"}, {"command -v a", "command -v a|"},
	{"command a", "command a|a|"}, {"sh -c 'a; b' c", "a|b|sh -c a; b c|"},
	{"/bin/bash -ec \"a\"", "a|/bin/bash -ec a|"}, {"eval 'a b'", "a b|eval a b|"},
	{"find . -exec a {} \\; b", "find . -exec a {} ; b|a {} ; b|"}, {"'if' a", "if a|"},
	{"a &>b c", "a|c|"}, {"((x = 1)) && a", "a|"}, {"a $(case x in y) b;; esac) c", "b|a $ c|"},
	{"a )b", "a|b|"}, {"'a", "a|"}, {"a \"b $(c", "c|a b $|"}, {"$(", "$|"}, {"`", "$|"}, {"a \\", "a |"},
};

START_TEST(commands_are_found_where_a_shell_finds_them)
{
	ck_assert_msg(strcmp(commands(samples[_i].code), samples[_i].commands) == 0, "%s: %s, not %s",
		samples[_i].code, commands(samples[_i].code), samples[_i].commands);
}
END_TEST

START_TEST(every_word_is_told_with_its_quoting)
{
	ck_assert_str_eq(words("X=1 a 'b' >c d\\e\n"), "X=1,a,b',c,de',a b de|");
	ck_assert_str_eq(words("for i in a; do :; done"),
		"for,i,in,a,for i in a|do,:,:|done,");
}
END_TEST

START_TEST(the_reader_can_stop_it)
{
	for (int left = 0; left < 4; left++) {
		struct log log = {.left = left};
		struct shell_reader reader = {.command = note_command, .context = &log};
		ck_assert(!shell_words("a; b $(c); d; e", 15, &reader));
		ck_assert_int_eq(log.left, -1);
	}
}
END_TEST

START_TEST(words_at_hand_are_read_as_they_are)
{
	struct log log = {.left = -1};
	struct shell_reader reader = {.command = note_command, .context = &log};
	const char *argv[] = {"env", "if", "a;b", "$(c)"}, *script[] = {"sh", "-c", "d; e"};
	ck_assert(shell_argv(argv, 4, &reader));
	ck_assert_str_eq(log.text, "env if a;b $(c)|if a;b $(c)|");
	log.text[0] = '\0';
	ck_assert(shell_argv(script, 3, &reader));
	ck_assert_str_eq(log.text, "d|e|sh -c d; e|");
}
END_TEST

static bool bounded(void *context, const char *const *list, size_t count)
{
	size_t *most = context;
	for (size_t i = 0; i < count; i++)
		if (strlen(list[i]) > most[0])
			most[0] = strlen(list[i]);
	if (count > most[1])
		most[1] = count;
	return true;
}

START_TEST(words_and_commands_have_a_bound)
{
	size_t most[2] = {0};
	struct shell_reader reader = {.command = bounded, .context = most};
	char *code = malloc(200001);
	ck_assert_ptr_nonnull(code);
	memset(code, 'x', 200000);
	ck_assert(shell_words(code, 200000, &reader));
	ck_assert_uint_eq(most[0], SHELL_WORD_BYTES - 1);
	for (size_t i = 1; i < 200000; i += 2)
		code[i] = ' ';
	ck_assert(shell_words(code, 200000, &reader));
	ck_assert_uint_eq(most[1], SHELL_COMMAND_WORDS);
	free(code);
}
END_TEST

START_TEST(deep_nesting_ends)
{
	char code[60001];
	size_t most[2] = {0};
	struct shell_reader reader = {.command = bounded, .context = most};
	for (size_t i = 0; i < 60000; i += 2)
		memcpy(code + i, "$(", 2);
	ck_assert(shell_words(code, 60000, &reader));
	memset(code, '(', 60000);
	ck_assert(shell_words(code, 60000, &reader));
	for (size_t i = 0; i < 60000; i += 3)
		memcpy(code + i, "\"$(", 3);
	ck_assert(shell_words(code, 60000, &reader));
}
END_TEST

/* Cut anywhere, with bytes changed: it ends, and stays inside (run with the sanitizers). */
START_TEST(garbage_never_fails)
{
	unsigned state = 1;
	size_t most[2] = {0};
	struct shell_reader reader = {.command = bounded, .context = most};
	static const char signs[] = "$(){}`'\"\\;&|<>#= \n-ca\0";
	for (int round = 0; round < 20000; round++) {
		char *code = malloc(64);
		ck_assert_ptr_nonnull(code);
		size_t size = (size_t)(state % 64);
		for (size_t i = 0; i < size; i++) {
			state = state * 1103515245 + 12345;
			code[i] = signs[(state >> 16) % sizeof signs];
		}
		code = realloc(code, size ? size : 1);
		ck_assert(shell_words(code, size, &reader));
		state = state * 1103515245 + 12345;
		free(code);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shell_words");
	TCase *cases = tcase_create("shell_words");
	tcase_add_loop_test(cases, commands_are_found_where_a_shell_finds_them, 0,
		(int)(sizeof samples / sizeof *samples));
	tcase_add_test(cases, every_word_is_told_with_its_quoting);
	tcase_add_test(cases, the_reader_can_stop_it);
	tcase_add_test(cases, words_at_hand_are_read_as_they_are);
	tcase_add_test(cases, words_and_commands_have_a_bound);
	tcase_add_test(cases, deep_nesting_ends);
	tcase_add_test(cases, garbage_never_fails);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
