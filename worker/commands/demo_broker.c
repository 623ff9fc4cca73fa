/* demo_broker.c: see demo_broker.h. */
#include "demo_broker.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void drop_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

static rd_kafka_mock_cluster_t *cluster_make(void)
{
	char reason[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set_log_cb(conf, drop_log);
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	return rd_kafka_mock_cluster_new(rk, 1);
}

/* The broker's process: says where it listens, then serves until it is killed. */
__attribute__((noreturn))
static void broker_serve(int out, const char *const *topics, size_t count, int partitions)
{
	rd_kafka_mock_cluster_t *cluster = cluster_make();
	if (!cluster)
		_exit(1);
	for (size_t i = 0; i < count; i++)
		if (rd_kafka_mock_topic_create(cluster, topics[i], partitions, 1) != 0)
			_exit(1);
	const char *address = rd_kafka_mock_cluster_bootstraps(cluster);
	if (write(out, address, strlen(address)) < 0)
		_exit(1);
	close(out);
	for (;;)
		pause();
}

static void broker_child(pid_t parent, int out, const char *const *topics, size_t count,
	int partitions)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);		/* it died before the tie was made */
	setpgid(0, 0);			/* Ctrl-C is the parent's to handle */
	broker_serve(out, topics, count, partitions);
}

static int address_read(int in, struct demo_broker *broker, struct err *err)
{
	size_t used = 0;
	ssize_t got;
	while (used + 1 < sizeof broker->address &&
		(got = read(in, broker->address + used, sizeof broker->address - used - 1)) > 0)
		used += (size_t)got;
	broker->address[used] = '\0';
	return used ? 0 : err_set(err, ERR_BROKER, "the demo's broker did not start");
}

int demo_broker_start(struct demo_broker *broker, const char *const *topics, size_t topic_count,
	int partitions, struct err *err)
{
	int pipes[2];
	pid_t parent = getpid();
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return err_system(err, "pipe for the demo's broker");
	broker->pid = fork();
	if (broker->pid == 0) {
		close(pipes[0]);
		broker_child(parent, pipes[1], topics, topic_count, partitions);
	}
	close(pipes[1]);
	int answer = broker->pid < 0 ? err_system(err, "fork the demo's broker") :
		address_read(pipes[0], broker, err);
	close(pipes[0]);
	if (answer != 0)
		demo_broker_stop(broker);
	return answer;
}

void demo_broker_stop(struct demo_broker *broker)
{
	if (broker->pid > 0) {
		kill(broker->pid, SIGKILL);
		waitpid(broker->pid, NULL, 0);
	}
	broker->pid = 0;
}
