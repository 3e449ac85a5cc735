/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/array.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 16

int array_reserve(void **array, size_t *room, size_t want, size_t size)
{
	size_t more = *room ? *room : ROOM_MIN;
	void *data;

	if (want <= *room)
		return 0;
	if (want > SIZE_MAX / 2)
		return -ENOMEM;
	while (more < want)
		more *= 2;
	/* Sanitizers end the program where reallocarray() would fail. */
	if (size && more > SIZE_MAX / 2 / size)
		return -ENOMEM;
	data = realloc(*array, more * size);
	if (!data)
		return -ENOMEM;
	*array = data;
	*room = more;
	return 0;
}

int array_reach_zero(void **array, size_t *room, size_t at, size_t size)
{
	const size_t before = *room;
	int err = at < SIZE_MAX ? array_reserve(array, room, at + 1, size) : -ENOMEM;

	if (!err && *room > before)
		memset((char *)*array + before * size, 0, (*room - before) * size);
	return err;
}
