/* SPDX-License-Identifier: BSD-2-Clause */
/* Unaligned bytes in memory: numbers of either byte order, zeros. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of `width` (up to 8) bytes at `from`, most significant byte first if `big`. */
static inline uint64_t bytes_get(const void *from, size_t width, bool big)
{
	const uint8_t *at = from;
	uint64_t value = 0;

	for (size_t i = 0; i < width; i++)
		value = value << 8 | at[big ? i : width - 1 - i];
	return value;
}

/* The low `width` (up to 8) bytes of a number. */
static inline void bytes_put(void *to, uint64_t value, size_t width, bool big)
{
	uint8_t *at = to;

	for (size_t i = 0; i < width; i++)
		at[big ? width - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

/* Are all bytes zero? True of no bytes. */
static inline bool bytes_zero(const void *data, size_t size)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < size; i++) {
		if (at[i])
			return false;
	}
	return true;
}

#endif
