/* nearest.c: see nearest.h.
 *
 * Edit distance where a swap of neighbours counts once (a common slip), regardless of case. A name
 * that differs in more than a third of its letters is no suggestion.
 */
#include "nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LONGEST 80

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

static size_t distance(const char *a, size_t m, const char *b, size_t n)
{
	size_t rows[3][LONGEST + 1];	/* before the last, last, this one */
	for (size_t j = 0; j <= n; j++)
		rows[1][j] = j;
	for (size_t i = 1; i <= m; i++) {
		rows[2][0] = i;
		for (size_t j = 1; j <= n; j++) {
			int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
			rows[2][j] = least(rows[1][j] + 1, rows[2][j - 1] + 1,
				rows[1][j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
				y == tolower((unsigned char)a[i - 2]) &&
				rows[0][j - 2] + 1 < rows[2][j])
				rows[2][j] = rows[0][j - 2] + 1;
		}
		memcpy(rows[0], rows[1], sizeof rows[0]);
		memcpy(rows[1], rows[2], sizeof rows[1]);
	}
	return rows[1][n];
}

struct nearest nearest_to(const char *word)
{
	size_t length = strlen(word);
	size_t far = length / 3 > 2 ? length / 3 : 2;
	return (struct nearest){.word = word, .distance = far + 1};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
	size_t m = strlen(nearest->word), n = strlen(candidate);
	if (m > LONGEST || n > LONGEST || m == 0)
		return;
	size_t d = distance(nearest->word, m, candidate, n);
	if (d < nearest->distance && d < n) {
		nearest->distance = d;
		nearest->best = candidate;
	}
}

const char *nearest_hint(const struct nearest *nearest, char *buffer, size_t size)
{
	buffer[0] = '\0';
	if (nearest->best)
		snprintf(buffer, size, "; did you mean %s?", nearest->best);
	return buffer;
}
