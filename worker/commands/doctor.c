/* doctor.c: `codeworker doctor`: what isolation this machine gives, and what is missing. */
#include "command.h"

#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "command_common.h"
#include "../doctor/doctor.h"

static void print_usage(FILE *out)
{
	fputs("codeworker doctor [--json] [--attack]\n\n"
		"Tries what isolation this machine gives, and says what each missing part would take.\n"
		"Exits with 1 when the configured floor can't be had, or an attack got through.\n\n"
		"  --json      the findings as one JSON value\n"
		"  --attack    runs the shipped attack programs, and says what held each of them\n",
		out);
}

static void show_progress(size_t done, size_t count)
{
	fprintf(stderr, "\r%zu of %zu attacks ", done, count);
}

static void clear_progress(void)
{
	fputs("\r\033[K", stderr);
}

static int report(const struct doctor *doctor, const struct doctor_attacks *attacks, bool json)
{
	if (!json) {
		doctor_print_text(doctor, attacks, stdout);
	} else if (doctor_print_json(doctor, attacks, stdout) != 0) {
		const struct err err = {.code = ERR_MEMORY, .text = "no memory for the report"};
		return command_failed(&err);
	}
	return doctor_is_content(doctor) && (!attacks || !attacks->outcomes[ATTACK_GOT_THROUGH]) ?
		0 : 1;
}

static int examine(const struct config *config, bool json, bool attack)
{
	struct doctor doctor;
	struct doctor_attacks attacks = {0};
	struct err err = {0};
	bool shown = isatty(STDERR_FILENO);
	int answer = doctor_examine(config, &doctor, &err);
	if (answer == 0 && attack) {
		answer = doctor_attack(&doctor, &attacks, shown ? show_progress : NULL, &err);
		if (shown)
			clear_progress();
	}
	answer = answer == 0 ? report(&doctor, attack ? &attacks : NULL, json) :
		command_failed(&err);
	free(attacks.list);
	return answer;
}

int command_doctor(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"attack", no_argument, NULL, 'a'}, COMMAND_COMMON_OPTIONS, {0}};
	struct command_common common = {.usage = print_usage};
	struct config *config = NULL;
	struct err err = {0};
	bool json = false, attack = false;
	int option, answer = -1;
	while (answer < 0 && (option = getopt_long(argc, argv, COMMAND_COMMON_LETTERS, options,
		NULL)) != -1) {
		enum command_taken taken = command_common_take(&common, option, optarg);
		json = json || (taken == COMMAND_NOT_COMMON && option == 'j');
		attack = attack || (taken == COMMAND_NOT_COMMON && option == 'a');
		answer = taken == COMMAND_DONE ? 0 : taken == COMMAND_WRONG ? COMMAND_USAGE : -1;
	}
	if (answer < 0 && optind < argc)
		answer = command_wrong("doctor", "unexpected '%s'", argv[optind]);
	if (answer < 0)
		answer = command_common_config(&common, &config, &err) == 0 ?
			examine(config, json, attack) : command_failed(&err);
	config_free(config);
	command_common_free(&common);
	return answer;
}
