/* shell_state.c: see shell_state.h. */
#include "shell_state.h"

#include <ctype.h>
#include <string.h>

#include "shell_paths.h"

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

/* Commands that run the command behind them, past their options and assignments; and those of their
 * options that take a value. */
static const char *prefix_options(const char *name)
{
	static const struct { const char *name, *letters; } prefixes[] = {{"env", "uC"},
		{"command", ""}, {"exec", "a"}, {"nohup", ""}, {"time", "fo"}, {"nice", "n"},
		{"xargs", "IniLPEsda"}, {"builtin", ""}, {"setsid", ""}, {"timeout", "sk"},
		{"stdbuf", "ioe"}, {"ionice", "cn"}, {"sudo", "ugphCTRD"}, {"doas", "uC"}};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strcmp(base_name(name), prefixes[i].name) == 0)
			return prefixes[i].letters;
	return NULL;
}

static bool defined(const struct scanner *scanner, const char *name)
{
	const struct shell_functions *functions = scanner->functions;
	for (size_t i = 0; functions && i < functions->count; i++)
		if (strcmp(functions->names[i], name) == 0)
			return true;
	return false;
}

static void define(struct scanner *scanner, const char *name)
{
	struct shell_functions *functions = scanner->functions;
	if (functions && functions->count < SHELL_FUNCTIONS && strlen(name) < SHELL_FUNCTION_BYTES &&
			!defined(scanner, name))
		strcpy(functions->names[functions->count++], name);
}

static bool runs_scripts(const char *name)
{
	static const char *const words[] = {"sh", "bash", "dash", "ash", "zsh", "ksh", NULL};
	return in_list(words, base_name(name));
}

static bool assignment(const struct shell_word *word)
{
	const char *at = word->text;
	if (word->quote_first || (!isalpha((unsigned char)*at) && *at != '_'))
		return false;
	while (isalnum((unsigned char)*at) || *at == '_')
		at++;
	return *at == '=' || (at[0] == '+' && at[1] == '=');
}

const char *shell_state_begin(struct scanner *scanner)
{
	if (scanner->used + 2 > sizeof scanner->text)
		scanner->used = sizeof scanner->text - 2;
	scanner->begin = scanner->used;
	scanner->text[scanner->used] = '\0';
	return scanner->text + scanner->begin;
}

void shell_state_put(struct scanner *scanner, char c)
{
	bool cut = scanner->used - scanner->begin >= SHELL_WORD_BYTES - 1 &&
		scanner->expect != EXPECT_SCRIPT;
	if (c == '\0' || cut || scanner->used + 1 >= sizeof scanner->text)
		return;
	scanner->text[scanner->used++] = c;
	scanner->text[scanner->used] = '\0';
}

static void forget(struct scanner *scanner)
{
	scanner->used = scanner->begin;
}

static void keep(struct scanner *scanner, const struct shell_word *word)
{
	if (scanner->count == SHELL_COMMAND_WORDS || scanner->used + 1 >= sizeof scanner->text) {
		forget(scanner);
		return;
	}
	scanner->words[scanner->count++] = word->text;
	scanner->used++;
}

static void command_begins(struct scanner *scanner, const struct shell_word *word)
{
	if (scanner->start_count < SHELL_STARTS)
		scanner->starts[scanner->start_count++] = scanner->count;
	keep(scanner, word);
	scanner->name = base_name(word->text);
	scanner->option_letters = prefix_options(word->text);
	shell_paths_command(scanner, scanner->name);
	bool script = strcmp(scanner->name, "eval") == 0 || strcmp(scanner->name, "trap") == 0;
	scanner->expect = scanner->option_letters ? EXPECT_PREFIXED :
		script ? EXPECT_SCRIPT : EXPECT_ARGUMENT;
}

static void at_command(struct scanner *scanner, const struct shell_word *word)
{
	bool plain = !word->quoted && !word->escaped;
	if (plain && strcmp(word->text, "case") == 0) {
		scanner->cases++;
		scanner->expect = EXPECT_CASE;
	} else if (plain && strcmp(word->text, "function") == 0) {
		scanner->expect = EXPECT_FUNCTION;
	} else if (word->defines) {
		define(scanner, word->text);
	} else if (plain && strcmp(word->text, "esac") == 0 && scanner->cases > 0) {
		scanner->cases--;
	} else if ((!plain || !reserved(word->text)) && !assignment(word)) {
		command_begins(scanner, word);
		return;
	}
	forget(scanner);
}

