/* test_scheduler_model.c: the scheduler beside a model, which does the same by looking through everything.
 *
 * Both are given the same random steps; each decision must be the same one.
 */
#include "../../worker/queue/scheduler.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed;

static uint32_t chance(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

#define KEYS 12
#define TENANTS 5
#define ENTRIES 400

static const int weights[TENANTS] = {1, 3, 1, 10, 2};
static const int64_t budgets[TENANTS] = {0, 0, 60, 0, 600};	/* CPU milliseconds a minute */
static const char *const tenants[TENANTS] = {"", "a", "b", "c", "d"};

struct model_entry {
	int key, tenant;
	enum { FREE, QUEUED, RUNNING, WAITING, SUSPENDED } state;
	int64_t place;			/* in its key's queue */
	int64_t due_ms, deadline_ms;
	uint64_t due_stamp, deadline_stamp, start_stamp;
	int64_t started_ms;
	struct fair_cost charged;
};

struct model_flow {
	int64_t tag;
	struct fair_cost usual;
	int64_t level, at_ms, open_at_ms;
	bool held;
	uint64_t stamp;			/* when it came where it is */
};

static struct model {
	struct model_entry entries[ENTRIES];
	struct model_flow flows[TENANTS];
	uint64_t ready_stamp[KEYS];	/* when the key came to its flow; 0: it is in none */
	int ready_tenant[KEYS];
	struct fair_cost usual;
	int64_t virtual_time, newest_tag, now_ms;
	uint64_t stamps;
	int64_t low, high;		/* places at the ends of all queues */
	int running;
} model;

static struct scheduler_entry real[ENTRIES];
static struct scheduler *scheduler;

static int model_first(int key)
{
	int first = -1;
	for (int i = 0; i < ENTRIES; i++) {
		const struct model_entry *entry = &model.entries[i];
		if (entry->key != key)
			continue;
		if (entry->state == RUNNING || entry->state == SUSPENDED)
			return -1;
		if (entry->state == QUEUED && (first < 0 || entry->place < model.entries[first].place))
			first = i;
	}
	return first;
}

static bool model_has_ready(int tenant)
{
	for (int key = 0; key < KEYS; key++)
		if (model.ready_stamp[key] && model.ready_tenant[key] == tenant)
			return true;
	return false;
}

static void model_fill(int tenant)
{
	struct model_flow *one = &model.flows[tenant];
	int64_t most = budgets[tenant] * 60000;
	if (model.now_ms > one->at_ms)
		one->level += (model.now_ms - one->at_ms) * budgets[tenant];
	if (one->level > most)
		one->level = most;
	one->at_ms = model.now_ms;
}

static void model_forget(void)
{
	for (int t = 0; t < TENANTS; t++) {
		bool taken = false;
		for (int i = 0; i < ENTRIES; i++)
			taken |= model.entries[i].state != FREE && model.entries[i].tenant == t;
		if (!taken && model.flows[t].tag <= model.virtual_time)
			model.flows[t].usual = (struct fair_cost){0};
	}
}

static void model_reach(int64_t tag)
{
	if (tag > model.virtual_time)
		model.virtual_time = tag;
	model_forget();
}

static void model_period(void)
{
	bool any = model.running > 0;
	for (int t = 0; t < TENANTS; t++)
		any |= model_has_ready(t);
	if (!any)
		model_reach(model.newest_tag);
}

static void model_key(int key)
{
	int first = model_first(key), wanted = first < 0 ? -1 : model.entries[first].tenant;
	int there = model.ready_stamp[key] ? model.ready_tenant[key] : -1;
	if (wanted == there)
		return;
	if (there >= 0) {
		model.ready_stamp[key] = 0;
		if (!model_has_ready(there))
			model.flows[there].held = false;
		model_period();
	}
	if (wanted < 0)
		return;
	struct model_flow *one = &model.flows[wanted];
	if (!model_has_ready(wanted)) {
		if (one->tag < model.virtual_time)
			one->tag = model.virtual_time;
		one->stamp = ++model.stamps;
	}
	model.ready_stamp[key] = ++model.stamps;
	model.ready_tenant[key] = wanted;
}

static int64_t model_cost(int tenant, const struct fair_cost *cost)
{
	int64_t us = cost->wall_us > cost->cpu_us ? cost->wall_us : cost->cpu_us;
	return (us < 100 ? 100 : us) * 1000 / weights[tenant];
}

static void model_move(int tenant, int64_t by)
{
	struct model_flow *one = &model.flows[tenant];
	one->tag += by;
	if (one->tag > model.newest_tag)
		model.newest_tag = one->tag;
	if (!one->held && model_has_ready(tenant))
		one->stamp = ++model.stamps;
}

static void model_charge(int tenant, int64_t cpu_us)
{
	if (!budgets[tenant])
		return;
	model_fill(tenant);
	model.flows[tenant].level -= cpu_us * 60;
	if (model.flows[tenant].level > budgets[tenant] * 60000)
		model.flows[tenant].level = budgets[tenant] * 60000;
}

static int64_t model_open_at(int tenant)
{
	model_fill(tenant);
	const struct model_flow *one = &model.flows[tenant];
	return one->level > 0 ? model.now_ms : one->at_ms - one->level / budgets[tenant] + 1;
}

static int model_flow_next(void)
{
	for (;;) {
		int best = -1;
		for (int t = 0; t < TENANTS; t++) {
			const struct model_flow *one = &model.flows[t];
			const struct model_flow *than = &model.flows[best < 0 ? t : best];
			if (!one->held && model_has_ready(t) && (best < 0 || one->tag < than->tag ||
					(one->tag == than->tag && one->stamp < than->stamp)))
				best = t;
		}
		if (best < 0 || !budgets[best] || model_open_at(best) <= model.now_ms)
			return best;
		model.flows[best].held = true;
		model.flows[best].open_at_ms = model_open_at(best);
		model.flows[best].stamp = ++model.stamps;
	}
}

/* Index of the entry; -1: none. */
static int model_next(void)
{
	int tenant = model_flow_next(), key = -1;
	if (tenant < 0)
		return -1;
	for (int k = 0; k < KEYS; k++)
		if (model.ready_stamp[k] && model.ready_tenant[k] == tenant &&
				(key < 0 || model.ready_stamp[k] < model.ready_stamp[key]))
			key = k;
	int index = model_first(key);
	struct model_entry *entry = &model.entries[index];
	const struct fair_cost start = {10000, 10000};
	entry->charged = model.flows[tenant].usual.wall_us ? model.flows[tenant].usual :
		model.usual.wall_us ? model.usual : start;
	entry->state = RUNNING;
	entry->started_ms = model.now_ms;
	entry->start_stamp = ++model.stamps;
	model.running++;
	model_reach(model.flows[tenant].tag);
	model.ready_stamp[key] = 0;
	model_move(tenant, model_cost(tenant, &entry->charged));
	model_charge(tenant, entry->charged.cpu_us);
	return index;
}

static void model_learn(struct fair_cost *usual, const struct fair_cost *actual)
{
	if (!usual->wall_us) {
		*usual = (struct fair_cost){actual->wall_us + 1, actual->cpu_us};
		return;
	}
	usual->wall_us += (actual->wall_us - usual->wall_us) / 8;
	usual->cpu_us += (actual->cpu_us - usual->cpu_us) / 8;
	if (usual->wall_us < 1)
		usual->wall_us = 1;
}

static void model_settle(const struct model_entry *entry, const struct fair_cost *actual)
{
	static const struct fair_cost nothing;
	struct model_flow *one = &model.flows[entry->tenant];
	if (actual) {
		model_learn(&one->usual, actual);
		model_learn(&model.usual, actual);
	} else {
		actual = &nothing;
	}
	model_move(entry->tenant, model_cost(entry->tenant, actual) -
		model_cost(entry->tenant, &entry->charged));
	model_charge(entry->tenant, actual->cpu_us - entry->charged.cpu_us);
	if (one->held) {
		one->open_at_ms = model_open_at(entry->tenant);
		one->stamp = ++model.stamps;
	}
	model.running--;
	model_period();
}

static void model_leave(int index)
{
	struct model_entry *entry = &model.entries[index];
	entry->state = FREE;
	model_key(entry->key);
	model_forget();
}

static void model_accrue(void)
{
	for (uint64_t from = 0;;) {
		struct model_entry *oldest = NULL;
		for (int i = 0; i < ENTRIES; i++) {
			struct model_entry *one = &model.entries[i];
			if (one->state == RUNNING && one->start_stamp > from &&
					(!oldest || one->start_stamp < oldest->start_stamp))
				oldest = one;
		}
		if (!oldest)
			return;
		from = oldest->start_stamp;
		struct fair_cost more = {(model.now_ms - oldest->started_ms) * 1000,
			oldest->charged.cpu_us};
		if (more.wall_us <= oldest->charged.wall_us)
			continue;
		model_move(oldest->tenant, model_cost(oldest->tenant, &more) -
			model_cost(oldest->tenant, &oldest->charged));
		oldest->charged = more;
	}
}

static void model_tick(void)
{
	model_accrue();
	for (;;) {
		int first = -1;
		for (int t = 0; t < TENANTS; t++) {
			const struct model_flow *one = &model.flows[t];
			const struct model_flow *than = &model.flows[first < 0 ? t : first];
			if (one->held && one->open_at_ms <= model.now_ms && (first < 0 ||
					one->open_at_ms < than->open_at_ms ||
					(one->open_at_ms == than->open_at_ms && one->stamp < than->stamp)))
				first = t;
		}
		if (first < 0)
			break;
		model.flows[first].held = false;
		if (model.flows[first].tag < model.virtual_time)
			model.flows[first].tag = model.virtual_time;
		model.flows[first].stamp = ++model.stamps;
	}
	for (;;) {
		int due = -1;
		for (int i = 0; i < ENTRIES; i++) {
			const struct model_entry *one = &model.entries[i];
			const struct model_entry *than = &model.entries[due < 0 ? i : due];
			bool waits = one->state == WAITING || one->state == SUSPENDED;
			if (waits && one->due_ms <= model.now_ms && (due < 0 ||
					one->due_ms < than->due_ms || (one->due_ms == than->due_ms &&
					one->due_stamp < than->due_stamp)))
				due = i;
		}
		if (due < 0)
			return;
		model.entries[due].state = QUEUED;
		model.entries[due].place = --model.low;
		model_key(model.entries[due].key);
	}
}

static int model_expire(void)
{
	int first = -1;
	for (int i = 0; i < ENTRIES; i++) {
		const struct model_entry *one = &model.entries[i];
		const struct model_entry *than = &model.entries[first < 0 ? i : first];
		if (one->state != FREE && one->state != RUNNING && one->deadline_ms <= model.now_ms &&
				(first < 0 || one->deadline_ms < than->deadline_ms ||
				(one->deadline_ms == than->deadline_ms &&
				one->deadline_stamp < than->deadline_stamp)))
			first = i;
	}
	if (first >= 0)
		model_leave(first);
	return first;
}

static int index_of(const struct scheduler_entry *entry)
{
	return entry ? (int)(entry - real) : -1;
}

/* A random entry in that state; -1: none. */
static int any(int state)
{
	int start = (int)chance(ENTRIES);
	for (int i = 0; i < ENTRIES; i++)
		if ((int)model.entries[(start + i) % ENTRIES].state == state)
			return (start + i) % ENTRIES;
	return -1;
}

static void step_add(void)
{
	int index = any(FREE);
	if (index < 0)
		return;
	struct model_entry *entry = &model.entries[index];
	int64_t deadline_ms = chance(4) ? INT64_MAX : model.now_ms + chance(3000);
	*entry = (struct model_entry){.key = (int)chance(KEYS), .tenant = (int)chance(TENANTS),
		.deadline_ms = deadline_ms, .deadline_stamp = ++model.stamps, .place = ++model.high};
	if (chance(2))
		entry->tenant = entry->key % TENANTS;
	entry->state = QUEUED;
	if (budgets[entry->tenant])
		model_fill(entry->tenant);
	const struct scheduler_terms terms = {.flow = {0, tenants[entry->tenant],
		weights[entry->tenant], budgets[entry->tenant]}, .deadline_ms = deadline_ms};
	char name = (char)('k' + entry->key);
	memset(&real[index], 0, sizeof real[index]);
	if (chance(5) > 0) {
		ck_assert_int_eq(scheduler_add(scheduler, &real[index], 0, &name, 1, &terms), 0);
		model_key(entry->key);
		return;
	}
	entry->state = WAITING;
	entry->due_ms = model.now_ms + chance(2000);
	entry->due_stamp = ++model.stamps;
	ck_assert_int_eq(scheduler_add_waiting(scheduler, &real[index], 0, &name, 1, &terms,
		entry->due_ms), 0);
}

static void step_end(void)
{
	int index = any(RUNNING);
	if (index < 0)
		return;
	struct model_entry *entry = &model.entries[index];
	struct fair_cost cost = {chance(50000), chance(50000)};
	bool measured = chance(4) > 0;
	if (measured)
		scheduler_measured(&real[index], cost.wall_us, cost.cpu_us);
	model_settle(entry, measured ? &cost : NULL);
	entry->due_ms = model.now_ms + chance(2000);
	entry->due_stamp = ++model.stamps;
	entry->deadline_stamp = ++model.stamps;
	switch (chance(6)) {
	case 0:
		scheduler_put_back(scheduler, &real[index]);
		entry->state = QUEUED;
		entry->place = --model.low;
		break;
	case 1:
		scheduler_suspend(scheduler, &real[index], entry->due_ms);
		entry->state = SUSPENDED;
		return;
	default:
		scheduler_finish(scheduler, &real[index]);
		model_leave(index);
		return;
	}
	model_key(entry->key);
}

static void step_drop(void)
{
	int index = index_of(scheduler_drop(scheduler));
	if (index < 0) {
		ck_assert_int_lt(any(QUEUED), 0);
		return;
	}
	ck_assert_int_ne(model.entries[index].state, FREE);
	ck_assert_int_ne(model.entries[index].state, RUNNING);
	model_leave(index);
}

static void step(void)
{
	switch (chance(12)) {
	case 0: case 1: case 2: case 3:
		step_add();
		break;
	case 4: case 5: case 6:
		ck_assert_int_eq(index_of(scheduler_next(scheduler, model.now_ms)), model_next());
		break;
	case 7: case 8: case 9:
		step_end();
		break;
	case 10:
		model.now_ms += chance(chance(10) ? 200 : 5000);
		scheduler_tick(scheduler, model.now_ms);
		model_tick();
		ck_assert_int_gt(scheduler_due_ms(scheduler) - model.now_ms, INT64_MIN / 2);
		break;
	default:
		if (chance(20) == 0)
			step_drop();
		else
			ck_assert_int_eq(index_of(scheduler_expire(scheduler, model.now_ms)),
				model_expire());
	}
}

static void counts_check(void)
{
	size_t queued = 0, waiting = 0, held = 0;
	const char *tenant;
	int64_t until_ms;
	for (int i = 0; i < ENTRIES; i++) {
		queued += model.entries[i].state == QUEUED;
		waiting += model.entries[i].state == WAITING || model.entries[i].state == SUSPENDED;
	}
	for (int t = 0; t < TENANTS; t++)
		held += model.flows[t].held;
	ck_assert_uint_eq(scheduler_queued(scheduler), queued);
	ck_assert_uint_eq(scheduler_waiting(scheduler), waiting);
	ck_assert_uint_eq(scheduler_held(scheduler, &tenant, &until_ms), held);
}

START_TEST(the_scheduler_does_as_the_model)
{
	seed = 1000 + (uint64_t)_i;
	memset(&model, 0, sizeof model);
	scheduler = scheduler_new();
	for (int t = 0; t < TENANTS; t++)
		model.flows[t].level = budgets[t] * 60000;
	for (int i = 0; i < 20000; i++) {
		step();
		if (i % 50 == 0)
			counts_check();
	}
	while (step_drop(), any(QUEUED) >= 0 || any(WAITING) >= 0 || any(SUSPENDED) >= 0)
		;
	for (int index; (index = any(RUNNING)) >= 0;) {
		scheduler_finish(scheduler, &real[index]);
		model.entries[index].state = FREE;
	}
	scheduler_free(scheduler);
}
END_TEST

enum { MANY = 100000, FLOWS = 10000 };

/* due_ms: of one that waits; 0: it does not. */
static void many_add(struct scheduler_entry *many, int i, int64_t due_ms)
{
	char tenant[16], key[16];
	snprintf(tenant, sizeof tenant, "t%d", i % FLOWS);
	snprintf(key, sizeof key, "k%d", i % (MANY / 2));
	const struct scheduler_terms terms = {.flow = {0, tenant, 1 + i % 3, i % 2 ? 0 : 600},
		.deadline_ms = i % 4 ? INT64_MAX : 1000000 - i};
	memset(&many[i], 0, sizeof many[i]);
	int added = due_ms == 0 ?
		scheduler_add(scheduler, &many[i], 0, key, strlen(key), &terms) :
		scheduler_add_waiting(scheduler, &many[i], 0, key, strlen(key), &terms, due_ms);
	ck_assert_int_eq(added, 0);
}

START_TEST(a_hundred_thousand_requests_of_ten_thousand_tenants_take_moments)
{
	struct scheduler_entry *many = calloc(MANY, sizeof *many), *entry;
	size_t ended = 0, started = 0;
	scheduler = scheduler_new();
	for (int i = 0; i < MANY; i++)
		many_add(many, i, 0);
	for (int64_t now_ms = 0; ended < MANY; now_ms += 100) {
		scheduler_tick(scheduler, now_ms);
		for (int i = 0; i < 50 && (entry = scheduler_next(scheduler, now_ms)); i++) {
			scheduler_measured(entry, 1000, 100000);
			if (started++ % 8 == 0) {
				scheduler_finish(scheduler, entry);
				many_add(many, (int)(entry - many), now_ms + 100000 - (int)started % 1000);
				continue;
			}
			scheduler_finish(scheduler, entry);
			ended++;
		}
		while (scheduler_expire(scheduler, now_ms))
			ended++;
	}
	ck_assert_uint_eq(scheduler_queued(scheduler) + scheduler_waiting(scheduler), 0);
	scheduler_free(scheduler);
	free(many);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scheduler and model");
	TCase *cases = tcase_create("all");
	tcase_add_loop_test(cases, the_scheduler_does_as_the_model, 0, 8);
	tcase_add_test(cases, a_hundred_thousand_requests_of_ten_thousand_tenants_take_moments);
	tcase_set_timeout(cases, 20);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
