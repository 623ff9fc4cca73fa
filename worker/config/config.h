/* config.h: the effective configuration.
 *
 * One table (options.c) describes every option; parser, help, `config print` and
 * docs/configuration.md are made from it. Order of precedence: default, file, environment
 * (CODEWORKER_SECTION_OPTION), --set section.option=value.
 */
#ifndef CODEWORKER_CONFIG_H
#define CODEWORKER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../../sandbox/err.h"

struct config_list {			/* a YAML sequence of strings */
	char **items;
	size_t count;
};

struct config_property {		/* kafka.<name> passed to librdkafka */
	char *name, *value;
	char *origin;			/* "default", "FILE:LINE", "environment NAME", "--set" */
};

struct config_runtime {			/* runtimes.<name>.{argv,extension,kind} */
	char *name;
	struct config_list argv;	/* argv[0] is an absolute path, found or not */
	char *extension;		/* ".rb"; NULL: none */
	char *kind;			/* exec, python, node */
	const char *origin;		/* of what was set last */
};

struct config_rule {			/* rules.<name>.{risk,scope,pattern,...}: see validator.h */
	char *name, *kind, *risk, *script_type, *pattern, *message; /* NULL: not given */
	bool enabled;
	const char *origin;		/* of what was set last */
	const char *pattern_origin;	/* NULL: no pattern was given */
};

struct config_tenant {			/* fairness.{weights,cpu_per_minute_of}.<name> */
	char *name;
	int weight;			/* 0: not given */
	int64_t cpu_ms_per_minute;	/* -1: not given */
	const char *weight_origin, *budget_origin;
};

#define CONFIG_REQUEST_TOPICS 16	/* at most, topics.requests among them */

struct config_priority {		/* topics.priorities.<name> */
	char *name;
	int weight;			/* 0: not given */
	const char *origin;
};

struct config {
	struct {
		struct config_property *properties;
		size_t count;
	} kafka;
	struct {
		char *requests, *results, *errors, *retries, *dead, *control, *state;
		struct config_priority *further;	/* topics of requests beside the first, by name */
		size_t further_count;
		struct config_priority first;	/* topics.requests, where that is named, too */
	} topics;
	struct {
		char *id;		/* NULL: dynamic member */
		int slots;		/* never 0: that is the number of processors */
		bool exactly_once;	/* worker.delivery */
		int crash_limit;
		int64_t dedupe_window_ms, cancel_window_ms, shutdown_grace_ms, revoke_grace_ms;
		bool leave_on_exit, wait_for_sandbox;
		bool topic_refuse;	/* worker.topic_check */
		int64_t retry_carry_ms;
		int window;		/* requests of one partition beyond the watermark */
		int queue;		/* requests in memory over all partitions */
		int64_t queue_bytes;
		int batch_records;
		int64_t batch_ms;
		char *result_encoding;	/* NULL: the request's own */
	} worker;
	struct {
		char *isolation_floor;	/* none, restricted, strict */
		int64_t max_timeout_ms, max_retries, max_retry_delay_ms, default_timeout_ms;
		int retry_growth, retry_jitter;	/* percent */
	} policy;
	struct {
		struct config_list require;
		struct config_list read_only_paths;
		int64_t cpu_ms, memory_bytes, disk_bytes, processes, output_bytes, open_files;
		int64_t uid_base;
		int pool;
		char *run_directory;
		bool cgroup;
	} sandbox;
	struct config_runtime *runtimes; /* built-in ones first, overridden by name */
	size_t runtime_count;
	struct config_rule *rules;
	size_t rule_count;
	struct {
		bool enabled;
		int64_t max_jobs;
	} zygote;
	struct {
		int default_weight;
		int64_t cpu_ms_per_minute;	/* 0: no budget */
		struct config_tenant *tenants;	/* by name */
		size_t tenant_count;
	} fairness;
	struct { struct config_list preload; } python;
	struct { int64_t bytes, min_code_bytes; } cache;
	struct { char *directory; } scripts;
	struct { char *path; } schemas;
	struct { char *url; } registry;
	struct { char *listen; } http;	/* "127.0.0.1:9464"; "" or "off": none */
	struct { char *level, *format; } log; /* debug info warn error; auto text json */
	const char **origins;		/* of each row of the table (options.h) */
	struct arena *arena;		/* what all of it lives in */
};

/* What the command line adds: "section.option=value" in order (-X a=b arrives as kafka.a=b). */
struct config_overrides {
	const char *file;		/* NULL: ./config? no: only --config or CODEWORKER_CONFIG */
	const char *const *set;
	size_t set_count;
};

/* Returns 0 and a configuration the caller frees, or -1 with err naming file, line, the option and
 * the nearest right name. */
int config_load(const struct config_overrides *overrides, struct config **config, struct err *err);
void config_free(struct config *config);

/* `config print`: "name: value  # origin" lines; secrets (*.password, *.key) are masked. */
void config_print(const struct config *config, FILE *out);
/* For --help. */
void config_print_options(FILE *out);
/* docs/configuration.md and config/codeworker.yaml (`config docs`, `config sample`). */
void config_print_markdown(FILE *out);
void config_print_sample(FILE *out);

const char *config_kafka(const struct config *config, const char *property); /* NULL: not set */

/* The topics of requests: 0 is topics.requests, then those of topics.priorities. */
size_t config_request_topics(const struct config *config);
const char *config_request_topic(const struct config *config, size_t index);
int config_request_weight(const struct config *config, size_t index);

/* What holds for that tenant ("": requests without one). cpu_ms_per_minute: 0: no budget. */
void config_tenant_terms(const struct config *config, const char *name, int *weight,
	int64_t *cpu_ms_per_minute);

/* For how long after a cancel something may come that it applies to: by execution id for worker.cancel_window,
 * and a retry that waited then as late as policy.max_retry_delay. What lies in a topic unread comes on top. */
int64_t config_cancel_reach_ms(const struct config *config);

/* Whether what is produced may be compressed. */
bool config_compresses(const struct config *config);

/* "5s", "500ms", "10m", "1h", "24h", or a plain number of milliseconds. */
int config_parse_duration(const char *text, int64_t *ms);
/* "128M", "1G", "64K", plain bytes; powers of 1024. */
int config_parse_size(const char *text, int64_t *bytes);

#endif
