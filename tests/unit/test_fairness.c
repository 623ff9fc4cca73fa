/* test_fairness.c: the heap, budgets, and whose turn it is. (test_scheduler_model.c has all of it together.) */
#include "../../worker/queue/fair_queue.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/queue/budget.h"

static uint64_t seed;

static uint32_t chance(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* ---- the heap */

struct thing {
	int number;
	struct heap_node place;
};

START_TEST(a_heap_gives_the_least_and_equals_in_order_of_arrival)
{
	static struct thing things[2000];
	struct heap heap = {0};
	const struct thing *before = NULL, *first;
	size_t count = 0;
	seed = 1;
	for (int i = 0; i < 2000; i++) {
		things[i].number = i;
		heap_add(&heap, &things[i].place, chance(100));
	}
	for (int i = 0; i < 2000; i += 3)
		heap_remove(&heap, &things[i].place);
	while ((first = heap_first(&heap, struct thing, place))) {
		ck_assert_int_ne(first->number % 3, 0);
		struct thing copy = *first;
		heap_remove(&heap, &things[first->number].place);
		ck_assert(!heap_has(&things[copy.number].place));
		if (before && before->place.order == copy.place.order)
			ck_assert_int_lt(before->number, copy.number);
		else if (before)
			ck_assert_int_lt(before->place.order, copy.place.order);
		static struct thing kept;
		kept = copy;
		before = &kept;
		count++;
	}
	ck_assert_uint_eq(count, 1333);
	ck_assert_uint_eq(heap.count, 0);
}
END_TEST

/* ---- budgets */

START_TEST(a_budget_is_open_until_it_is_used_up_and_fills_all_the_time)
{
	struct budget budget = {0};
	struct budget_account *account = budget_take(&budget, "a", 6000, 1000);
	budget_charge(account, 5999999, 1000);
	ck_assert_int_le(budget_open_at_ms(account, 1000), 1000);
	budget_charge(account, 1000001, 1000);	/* a second below: ten seconds' worth */
	ck_assert_int_eq(budget_open_at_ms(account, 1000), 11001);
	ck_assert_int_eq(budget_open_at_ms(account, 11000), 11001);
	ck_assert_int_eq(budget_open_at_ms(account, 11001), 11001);
	budget_charge(account, 100, 11001);
	ck_assert_int_eq(budget_open_at_ms(account, 11001), 11002);
	budget_charge(account, -100, 11001);
	ck_assert_int_le(budget_open_at_ms(account, 11001), 11001);
	budget_give_back(&budget, account, 11001);
	budget_clear(&budget);
}
END_TEST

START_TEST(a_budget_holds_one_minutes_worth_at_most)
{
	struct budget budget = {0};
	struct budget_account *account = budget_take(&budget, "a", 6000, 0);
	budget_charge(account, -50000000, 0);
	budget_charge(account, 6000000, 3600000);
	ck_assert_int_gt(budget_open_at_ms(account, 3600000), 3600000);
	budget_give_back(&budget, account, 3600000);
	budget_clear(&budget);
}
END_TEST

START_TEST(an_account_is_remembered_until_it_is_full)
{
	struct budget budget = {0};
	struct budget_account *account = budget_take(&budget, "a", 6000, 0);
	ck_assert_ptr_eq(budget_take(&budget, "a", 6000, 0), account);
	budget_charge(account, 1000000, 0);
	budget_give_back(&budget, account, 0);
	budget_give_back(&budget, account, 0);
	budget_tick(&budget, 9000);
	ck_assert_uint_eq(budget_count(&budget), 1);
	ck_assert_ptr_eq(budget_take(&budget, "a", 6000, 9000), account);
	budget_give_back(&budget, account, 9000);
	budget_tick(&budget, 10001);
	ck_assert_uint_eq(budget_count(&budget), 0);
	account = budget_take(&budget, "b", 6000, 9000);
	budget_give_back(&budget, account, 9000);
	ck_assert_uint_eq(budget_count(&budget), 0);
}
END_TEST

START_TEST(clocks_that_jump_break_no_budget)
{
	struct budget budget = {0};
	struct budget_account *account = budget_take(&budget, "a", 3600000, INT64_MAX / 4);
	budget_charge(account, 3600000000, INT64_MAX / 4);
	ck_assert_int_gt(budget_open_at_ms(account, INT64_MAX / 4), INT64_MAX / 4);
	ck_assert_int_gt(budget_open_at_ms(account, 0), 0);
	ck_assert_int_le(budget_open_at_ms(account, INT64_MAX / 4), INT64_MAX / 4);
	budget_clear(&budget);
}
END_TEST

/* ---- the fair queue */

#define ITEMS 30000

static struct fair_queue *queue;
static struct fair_item items[ITEMS];

static void setup(void)
{
	queue = fair_queue_new();
	ck_assert_ptr_nonnull(queue);
	memset(items, 0, sizeof items);
}

static void teardown(void)
{
	fair_queue_free(queue);
}

static struct fair_flow *flow(int source, const char *tenant, int weight, int64_t cpu_ms_per_minute)
{
	struct fair_flow *taken = fair_flow_take(queue, &(struct fair_terms){source, tenant, weight,
		cpu_ms_per_minute});
	ck_assert_ptr_nonnull(taken);
	return taken;
}

/* Runs the next for so long, all of it on the processor; returns its flow, NULL for none. */
static struct fair_flow *turn(int64_t now_ms, int64_t wall_us, const struct fair_item *known[])
{
	struct fair_cost charged, actual = {wall_us, wall_us};
	struct fair_item *item = fair_next(queue, now_ms, &charged);
	if (!item)
		return NULL;
	struct fair_flow *of = (struct fair_flow *)known[item - items];
	fair_settle(queue, of, &charged, &actual);
	return of;
}

static const void *flow_of[ITEMS];

static void add(int index, struct fair_flow *of)
{
	flow_of[index] = of;
	fair_add(queue, &items[index], of);
}

START_TEST(a_newcomer_does_not_wait_for_what_stands_before_it)
{
	struct fair_flow *a = flow(0, "a", 1, 0), *b = flow(0, "b", 1, 0);
	int a_runs = 0, b_runs = 0;
	for (int i = 0; i < 5000; i++)
		add(i, a);
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_eq(turn(0, 20000, (void *)flow_of), a);
	for (int i = 5000; i < 5050; i++)
		add(i, b);
	while (b_runs < 50)
		*(turn(0, 20000, (void *)flow_of) == a ? &a_runs : &b_runs) += 1;
	ck_assert_int_le(a_runs, 51);
}
END_TEST

START_TEST(time_is_shared_as_weights_are_whatever_each_attempt_takes)
{
	struct fair_flow *a = flow(0, "a", 3, 0), *b = flow(0, "b", 1, 0), *c = flow(0, "c", 1, 0);
	int64_t a_us = 0, b_us = 0, c_us = 0;
	seed = 7;
	for (int i = 0; i < 9000; i++)
		add(i, i % 3 == 0 ? a : i % 3 == 1 ? b : c);
	while (a_us < 10000000) {
		struct fair_cost charged;
		struct fair_item *item = fair_next(queue, 0, &charged);
		struct fair_flow *of = (struct fair_flow *)flow_of[item - items];
		int64_t us = of == b ? 20000 + chance(20000) : 1000 + chance(9000);
		*(of == a ? &a_us : of == b ? &b_us : &c_us) += us;
		fair_settle(queue, of, &charged, &(struct fair_cost){us, 0});
		/* The paper's bound, with one attempt more since costs are known afterwards. */
		ck_assert_int_le(llabs(a_us / 3 - b_us), 2 * (10000 / 3 + 40000));
		ck_assert_int_le(llabs(c_us - b_us), 2 * (10000 + 40000));
	}
}
END_TEST

START_TEST(who_was_idle_has_no_credit)
{
	struct fair_flow *a = flow(0, "a", 1, 0), *b = flow(0, "b", 1, 0);
	int a_runs = 0, b_runs = 0;
	add(0, b);
	ck_assert_ptr_eq(turn(0, 1000, (void *)flow_of), b);
	for (int i = 1; i < 2000; i++)
		add(i, a);
	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_eq(turn(0, 1000, (void *)flow_of), a);
	for (int i = 2000; i < 2500; i++)
		add(i, b);
	for (int i = 0; i < 100; i++)
		*(turn(0, 1000, (void *)flow_of) == a ? &a_runs : &b_runs) += 1;
	ck_assert_int_ge(a_runs, 49);
	ck_assert_int_ge(b_runs, 49);
}
END_TEST

START_TEST(an_attempt_that_took_long_is_paid_for)
{
	struct fair_flow *a = flow(0, "a", 1, 0), *b = flow(0, "b", 1, 0);
	for (int i = 0; i < 200; i++)
		add(i, i % 2 ? b : a);
	ck_assert_ptr_eq(turn(0, 1000000, (void *)flow_of), a);
	for (int i = 0; i < 50; i++)
		ck_assert_ptr_eq(turn(0, 10000, (void *)flow_of), b);
}
END_TEST

START_TEST(what_runs_is_paid_for_before_it_has_ended)
{
	struct fair_flow *a = flow(0, "a", 1, 0), *b = flow(0, "b", 1, 0);
	struct fair_cost charged;
	for (int i = 0; i < 200; i++)
		add(i, i % 2 ? b : a);
	ck_assert_ptr_eq(fair_next(queue, 0, &charged), &items[0]);
	fair_accrue(queue, a, &charged, 5000);
	ck_assert_int_eq(charged.wall_us, 10000);
	fair_accrue(queue, a, &charged, 1000000);
	for (int i = 0; i < 99; i++)
		ck_assert_ptr_eq(turn(0, 10000, (void *)flow_of), b);
	fair_settle(queue, a, &charged, &(struct fair_cost){20000, 0});
	ck_assert_ptr_eq(turn(0, 10000, (void *)flow_of), a);
}
END_TEST

START_TEST(processor_time_counts_where_it_is_more_than_the_slots)
{
	struct fair_flow *a = flow(0, "a", 1, 0), *b = flow(0, "b", 1, 0);
	struct fair_cost charged;
	int a_runs = 0;
	for (int i = 0; i < 2000; i++)
		add(i, i % 2 ? b : a);
	for (int i = 0; i < 1000; i++) {
		struct fair_item *item = fair_next(queue, 0, &charged);
		bool is_a = flow_of[item - items] == a;
		a_runs += is_a;
		fair_settle(queue, is_a ? a : b, &charged,
			&(struct fair_cost){10000, is_a ? 40000 : 5000});
	}
	ck_assert_int_ge(a_runs, 190);
	ck_assert_int_le(a_runs, 210);
}
END_TEST

START_TEST(a_flow_is_forgotten_when_it_is_idle_and_not_ahead)
{
	char name[16];
	struct fair_flow *busy = flow(0, "busy", 1, 0);
	for (int i = 1; i < 20001; i++) {
		snprintf(name, sizeof name, "t%d", i);
		struct fair_flow *once = flow(0, name, 1, 0);
		add(i, once);
	}
	ck_assert_uint_eq(fair_flow_count(queue), 20001);
	add(0, busy);
	for (int i = 0; i < 20001; i++) {
		struct fair_flow *ended = turn(0, 5000, (void *)flow_of);
		ck_assert_ptr_nonnull(ended);
		if (ended != busy)
			fair_flow_give_back(queue, ended);
		ck_assert_uint_le(fair_flow_count(queue), 20001);
	}
	/* Virtual time has not moved, but nothing runs: all start even. */
	ck_assert_uint_eq(fair_flow_count(queue), 1);
	fair_flow_give_back(queue, busy);
	ck_assert_uint_eq(fair_flow_count(queue), 0);
}
END_TEST

START_TEST(newcomers_without_end_are_not_remembered_without_end)
{
	char name[16];
	struct fair_cost charged;
	struct fair_flow *running = flow(0, "running", 1, 0);
	add(0, running);
	ck_assert_ptr_eq(fair_next(queue, 0, &charged), &items[0]);
	for (int i = 1; i < 20000; i++) {
		snprintf(name, sizeof name, "t%d", i);
		add(i, flow(0, name, 1, 0));
		fair_flow_give_back(queue, turn(0, 5000, (void *)flow_of));
	}
	ck_assert_uint_le(fair_flow_count(queue), 10001);
	ck_assert_uint_ge(fair_flow_count(queue), 1000);
}
END_TEST

static struct fair_flow *flow_from(int source, int source_weight, const char *tenant, int weight)
{
	struct fair_flow *taken = fair_flow_take(queue, &(struct fair_terms){source, tenant, weight, 0,
		source_weight});
	ck_assert_ptr_nonnull(taken);
	return taken;
}

/* Ten tenants that wait in one source, and one in another. */
START_TEST(a_source_has_its_share_whatever_its_tenants)
{
	struct fair_flow *urgent = flow_from(2, 8, "u", 1), *flows[10];
	int urgent_runs = 0, of_flow[10] = {0};
	for (int i = 0; i < 10; i++) {
		char name[16];
		snprintf(name, sizeof name, "t%d", i);
		flows[i] = flow_from(0, 1, name, i < 5 ? 1 : 3);
		for (int j = 0; j < 1000; j++)
			add(i * 1000 + j, flows[i]);
	}
	for (int i = 10000; i < 15000; i++)
		add(i, urgent);
	for (int i = 0; i < 3600; i++) {
		const struct fair_flow *of = turn(0, 10000, (void *)flow_of);
		urgent_runs += of == urgent;
		for (int j = 0; j < 10; j++)
			of_flow[j] += of == flows[j];
	}
	ck_assert_int_ge(urgent_runs, 3199);
	ck_assert_int_le(urgent_runs, 3201);
	for (int i = 0; i < 10; i++)
		ck_assert_int_le(abs(of_flow[i] - (i < 5 ? 20 : 60)), 2);
}
END_TEST

START_TEST(a_source_that_was_idle_has_no_credit_and_does_not_wait)
{
	struct fair_flow *slow = flow_from(0, 1, "", 1), *urgent = flow_from(2, 8, "", 1);
	int slow_runs = 0, urgent_runs = 0;
	for (int i = 0; i < 5000; i++)
		add(i, slow);
	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_eq(turn(0, 20000, (void *)flow_of), slow);
	for (int i = 5000; i < 5400; i++)
		add(i, urgent);
	while (urgent_runs < 400)
		*(turn(0, 20000, (void *)flow_of) == slow ? &slow_runs : &urgent_runs) += 1;
	ck_assert_int_ge(slow_runs, 48);
	ck_assert_int_le(slow_runs, 51);
}
END_TEST

START_TEST(a_source_whose_tenants_have_no_budget_left_lets_others_go_on)
{
	struct fair_flow *poor = fair_flow_take(queue, &(struct fair_terms){2, "poor", 1, 60, 8});
	struct fair_flow *other = flow_from(0, 1, "other", 1);
	const char *tenant = NULL;
	int64_t until_ms = 0;
	for (int i = 0; i < 40; i++)
		add(i, i % 2 ? other : poor);
	ck_assert_ptr_eq(turn(0, 600000, (void *)flow_of), poor);
	for (int i = 0; i < 20; i++)
		ck_assert_ptr_eq(turn(0, 1000, (void *)flow_of), other);
	ck_assert_ptr_null(turn(0, 1000, (void *)flow_of));
	ck_assert_uint_eq(fair_held(queue, &tenant, &until_ms), 1);
	ck_assert_str_eq(tenant, "poor");
	ck_assert_int_eq(fair_due_ms(queue), until_ms);
	fair_tick(queue, until_ms);
	ck_assert_ptr_eq(turn(until_ms, 1000, (void *)flow_of), poor);
}
END_TEST

START_TEST(a_tenant_above_its_budget_waits_and_others_go_on)
{
	struct fair_flow *a = flow(0, "a", 1, 6000), *b = flow(0, "b", 1, 0);
	const char *tenant;
	int64_t until_ms;
	int a_runs = 0;
	for (int i = 0; i < 1000; i++)
		add(i, i % 2 ? b : a);
	for (int i = 0; i < 100; i++)
		a_runs += turn(0, 200000, (void *)flow_of) == a;
	ck_assert_int_eq(a_runs, 30);
	ck_assert_uint_eq(fair_held(queue, &tenant, &until_ms), 1);
	ck_assert_str_eq(tenant, "a");
	ck_assert_int_eq(fair_due_ms(queue), until_ms);
	for (int64_t now_ms = 1; now_ms <= 60000; now_ms++) {
		fair_tick(queue, now_ms);
		a_runs += turn(now_ms, 200000, (void *)flow_of) == a;
	}
	ck_assert_int_ge(a_runs, 59);
	ck_assert_int_le(a_runs, 61);
}
END_TEST

START_TEST(slots_stay_idle_when_all_are_above_their_budget)
{
	struct fair_flow *a = flow(0, "a", 1, 6000);
	for (int i = 0; i < 100; i++)
		add(i, a);
	while (turn(0, 1000000, (void *)flow_of))
		;
	ck_assert_int_gt(fair_due_ms(queue), 0);
	fair_tick(queue, fair_due_ms(queue) - 1);
	ck_assert_ptr_null(turn(0, 1000000, (void *)flow_of));
	int64_t due_ms = fair_due_ms(queue);
	fair_tick(queue, due_ms);
	ck_assert_ptr_eq(turn(due_ms, 1000000, (void *)flow_of), a);
}
END_TEST

START_TEST(a_budget_is_one_over_all_sources)
{
	struct fair_flow *one = flow(0, "a", 1, 6000), *two = flow(1, "a", 1, 6000);
	int runs = 0;
	for (int i = 0; i < 100; i++)
		add(i, i % 2 ? one : two);
	while (turn(0, 1000000, (void *)flow_of))
		runs++;
	ck_assert_int_eq(runs, 6);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fairness");
	TCase *heaps = tcase_create("heap and budget"), *queues = tcase_create("fair queue");
	tcase_add_test(heaps, a_heap_gives_the_least_and_equals_in_order_of_arrival);
	tcase_add_test(heaps, a_budget_is_open_until_it_is_used_up_and_fills_all_the_time);
	tcase_add_test(heaps, a_budget_holds_one_minutes_worth_at_most);
	tcase_add_test(heaps, an_account_is_remembered_until_it_is_full);
	tcase_add_test(heaps, clocks_that_jump_break_no_budget);
	tcase_add_checked_fixture(queues, setup, teardown);
	tcase_add_test(queues, a_newcomer_does_not_wait_for_what_stands_before_it);
	tcase_add_test(queues, time_is_shared_as_weights_are_whatever_each_attempt_takes);
	tcase_add_test(queues, who_was_idle_has_no_credit);
	tcase_add_test(queues, an_attempt_that_took_long_is_paid_for);
	tcase_add_test(queues, what_runs_is_paid_for_before_it_has_ended);
	tcase_add_test(queues, processor_time_counts_where_it_is_more_than_the_slots);
	tcase_add_test(queues, a_flow_is_forgotten_when_it_is_idle_and_not_ahead);
	tcase_add_test(queues, newcomers_without_end_are_not_remembered_without_end);
	tcase_add_test(queues, a_source_has_its_share_whatever_its_tenants);
	tcase_add_test(queues, a_source_that_was_idle_has_no_credit_and_does_not_wait);
	tcase_add_test(queues, a_source_whose_tenants_have_no_budget_left_lets_others_go_on);
	tcase_add_test(queues, a_tenant_above_its_budget_waits_and_others_go_on);
	tcase_add_test(queues, slots_stay_idle_when_all_are_above_their_budget);
	tcase_add_test(queues, a_budget_is_one_over_all_sources);
	suite_add_tcase(suite, heaps);
	suite_add_tcase(suite, queues);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
