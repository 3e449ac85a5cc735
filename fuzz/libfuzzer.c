/* SPDX-License-Identifier: BSD-2-Clause */
/* Our mutator for libFuzzer, for targets that take encoded sequences. */
#include <stddef.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "fuzz/target.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size,
				 unsigned int seed);

/* Sequences of about a dozen calls find most per unit of time. */
#define CALLS_MAX 16

static struct {
	struct fuzz_mutator *mutator;
	struct fuzz_sequence *one, *two;
} f;

static void prepare(void)
{
	const struct fuzz_options options = {.calls = CALLS_MAX, .guest_code = true};

	if (f.mutator)
		return;
	f.mutator = fuzz_mutator_new(KVMAPI_X86, &options);
	f.one = fuzz_sequence_new(KVMAPI_X86);
	f.two = fuzz_sequence_new(KVMAPI_X86);
	if (!f.mutator || !f.one || !f.two)
		abort();
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct fuzz_rng rng = {seed};

	prepare();
	fuzz_sequence_decode(f.one, data, size);
	fuzz_mutate(f.mutator, f.one, &rng);
	return fuzz_sequence_encode(f.one, data, max_size, NULL);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned int seed)
{
	struct fuzz_rng rng = {seed};

	prepare();
	fuzz_sequence_decode(f.one, data1, size1);
	fuzz_sequence_decode(f.two, data2, size2);
	fuzz_splice(f.mutator, f.one, f.two, &rng);
	return fuzz_sequence_encode(f.one, out, max_out_size, NULL);
}
