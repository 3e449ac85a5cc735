/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of guest/; see also guest.h. */
#ifndef GUEST_INTERNAL_H
#define GUEST_INTERNAL_H

#include <stdarg.h>
#include <stdio.h>
#include <sys/types.h>

#include "guest/guest.h"

/* Fill the line of an error (NULL allowed) and return rc. */
int guest_fail(struct guest_error *error, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- how QEMU is called for an architecture (machine.c) ------------------------------------- */

struct guest_machine {
	const char *name;    /* of the architecture */
	const char *uname;   /* uname -m */
	const char *qemu;    /* qemu-system-... */
	const char *package; /* Debian package that holds it */
	const char *board;   /* -M for emulation, without memory-backend */
	const char *cpu;
	const char *threads; /* of TCG */
	const char *board_kvm;
	const char *console;
	const char *append;
	unsigned int elf_machine;
};

extern const struct guest_machine guest_machines[GUEST_ARCH_COUNT];

/* --- the initramfs (initrd.c) --------------------------------------------------------------- */

/* A module that the guest wants; a missing one is no error (it may be built into the kernel). */
struct guest_module {
	const char *name; /* with '_' for '-' */
	const char *parameters;
};

/*
 * Write agent, device nodes, folders, modules with what they depend on, in order, as a cpio archive
 * into fd.  Modules of the file or folder `own` (NULL = none) come before the kernel's.
 */
int guest_initrd_write(int fd, const struct guest_kernel *kernel, const char *own,
		       const void *agent, size_t agent_size, struct guest_error *error);

/* The agent that is built in, or NULL. */
const void *guest_agent_find(enum guest_arch arch, size_t *size);

/* --- files (file.c) ------------------------------------------------------------------------- */

/* Read a whole file; allocated, with a NUL behind it. */
int guest_file_read(const char *path, char **data, size_t *size);
/* Architecture of an ELF file; GUEST_ARCH_COUNT = none of ours, or no ELF file. */
enum guest_arch guest_elf_arch(const void *data, size_t size);
/* Output of a command, allocated; -ENOENT: the tool is not there, -EIO: it failed. */
int guest_command_read(const char *const *arguments, char **data, size_t *size);
int guest_folders_make(const char *path);

/* --- QMP (qmp.c) ---------------------------------------------------------------------------- */

struct guest_qmp {
	int fd;
	char *buffer;
	size_t used, capacity;
	bool panicked;	     /* GUEST_PANICKED came */
	char shutdown[32];   /* reason of the SHUTDOWN event; "" = none */
	char migration[24];  /* status of the last MIGRATION event */
	char complaint[160]; /* desc of the last error */
};

/* fd is a connected stream; becomes the struct's.  Waits for the greeting. */
int guest_qmp_open(struct guest_qmp *qmp, int fd, int timeout);
void guest_qmp_close(struct guest_qmp *qmp);
/*
 * Send a command (JSON text of the whole object) and wait for its answer.  -EPROTO: QEMU refused,
 * see complaint; -ENOTCONN: QEMU is gone; -ETIMEDOUT.
 */
int guest_qmp_command(struct guest_qmp *qmp, const char *text, int timeout);
/*
 * Take in events that are there already, and those until *text* (a field above) is not empty or
 * timeout.
 */
int guest_qmp_drain(struct guest_qmp *qmp);
int guest_qmp_wait_migration(struct guest_qmp *qmp, int timeout);

/* Milliseconds left until clock_ms() is then, at least 0; then = -1: -1. */
int guest_left(int64_t then);

#endif
