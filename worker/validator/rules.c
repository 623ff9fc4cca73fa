/* rules.c: see rules.h. */
#include "rules.h"

#define LOW_COMMAND(pattern) {"command." pattern, RULE_COMMAND, RISK_LOW, RISK_MEDIUM, NULL, pattern, NULL}
#define LOW_EXTENSION(pattern) \
	{"extension" pattern, RULE_EXTENSION, RISK_LOW, RISK_MEDIUM, NULL, pattern, NULL}
#define MEDIUM_COMMAND(group, pattern) \
	{group "." pattern, RULE_COMMAND, RISK_MEDIUM, RISK_MEDIUM, NULL, pattern, NULL}
#define MEDIUM_CALL(type, pattern) \
	{"call." pattern, RULE_CALL, RISK_MEDIUM, RISK_MEDIUM, type, pattern, NULL}

const struct rule rules_builtin[] = {
	{"path", RULE_PATH, RISK_LOW, RISK_MEDIUM, NULL, NULL, NULL},
	LOW_EXTENSION(".exe"), LOW_EXTENSION(".bat"), LOW_EXTENSION(".cmd"), LOW_EXTENSION(".com"),
	LOW_EXTENSION(".scr"), LOW_EXTENSION(".msi"), LOW_EXTENSION(".dll"), LOW_EXTENSION(".so"),
	{"length", RULE_LENGTH, RISK_LOW, RISK_MEDIUM, NULL, "10000", NULL},
	LOW_COMMAND("sudo"), LOW_COMMAND("su"), LOW_COMMAND("reboot"), LOW_COMMAND("shutdown"),
	LOW_COMMAND("halt"), LOW_COMMAND("poweroff"),
	MEDIUM_COMMAND("dangerous", "rm -rf"), MEDIUM_COMMAND("dangerous", "del /f"),
	MEDIUM_COMMAND("dangerous", "format"), MEDIUM_COMMAND("dangerous", "mkfs"),
	MEDIUM_COMMAND("network", "curl"), MEDIUM_COMMAND("network", "wget"),
	MEDIUM_COMMAND("network", "nc"), MEDIUM_COMMAND("network", "ssh"),
	MEDIUM_COMMAND("network", "scp"), MEDIUM_COMMAND("network", "telnet"),
	MEDIUM_CALL("python", "os.system"), MEDIUM_CALL("python", "subprocess"),
	MEDIUM_CALL("python", "ctypes"), MEDIUM_CALL("javascript", "child_process"),
	MEDIUM_CALL("javascript", "process.binding"), MEDIUM_CALL("javascript", "process.dlopen"),
	{"length.high", RULE_LENGTH, RISK_HIGH, RISK_HIGH, NULL, "1048576", NULL},
};
const size_t rules_builtin_count = sizeof rules_builtin / sizeof *rules_builtin;
