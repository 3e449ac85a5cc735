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
/* Blocks that ran under a mark since it was cleared. */
const uint8_t *fuzz_coverage_map(const struct fuzz_coverage *c, unsigned int mark);
void fuzz_coverage_clear(struct fuzz_coverage *c, unsigned int mark);
const struct plugin_area *fuzz_coverage_area(const struct fuzz_coverage *c);

#endif
