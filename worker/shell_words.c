/* shell_words.c: see shell_words.h. */
#include "shell_words.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 4
#define HEREDOCS_MAX 4

enum expect { EXPECT_COMMAND, EXPECT_ARGUMENT, EXPECT_SCRIPT, EXPECT_PREFIXED, EXPECT_REDIRECT };

struct scanner {
	const char *code;
	size_t size, at;
	shell_word_function *function;
	void *context;
	int depth;
	enum expect expect, after_redirect;
	bool shell;			/* the command is a shell: -c makes the next word a script */
	char heredocs[HEREDOCS_MAX][64];
	size_t heredoc_count;
};

static bool scan(struct scanner *scanner);

static bool in_list(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static const char *base_name(const char *word)
{
	const char *slash = strrchr(word, '/');
	return slash ? slash + 1 : word;
}

/* Words after which a command follows again. */
static bool reserved(const char *word)
{
	static const char *const words[] = {"if", "then", "else", "elif", "do", "while", "until", "!",
		"{", "}", "fi", "done", "esac", NULL};
	return in_list(words, word);
}

/* Commands that run the command behind them, past their options and assignments. */
static bool prefix_command(const char *word)
{
	static const char *const words[] = {"env", "command", "exec", "nohup", "time", "xargs", "nice",
		"builtin", "setsid", "timeout", "stdbuf", "ionice", NULL};
	return in_list(words, base_name(word));
}

static bool shell_command(const char *word)
{
	static const char *const words[] = {"sh", "bash", "dash", "ash", "zsh", "ksh", NULL};
	return in_list(words, base_name(word));
}

static bool assignment(const char *word)
{
	if (!isalpha((unsigned char)*word) && *word != '_')
		return false;
	while (isalnum((unsigned char)*word) || *word == '_')
		word++;
	return *word == '=' || (word[0] == '+' && word[1] == '=');
}

static bool nested(struct scanner *scanner, const char *code, size_t size)
{
	if (scanner->depth >= DEPTH_MAX)
		return true;
	struct scanner inner = {.code = code, .size = size, .function = scanner->function,
		.context = scanner->context, .depth = scanner->depth + 1};
	return scan(&inner);
}

/* What of a word decides how the next one is read. */
static bool word_done(struct scanner *scanner, struct shell_word *word, bool quoted)
{
	if (scanner->expect == EXPECT_REDIRECT) {
		scanner->expect = scanner->after_redirect;
		word->command = false;
		return scanner->function(scanner->context, word);
	}
	if (scanner->expect == EXPECT_SCRIPT) {
		scanner->expect = EXPECT_ARGUMENT;
		if (!scanner->function(scanner->context, word))
			return false;
		return nested(scanner, word->text, strlen(word->text));
	}
	bool prefixed = scanner->expect == EXPECT_PREFIXED;
	if (scanner->expect != EXPECT_ARGUMENT) {
		if (!quoted && !prefixed && reserved(word->text))
			return true;
		if (assignment(word->text) || (prefixed && (word->text[0] == '-' ||
				isdigit((unsigned char)word->text[0]))))
			return scanner->function(scanner->context, word);
		word->command = true;
		word->begins = true;
		scanner->shell = shell_command(word->text);
		scanner->expect = prefix_command(word->text) ? EXPECT_PREFIXED : EXPECT_ARGUMENT;
	} else if (scanner->shell && word->text[0] == '-' && strchr(word->text, 'c') &&
			word->text[1] != '-') {
		scanner->expect = EXPECT_SCRIPT;
	}
	return scanner->function(scanner->context, word);
}

static void put(struct shell_word *word, size_t *length, char c)
{
	if (*length + 1 < SHELL_WORD_BYTES) {
		word->text[(*length)++] = c;
		word->text[*length] = '\0';
	}
}

/* At "$(" or a backtick: scans what is inside and stands behind it afterwards. */
static bool substitution(struct scanner *scanner)
{
	bool backtick = scanner->code[scanner->at] == '`';
	size_t begin = scanner->at + (backtick ? 1 : 2), end = begin;
	int open = 1;
	for (; end < scanner->size; end++) {
		char c = scanner->code[end];
		if (c == '\\' && end + 1 < scanner->size)
			end++;
		else if (backtick ? c == '`' : (c == ')' && --open == 0))
			break;
		else if (!backtick && c == '(')
			open++;
	}
	scanner->at = end < scanner->size ? end + 1 : scanner->size;
	return nested(scanner, scanner->code + begin, end - begin);
}

static bool at_substitution(const struct scanner *scanner)
{
	return scanner->code[scanner->at] == '`' || (scanner->code[scanner->at] == '$' &&
		scanner->at + 1 < scanner->size && scanner->code[scanner->at + 1] == '(');
}

static bool quoted_part(struct scanner *scanner, struct shell_word *word, size_t *length)
{
	char quote = scanner->code[scanner->at++];
	while (scanner->at < scanner->size && scanner->code[scanner->at] != quote) {
		if (quote == '"' && at_substitution(scanner)) {
			put(word, length, '$');
			if (!substitution(scanner))
				return false;
			continue;
		}
		if (quote == '"' && scanner->code[scanner->at] == '\\' &&
				scanner->at + 1 < scanner->size)
			scanner->at++;
		put(word, length, scanner->code[scanner->at++]);
	}
	scanner->at += scanner->at < scanner->size;
	return true;
}

static bool ends_word(char c)
{
	return isspace((unsigned char)c) || strchr(";&|()<>", c) != NULL;
}

static bool word(struct scanner *scanner)
{
	struct shell_word found = {.text = ""};
	size_t length = 0;
	bool quoted = false;
	while (scanner->at < scanner->size && !ends_word(scanner->code[scanner->at])) {
		char c = scanner->code[scanner->at];
		if (at_substitution(scanner)) {
			put(&found, &length, '$');
			if (!substitution(scanner))
				return false;
		} else if (c == '\'' || c == '"') {
			quoted = true;
			if (!quoted_part(scanner, &found, &length))
				return false;
		} else {
			scanner->at++;
			if (c == '\\' && scanner->at < scanner->size) {
				c = scanner->code[scanner->at++];
				if (c == '\n')
					continue;
			}
			put(&found, &length, c);
		}
	}
	return word_done(scanner, &found, quoted);
}

static void heredoc_note(struct scanner *scanner)
{
	size_t length = 0;
	char *name = scanner->heredocs[scanner->heredoc_count];
	while (scanner->at < scanner->size && strchr("- \t'\"\\", scanner->code[scanner->at]))
		scanner->at++;
	while (scanner->at < scanner->size && !ends_word(scanner->code[scanner->at]) &&
			!strchr("'\"", scanner->code[scanner->at])) {
		if (length < 63)
			name[length++] = scanner->code[scanner->at];
		scanner->at++;
	}
	name[length] = '\0';
	while (scanner->at < scanner->size && strchr("'\"", scanner->code[scanner->at]))
		scanner->at++;
	if (length > 0 && scanner->heredoc_count + 1 < HEREDOCS_MAX)
		scanner->heredoc_count++;
}

/* Behind a newline: the bodies of the here-documents announced on that line. */
static void heredocs_skip(struct scanner *scanner)
{
	for (size_t i = 0; i < scanner->heredoc_count; i++) {
		size_t wanted = strlen(scanner->heredocs[i]);
		while (scanner->at < scanner->size) {
			const char *line = scanner->code + scanner->at;
			size_t left = scanner->size - scanner->at;
			const char *newline = memchr(line, '\n', left);
			size_t length = newline ? (size_t)(newline - line) : left;
			scanner->at += length + (newline != NULL);
			while (length > 0 && *line == '\t') {
				line++;
				length--;
			}
			if (length == wanted && memcmp(line, scanner->heredocs[i], wanted) == 0)
				break;
		}
	}
	scanner->heredoc_count = 0;
}

static void operator(struct scanner *scanner)
{
	char c = scanner->code[scanner->at++];
	if (c == '<' || c == '>') {
		bool here = c == '<' && scanner->at < scanner->size &&
			scanner->code[scanner->at] == '<';
		while (scanner->at < scanner->size && strchr("<>&|", scanner->code[scanner->at]))
			scanner->at++;
		if (here) {
			heredoc_note(scanner);
			return;
		}
		if (scanner->expect != EXPECT_REDIRECT)
			scanner->after_redirect = scanner->expect;
		scanner->expect = EXPECT_REDIRECT;
		return;
	}
	scanner->expect = EXPECT_COMMAND;
	scanner->shell = false;
}

static bool scan(struct scanner *scanner)
{
	while (scanner->at < scanner->size) {
		char c = scanner->code[scanner->at];
		if (c == '\n') {
			scanner->at++;
			scanner->expect = EXPECT_COMMAND;
			scanner->shell = false;
			heredocs_skip(scanner);
		} else if (isspace((unsigned char)c)) {
			scanner->at++;
		} else if (c == '#') {
			const char *newline = memchr(scanner->code + scanner->at, '\n',
				scanner->size - scanner->at);
			scanner->at = newline ? (size_t)(newline - scanner->code) : scanner->size;
		} else if (c == '\0') {
			scanner->at++;
		} else if (strchr(";&|()<>", c)) {
			operator(scanner);
		} else if (!word(scanner)) {
			return false;
		}
	}
	return true;
}

bool shell_words(const char *code, size_t size, shell_word_function *function, void *context)
{
	struct scanner scanner = {.code = code, .size = size, .function = function,
		.context = context};
	return scan(&scanner);
}
