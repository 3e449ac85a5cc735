/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays that grow by doubling. Their owner frees them with free(); an empty array is NULL with room 0. */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stddef.h>

/*
 * Make room for `want` elements of `size` bytes; new elements are not initialised. `*room` counts elements. 0; -ENOMEM,
 * and then the array is as it was.
 */
int array_reserve(void **array, size_t *room, size_t want, size_t size);

/* Room for one more element behind `count` of them: array_grow(&a->items, &a->room, a->count).  As above. */
#define array_grow(array, room, count) \
	array_reserve((void **)(array), (room), (size_t)(count) + 1, sizeof(**(array)))

/* Room for index `at`: array_reach(&a->items, &a->room, at); new elements are zero.  As above. */
int array_reach_zero(void **array, size_t *room, size_t at, size_t size);
#define array_reach(array, room, at) \
	array_reach_zero((void **)(array), (room), (at), sizeof(**(array)))

#endif
