// SPDX-License-Identifier: BSD-2-Clause
/* Names of signals and of what becomes of them; which of them a tape can hold. */
#include <string.h>

#include "kvmtape/tape.h"

/* Linux numbers them alike on all architectures that have KVM, but for MIPS. */
static const char *const names[] = {
	[1] = "SIGHUP",	    [2] = "SIGINT",   [3] = "SIGQUIT",	 [4] = "SIGILL",   [5] = "SIGTRAP",
	[6] = "SIGABRT",    [7] = "SIGBUS",   [8] = "SIGFPE",	 [9] = "SIGKILL",  [10] = "SIGUSR1",
	[11] = "SIGSEGV",   [12] = "SIGUSR2", [13] = "SIGPIPE",	 [14] = "SIGALRM", [15] = "SIGTERM",
	[16] = "SIGSTKFLT", [17] = "SIGCHLD", [18] = "SIGCONT",	 [19] = "SIGSTOP", [20] = "SIGTSTP",
	[21] = "SIGTTIN",   [22] = "SIGTTOU", [23] = "SIGURG",	 [24] = "SIGXCPU", [25] = "SIGXFSZ",
	[26] = "SIGVTALRM", [27] = "SIGPROF", [28] = "SIGWINCH", [29] = "SIGIO",   [30] = "SIGPWR",
	[31] = "SIGSYS",
};
#define NAMES (sizeof(names) / sizeof(names[0]))

const char *tape_signal_name(unsigned int number)
{
	return number < NAMES ? names[number] : NULL;
}

unsigned int tape_signal_find(const char *name, size_t len)
{
	for (unsigned int n = 1; n < NAMES; n++)
		if (strlen(names[n]) == len && !strncmp(names[n], name, len))
			return n;
	return 0;
}

const char *tape_signal_what_name(enum tape_signal_what what)
{
	static const char *const whats[TAPE_SIGNAL_WHATS] = {
		[TAPE_SIGNAL_GENERATED] = "generated",
		[TAPE_SIGNAL_DELIVERED] = "delivered",
		[TAPE_SIGNAL_LOST] = "lost",
	};

	return what < TAPE_SIGNAL_WHATS ? whats[what] : "unknown";
}

const char *tape_signal_outcome_name(enum tape_signal_outcome outcome)
{
	static const char *const outcomes[TAPE_SIGNAL_OUTCOMES] = {
		[TAPE_SIGNAL_PENDING] = "pending", [TAPE_SIGNAL_IGNORED] = "ignored",
		[TAPE_SIGNAL_MERGED] = "merged",   [TAPE_SIGNAL_REFUSED] = "refused",
		[TAPE_SIGNAL_BARE] = "bare",	   [TAPE_SIGNAL_HANDLED] = "handled",
		[TAPE_SIGNAL_DEFAULT] = "default",
	};

	return outcome < TAPE_SIGNAL_OUTCOMES ? outcomes[outcome] : "unknown";
}

bool tape_signal_valid(const struct tape_signal *signal)
{
	const uint8_t outcome = signal->outcome;

	if (signal->what == TAPE_SIGNAL_LOST)
		return signal->count && signal->count <= UINT32_MAX;
	if (!signal->number || signal->number > TAPE_MAX_SIGNAL)
		return false;
	if (signal->what == TAPE_SIGNAL_GENERATED)
		return outcome <= TAPE_SIGNAL_BARE;
	return signal->what == TAPE_SIGNAL_DELIVERED &&
	       (outcome == TAPE_SIGNAL_IGNORED || outcome == TAPE_SIGNAL_HANDLED ||
		outcome == TAPE_SIGNAL_DEFAULT);
}
