/* worker_fairness.c: whose requests are whose, and who waits for its budget. */
#include "worker_internal.h"

#include <assert.h>

#include "log.h"

#define TELL_MS 60000			/* between two lines about the same */

static_assert(BROKER_SOURCES_MOST <= FAIR_SOURCES, "each topic of requests takes turns");

struct scheduler_terms request_terms(const struct worker *worker, const struct request *request,
	enum broker_source origin, bool refused)
{
	struct scheduler_terms terms = {.flow.tenant = request->tenant ? request->tenant : "",
		.flow.source = origin, .flow.source_weight = source_weight(worker->parts.config, origin),
		.deadline_ms = refused || request->deadline_ms == REQUEST_TIME_NONE ? INT64_MAX :
		request->deadline_ms};
	config_tenant_terms(worker->parts.config, terms.flow.tenant, &terms.flow.weight,
		&terms.flow.cpu_ms_per_minute);
	return terms;
}

void budgets_report(struct worker *worker)
{
	const char *tenant;
	int64_t until_ms, now_ms = monotonic_ms();
	size_t held = scheduler_held(worker->scheduler, &tenant, &until_ms);
	metrics_set(worker->parts.metrics, METRIC_TENANTS_HELD, METRIC_UNLABELLED, (double)held);
	if (held == 0 || (worker->budgets_told_ms && now_ms - worker->budgets_told_ms < TELL_MS))
		return;
	worker->budgets_told_ms = now_ms;
	log_event(LOG_WARN, "tenants wait: their CPU budget is used up", "tenants",
		log_number((int64_t)held), "first", tenant, "first_goes_on_in_ms",
		log_number(until_ms - wall_ms()), NULL);
}
