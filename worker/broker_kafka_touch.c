/* broker_kafka_touch.c: whether the group's coordinator still answers.
 *
 * librdkafka tells nobody when a heartbeat was last answered, but its statistics say for how long
 * nothing came over the coordinator's connection, which carries little else than heartbeats. A worker
 * that hears nothing for half the session timeout must end its jobs before the group gives them to another.
 */
#include "broker_kafka_internal.h"

#include <jansson.h>
#include <string.h>

int64_t coordinator_idle_us(const char *statistics, size_t size)
{
	json_t *json = json_loadb(statistics, size, 0, NULL);
	const json_t *coordinator = json_object_get(json_object_get(json, "brokers"),
		"GroupCoordinator");
	const char *state = json_string_value(json_object_get(coordinator, "state"));
	const json_t *idle = json_object_get(coordinator, "rxidle");
	int64_t idle_us = -1;
	if (state && strcmp(state, "UP") == 0 && json_is_integer(idle))
		idle_us = json_integer_value(idle);
	json_decref(json);
	return idle_us;
}
