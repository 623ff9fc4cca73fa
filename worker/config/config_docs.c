/* config_docs.c: the table of options as --help, docs/configuration.md and codeworker.yaml. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "config_parts.h"
#include "../validator/rules.h"

void config_print_options(FILE *out)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		fprintf(out, "  %s = %s\n        %s\n        (", row->name,
			row->standard[0] ? row->standard : "(empty)", row->help);
		option_print_domain(row, out);
		fputs(")\n", out);
	}
}

/* Whether the row belongs to the section. */
static bool is_in(const struct option_row *row, const struct option_section *section)
{
	size_t length = strlen(section->name);
	return strncmp(row->name, section->name, length) == 0 && row->name[length] == '.';
}

/* ---- docs/configuration.md */
static const char introduction[] =
	"<!-- made by `codeworker config docs`; edit the table in worker/config/options.c instead -->\n\n"
	"# Configuration\n\n"
	"One YAML file, given by `--config FILE` or `CODEWORKER_CONFIG`; without one the defaults hold.\n"
	"[config/codeworker.yaml](../config/codeworker.yaml) is a copy with every option and its default,\n"
	"commented out. What stands later wins:\n\n"
	"1. the default,\n"
	"2. the file: `worker: {slots: 4}`, or `worker.slots: 4`,\n"
	"3. the environment: `CODEWORKER_WORKER_SLOTS=4`,\n"
	"4. the command line: `--set worker.slots=4`; for librdkafka's properties also `-X group.id=g`,\n"
	"   and `-b` for the brokers.\n\n"
	"`codeworker config print` shows what is in effect and where each value comes from, secrets\n"
	"masked; `codeworker config check` only tells whether it is right. A wrong name or value stops\n"
	"every command with the file, the line, and the nearest right name. A name left empty in the\n"
	"file keeps its default. YAML's anchors, aliases, tags and merge keys are refused, and so is a\n"
	"name given twice.\n\n"
	"Durations: `500ms`, `30s`, `10m`, `1h`, `7d`; a plain number is milliseconds. Sizes: `64K`,\n"
	"`256M`, `1G` (powers of 1024); a plain number is bytes. Lists: `[a, b]` in the file, `a,b`\n"
	"in the environment and on the command line.\n\n"
	"Variables that Kubernetes sets for a service named codeworker (`CODEWORKER_SERVICE_HOST`,\n"
	"`CODEWORKER_PORT`, …) are no options and are left alone.\n";

static const char kafka_text[] =
	"`kafka.<name>` is librdkafka's property of that name, for consumers and producers alike where it\n"
	"applies; `kafka: {bootstrap.servers: …}` and `kafka: {bootstrap: {servers: …}}` mean the same.\n"
	"In the environment underscores stand for dots: `CODEWORKER_KAFKA_SASL_PASSWORD`. librdkafka\n"
	"checks names and values at start.\n\n"
	"| property | default |\n|---|---|\n"
	"| `kafka.bootstrap.servers` | `localhost:9092` |\n"
	"| `kafka.group.id` | `codeworker` |\n"
	"| `kafka.auto.offset.reset` | `earliest` |\n\n"
	"Properties that carry one of the worker's promises are refused:\n\n"
	"| refused | because |\n|---|---|\n";

static const char topics_text[] =
	"`topics.priorities.<topic>` names a further topic of requests and its weight, 1 to 1000; up to\n"
	"15 of them. While several topics have requests waiting, the slots' time is shared among topics\n"
	"as their weights are, and within a topic among its tenants. `topics.requests` may be named to\n"
	"give it a weight, which is 1 otherwise. All workers of a group need the same topics here, and all\n"
	"these topics the same number of partitions: [delivery.md](delivery.md#priorities). In the file or\n"
	"by `--set`, not in the environment, which has no small letters.\n\n"
	"```yaml\ntopics:\n  priorities:\n    code.requests.urgent: 8\n    code.requests: 1\n```\n\n";

static const char fairness_text[] =
	"`fairness.weights.<tenant>` and `fairness.cpu_per_minute_of.<tenant>` stand for one tenant in\n"
	"the place of the options below; in the file or by `--set`, not in the environment, which has no\n"
	"small letters.\n\n"
	"```yaml\nfairness:\n  weights:\n    tenant-a: 3\n  cpu_per_minute: 30s\n"
	"  cpu_per_minute_of:\n    tenant-a: 2m\n```\n\n";

