/* replay_known.h: what replay must know before it puts anything back: which executions have a
 * replay, and where the results of all stand. Reads requests, results and dead letters once, and
 * keeps ids and offsets alone.
 */
#ifndef CODEWORKER_REPLAY_KNOWN_H
#define CODEWORKER_REPLAY_KNOWN_H

#include "../codec/codec.h"
#include "../kafka/kafka_client.h"
#include "../commands/record_view.h"
#include "replay_chains.h"

struct replay_known;

struct replay_known_options {
	struct kafka_start start;
	bool chains;			/* which executions have a replay */
	bool results;			/* where the results of all stand, not of replays alone */
};

/* codec: borrowed. What is written after this call is not read. */
int replay_known_new(const struct config *config, struct codec *codec,
	const struct replay_known_options *options, struct replay_known **known, struct err *err);
void replay_known_free(struct replay_known *known);

/* Reads one record further, or waits a little. END: all is read. */
enum kafka_read replay_known_step(struct replay_known *known, struct err *err);

struct replay_chains *replay_known_chains(struct replay_known *known);	/* still its own */

/* Of any execution where options said so, otherwise of replays. Returns 1 with the result, to be
 * closed; 0: none is recorded; -1 with err. */
int replay_known_result(struct replay_known *known, const struct replay_execution *execution,
	struct record_view *view, struct err *err);

#endif
