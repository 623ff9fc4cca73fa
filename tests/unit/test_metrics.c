/* test_metrics.c: what is counted is what Prometheus reads. */
#include "../../worker/http/metrics.h"

#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct metrics *metrics;
static char *text;

static void set_up(void)
{
	metrics = metrics_new();
	text = NULL;
}

static void tear_down(void)
{
	free(text);
	metrics_free(metrics);
}

/* Whether the rendering has exactly this line. */
static bool has(const char *line)
{
	char wanted[200];
	size_t size;
	free(text);
	text = metrics_render(metrics, &size);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(strlen(text), size);
	snprintf(wanted, sizeof wanted, "\n%s\n", line);
	return strstr(text, wanted) != NULL;
}

START_TEST(counters_count_by_label)
{
	ck_assert(has("codeworker_results_total{status=\"FAILED\"} 0"));
	metrics_add(metrics, METRIC_RESULTS, STATUS_FAILED, 2);
	metrics_add(metrics, METRIC_RESULTS, STATUS_FAILED, 1);
	metrics_add(metrics, METRIC_ERRORS, ERROR_LIMIT_CPU, 1);
	metrics_add(metrics, METRIC_REQUESTS, ENCODING_AVRO, 5);
	metrics_add(metrics, METRIC_RETRIES, METRIC_UNLABELLED, 7);
	ck_assert(has("codeworker_results_total{status=\"FAILED\"} 3"));
	ck_assert(has("codeworker_results_total{status=\"COMPLETED\"} 0"));
	ck_assert(has("codeworker_errors_total{code=\"limit.cpu\"} 1"));
	ck_assert(has("codeworker_requests_total{encoding=\"avro\"} 5"));
	ck_assert(has("codeworker_retries_total 7"));
	ck_assert(metrics_value(metrics, METRIC_RETRIES, 0) == 7);
}
END_TEST

START_TEST(partitions_of_several_topics_are_told_apart)
{
	static const char *const topics[] = {"q", "u"};
	metrics_set(metrics, METRIC_LAG, metric_place(0, 5), 3);
	ck_assert(has("codeworker_lag{partition=\"5\"} 3"));
	metrics_free(metrics);
	metrics = metrics_new_topics(topics, 2);
	metrics_set(metrics, METRIC_LAG, metric_place(0, 5), 3);
	metrics_set(metrics, METRIC_LAG, metric_place(1, 5), 4);
	metrics_set(metrics, METRIC_LAG, metric_place(0, METRIC_PARTITION_LABELS), 9);
	metrics_set(metrics, METRIC_TOPIC_BACKLOG, 1, 7);
	ck_assert(has("codeworker_lag{topic=\"q\",partition=\"5\"} 3"));
	ck_assert(has("codeworker_lag{topic=\"u\",partition=\"5\"} 4"));
	ck_assert(!has("codeworker_lag{topic=\"u\",partition=\"0\"} 9"));
	ck_assert(has("codeworker_topic_backlog{topic=\"u\"} 7"));
	metrics_forget_partition(metrics, metric_place(0, 5));
	ck_assert(!has("codeworker_lag{topic=\"q\",partition=\"5\"} 3"));
	ck_assert(has("codeworker_lag{topic=\"u\",partition=\"5\"} 4"));
}
END_TEST

START_TEST(gauges_show_only_when_set)
{
	ck_assert(!has("codeworker_jobs_running 0"));
	metrics_set(metrics, METRIC_JOBS_RUNNING, METRIC_UNLABELLED, 3);
	metrics_set(metrics, METRIC_WINDOW_FILL, 7, 0.25);
	ck_assert(has("codeworker_jobs_running 3"));
	ck_assert(has("codeworker_window_fill{partition=\"7\"} 0.25"));
	metrics_forget_partition(metrics, 7);
	ck_assert(!has("codeworker_window_fill{partition=\"7\"} 0.25"));
	ck_assert_ptr_null(strstr(text, "partition=\"7\""));
	metrics_set(metrics, METRIC_BACKLOG, METRIC_UNLABELLED, 12345678901.0);
	ck_assert(has("codeworker_backlog 12345678901"));
}
END_TEST

