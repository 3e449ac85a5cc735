/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions of coverage.c for live.c only. */
#ifndef FUZZ_COVERAGE_INTERNAL_H
#define FUZZ_COVERAGE_INTERNAL_H

#include "fuzz/coverage.h"
#include "fuzz/plugin.h"

int fuzz_coverage_new(struct fuzz_coverage **c);
void fuzz_coverage_free(struct fuzz_coverage *c); /* NULL is fine */
/* For struct guest_config: the argument of -plugin, and the descriptors (of 4). */
const char *fuzz_coverage_plugin(const struct fuzz_coverage *c, int *fds);
/*
 * Parse the output of player_say_symbols(); changes the text. A QEMU started after this reports
 * blocks. -ENOENT: no modules in it.
 */
int fuzz_coverage_symbols(struct fuzz_coverage *c, char *text);
/* Blocks that ran under a mark since it was cleared, without noise; PLUGIN_MAP_SIZE bytes. */
void fuzz_coverage_take(const struct fuzz_coverage *c, unsigned int mark, uint8_t *blocks);
/* Mark a block as noise: it runs only if a task is preempted. */
void fuzz_coverage_noise(struct fuzz_coverage *c, size_t number);
void fuzz_coverage_clear(struct fuzz_coverage *c, unsigned int mark);
const struct plugin_area *fuzz_coverage_area(const struct fuzz_coverage *c);

#endif
