/* test_config.c: sources in their order, errors that lead to the line, and hostile files. */
#include "../../worker/config/config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../worker/config/options.h"

#define PATH_BYTES 64

static char path[PATH_BYTES];
static struct config *config;
static struct err err;

static void set_up(void)
{
	clearenv();
	strcpy(path, "/tmp/test-config-XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	config = NULL;
	memset(&err, 0, sizeof err);
}

static void tear_down(void)
{
	config_free(config);
	unlink(path);
}

static void write_file(const char *bytes, size_t size)
{
	FILE *file = fopen(path, "w");
	ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

static int load_with(const char *yaml, const char *const *set, size_t count)
{
	const struct config_overrides overrides = {yaml ? path : NULL, set, count};
	if (yaml)
		write_file(yaml, strlen(yaml));
	config_free(config);
	config = NULL;
	return config_load(&overrides, &config, &err);
}

static int load(const char *yaml)
{
	return load_with(yaml, NULL, 0);
}

static int load_set(const char *setting)
{
	return load_with(NULL, &setting, 1);
}

/* The error is refused with that text somewhere in it. */
static void check_refused(int answer, const char *expected)
{
	ck_assert_msg(answer == -1, "accepted; expected: %s", expected);
	ck_assert_ptr_null(config);
	ck_assert_msg(strstr(err.text, expected) != NULL, "'%s' is not in '%s'", expected, err.text);
}

static char *rendered(void (*print)(FILE *))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	print(out);
	fclose(out);
	return text;
}

static char *printed(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	config_print(config, out);
	fclose(out);
	return text;
}

START_TEST(defaults_are_the_contracts)
{
	ck_assert_int_eq(load(NULL), 0);
	ck_assert_str_eq(config->topics.requests, "code.requests");
	ck_assert_str_eq(config->topics.state, "code.state");
	ck_assert_str_eq(config_kafka(config, "bootstrap.servers"), "localhost:9092");
	ck_assert_str_eq(config_kafka(config, "auto.offset.reset"), "earliest");
	ck_assert_ptr_null(config_kafka(config, "client.id"));
	ck_assert_ptr_null(config->worker.id);
	ck_assert_int_gt(config->worker.slots, 0);
	ck_assert(config->worker.exactly_once);
	ck_assert_int_eq(config->worker.crash_limit, 3);
	ck_assert_int_eq(config->worker.dedupe_window_ms, 600000);
	ck_assert_int_eq(config->worker.cancel_window_ms, 3600000);
	ck_assert_str_eq(config->policy.isolation_floor, "strict");
	ck_assert_int_eq(config->policy.max_timeout_ms, 3600000);
	ck_assert_int_eq(config->policy.max_retries, 20);
	ck_assert_int_eq(config->policy.max_retry_delay_ms, 86400000);
	ck_assert_str_eq(config->http.listen, "127.0.0.1:9464");
	ck_assert_uint_eq(config->runtime_count, 3);
	ck_assert_str_eq(config->runtimes[0].argv.items[1], "{file}");
	ck_assert_str_eq(config->runtimes[1].kind, "python");
	ck_assert_int_eq(config->runtimes[2].argv.items[0][0], '/');
}
END_TEST

START_TEST(later_sources_win)
{
	const char *set[] = {"worker.slots=4", "worker.slots=5"};
	ck_assert_int_eq(load("worker: {slots: 2}\n"), 0);
	ck_assert_int_eq(config->worker.slots, 2);
	setenv("CODEWORKER_WORKER_SLOTS", "3", 1);
	ck_assert_int_eq(load("worker: {slots: 2}\n"), 0);
	ck_assert_int_eq(config->worker.slots, 3);
	ck_assert_int_eq(load_with("worker: {slots: 2}\n", set, 2), 0);
	ck_assert_int_eq(config->worker.slots, 5);
}
END_TEST

START_TEST(the_environment_may_name_the_file)
{
	write_file("worker.window: 77\n", 18);
	setenv("CODEWORKER_CONFIG", path, 1);
	ck_assert_int_eq(load(NULL), 0);
	ck_assert_int_eq(config->worker.window, 77);
}
END_TEST

START_TEST(kafka_properties_nest_or_not)
{
	ck_assert_int_eq(load("kafka:\n  bootstrap.servers: a:1\n  sasl:\n    username: me\n"
		"    oauthbearer: {client: {id: x}}\n  group: {id: [g, h]}\n"), 0);
	ck_assert_str_eq(config_kafka(config, "bootstrap.servers"), "a:1");
	ck_assert_str_eq(config_kafka(config, "metadata.broker.list"), "a:1");
	ck_assert_str_eq(config_kafka(config, "sasl.username"), "me");
	ck_assert_str_eq(config_kafka(config, "sasl.oauthbearer.client.id"), "x");
	ck_assert_str_eq(config_kafka(config, "group.id"), "g,h");
	check_refused(load("kafka:\n  group.id: a\n  group: {id: b}\n"),
		":3: kafka.group.id is given twice");
}
END_TEST

START_TEST(kafka_properties_come_from_the_environment)
{
	setenv("CODEWORKER_KAFKA_BOOTSTRAP_SERVERS", "b:2,c:3", 1);
	setenv("CODEWORKER_KAFKA_SASL_PASSWORD", "p=q", 1);
	ck_assert_int_eq(load(NULL), 0);
	ck_assert_str_eq(config_kafka(config, "bootstrap.servers"), "b:2,c:3");
	ck_assert_str_eq(config_kafka(config, "sasl.password"), "p=q");
}
END_TEST

START_TEST(many_kafka_properties_are_kept)
{
	char settings[100][40];
	const char *set[100];
	for (int i = 0; i < 100; i++) {
		snprintf(settings[i], sizeof settings[i], "kafka.p%d=%d", i, i);
		set[i] = settings[i];
	}
	ck_assert_int_eq(load_with(NULL, set, 100), 0);
	ck_assert_str_eq(config_kafka(config, "p0"), "0");
	ck_assert_str_eq(config_kafka(config, "p99"), "99");
	ck_assert_str_eq(config_kafka(config, "group.id"), "codeworker");
}
END_TEST

START_TEST(properties_that_carry_a_promise_are_refused)
{
	static const char *const names[] = {"enable.auto.commit", "enable.auto.offset.store",
		"enable.idempotence", "isolation.level", "transactional.id", "group.instance.id",
		"partition.assignment.strategy", "partitioner", "acks", "request.required.acks",
		"max.in.flight", "max.in.flight.requests.per.connection", "auto.commit.enable"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char setting[100];
		snprintf(setting, sizeof setting, "kafka.%s=x", names[i]);
		check_refused(load_set(setting), "can't be set: ");
	}
	check_refused(load("kafka:\n  enable:\n    idempotence: false\n"), ":3: kafka.enable.");
	setenv("CODEWORKER_KAFKA_ACKS", "1", 1);
	check_refused(load(NULL), "environment CODEWORKER_KAFKA_ACKS: kafka.acks can't be set");
}
END_TEST

START_TEST(a_wrong_name_leads_to_line_and_right_name)
{
	char expected[200];
	int answer = load("# comment\nworker:\n  slots: 2\n  slot: 2\n");
	snprintf(expected, sizeof expected, "%s:4: worker.slot is no option; did you mean "
		"worker.slots?", path);
	check_refused(answer, expected);
	check_refused(load("wroker:\n  slots: 2\n"), ":2: wroker.slots is no option; did you mean "
		"worker.slots?");
	check_refused(load("slots: 2\n"), "did you mean worker.slots?");
	check_refused(load("workre:\n"), ":1: workre is no option; did you mean worker?");
	check_refused(load("worker:\n  slot:\n"), ":2: worker.slot is no option");
	check_refused(load("worker: 3\n"), "worker is a section");
	check_refused(load_set("worker.slot=1"), "--set: worker.slot is no option; did you mean "
		"worker.slots?");
	check_refused(load_set("nonsense"), "takes section.option=value");
	check_refused(load_set("kafka.=x"), "is no name of a librdkafka property");
}
END_TEST

START_TEST(a_wrong_value_leads_to_the_line)
{
	check_refused(load("worker:\n  slots: many\n"), ":2: worker.slots takes a whole number");
	check_refused(load("worker:\n  slots: [1, 2]\n"), "takes one value, not a list");
	check_refused(load("policy:\n  max_timeout: 1 hour\n"), "takes a duration such as");
	check_refused(load("http: {listen: nowhere}\n"), ":1: http.listen takes HOST:PORT");
	check_refused(load("topics:\n  results: code.requests\n"),
		":2: topics.requests and topics.results are both 'code.requests'");
	check_refused(load("worker: {slots: 1}\ntopics: {requests: code.results}\n"),
		":2: topics.requests and topics.results are both 'code.results'");
}
END_TEST

START_TEST(wrong_environment_variables_are_named)
{
	setenv("CODEWORKER_WORKER_SLOT", "2", 1);
	check_refused(load(NULL), "environment CODEWORKER_WORKER_SLOT: is no option; did you mean "
		"CODEWORKER_WORKER_SLOTS?");
	clearenv();
	setenv("CODEWORKER_FROBNICATE", "2", 1);
	check_refused(load(NULL), "environment CODEWORKER_FROBNICATE");
	clearenv();
	setenv("CODEWORKER_LOG_LEVEL", "loud", 1);
	check_refused(load(NULL), "environment CODEWORKER_LOG_LEVEL: log.level takes one of");
}
END_TEST

START_TEST(variables_of_kubernetes_services_are_left_alone)
{
	setenv("CODEWORKER_SERVICE_HOST", "10.0.0.1", 1);
	setenv("CODEWORKER_SERVICE_PORT", "80", 1);
	setenv("CODEWORKER_SERVICE_PORT_HTTP", "80", 1);
	setenv("CODEWORKER_PORT", "tcp://10.0.0.1:80", 1);
	setenv("CODEWORKER_PORT_80_TCP", "tcp://10.0.0.1:80", 1);
	setenv("CODEWORKER_PORT_80_TCP_ADDR", "10.0.0.1", 1);
	setenv("CODEWORKER_METRICS_PORT_80_TCP_PROTO", "tcp", 1);
	ck_assert_msg(load(NULL) == 0, "%s", err.text);
	setenv("CODEWORKER_PORT", "80", 1);
	check_refused(load(NULL), "CODEWORKER_PORT");
}
END_TEST

START_TEST(an_empty_name_keeps_its_default)
{
	ck_assert_int_eq(load("worker:\n  slots:\nkafka:\nrules:\nruntimes: ~\nlog: {level: null}\n"),
		0);
	ck_assert_str_eq(config->log.level, "info");
	ck_assert_int_eq(load(""), 0);
	ck_assert_int_eq(load("# only a comment\n"), 0);
	ck_assert_int_eq(load("worker:\n  id: \"\"\n"), 0);
	ck_assert_ptr_null(config->worker.id);
}
END_TEST

START_TEST(runtimes_are_added_changed_and_taken_away)
{
	ck_assert_msg(load("runtimes:\n  ruby:\n    argv: [/usr/bin/ruby, \"{file}\", \"a,b\"]\n"
		"    extension: .rb\n  python.argv: [/opt/py/bin/python]\n  javascript: {argv: []}\n")
		== 0, "%s", err.text);
	ck_assert_uint_eq(config->runtime_count, 3);
	ck_assert_str_eq(config->runtimes[1].name, "python");
	ck_assert_str_eq(config->runtimes[1].argv.items[0], "/opt/py/bin/python");
	ck_assert_str_eq(config->runtimes[1].extension, ".py");
	ck_assert_str_eq(config->runtimes[2].name, "ruby");
	ck_assert_str_eq(config->runtimes[2].kind, "exec");
	ck_assert_str_eq(config->runtimes[2].argv.items[2], "a,b");
	setenv("CODEWORKER_RUNTIMES_RUBY_ARGV", "sh, -x, {file}", 1);
	ck_assert_int_eq(load(NULL), 0);
	ck_assert_str_eq(config->runtimes[3].argv.items[0], "/usr/bin/sh");
	ck_assert_str_eq(config->runtimes[3].argv.items[2], "{file}");
}
END_TEST

START_TEST(wrong_runtimes_are_refused)
{
	check_refused(load("runtimes:\n  ruby:\n    argv: [ruby]\n"), ":3: runtimes.ruby.argv needs");
	check_refused(load("runtimes:\n  ruby:\n    arg: [ruby]\n"), "did you mean argv?");
	check_refused(load("runtimes:\n  ruby: [ruby]\n"), "takes the fields argv|extension|kind");
	check_refused(load("runtimes:\n  r:\n    argv: [./ruby, '{file}']\n"), "relative path");
	check_refused(load("runtimes:\n  r:\n    extension: rb\n"), "takes an extension");
	check_refused(load("runtimes:\n  r:\n    extension: ./x\n"), "takes an extension");
	check_refused(load("runtimes:\n  \"r\\ts\": {argv: [a]}\n"), "has a name");
}
END_TEST

START_TEST(rules_have_fields)
{
	ck_assert_msg(load("rules:\n  mine:\n    pattern: 'a.*b'\n    risk: medium\n"
		"    script_type: shell\n  dangerous.rm -rf.enabled: false\n  network.curl:\n"
		"    enabled: no\n") == 0, "%s", err.text);
	ck_assert_uint_eq(config->rule_count, 3);
	ck_assert_str_eq(config->rules[0].name, "mine");
	ck_assert_str_eq(config->rules[0].pattern, "a.*b");
	ck_assert(config->rules[0].enabled);
	ck_assert_str_eq(config->rules[1].name, "dangerous.rm -rf");
	ck_assert(!config->rules[1].enabled);
	ck_assert_str_eq(config->rules[2].name, "network.curl");
	check_refused(load("rules:\n  mine:\n    risk: extreme\n"), "takes one of low|medium|high");
	setenv("CODEWORKER_RULES_MY_RULE_SCRIPT_TYPE", "python", 1);
	ck_assert_int_eq(load(NULL), 0);
	ck_assert_str_eq(config->rules[0].name, "my_rule");
	ck_assert_str_eq(config->rules[0].script_type, "python");
}
END_TEST

static void check_terms(const char *tenant, int weight, int64_t cpu_ms_per_minute)
{
	int got_weight;
	int64_t got_cpu_ms;
	config_tenant_terms(config, tenant, &got_weight, &got_cpu_ms);
	ck_assert_msg(got_weight == weight && got_cpu_ms == cpu_ms_per_minute, "%s: %d, %lld", tenant,
		got_weight, (long long)got_cpu_ms);
}

START_TEST(tenants_have_terms_of_their_own_or_everybodys)
{
	ck_assert_int_eq(load(NULL), 0);
	check_terms("", 1, 0);
	check_terms("any", 1, 0);
	ck_assert_int_eq(load("fairness:\n  default_weight: 2\n  cpu_per_minute: 30s\n"
		"  weights:\n    zed: 3\n    a.b: 5\n    quoted name: 7\n"
		"  cpu_per_minute_of: {a.b: 2m, free: 0}\n"), 0);
	check_terms("zed", 3, 30000);
	check_terms("a.b", 5, 120000);
	check_terms("quoted name", 7, 30000);
	check_terms("free", 2, 0);
	check_terms("", 2, 30000);
	check_terms("Zed", 2, 30000);
	ck_assert_int_eq(load("fairness:\n  weights:\n  cpu_per_minute_of: {}\n"), 0);
	ck_assert_int_eq(load_set("fairness.weights.me=4"), 0);
	check_terms("me", 4, 0);
}
END_TEST

START_TEST(many_tenants_are_kept)
{
	static char many[120000];
	size_t used = (size_t)sprintf(many, "fairness:\n  weights:\n");
	for (int i = 0; i < 3000; i++)
		used += (size_t)sprintf(many + used, "    tenant-%d: %d\n", i, 1 + i % 1000);
	ck_assert_int_eq(load(many), 0);
	for (int i = 0; i < 3000; i++) {
		char name[24];
		sprintf(name, "tenant-%d", i);
		check_terms(name, 1 + i % 1000, 0);
	}
}
END_TEST

START_TEST(wrong_terms_of_tenants_are_refused)
{
	check_refused(load("fairness:\n  weights:\n    a: 0\n"), ":3: fairness.weights.a");
	check_refused(load_set("fairness.weights.a=1001"), "1000");
	check_refused(load_set("fairness.weights.=1"), "tenant's name");
	check_refused(load_set("fairness.cpu_per_minute_of.a=-1"), "fairness.cpu_per_minute_of.a");
	check_refused(load_set("fairness.cpu_per_minute_of.a=2h"), "fairness.cpu_per_minute_of.a");
	check_refused(load("fairness: {weight: 1}\n"), "fairness.weight");
}
END_TEST

static void check_topic(size_t index, const char *name, int weight)
{
	ck_assert_str_eq(config_request_topic(config, index), name);
	ck_assert_int_eq(config_request_weight(config, index), weight);
}

START_TEST(further_topics_of_requests_have_weights)
{
	ck_assert_int_eq(load(NULL), 0);
	ck_assert_uint_eq(config_request_topics(config), 1);
	check_topic(0, "code.requests", 1);
	ck_assert_int_eq(load("topics:\n  priorities:\n    code.requests.urgent: 8\n    batch: 2\n"), 0);
	ck_assert_uint_eq(config_request_topics(config), 3);
	check_topic(0, "code.requests", 1);
	check_topic(1, "batch", 2);
	check_topic(2, "code.requests.urgent", 8);
	ck_assert_int_eq(load("topics:\n  priorities: {code.requests: 3, x: 4}\n"), 0);
	ck_assert_uint_eq(config_request_topics(config), 2);
	check_topic(0, "code.requests", 3);
	check_topic(1, "x", 4);
	ck_assert_int_eq(load("topics:\n  priorities:\n"), 0);
	ck_assert_uint_eq(config_request_topics(config), 1);
	const char *set[] = {"topics.priorities.x=5", "topics.priorities.x=6", "topics.requests=x"};
	ck_assert_int_eq(load_with("topics:\n  priorities: {x: 4, code.requests: 9}\n", set, 2), 0);
	check_topic(0, "code.requests", 9);
	check_topic(1, "x", 6);
	ck_assert_int_eq(load_with(NULL, set, 3), 0);
	ck_assert_uint_eq(config_request_topics(config), 1);
	check_topic(0, "x", 6);
}
END_TEST

START_TEST(wrong_priorities_are_refused)
{
	char many[1000];
	size_t used = (size_t)sprintf(many, "topics:\n  priorities:\n");
	for (int i = 0; i < 17; i++) {
		used += (size_t)sprintf(many + used, "    t%d: 1\n", i);
		if (i == 14)
			ck_assert_int_eq(load(many), 0);
		if (i == 15)
			check_refused(load(many), "one too many");
	}
	check_refused(load(many), ":19: topics.priorities.t16 is one topic too many");
	check_refused(load("topics:\n  priorities:\n    a: 0\n"), ":3: topics.priorities.a");
	check_refused(load_set("topics.priorities.a=1001"), "1000");
	check_refused(load_set("topics.priorities.a="), "topics.priorities.a");
	check_refused(load_set("topics.priorities.=1"), "a topic's name");
	check_refused(load_set("topics.priorities.a b=1"), "a topic's name");
	check_refused(load_set("topics.priorities.code.state=2"),
		"--set: topics.priorities names 'code.state', which is topics.state");
	setenv("CODEWORKER_TOPICS_PRIORITIES_URGENT", "2", 1);
	check_refused(load(NULL), "CODEWORKER_TOPICS_PRIORITIES_URGENT: is no option");
	unsetenv("CODEWORKER_TOPICS_PRIORITIES_URGENT");
}
END_TEST

START_TEST(what_is_printed_can_be_read_back)
{
	const char *set[] = {"topics.priorities.code.requests=2", "topics.priorities.code.urgent=7",
		"worker.id=a: b", "sandbox.require=landlock,cgroup", "log.level=debug",
		"rules.x.pattern=a\"b\\c#", "runtimes.ruby.argv=ruby,{file}", "kafka.client.id=a b",
		"fairness.weights.a: #b=3", "fairness.cpu_per_minute_of.c=90s"};
	ck_assert_int_eq(load_with(NULL, set, sizeof set / sizeof *set), 0);
	char *first = printed();
	ck_assert_msg(load(first) == 0, "%s", err.text);
	ck_assert_str_eq(config->worker.id, "a: b");
	ck_assert_str_eq(config->rules[0].pattern, "a\"b\\c#");
	ck_assert_str_eq(config_kafka(config, "client.id"), "a b");
	ck_assert_uint_eq(config->sandbox.require.count, 2);
	ck_assert_str_eq(config->log.level, "debug");
	check_terms("a: #b", 3, 0);
	check_terms("c", 1, 90000);
	check_topic(0, "code.requests", 2);
	check_topic(1, "code.urgent", 7);
	free(first);
}
END_TEST

START_TEST(print_tells_the_origin_and_masks_secrets)
{
	const char *set[] = {"kafka.sasl.password=hunter2", "kafka.ssl.key.pem=hunter2",
		"kafka.sasl.oauthbearer.client.secret=hunter2", "kafka.ssl.key.password=hunter2",
		"registry.url=http://me:hunter2@host/x"};
	setenv("CODEWORKER_WORKER_QUEUE", "9", 1);
	ck_assert_int_eq(load_with("worker:\n  window: 8\n", set, sizeof set / sizeof *set), 0);
	char *text = printed(), expected[120];
	ck_assert_ptr_null(strstr(text, "hunter2"));
	ck_assert_ptr_nonnull(strstr(text, "kafka.sasl.password: \"********\"  # --set\n"));
	ck_assert_ptr_nonnull(strstr(text, "http://********@host/x"));
	ck_assert_ptr_nonnull(strstr(text, "worker.queue: 9  # environment "
		"CODEWORKER_WORKER_QUEUE\n"));
	snprintf(expected, sizeof expected, "worker.window: 8  # %s:2\n", path);
	ck_assert_ptr_nonnull(strstr(text, expected));
	ck_assert_ptr_nonnull(strstr(text, "worker.crash_limit: 3  # default\n"));
	free(text);
}
END_TEST

/* ---- hostile files */
START_TEST(deep_nesting_is_refused)
{
	char *yaml = malloc(100001);
	memset(yaml, '[', 100000);
	yaml[100000] = '\0';
	check_refused(load(yaml), "is to hold sections");
	memset(yaml, '{', 100000);
	check_refused(load(yaml), ":1: ");
	yaml[0] = '\0';
	for (int i = 0; i < 1000; i++)
		strcat(yaml, "{a: ");
	check_refused(load(yaml), "nested too deeply");
	strcpy(yaml, "sandbox: {require: [[[[[[");
	check_refused(load(yaml), "a list takes plain values only");
	free(yaml);
}
END_TEST

START_TEST(aliases_are_refused_before_they_grow)
{
	check_refused(load("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"), ":1: anchors and "
		"aliases");
	check_refused(load("worker:\n  id: *other\n"), ":2: anchors and aliases");
	check_refused(load("worker: &w\n  slots: 2\n"), "anchors and aliases");
	check_refused(load("worker:\n  <<: {slots: 2}\n"), "merge keys");
	check_refused(load("worker:\n  slots: !!int 2\n"), "tags (!)");
	check_refused(load("worker: !x {slots: 2}\n"), "tags (!)");
	check_refused(load("worker: {slots: 2}\n---\nworker: {slots: 3}\n"), "a second document");
}
END_TEST

START_TEST(names_given_twice_are_refused)
{
	check_refused(load("worker:\n  slots: 1\n  slots: 2\n"), ":3: worker.slots is given twice");
	check_refused(load("worker: {slots: 1}\nworker: {window: 2}\n"), "worker is given twice");
	check_refused(load("worker: {slots: 1}\nworker.slots: 2\n"), "worker.slots is given twice");
}
END_TEST

START_TEST(bytes_that_are_no_text_are_refused)
{
	static const char nul[] = "worker:\n  id: \"a\\0b\"\n";
	const struct config_overrides overrides = {path, NULL, 0};
	check_refused(load(nul), ":2: a value holds a NUL byte");
	write_file("\x7f" "ELF\x02\x01\0\0\0", 9);
	check_refused(config_load(&overrides, &config, &err), "no text in UTF-8");
	write_file("worker: {id: \xff\xfe}\n", 17);
	check_refused(config_load(&overrides, &config, &err), "no text in UTF-8");
	check_refused(load("worker:\n\tslots: 2\n"), ":2: ");
	check_refused(load("worker: [\n"), ":2: ");
	check_refused(load("{worker: {slots: 1}, worker.slots: {a: b}: c}"), ":1: ");
	check_refused(load("? [a, b]\n: c\n"), "a name is a plain text");
	check_refused(load("\"\": c\n"), "an empty name");
}
END_TEST

START_TEST(huge_files_are_refused)
{
	size_t size = 300 * 1024;
	char *bytes = malloc(size);
	const struct config_overrides overrides = {path, NULL, 0};
	memset(bytes, '#', size);
	write_file(bytes, size);
	check_refused(config_load(&overrides, &config, &err), "is larger than 256 KiB");
	bytes[0] = '\0';
	for (size_t i = 0, used = 0; i < 5000; i++)
		used += (size_t)sprintf(bytes + used, "kafka.p%zu: 1\n", i);
	check_refused(load(bytes), ":510: kafka.p509 is one property too many (at most 512)");
	for (size_t i = 0, used = 0; i < 5000; i++)
		used += (size_t)sprintf(bytes + used, "kafka.p%zu:\n", i);
	check_refused(load(bytes), ":4097: more than 4096 names");
	strcpy(bytes, "sandbox: {read_only_paths: [");
	for (size_t i = 0; i < 300; i++)
		strcat(bytes, "/a, ");
	check_refused(load(bytes), "more than 256 items");
	memset(bytes, 'k', 400);
	strcpy(bytes + 400, ": 1\n");
	check_refused(load(bytes), "a name longer than");
	free(bytes);
}
END_TEST

START_TEST(files_that_can_not_be_read_are_named)
{
	const struct config_overrides missing = {"/nonexistent/codeworker.yaml", NULL, 0};
	const struct config_overrides directory = {"/tmp", NULL, 0};
	check_refused(config_load(&missing, &config, &err), "/nonexistent/codeworker.yaml");
	ck_assert_int_eq(err.code, ERR_INVALID);
	check_refused(config_load(&directory, &config, &err), "is a directory");
	const struct config_overrides endless = {"/dev/zero", NULL, 0};
	check_refused(config_load(&endless, &config, &err), "is larger than");
}
END_TEST

/* ---- what is made from the table is what is in the tree */
static char *in_tree(const char *name)
{
	char place[400], *text = NULL;
	size_t size = 0;
	const char *slash = strrchr(__FILE__, '/');
	snprintf(place, sizeof place, "%.*s/../../%s", (int)(slash - __FILE__), __FILE__, name);
	FILE *file = fopen(place, "r");
	ck_assert_msg(file != NULL, "%s can't be read", place);
	ck_assert_int_gt(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	return text;
}

static void check_same(const char *name, void (*print)(FILE *), const char *command)
{
	char *made = rendered(print), *kept = in_tree(name);
	ck_assert_msg(strcmp(made, kept) == 0, "%s is out of date: build/codeworker config %s > %s",
		name, command, name);
	free(made);
	free(kept);
}

START_TEST(the_documents_are_up_to_date)
{
	check_same("docs/configuration.md", config_print_markdown, "docs");
	check_same("config/codeworker.yaml", config_print_sample, "sample");
}
END_TEST

/* The sample's commented options, as "section.option: value" lines. */
static char *uncommented(char *sample)
{
	char *text = NULL, section[40] = "", name[100];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	for (char *line = strtok(sample, "\n"); line; line = strtok(NULL, "\n")) {
		char *colon = strchr(line, ':');
		if (!colon)
			continue;
		if (line[0] >= 'a' && line[0] <= 'z')
			snprintf(section, sizeof section, "%.*s", (int)(colon - line), line);
		if (strncmp(line, "  # ", 4) != 0)
			continue;
		snprintf(name, sizeof name, "%s.%.*s", section, (int)(colon - line - 4), line + 4);
		if (option_find(name))
			fprintf(out, "%s%s\n", name, colon);
	}
	fclose(out);
	return text;
}

__attribute__((noinline))
static void check_only_origin_differs(const char *before, const char *after, const char *name)
{
	char line[100];
	snprintf(line, sizeof line, "\n%s: ", name);
	before = strstr(before, line);
	after = strstr(after, line);
	ck_assert_msg(strstr(after, "  # default\n") != strstr(after, "  # "), "%s", name);
	ck_assert_msg(strncmp(before, after, strcspn(before, "#")) == 0, "%s", name);
}

START_TEST(the_sample_shows_every_option_with_its_default)
{
	char *sample = rendered(config_print_sample), *before, *after, *yaml;
	ck_assert_int_eq(load(NULL), 0);
	before = printed();
	ck_assert_msg(load(sample) == 0, "%s", err.text);
	after = printed();
	ck_assert_str_eq(before, after);
	yaml = uncommented(sample);
	ck_assert_msg(load(yaml) == 0, "%s", err.text);
	free(after);
	after = printed();
	for (size_t i = 0; i < option_row_count; i++)
		check_only_origin_differs(before, after, option_rows[i].name);
	free(yaml);
	free(before);
	free(after);
	free(sample);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tests = tcase_create("config");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, defaults_are_the_contracts);
	tcase_add_test(tests, later_sources_win);
	tcase_add_test(tests, the_environment_may_name_the_file);
	tcase_add_test(tests, kafka_properties_nest_or_not);
	tcase_add_test(tests, kafka_properties_come_from_the_environment);
	tcase_add_test(tests, many_kafka_properties_are_kept);
	tcase_add_test(tests, properties_that_carry_a_promise_are_refused);
	tcase_add_test(tests, a_wrong_name_leads_to_line_and_right_name);
	tcase_add_test(tests, a_wrong_value_leads_to_the_line);
	tcase_add_test(tests, wrong_environment_variables_are_named);
	tcase_add_test(tests, variables_of_kubernetes_services_are_left_alone);
	tcase_add_test(tests, an_empty_name_keeps_its_default);
	tcase_add_test(tests, runtimes_are_added_changed_and_taken_away);
	tcase_add_test(tests, wrong_runtimes_are_refused);
	tcase_add_test(tests, rules_have_fields);
	tcase_add_test(tests, tenants_have_terms_of_their_own_or_everybodys);
	tcase_add_test(tests, many_tenants_are_kept);
	tcase_add_test(tests, wrong_terms_of_tenants_are_refused);
	tcase_add_test(tests, further_topics_of_requests_have_weights);
	tcase_add_test(tests, wrong_priorities_are_refused);
	tcase_add_test(tests, what_is_printed_can_be_read_back);
	tcase_add_test(tests, print_tells_the_origin_and_masks_secrets);
	tcase_add_test(tests, deep_nesting_is_refused);
	tcase_add_test(tests, aliases_are_refused_before_they_grow);
	tcase_add_test(tests, names_given_twice_are_refused);
	tcase_add_test(tests, bytes_that_are_no_text_are_refused);
	tcase_add_test(tests, huge_files_are_refused);
	tcase_add_test(tests, files_that_can_not_be_read_are_named);
	tcase_add_test(tests, the_documents_are_up_to_date);
	tcase_add_test(tests, the_sample_shows_every_option_with_its_default);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
