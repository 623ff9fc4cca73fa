/* option_parse.c: from what was written to what is meant. See options.h. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"

#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define K INT64_C(1024)

const struct option_unit option_durations[] = {{"ms", 1}, {"s", SECOND}, {"m", 60 * SECOND},
	{"h", HOUR}, {"d", 24 * HOUR}, {"", 1}, {NULL}};
const struct option_unit option_sizes[] = {{"K", K}, {"M", K * K}, {"G", K * K * K},
	{"T", K * K * K * K}, {"", 1}, {"B", 1}, {"KiB", K}, {"MiB", K * K}, {"GiB", K * K * K},
	{"k", K}, {"m", K * K}, {"g", K * K * K}, {NULL}};

bool option_next_choice(const char **choices, char name[40])
{
	size_t length = strcspn(*choices, "|");
	if (!length || length >= 40)
		return false;
	memcpy(name, *choices, length);
	name[length] = '\0';
	*choices += length + ((*choices)[length] == '|');
	return true;
}

static int parse_scaled(const char *text, const struct option_unit *unit, int64_t *value)
{
	char *rest;
	if (!isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	long long number = strtoll(text, &rest, 10);
	if (errno)
		return -1;
	for (; unit->suffix; unit++)
		if (strcmp(rest, unit->suffix) == 0)
			return __builtin_mul_overflow((int64_t)number, unit->factor, value) ? -1 : 0;
	return -1;
}

int config_parse_duration(const char *text, int64_t *ms)
{
	int64_t value;
	if (parse_scaled(text, option_durations, &value) != 0)
		return -1;
	*ms = value;
	return 0;
}

int config_parse_size(const char *text, int64_t *bytes)
{
	int64_t value;
	if (parse_scaled(text, option_sizes, &value) != 0)
		return -1;
	*bytes = value;
	return 0;
}

int option_parse_boolean(const char *text, bool *value, struct err *err)
{
	static const char *const yes[] = {"true", "yes", "on", "1"},
		*const no[] = {"false", "no", "off", "0"};
	for (size_t i = 0; i < 4; i++)
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*value = strcasecmp(text, yes[i]) == 0;
			return 0;
		}
	return err_set(err, ERR_INVALID, "takes true or false, not '%.60s'", text);
}

int option_parse_choice(const char *text, const char *choices, struct err *err)
{
	char names[32][40], hint[80];
	size_t count = 0;
	struct nearest nearest = nearest_to(text);
	for (const char *rest = choices;
		count < sizeof names / sizeof *names && option_next_choice(&rest, names[count]);) {
		if (strcmp(names[count], text) == 0)
			return 0;
		nearest_offer(&nearest, names[count++]);
	}
	nearest_hint(&nearest, hint, sizeof hint);
	return err_set(err, ERR_INVALID, "takes one of %s, not '%.60s'%s", choices, text, hint);
}

int option_parse_text(const struct option_value *value, struct arena *arena, char **text,
	struct err *err)
{
	if (value->is_list || value->count != 1)
		return err_set(err, ERR_INVALID, "takes one value, not a list");
	char *copy = NULL;
	if (value->items[0][0]) {
		copy = arena_string(arena, value->items[0]);
		if (!copy)
			return err_set(err, ERR_MEMORY, "no memory for the configuration");
	}
	*text = copy;
	return 0;
}

static char *copy_trimmed(struct arena *arena, const char *text, size_t length)
{
	while (length && isspace((unsigned char)*text))
		text++, length--;
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	return arena_copy(arena, text, length);
}

/* "a, b" into items; returns how many there are, with items NULL only counts them. */
static size_t split(const char *text, struct arena *arena, char **items)
{
	size_t count = 0;
	if (!text[strspn(text, " \t")])
		return 0;
	for (const char *rest = text;; rest++) {
		size_t length = strcspn(rest, ",");
		if (items)
			items[count] = copy_trimmed(arena, rest, length);
		count++;
		rest += length;
		if (!*rest)
			return count;
	}
}

int option_parse_list(const struct option_value *value, struct arena *arena,
	struct config_list *list, struct err *err)
{
	size_t count = value->is_list ? value->count : split(value->items[0], arena, NULL);
	char **items = arena_alloc(arena, (count + 1) * sizeof *items);
	if (!items)
		return err_set(err, ERR_MEMORY, "no memory for the configuration");
	if (value->is_list)
		for (size_t i = 0; i < count; i++)
			items[i] = arena_string(arena, value->items[i]);
	else
		split(value->items[0], arena, items);
	for (size_t i = 0; i < count; i++) {
		if (!items[i])
			return err_set(err, ERR_MEMORY, "no memory for the configuration");
		if (!items[i][0])
			return err_set(err, ERR_INVALID, "item %zu of the list is empty", i + 1);
	}
	*list = (struct config_list){items, count};
	return 0;
}