static const char runtimes_text[] =
	"`runtimes.<script type>.<field>`. Those built in can be changed, and taken away by an empty\n"
	"`argv`.\n\n"
	"| field | meaning |\n|---|---|\n"
	"| `argv` | The interpreter and its arguments; `{file}` stands for the script. A name without a "
	"slash is looked for in /usr/bin, /usr/local/bin and /bin. |\n"
	"| `extension` | Of script files of this type, such as `.rb`: `exec` knows the type by it. |\n"
	"| `kind` | `exec` (default): `argv` is run as it stands. `python`, `node`: `argv` is the "
	"interpreter alone, and `main` is called. |\n\n"
	"Built in:\n\n"
	"| type | argv | extension | kind |\n|---|---|---|---|\n"
	"| `shell` | `[/bin/sh, \"{file}\"]` | `.sh` | `exec` |\n"
	"| `python` | `[/usr/bin/python3]` | `.py` | `python` |\n"
	"| `javascript` | `[node]` | `.js` | `node` |\n\n"
	"```yaml\nruntimes:\n  ruby:\n    argv: [ruby, --disable=gems, \"{file}\"]\n"
	"    extension: .rb\n```\n";

static const char rules_text[] =
	"`rules.<name>.<field>`. The name of a built-in rule changes that rule; a new name adds one.\n"
	"Rules are advice against accidents: the sandbox is the wall.\n\n"
	"| field | meaning |\n|---|---|\n"
	"| `enabled` | `false` switches the rule off. |\n"
	"| `kind` | What `pattern` is: `pattern` (default) a regular expression (PCRE2) over the code; "
	"`command` a command and its first words; `call` a dotted name; `extension` of the script's "
	"name; `length` a number of characters; `path` takes none. |\n"
	"| `risk` | `low`, `medium` or `high`: the lowest level at which it holds. |\n"
	"| `script_type` | It holds for this script type only; empty: for all. |\n"
	"| `pattern` | See `kind`. |\n"
	"| `message` | What the refused request is told. |\n\n"
	"Built in. A rule holds from its level up to medium; at high only `length.high` does:\n\n"
	"| rule | risk | script type | pattern |\n|---|---|---|---|\n";

static void markdown_rules(FILE *out)
{
	for (size_t i = 0; i < rules_builtin_count; i++) {
		const struct rule *rule = &rules_builtin[i];
		fprintf(out, "| `%s` | %s | %s | %s%s%s |\n", rule->name, risk_name(rule->from),
			rule->script_type ? rule->script_type : "all", rule->pattern ? "`" : "",
			rule->pattern ? rule->pattern : "", rule->pattern ? "`" : "");
	}
}

static void markdown_row(const struct option_row *row, FILE *out)
{
	fprintf(out, "| `%s` | ", row->name);
	if (row->standard[0])
		fprintf(out, "`%s`", row->standard);
	else
		fputs("empty", out);
	fputs(" | ", out);
	option_print_domain(row, out);
	fprintf(out, " | %s |\n", row->help);
}

static void markdown_section(const struct option_section *section, FILE *out)
{
	bool first = true;
	fprintf(out, "\n## %s\n\n%s\n\n", section->name, section->help);
	if (strcmp(section->name, "topics") == 0)
		fputs(topics_text, out);
	if (strcmp(section->name, "fairness") == 0)
		fputs(fairness_text, out);
	if (strcmp(section->name, "runtimes") == 0)
		fputs(runtimes_text, out);
	if (strcmp(section->name, "rules") == 0) {
		fputs(rules_text, out);
		markdown_rules(out);
	}
	if (strcmp(section->name, "kafka") == 0) {
		fputs(kafka_text, out);
		for (size_t i = 0; i < config_refusal_count; i++)
			fprintf(out, "| `kafka.%s` | %s |\n", config_refusals[i].name,
				config_refusals[i].reason);
	}
	for (size_t i = 0; i < option_row_count; i++) {
		if (!is_in(&option_rows[i], section))
			continue;
		if (first)
			fputs("| option | default | takes | meaning |\n|---|---|---|---|\n", out);
		first = false;
		markdown_row(&option_rows[i], out);
	}
}

