/* result_wait.c: see result_wait.h.
 *
 * The results topic is read from where the results can be: its end at the time of submitting, or as
 * far back as the dedupe window reaches when an execution may be done already. A record is decoded
 * only when its key is the node's.
 */
#include "result_wait.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "../commands/record_view.h"
#include "../time_text.h"

#define CLOCKS_MS 10000			/* how far the clocks of worker and command may differ */

struct awaited {
	UT_hash_handle hh;
	char execution_id[];
};

struct result_wait {
	struct codec *codec;
	struct kafka_reader *reader;
	char *thread_id, *node_id, *key;
	struct awaited *awaited;
};

static int names_set(struct result_wait *wait, const char *thread_id, const char *node_id,
	struct err *err)
{
	wait->thread_id = strdup(thread_id);
	wait->node_id = strdup(node_id);
	if (!wait->thread_id || !wait->node_id ||
		asprintf(&wait->key, "%s:%s", thread_id, node_id) < 0) {
		wait->key = NULL;
		return err_set(err, ERR_MEMORY, "no memory to wait for results");
	}
	return 0;
}

int result_wait_new(const struct config *config, struct codec *codec, const char *thread_id,
	const char *node_id, bool standing, struct result_wait **wait, struct err *err)
{
	const char *topics[] = {config->topics.results};
	struct kafka_start start = {.from = standing ? START_TIME : START_END,
		.value = time_now_ms() - config->worker.dedupe_window_ms - CLOCKS_MS};
	struct result_wait *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory to wait for results");
	made->codec = codec;
	if (names_set(made, thread_id, node_id, err) != 0 ||
		kafka_reader_new(config, topics, 1, start, &made->reader, err) != 0) {
		result_wait_free(made);
		return -1;
	}
	*wait = made;
	return 0;
}

void result_wait_free(struct result_wait *wait)
{
	struct awaited *entry, *next;
	if (!wait)
		return;
	HASH_ITER(hh, wait->awaited, entry, next) {
		HASH_DEL(wait->awaited, entry);
		free(entry);
	}
	kafka_reader_free(wait->reader);
	free(wait->thread_id);
	free(wait->node_id);
	free(wait->key);
	free(wait);
}

static struct awaited *find(const struct result_wait *wait, const char *execution_id)
{
	struct awaited *entry;
	HASH_FIND_STR(wait->awaited, execution_id, entry);
	return entry;
}

int result_wait_add(struct result_wait *wait, const char *execution_id, struct err *err)
{
	size_t size = strlen(execution_id) + 1;
	if (find(wait, execution_id))
		return 0;
	struct awaited *entry = calloc(1, sizeof *entry + size);
	if (!entry)
		return err_set(err, ERR_MEMORY, "no memory to wait for results");
	memcpy(entry->execution_id, execution_id, size);
	HASH_ADD_STR(wait->awaited, execution_id, entry);
	return 0;
}

size_t result_wait_missing(const struct result_wait *wait)
{
	return HASH_COUNT(wait->awaited);
}

static bool is_of_node(const struct result_wait *wait, const struct kafka_record *record)
{
	return record->key && record->key_size == strlen(wait->key) &&
		memcmp(record->key, wait->key, record->key_size) == 0;
}

static struct awaited *match(const struct result_wait *wait, const struct record_view *view)
{
	if (!view->status || !view->execution_id || !view->thread_id || !view->node_id ||
		strcmp(view->thread_id, wait->thread_id) != 0 ||
		strcmp(view->node_id, wait->node_id) != 0)
		return NULL;
	return find(wait, view->execution_id);
}

int result_wait_next(struct result_wait *wait, int timeout_ms, char **json, bool *success,
	struct err *err)
{
	struct kafka_record record;
	struct record_view view;
	struct err unreadable;
	enum kafka_read read = kafka_reader_next(wait->reader, timeout_ms, &record, err);
	if (read == KAFKA_READ_ERROR)
		return -1;
	if (read != KAFKA_READ_RECORD || !is_of_node(wait, &record) ||
		record_view_open(wait->codec, record.value, record.value_size, &view,
			&unreadable) != 0)
		return 0;
	struct awaited *entry = match(wait, &view);
	if (entry) {
		HASH_DEL(wait->awaited, entry);
		free(entry);
		*json = view.json;
		*success = view.success;
		view.json = NULL;
	}
	record_view_close(&view);
	return entry ? 1 : 0;
}
