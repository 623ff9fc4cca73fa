/* doctor_print.c: the findings for people, and for programs. */
#include "doctor.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../commands/table.h"

static void join_mechanisms(uint32_t mask, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT && used < size; m++)
		if (mask >> m & 1)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
				used ? " " : "",
				sandbox_mechanism_name((enum sandbox_mechanism)m));
}

static const char *yes_no(bool value)
{
	return value ? "yes" : "no";
}

static void print_levels(const struct doctor *doctor, FILE *out)
{
	static const struct table_column columns[] = {{"ISOLATION", 12}, {"HERE", 4},
		{"HELD BY", 0}};
	const struct table table = {out, columns, 3, table_wants_colour(out)};
	table_header(&table);
	for (int level = SANDBOX_LEVELS - 1; level >= SANDBOX_NONE; level--) {
		char text[400];
		bool here = doctor->found.available[level];
		if (here)
			join_mechanisms(doctor->found.mechanisms[level], text, sizeof text);
		else
			snprintf(text, sizeof text, "%s", doctor->found.reason[level]);
		const struct table_cell cells[] = {
			{sandbox_level_name((enum sandbox_level)level), TABLE_BOLD},
			{yes_no(here), here ? TABLE_GREEN : TABLE_RED}, {text, TABLE_PLAIN}};
		table_row(&table, cells);
	}
}

static void print_missing(const struct doctor *doctor, FILE *out)
{
	static const struct table_column columns[] = {{"MISSING", 18}, {"WHAT IT WOULD TAKE", 0}};
	const struct table table = {out, columns, 2, table_wants_colour(out)};
	bool first = true;
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++) {
		enum sandbox_mechanism mechanism = (enum sandbox_mechanism)m;
		if (doctor_has(doctor, mechanism) || !doctor_needs(doctor, mechanism))
			continue;
		if (first) {
			fputc('\n', out);
			table_header(&table);
		}
		first = false;
		const struct table_cell cells[] = {{sandbox_mechanism_name(mechanism), TABLE_YELLOW},
			{doctor_remedy(doctor, mechanism), TABLE_PLAIN}};
		table_row(&table, cells);
	}
	if (first)
		fputs("\nNo mechanism is missing.\n", out);
}

static void print_runtimes(const struct doctor *doctor, FILE *out)
{
	static const struct table_column columns[] = {{"RUNTIME", 12}, {"HERE", 4}, {"STARTS", 6},
		{"PROGRAM", 24}, {"VERSION", 0}};
	const struct table table = {out, columns, 5, table_wants_colour(out)};
	fputc('\n', out);
	table_header(&table);
	for (size_t i = 0; i < doctor->settings.runtime_count; i++) {
		const struct doctor_runtime *runtime = &doctor->runtimes[i];
		bool warm = doctor->found.runtime_warm[i];
		const char *reason = doctor->found.runtime_reason[i];
		char note[300];
		snprintf(note, sizeof note, "%s%s%s", !runtime->available ? "not installed" :
			runtime->problem[0] ? runtime->problem : runtime->version,
			reason[0] ? "; not warm: " : "", reason);
		const struct table_cell cells[] = {{doctor->settings.runtimes[i].name, TABLE_BOLD},
			{yes_no(runtime->works), runtime->works ? TABLE_GREEN : TABLE_YELLOW},
			{warm ? "warm" : "cold", warm ? TABLE_GREEN : TABLE_PLAIN},
			{doctor->settings.runtimes[i].argv[0], TABLE_PLAIN}, {note, TABLE_PLAIN}};
		table_row(&table, cells);
	}
}

static void print_verdict(const struct doctor *doctor, FILE *out)
{
	const char *floor = sandbox_level_name(doctor->floor);
	char missing[400];
	if (doctor_is_content(doctor)) {
		fprintf(out, "\nEvery job gets at least '%s' (policy.isolation_floor) here.\n",
			floor);
		return;
	}
	join_mechanisms(doctor->settings.require & ~doctor->found.mechanisms[doctor->floor],
		missing, sizeof missing);
	fprintf(out, "\nNo job runs here: policy.isolation_floor is '%s'%s%s, which this machine does "
		"not give.\n", floor, missing[0] ? ", sandbox.require asks for " : "", missing);
}

static void print_attacks(const struct doctor_attacks *attacks, FILE *out)
{
	static const struct table_column columns[] = {{"ATTACK", 26}, {"AT", 10}, {"BECAME", 15},
		{"HELD BY", 22}, {"WHAT IT TRIED, AND HOW IT ENDED", 0}};
	static const enum table_colour colours[] = {TABLE_GREEN, TABLE_RED, TABLE_YELLOW, TABLE_DIM};
	const struct table table = {out, columns, 5, table_wants_colour(out)};
	fputc('\n', out);
	table_header(&table);
	for (size_t i = 0; i < attacks->count; i++) {
		const struct doctor_attack *one = &attacks->list[i];
		enum attack_outcome outcome = one->report.outcome;
		char text[600];
		snprintf(text, sizeof text, "%s%s%s", one->attack->description,
			outcome == ATTACK_STOPPED ? "" : ": ",
			outcome == ATTACK_STOPPED ? "" : one->report.detail);
		const struct table_cell cells[] = {{one->attack->name, TABLE_PLAIN},
			{sandbox_level_name(one->level), TABLE_DIM},
			{attack_outcome_name(outcome), colours[outcome]},
			{one->attack->mechanism, TABLE_PLAIN}, {text, TABLE_PLAIN}};
		table_row(&table, cells);
	}
	fprintf(out, "\n%zu attacks: %zu stopped, %zu got through, %zu ended otherwise than declared, "
		"%zu skipped\n", attacks->count, attacks->outcomes[ATTACK_STOPPED],
		attacks->outcomes[ATTACK_GOT_THROUGH], attacks->outcomes[ATTACK_ENDED_OTHERWISE],
		attacks->outcomes[ATTACK_SKIPPED]);
}