void config_print_markdown(FILE *out)
{
	fputs(introduction, out);
	for (size_t i = 0; i < option_section_count; i++)
		markdown_section(&option_sections[i], out);
}

/* ---- config/codeworker.yaml */
static const char sample_introduction[] =
	"# codeworker.yaml: every option with its default, commented out. docs/configuration.md says\n"
	"# more. Made by `codeworker config sample`.\n\n";

static const char sample_kafka[] =
	"  # bootstrap.servers: localhost:9092\n"
	"  # group.id: codeworker\n"
	"  # auto.offset.reset: earliest\n"
	"  # security.protocol: sasl_ssl\n"
	"  # sasl.mechanism: PLAIN\n"
	"  # sasl.username: codeworker\n"
	"  # (the password is better given as CODEWORKER_KAFKA_SASL_PASSWORD)\n\n";

static const char sample_topics[] =
	"  # further topics of requests, and their weights\n"
	"  # priorities:\n"
	"  #   code.requests.urgent: 8\n"
	"  #   code.requests: 1\n\n";

static const char sample_fairness[] =
	"  # weights:\n"
	"  #   tenant-a: 3\n"
	"  # cpu_per_minute_of:\n"
	"  #   tenant-a: 2m\n\n";

static const char sample_runtimes[] =
	"  # ruby:\n"
	"  #   argv: [ruby, --disable=gems, \"{file}\"]\n"
	"  #   extension: .rb\n\n";

static const char sample_rules[] =
	"  # no_fork_bomb:\n"
	"  #   risk: medium\n"
	"  #   script_type: shell\n"
	"  #   pattern: ':\\(\\)\\s*\\{'\n"
	"  #   message: a fork bomb\n"
	"  # network.curl.enabled: false\n\n";

/* Wraps text into comment lines. */
static void sample_comment(const char *indent, const char *text, FILE *out)
{
	size_t column = 0;
	while (*text) {
		size_t length = strcspn(text, " ");
		if (column + 1 + length > 90) {
			fputc('\n', out);
			column = 0;
		}
		if (column == 0) {
			fprintf(out, "%s#", indent);
			column = strlen(indent) + 1;
		}
		fprintf(out, " %.*s", (int)length, text);
		column += 1 + length;
		text += length + strspn(text + length, " ");
	}
	fputc('\n', out);
}

static void sample_row(const struct option_row *row, FILE *out)
{
	char *domain = NULL;
	size_t size;
	FILE *text = open_memstream(&domain, &size);
	if (!text)
		return;
	fprintf(text, "%s (", row->help);
	option_print_domain(row, text);
	fputc(')', text);
	if (fclose(text) == 0)
		sample_comment("  ", domain, out);
	free(domain);
	fprintf(out, "  # %s: ", strchr(row->name, '.') + 1);
	if (row->type == VALUE_LIST || row->type == VALUE_PATHS)
		fprintf(out, "[%s]", row->standard);
	else
		option_print_scalar(row->standard, out);
	fputs("\n\n", out);
}

static void sample_section(const struct option_section *section, FILE *out)
{
	sample_comment("", section->help, out);
	fprintf(out, "%s:\n", section->name);
	if (strcmp(section->name, "kafka") == 0)
		fputs(sample_kafka, out);
	if (strcmp(section->name, "topics") == 0)
		fputs(sample_topics, out);
	if (strcmp(section->name, "fairness") == 0)
		fputs(sample_fairness, out);
	if (strcmp(section->name, "runtimes") == 0)
		fputs(sample_runtimes, out);
	if (strcmp(section->name, "rules") == 0)
		fputs(sample_rules, out);
	for (size_t i = 0; i < option_row_count; i++)
		if (is_in(&option_rows[i], section))
			sample_row(&option_rows[i], out);
}

void config_print_sample(FILE *out)
{
	fputs(sample_introduction, out);
	for (size_t i = 0; i < option_section_count; i++)
		sample_section(&option_sections[i], out);
}
