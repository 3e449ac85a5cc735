/* SPDX-License-Identifier: BSD-2-Clause */
/* Valid tapes made of chance: whatever the writer takes, the reader must give back. */
#ifndef FUZZ_TAPE_RANDOM_H
#define FUZZ_TAPE_RANDOM_H

#include <stdio.h>

#include "kvmtape/tape.h"

struct tape_random_options {
	uint64_t seed;
	/* Choices that are made instead of those of the seed; with the last one the tape ends. */
	const uint8_t *choices;
	size_t count;
	unsigned int items;	/* about so many */
	size_t frame_bytes;	/* 0 = the writer's default */
	int level;		/* the same */
	unsigned int big_parts; /* one part in so many is large, 0 = none */
	bool timeless;
	bool unfinished; /* no end block */
};

/* Write such a tape to fd and what a reader must say of it to `expected`.  0 or an error. */
int tape_random_write(int fd, const struct tape_random_options *options, FILE *expected);
/* The same into memory; the caller frees both.  Aborts on any failure: only tests use it. */
void tape_random_memory(const struct tape_random_options *options, uint8_t **tape, size_t *size,
			char **expected);
/*
 * A copy of a tape with one to four bytes changed in the blocks of one frame, under a good
 * checksum.  `seed` says which.  The caller frees it.
 */
uint8_t *tape_random_damage(const uint8_t *tape, size_t size, uint64_t seed, size_t *damaged_size);
/* All of a file's bytes from its start. */
uint8_t *tape_random_slurp(int fd, size_t *size);

#endif
