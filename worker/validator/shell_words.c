/* shell_words.c: see shell_words.h.
 *
 * One scanner a level of nesting: a substitution is read by a scanner of its own from the outer one's
 * place on, which ends at the bracket that is not its own. What is to be expected next (a command's name, an
 * argument, a case pattern, ...) is the scanner's state; shell_state.c moves it word by word.
 */
#include "shell_words.h"

#include <ctype.h>
#include <string.h>

#include "shell_state.h"

static bool scan(struct scanner *scanner);

static char peek(const struct scanner *scanner, size_t ahead)
{
	return scanner->at + ahead < scanner->size ? scanner->code[scanner->at + ahead] : '\0';
}

bool shell_scan_nested(const struct scanner *outer, const char *code, size_t size)
{
	struct scanner inner = {.code = code, .size = size, .reader = outer->reader,
		.functions = outer->functions, .depth = outer->depth + 1};
	return inner.depth > SHELL_DEPTH_MAX || scan(&inner);
}

/* Behind "$((" or "((": arithmetic has no commands. */
static void skip_arithmetic(struct scanner *scanner)
{
	for (int open = 2; scanner->at < scanner->size && open > 0; scanner->at++)
		open += (peek(scanner, 0) == '(') - (peek(scanner, 0) == ')');
}

static bool skip_backticks(struct scanner *scanner)
{
	size_t begin = ++scanner->at;
	while (scanner->at < scanner->size && peek(scanner, 0) != '`')
		scanner->at += peek(scanner, 0) == '\\' && scanner->at + 1 < scanner->size ? 2 : 1;
	size_t end = scanner->at;
	scanner->at += scanner->at < scanner->size;
	return shell_scan_nested(scanner, scanner->code + begin, end - begin);
}

/* At "$(" or a backtick: reads what is inside and stands behind it afterwards. */
static bool substitution(struct scanner *scanner)
{
	if (peek(scanner, 0) == '`')
		return skip_backticks(scanner);
	if (peek(scanner, 2) == '(') {
		scanner->at += 3;
		skip_arithmetic(scanner);
		return true;
	}
	struct scanner inner = {.code = scanner->code, .size = scanner->size, .closes = true,
		.at = scanner->at + 2, .reader = scanner->reader,
		.functions = scanner->functions, .depth = scanner->depth + 1};
	if (inner.depth > SHELL_DEPTH_MAX) {
		scanner->at = scanner->size;	/* no honest script is so deep */
		return true;
	}
	bool more = scan(&inner);
	scanner->at = inner.at;
	return more;
}

static bool at_substitution(const struct scanner *scanner)
{
	return peek(scanner, 0) == '`' || (peek(scanner, 0) == '$' && peek(scanner, 1) == '(');
}

/* "${...}" is part of its word, whatever stands in it. */
static void parameter(struct scanner *scanner)
{
	int open = 0;
	do {
		char c = peek(scanner, 0);
		open += (c == '{') - (c == '}');
		shell_state_put(scanner, c);
		scanner->at++;
	} while (scanner->at < scanner->size && (open > 0 || peek(scanner, 0) == '{'));
}

static bool quoted_part(struct scanner *scanner)
{
	char quote = scanner->code[scanner->at++];
	while (scanner->at < scanner->size && peek(scanner, 0) != quote) {
		if (quote == '"' && at_substitution(scanner)) {
			shell_state_put(scanner, '$');
			if (!substitution(scanner))
				return false;
			continue;
		}
		if (quote == '"' && peek(scanner, 0) == '\\' && scanner->at + 1 < scanner->size)
			scanner->at++;
		shell_state_put(scanner, scanner->code[scanner->at++]);
	}
	scanner->at += scanner->at < scanner->size;
	return true;
}

static bool ends_word(char c)
{
	return c == '\0' || isspace((unsigned char)c) || strchr(";&|()<>", c) != NULL;
}

static bool word_part(struct scanner *scanner, struct shell_word *word)
{
	char c = peek(scanner, 0);
	if (at_substitution(scanner)) {
		word->any = true;
		shell_state_put(scanner, '$');
		return substitution(scanner);
	}
	if (c == '\'' || c == '"') {
		word->any = word->quoted = true;
		return quoted_part(scanner);
	}
	if (c == '$' && peek(scanner, 1) == '{') {
		word->any = true;
		parameter(scanner);
		return true;
	}
	scanner->at++;
	if (c == '\\') {
		c = peek(scanner, 0);
		scanner->at += scanner->at < scanner->size;
		if (c == '\n')
			return true;	/* a line that goes on */
		word->escaped = true;
	}
	word->any = true;
	shell_state_put(scanner, c);
	return true;
}

static bool defines_function(const struct scanner *scanner)
{
	size_t at = scanner->at;
	while (at < scanner->size && (scanner->code[at] == ' ' || scanner->code[at] == '\t'))
		at++;
	if (at >= scanner->size || scanner->code[at] != '(')
		return false;
	for (at++; at < scanner->size && scanner->code[at] == ' '; at++)
		;
	return at < scanner->size && scanner->code[at] == ')';
}

