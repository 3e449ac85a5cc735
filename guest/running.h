/* SPDX-License-Identifier: BSD-2-Clause */
/* A running guest from inside, for guest.c and program.c. */
#ifndef GUEST_RUNNING_H
#define GUEST_RUNNING_H

#include "guest/internal.h"

struct guest {
	struct guest_kernel kernel;
	struct guest_config config;
	const struct guest_machine *machine;
	struct guest_error error;
	enum guest_outcome outcome;
	char outcome_text[256];
	char log[GUEST_PATH_MAX]; /* config.log, absolute */
	pid_t pid;		  /* QEMU; 0 = none */
	int pidfd;
	int channel; /* to the agent */
	struct guest_qmp qmp;
	/* memfds: RAM, initramfs, console, QEMU's own messages, snapshot of the devices */
	int memory, initrd, serial, words, state;
	bool have_snapshot;
	uint32_t sequence;
	struct guest_hello hello;
	char *buffer; /* what came from the agent: [taken, used) is not handed out yet */
	size_t used, taken, capacity;
};

/* Kill QEMU and note how it ended. */
void guest_end(struct guest *guest, enum guest_outcome outcome, const char *text);
/* As guest_receive(), until clock_ms() is `then` (-1: for ever); 1 = other_fd can be read. */
int guest_wait(struct guest *guest, int64_t then, int other_fd, struct guest_message_in *message);

#endif
