/* test_http.c: the endpoints as a client sees them, over a loopback socket. */
#include "../../worker/http/http.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct http *http;
static struct err err;
static bool ready, nothing;
static char answer[65536];

static char *make_metrics(void *context, size_t *size)
{
	(void)context;
	*size = 8;
	return strdup("metric 1");
}

static char *make_status(void *context, size_t *size)
{
	*size = 2;
	return nothing ? NULL : strdup(context);
}

static bool is_ready(void *context, char *reason, size_t size)
{
	(void)context;
	snprintf(reason, size, "%s", ready ? "joined the group" : "the group is not joined yet");
	return ready;
}

static const struct http_source source = {"{}", make_metrics, NULL, is_ready, make_status};

static void set_up(void)
{
	ready = nothing = false;
	ck_assert_msg(http_start("127.0.0.1:0", &source, &http, &err) == 0, "%s", err.text);
	ck_assert_int_gt(http_port(http), 0);
}

static void tear_down(void)
{
	http_stop(http);
	http = NULL;
}

static int dial(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)http_port(http)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* Sends text and keeps all of the answer; returns the status code. */
static int say(const char *text, size_t size)
{
	int fd = dial();
	size_t got = 0;
	ssize_t n;
	ck_assert_int_eq(send(fd, text, size, MSG_NOSIGNAL), (ssize_t)size);
	while (got < sizeof answer - 1 &&
		(n = recv(fd, answer + got, sizeof answer - 1 - got, 0)) > 0)
		got += (size_t)n;
	answer[got] = '\0';
	close(fd);
	return got > 12 ? atoi(answer + 9) : 0;
}

static int ask(const char *method, const char *path)
{
	char text[300];
	int size = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: x\r\n"
		"Connection: close\r\n\r\n", method, path);
	return say(text, (size_t)size);
}

static const char *body(void)
{
	const char *end = strstr(answer, "\r\n\r\n");
	return end ? end + 4 : "";
}

START_TEST(ready_tells_the_reason)
{
	ck_assert_int_eq(ask("GET", "/readyz"), 503);
	ck_assert_str_eq(body(), "the group is not joined yet\n");
	ready = true;
	ck_assert_int_eq(ask("GET", "/readyz"), 200);
	ck_assert_str_eq(body(), "joined the group\n");
	ck_assert_int_eq(ask("GET", "/livez"), 200);
	ck_assert_str_eq(body(), "ok\n");
}
END_TEST

START_TEST(metrics_and_status_are_the_sources)
{
	ck_assert_int_eq(ask("GET", "/metrics"), 200);
	ck_assert_str_eq(body(), "metric 1");
	ck_assert_ptr_nonnull(strstr(answer, "text/plain; version=0.0.4"));
	ck_assert_int_eq(ask("GET", "/status"), 200);
	ck_assert_str_eq(body(), "{}");
	ck_assert_ptr_nonnull(strstr(answer, "application/json"));
	nothing = true;
	ck_assert_int_eq(ask("GET", "/status"), 503);
}
END_TEST

START_TEST(the_page_takes_nothing_from_outside)
{
	ck_assert_int_eq(ask("GET", "/"), 200);
	ck_assert_ptr_nonnull(strstr(answer, "text/html; charset=utf-8"));
	ck_assert_ptr_nonnull(strstr(answer, "default-src 'none'"));
	ck_assert_ptr_nonnull(strstr(body(), "/status"));
	ck_assert_ptr_null(strstr(body(), "http://"));
	ck_assert_ptr_null(strstr(body(), "https://"));
	ck_assert_ptr_null(strstr(body(), "innerHTML"));
}
END_TEST

START_TEST(head_has_no_body)
{
	ck_assert_int_eq(ask("HEAD", "/metrics"), 200);
	ck_assert_str_eq(body(), "");
	ck_assert_ptr_nonnull(strstr(answer, "Content-Length: 8"));
}
END_TEST

START_TEST(nothing_can_be_written)
{
	static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"};
	static const char post[] = "POST /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		"Content-Length: 5\r\n\r\nhello";
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		ck_assert_int_eq(ask(methods[i], "/status"), 405);
		ck_assert_ptr_nonnull(strstr(answer, "Allow: GET, HEAD"));
	}
	ck_assert_int_eq(say(post, sizeof post - 1), 405);
}
END_TEST

