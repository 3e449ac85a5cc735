/* SPDX-License-Identifier: BSD-2-Clause */
/* The assembler, shared by asm.c and asm_call.c. Internal to tape/. */
#ifndef TAPE_ASM_WRITE_H
#define TAPE_ASM_WRITE_H

#include "tape/asm_symbol.h"
#include "tape/asm_value.h"

/* A part as in the text; the buffer is reused. */
struct asm_part {
	struct asm_buf buf;
	const char *where;
	uint64_t size, have, address;
	uint8_t role, flags;
	bool size_given, have_given, address_given;
};

struct asm_half {
	struct asm_part part[TAPE_ROLES];
	unsigned int count;
	uint64_t roles; /* bit by role */
	bool no_run, no_regs, no_out, same;
};

/* State of a call that its return needs. */
struct open_call {
	bool open;
	uint32_t object, request;
	const struct kvmapi_ioctl *row;
	uint64_t arg;
	struct tape_part in; /* the argument's part, its data in .bytes */
	struct tape_buf bytes;
	bool has_in;
};

struct assembler {
	struct asm_in in;
	int fd;
	const struct tape_writer_options *options;
	struct tape_env env;
	struct tape_writer *w;
	struct asm_symbols symbols, constants;
	struct tape_object *objects;
	size_t object_count, object_room;
	struct open_call *calls; /* by thread */
	size_t thread_count, thread_room;
	struct asm_runs runs;
	struct asm_half half;
	bool no_results, cut, finished, seen_given;
	struct tape_end end;
};

/*
 * All functions return 0, -EINVAL for an error in the text (described in in.error), or another
 * error.
 */

/* Report the writer's error at `where`, as a message if the text caused it. */
int asm_written(struct assembler *a, const char *where, int err);
/* Threads without a "thread" line have no name. */
int asm_need_thread(struct assembler *a, const char *where, uint64_t id);
/* The object of a name; "kvm" needs no "object" line. */
int asm_need_object(struct assembler *a, const char *name, size_t len, uint32_t *id);
/* Is it the word that a statement begins with? */
bool asm_is_statement(const char *name, size_t len);
/* Id of a named object, 0 = no such. */
uint32_t asm_object_named(const struct assembler *a, const char *name, size_t len);
/* The next object, with the defaults of the text. */
struct tape_object asm_new_object(const struct assembler *a, uint8_t kind);
int asm_add_object(struct assembler *a, const char *name, size_t len,
		   const struct tape_object *object);
/* < of NAME, fd N, number N|none, flags N, pre_existing >, if it is next */
int asm_object_attributes(struct assembler *a, struct tape_object *object);

/* -ENAME, or a number. */
int asm_result(struct assembler *a, int64_t *ret);
/* [@N] [NAME [<...>] =] OBJECT.IOCTL(...) [=> ...] [= result]; or the half of it after `begin` */
int asm_statement_call(struct assembler *a, bool begin);
/* The half of it after `end`. */
int asm_statement_end_call(struct assembler *a);

#endif
