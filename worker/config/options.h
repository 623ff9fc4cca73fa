/* options.h: the table that describes every option, once.
 *
 * Parser, --help, `config print`, docs/configuration.md and config/codeworker.yaml are made from
 * its rows. What has no fixed name (kafka.*, runtimes.*, rules.*) is in config_kafka.c and
 * config_maps.c.
 */
#ifndef CODEWORKER_OPTIONS_H
#define CODEWORKER_OPTIONS_H

#include "../arena.h"
#include "config.h"

enum value_type {			/* and the type of the member at offset */
	VALUE_TEXT,			/* char *, NULL when empty */
	VALUE_TOPIC,			/* char *, a topic's name */
	VALUE_CHOICE,			/* char *, one of choices; NULL when empty is allowed */
	VALUE_SWITCH,			/* bool: false is the first of choices, true the second */
	VALUE_BOOLEAN,			/* bool */
	VALUE_INT,			/* int */
	VALUE_COUNT,			/* int64_t */
	VALUE_DURATION,			/* int64_t, milliseconds */
	VALUE_SIZE,			/* int64_t, bytes */
	VALUE_LIST,			/* struct config_list; each item one of choices, if there are */
	VALUE_PATHS,			/* struct config_list of absolute paths */
};

struct option_row {
	const char *name;		/* "worker.slots" */
	enum value_type type;
	size_t offset;			/* of the member in struct config */
	const char *standard;		/* the default, as one would write it */
	const char *choices;		/* "none|restricted|strict"; NULL: any */
	int64_t least, most;		/* of numbers, in their unit */
	const char *help;		/* one or two sentences for people */
};

extern const struct option_row option_rows[];
extern const size_t option_row_count;

struct option_section {
	const char *name, *help;
};
extern const struct option_section option_sections[];
extern const size_t option_section_count;

/* What someone wrote for an option: one value, or the items of a list. */
struct option_value {
	const char *const *items;
	size_t count;
	bool is_list;			/* a YAML sequence; else one text, split at commas if need be */
};

/* NULL: no such option. */
const struct option_row *option_find(const char *name);

/* Parses value into config, copying into arena. Returns 0, or -1 with the reason in err (without
 * the option's name): ERR_INVALID, ERR_MEMORY. */
int option_set(struct config *config, const struct option_row *row,
	const struct option_value *value, struct arena *arena, struct err *err);

/* The row's value in config, as one would write it in the file; lists as [a, b]. */
void option_print(const struct config *config, const struct option_row *row, FILE *out);

/* "5 ms to 10m", "one of none, restricted, strict", ...: what the option takes. */
void option_print_domain(const struct option_row *row, FILE *out);

struct option_unit {
	const char *suffix;		/* NULL ends the table */
	int64_t factor;
};
extern const struct option_unit option_durations[], option_sizes[];

/* Steps through "a|b|c", copying each into name. Returns false at the end. */
bool option_next_choice(const char **choices, char name[40]);

/* The parts that rows and maps share. Each returns 0, or -1 with err. */
int option_parse_boolean(const char *text, bool *value, struct err *err);
int option_parse_list(const struct option_value *value, struct arena *arena,
	struct config_list *list, struct err *err);
/* One text; a list is refused. The result is a copy in arena, NULL when empty. */
int option_parse_text(const struct option_value *value, struct arena *arena, char **text,
	struct err *err);
int option_parse_choice(const char *text, const char *choices, struct err *err);

/* Text as a YAML scalar, quoted where it must be. */
void option_print_scalar(const char *text, FILE *out);

#endif