START_TEST(other_paths_are_not_found)
{
	ck_assert_int_eq(ask("GET", "/etc/passwd"), 404);
	ck_assert_int_eq(ask("GET", "/metrics/"), 404);
	ck_assert_int_eq(ask("GET", "//status"), 404);
	ck_assert_int_eq(ask("GET", "/status?x=1"), 200);
}
END_TEST

START_TEST(what_is_no_http_does_no_harm)
{
	char junk[40000];
	memset(junk, 'A', sizeof junk);
	say("\0\1\2\r\n\r\n", 7);
	say("GET\r\n\r\n", 7);
	int fd = dial();		/* a header without end, and gone */
	send(fd, junk, sizeof junk, MSG_NOSIGNAL);
	close(fd);
	ck_assert_int_eq(ask("GET", "/livez"), 200);
}
END_TEST

START_TEST(silent_connections_leave_room_for_others)
{
	int fds[12];
	for (size_t i = 0; i < 12; i++)
		fds[i] = dial();
	ck_assert_int_eq(ask("GET", "/livez"), 200);
	for (size_t i = 0; i < 12; i++)
		close(fds[i]);
}
END_TEST

START_TEST(connections_beyond_the_bound_are_dropped)
{
	int fds[24];
	char byte;
	for (size_t i = 0; i < 24; i++)
		fds[i] = dial();
	ssize_t got = recv(fds[23], &byte, 1, 0);
	ck_assert_msg(got == 0 || (got < 0 && errno == ECONNRESET), "the connection was kept");
	for (size_t i = 0; i < 24; i++)
		close(fds[i]);
}
END_TEST

START_TEST(an_address_in_use_is_said)
{
	struct http *other = NULL;
	char listen_text[40];
	snprintf(listen_text, sizeof listen_text, "127.0.0.1:%d", http_port(http));
	ck_assert_int_eq(http_start(listen_text, &source, &other, &err), -1);
	ck_assert_ptr_null(other);
	ck_assert_int_eq(err.code, ERR_SYSTEM);
	ck_assert_ptr_nonnull(strstr(err.text, listen_text));
	ck_assert_ptr_nonnull(strstr(err.text, "is in use"));
}
END_TEST

START_TEST(off_is_none_and_wrong_is_an_error)
{
	struct http *other = http;
	ck_assert_int_eq(http_start("off", &source, &other, &err), 0);
	ck_assert_ptr_null(other);
	ck_assert_int_eq(http_port(other), 0);
	http_stop(other);
	ck_assert_int_eq(http_start("localhost", &source, &other, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_int_eq(http_start("192.0.2.1:0", &source, &other, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "192.0.2.1:0"));
}
END_TEST

START_TEST(the_port_is_free_again_after_stop)
{
	char listen_text[40];
	int port = http_port(http);
	snprintf(listen_text, sizeof listen_text, "127.0.0.1:%d", port);
	ck_assert_int_eq(ask("GET", "/livez"), 200);
	http_stop(http);
	ck_assert_msg(http_start(listen_text, &source, &http, &err) == 0, "%s", err.text);
	ck_assert_int_eq(http_port(http), port);
	ck_assert_int_eq(ask("GET", "/livez"), 200);
}
END_TEST

START_TEST(ipv6_is_written_in_brackets)
{
	struct http *other = NULL;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool possible = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback,
		sizeof loopback) == 0;
	close(fd);
	if (!possible) {
		printf("skip: ipv6_is_written_in_brackets: no IPv6 loopback (bind [::1])\n");
		return;
	}
	ck_assert_msg(http_start("[::1]:0", &source, &other, &err) == 0, "%s", err.text);
	ck_assert_int_gt(http_port(other), 0);
	http_stop(other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http");
	TCase *tests = tcase_create("http");
	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, ready_tells_the_reason);
	tcase_add_test(tests, metrics_and_status_are_the_sources);
	tcase_add_test(tests, the_page_takes_nothing_from_outside);
	tcase_add_test(tests, head_has_no_body);
	tcase_add_test(tests, nothing_can_be_written);
	tcase_add_test(tests, other_paths_are_not_found);
	tcase_add_test(tests, what_is_no_http_does_no_harm);
	tcase_add_test(tests, silent_connections_leave_room_for_others);
	tcase_add_test(tests, connections_beyond_the_bound_are_dropped);
	tcase_add_test(tests, an_address_in_use_is_said);
	tcase_add_test(tests, off_is_none_and_wrong_is_an_error);
	tcase_add_test(tests, the_port_is_free_again_after_stop);
	tcase_add_test(tests, ipv6_is_written_in_brackets);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
