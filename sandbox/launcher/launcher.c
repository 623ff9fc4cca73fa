/* launcher.c: see launcher.h.
 *
 * Jobs wait in a short queue for a ready sandbox of their kind (pool.h); each turn of the loop hands over
 * what it can and then starts making at most one sandbox, for a waiting job first, for the pool else.
 */
#include "launcher.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lease.h"
#include "outcome.h"
#include "pool.h"
#include "self_test.h"
#include "zygotes.h"

#define POOL_RETRY_US 1000000
#define DEATH_MS 2000
#define EXPECTED_MEMORY_BYTES (64u << 20)	/* or one job's small limit would end sandboxes that wait for others */
#define REFILL_REST_US 2000
#define CONTROL_MESSAGES 2		/* that a job's process sends at most once it has its job */

enum event_kind { EVENT_CALLER, EVENT_INIT, EVENT_CONTROL, EVENT_LISTENER, EVENT_STATUS, EVENT_ZYGOTE,
	EVENT_ZYGOTE_END, EVENT_LEASE };

struct waiting {
	struct record_start start;
	int fds[START_FDS];
};

struct answer {
	struct record_outcome outcome;
	int output_fd;			/* -1: none */
};

struct launcher {
	const struct host *host;
	int caller, epoll;
	bool ended;			/* the caller is gone or broke the protocol */
	struct cell *cells;
	unsigned cell_count;
	struct waiting *queue;		/* at most slots, in the order of arrival */
	unsigned queued;
	struct answer *answers;		/* not yet sent; at most slots, as each holds one */
	unsigned answer_count;
	uint64_t serial;
	struct pool pool;
	struct zygotes zygotes;
	struct lease lease;
	struct sandbox_limits expected;	/* of the next jobs */
	int64_t rest_us;		/* a job was handed over: it may end soon, and comes before the pool */
	int64_t pool_retry_us;		/* no new sandbox for the pool before: the last try failed */
	bool available[SANDBOX_LEVELS];
	char reason[SANDBOX_LEVELS][256];
};

struct launcher *launcher_new(const struct host *host, int socket, struct err *err)
{
	struct launcher *launcher = calloc(1, sizeof *launcher);
	if (!launcher) {
		err_set(err, ERR_MEMORY, "no memory");
		return NULL;
	}
	launcher->host = host;
	launcher->expected = host->setup.limits;
	launcher->caller = socket;
	launcher->epoll = epoll_create1(EPOLL_CLOEXEC);
	launcher->cell_count = host_cells(host);
	launcher->cells = calloc(launcher->cell_count, sizeof *launcher->cells);
	launcher->queue = calloc(host->setup.slots, sizeof *launcher->queue);
	launcher->answers = calloc(host->setup.slots, sizeof *launcher->answers);
	int pool = pool_open(&launcher->pool, host->setup.pool, host->setup.floor,
		(uint32_t)host->setup.runtime_count);
	if (lease_open(&launcher->lease) < 0 || launcher->epoll < 0 || !launcher->cells || !launcher->queue || !launcher->answers ||
			pool < 0) {
		err_set(err, ERR_MEMORY, "no memory or descriptors");
		launcher_free(launcher);
		return NULL;
	}
	for (unsigned i = 0; i < launcher->cell_count; i++)
		launcher->cells[i].index = i;
	return launcher;
}

void launcher_free(struct launcher *launcher)
{
	if (launcher->epoll >= 0)
		close(launcher->epoll);
	lease_close(&launcher->lease);
	free(launcher->cells);
	free(launcher->queue);
	free(launcher->answers);
	pool_close(&launcher->pool);
	free(launcher);
}

