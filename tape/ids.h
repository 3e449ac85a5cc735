/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hash from 32-bit numbers to 32-bit numbers, for tapes that have very many of them.
 */
#ifndef TAPE_IDS_H
#define TAPE_IDS_H

#include <stdint.h>

struct tape_ids {
	struct tape_id {
		uint32_t key;
		uint32_t value; /* 0 = free */
	} * list;
	uint32_t count, room;
};

/*
 * Pointer to the value of a key; the value is 0 if the key is new: set it before the next call.
 * NULL: no memory.
 */
uint32_t *tape_ids_at(struct tape_ids *ids, uint32_t key);
void tape_ids_clear(struct tape_ids *ids);
void tape_ids_release(struct tape_ids *ids);

#endif
