/* client.c: the library's side of sandbox.h: starts the launcher, sends jobs, collects what they write,
 * and puts pipe contents and the launcher's outcome together into one result.
 *
 * The library polls through an epoll descriptor of its own, which sandbox_fd gives to the caller's
 * loop. Output is read all the time, so a job never waits on a full pipe; beyond output_bytes it
 * is dropped and flagged. When the outcome has come no process of the job can run any more, so what
 * the pipes hold then is all there will ever be.
 */
#include "sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "collector.h"
#include "launch.h"
#include "payload.h"
#include "result.h"
#include "shared/record.h"
#include "shared/setup.h"

enum stream { STREAM_OUT, STREAM_ERR, STREAM_VALUE, STREAMS };
#define EVENT_SOCKET UINT64_MAX
#define LEASE_STEP_MS 50		/* what is not worth a record */

struct running {
	bool used, ended;		/* ended: the outcome has come */
	uint64_t tag;
	struct collector streams[STREAMS];
	struct record_outcome outcome;
	int output_fd;
	size_t compile_bytes;		/* not 0: it only compiles */
};

struct sandbox {
	pid_t launcher;
	int socket, epoll;
	bool lost;			/* the launcher is gone */
	int slots, count;
	struct running *jobs;		/* slots of them */
	int pipes[STREAMS][2], ahead;	/* made for the next, and how many */
	struct sandbox_limits limits;
	size_t runtime_count;
	bool returns[SETUP_MAX_RUNTIMES];	/* a value */
	bool compiles[SETUP_MAX_RUNTIMES];
	enum sandbox_level floor;
	int64_t lease_ms;		/* that the launcher has been told of; 0: none */
	struct sandbox_self_test self_test;
};

const struct sandbox_limits sandbox_default_limits = {
	.wall_ms = 3600000, .cpu_ms = 60000, .memory_bytes = 256u << 20, .disk_bytes = 64u << 20,
	.processes = 64, .output_bytes = 256u << 10, .open_files = 256};

static int watch(struct sandbox *sandbox, int fd, uint64_t data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};
	return epoll_ctl(sandbox->epoll, EPOLL_CTL_ADD, fd, &event);
}

int sandbox_open(const struct sandbox_config *config, struct sandbox **opened, struct err *err)
{
	struct sandbox *sandbox = calloc(1, sizeof *sandbox);
	if (!sandbox)
		return err_set(err, ERR_MEMORY, "no memory");
	sandbox->socket = sandbox->epoll = -1;
	sandbox->limits = config->limits;
	if (launch(config, &sandbox->limits, &sandbox->launcher, &sandbox->socket,
			&sandbox->self_test, err) < 0) {
		free(sandbox);
		return -1;
	}
	sandbox->slots = config->slots;
	sandbox->runtime_count = config->runtime_count;
	for (size_t i = 0; i < config->runtime_count; i++) {
		sandbox->returns[i] = config->runtimes[i].kind != SANDBOX_RUNTIME_EXEC;
		sandbox->compiles[i] = sandbox->self_test.runtime_warm[i] && sandbox->returns[i];
	}
	sandbox->floor = config->floor;
	sandbox->jobs = calloc((size_t)config->slots, sizeof *sandbox->jobs);
	sandbox->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!sandbox->jobs || sandbox->epoll < 0 ||
			watch(sandbox, sandbox->socket, EVENT_SOCKET) < 0) {
		err_set(err, ERR_MEMORY, "no memory or descriptors for the sandbox's client");
		sandbox_close(sandbox);
		return -1;
	}
	*opened = sandbox;
	return 0;
}

static void running_release(struct sandbox *sandbox, struct running *job)
{
	for (int i = 0; i < STREAMS; i++) {
		collector_close(&job->streams[i]);
		free(job->streams[i].buffer.data);
	}
	if (job->output_fd >= 0)
		close(job->output_fd);
	*job = (struct running){.used = false, .output_fd = -1};
	sandbox->count--;
}

void sandbox_close(struct sandbox *sandbox)
{
	if (!sandbox)
		return;
	launch_end(sandbox->launcher, sandbox->socket);
	for (int i = 0; sandbox->jobs && i < sandbox->slots; i++)
		if (sandbox->jobs[i].used)
			running_release(sandbox, &sandbox->jobs[i]);
	while (sandbox->ahead > 0) {
		sandbox->ahead--;
		close(sandbox->pipes[sandbox->ahead][0]);
		close(sandbox->pipes[sandbox->ahead][1]);
	}
	if (sandbox->epoll >= 0)
		close(sandbox->epoll);
	free(sandbox->jobs);
	free(sandbox);
}

