/* listen_address.c: see listen_address.h. */
#include "listen_address.h"

#include <stdlib.h>
#include <string.h>

static int refuse(const char *text, struct err *err)
{
	return err_set(err, ERR_INVALID, "takes HOST:PORT, [IPv6]:PORT, :PORT or off, not '%.80s'",
		text);
}

/* The host without brackets. Returns false when it is none. */
static bool take_host(const char *text, size_t length, char *host, size_t size)
{
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length) || memchr(text, '[', length)) {
		return false;
	}
	if (length >= size || memchr(text, ' ', length))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	return true;
}

int listen_address_parse(const char *text, struct listen_address *address, struct err *err)
{
	struct listen_address found = {0};
	if (!text || !*text || strcmp(text, "off") == 0) {
		*address = (struct listen_address){.off = true};
		return 0;
	}
	const char *colon = strrchr(text, ':');
	if (!colon || !take_host(text, (size_t)(colon - text), found.host, sizeof found.host))
		return refuse(text, err);
	size_t digits = strspn(colon + 1, "0123456789");
	if (digits == 0 || digits > 5 || colon[1 + digits] || atoi(colon + 1) > 65535)
		return refuse(text, err);
	memcpy(found.port, colon + 1, digits);
	*address = found;
	return 0;
}
