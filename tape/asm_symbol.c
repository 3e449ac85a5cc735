// SPDX-License-Identifier: BSD-2-Clause
/* Names in the text of a tape: a hash table with open addressing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tape/asm_symbol.h"

/* The symbol, or the free place for it. */
static struct asm_symbol *place_find(const struct asm_symbols *s, const char *name, size_t len)
{
	size_t at = hash32_add(HASH32_BEGIN, name, len) & (s->room - 1);

	while (s->list[at].name &&
	       (strncmp(s->list[at].name, name, len) != 0 || s->list[at].name[len]))
		at = (at + 1) & (s->room - 1);
	return &s->list[at];
}

const struct asm_symbol *asm_symbol_find(const struct asm_symbols *s, const char *name, size_t len)
{
	const struct asm_symbol *symbol = s->room ? place_find(s, name, len) : NULL;

	return symbol && symbol->name ? symbol : NULL;
}

static int symbols_grow(struct asm_symbols *s)
{
	struct asm_symbols more = {.room = s->room ? s->room * 2 : 256, .count = s->count};

	more.list = calloc(more.room, sizeof(*more.list));
	if (!more.list)
		return -ENOMEM;
	for (size_t i = 0; i < s->room; i++) {
		const struct asm_symbol *from = &s->list[i];

		if (from->name)
			*place_find(&more, from->name, strlen(from->name)) = *from;
	}
	free(s->list);
	*s = more;
	return 0;
}

int asm_symbol_add(struct asm_symbols *s, const char *name, size_t len, enum asm_symbol_kind kind,
		   uint64_t value)
{
	struct asm_symbol *symbol;
	int err = 2 * s->count < s->room ? 0 : symbols_grow(s);

	if (err)
		return err;
	symbol = place_find(s, name, len);
	if (!symbol->name) {
		symbol->name = strndup(name, len);
		if (!symbol->name)
			return -ENOMEM;
		s->count++;
	}
	symbol->kind = kind;
	symbol->value = value;
	return 0;
}

void asm_symbols_release(struct asm_symbols *s)
{
	for (size_t i = 0; i < s->room; i++)
		free(s->list[i].name);
	free(s->list);
}