const struct sandbox_self_test *sandbox_self_test(const struct sandbox *sandbox)
{
	return &sandbox->self_test;
}

int sandbox_fd(const struct sandbox *sandbox)
{
	return sandbox->epoll;
}

bool sandbox_compiles(const struct sandbox *sandbox, size_t runtime)
{
	return runtime < sandbox->runtime_count && sandbox->compiles[runtime];
}

int sandbox_running(const struct sandbox *sandbox)
{
	return sandbox->count;
}

static struct running *running_find(struct sandbox *sandbox, bool used, uint64_t tag)
{
	for (int i = 0; i < sandbox->slots; i++)
		if (sandbox->jobs[i].used == used && (!used || sandbox->jobs[i].tag == tag))
			return &sandbox->jobs[i];
	return NULL;
}

/* While the last one runs: the next is not to wait for them. What fails then fails again where it matters. */
static void streams_make_ahead(struct sandbox *sandbox)
{
	struct err err;
	while (sandbox->ahead < STREAMS &&
			collector_pipe(sandbox->pipes[sandbox->ahead], &err) == 0)
		sandbox->ahead++;
}

static int streams_take(struct sandbox *sandbox, struct running *job, const struct record_start *start,
	int write_fds[STREAMS], struct err *err)
{
	for (int i = 0; i < STREAMS; i++)
		write_fds[i] = -1;
	for (int i = 0; i < STREAMS; i++) {
		size_t limit = start->limits.output_bytes;
		if (i == STREAM_VALUE && job->compile_bytes)
			limit = job->compile_bytes;
		/* a value may be as large as that beside its frame, and one more tells */
		limit += i == STREAM_VALUE ? VALUE_FRAME + 1 : 0;
		if (sandbox->ahead == 0) {
			if (collector_pipe(sandbox->pipes[0], err) < 0)
				return -1;
			sandbox->ahead = 1;
		}
		const int *ends = sandbox->pipes[--sandbox->ahead];
		job->streams[i] = (struct collector){.fd = ends[0], .limit = limit};
		write_fds[i] = ends[1];
		/* That of a runtime that returns none is closed when the program starts: nothing to wake up for. */
		if (i == STREAM_VALUE && !sandbox->returns[start->runtime])
			continue;
		uint64_t data = (uint64_t)(job - sandbox->jobs) * STREAMS + (uint64_t)i;
		if (watch(sandbox, job->streams[i].fd, data) < 0)
			return err_system(err, "epoll");
	}
	return 0;
}

