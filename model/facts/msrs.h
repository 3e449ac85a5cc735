/* SPDX-License-Identifier: BSD-2-Clause */
/* x86 model-specific registers, as userspace meets them: a table of msrs.def. */
#ifndef MODEL_MSRS_H
#define MODEL_MSRS_H

#include <stdint.h>

/* What the columns of msrs.def mean stands there. */
enum msr_presence {
	MSR_EVERY,
	MSR_CONSTANT,
	MSR_ABSENT,
	MSR_SOME,
	MSR_BANK,
	MSR_PARAVIRTUAL,
	MSR_X2APIC,
};

enum msr_check {
	MSR_CHECK_BITS,
	MSR_CHECK_APIC_BASE,
	MSR_CHECK_EFER,
	MSR_CHECK_CANONICAL,
	MSR_CHECK_PAT,
	MSR_CHECK_MTRR_RANGE,
	MSR_CHECK_MTRR_FIXED,
	MSR_CHECK_MTRR_DEFAULT,
	MSR_CHECK_ALL_OR_NONE,
	MSR_CHECK_BANK,
	MSR_CHECK_PLATFORM,
	MSR_CHECK_SYNIC,
	MSR_CHECK_VM_CR,
	MSR_CHECK_X2APIC,
};

enum msr_flag {
	MSR_FLAG_RESET = 1,
	MSR_FLAG_ALONE = 2,
	MSR_FLAG_MODEL = 4,
};

struct msr_row {
	uint32_t first, last;
	uint8_t presence; /* enum msr_presence */
	uint8_t check;	  /* enum msr_check */
	uint8_t flags;	  /* enum msr_flag */
	uint64_t refused, taken, kept, cleared, reset;
};
/* The row of a register; never NULL: of registers without one it says nothing. */
const struct msr_row *msr_row(uint32_t index);

#endif
