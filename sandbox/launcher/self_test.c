/* self_test.c: see self_test.h. */
#include "self_test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static bool wait_readable(int fd)
{
	struct pollfd wanted = {.fd = fd, .events = POLLIN};
	int got;
	do
		got = poll(&wanted, 1, PATIENCE_MS);
	while (got < 0 && errno == EINTR);
	return got == 1;
}

static bool runs(struct cell *cell, const struct host *host, struct zygotes *zygotes,
	struct record_outcome *outcome, struct err *err)
{
	int output_fd = -1;
	const struct record_start probe = {.runtime = RUNTIME_PROBE, .limits = host->setup.limits};
	enum cell_news news = wait_readable(cell->control_fd) ? cell_read_control(cell)
							      : CELL_NO_NEWS;
	if (news == CELL_ENTERED) {
		bool forked = zygotes_fork(zygotes, cell, false) == 0 && wait_readable(cell->control_fd);
		news = forked ? cell_read_control(cell) : CELL_NO_NEWS;
	}
	if (news == CELL_IS_READY &&
			cell_hand_over(cell, host, &probe, NULL, err) == 0 &&
			wait_readable(cell->control_fd))
		news = cell_read_control(cell);
	if (news == CELL_HAS_FAILED)
		err_set(err, ERR_UNAVAILABLE, "%s: %s", cell->failed_step,
			strerror(cell->failed_errno));
	if (news == CELL_NO_NEWS)
		cell_kill(cell, CAUSE_FAILED);
	if (!wait_readable(cell->status_fd))
		cell_kill(cell, CAUSE_FAILED);
	bool ran = cell_finish(cell, host, outcome, &output_fd);
	cell_dismiss(cell);
	while (!wait_readable(cell->init_fd))
		zygotes_give_up(zygotes, cell);
	ran |= cell_end(cell, host, outcome, &output_fd);
	if (output_fd >= 0)
		close(output_fd);
	cell_release(cell, host);
	return ran && news != CELL_HAS_FAILED;
}

/* runtime: whose zygote is to be tried, or -1. */
static bool tries(struct cell *cell, const struct host *host, struct zygotes *zygotes,
	enum sandbox_level level, int runtime, uint64_t serial, struct err *err)
{
	struct record_outcome outcome = {0};
	enum view view = level_view(level);
	uint32_t missing = host->setup.require & ~host_mechanisms(host, level);
	if (host->view_ns[view] < 0)
		return err_set(err, ERR_UNAVAILABLE, "%s", host->view_error[view]) == 0;
	for (int i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		if (missing >> i & 1)
			return err_set(err, ERR_UNAVAILABLE, "the mechanism %s is required and "
				"can't be had%s%s", sandbox_mechanism_name((enum sandbox_mechanism)i),
				i == SANDBOX_MECHANISM_CGROUP ? ": " : "",
				i == SANDBOX_MECHANISM_CGROUP ? host->no_cgroup_reason : "") == 0;
	if (cell_prepare(cell, host, level, runtime, serial,
			&(struct expected){.limits = host->setup.limits}, err) < 0)
		return false;
	if (!runs(cell, host, zygotes, &outcome, err))
		return false;
	if (outcome.verdict != SANDBOX_EXITED || outcome.exit_code != 0)
		return err_set(err, ERR_UNAVAILABLE, "the self-test's process ended with verdict %u, "
			"exit code %d, signal %d", outcome.verdict, outcome.exit_code,
			outcome.signal) == 0;
	return true;
}

/* All at once, as each takes a while; a language is as warm as its first. */
static void zygotes_try(struct cell *cell, const struct host *host, struct zygotes *zygotes,
	uint64_t *serial, struct sandbox_self_test *result)
{
	zygotes_plan(zygotes, host);
	while (zygotes_start_due(zygotes, clock_us()))
		continue;
	for (unsigned i = 0; i < zygotes->count; i++) {
		struct zygote *zygote = &zygotes->list[i];
		struct err err = {0};
		if (zygote->state != ZYGOTE_STARTING)
			continue;
		if (wait_readable(zygote->socket) && zygote_read(zygote) &&
				tries(cell, host, zygotes, host->setup.floor, (int)zygote->runtime,
				(*serial)++, &err)) {
			result->runtime_warm[zygote->runtime] = true;
			result->runtime_pages[zygote->runtime] = zygote->pages;
			continue;
		}
		zygote_kill(zygote);
		zygote_end(zygote, clock_us());
		snprintf(result->runtime_reason[zygote->runtime],
			sizeof result->runtime_reason[0], "%.159s",
			err.text[0] ? err.text : zygote->reason);
		zygotes_bar(zygotes, zygote->runtime);
	}
}

void self_test(struct cell *cell, const struct host *host, struct zygotes *zygotes, uint64_t *serial,
	struct sandbox_self_test *result)
{
	memset(result, 0, sizeof *result);
	for (int level = SANDBOX_NONE; level < SANDBOX_LEVELS; level++) {
		struct err err = {0};
		result->mechanisms[level] = host_mechanisms(host, (enum sandbox_level)level);
		if (level < (int)host->setup.floor)
			snprintf(result->reason[level], sizeof result->reason[level],
				"below the floor");
		else if (tries(cell, host, zygotes, (enum sandbox_level)level, -1, (*serial)++, &err))
			result->available[level] = true;
		else
			snprintf(result->reason[level], sizeof result->reason[level], "%.255s",
				err.text[0] ? err.text : "the sandbox gave no sign of life");
	}
	for (size_t i = 0; i < host->setup.runtime_count; i++)
		result->runtime_available[i] = access(host->setup.runtimes[i].argv[0], X_OK) == 0;
	if (result->available[host->setup.floor])
		zygotes_try(cell, host, zygotes, serial, result);
}
