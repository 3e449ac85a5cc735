/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * programs: tiny guest programs, each made to reach one exit of KVM_RUN or a few.
 *
 * A program is a block of code for guest memory and what a vCPU's registers have to be for it. x86
 * programs run in real mode at PROGRAMS_X86_GPA with all segment bases 0; arm64 programs at
 * PROGRAMS_ARM64_GPA with the MMU off. They access only the memory that they name. programs.c has
 * their code with each instruction.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "kvmtape/tape.h"

#define PROGRAMS_X86_GPA   0x1000
#define PROGRAMS_ARM64_GPA 0x40000000
#define PROGRAMS_BYTES	   4096 /* memory that every program needs there */

/* An MMIO address: no program's memory. */
#define PROGRAMS_X86_MMIO   0xd000
#define PROGRAMS_ARM64_MMIO 0x10000000

/* An exit of KVM_RUN that a program makes. */
struct program_exit {
	uint32_t reason; /* KVM_EXIT_... */
	bool read;	 /* port or memory-mapped input: waits for an answer */
	uint8_t size;	 /* of one access, bytes */
	uint8_t count;	 /* of accesses */
	uint8_t times;	 /* so many exits of this kind in a row */
};

struct program {
	const char *name; /* "pio", "hlt", ... */
	const char *text; /* what it does, and which exits come */
	enum kvmapi_arch arch;
	const uint8_t *code;
	uint32_t size;
	/*
	 * The exits, in order, if each is answered and KVM_RUN called again; ends with times = 0.
	 */
	const struct program_exit *exits;
	/* What it needs of KVM_ENABLE_CAP on the VM; 0 = nothing. */
	uint32_t cap;
	uint64_t cap_argument;
	uint32_t debug;	   /* control of KVM_SET_GUEST_DEBUG, 0 = not called */
	uint64_t break_at; /* x86: address for the first breakpoint register, 0 = none */
	bool window;	   /* wants request_interrupt_window set */
};

/* All of them; *count is set. */
const struct program *programs(size_t *count);
/* NULL = no such program for this architecture. */
const struct program *programs_find(enum kvmapi_arch arch, const char *name);
/*
 * Write a tape of a VM with one vCPU that runs the program to its last exit; what a kernel answers
 * is on it as far as the program says.  fd is as for tape_writer_open().  0, a tape error, -ENOMEM.
 */
int programs_tape(const struct program *program, int fd);
/* Is this block of memory one of the programs (zeros may follow), or all zeros? */
bool programs_know(enum kvmapi_arch arch, const void *data, size_t size);

#endif
