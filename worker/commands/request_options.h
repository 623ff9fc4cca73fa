/* request_options.h: the options of exec and submit that make a request.
 *
 * A command puts REQUEST_OPTIONS into its getopt_long table and hands every value that getopt
 * returns in [REQUEST_OPTION_FIRST, REQUEST_OPTION_LAST] to request_options_take(); after the last
 * one request_options_finish() loads code and @files and makes the request.
 */
#ifndef CODEWORKER_REQUEST_OPTIONS_H
#define CODEWORKER_REQUEST_OPTIONS_H

#include <getopt.h>
#include <stdio.h>

#include "../config/config.h"
#include "../codec/contract.h"

enum request_option {
	REQUEST_OPTION_FIRST = 1000,
	REQUEST_OPTION_TYPE = REQUEST_OPTION_FIRST, REQUEST_OPTION_RISK, REQUEST_OPTION_TIMEOUT,
	REQUEST_OPTION_CPU, REQUEST_OPTION_MEMORY, REQUEST_OPTION_DISK, REQUEST_OPTION_PROCESSES,
	REQUEST_OPTION_OUTPUT_LIMIT, REQUEST_OPTION_INPUT, REQUEST_OPTION_CONTEXT,
	REQUEST_OPTION_ENV, REQUEST_OPTION_CODE, REQUEST_OPTION_SCRIPT, REQUEST_OPTION_RETRIES,
	REQUEST_OPTION_RETRY_DELAY, REQUEST_OPTION_DIRECTORY, REQUEST_OPTION_DEADLINE,
	REQUEST_OPTION_METADATA, REQUEST_OPTION_WORKFLOW, REQUEST_OPTION_TENANT,
	REQUEST_OPTION_JSON,
	REQUEST_OPTION_LAST = REQUEST_OPTION_JSON,
};

#define REQUEST_OPTIONS                                                                          \
	{"type", required_argument, NULL, REQUEST_OPTION_TYPE},                                  \
	{"risk", required_argument, NULL, REQUEST_OPTION_RISK},                                  \
	{"timeout", required_argument, NULL, REQUEST_OPTION_TIMEOUT},                            \
	{"cpu", required_argument, NULL, REQUEST_OPTION_CPU},                                    \
	{"memory", required_argument, NULL, REQUEST_OPTION_MEMORY},                              \
	{"disk", required_argument, NULL, REQUEST_OPTION_DISK},                                  \
	{"processes", required_argument, NULL, REQUEST_OPTION_PROCESSES},                        \
	{"output-limit", required_argument, NULL, REQUEST_OPTION_OUTPUT_LIMIT},                  \
	{"input", required_argument, NULL, REQUEST_OPTION_INPUT},                                \
	{"context", required_argument, NULL, REQUEST_OPTION_CONTEXT},                            \
	{"env", required_argument, NULL, REQUEST_OPTION_ENV},                                    \
	{"code", required_argument, NULL, REQUEST_OPTION_CODE},                                  \
	{"script", required_argument, NULL, REQUEST_OPTION_SCRIPT},                              \
	{"retries", required_argument, NULL, REQUEST_OPTION_RETRIES},                            \
	{"retry-delay", required_argument, NULL, REQUEST_OPTION_RETRY_DELAY},                    \
	{"directory", required_argument, NULL, REQUEST_OPTION_DIRECTORY},                        \
	{"deadline", required_argument, NULL, REQUEST_OPTION_DEADLINE},                          \
	{"metadata", required_argument, NULL, REQUEST_OPTION_METADATA},                          \
	{"workflow", required_argument, NULL, REQUEST_OPTION_WORKFLOW},                          \
	{"tenant", required_argument, NULL, REQUEST_OPTION_TENANT},                              \
	{"json", no_argument, NULL, REQUEST_OPTION_JSON}

struct request_options;

/* NULL when there is no memory. */
struct request_options *request_options_new(void);
void request_options_free(struct request_options *options);

/* argument: borrowed until request_options_finish. Returns 0, or -1 with err saying what is wrong
 * with it (a usage error). */
int request_options_take(struct request_options *options, int option, const char *argument,
	struct err *err);

/* file: the FILE argument, "-" for standard input, NULL for none (then --code or --script). Returns
 * 0 and a request with every field but executionId, threadId, nodeId and source; it is still the
 * options'. ERR_INVALID: usage; ERR_SYSTEM: a file can't be read. */
int request_options_finish(struct request_options *options, const struct config *config,
	const char *file, struct request **request, struct err *err);

bool request_options_json(const struct request_options *options);

/* The options' part of --help. */
void request_options_help(FILE *out);

#endif
