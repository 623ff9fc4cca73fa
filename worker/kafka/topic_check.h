/* topic_check.h: the topics as the brokers have them, and whether a worker may start on them.
 *
 * What is wrong is topic_plan.h's to say; `topics check` shows all of it, a worker refuses to start on what
 * breaks a guarantee (worker.topic_check) and warns of the rest.
 */
#ifndef CODEWORKER_TOPIC_CHECK_H
#define CODEWORKER_TOPIC_CHECK_H

#include "kafka_client.h"
#include "topic_plan.h"

/* Fills found, which the caller frees. */
int topic_find(struct kafka_admin *admin, const struct config *config, enum topic_role role,
	struct topic_found *found, struct err *err);
void topics_found_free(struct topic_found found[TOPICS_MOST]);

/* Waits a little for topics that were only just made. Settings that this principal may not ask for are not checked,
 * which is told. bytes: how large a message each topic takes; where that isn't told, Kafka's default.
 * ERR_INVALID names what is to be changed; ERR_BROKER: no broker answers. */
int topics_check_start(const struct config *config, int64_t bytes[TOPIC_ROLES], struct err *err);

#endif
