/* listen_address.h: where to listen, as it is written in the configuration. Pure. */
#ifndef CODEWORKER_LISTEN_ADDRESS_H
#define CODEWORKER_LISTEN_ADDRESS_H

#include <stdbool.h>

#include "../../sandbox/err.h"

struct listen_address {
	bool off;			/* "off", "" or NULL */
	char host[256];			/* name or address without brackets; "": every address */
	char port[8];
};

/* "HOST:PORT", "[IPv6]:PORT", ":PORT", "off". Returns 0, or -1 with err: "takes ..., not ...". */
int listen_address_parse(const char *text, struct listen_address *address, struct err *err);

#endif
