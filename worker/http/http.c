/* http.c: see http.h. On libmicrohttpd, with one thread that polls.
 *
 * The address is bound here rather than by the library, so that the error can say what is wrong.
 * Connections are few, short-lived, and bounded in number (also from one address) and memory;
 * a slow reader is dropped.
 */
#include "http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_page.h"
#include "../config/listen_address.h"

#define CONNECTIONS 32
#define CONNECTION_BYTES 16384
#define TIMEOUT_S 10
#define BACKLOG 16

struct http {
	struct http_source source;
	struct MHD_Daemon *daemon;
	int port;
};

static const char text_type[] = "text/plain; charset=utf-8";

/* Takes body (malloc'ed), or copies none of it when it is static. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type,
	const char *body, size_t size, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size,
		(void *)(uintptr_t)body, mode);
	if (!response) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free((void *)(uintptr_t)body);
		return MHD_NO;
	}
	static const char *const headers[][2] = {{"Cache-Control", "no-store"},
		{"X-Content-Type-Options", "nosniff"},
		{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; "
			"script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'"}};
	enum MHD_Result result = MHD_add_response_header(response, "Content-Type", type);
	for (size_t i = 0; result == MHD_YES && i < sizeof headers / sizeof *headers; i++)
		result = MHD_add_response_header(response, headers[i][0], headers[i][1]);
	if (result == MHD_YES && code == MHD_HTTP_METHOD_NOT_ALLOWED)
		result = MHD_add_response_header(response, "Allow", "GET, HEAD");
	if (result == MHD_YES)
		result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_line(struct MHD_Connection *connection, unsigned code,
	const char *line)
{
	char text[512];
	int length = snprintf(text, sizeof text, "%s\n", line);
	size_t size = length < (int)sizeof text ? (size_t)length : sizeof text - 1;
	return answer(connection, code, text_type, text, size, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result answer_verdict(struct MHD_Connection *connection,
	bool (*ask)(void *, char *, size_t), void *context)
{
	char reason[480] = "";
	bool good = !ask || ask(context, reason, sizeof reason);
	if (!reason[0])
		strcpy(reason, good ? "ok" : "no");
	return answer_line(connection, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, reason);
}

static enum MHD_Result answer_body(struct MHD_Connection *connection,
	char *(*make)(void *, size_t *), void *context, const char *type)
{
	size_t size = 0;
	char *body = make ? make(context, &size) : NULL;
	if (!body)
		return answer_line(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "not to be had now");
	return answer(connection, MHD_HTTP_OK, type, body, size, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result dispatch(const struct http_source *source,
	struct MHD_Connection *connection, const char *path)
{
	if (strcmp(path, "/metrics") == 0)
		return answer_body(connection, source->metrics, source->context,
			"text/plain; version=0.0.4; charset=utf-8");
	if (strcmp(path, "/status") == 0)
		return answer_body(connection, source->status, source->context,
			"application/json");
	if (strcmp(path, "/livez") == 0)
		return answer_verdict(connection, source->live, source->context);
	if (strcmp(path, "/readyz") == 0)
		return answer_verdict(connection, source->ready, source->context);
	if (strcmp(path, "/") == 0)
		return answer(connection, MHD_HTTP_OK, "text/html; charset=utf-8", http_page,
			sizeof http_page - 1, MHD_RESPMEM_PERSISTENT);
	return answer_line(connection, MHD_HTTP_NOT_FOUND,
		"there are /, /status, /metrics, /livez and /readyz");
}

/* The library calls once with the headers, then with the body's parts, then once more. A body is
 * never wanted, and never kept. */
static enum MHD_Result take_request(void *closure, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *upload,
	size_t *upload_size, void **state)
{
	static char known;
	struct http *http = closure;
	(void)version;
	(void)upload;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_line(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "read-only");
	if (*state == NULL) {
		*state = &known;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	return dispatch(&http->source, connection, path);
}

/* A bound, listening socket, or -1 with errno. */
static int listen_at(const struct addrinfo *info)
{
	int on = 1, off = 0;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (info->ai_family == AF_INET6)	/* [::] means IPv4 as well */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int errnum = errno;
	close(fd);
	errno = errnum;
	return -1;
}

static int bind_first(const struct addrinfo *found)
{
	int fd = -1;
	for (const struct addrinfo *info = found; info && fd < 0; info = info->ai_next)
		fd = listen_at(info);
	return fd;
}

static int open_socket(const char *listen_text, const struct listen_address *address,
	struct err *err)
{
	struct addrinfo *found, hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_family = address->host[0] ? AF_UNSPEC : AF_INET6, .ai_socktype = SOCK_STREAM};
	const char *host = address->host[0] ? address->host : NULL;
	int failure = getaddrinfo(host, address->port, &hints, &found);
	if (failure)
		return err_set(err, ERR_INVALID, "http.listen %s: %s", listen_text,
			gai_strerror(failure));
	int fd = bind_first(found);
	freeaddrinfo(found);
	if (fd < 0 && !host) {		/* a machine without IPv6 */
		hints.ai_family = AF_INET;
		if (getaddrinfo(NULL, address->port, &hints, &found) == 0) {
			fd = bind_first(found);
			freeaddrinfo(found);
		}
	}
	if (fd < 0 && errno == EADDRINUSE)
		return err_set(err, ERR_SYSTEM, "http.listen %s: the address is in use, perhaps by "
			"another worker; choose another port, or 'off'", listen_text);
	return fd < 0 ? err_system(err, "http.listen %s", listen_text) : fd;
}

static int port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} address;
	socklen_t size = sizeof address;
	if (getsockname(fd, &address.any, &size) != 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port :
		address.four.sin_port);
}

/* Requests that are no HTTP are no news for the log. */
static void drop_log(void *closure, const char *format, va_list args)
{
	(void)closure;
	(void)format;
	(void)args;
}

static int start_daemon(struct http *http, int fd, struct err *err)
{
	http->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
		MHD_USE_ERROR_LOG, 0, NULL, NULL, take_request, http,
		MHD_OPTION_EXTERNAL_LOGGER, drop_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS / 2,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_END);
	return http->daemon ? 0 : err_system(err, "start the HTTP thread");
}

int http_start(const char *listen_text, const struct http_source *source, struct http **http,
	struct err *err)
{
	struct listen_address address;
	struct err why = {0};
	if (listen_address_parse(listen_text, &address, &why) != 0)
		return err_set(err, ERR_INVALID, "http.listen %s", why.text);
	if (address.off) {
		*http = NULL;
		return 0;
	}
	int fd = open_socket(listen_text, &address, err);
	if (fd < 0)
		return -1;
	struct http *made = calloc(1, sizeof *made);
	if (!made) {
		close(fd);
		return err_set(err, ERR_MEMORY, "no memory for the HTTP server");
	}
	made->source = *source;
	made->port = port_of(fd);
	if (start_daemon(made, fd, err) != 0) {
		close(fd);
		free(made);
		return -1;
	}
	*http = made;
	return 0;
}

int http_port(const struct http *http)
{
	return http ? http->port : 0;
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	MHD_stop_daemon(http->daemon);	/* closes the socket as well */
	free(http);
}
