/* SPDX-License-Identifier: BSD-2-Clause */
/* Names in the text of a tape: objects, numbers, cached constants. Internal to tape/. */
#ifndef TAPE_ASM_SYMBOL_H
#define TAPE_ASM_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

enum asm_symbol_kind {
	ASM_SYMBOL_NUMBER,
	ASM_SYMBOL_OBJECT,
	ASM_SYMBOL_CONSTANT, /* a constant of kvmapi, cached */
};

struct asm_symbol {
	char *name; /* NULL = free */
	enum asm_symbol_kind kind;
	uint64_t value; /* or the object's id */
};

/* All zero is an empty one. */
struct asm_symbols {
	struct asm_symbol *list;
	size_t room, count; /* room: a power of two, at most half full */
};

/* The symbol of a name of `len` bytes, NULL. */
const struct asm_symbol *asm_symbol_find(const struct asm_symbols *s, const char *name, size_t len);
/* Add it, or give it another meaning.  0, -ENOMEM. */
int asm_symbol_add(struct asm_symbols *s, const char *name, size_t len, enum asm_symbol_kind kind,
		   uint64_t value);
void asm_symbols_release(struct asm_symbols *s);

#endif
