// SPDX-License-Identifier: BSD-2-Clause
/*
 * The player by itself: what it refuses, and, where there is a /dev/kvm, the order of steps,
 * objects, patches, and a call that does not come back by itself.  Only well-formed calls are made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "probe.h"
#include "replayer/live/player/player.h"

#define RESULTS_MAX 64

/* A program under construction, and what came of it. */
struct play {
	uint64_t program[4096];
	size_t size;
	struct player_head head;
	uint8_t *output;
	size_t output_size;
	const struct player_result *results[RESULTS_MAX]; /* by step */
	int rc;
};

static void program_add(struct play *p, const void *data, size_t size)
{
	assert_true(p->size + size + 8 <= sizeof(p->program));
	if (size)
		memcpy((uint8_t *)p->program + p->size, data, size);
	p->size += (size + 7) & ~(size_t)7;
}

static void play_begin(struct play *p, uint32_t threads, uint32_t objects)
{
	memset(p, 0, sizeof(*p));
	p->head = (struct player_head){.magic = PLAYER_MAGIC,
				       .version = PLAYER_VERSION,
				       .threads = threads,
				       .objects = objects,
				       .call_time = 200};
	p->size = sizeof(p->head);
}

static struct player_step step(uint32_t kind, uint32_t thread, uint32_t object, uint32_t request)
{
	return (struct player_step){.record = {0, PLAYER_STEP},
				    .kind = kind,
				    .thread = thread,
				    .object = object,
				    .request = request,
				    .fd_offset = -1};
}

/* Append a step with its waits, patches and argument bytes. */
static void step_add(struct play *p, struct player_step s, const struct player_wait *waits,
		     const struct player_patch *patches, const void *in)
{
	s.record.size = sizeof(s) + s.wait_count * sizeof(*waits) +
			s.patch_count * sizeof(*patches) + ((s.in_size + 7) & ~7u);
	program_add(p, &s, sizeof(s));
	program_add(p, waits, s.wait_count * sizeof(*waits));
	program_add(p, patches, s.patch_count * sizeof(*patches));
	program_add(p, in, s.in_size);
	p->head.steps++;
}

static void play_run(struct play *p)
{
	int fd = memfd_create("output", 0);
	size_t at = 0;
	off_t size;

	assert_true(fd >= 0);
	memcpy(p->program, &p->head, sizeof(p->head));
	p->rc = player_run(p->program, p->size, fd);
	size = lseek(fd, 0, SEEK_END);
	p->output = malloc(size + 1);
	assert_non_null(p->output);
	assert_int_equal(pread(fd, p->output, size, 0), size);
	close(fd);
	p->output_size = size;
	while (at + sizeof(struct player_record) <= p->output_size) {
		const struct player_record *record = (const void *)(p->output + at);
		const struct player_result *result = (const void *)record;

		assert_int_equal(record->size % 8, 0);
		assert_true(record->size >= sizeof(*record) && record->size <= p->output_size - at);
		if (record->type == PLAYER_RESULT && result->step < RESULTS_MAX)
			p->results[result->step] = result;
		at += record->size;
	}
	assert_int_equal(at, p->output_size);
}

static void play_end(struct play *p)
{
	free(p->output);
	p->output = NULL;
}

static void need_kvm(void)
{
	const char *why = probe("kvm");

	if (why) {
		print_message("skip: %s\n", why);
		skip();
	}
}

/* --- what is refused -------------------------------------------------------------------------- */

static void refuses_bad_heads(void **state)
{
	struct play *p = malloc(sizeof(*p));

	assert_non_null(p);
	play_begin(p, 1, 1);
	p->head.magic++;
	play_run(p);
	assert_int_equal(p->rc, -EPROTO);
	play_end(p);

	play_begin(p, 1, 1);
	p->head.version++;
	play_run(p);
	assert_int_equal(p->rc, -EPROTO);
	play_end(p);

	play_begin(p, PLAYER_THREADS_MAX + 1, 1);
	play_run(p);
	assert_int_equal(p->rc, -E2BIG);
	play_end(p);

	play_begin(p, 1, 1);
	p->head.steps = UINT32_MAX;
	play_run(p);
	assert_int_equal(p->rc, -E2BIG);
	play_end(p);
	free(p);
}

/* Each of these steps would reach beyond the program or its tables. */
static void refuses_bad_steps(void **state)
{
	const struct player_wait wait = {7, 1};
	const struct player_patch patch = {.offset = 8, .kind = PLAYER_PATCH_OBJECT, .number = 1};
	const struct player_patch area = {.offset = 0, .kind = PLAYER_PATCH_AREA, .number = 0};
	struct player_step bad[7];
	struct play *p;
	uint64_t in = 0;

	need_kvm();
	p = malloc(sizeof(*p));
	assert_non_null(p);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad[i] = step(PLAYER_CALL, 0, 1, KVM_GET_API_VERSION);
	bad[0].thread = 1;
	bad[1].object = 2;
	bad[2].creates = 2;
	bad[3].wait_count = 1;
	bad[4].patch_count = 1; /* its four bytes begin where the argument ends */
	bad[4].arg_size = bad[4].in_size = 8;
	bad[5].patch_count = 1; /* there is no area */
	bad[5].arg_size = bad[5].in_size = 8;
	bad[6].kind = PLAYER_STORE + 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		play_begin(p, 1, 1);
		step_add(p, bad[i], &wait, i == 5 ? &area : &patch, &in);
		play_run(p);
		assert_int_equal(p->rc, -EPROTO);
		assert_null(p->results[0]);
		play_end(p);
	}
	/* A step that says to be longer than the program is. */
	play_begin(p, 1, 1);
	step_add(p, step(PLAYER_CALL, 0, 1, KVM_GET_API_VERSION), NULL, NULL, NULL);
	((struct player_step *)((uint8_t *)p->program + sizeof(p->head)))->record.size += 8;
	play_run(p);
	assert_int_equal(p->rc, -EPROTO);
	play_end(p);
	free(p);
}

