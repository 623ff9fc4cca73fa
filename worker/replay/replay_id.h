/* replay_id.h: the executionIds of replays.
 *
 * A replay of "x" is called "x~r1", the next one "x~r2": of one chain "x" is the root, generation
 * 0, and the number behind "~r" is the generation. Pure.
 */
#ifndef CODEWORKER_REPLAY_ID_H
#define CODEWORKER_REPLAY_ID_H

#include <stddef.h>
#include <stdint.h>

#define REPLAY_ID_MARK "~r"
#define REPLAY_GENERATION_MAX 999999999u	/* what stands behind the mark has at most 9 digits */

/* Bytes of the root in an id; *generation is 0 where the id is of no replay. A number is decimal,
 * without leading zeros. "~r1" alone is a root: an id is never empty. */
size_t replay_id_root(const char *execution_id, uint32_t *generation);

/* The id of another generation of the same chain; malloc'ed, NULL when there is no memory. */
char *replay_id_make(const char *execution_id, uint32_t generation);

#endif