static bool word(struct scanner *scanner)
{
	struct shell_word found = {.text = shell_state_begin(scanner)};
	found.quote_first = peek(scanner, 0) == '\'' || peek(scanner, 0) == '"' ||
		peek(scanner, 0) == '\\';
	while (!ends_word(peek(scanner, 0)))
		if (!word_part(scanner, &found))
			return false;
	bool number = found.text[strspn(found.text, "0123456789")] == '\0';
	if (!found.any || (number && !found.quoted && (peek(scanner, 0) == '<' ||
			peek(scanner, 0) == '>')))
		return true;		/* nothing, or the 2 of "2>" */
	found.defines = defines_function(scanner);
	return shell_state_word(scanner, &found);
}

static void heredoc_note(struct scanner *scanner)
{
	size_t length = 0;
	char *name = scanner->heredocs[scanner->heredoc_count];
	while (peek(scanner, 0) && strchr("- \t'\"\\", peek(scanner, 0)))
		scanner->at++;
	for (; !ends_word(peek(scanner, 0)) && !strchr("'\"", peek(scanner, 0)); scanner->at++)
		if (length < sizeof scanner->heredocs[0] - 1)
			name[length++] = peek(scanner, 0);
	name[length] = '\0';
	while (peek(scanner, 0) && strchr("'\"", peek(scanner, 0)))
		scanner->at++;
	if (length > 0 && scanner->heredoc_count + 1 < SHELL_HEREDOCS)
		scanner->heredoc_count++;
}

static void heredoc_skip(struct scanner *scanner, const char *name)
{
	size_t wanted = strlen(name);
	while (scanner->at < scanner->size) {
		const char *line = scanner->code + scanner->at;
		size_t left = scanner->size - scanner->at;
		const char *newline = memchr(line, '\n', left);
		size_t length = newline ? (size_t)(newline - line) : left;
		scanner->at += length + (newline != NULL);
		for (; length > 0 && *line == '\t'; length--)
			line++;
		if (length == wanted && memcmp(line, name, wanted) == 0)
			return;
	}
}

static void redirection(struct scanner *scanner)
{
	char c = scanner->code[scanner->at++];
	bool here = c == '<' && peek(scanner, 0) == '<';
	if (here && peek(scanner, 1) != '<') {
		scanner->at++;
		heredoc_note(scanner);
		return;
	}
	while (peek(scanner, 0) && strchr("<>&|", peek(scanner, 0)))
		scanner->at++;
	shell_state_redirect(scanner);
}

static bool line_end(struct scanner *scanner)
{
	scanner->at++;
	bool more = shell_state_separator(scanner, '\n');
	for (size_t i = 0; i < scanner->heredoc_count; i++)
		heredoc_skip(scanner, scanner->heredocs[i]);
	scanner->heredoc_count = 0;
	return more;
}

static bool operator(struct scanner *scanner)
{
	char c = scanner->code[scanner->at];
	bool after_equals = scanner->at > 0 && scanner->code[scanner->at - 1] == '=';
	if (c == '<' || c == '>') {
		redirection(scanner);
		return true;
	}
	scanner->at++;
	if (c == '(' && after_equals) {
		scanner->array = true;
		scanner->expect = EXPECT_ARGUMENT;
		return true;
	}
	if (c == '(' && peek(scanner, 0) == '(' && scanner->expect == EXPECT_COMMAND) {
		scanner->at++;
		skip_arithmetic(scanner);
		return true;
	}
	if (c == ';' && (peek(scanner, 0) == ';' || peek(scanner, 0) == '&')) {
		scanner->at++;
		return shell_state_separator(scanner, SHELL_CASE_END);
	}
	return shell_state_separator(scanner, c);
}

static void comment(struct scanner *scanner)
{
	while (scanner->at < scanner->size && peek(scanner, 0) != '\n')
		scanner->at++;
}

static bool scan(struct scanner *scanner)
{
	bool more = true;
	while (more && !scanner->closed && scanner->at < scanner->size) {
		char c = peek(scanner, 0);
		if (c == '\n')
			more = line_end(scanner);
		else if (c == '\0' || isspace((unsigned char)c))
			scanner->at++;
		else if (c == '#')
			comment(scanner);
		else if (strchr(";&|()<>", c))
			more = operator(scanner);
		else
			more = word(scanner);
	}
	return more && shell_state_end(scanner);
}

static bool no_command(void *context, const char *const *words, size_t count)
{
	(void)context;
	(void)words;
	(void)count;
	return true;
}

/* Twice: a function may be called above the place where it is defined. */
bool shell_words(const char *code, size_t size, const struct shell_reader *reader)
{
	static const struct shell_reader nobody = {.command = no_command};
	struct shell_functions functions = {.count = 0};
	struct scanner first = {.code = code, .size = size, .reader = &nobody,
		.functions = &functions};
	scan(&first);
	struct scanner scanner = {.code = code, .size = size, .reader = reader,
		.functions = &functions};
	return scan(&scanner);
}

bool shell_argv(const char *const *words, size_t count, const struct shell_reader *reader)
{
	struct scanner scanner = {.reader = reader};
	for (size_t i = 0; i < count; i++) {
		struct shell_word word = {.text = shell_state_begin(&scanner), .any = true,
			.quoted = true, .quote_first = true};
		for (const char *at = words[i]; *at; at++)
			shell_state_put(&scanner, *at);
		if (!shell_state_word(&scanner, &word))
			return false;
	}
	return shell_state_end(&scanner);
}