static int check_topic(const char *name, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._-";
	size_t length = name ? strlen(name) : 0;
	if (length == 0 || length > 249 || strspn(name, allowed) != length ||
		strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, ERR_INVALID, "takes a topic's name (letters, digits, '.', '_', "
			"'-', at most 249), not '%.60s'", name ? name : "");
	return 0;
}

static int parse_number(const struct option_row *row, const char *text, int64_t *value,
	struct err *err)
{
	char *rest;
	int answer = 0;
	if (row->type == VALUE_DURATION) {
		answer = config_parse_duration(text, value);
		if (answer != 0)
			return err_set(err, ERR_INVALID, "takes a duration such as 500ms, 30s, 10m, "
				"1h, not '%.60s'", text);
	} else if (row->type == VALUE_SIZE) {
		answer = config_parse_size(text, value);
		if (answer != 0)
			return err_set(err, ERR_INVALID, "takes a size such as 64K, 256M, 1G, "
				"not '%.60s'", text);
	} else {
		errno = 0;
		*value = strtoll(text, &rest, 10);
		if (errno || rest == text || *rest || isspace((unsigned char)text[0]))
			return err_set(err, ERR_INVALID, "takes a whole number, not '%.60s'", text);
	}
	return 0;
}

static int check_range(const struct option_row *row, int64_t value, const char *text,
	struct err *err)
{
	char *domain = NULL;
	size_t size;
	if (value >= row->least && value <= row->most)
		return 0;
	FILE *out = open_memstream(&domain, &size);
	if (out) {
		option_print_domain(row, out);
		fclose(out);
	}
	err_set(err, ERR_INVALID, "takes %s, not '%.60s'", domain ? domain : "less", text);
	free(domain);
	return -1;
}

static int set_number(struct config *config, const struct option_row *row, const char *text,
	struct err *err)
{
	void *member = (char *)config + row->offset;
	int64_t value = 0;
	if (parse_number(row, text, &value, err) != 0 || check_range(row, value, text, err) != 0)
		return -1;
	if (row->type == VALUE_INT)
		*(int *)member = (int)value;
	else
		*(int64_t *)member = value;
	return 0;
}

static int set_switch(bool *member, const char *text, const char *choices, struct err *err)
{
	if (option_parse_choice(text, choices, err) != 0)
		return -1;
	*member = strncmp(text, choices, strcspn(choices, "|")) != 0;
	return 0;
}

static int set_text(struct config *config, const struct option_row *row,
	const struct option_value *value, struct arena *arena, struct err *err)
{
	char *text;
	if (option_parse_text(value, arena, &text, err) != 0)
		return -1;
	if (row->type == VALUE_TOPIC && check_topic(text, err) != 0)
		return -1;
	if (row->type == VALUE_CHOICE && (text || row->standard[0]) &&
		option_parse_choice(text ? text : "", row->choices, err) != 0)
		return -1;
	*(char **)((char *)config + row->offset) = text;
	return 0;
}

static int set_list(struct config *config, const struct option_row *row,
	const struct option_value *value, struct arena *arena, struct err *err)
{
	struct config_list list;
	if (option_parse_list(value, arena, &list, err) != 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		if (row->choices && option_parse_choice(list.items[i], row->choices, err) != 0)
			return -1;
		if (row->type == VALUE_PATHS && list.items[i][0] != '/')
			return err_set(err, ERR_INVALID, "takes absolute paths, not '%.60s'",
				list.items[i]);
	}
	*(struct config_list *)((char *)config + row->offset) = list;
	return 0;
}

int option_set(struct config *config, const struct option_row *row,
	const struct option_value *value, struct arena *arena, struct err *err)
{
	char *text;
	bool *member = (bool *)((char *)config + row->offset);
	if (row->type == VALUE_LIST || row->type == VALUE_PATHS)
		return set_list(config, row, value, arena, err);
	if (row->type == VALUE_TEXT || row->type == VALUE_TOPIC || row->type == VALUE_CHOICE)
		return set_text(config, row, value, arena, err);
	if (option_parse_text(value, arena, &text, err) != 0)
		return -1;
	if (!text)
		return err_set(err, ERR_INVALID, "is given without a value");
	if (row->type == VALUE_BOOLEAN)
		return option_parse_boolean(text, member, err);
	if (row->type == VALUE_SWITCH)
		return set_switch(member, text, row->choices, err);
	return set_number(config, row, text, err);
}
