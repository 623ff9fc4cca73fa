/* main.c: one program, several commands. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/command.h"
#include "commands/command_common.h"
#include "config/nearest.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"run", command_run, "consume requests, run them in sandboxes, publish results"},
	{"exec", command_exec, "run one job here, without Kafka"},
	{"submit", command_submit, "publish a request, and wait for its result if asked to"},
	{"tail", command_tail, "show results and error events"},
	{"cancel", command_cancel, "stop jobs of a thread, or one execution, for good"},
	{"replay", command_replay, "put jobs back, or run them here and compare"},
	{"topics", command_topics, "make the topics, or check them"},
	{"config", command_config, "check or print the configuration"},
	{"doctor", command_doctor, "what isolation this machine gives, and what is missing"},
	{"bench", command_bench, "measure jobs beside the same programs bare"},
	{"demo", command_demo, "a broker, a worker and sample requests, all by itself"},
};
static const size_t command_count = sizeof commands / sizeof *commands;

static void print_help(FILE *out)
{
	fputs("codeworker runs untrusted code jobs from Kafka in kernel sandboxes.\n\n"
		"usage: codeworker COMMAND [OPTIONS]\n\n", out);
	for (size_t i = 0; i < command_count; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("\ncodeworker COMMAND --help tells more about each; codeworker --version.\n"
		"All options of the configuration: docs/configuration.md, or codeworker config docs.\n",
		out);
}

static int unknown(const char *name)
{
	char hint[80];
	struct nearest nearest = nearest_to(name);
	for (size_t i = 0; i < command_count; i++)
		nearest_offer(&nearest, commands[i].name);
	fprintf(stderr, "codeworker: no command '%s'%s\n", name,
		nearest_hint(&nearest, hint, sizeof hint));
	if (!nearest.best)
		print_help(stderr);
	return COMMAND_USAGE;
}

static int dispatch(int argc, char **argv)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, argv[0]) == 0)
			return commands[i].run(argc, argv);
	return unknown(argv[0]);
}

/* What a command has printed is worth nothing if it did not arrive. */
static int closed(int answer)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return answer;
	perror("codeworker: standard output");
	return answer ? answer : 1;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_help(stderr);
		return COMMAND_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return closed(0);
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("codeworker " CODEWORKER_VERSION);
		return closed(0);
	}
	return closed(dispatch(argc - 1, argv + 1));
}