static void at_prefixed(struct scanner *scanner, const struct shell_word *word)
{
	const char *text = word->text;
	if (text[0] != '-' && !isdigit((unsigned char)text[0]) && !assignment(word)) {
		command_begins(scanner, word);
		return;
	}
	keep(scanner, word);
	bool asks = strcmp(scanner->name, "command") == 0 && (strcmp(text, "-v") == 0 ||
		strcmp(text, "-V") == 0);
	if (asks)
		scanner->expect = EXPECT_ARGUMENT;
	else if (text[0] == '-' && text[1] && !text[2] && strchr(scanner->option_letters, text[1]))
		scanner->expect = EXPECT_VALUE;
}

static void at_argument(struct scanner *scanner, const struct shell_word *word)
{
	const char *text = word->text;
	keep(scanner, word);
	if (!scanner->name || text[0] != '-' || text[1] == '-')
		return;
	if (runs_scripts(scanner->name) && strchr(text, 'c'))
		scanner->expect = EXPECT_SCRIPT;
	else if (strcmp(scanner->name, "find") == 0 && (strncmp(text, "-exec", 5) == 0 ||
			strncmp(text, "-ok", 3) == 0))
		scanner->expect = EXPECT_PREFIXED, scanner->option_letters = "";
}

static bool at_script(struct scanner *scanner, const struct shell_word *word)
{
	scanner->expect = EXPECT_ARGUMENT;
	bool more = shell_scan_nested(scanner, word->text, strlen(word->text));
	keep(scanner, word);
	return more;
}

static void at_case(struct scanner *scanner, const struct shell_word *word)
{
	if (scanner->expect == EXPECT_CASE && strcmp(word->text, "in") == 0) {
		scanner->expect = EXPECT_PATTERN;
	} else if (scanner->expect == EXPECT_PATTERN && !word->quoted &&
			strcmp(word->text, "esac") == 0) {
		scanner->cases--;
		scanner->expect = EXPECT_COMMAND;
	}
	forget(scanner);
}

bool shell_state_word(struct scanner *scanner, const struct shell_word *word)
{
	const struct shell_reader *reader = scanner->reader;
	if (reader->word && shell_paths_word(scanner, word) && !reader->word(reader->context, word->text,
			word->quoted || word->escaped))
		return false;
	switch (scanner->expect) {
	case EXPECT_COMMAND: at_command(scanner, word); break;
	case EXPECT_PREFIXED: at_prefixed(scanner, word); break;
	case EXPECT_ARGUMENT: at_argument(scanner, word); break;
	case EXPECT_SCRIPT: return at_script(scanner, word);
	case EXPECT_FUNCTION:
		define(scanner, word->text);
		forget(scanner);
		scanner->expect = EXPECT_COMMAND;
		break;
	case EXPECT_CASE:
	case EXPECT_PATTERN: at_case(scanner, word); break;
	case EXPECT_VALUE:
		keep(scanner, word);
		scanner->expect = EXPECT_PREFIXED;
		break;
	case EXPECT_REDIRECT:
		forget(scanner);
		scanner->expect = scanner->after_redirect;
		break;
	}
	return true;
}

void shell_state_redirect(struct scanner *scanner)
{
	if (scanner->expect != EXPECT_REDIRECT)
		scanner->after_redirect = scanner->expect;
	scanner->expect = EXPECT_REDIRECT;
}

bool shell_state_end(struct scanner *scanner)
{
	const struct shell_reader *reader = scanner->reader;
	bool more = true;
	/* A function goes before a program of its name, but not behind env, exec and the like. */
	size_t first = scanner->count > 0 && defined(scanner, scanner->words[0]) ? 1 : 0;
	for (size_t i = first; more && i < scanner->start_count; i++)
		if (scanner->starts[i] < scanner->count)
			more = reader->command(reader->context, scanner->words + scanner->starts[i],
				scanner->count - scanner->starts[i]);
	scanner->count = scanner->start_count = scanner->used = 0;
	scanner->name = NULL;
	return more;
}

static void brackets(struct scanner *scanner, char c)
{
	if (c == '(')
		scanner->open++;
	else if (c == ')' && scanner->open > 0)
		scanner->open--;
	else if (c == ')' && scanner->closes)
		scanner->closed = true;
}

bool shell_state_separator(struct scanner *scanner, char separator)
{
	enum expect expect = scanner->expect;
	if (scanner->array && separator != ')')
		return true;
	if (expect == EXPECT_PATTERN || expect == EXPECT_CASE) {
		if (separator == ')' && expect == EXPECT_PATTERN)
			scanner->expect = EXPECT_COMMAND;
		return true;
	}
	if (scanner->array)
		scanner->array = false;
	else
		brackets(scanner, separator);
	scanner->expect = separator == SHELL_CASE_END && scanner->cases > 0 ? EXPECT_PATTERN :
		EXPECT_COMMAND;
	return shell_state_end(scanner);
}
