/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FNV-1a, in 32 and 64 bits: for tables and for names. Not for input that may be made to collide. A
 * hash begins as HASH32_BEGIN or HASH64_BEGIN, and bytes are added to it; in how many pieces makes
 * no difference. Values are on tapes ("table.hash") and in names of files, so they never change.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH32_BEGIN 2166136261u
#define HASH64_BEGIN 0xcbf29ce484222325ull

static inline uint32_t hash32_add(uint32_t hash, const void *data, size_t size)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 16777619u;
	return hash;
}

static inline uint64_t hash64_add(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 0x100000001b3ull;
	return hash;
}

#endif
