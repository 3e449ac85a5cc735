// SPDX-License-Identifier: BSD-2-Clause
/* The player as a program inside a guest: copied there, run to its end, its output read. */
#include "replayer/live/runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replayer/live/player/player.h"

#define PROGRAM_PATH "/kvmtape/program"

struct hearing {
	struct player_bytes said;
	char line[128]; /* the first of standard error */
};

enum kvmapi_arch live_guest_arch(enum guest_arch arch)
{
	static const enum kvmapi_arch archs[GUEST_ARCH_COUNT] = {[GUEST_X86_64] = KVMAPI_X86,
								 [GUEST_ARM64] = KVMAPI_ARM64,
								 [GUEST_RISCV64] = KVMAPI_RISCV,
								 [GUEST_PPC64LE] = KVMAPI_POWERPC};

	return archs[arch];
}

static int hear(void *context, int stream, const void *data, size_t size)
{
	struct hearing *h = context;
	size_t used = strlen(h->line);

	if (stream == 1)
		return player_bytes_put(&h->said, data, size);
	snprintf(h->line + used, sizeof(h->line) - used, "%.*s", (int)size, (const char *)data);
	h->line[strcspn(h->line, "\n")] = 0;
	return 0;
}

/* Why the guest failed. */
static void failure_say(const struct guest *guest, int rc, char *end, size_t size)
{
	if (rc == -ENOTCONN)
		snprintf(end, size, "the guest ended: %s: %.200s",
			 guest_outcome_name(guest_outcome(guest)), guest_outcome_text(guest));
	else
		snprintf(end, size, "%.250s", guest_error(guest));
}

/* How the player ended, if not normally. */
static void end_say(const struct guest *guest, int rc, unsigned int timeout,
		    const struct guest_exit *exit, const char *line, struct live_output *output)
{
	const size_t size = sizeof(output->end);

	if (rc == -ETIMEDOUT)
		snprintf(output->end, size, "the player did not end within %u s and was killed",
			 timeout);
	else if (rc)
		failure_say(guest, rc, output->end, size);
	else if (exit->signal)
		snprintf(output->end, size, "the player was ended by signal %u", exit->signal);
	else if (exit->status)
		snprintf(output->end, size, "%s", line[0] ? line : "the player failed");
}

int live_guest_start(const struct guest_kernel *kernel, const struct guest_config *config,
		     struct guest **guest, char *end, size_t end_size)
{
	const enum kvmapi_arch arch = live_guest_arch(kernel->arch);
	struct guest_error error;
	size_t size;
	const void *player = live_player_find(arch, &size);
	int rc;

	*guest = NULL;
	if (!player) {
		snprintf(end, end_size,
			 "this build has no player for %s: its cross compiler was not there",
			 kvmapi_arch_name(arch));
		return -ENOENT;
	}
	rc = guest_start(kernel, config, guest, &error);
	if (rc) {
		snprintf(end, end_size, "%s", error.text);
		return rc;
	}
	rc = guest_put_data(*guest, LIVE_GUEST_PLAYER, 0755, player, size);
	if (rc)
		failure_say(*guest, rc, end, end_size);
	return rc;
}

int live_guest_ask(struct guest *guest, const char *argument, unsigned int timeout,
		   struct live_output *output)
{
	const char *const arguments[] = {LIVE_GUEST_PLAYER, argument, NULL};
	struct hearing h = {.line = ""};
	const struct guest_program run = {.arguments = arguments,
					  .input_fd = -1,
					  .timeout = (int)timeout * 1000,
					  .output = hear,
					  .context = &h};
	struct guest_exit exit = {0};
	int rc;

	memset(output, 0, sizeof(*output));
	rc = guest_exec(guest, &run, &exit);
	end_say(guest, rc, timeout, &exit, h.line, output);
	if (player_bytes_put(&h.said, "", 1)) {
		free(h.said.data);
		return -ENOMEM;
	}
	output->data = h.said.data;
	output->size = h.said.used - 1;
	return rc;
}

int live_guest_play(void *context, const void *program, size_t size, unsigned int timeout,
		    struct live_output *output)
{
	struct guest *guest = context;
	int rc = guest_put_data(guest, PROGRAM_PATH, 0644, program, size);

	if (!rc)
		return live_guest_ask(guest, PROGRAM_PATH, timeout, output);
	memset(output, 0, sizeof(*output));
	failure_say(guest, rc, output->end, sizeof(output->end));
	return rc;
}
