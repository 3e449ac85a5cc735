/* SPDX-License-Identifier: BSD-2-Clause */
/* What live.c needs of coverage.c beside coverage.h. */
#ifndef FUZZ_COVERAGE_INTERNAL_H
#define FUZZ_COVERAGE_INTERNAL_H

#include "fuzz/coverage.h"
#include "fuzz/plugin.h"

int fuzz_coverage_new(struct fuzz_coverage **c);
void fuzz_coverage_free(struct fuzz_coverage *c); /* NULL is fine */
/* For struct guest_config: the argument of -plugin, and the descriptors (of 4). */
const char *fuzz_coverage_plugin(const struct fuzz_coverage *c, int *fds);
/*
 * What player_say_symbols() said; the text is changed.  From now on blocks are seen, by a QEMU that
 * is started now.  -ENOENT: it says nothing of modules.
 */
int fuzz_coverage_symbols(struct fuzz_coverage *c, char *text);
/* Blocks that ran under a mark since it was cleared, without noise; PLUGIN_MAP_SIZE bytes. */
void fuzz_coverage_take(const struct fuzz_coverage *c, unsigned int mark, uint8_t *blocks);
/* This block says nothing of a sequence: it runs when a task is preempted, or not. */
void fuzz_coverage_noise(struct fuzz_coverage *c, size_t number);
void fuzz_coverage_clear(struct fuzz_coverage *c, unsigned int mark);
const struct plugin_area *fuzz_coverage_area(const struct fuzz_coverage *c);

#endif
