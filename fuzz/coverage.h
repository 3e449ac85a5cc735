/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coverage: which blocks of the guest's KVM modules ran, seen from QEMU by a plugin (plugin.c).
 *
 * The kernel is a stock one, without KCOV.  The plugin sees each block that QEMU translates; of
 * those inside kvm.ko and kvm_amd.ko it notes the execution while a task plays a sequence, under
 * that sequence.  Other tasks and interrupts do not count (docs/coverage.md).
 */
#ifndef FUZZ_COVERAGE_H
#define FUZZ_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct fuzz_coverage;

/* A block: where it begins. */
struct fuzz_block {
	uint64_t address;     /* in this guest */
	const char *module;   /* "kvm", "kvm_amd" */
	const char *section;  /* ".text" */
	uint64_t offset;      /* in that section: the same in every guest of this kernel */
	const char *function; /* "" = not known */
	uint64_t into;	      /* bytes from the beginning of the function */
};

/* All blocks seen so far, by number; they keep their numbers as long as this lives. */
size_t fuzz_coverage_blocks(const struct fuzz_coverage *c);
/* Block `number`; the strings live as long as *c. */
void fuzz_coverage_block(const struct fuzz_coverage *c, size_t number, struct fuzz_block *block);
/* Blocks that are ignored, since it is chance whether they run (docs/coverage.md). */
size_t fuzz_coverage_noisy(const struct fuzz_coverage *c);
/* Blocks that ran in any sequence. */
size_t fuzz_coverage_covered(const struct fuzz_coverage *c);
/* Count the new blocks of a result (fuzz_live_result), and add them to the known ones. */
size_t fuzz_coverage_merge(struct fuzz_coverage *c, const uint8_t *blocks, size_t count);
/*
 * Set counters of a result's blocks in an engine's map: AFL++'s, libFuzzer's extra counters.  The
 * place of a block depends on the kernel only.
 */
void fuzz_coverage_copy(const struct fuzz_coverage *c, const uint8_t *blocks, size_t count,
			uint8_t *map, size_t size);
/*
 * Write what was merged: "kvm .text+0x1234 kvm_vm_ioctl+0x56", a line for each block, in order.  As
 * read by scripts/coverage-report.  0 or -errno.
 */
int fuzz_coverage_write(const struct fuzz_coverage *c, FILE *out);
/* A line for each function: blocks covered, and its name. */
int fuzz_coverage_functions(const struct fuzz_coverage *c, FILE *out);

#endif
