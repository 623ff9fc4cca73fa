/* table.c: see table.h.
 *
 * A cell is read character by character. What is shown of it is decided by character, so neither an
 * escape nor a UTF-8 sequence is ever cut in the middle. A character counts as one column: wide ones
 * shift their line, which is harmless.
 */
#include "table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CELL_BYTES 2048
#define ELLIPSIS "\xe2\x80\xa6"

bool table_wants_colour(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");
	return isatty(fileno(out)) && !(no_colour && *no_colour);
}

/* Bytes of the UTF-8 character at text, 0 when it is none. */
static size_t character_bytes(const unsigned char *text, uint32_t *character)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 :
		text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;
	if (length <= 1) {
		*character = text[0];
		return length;
	}
	*character = text[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | (text[i] & 0x3f);
	}
	bool surrogate = *character >= 0xd800 && *character <= 0xdfff;
	return *character < smallest[length] || surrogate || *character > 0x10ffff ? 0 : length;
}

/* Controls steer terminals; the bidirectional marks reorder what is read. */
static bool is_harmful(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
		(character >= 0x200b && character <= 0x200f) ||
		(character >= 0x2028 && character <= 0x202e) ||
		(character >= 0x2066 && character <= 0x2069) || character == 0xfeff;
}

/* Writes what stands for the next character, at most 8 bytes and a NUL; moves *text on. */
static size_t piece_next(const unsigned char **text, char piece[9], size_t *columns)
{
	uint32_t character;
	size_t length = character_bytes(*text, &character);
	*columns = 1;
	if (length == 0) {
		*text += 1;
		piece[0] = '?';
		return 1;
	}
	if (!is_harmful(character)) {
		memcpy(piece, *text, length);
		*text += length;
		return length;
	}
	*text += length;
	const char *named = character == '\n' ? "\\n" : character == '\t' ? "\\t" :
		character == '\r' ? "\\r" : NULL;
	int written = named ? snprintf(piece, 9, "%s", named) :
		character < 0x100 ? snprintf(piece, 9, "\\x%02x", character) :
		snprintf(piece, 9, "\\u%04x", character);
	*columns = (size_t)written;
	return (size_t)written;
}

size_t table_clean(char *buffer, size_t size, const char *text, int width)
{
	const unsigned char *next = (const unsigned char *)(text ? text : "");
	size_t used = 0, columns = 0, most = width > 0 ? (size_t)width : SIZE_MAX / 2;
	size_t cut = 0, cut_columns = 0;	/* the last place with room for an ellipsis */
	if (size < sizeof ELLIPSIS) {
		if (size > 0)
			buffer[0] = '\0';
		return 0;
	}
	while (*next) {
		char piece[9];
		size_t wide, length = piece_next(&next, piece, &wide);
		if (columns + 1 <= most && used + sizeof ELLIPSIS <= size) {
			cut = used;
			cut_columns = columns;
		}
		if (columns + wide > most || used + length + 1 > size) {
			memcpy(buffer + cut, ELLIPSIS, sizeof ELLIPSIS);
			return cut_columns + 1;
		}
		memcpy(buffer + used, piece, length);
		used += length;
		columns += wide;
	}
	buffer[used] = '\0';
	return columns;
}

static void cell_print(const struct table *table, size_t column, const char *text,
	enum table_colour colour)
{
	static const char *const starts[] = {"", "\033[32m", "\033[31m", "\033[33m", "\033[2m",
		"\033[1m"};
	char clean[CELL_BYTES];
	int width = table->columns[column].width;
	size_t columns = table_clean(clean, sizeof clean, text, width);
	bool coloured = table->coloured && colour != TABLE_PLAIN;
	fprintf(table->out, "%s%s%s", coloured ? starts[colour] : "", clean,
		coloured ? "\033[0m" : "");
	if (column + 1 < table->count)
		fprintf(table->out, "%*s", (width > (int)columns ? width - (int)columns : 0) + 2,
			"");
}

void table_header(const struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		cell_print(table, i, table->columns[i].title, TABLE_BOLD);
	putc('\n', table->out);
	fflush(table->out);
}

int table_row(const struct table *table, const struct table_cell *cells)
{
	for (size_t i = 0; i < table->count; i++)
		cell_print(table, i, cells[i].text, cells[i].colour);
	putc('\n', table->out);
	return fflush(table->out) == EOF || ferror(table->out) ? -1 : 0;
}
