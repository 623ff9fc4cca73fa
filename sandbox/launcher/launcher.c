/* launcher.c: see launcher.h.
 *
 * Jobs wait in a short queue for a ready sandbox of their kind (pool.h); each turn of the loop hands over
 * what it can and then starts making at most one sandbox, for a waiting job first, for the pool else.
 */
#include "launcher_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "self_test.h"

#define DEATH_MS 2000
#define BUSY_US 3000			/* after the pool has rested */
#define CONTROL_MESSAGES 2		/* that a job's process sends at most once it has its job */

static size_t passing_size(const struct host *host)
{
	return sizeof(struct passing) + host->setup.slots * sizeof(struct waiting);
}

/* NULL with errno. */
static struct passing *passing_map(const struct host *host)
{
	void *passing = mmap(NULL, passing_size(host), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (passing == MAP_FAILED)
		return NULL;
	if (madvise(passing, passing_size(host), MADV_WIPEONFORK) == 0)
		return passing;
	munmap(passing, passing_size(host));
	return NULL;
}

struct launcher *launcher_new(const struct host *host, int socket, struct err *err)
{
	struct launcher *launcher = calloc(1, sizeof *launcher);
	if (!launcher) {
		err_set(err, ERR_MEMORY, "no memory");
		return NULL;
	}
	launcher->host = host;
	launcher->expected.limits = host->setup.limits;
	launcher->caller = socket;
	launcher->epoll = epoll_create1(EPOLL_CLOEXEC);
	launcher->cell_count = host_cells(host);
	launcher->cells = calloc(launcher->cell_count, sizeof *launcher->cells);
	launcher->passing = passing_map(host);
	launcher->answers = calloc(host->setup.slots, sizeof *launcher->answers);
	int pool = pool_open(&launcher->pool, host->setup.pool, host->setup.floor,
		(uint32_t)host->setup.runtime_count);
	if (lease_open(&launcher->lease) < 0 || launcher->epoll < 0 || !launcher->cells ||
			!launcher->passing || !launcher->answers || pool < 0) {
		err_set(err, ERR_MEMORY, "no memory or descriptors");
		launcher_free(launcher);
		return NULL;
	}
	launcher->queue = launcher->passing->queue;
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
	if (launcher->passing)
		munmap(launcher->passing, passing_size(launcher->host));
	free(launcher->answers);
	pool_close(&launcher->pool);
	free(launcher);
}

int launcher_watch(struct launcher *launcher, int fd, enum event_kind kind, unsigned index)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | index};
	return epoll_ctl(launcher->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Before each close: a sandbox being born holds copies of all descriptors for a moment, and epoll(7)
 * forgets a description only when its last copy is closed. */
void launcher_unwatch(struct launcher *launcher, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(launcher->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void unwatch_all(struct launcher *launcher, const struct cell *cell)
{
	launcher_unwatch(launcher, cell->init_fd);
	launcher_unwatch(launcher, cell->control_fd);
	launcher_unwatch(launcher, cell->listener_fd);
	launcher_unwatch(launcher, cell->status_fd);
}

static int zygote_watch(struct launcher *launcher, const struct zygote *zygote)
{
	if (launcher_watch(launcher, zygote->socket, EVENT_ZYGOTE, zygote->index) < 0)
		return -1;
	return launcher_watch(launcher, zygote->pid_fd, EVENT_ZYGOTE_END, zygote->index);
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
	if (launcher_watch(launcher, launcher->caller, EVENT_CALLER, 0) < 0 ||
			launcher_watch(launcher, launcher->lease.timer_fd, EVENT_LEASE, 0) < 0)
		return err_system(err, "epoll");
	if (record_send(launcher->caller, &hello, sizeof hello, NULL, 0) < 0)
		return err_system(err, "greeting the caller");
	return 0;
}

/* ---- the caller's records */

static void lease_take(struct launcher *launcher, int64_t until_ms)
{
	jobs_lease_enforce(launcher);	/* if we were stopped beside the caller, it has run out meanwhile */
	lease_renew(&launcher->lease, until_ms);
}

static void caller_read(struct launcher *launcher)
{
	union record *record = &launcher->passing->record;
	int fds[START_FDS];
	size_t fd_count;
	const char *why;
	long got = record_receive(launcher->caller, record, sizeof *record, fds, START_FDS, &fd_count);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0 || record_check(record, (size_t)got, fd_count,
			launcher->host->setup.runtime_count, &why) < 0 ||
			(record->header.type == RECORD_START &&
			jobs_held(launcher) >= launcher->host->setup.slots)) {
		while (got > 0 && fd_count > 0)
			close(fds[--fd_count]);
		launcher->ended = true;
		return;
	}
	if (record->header.type == RECORD_START)
		job_accept(launcher, &record->start, fds);
	else if (record->header.type == RECORD_LEASE)
		lease_take(launcher, record->lease.until_ms);
	else
		job_kill(launcher, record->kill.tag);
}

/* ---- events */

/* Jobs come one upon the other: what is done ahead of one takes the processors from others, or has one wait. */
static bool is_busy(const struct launcher *launcher)
{
	return launcher->queued > 0 || launcher_is_full(launcher) || (cells_count(launcher, CELL_RUNNING) > 0 &&
		clock_us() < launcher->rest_us + BUSY_US);
}

static void cell_control(struct launcher *launcher, struct cell *cell)
{
	switch (cell_read_control(cell)) {
	case CELL_ENTERED:
		if (zygotes_fork(&launcher->zygotes, cell, !is_busy(launcher)) < 0)
			cell_kill(cell, CAUSE_FAILED);	/* a waiting job gets another */
		break;
	case CELL_IS_READY:
		if (cell_is_forked(cell))
			zygotes_judge(&launcher->zygotes, cell, true);
		if (launcher_watch(launcher, cell->status_fd, EVENT_STATUS, cell->index) < 0)
			cell_kill(cell, CAUSE_FAILED);
		if (cell->listener_fd >= 0 &&
				launcher_watch(launcher, cell->listener_fd, EVENT_LISTENER, cell->index) < 0)
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
		refill_put_off(launcher);
		break;
	case CELL_STARTED:
		close(cell->control_fd);
		cell->control_fd = -1;
		break;
	case CELL_NO_NEWS:
		break;
	}
}

/* What a job's process told on its way to the job, before it is judged: nothing wakes the loop for that. */
static void control_read_all(struct launcher *launcher, struct cell *cell)
{
	for (int i = 0; i < CONTROL_MESSAGES && cell->control_fd >= 0; i++)
		cell_control(launcher, cell);
}

static void cell_status(struct launcher *launcher, struct cell *cell)
{
	struct record_outcome outcome;
	int output_fd;
	launcher_unwatch(launcher, cell->status_fd);
	control_read_all(launcher, cell);
	if (cell_finish(cell, launcher->host, &outcome, &output_fd))
		answer(launcher, &outcome, output_fd);
	else
		cell_dismiss(cell);
}

/* Read only where there is something: else the call waits, on some kernels for dead processes too. */
static void cell_listener(struct launcher *launcher, struct cell *cell, uint32_t events)
{
	if ((events & EPOLLIN) && cell_read_listener(cell))
		cell_status(launcher, cell);
	if (!(events & EPOLLIN) || cell->cause != CAUSE_NONE)
		launcher_unwatch(launcher, cell->listener_fd);
}

static void cell_died(struct launcher *launcher, struct cell *cell)
{
	struct record_outcome outcome;
	int output_fd;
	if (cell->state == CELL_RUNNING)
		control_read_all(launcher, cell);
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
	launcher_unwatch(launcher, zygote->socket);
	launcher_unwatch(launcher, zygote->pid_fd);
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
	if (launcher->resting && launcher->rest_us < next)
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
		jobs_lease_enforce(launcher);
		jobs_dispatch(launcher);
		launcher->resting = refill_rests(launcher);
		cells_dismiss(launcher);
		more = refill(launcher);
		cgroups_sweep((struct cgroups *)&launcher->host->cgroups);
	}
	all_kill(launcher);
}
