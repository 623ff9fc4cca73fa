/* sandbox_settings.h: the configuration in the sandbox library's terms. */
#ifndef CODEWORKER_SANDBOX_SETTINGS_H
#define CODEWORKER_SANDBOX_SETTINGS_H

#include "config.h"
#include "../../sandbox/sandbox.h"

/* The level of that name; the strictest where there is none. */
enum sandbox_level sandbox_level_named(const char *name);

/* Returns 0, or -1 with err (ERR_MEMORY). settings borrows from config, its arrays live in config's
 * arena: it may be changed and is good as long as config is. */
int sandbox_settings(const struct config *config, struct sandbox_config *settings,
	struct err *err);

#endif
