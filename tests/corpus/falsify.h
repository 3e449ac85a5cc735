/* SPDX-License-Identifier: BSD-2-Clause */
/* What a tape lacks without one of its calls, for falsify.c and depends.c. */
#ifndef FALSIFY_H
#define FALSIFY_H

#include "tests/corpus/session.h"

/*
 * A later call of the tape needs this one: without it (depends_drop), or with the next one of its
 * thread before it (depends_swap), the documents promise another result of the later call than the
 * tape has.  From the tape alone, by the relations that docs/falsification.md lists; when in doubt,
 * no.  Of two KVM_RUN only what struct kvm_run shows tells, and userspace may write there.
 */
enum needed { NEEDED_NOT, NEEDED, NEEDED_SHOWN };
enum needed depends_drop(const struct session *s, size_t event);
enum needed depends_swap(const struct session *s, size_t event, size_t next);

#endif