/* --- what is played --------------------------------------------------------------------------- */

static void plays_and_orders(void **state)
{
	enum { ROUNDS = 8 };
	struct play *p;

	need_kvm();
	p = malloc(sizeof(*p));
	assert_non_null(p);
	play_begin(p, 2, 1);
	step_add(p, step(PLAYER_OPEN, 0, 1, 0), NULL, NULL, NULL);
	/* The two threads take turns: each step waits for the one before it. */
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct player_step s = step(PLAYER_CALL, (i + 1) % 2, 1, KVM_GET_API_VERSION);
		const struct player_wait wait = {i % 2, i / 2 + 1};

		s.wait_count = 1;
		step_add(p, s, &wait, NULL, NULL);
	}
	play_run(p);
	assert_int_equal(p->rc, 0);
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		assert_non_null(p->results[i]);
		assert_int_equal(p->results[i]->status, PLAYER_DONE);
		assert_int_equal(p->results[i]->ret, KVM_API_VERSION);
		assert_true(p->results[i]->begin < p->results[i]->end);
		if (i > 1)
			assert_true(p->results[i - 1]->end < p->results[i]->begin);
	}
	play_end(p);
	free(p);
}

static void passes_over_what_is_not_there(void **state)
{
	struct play *p;

	need_kvm();
	p = malloc(sizeof(*p));
	assert_non_null(p);
	play_begin(p, 1, 2);
	step_add(p, step(PLAYER_CALL, 0, 2, KVM_GET_API_VERSION), NULL, NULL, NULL);
	play_run(p);
	assert_int_equal(p->rc, 0);
	assert_non_null(p->results[0]);
	assert_int_equal(p->results[0]->status, PLAYER_NO_OBJECT);
	play_end(p);
	free(p);
}

#ifdef __x86_64__
/* A processor that nobody starts waits in KVM_RUN for ever: the player's signal ends that. */
static void kicks_a_call_that_waits(void **state)
{
	const struct player_patch patch = {.offset = 24, .kind = PLAYER_PATCH_AREA, .number = 0};
	const struct player_area area = {.record = {sizeof(area), PLAYER_AREA}, .bytes = 65536};
	const struct kvm_userspace_memory_region region = {.memory_size = 4096};
	struct play *p;
	struct player_step s;

	need_kvm();
	p = malloc(sizeof(*p));
	assert_non_null(p);
	play_begin(p, 1, 4);
	p->head.areas = 1;
	program_add(p, &area, sizeof(area));
	step_add(p, step(PLAYER_OPEN, 0, 1, 0), NULL, NULL, NULL);
	s = step(PLAYER_CALL, 0, 1, KVM_CREATE_VM);
	s.creates = 2;
	step_add(p, s, NULL, NULL, NULL);
	step_add(p, step(PLAYER_CALL, 0, 2, KVM_CREATE_IRQCHIP), NULL, NULL, NULL);
	s = step(PLAYER_CALL, 0, 2, KVM_SET_USER_MEMORY_REGION);
	s.flags = PLAYER_POINTER;
	s.arg_size = s.in_size = sizeof(region);
	s.patch_count = 1;
	step_add(p, s, NULL, &patch, &region);
	for (uint32_t id = 0; id < 2; id++) {
		s = step(PLAYER_CALL, 0, 2, KVM_CREATE_VCPU);
		s.arg = id;
		s.creates = 3 + id;
		s.flags = PLAYER_VCPU;
		step_add(p, s, NULL, NULL, NULL);
	}
	s = step(PLAYER_CALL, 0, 4, KVM_RUN);
	s.flags = PLAYER_RUN;
	step_add(p, s, NULL, NULL, NULL);
	s.flags = PLAYER_RUN | PLAYER_IMMEDIATE;
	step_add(p, s, NULL, NULL, NULL);
	play_run(p);
	assert_int_equal(p->rc, 0);
	for (uint32_t i = 1; i <= 5; i++) {
		assert_non_null(p->results[i]);
		assert_true(p->results[i]->ret >= 0);
	}
	assert_int_equal(p->results[6]->status, PLAYER_KICKED);
	assert_int_equal(p->results[6]->ret, -EINTR);
	assert_int_equal(p->results[7]->status, PLAYER_DONE);
	assert_int_equal(p->results[7]->ret, -EINTR);
	/* The first part of the patched call is its argument as it went in. */
	assert_int_equal(((const struct player_part *)(p->results[3] + 1))->role,
			 PLAYER_ROLE_ARG_IN);
	play_end(p);
	free(p);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_heads),
		cmocka_unit_test(refuses_bad_steps),
		cmocka_unit_test(plays_and_orders),
		cmocka_unit_test(passes_over_what_is_not_there),
#ifdef __x86_64__
		cmocka_unit_test(kicks_a_call_that_waits),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
