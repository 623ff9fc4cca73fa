/* bench_metric.c: see bench_metric.h. */
#include "bench_metric.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_S 10
#define TEXT_MAX (256 << 10)

static int loopback(int port, struct sockaddr_in *address, struct err *err)
{
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? err_system(err, "a socket") : fd;
}

int bench_metric_port(struct err *err)
{
	struct sockaddr_in address;
	socklen_t size = sizeof address;
	int fd = loopback(0, &address, err), port = -1;
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
			getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		err_system(err, "a free port");
	else
		port = ntohs(address.sin_port);
	close(fd);
	return port;
}

/* Until the other side closes, as HTTP 1.0 has it; what is longer is cut. */
static int answer_read(int fd, char *text, struct err *err)
{
	static const char question[] = "GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n";
	const struct timeval patience = {.tv_sec = ANSWER_S};
	size_t used = 0;
	ssize_t got = 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (send(fd, question, sizeof question - 1, MSG_NOSIGNAL) != sizeof question - 1)
		return err_system(err, "asking the worker for its metrics");
	while (used < TEXT_MAX && (got = read(fd, text + used, TEXT_MAX - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	return got < 0 ? err_system(err, "reading the worker's metrics") : 0;
}

static int number_find(const char *text, const char *name, double *value, struct err *err)
{
	size_t length = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || line[length] != ' ')
			continue;
		*value = strtod(line + length, NULL);
		return 0;
	}
	return err_set(err, ERR_SYSTEM, "the worker tells no %s", name);
}

int bench_metric_get(int port, const char *name, double *value, struct err *err)
{
	struct sockaddr_in address;
	char *text = malloc(TEXT_MAX + 1);
	int fd = loopback(port, &address, err), result = fd < 0 ? -1 : 0;
	if (!text)
		result = err_set(err, ERR_MEMORY, "no memory for metrics");
	if (result == 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		result = err_system(err, "the worker's metrics");
	if (result == 0)
		result = answer_read(fd, text, err);
	if (result == 0)
		result = number_find(text, name, value, err);
	if (fd >= 0)
		close(fd);
	free(text);
	return result;
}
