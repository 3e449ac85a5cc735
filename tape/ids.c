// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "tape/ids.h"

#define ROOM_MIN 64

static struct tape_id *place_of(const struct tape_ids *ids, uint32_t key)
{
	uint32_t at = (key * 0x9E3779B1u) & (ids->room - 1);

	while (ids->list[at].value && ids->list[at].key != key)
		at = (at + 1) & (ids->room - 1);
	return &ids->list[at];
}

uint32_t *tape_ids_at(struct tape_ids *ids, uint32_t key)
{
	struct tape_id *entry;

	if (2 * (ids->count + 1) > ids->room) {
		struct tape_ids more = {.count = ids->count,
					.room = ids->room ? 2 * ids->room : ROOM_MIN};

		more.list = calloc(more.room, sizeof(*more.list));
		if (!more.list)
			return NULL;
		for (uint32_t i = 0; i < ids->room; i++)
			if (ids->list[i].value)
				*place_of(&more, ids->list[i].key) = ids->list[i];
		free(ids->list);
		*ids = more;
	}
	entry = place_of(ids, key);
	if (!entry->value) {
		entry->key = key;
		ids->count++;
	}
	return &entry->value;
}

void tape_ids_clear(struct tape_ids *ids)
{
	if (ids->list)
		memset(ids->list, 0, ids->room * sizeof(*ids->list));
	ids->count = 0;
}

void tape_ids_release(struct tape_ids *ids)
{
	free(ids->list);
	*ids = (struct tape_ids){0};
}
