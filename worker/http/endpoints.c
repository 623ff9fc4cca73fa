/* endpoints.c: see endpoints.h. Everything here is read from atomics, or under a lock that is held for moments: the
 * loop is never asked. */
#include "endpoints.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "../log.h"
#include "../watermark_report.h"

struct endpoints {
	const struct config *config;
	struct metrics *metrics;
	struct worker_health *health;
	struct watermark_report *watermarks;
	struct http *http;
};

static bool ready(void *context, char *reason, size_t size)
{
	const struct endpoints *endpoints = context;
	const char *missing = endpoints->health->missing;
	bool joined = endpoints->health->joined, draining = endpoints->health->draining;
	bool controls_read = endpoints->health->controls_read;
	if (missing) {
		snprintf(reason, size, "%s", missing);
		return false;
	}
	snprintf(reason, size, "%s", draining ? "draining" : !joined ? "not in the group yet" :
		!controls_read ? "the cancels are not read yet" : "ready");
	return joined && controls_read && !draining;
}

static char *metrics(void *context, size_t *size)
{
	struct endpoints *endpoints = context;
	char reason[64];
	metrics_set(endpoints->metrics, METRIC_READY, METRIC_UNLABELLED,
		ready(endpoints, reason, sizeof reason));
	return metrics_render(endpoints->metrics, size);
}

static void put(json_t *json, const struct endpoints *endpoints, const char *name,
	enum metric metric, int label)
{
	json_object_set_new(json, name, json_integer((json_int_t)metrics_value(endpoints->metrics,
		metric, label)));
}

/* Where there is more than one of requests. */
static json_t *topics_json(const struct endpoints *endpoints)
{
	json_t *topics = json_array();
	for (size_t i = 0; i < config_request_topics(endpoints->config); i++) {
		json_t *topic = json_object();
		json_object_set_new(topic, "topic",
			json_string(config_request_topic(endpoints->config, i)));
		json_object_set_new(topic, "weight",
			json_integer(config_request_weight(endpoints->config, i)));
		put(topic, endpoints, "backlog", METRIC_TOPIC_BACKLOG, (int)i);
		json_array_append_new(topics, topic);
	}
	return topics;
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *taking_over(const struct endpoints *endpoints)
{
	json_t *json = json_object();
	put(json, endpoints, "partitions", METRIC_TAKEOVER_PARTITIONS, METRIC_UNLABELLED);
	put(json, endpoints, "seconds", METRIC_TAKEOVER_SECONDS, METRIC_UNLABELLED);
	json_object_set_new(json, "step", text_or_null(endpoints->health->takeover_step));
	json_object_set_new(json, "reason", text_or_null(endpoints->health->takeover_reason));
	return json;
}

static char *status(void *context, size_t *size)
{
	const struct endpoints *endpoints = context;
	char reason[64];
	json_t *json = json_object(), *results = json_object();
	(void)ready(context, reason, sizeof reason);
	json_object_set_new(json, "state", json_string(reason));
	put(json, endpoints, "slots", METRIC_SLOTS, METRIC_UNLABELLED);
	put(json, endpoints, "partitions", METRIC_PARTITIONS, METRIC_UNLABELLED);
	put(json, endpoints, "partitionsLeftOut", METRIC_LEFT_OUT, METRIC_UNLABELLED);
	put(json, endpoints, "partitionsPaused", METRIC_PAUSED, METRIC_UNLABELLED);
	json_object_set_new(json, "takingOver", taking_over(endpoints));
	put(json, endpoints, "running", METRIC_JOBS_RUNNING, METRIC_UNLABELLED);
	put(json, endpoints, "backlog", METRIC_BACKLOG, METRIC_UNLABELLED);
	put(json, endpoints, "queued", METRIC_JOBS_QUEUED, METRIC_UNLABELLED);
	put(json, endpoints, "retriesWaiting", METRIC_RETRIES_WAITING, METRIC_UNLABELLED);
	put(json, endpoints, "tenantsHeld", METRIC_TENANTS_HELD, METRIC_UNLABELLED);
	for (int i = STATUS_COMPLETED; i <= STATUS_SKIPPED; i++)
		put(results, endpoints, status_name((enum status)i), METRIC_RESULTS, i);
	json_object_set_new(json, "results", results);
	put(json, endpoints, "malformed", METRIC_MALFORMED, METRIC_UNLABELLED);
	put(json, endpoints, "deduped", METRIC_DEDUPED, METRIC_UNLABELLED);
	put(json, endpoints, "retries", METRIC_RETRIES, METRIC_UNLABELLED);
	put(json, endpoints, "dead", METRIC_DEAD, METRIC_UNLABELLED);
	put(json, endpoints, "commits", METRIC_COMMITS, METRIC_UNLABELLED);
	if (config_request_topics(endpoints->config) > 1)
		json_object_set_new(json, "topics", topics_json(endpoints));
	json_object_set_new(json, "windowsFull", watermark_report_json(endpoints->watermarks));
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	*size = text ? strlen(text) : 0;
	return text;
}

int endpoints_open(const struct config *config, struct metrics *counted,
	struct worker_health *health, struct watermark_report *watermarks,
	struct endpoints **opened, struct err *err)
{
	struct endpoints *endpoints = calloc(1, sizeof *endpoints);
	if (!endpoints)
		return err_set(err, ERR_MEMORY, "no memory");
	*endpoints = (struct endpoints){.config = config, .metrics = counted, .health = health,
		.watermarks = watermarks};
	struct http_source source = {.context = endpoints, .metrics = metrics, .ready = ready,
		.status = status};
	metrics_set(counted, METRIC_SLOTS, METRIC_UNLABELLED, config->worker.slots);
	if (http_start(config->http.listen, &source, &endpoints->http, err) < 0) {
		free(endpoints);
		return -1;
	}
	if (endpoints->http)
		log_event(LOG_INFO, "answering over HTTP", "listen", config->http.listen, "port",
			log_number(http_port(endpoints->http)), NULL);
	*opened = endpoints;
	return 0;
}

void endpoints_close(struct endpoints *endpoints)
{
	http_stop(endpoints->http);
	free(endpoints);
}
