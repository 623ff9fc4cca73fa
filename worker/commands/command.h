/* command.h: one function a command; main.c dispatches. argv[0] is the command's name. The value
 * returned is the process's exit code (2: usage). Parsing is getopt_long's; options that every
 * command has (--config, --set, -X, -b, --help) go through command_common. */
#ifndef CODEWORKER_COMMAND_H
#define CODEWORKER_COMMAND_H

#include "../config/config.h"

int command_run(int argc, char **argv);
int command_exec(int argc, char **argv);
int command_submit(int argc, char **argv);
int command_tail(int argc, char **argv);
int command_cancel(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_topics(int argc, char **argv);
int command_config(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_demo(int argc, char **argv);

#endif
