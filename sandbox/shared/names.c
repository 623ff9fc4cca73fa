/* names.c: the names of levels, mechanisms, limits and signals, as results and logs show them. */
#include "../sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

const char *sandbox_level_name(enum sandbox_level level)
{
	static const char *const names[SANDBOX_LEVELS] = {"none", "restricted", "strict"};
	return (unsigned)level < SANDBOX_LEVELS ? names[level] : "unknown";
}

const char *sandbox_mechanism_name(enum sandbox_mechanism mechanism)
{
	static const char *const names[] = {
#define X(id, name) name,
		SANDBOX_MECHANISMS(X)
#undef X
	};
	return (unsigned)mechanism < SANDBOX_MECHANISM_COUNT ? names[mechanism] : "unknown";
}

const char *sandbox_limit_name(enum sandbox_limit limit)
{
	static const char *const names[] = {"none", "cpu", "memory", "disk", "processes", "output"};
	return (unsigned)limit < sizeof names / sizeof *names ? names[limit] : "unknown";
}

const char *sandbox_signal_name(int signal_number)
{
#define NAME(n) case n: return #n;
	switch (signal_number) {
	NAME(SIGHUP) NAME(SIGINT) NAME(SIGQUIT) NAME(SIGILL) NAME(SIGTRAP) NAME(SIGABRT)
	NAME(SIGBUS) NAME(SIGFPE) NAME(SIGKILL) NAME(SIGUSR1) NAME(SIGSEGV) NAME(SIGUSR2)
	NAME(SIGPIPE) NAME(SIGALRM) NAME(SIGTERM) NAME(SIGSTKFLT) NAME(SIGCHLD) NAME(SIGCONT)
	NAME(SIGSTOP) NAME(SIGTSTP) NAME(SIGTTIN) NAME(SIGTTOU) NAME(SIGURG) NAME(SIGXCPU)
	NAME(SIGXFSZ) NAME(SIGVTALRM) NAME(SIGPROF) NAME(SIGWINCH) NAME(SIGIO) NAME(SIGPWR)
	NAME(SIGSYS)
	default: break;
	}
#undef NAME
	static const char *const realtime[] = {"SIG32", "SIG33", "SIGRTMIN", "SIG35", "SIG36",
		"SIG37", "SIG38", "SIG39", "SIG40", "SIG41", "SIG42", "SIG43", "SIG44", "SIG45",
		"SIG46", "SIG47", "SIG48", "SIG49", "SIG50", "SIG51", "SIG52", "SIG53", "SIG54",
		"SIG55", "SIG56", "SIG57", "SIG58", "SIG59", "SIG60", "SIG61", "SIG62", "SIG63",
		"SIGRTMAX"};
	return signal_number >= 32 && signal_number <= 64 ? realtime[signal_number - 32] : "SIG0";
}
