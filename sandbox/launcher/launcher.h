/* launcher.h: the loop between the caller's socket and the sandboxes. One thread, nothing blocks. */
#ifndef LAUNCHER_LAUNCHER_H
#define LAUNCHER_LAUNCHER_H

#include "cell.h"

struct launcher;

/* host: borrowed. socket: non-blocking SOCK_SEQPACKET. NULL with err when memory is out. */
struct launcher *launcher_new(const struct host *host, int socket, struct err *err);

/* The self-test; sends RECORD_HELLO. */
int launcher_greet(struct launcher *launcher, struct err *err);

/* Serves until the caller closes its end or breaks the protocol; then everything in every sandbox
 * is dead. */
void launcher_serve(struct launcher *launcher);

void launcher_free(struct launcher *launcher);

#endif
