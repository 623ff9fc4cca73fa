/* replay_run.c: see replay_run.h.
 *
 * First all that is known is read (replay_known.h), then the topic that tells of the jobs, once,
 * job by job: does the filter want it, has it a replay, is its request there and sound? What passes
 * is shown, run here or put back. Only one job is held at a time, however long the topics are.
 *
 * Running it again, or two of it at once, puts nothing back twice: ids of replays are counted, not
 * random, so what a second run does not see in the topics yet gets the same id, and the worker's
 * dedupe window takes it out.
 */
#include "replay_internal.h"

#include "../time_text.h"

#define TURN_MS 200
#define SILENCE_MS 30000		/* without an answer from Kafka */

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

/* The second signal ends the process. */
static void signals_take(void)
{
	struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* ---- all of them */

static int silence_check(int64_t heard_ms, struct err *err)
{
	if (time_now_ms() - heard_ms < SILENCE_MS)
		return 0;
	return err_set(err, ERR_BROKER, "Kafka has not answered for %d s; what was put back stays, and "
		"running this again goes on from there", SILENCE_MS / 1000);
}

static int known_read(struct replay *replay, struct err *err)
{
	int64_t heard_ms = time_now_ms();
	while (!stopped) {
		switch (replay_known_step(replay->known, err)) {
		case KAFKA_READ_ERROR: return -1;
		case KAFKA_READ_END: return 0;
		case KAFKA_READ_NONE:
			if (silence_check(heard_ms, err) != 0)
				return -1;
			break;
		case KAFKA_READ_RECORD:
			heard_ms = time_now_ms();
			replay_progress_reading(&replay->progress);
		}
	}
	return 0;
}

static int jobs_read(struct replay *replay, struct err *err)
{
	const struct replay_options *options = replay->options;
	int64_t heard_ms = time_now_ms();
	while (!stopped && (options->limit == 0 || replay->counts.done < options->limit)) {
		struct replay_job job;
		switch (replay_source_next(replay->source, TURN_MS, &job, err)) {
		case REPLAY_READ_ERROR: return -1;
		case REPLAY_READ_END: return 0;
		case REPLAY_READ_NONE:
			if (silence_check(heard_ms, err) != 0)
				return -1;
			continue;
		case REPLAY_READ_JOB: break;
		}
		if (replay_job_take(replay, &job, err) != 0)
			return -1;
		heard_ms = time_now_ms();
		replay_progress_show(&replay->progress, &replay->counts);
	}
	return 0;
}

/* A replay is written after its request, so those of requests since a time are later than it, too.
 * Of results and dead letters that can't be said: their requests may be older. */
static struct kafka_start known_start(const struct replay_options *options)
{
	if (options->from == REPLAY_REQUESTS && options->filter.since_ms != INT64_MIN)
		return (struct kafka_start){.from = START_TIME, .value = options->filter.since_ms};
	return (struct kafka_start){.from = START_BEGINNING};
}

static int replay_open(struct replay *replay, struct config *config, struct err *err)
{
	const struct replay_options *options = replay->options;
	bool asks_end = replay_filter_needs_end(&options->filter) &&
		(options->from == REPLAY_DEAD || options->from == REPLAY_REQUESTS);
	const struct replay_known_options known = {.start = known_start(options),
		.chains = !options->verify,
		.results = asks_end || (options->verify && options->from != REPLAY_RESULTS)};
	if (codec_new(config->schemas.path, &replay->codec, err) != 0)
		return -1;
	if (options->verify && !options->dry_run &&
		replay_verify_new(config, replay->codec, &replay->verify, err) != 0)
		return -1;
	if (replay_source_new(config, replay->codec, options->from, options->start, &replay->source,
		err) != 0 || replay_known_new(config, replay->codec, &known, &replay->known, err) != 0)
		return -1;
	if (options->verify || options->dry_run)
		return 0;
	if (kafka_producer_new(config, &replay->producer, err) != 0)
		return -1;
	return kafka_producer_need_topic(replay->producer, config->topics.requests, err);
}

/* What was sent is delivered, however reading ended. */
static int replay_all(struct replay *replay, struct err *err)
{
	struct err undelivered;
	int answer = known_read(replay, err);
	if (answer == 0)
		answer = jobs_read(replay, err);
	if (replay->producer && kafka_producer_flush(replay->producer, &undelivered) != 0) {
		if (answer == 0)
			*err = undelivered;
		answer = -1;
	}
	replay_progress_clear(&replay->progress);
	return answer;
}

int replay_run(struct config *config, const struct replay_options *options, struct err *err)
{
	struct replay replay = {.config = config, .options = options,
		.stopped = &stopped};
	replay_progress_begin(&replay.progress);
	signals_take();
	int answer = replay_open(&replay, config, err);
	if (answer == 0)
		answer = replay_all(&replay, err);
	if (answer == 0)
		replay_report_summary(&replay.counts, options->dry_run, options->verify, stopped);
	kafka_producer_free(replay.producer);
	replay_known_free(replay.known);
	replay_source_free(replay.source);
	replay_verify_free(replay.verify);
	codec_free(replay.codec);
	if (answer < 0)
		return -1;
	return stopped ? REPLAY_INTERRUPTED : replay.counts.differ > 0;
}