void doctor_print_text(const struct doctor *doctor, const struct doctor_attacks *attacks, FILE *out)
{
	fprintf(out, "kernel %s, as %s\n\n", doctor->kernel, doctor->user);
	print_levels(doctor, out);
	print_missing(doctor, out);
	print_runtimes(doctor, out);
	print_verdict(doctor, out);
	if (attacks)
		print_attacks(attacks, out);
}

/* ---- JSON; a NULL on the way makes the whole NULL, which json_pack passes on */
static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string_nocheck(text) : json_null();
}

static json_t *names_json(uint32_t mask)
{
	json_t *names = json_array();
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++)
		if (mask >> m & 1)
			json_array_append_new(names, json_string(
				sandbox_mechanism_name((enum sandbox_mechanism)m)));
	return names;
}

static json_t *levels_json(const struct doctor *doctor)
{
	json_t *levels = json_object();
	for (int level = SANDBOX_NONE; level < SANDBOX_LEVELS; level++) {
		bool here = doctor->found.available[level];
		json_object_set_new(levels, sandbox_level_name((enum sandbox_level)level),
			json_pack("{s:b, s:o, s:o}", "available", here, "mechanisms",
				names_json(here ? doctor->found.mechanisms[level] : 0), "reason",
				text_or_null(here ? NULL : doctor->found.reason[level])));
	}
	return levels;
}

static json_t *mechanisms_json(const struct doctor *doctor)
{
	json_t *mechanisms = json_object();
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++) {
		enum sandbox_mechanism mechanism = (enum sandbox_mechanism)m;
		bool here = doctor_has(doctor, mechanism), needed = doctor_needs(doctor, mechanism);
		json_object_set_new(mechanisms, sandbox_mechanism_name(mechanism),
			json_pack("{s:b, s:b, s:o}", "available", here, "needed", needed, "remedy",
				text_or_null(here || !needed ? NULL :
					doctor_remedy(doctor, mechanism))));
	}
	return mechanisms;
}

/* Versions and problems come from inside the sandbox: shown as they are when they are UTF-8. */
static json_t *job_text(const char *text)
{
	json_t *json = *text ? json_string(text) : NULL;
	return json ? json : json_null();
}

static json_t *runtimes_json(const struct doctor *doctor)
{
	json_t *runtimes = json_object();
	for (size_t i = 0; i < doctor->settings.runtime_count; i++) {
		const struct doctor_runtime *runtime = &doctor->runtimes[i];
		json_object_set_new(runtimes, doctor->settings.runtimes[i].name,
			json_pack("{s:b, s:b, s:b, s:i, s:o, s:s, s:o, s:o}", "available",
				runtime->available, "works", runtime->works, "warm",
				doctor->found.runtime_warm[i], "pagesAhead",
				(int)doctor->found.runtime_pages[i], "coldReason",
				job_text(doctor->found.runtime_reason[i]), "path", doctor->settings.runtimes[i].argv[0],
				"version", job_text(runtime->version), "problem",
				job_text(runtime->problem)));
	}
	return runtimes;
}

static json_t *attacks_json(const struct doctor_attacks *attacks)
{
	json_t *list = json_array();
	for (size_t i = 0; i < attacks->count; i++) {
		const struct doctor_attack *one = &attacks->list[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "name",
			one->attack->name, "runtime", one->attack->runtime, "level",
			sandbox_level_name(one->level), "outcome",
			attack_outcome_name(one->report.outcome), "mechanism",
			one->attack->mechanism, "description", one->attack->description, "detail",
			job_text(one->report.detail)));
	}
	return list;
}

int doctor_print_json(const struct doctor *doctor, const struct doctor_attacks *attacks, FILE *out)
{
	json_t *root = json_pack("{s:o, s:o, s:o, s:{s:s, s:b}, s:s, s:s}", "levels",
		levels_json(doctor), "mechanisms", mechanisms_json(doctor), "runtimes",
		runtimes_json(doctor), "floor", "level", sandbox_level_name(doctor->floor),
		"available", doctor_is_content(doctor), "kernel", doctor->kernel, "user",
		doctor->user);
	if (root && attacks)
		json_object_set_new(root, "attacks", attacks_json(attacks));
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (!text)
		return -1;
	fprintf(out, "%s\n", text);
	free(text);
	return 0;
}
