/* SPDX-License-Identifier: BSD-2-Clause */
/* Target: the model.  The input is an encoded sequence. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "fuzz/check.h"
#include "fuzz/target.h"

static struct fuzz_check *check;
static struct fuzz_sequence *sequence;

static void verdict(void *context, const struct tape_return *ret, const struct model_verdict *v)
{
	for (unsigned int i = 0; i < v->held_count; i++)
		fuzz_feedback(v->held[i], FUZZ_FEEDBACK_HELD);
	if (v->rule != UINT16_MAX)
		fuzz_feedback(v->rule, 1 + v->kind);
}

/* A few of all inputs are looked at thoroughly, and always the same ones. */
static bool thorough(const uint8_t *data, size_t size)
{
#ifdef FUZZ_THOROUGH
	return true;
#else
	return !(hash32_add(HASH32_BEGIN, data, size < 256 ? size : 256) >> 16 & 127);
#endif
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	sequence = fuzz_sequence_new(KVMAPI_X86);
	return sequence ? fuzz_check_new(verdict, NULL, &check) : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *wrong;

	fuzz_sequence_decode(sequence, data, size);
	wrong = fuzz_check(check, sequence, thorough(data, size));
	if (wrong) {
		fprintf(stderr, "target_model: %s\n", wrong);
		abort();
	}
	return 0;
}
