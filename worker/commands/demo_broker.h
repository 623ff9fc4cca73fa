/* demo_broker.h: a broker for the demo, in a process of its own.
 *
 * librdkafka's mock cluster: it speaks Kafka's protocol and keeps some megabytes in memory; good for
 * a show, for nothing that proves or measures.
 */
#ifndef CODEWORKER_DEMO_BROKER_H
#define CODEWORKER_DEMO_BROKER_H

#include <stddef.h>
#include <sys/types.h>

#include "../../sandbox/err.h"

struct demo_broker {
	pid_t pid;			/* 0: none */
	char address[64];		/* "127.0.0.1:PORT" */
};

/* Starts it with these topics. To be called before there are threads. It dies with its parent. */
int demo_broker_start(struct demo_broker *broker, const char *const *topics, size_t topic_count,
	int partitions, struct err *err);
void demo_broker_stop(struct demo_broker *broker);

#endif
