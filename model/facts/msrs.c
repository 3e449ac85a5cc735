/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/facts/msrs.h"

#include <stddef.h>

#define RESET MSR_FLAG_RESET
#define ALONE MSR_FLAG_ALONE
#define MODEL MSR_FLAG_MODEL

static const struct msr_row rows[] = {
#define MSR(first, last, presence, check, refused, taken, kept, cleared, reset, flags) \
	{first,	  last,	 MSR_##presence, MSR_CHECK_##check, flags,                     \
	 refused, taken, kept,		 cleared,	    reset},
#include "model/facts/msrs.def"
#undef MSR
};

const struct msr_row *msr_row(uint32_t index)
{
	static const struct msr_row unknown = {.presence = MSR_SOME};
	size_t low = 0, high = sizeof(rows) / sizeof(rows[0]);

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (index < rows[middle].first)
			high = middle;
		else if (index > rows[middle].last)
			low = middle + 1;
		else
			return &rows[middle];
	}
	return &unknown;
}
