/* option_print.c: a value as one would write it. See options.h. */
#include "options.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* With the largest unit that says it without a fraction. */
static void print_scaled(int64_t value, const struct option_unit *units, FILE *out)
{
	const struct option_unit *best = NULL;
	for (const struct option_unit *unit = units; value > 0 && unit->suffix; unit++)
		if (unit->suffix[0] && value % unit->factor == 0 &&
			(!best || unit->factor > best->factor))
			best = unit;
	fprintf(out, "%" PRId64 "%s", best ? value / best->factor : value,
		best && strcmp(best->suffix, "B") != 0 ? best->suffix : "");
}

static void print_number(enum value_type type, int64_t value, FILE *out)
{
	if (type == VALUE_DURATION)
		print_scaled(value, option_durations, out);
	else if (type == VALUE_SIZE)
		print_scaled(value, option_sizes, out);
	else
		fprintf(out, "%" PRId64, value);
}

/* Plain where no reader of YAML could take it for anything else. */
static bool is_plain(const char *text)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null"};
	bool negative = text[0] == '-' && isdigit((unsigned char)text[1]);
	if (!isalnum((unsigned char)text[0]) && text[0] != '/' && text[0] != '.' && !negative)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(text, words[i]) == 0)
			return false;
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._/@+-:", *c))
			return false;
	return text[strlen(text) - 1] != ':';
}

void option_print_scalar(const char *text, FILE *out)
{
	if (is_plain(text)) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f)
			fprintf(out, "\\x%02x", *c);
		else
			fputc(*c, out);
	fputc('"', out);
}

static void print_list(const struct config_list *list, FILE *out)
{
	fputc('[', out);
	for (size_t i = 0; i < list->count; i++) {
		fputs(i ? ", " : "", out);
		option_print_scalar(list->items[i], out);
	}
	fputc(']', out);
}

void option_print(const struct config *config, const struct option_row *row, FILE *out)
{
	const void *member = (const char *)config + row->offset;
	const char *text;
	switch (row->type) {
	case VALUE_TEXT:
	case VALUE_TOPIC:
	case VALUE_CHOICE:
		text = *(char *const *)member;
		option_print_scalar(text ? text : "", out);
		break;
	case VALUE_SWITCH:
		text = *(const bool *)member ? strchr(row->choices, '|') + 1 : row->choices;
		fprintf(out, "%.*s", (int)strcspn(text, "|"), text);
		break;
	case VALUE_BOOLEAN:
		fputs(*(const bool *)member ? "true" : "false", out);
		break;
	case VALUE_LIST:
	case VALUE_PATHS:
		print_list(member, out);
		break;
	default:
		print_number(row->type, row->type == VALUE_INT ? *(const int *)member :
			*(const int64_t *)member, out);
	}
}

void option_print_domain(const struct option_row *row, FILE *out)
{
	char name[40];
	const char *between = row->type == VALUE_LIST ? "a list of: " : "";
	if (row->choices) {
		for (const char *rest = row->choices; option_next_choice(&rest, name); between = ", ")
			fprintf(out, "%s%s", between, name);
		return;
	}
	switch (row->type) {
	case VALUE_TOPIC:
		fputs("a topic's name", out);
		break;
	case VALUE_BOOLEAN:
		fputs("true, false", out);
		break;
	case VALUE_PATHS:
		fputs("a list of absolute paths", out);
		break;
	case VALUE_INT:
	case VALUE_COUNT:
	case VALUE_DURATION:
	case VALUE_SIZE:
		print_number(row->type, row->least, out);
		fputs(" to ", out);
		print_number(row->type, row->most, out);
		break;
	default:
		fputs("text", out);
	}
}