static int watch(struct launcher *launcher, int fd, enum event_kind kind, unsigned index)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | index};
	return epoll_ctl(launcher->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Before each close: a sandbox being born holds copies of all descriptors for a moment, and epoll(7)
 * forgets a description only when its last copy is closed. */
static void unwatch(struct launcher *launcher, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(launcher->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void unwatch_all(struct launcher *launcher, const struct cell *cell)
{
	unwatch(launcher, cell->init_fd);
	unwatch(launcher, cell->control_fd);
	unwatch(launcher, cell->listener_fd);
	unwatch(launcher, cell->status_fd);
}

static int zygote_watch(struct launcher *launcher, const struct zygote *zygote)
{
	if (watch(launcher, zygote->socket, EVENT_ZYGOTE, zygote->index) < 0)
		return -1;
	return watch(launcher, zygote->pid_fd, EVENT_ZYGOTE_END, zygote->index);
}

int launcher_greet(struct launcher *launcher, struct err *err)
{
	struct record_hello hello = {.header = {RECORD_MAGIC, RECORD_HELLO}};
	self_test(&launcher->cells[0], launcher->host, &launcher->zygotes, &launcher->serial,
		&hello.self_test);
	for (unsigned i = 0; i < launcher->zygotes.count; i++)
		if (launcher->zygotes.list[i].state != ZYGOTE_DOWN &&
				zygote_watch(launcher, &launcher->zygotes.list[i]) < 0)
			return err_system(err, "epoll");
	memcpy(launcher->available, hello.self_test.available, sizeof launcher->available);
	memcpy(launcher->reason, hello.self_test.reason, sizeof launcher->reason);
	if (watch(launcher, launcher->caller, EVENT_CALLER, 0) < 0 ||
			watch(launcher, launcher->lease.timer_fd, EVENT_LEASE, 0) < 0)
		return err_system(err, "epoll");
	if (record_send(launcher->caller, &hello, sizeof hello, NULL, 0) < 0)
		return err_system(err, "greeting the caller");
	return 0;
}

/* ---- answers to the caller */

static void answers_flush(struct launcher *launcher)
{
	unsigned sent = 0;
	while (sent < launcher->answer_count) {
		struct answer *answer = &launcher->answers[sent];
		if (record_send(launcher->caller, &answer->outcome, sizeof answer->outcome,
				&answer->output_fd, answer->output_fd >= 0) < 0) {
			if (errno != EAGAIN)
				launcher->ended = true;
			break;
		}
		if (answer->output_fd >= 0)
			close(answer->output_fd);
		sent++;
	}
	launcher->answer_count -= sent;
	memmove(launcher->answers, launcher->answers + sent,
		launcher->answer_count * sizeof *launcher->answers);
}

static void answer(struct launcher *launcher, const struct record_outcome *outcome, int output_fd)
{
	launcher->answers[launcher->answer_count++] = (struct answer){*outcome, output_fd};
	answers_flush(launcher);
}

/* A job that got no sandbox at all. */
static void answer_unstarted(struct launcher *launcher, const struct waiting *job,
	enum sandbox_verdict verdict, const char *reason)
{
	struct record_outcome outcome = {.header = {RECORD_MAGIC, RECORD_OUTCOME},
		.tag = job->start.tag, .verdict = verdict, .level = job->start.level,
		.exit_code = -1, .limits = job->start.limits};
	snprintf(outcome.reason, sizeof outcome.reason, "%s", reason);
	answer(launcher, &outcome, -1);
}

static unsigned cells_count(const struct launcher *launcher, enum cell_state state)
{
	unsigned count = 0;
	for (unsigned i = 0; i < launcher->cell_count; i++)
		count += launcher->cells[i].state == state;
	return count;
}

static unsigned jobs_held(const struct launcher *launcher)
{
	return launcher->queued + launcher->answer_count + cells_count(launcher, CELL_RUNNING);
}

/* ---- the queue */

static void waiting_remove(struct launcher *launcher, unsigned at)
{
	for (int i = 0; i < START_FDS; i++)
		close(launcher->queue[at].fds[i]);
	launcher->queued--;
	memmove(launcher->queue + at, launcher->queue + at + 1,
		(launcher->queued - at) * sizeof *launcher->queue);
}

static void waiting_fail(struct launcher *launcher, enum sandbox_level level, const char *reason)
{
	for (unsigned i = 0; i < launcher->queued; i++)
		if (launcher->queue[i].start.level == level) {
			struct waiting job = launcher->queue[i];
			waiting_remove(launcher, i);
			answer_unstarted(launcher, &job, SANDBOX_FAILED, reason);
			return;
		}
}

/* What a job is to run in. */
static struct kind kind_of(const struct launcher *launcher, const struct record_start *start)
{
	bool warm = zygotes_have(&launcher->zygotes, start->runtime);
	return (struct kind){(enum sandbox_level)start->level, warm ? (int)start->runtime : -1};
}

/* The oldest, so that none waits for ever and keeps a zygote that is to leave. */
static struct cell *cell_find_ready(struct launcher *launcher, struct kind kind)
{
	struct cell *oldest = NULL;
	for (unsigned i = 0; i < launcher->cell_count; i++) {
		struct cell *cell = &launcher->cells[i];
		if (cell->state == CELL_READY && cell->level == kind.level &&
				cell->runtime == kind.runtime && cell->cause == CAUSE_NONE &&
				(!oldest || cell->serial < oldest->serial))
			oldest = cell;
	}
	return oldest;
}

/* Free whatever ended it before. */
static struct cell *cell_find_free(struct launcher *launcher)
{
	for (unsigned i = 0; i < launcher->cell_count; i++)
		if (launcher->cells[i].state == CELL_FREE)
			return &launcher->cells[i];
	return NULL;
}

/* Returns whether the job has left the queue. */
static bool hand_over(struct launcher *launcher, struct cell *cell, unsigned at)
{
	struct waiting job = launcher->queue[at];
	struct err err = {0};
	int result = cell_hand_over(cell, launcher->host, job.start.runtime, job.start.tag,
		&job.start.limits, job.fds, START_FDS, &err);
	if (result < 0)
		cell_kill(cell, CAUSE_FAILED);	/* not running yet: its death answers nothing */
	if (result < 0 && err.code == ERR_CLOSED)
		return false;
	waiting_remove(launcher, at);
	launcher->rest_us = clock_us() + REFILL_REST_US;
	if (result < 0)
		answer_unstarted(launcher, &job, SANDBOX_FAILED, err.text);
	return true;
}

static void dispatch(struct launcher *launcher)
{
	for (unsigned i = 0; i < launcher->queued;) {
		struct cell *ready = cell_find_ready(launcher,
			kind_of(launcher, &launcher->queue[i].start));
		if (!ready)
			i++;
		else
			(void)hand_over(launcher, ready, i);
	}
}

/* ---- making sandboxes */

static struct kinds kinds_made(const struct launcher *launcher, bool ready)
{
	struct kinds made = {0};
	for (unsigned i = 0; i < launcher->cell_count; i++) {
		const struct cell *cell = &launcher->cells[i];
		if (cell->cause == CAUSE_NONE && (cell->state == CELL_PREPARING ||
				(ready && cell->state == CELL_READY)))
			(*kinds_at(&made, (struct kind){cell->level, cell->runtime}))++;
	}
	return made;
}

static struct kinds kinds_wanted(const struct launcher *launcher)
{
	bool warm[SETUP_MAX_RUNTIMES] = {false};
	for (uint32_t i = 0; i < launcher->host->setup.runtime_count; i++)
		warm[i] = zygotes_have(&launcher->zygotes, i);
	return pool_wanted(&launcher->pool, warm);
}

static void prepare(struct launcher *launcher, struct kind kind, bool for_pool)
{
	struct err err = {0};
	struct cell *cell = cell_find_free(launcher);
	if (!cell)
		return;
	if (cell_prepare(cell, launcher->host, kind.level, kind.runtime, launcher->serial++,
			&launcher->expected, &err) == 0) {
		if (watch(launcher, cell->control_fd, EVENT_CONTROL, cell->index) < 0 ||
				watch(launcher, cell->init_fd, EVENT_INIT, cell->index) < 0)
			launcher->ended = true;
		return;
	}
	if (for_pool)
		launcher->pool_retry_us = clock_us() + POOL_RETRY_US;
	else
		waiting_fail(launcher, kind.level, err.text);
}

/* The kind of a waiting job of which fewer are on the way than jobs wait. */
static bool queue_lacks(const struct launcher *launcher, struct kind *kind)
{
	struct kinds made = kinds_made(launcher, false);
	for (unsigned i = 0; i < launcher->queued; i++) {
		*kind = kind_of(launcher, &launcher->queue[i].start);
		unsigned *count = kinds_at(&made, *kind);
		if (*count == 0)
			return true;
		(*count)--;
	}
	return false;
}

/* A ready one that the pool is not to hold, or, needed, any, gives up its place. */
static void spare_drop(struct launcher *launcher, bool needed)
{
	struct kinds wanted = kinds_wanted(launcher);
	struct cell *spare = NULL;
	for (unsigned i = 0; i < launcher->cell_count; i++) {
		struct cell *cell = &launcher->cells[i];
		if (cell->state != CELL_READY || cell->cause != CAUSE_NONE)
			continue;
		unsigned *count = kinds_at(&wanted, (struct kind){cell->level, cell->runtime});
		if (*count == 0) {
			cell_kill(cell, CAUSE_KILLED);
			return;
		}
		(*count)--;
		spare = cell;
	}
	if (spare && needed)
		cell_kill(spare, CAUSE_KILLED);
}

static bool pool_is_short(const struct launcher *launcher, struct kind *kind)
{
	if (clock_us() < launcher->pool_retry_us)
		return false;
	struct kinds wanted = kinds_wanted(launcher), made = kinds_made(launcher, true);
	return pool_lacks(&wanted, &made, launcher->available, kind);
}

static unsigned cells_idle(const struct launcher *launcher)
{
	return cells_count(launcher, CELL_READY) + cells_count(launcher, CELL_PREPARING);
}

/* What is short-lived ends within that time: its answer is not to wait for a sandbox while there are others, and
 * jobs do not come as fast as they can. */
static bool rests(const struct launcher *launcher)
{
	unsigned running = cells_count(launcher, CELL_RUNNING);
	return running > 0 && running < launcher->host->setup.slots && cells_idle(launcher) > 0 &&
		clock_us() < launcher->rest_us;
}

/* Returns whether more is to be made at once. */
static bool refill(struct launcher *launcher)
{
	struct kind kind;
	if (queue_lacks(launcher, &kind)) {
		if (!cell_find_free(launcher)) {
			if (cells_count(launcher, CELL_ENDING) == 0)
				spare_drop(launcher, true);
			return false;
		}
		prepare(launcher, kind, false);
		return queue_lacks(launcher, &kind);
	}
	if (rests(launcher) || !pool_is_short(launcher, &kind))
		return false;
	if (!cell_find_free(launcher) || cells_idle(launcher) >= launcher->pool.size) {
		spare_drop(launcher, false);
		return false;
	}
	prepare(launcher, kind, true);
	return pool_is_short(launcher, &kind);
}

/* ---- the caller's records */

static void job_accept(struct launcher *launcher, const struct record_start *start, const int *fds)
{
	struct waiting *job = &launcher->queue[launcher->queued++];
	job->start = *start;
	memcpy(job->fds, fds, sizeof job->fds);
	if (job->start.level < launcher->host->setup.floor)
		job->start.level = launcher->host->setup.floor;
	job->start.limits = limits_clamp(&start->limits, &launcher->host->setup.limits);
	launcher->expected = job->start.limits;
	if (launcher->expected.memory_bytes < EXPECTED_MEMORY_BYTES)
		launcher->expected.memory_bytes = EXPECTED_MEMORY_BYTES;
	if (!launcher->available[job->start.level])
		waiting_fail(launcher, (enum sandbox_level)job->start.level,
			launcher->reason[job->start.level]);
	else
		pool_remember(&launcher->pool, (enum sandbox_level)job->start.level,
			job->start.runtime);
}

static void job_kill(struct launcher *launcher, uint64_t tag)
{
	for (unsigned i = 0; i < launcher->cell_count; i++)
		if (launcher->cells[i].state == CELL_RUNNING && launcher->cells[i].tag == tag)
			cell_kill(&launcher->cells[i], CAUSE_KILLED);
	for (unsigned i = 0; i < launcher->queued; i++)
		if (launcher->queue[i].start.tag == tag) {
			struct waiting job = launcher->queue[i];
			waiting_remove(launcher, i);
			answer_unstarted(launcher, &job, SANDBOX_KILLED, "killed before its start");
			return;
		}
}

/* Nothing runs beyond the caller's lease, and nothing starts. */
static void lease_enforce(struct launcher *launcher)
{
	bool ran_out = lease_ran_out(&launcher->lease);
	for (unsigned i = 0; ran_out && i < launcher->cell_count; i++)
		if (launcher->cells[i].state == CELL_RUNNING)
			cell_kill(&launcher->cells[i], CAUSE_LEASE);
	while (launcher->lease.out && launcher->queued > 0) {
		struct waiting job = launcher->queue[0];
		waiting_remove(launcher, 0);
		answer_unstarted(launcher, &job, SANDBOX_KILLED, LEASE_REASON);
	}
}

static void lease_take(struct launcher *launcher, int64_t until_ms)
{
	lease_enforce(launcher);	/* if we were stopped beside the caller, it has run out meanwhile */
	lease_renew(&launcher->lease, until_ms);
}

static void caller_read(struct launcher *launcher)
{
	union record record;
	int fds[START_FDS];
	size_t fd_count;
	const char *why;
	long got = record_receive(launcher->caller, &record, sizeof record, fds, START_FDS,
		&fd_count);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0 || record_check(&record, (size_t)got, fd_count,
			launcher->host->setup.runtime_count, &why) < 0 ||
			(record.header.type == RECORD_START &&
			jobs_held(launcher) >= launcher->host->setup.slots)) {
		while (got > 0 && fd_count > 0)
			close(fds[--fd_count]);
		launcher->ended = true;
		return;
	}
	if (record.header.type == RECORD_START)
		job_accept(launcher, &record.start, fds);
	else if (record.header.type == RECORD_LEASE)
		lease_take(launcher, record.lease.until_ms);
	else
		job_kill(launcher, record.kill.tag);
}

/* ---- events */

static void cell_control(struct launcher *launcher, struct cell *cell)
{
	switch (cell_read_control(cell)) {
	case CELL_ENTERED:
		if (zygotes_fork(&launcher->zygotes, cell) < 0)
			cell_kill(cell, CAUSE_FAILED);	/* a waiting job gets another */
		break;
	case CELL_IS_READY:
		if (cell_is_forked(cell))
			zygotes_judge(&launcher->zygotes, cell, true);
		if (watch(launcher, cell->status_fd, EVENT_STATUS, cell->index) < 0)
			cell_kill(cell, CAUSE_FAILED);
		if (cell->listener_fd >= 0 &&
				watch(launcher, cell->listener_fd, EVENT_LISTENER, cell->index) < 0)
			cell_kill(cell, CAUSE_FAILED);
		break;
	case CELL_HAS_FAILED:
		if (cell->state != CELL_PREPARING)
			break;		/* its job is answered when it is dead */
		if (cell_is_forked(cell)) {
			zygotes_judge(&launcher->zygotes, cell, false);
			break;		/* as above */
		}
		char reason[300];
		snprintf(reason, sizeof reason, "%s: %s", cell->failed_step,
			strerror(cell->failed_errno));
		waiting_fail(launcher, cell->level, reason);
		launcher->pool_retry_us = clock_us() + POOL_RETRY_US;
		break;
	case CELL_STARTED:
		unwatch(launcher, cell->control_fd);
		close(cell->control_fd);
		cell->control_fd = -1;
		break;
	case CELL_NO_NEWS:
		break;
	}
}

/* What its process told before it ended is read before. */
static void cell_status(struct launcher *launcher, struct cell *cell)
{
	struct record_outcome outcome;
	int output_fd;
	unwatch(launcher, cell->status_fd);
	for (int i = 0; i < CONTROL_MESSAGES && cell->control_fd >= 0; i++)
		cell_control(launcher, cell);
	if (cell_finish(cell, launcher->host, &outcome, &output_fd))
		answer(launcher, &outcome, output_fd);
}

/* Read only where there is something: else the call waits, on some kernels for dead processes too. */
static void cell_listener(struct launcher *launcher, struct cell *cell, uint32_t events)
{
	if ((events & EPOLLIN) && cell_read_listener(cell))
		cell_status(launcher, cell);
	if (!(events & EPOLLIN) || cell->cause != CAUSE_NONE)
		unwatch(launcher, cell->listener_fd);
}

static void cell_died(struct launcher *launcher, struct cell *cell)
{
	struct record_outcome outcome;
	int output_fd;
	unwatch_all(launcher, cell);
	if (cell_end(cell, launcher->host, &outcome, &output_fd))
		answer(launcher, &outcome, output_fd);
	cell_release(cell, launcher->host);
}

static void zygote_event(struct launcher *launcher, struct zygote *zygote, bool dead)
{
	if (zygote->state == ZYGOTE_DOWN)
		return;
	if (!dead) {
		if (zygote_read(zygote))
			zygotes_relieve(&launcher->zygotes, zygote->runtime);
		return;
	}
	unwatch(launcher, zygote->socket);
	unwatch(launcher, zygote->pid_fd);
	zygote_end(zygote, clock_us());
}

static void zygotes_start(struct launcher *launcher)
{
	struct zygote *started;
	while ((started = zygotes_start_due(&launcher->zygotes, clock_us())))
		if (zygote_watch(launcher, started) < 0)
			zygote_kill(started);
}

static void event_handle(struct launcher *launcher, const struct epoll_event *event)
{
	enum event_kind kind = (enum event_kind)(event->data.u64 >> 32);
	unsigned index = event->data.u64 & 0xffffffff;
	struct cell *cell = &launcher->cells[index];
	if (kind == EVENT_ZYGOTE || kind == EVENT_ZYGOTE_END) {
		zygote_event(launcher, &launcher->zygotes.list[index], kind == EVENT_ZYGOTE_END);
		return;
	}
	switch (kind) {
	case EVENT_CALLER:
		caller_read(launcher);
		break;
	case EVENT_INIT:
		if (cell->init_fd >= 0)
			cell_died(launcher, cell);
		break;
	case EVENT_CONTROL:
		if (cell->control_fd >= 0)
			cell_control(launcher, cell);
		break;
	case EVENT_LISTENER:
		if (cell->listener_fd >= 0)
			cell_listener(launcher, cell, event->events);
		break;
	case EVENT_STATUS:
		if (cell->status_fd >= 0)
			cell_status(launcher, cell);
		break;
	case EVENT_LEASE:
	case EVENT_ZYGOTE:
	case EVENT_ZYGOTE_END:
		break;
	}
}

static int clocks_check(struct launcher *launcher)
{
	int64_t now = clock_us(), next = INT64_MAX;
	for (unsigned i = 0; i < launcher->cell_count; i++) {
		cell_check(&launcher->cells[i], launcher->host, now);
		if (cell_is_stuck(&launcher->cells[i], now))
			zygotes_give_up(&launcher->zygotes, &launcher->cells[i]);
		int64_t check = cell_next_check_us(&launcher->cells[i]);
		if (check < next)
			next = check;
	}
	if (rests(launcher) && launcher->rest_us < next)
		next = launcher->rest_us;
	if (zygotes_next_us(&launcher->zygotes) < next)
		next = zygotes_next_us(&launcher->zygotes);
	if (launcher->answer_count > 0 && next > now + 10000)
		next = now + 10000;	/* the caller's socket was full */
	if (next == INT64_MAX)
		return -1;
	return next <= now ? 0 : (int)((next - now + 999) / 1000);
}

static void all_kill(struct launcher *launcher)
{
	for (unsigned i = 0; i < launcher->cell_count; i++)
		if (launcher->cells[i].state != CELL_FREE)
			cell_kill(&launcher->cells[i], CAUSE_KILLED);
	for (unsigned i = 0; i < launcher->cell_count; i++) {
		struct cell *cell = &launcher->cells[i];
		struct record_outcome outcome;
		int output_fd = -1, waited;
		if (cell->state == CELL_FREE)
			continue;
		struct pollfd death = {.fd = cell->init_fd, .events = POLLIN};
		while ((waited = poll(&death, 1, DEATH_MS)) <= 0)
			if (waited == 0)	/* a zygote that reaps no more holds it */
				zygotes_close(&launcher->zygotes);
		(void)cell_end(cell, launcher->host, &outcome, &output_fd);
		if (output_fd >= 0)
			close(output_fd);
		cell_release(cell, launcher->host);
	}
	zygotes_close(&launcher->zygotes);
}

void launcher_serve(struct launcher *launcher)
{
	struct epoll_event events[32];
	bool more = true;
	while (!launcher->ended) {
		int timeout = clocks_check(launcher);
		int count = epoll_wait(launcher->epoll, events, 32, more ? 0 : timeout);
		for (int i = 0; i < count; i++)
			event_handle(launcher, &events[i]);
		if (launcher->answer_count > 0)
			answers_flush(launcher);
		zygotes_start(launcher);
		lease_enforce(launcher);
		dispatch(launcher);
		more = refill(launcher);
		cgroups_sweep((struct cgroups *)&launcher->host->cgroups);
	}
	all_kill(launcher);
}
