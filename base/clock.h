/* SPDX-License-Identifier: BSD-2-Clause */
/* The time since some point in the past (CLOCK_MONOTONIC): it does not jump, and means nothing on another machine. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ns(void);
int64_t clock_ms(void); /* signed: where -1 means for ever */

#endif
