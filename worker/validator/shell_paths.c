/* shell_paths.c: see shell_paths.h. Two dots are any two characters to grep and sed, and a name like others to
 * test. */
#include "shell_paths.h"

#include <string.h>

struct shell_tool {
	const char *name;
	const char *values;		/* letters of options that take one; e and E: text, f: a file */
	enum { FIRST, ALL, NONE } text;	/* which operands are text where no option gave it */
};

static const struct shell_tool tools[] = {{"grep", "ABCmdDef", FIRST}, {"egrep", "ABCmdDef", FIRST},
	{"fgrep", "ABCmdDef", FIRST}, {"zgrep", "ABCmdDef", FIRST}, {"sed", "lef", FIRST},
	{"awk", "Fvf", FIRST}, {"gawk", "Fvf", FIRST}, {"mawk", "Fvf", FIRST}, {"perl", "eE", NONE},
	{"expr", "", ALL}, {"tr", "", ALL}};

void shell_paths_command(struct scanner *scanner, const char *name)
{
	scanner->tool = NULL;
	for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
		if (strcmp(tools[i].name, name) == 0)
			scanner->tool = &tools[i];
	scanner->text_due = scanner->tool && scanner->tool->text == FIRST;
	scanner->value_due = '\0';
}

static bool takes_text(char letter)
{
	return letter == 'e' || letter == 'E';
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool long_option_is_text(struct scanner *scanner, const char *text)
{
	bool program = begins(text, "--expression=") || begins(text, "--regexp=");
	if (program || begins(text, "--file="))
		scanner->text_due = false;
	return program;
}

static bool option_is_text(struct scanner *scanner, const char *text)
{
	const char *letter = text + 1 + strcspn(text + 1, scanner->tool->values);
	if (text[1] == '-')
		return long_option_is_text(scanner, text);
	if (!*letter)
		return false;
	if (takes_text(*letter) || *letter == 'f')
		scanner->text_due = false;
	if (letter[1])
		return takes_text(*letter);
	scanner->value_due = *letter;
	return false;
}

static bool is_text(struct scanner *scanner, const struct shell_word *word)
{
	char option = scanner->value_due;
	bool due = scanner->text_due;
	if (!scanner->tool)
		return false;
	scanner->value_due = '\0';
	if (option)
		return takes_text(option);
	if (word->text[0] == '-' && word->text[1])
		return option_is_text(scanner, word->text);
	scanner->text_due = false;
	return due || scanner->tool->text == ALL;
}

static bool compares(const char *text, size_t size)
{
	static const char *const operators[] = {"=", "==", "!=", "=~"};
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
		if (strlen(operators[i]) == size && memcmp(operators[i], text, size) == 0)
			return true;
	return false;
}

static bool comparison_follows(const struct scanner *scanner)
{
	size_t at = scanner->at, length = 0;
	while (at < scanner->size && (scanner->code[at] == ' ' || scanner->code[at] == '\t'))
		at++;
	while (at + length < scanner->size && !strchr(" \t\n", scanner->code[at + length]))
		length++;
	return compares(scanner->code + at, length);
}

bool shell_paths_word(struct scanner *scanner, const struct shell_word *word)
{
	bool compared = scanner->compared;
	scanner->compared = compares(word->text, strlen(word->text));
	switch (scanner->expect) {
	case EXPECT_CASE:
	case EXPECT_PATTERN: return false;
	case EXPECT_REDIRECT: return true;
	case EXPECT_ARGUMENT:
		if (is_text(scanner, word))
			return false;
		break;
	default: break;
	}
	return !compared && !comparison_follows(scanner);
}