START_TEST(histograms_are_cumulative)
{
	metrics_observe(metrics, METRIC_TRANSACTION_SECONDS, 0, 0.004);
	metrics_observe(metrics, METRIC_TRANSACTION_SECONDS, 0, 0.005);
	metrics_observe(metrics, METRIC_TRANSACTION_SECONDS, 0, 0.3);
	metrics_observe(metrics, METRIC_TRANSACTION_SECONDS, 0, 1e9);
	ck_assert(has("codeworker_transaction_seconds_bucket{le=\"0.0025\"} 0"));
	ck_assert(has("codeworker_transaction_seconds_bucket{le=\"0.005\"} 2"));
	ck_assert(has("codeworker_transaction_seconds_bucket{le=\"0.5\"} 3"));
	ck_assert(has("codeworker_transaction_seconds_bucket{le=\"3600\"} 3"));
	ck_assert(has("codeworker_transaction_seconds_bucket{le=\"+Inf\"} 4"));
	ck_assert(has("codeworker_transaction_seconds_sum 1e+09"));
	ck_assert(has("codeworker_transaction_seconds_count 4"));
	metrics_observe(metrics, METRIC_JOB_SECONDS, STATUS_COMPLETED, 0.02);
	ck_assert(has("codeworker_job_seconds_bucket{status=\"COMPLETED\",le=\"0.025\"} 1"));
	ck_assert(has("codeworker_job_seconds_sum{status=\"COMPLETED\"} 0.02"));
	metrics_observe(metrics, METRIC_BATCH_RECORDS, 0, 7);
	ck_assert(has("codeworker_batch_records_bucket{le=\"5\"} 0"));
	ck_assert(has("codeworker_batch_records_bucket{le=\"10\"} 1"));
}
END_TEST

START_TEST(labels_out_of_range_and_wrong_types_are_ignored)
{
	char *before, *after;
	size_t size;
	before = metrics_render(metrics, &size);
	metrics_add(metrics, METRIC_RESULTS, -1, 1);
	metrics_add(metrics, METRIC_RESULTS, STATUS_SKIPPED + 1, 1);
	metrics_add(metrics, METRIC_ERRORS, ERROR_CODE_COUNT, 1);
	metrics_add(metrics, METRIC_BACKLOG, 0, 1);
	metrics_set(metrics, METRIC_LAG, METRIC_PARTITION_LABELS, 1);
	metrics_set(metrics, METRIC_LAG, -5, 1);
	metrics_forget_partition(metrics, 1 << 30);
	metrics_set(metrics, METRIC_RETRIES, 0, 1);
	metrics_observe(metrics, METRIC_QUEUE_SECONDS, 0, NAN);
	metrics_add(NULL, METRIC_RESULTS, 0, 1);
	after = metrics_render(metrics, &size);
	*strstr(before, "process_resident") = *strstr(after, "process_resident") = '\0';
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

START_TEST(every_family_has_help_and_type_once)
{
	size_t families = 0;
	has("");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "# HELP ", 7) == 0)
			families++;
		if (line[0] != '#')
			ck_assert_ptr_nonnull(strrchr(line, ' '));
	}
	ck_assert_uint_eq(families, METRIC_COUNT + 4);
	ck_assert(!has("process_resident_memory_bytes 0"));
	ck_assert_ptr_nonnull(strstr(text, "\nprocess_resident_memory_bytes "));
	ck_assert_ptr_nonnull(strstr(text, "\ncodeworker_build_info{version=\""));
}
END_TEST

static void *count_many(void *unused)
{
	for (int i = 0; i < 20000; i++) {
		metrics_add(metrics, METRIC_COMMITS, 0, 1);
		metrics_observe(metrics, METRIC_BATCH_RECORDS, 0, 1);
	}
	return unused;
}

START_TEST(no_count_is_lost_between_threads)
{
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_many, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert(has("codeworker_commits_total 80000"));
	ck_assert(has("codeworker_batch_records_sum 80000"));
	ck_assert(has("codeworker_batch_records_count 80000"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tests = tcase_create("metrics");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, counters_count_by_label);
	tcase_add_test(tests, partitions_of_several_topics_are_told_apart);
	tcase_add_test(tests, gauges_show_only_when_set);
	tcase_add_test(tests, histograms_are_cumulative);
	tcase_add_test(tests, labels_out_of_range_and_wrong_types_are_ignored);
	tcase_add_test(tests, every_family_has_help_and_type_once);
	tcase_add_test(tests, no_count_is_lost_between_threads);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