static int send_start(struct sandbox *sandbox, struct running *job, const struct record_start *start,
	int payload, struct err *err)
{
	int fds[START_FDS] = {[START_PAYLOAD] = payload};
	int result = streams_take(sandbox, job, start, fds, err);
	if (result == 0 && record_send(sandbox->socket, start, record_start_size(start), fds,
			record_start_fds(start)) < 0) {
		result = errno == EAGAIN ? err_set(err, ERR_BUSY, "the launcher is busy")
					 : err_set(err, ERR_CLOSED, "the launcher is gone");
	}
	for (int i = 0; i < START_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return result;
}

static int start_fill(const struct sandbox *sandbox, const struct sandbox_job *request,
	struct record_start *start, int *payload, struct err *err)
{
	size_t size;
	start->header = (struct record_header){RECORD_MAGIC, RECORD_START};
	start->runtime = (uint32_t)request->runtime;
	start->level = request->level;
	start->tag = request->tag;
	start->limits = limits_clamp(&request->limits, &sandbox->limits);
	start->unused = 0;
	if (payload_make(request, start->payload, sizeof start->payload, &size, payload, err) < 0)
		return -1;
	start->payload_size = (uint32_t)size;
	return 0;
}

int sandbox_start(struct sandbox *sandbox, const struct sandbox_job *request, struct err *err)
{
	if (sandbox->lost)
		return err_set(err, ERR_CLOSED, "the launcher is gone");
	if (request->runtime >= sandbox->runtime_count || request->level >= SANDBOX_LEVELS)
		return err_set(err, ERR_INVALID, "no such runtime or level");
	if (request->compile_bytes && !sandbox_compiles(sandbox, request->runtime))
		return err_set(err, ERR_INVALID, "this runtime can't only compile");
	if (running_find(sandbox, true, request->tag))
		return err_set(err, ERR_INVALID, "a job with this tag is running");
	struct running *job = running_find(sandbox, false, 0);
	if (!job)
		return err_set(err, ERR_BUSY, "all %d slots are taken", sandbox->slots);
	struct record_start start;
	int payload;
	if (start_fill(sandbox, request, &start, &payload, err) < 0)
		return -1;
	*job = (struct running){.used = true, .tag = request->tag, .output_fd = -1,
		.compile_bytes = request->compile_bytes};
	for (int i = 0; i < STREAMS; i++)
		job->streams[i].fd = -1;
	sandbox->count++;
	int result = send_start(sandbox, job, &start, payload, err);
	if (result < 0)
		running_release(sandbox, job);
	else
		streams_make_ahead(sandbox);
	return result;
}

void sandbox_kill(struct sandbox *sandbox, uint64_t tag)
{
	struct record_kill kill = {.header = {RECORD_MAGIC, RECORD_KILL}, .tag = tag};
	struct running *job = running_find(sandbox, true, tag);
	if (job && !job->ended && !sandbox->lost)
		(void)record_send(sandbox->socket, &kill, sizeof kill, NULL, 0);
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

bool sandbox_lease(struct sandbox *sandbox, int64_t until_ms)
{
	struct record_lease lease = {.header = {RECORD_MAGIC, RECORD_LEASE}, .until_ms = until_ms};
	bool ran_out = sandbox->lease_ms && clock_ms(CLOCK_BOOTTIME) >= sandbox->lease_ms;
	if (until_ms >= sandbox->lease_ms + LEASE_STEP_MS && !sandbox->lost &&
			record_send(sandbox->socket, &lease, sizeof lease, NULL, 0) == 0)
		sandbox->lease_ms = until_ms;	/* else with the next call */
	return ran_out;
}

static void socket_read(struct sandbox *sandbox)
{
	struct record_outcome outcome;
	int output_fd = -1;
	size_t fd_count;
	long got = record_receive(sandbox->socket, &outcome, sizeof outcome, &output_fd, 1,
		&fd_count);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got != sizeof outcome || outcome.header.type != RECORD_OUTCOME) {
		sandbox->lost = true;
		(void)epoll_ctl(sandbox->epoll, EPOLL_CTL_DEL, sandbox->socket, NULL);
		return;
	}
	struct running *job = running_find(sandbox, true, outcome.tag);
	if (!job || job->ended) {
		if (fd_count)
			close(output_fd);
		return;
	}
	job->ended = true;
	job->outcome = outcome;
	job->output_fd = fd_count ? output_fd : -1;
}

static void event_handle(struct sandbox *sandbox, uint64_t data)
{
	if (data == EVENT_SOCKET) {
		socket_read(sandbox);
		return;
	}
	struct running *job = &sandbox->jobs[data / STREAMS];
	if (job->used && job->streams[data % STREAMS].fd >= 0)
		(void)collector_read(&job->streams[data % STREAMS]);
}

/* More than a pipe can hold, and not without end: a job may have given its end to another. */
static void stream_drain(struct collector *stream)
{
	for (int reads = 0; reads < 2 && stream->fd >= 0 && collector_read(stream); reads++)
		continue;
}

static bool take_ended(struct sandbox *sandbox, struct sandbox_result *result)
{
	for (int i = 0; i < sandbox->slots; i++) {
		struct running *job = &sandbox->jobs[i];
		if (!job->used || !job->ended)
			continue;
		for (int s = 0; s < STREAMS; s++)
			stream_drain(&job->streams[s]);
		result_build(&job->outcome, &job->streams[STREAM_OUT].buffer,
			&job->streams[STREAM_ERR].buffer, &job->streams[STREAM_VALUE].buffer,
			job->output_fd, job->compile_bytes, result);
		running_release(sandbox, job);
		return true;
	}
	return false;
}

int sandbox_poll(struct sandbox *sandbox, int timeout_ms, struct sandbox_result *result,
	struct err *err)
{
	struct epoll_event events[64];
	int64_t end = clock_ms(CLOCK_MONOTONIC) + timeout_ms;
	int wait = 0;			/* first what is there already */
	for (;;) {
		int count = epoll_wait(sandbox->epoll, events, 64, wait);
		if (count < 0 && errno != EINTR)
			return err_system(err, "epoll_wait");
		for (int i = 0; i < count; i++)
			event_handle(sandbox, events[i].data.u64);
		if (take_ended(sandbox, result))
			return 1;
		if (sandbox->lost)
			return err_set(err, ERR_CLOSED, "the sandbox launcher died; its jobs are "
				"dead with it");
		int64_t left = timeout_ms < 0 ? 3600000 : end - clock_ms(CLOCK_MONOTONIC);
		if (left <= 0)
			return 0;
		wait = (int)left;
	}
}
