/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our mutator for AFL++: a library for AFL_CUSTOM_MUTATOR_LIBRARY, for targets that take encoded
 * sequences. The functions are those that AFL++ 4 looks for by name (its docs/custom_mutators.md);
 * their header is not packaged, so they are declared here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

struct afl_state; /* belongs to AFL++, not used */

void *afl_custom_init(struct afl_state *afl, unsigned int seed);
void afl_custom_deinit(void *data);
size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t buf_size, uint8_t **out_buf,
		       uint8_t *add_buf, size_t add_buf_size, size_t max_size);
size_t afl_custom_post_process(void *data, uint8_t *buf, size_t buf_size, uint8_t **out_buf);
int32_t afl_custom_init_trim(void *data, uint8_t *buf, size_t buf_size);
size_t afl_custom_trim(void *data, uint8_t **out_buf);
int32_t afl_custom_post_trim(void *data, uint8_t success);
const char *afl_custom_describe(void *data, size_t max_description_len);
void afl_custom_splice_optout(void *data);

#define CALLS_MAX 16
#define ROOM	  (1 << 20)

struct state {
	struct fuzz_rng rng;
	struct fuzz_mutator *mutator;
	struct fuzz_sequence *one, *two;
	uint32_t operations; /* of the last mutation */
	bool spliced;
	uint8_t *out;
	/* Trimming: without the last `step` calls before `at`, where that changes nothing. */
	struct fuzz_sequence *whole, *tried;
	uint32_t at, step;
	char text[256];
};

void afl_custom_deinit(void *data)
{
	struct state *s = data;

	if (!s)
		return;
	fuzz_mutator_free(s->mutator);
	fuzz_sequence_free(s->one);
	fuzz_sequence_free(s->two);
	fuzz_sequence_free(s->whole);
	fuzz_sequence_free(s->tried);
	free(s->out);
	free(s);
}

void *afl_custom_init(struct afl_state *afl, unsigned int seed)
{
	const struct fuzz_options options = {.calls = CALLS_MAX, .guest_code = true};
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->rng.state = seed;
	s->mutator = fuzz_mutator_new(KVMAPI_X86, &options);
	s->one = fuzz_sequence_new(KVMAPI_X86);
	s->two = fuzz_sequence_new(KVMAPI_X86);
	s->whole = fuzz_sequence_new(KVMAPI_X86);
	s->tried = fuzz_sequence_new(KVMAPI_X86);
	s->out = malloc(ROOM);
	if (!s->mutator || !s->one || !s->two || !s->whole || !s->tried || !s->out) {
		afl_custom_deinit(s);
		return NULL;
	}
	return s;
}

static size_t put(struct state *s, const struct fuzz_sequence *sequence, size_t max_size)
{
	return fuzz_sequence_encode(sequence, s->out, max_size < ROOM ? max_size : ROOM, NULL);
}

size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t buf_size, uint8_t **out_buf,
		       uint8_t *add_buf, size_t add_buf_size, size_t max_size)
{
	struct state *s = data;

	fuzz_sequence_decode(s->one, buf, buf_size);
	s->spliced = add_buf && add_buf_size && fuzz_rng_one_in(&s->rng, 8);
	if (s->spliced) {
		fuzz_sequence_decode(s->two, add_buf, add_buf_size);
		fuzz_splice(s->mutator, s->one, s->two, &s->rng);
	}
	s->operations = fuzz_mutate(s->mutator, s->one, &s->rng);
	*out_buf = s->out;
	return put(s, s->one, max_size);
}

/* AFL++ refuses empty inputs; a sequence without calls has its first byte. */
size_t afl_custom_post_process(void *data, uint8_t *buf, size_t buf_size, uint8_t **out_buf)
{
	*out_buf = buf;
	return buf_size;
}

/* --- trimming --- */

/* Maximum number of steps: AFL++ shows it, and asks for no more. */
int32_t afl_custom_init_trim(void *data, uint8_t *buf, size_t buf_size)
{
	struct state *s = data;

	fuzz_sequence_decode(s->whole, buf, buf_size);
	s->at = s->whole->call_count;
	s->step = s->at / 4 ? s->at / 4 : 1;
	return s->at;
}

size_t afl_custom_trim(void *data, uint8_t **out_buf)
{
	struct state *s = data;
	uint32_t from = s->at > s->step ? s->at - s->step : 0;

	fuzz_sequence_copy(s->tried, s->whole);
	fuzz_sequence_remove(s->tried, from, s->at, true);
	*out_buf = s->out;
	return put(s, s->tried, ROOM);
}

int32_t afl_custom_post_trim(void *data, uint8_t success)
{
	struct state *s = data;
	int32_t steps = s->whole->call_count;

	if (success)
		fuzz_sequence_copy(s->whole, s->tried);
	s->at = s->at > s->step ? s->at - s->step : 0;
	/* Shorter runs of calls in the next round; then trimming ends. */
	if (!s->at || s->at > s->whole->call_count) {
		if (s->step == 1)
			return steps;
		s->at = s->whole->call_count;
		s->step = s->step / 2;
		return s->at ? 0 : steps;
	}
	return 0;
}

/* Part of the name of a file in the queue. */
const char *afl_custom_describe(void *data, size_t max_description_len)
{
	struct state *s = data;
	size_t used = 0;

	s->text[0] = 0;
	if (s->spliced)
		used += snprintf(s->text, sizeof(s->text), "%s", fuzz_operation_name(FUZZ_SPLICE));
	for (unsigned int i = 0; i < FUZZ_OPERATIONS; i++) {
		if (s->operations & 1u << i && used < sizeof(s->text))
			used += snprintf(s->text + used, sizeof(s->text) - used, "%s%s",
					 used ? "+" : "", fuzz_operation_name(i));
	}
	if (max_description_len && used >= max_description_len)
		s->text[max_description_len - 1] = 0;
	return s->text;
}

/* Splicing bytes makes no sense: afl_custom_fuzz() splices sequences. */
void afl_custom_splice_optout(void *data)
{
}
