/* broker_kafka_touch.c: whether the group's coordinator still answers.
 *
 * librdkafka tells nobody when a heartbeat was last answered, but its statistics say for how long
 * nothing came over the coordinator's connection, which carries little else than heartbeats. A worker
 * that hears nothing for half the session timeout must end its jobs before the group gives them to another.
 *
 * Statistics may have waited while this process was stopped, so what counts is the time that stands in them.
 * That is CLOCK_MONOTONIC (librdkafka's STATISTICS.md, "ts"), which stands still while the machine sleeps,
 * and the coordinator's clock does not: statistics from before the sleep are not believed after it. Nor is what is
 * heard at once after this process stood still: an answer of long ago may have lain in the socket, and librdkafka
 * takes the time when it read it.
 */
#include "broker_kafka_internal.h"

#include <jansson.h>
#include <string.h>

#include "../clock.h"

#define TURN_US 1200000			/* a loop that runs turns more often than that */
#define SLEEP_US 100000			/* shorter: the two clocks were just not read at once */
#define STALE_US 500000			/* by then what lay in the socket has been read */

static void sleep_note(struct touch *touch)
{
	int64_t monotonic_us = clock_read_us(CLOCK_MONOTONIC);
	int64_t asleep_us = clock_read_us(CLOCK_BOOTTIME) - monotonic_us;
	if (asleep_us > touch->asleep_us + SLEEP_US)
		touch->woken_us = monotonic_us;
	touch->asleep_us = asleep_us;
}

static void stop_note(struct touch *touch)
{
	sleep_note(touch);
	if (touch->looked_us && clock_read_us(CLOCK_BOOTTIME) - touch->looked_us >= TURN_US)
		touch->woken_us = clock_read_us(CLOCK_MONOTONIC) + STALE_US;
}

/* CLOCK_MONOTONIC; -1: not known, or not connected. */
static int64_t heard_us(const char *statistics, size_t size)
{
	json_t *json = json_loadb(statistics, size, 0, NULL);
	const json_t *coordinator = json_object_get(json_object_get(json, "brokers"),
		"GroupCoordinator");
	const char *state = json_string_value(json_object_get(coordinator, "state"));
	const json_t *idle = json_object_get(coordinator, "rxidle"), *made = json_object_get(json, "ts");
	int64_t heard = -1;
	if (state && strcmp(state, "UP") == 0 && json_is_integer(made) && json_integer_value(idle) >= 0 &&
			json_is_integer(idle))
		heard = json_integer_value(made) - json_integer_value(idle);
	json_decref(json);
	return heard;
}

void touch_statistics(struct touch *touch, const char *statistics, size_t size)
{
	int64_t heard = heard_us(statistics, size);
	stop_note(touch);
	if (heard >= 0 && heard >= touch->woken_us && heard + touch->asleep_us > touch->heard_us)
		touch->heard_us = heard + touch->asleep_us;
}

/* It may have waited while this process was stopped, too: then the loop has not turned. */
void touch_assigned(struct touch *touch)
{
	stop_note(touch);
	if (touch->looked_us && clock_read_us(CLOCK_MONOTONIC) >= touch->woken_us)
		touch->heard_us = clock_read_us(CLOCK_BOOTTIME);
}

int64_t touch_silence_ms(struct touch *touch)
{
	stop_note(touch);
	touch->looked_us = clock_read_us(CLOCK_BOOTTIME);
	return touch->heard_us ? (clock_read_us(CLOCK_BOOTTIME) - touch->heard_us) / 1000 : -1;
}
