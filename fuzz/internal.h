/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of fuzz/. */
#ifndef FUZZ_INTERNAL_H
#define FUZZ_INTERNAL_H

#include "fuzz/sequence.h"

/*
 * The row of one call, from what is known of the calls before it; its object is brought in range.
 */
void fuzz_call_resolve(struct fuzz_sequence *s, uint32_t index);
/* Room for `count` calls at index `at`, which the caller fills: there must be room. */
void fuzz_sequence_open_gap(struct fuzz_sequence *s, uint32_t at, uint32_t count);
/* A descriptor in an argument. */
uint32_t fuzz_fd_get(const struct fuzz_sequence *s, const uint8_t *at);
void fuzz_fd_put(const struct fuzz_sequence *s, uint8_t *at, uint32_t fd);

#endif
