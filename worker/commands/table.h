/* table.h: lines in columns for people to read.
 *
 * Cells hold what jobs and producers wrote, so nothing in them may steer a terminal: control
 * characters are shown as escapes, and a cell too long for its column is cut with an ellipsis.
 */
#ifndef CODEWORKER_TABLE_H
#define CODEWORKER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum table_colour { TABLE_PLAIN, TABLE_GREEN, TABLE_RED, TABLE_YELLOW, TABLE_DIM, TABLE_BOLD };

struct table_column {
	const char *title;
	int width;			/* in characters; 0: the last one, neither padded nor cut */
};

struct table_cell {
	const char *text;		/* UTF-8; NULL prints as nothing */
	enum table_colour colour;
};

struct table {
	FILE *out;
	const struct table_column *columns;
	size_t count;
	bool coloured;
};

/* Whether colours go to this file: a terminal, and NO_COLOR is not set. */
bool table_wants_colour(FILE *out);

void table_header(const struct table *table);
/* cells: one a column. One line, flushed. Returns -1 when the line could not be written. */
int table_row(const struct table *table, const struct table_cell *cells);

/* Copies text into buffer so that it is safe on a terminal and at most width characters (0: as many
 * as fit); returns the number of characters. Bytes that are not UTF-8 become "?". */
size_t table_clean(char *buffer, size_t size, const char *text, int width);

#endif
