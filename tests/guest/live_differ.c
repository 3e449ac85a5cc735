// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sequences played on a live kernel in a guest: verdicts, divergences and crashes with the right
 * signature, coverage.
 *
 *	live-differ KERNEL
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuzz/live.h"
#include "probe.h"
#include "replayer/live/player/player.h"
#include "replayer/live/programs.h"
#include "kvmtape/tape.h"

static const char *kernel_name;
static struct fuzz_live *live;
static struct fuzz_sequence *seq;

/* What falsify() does: to this call, this answer. */
static uint32_t false_call = UINT32_MAX;
static int64_t false_answer;

static void falsify(void *context, uint32_t call, int64_t *ret)
{
	if (call == false_call)
		*ret = false_answer;
}

static int group_setup(void **state)
{
	struct fuzz_live_options options;
	struct guest_kernel kernel;
	struct guest_error error;
	int rc;

	fuzz_live_options_init(&options);
	options.workers = 6;
	options.coverage = true;
	options.falsify = falsify;
	rc = guest_kernel_find(kernel_name, &kernel, &error);
	if (!rc)
		rc = fuzz_live_open(&kernel, &options, &live, &error);
	if (rc)
		fprintf(stderr, "# %s\n", error.text);
	seq = fuzz_sequence_new(KVMAPI_X86);
	return rc || !seq ? -1 : 0;
}

static int group_teardown(void **state)
{
	fuzz_live_close(live);
	fuzz_sequence_free(seq);
	return 0;
}

/* A call behind the others; the object is as in struct fuzz_call.  Its index. */
static uint32_t put(const char *name, uint16_t object, uint64_t arg, const void *in, size_t size)
{
	const struct kvmapi_ioctl *row = kvmapi_find_name(KVMAPI_X86, name);
	struct fuzz_call call = {.op = FUZZ_IOCTL, .object = object, .arg = arg};
	uint32_t index = seq->call_count;
	uint8_t *bytes;

	assert_non_null(row);
	call.request = row->request;
	assert_non_null(fuzz_sequence_insert(seq, index, &call));
	if (row->payload != KVMAPI_VALUE && row->payload != KVMAPI_RUNPAGE) {
		bytes = fuzz_sequence_part(seq, index, TAPE_ARG_IN, size ? size : row->size);
		assert_non_null(bytes);
		if (size)
			memcpy(bytes, in, size);
	}
	return index;
}

/* A VM (object 1) with memory and a vCPU (object 3). */
static void machine(void)
{
	const uint64_t region[4] = {0, 0, 65536, FUZZ_AREA(0)};

	fuzz_sequence_clear(seq);
	put("KVM_CREATE_VM", 0, 0, NULL, 0);
	put("KVM_SET_USER_MEMORY_REGION", 1, 0, region, sizeof(region));
	put("KVM_CREATE_VCPU", 1, 0, NULL, 0);
}

static void play(struct fuzz_live_result *result)
{
	int rc = fuzz_live_one(live, seq, result);

	if (rc)
		fprintf(stderr, "# %s: %s\n", strerror(-rc), fuzz_live_error(live));
	assert_int_equal(rc, 0);
}

static void expect_conforms(const struct fuzz_live_result *r)
{
	if (r->outcome != FUZZ_LIVE_CONFORMS)
		fprintf(stderr, "# %s: expected %s, observed %s\n", r->signature, r->expected,
			r->observed);
	assert_int_equal(r->outcome, FUZZ_LIVE_CONFORMS);
	assert_string_equal(r->signature, "");
}

static void test_conforms(void **state)
{
	struct fuzz_live_result r;

	machine();
	put("KVM_GET_SREGS", 3, 0, NULL, 0);
	put("KVM_GET_REGS", 3, 0, NULL, 0);
	put("KVM_RUN", 3, 0, NULL, 0);
	put("KVM_GET_MP_STATE", 3, 0, NULL, 0);
	/* Wrong on purpose: no such request, a slot that is no multiple of a page. */
	put("KVM_GET_PIT2", 1, 0, NULL, 0);
	put("KVM_SET_USER_MEMORY_REGION", 1, 0, (uint64_t[4]){1, 0, 100, FUZZ_AREA(0)}, 32);
	play(&r);
	expect_conforms(&r);
	assert_int_equal(r.played, seq->call_count);
	assert_int_equal(r.verdicts[MODEL_DIVERGES], 0);
	assert_true(r.verdicts[MODEL_CONFORMS] > 5);
	assert_non_null(r.rule_hits);
}

/* Each of our guest programs, with the code that it runs. */
static void test_programs(void **state)
{
	struct fuzz_live_result r;
	size_t count, size;
	const struct program *list = programs(&count);
	unsigned int played = 0;

	for (size_t i = 0; i < count; i++) {
		int fd;
		void *data;

		if (list[i].arch != KVMAPI_X86)
			continue;
		fd = memfd_create("program", MFD_CLOEXEC);
		assert_int_equal(programs_tape(&list[i], fd), 0);
		size = lseek(fd, 0, SEEK_END);
		data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
		assert_ptr_not_equal(data, MAP_FAILED);
		fuzz_sequence_clear(seq);
		assert_int_equal(fuzz_sequence_from_tape(seq, data, size), 0);
		play(&r);
		if (r.outcome != FUZZ_LIVE_CONFORMS)
			fprintf(stderr, "# program %s\n", list[i].name);
		expect_conforms(&r);
		munmap(data, size);
		close(fd);
		played++;
	}
	assert_true(played > 8);
}

/* Guest code that never leaves by itself. */
static void test_kicked(void **state)
{
	const uint8_t code[] = {0xeb, 0xfe}; /* jmp to itself */
	struct fuzz_call memory = {.op = FUZZ_MEMORY, .object = 1, .arg = 0xfff0};
	struct fuzz_live_result r;

	machine();
	memory.arg = 0x1000;
	assert_non_null(fuzz_sequence_insert(seq, 3, &memory));
	memcpy(fuzz_sequence_part(seq, 3, TAPE_ARG_IN, sizeof(code)), code, sizeof(code));
	{
		uint64_t regs[18] = {[16] = 0x1000, [17] = 2};

		put("KVM_SET_REGS", 3, 0, regs, sizeof(regs));
	}
	put("KVM_RUN", 3, 0, NULL, 0);
	play(&r);
	/* The code segment of a fresh vCPU is elsewhere: what runs there is not ours, but runs. */
	assert_true(r.outcome == FUZZ_LIVE_CONFORMS);
	assert_int_equal(r.played, 5);
}

/* Two threads, one of which is inside a call while the other makes one. */
static void test_threads(void **state)
{
	struct fuzz_live_result r;
	uint32_t index;

	machine();
	index = put("KVM_GET_REGS", 3, 0, NULL, 0);
	seq->calls[index].thread = 1;
	seq->calls[index].flags = FUZZ_CALL_OPEN;
	put("KVM_GET_CLOCK", 1, 0, NULL, 0);
	index = put("KVM_GET_SREGS", 3, 0, NULL, 0);
	seq->calls[index].thread = 1;
	play(&r);
	expect_conforms(&r);
	assert_int_equal(r.played, seq->call_count);
}

static void test_divergence(void **state)
{
	struct fuzz_live_result r;
	struct tape_reader *reader;
	struct tape_item item;
	uint8_t *data;
	size_t size, returns = 0;
	int fd;

	machine();
	false_call = put("KVM_GET_REGS", 3, 0, NULL, 0);
	put("KVM_GET_MP_STATE", 3, 0, NULL, 0);
	false_answer = -EINVAL;
	play(&r);
	false_call = UINT32_MAX;
	assert_int_equal(r.outcome, FUZZ_LIVE_DIVERGES);
	assert_string_equal(r.signature, "diverges REGS_GET_SUCCEEDS KVM_GET_REGS EINVAL");
	assert_int_equal(r.call, 3);
	assert_int_equal(r.verdicts[MODEL_DIVERGES], 1);
	/* The tape has what the model saw. */
	fd = memfd_create("tape", MFD_CLOEXEC);
	assert_int_equal(fuzz_live_tape(live, fd), 0);
	size = lseek(fd, 0, SEEK_END);
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_int_equal(tape_reader_open_memory(data, size, &reader), 0);
	do {
		assert_int_equal(tape_reader_next(reader, &item), 0);
		if (item.type != TAPE_RETURN)
			continue;
		returns++;
		if (!strcmp(item.u.ret->call->row->name, "KVM_GET_REGS"))
			assert_int_equal(item.u.ret->ret, -EINVAL);
	} while (item.type != TAPE_END_OF_FILE);
	assert_int_equal(returns, 5);
	tape_reader_close(reader);
	munmap(data, size);
	close(fd);
	play(&r);
	expect_conforms(&r);
}

#define MANY   12
#define GUILTY 7

static void test_crash(void **state)
{
	struct fuzz_sequence *crash = fuzz_sequence_new(KVMAPI_X86);
	const struct fuzz_call call = {.op = FUZZ_IOCTL, .request = PLAYER_CRASH_REQUEST};
	uint64_t restarts = fuzz_live_counts(live)->restarts;
	struct fuzz_live_result r;
	bool came[MANY] = {false};

	machine();
	put("KVM_GET_REGS", 3, 0, NULL, 0);
	fuzz_sequence_copy(crash, seq);
	assert_non_null(fuzz_sequence_insert(crash, 3, &call));
	for (uint64_t i = 0; i < MANY; i++)
		assert_int_equal(fuzz_live_submit(live, i == GUILTY ? crash : seq, i), 0);
	for (uint64_t i = 0; i < MANY; i++) {
		assert_int_equal(fuzz_live_next(live, &r), 0);
		assert_true(r.number < MANY && !came[r.number]);
		came[r.number] = true;
		if (r.number != GUILTY) {
			expect_conforms(&r);
			continue;
		}
		assert_int_equal(r.outcome, FUZZ_LIVE_CRASH);
		assert_string_equal(r.signature, "panic sysrq_handle_crash");
		assert_true(fuzz_sequence_equal(r.sequence, crash));
		assert_non_null(strstr(fuzz_live_log(live), "sysrq triggered crash"));
	}
	assert_int_equal(fuzz_live_next(live, &r), -ENODATA);
	/* Once with the others, once alone. */
	assert_int_equal(fuzz_live_counts(live)->restarts, restarts + 2);
	fuzz_sequence_free(crash);
	play(&r);
	expect_conforms(&r);
}

static void blocks_keep(uint8_t *to, size_t room, const struct fuzz_live_result *r)
{
	memset(to, 0, room);
	memcpy(to, r->blocks, (r->block_count + 7) / 8);
}

static unsigned int bits(const uint8_t *blocks, size_t size)
{
	unsigned int count = 0;

	for (size_t i = 0; i < size; i++)
		count += __builtin_popcount(blocks[i]);
	return count;
}

static bool ran(const uint8_t *blocks, const char *function)
{
	struct fuzz_coverage *c = fuzz_live_coverage(live);
	struct fuzz_block block;

	for (size_t i = 0; i < fuzz_coverage_blocks(c); i++) {
		if (!(blocks[i / 8] & 1u << i % 8))
			continue;
		fuzz_coverage_block(c, i, &block);
		if (!strcmp(block.function, function) && !block.into)
			return true;
	}
	return false;
}

#define MAP_BYTES 8192

static void test_coverage(void **state)
{
	static uint8_t first[MAP_BYTES], again[MAP_BYTES], other[MAP_BYTES], map[65536];
	struct fuzz_coverage *c = fuzz_live_coverage(live);
	unsigned int same = 0, different = 0, filled = 0;
	struct fuzz_live_result r;
	size_t before;

	machine();
	put("KVM_GET_MP_STATE", 3, 0, NULL, 0);
	play(&r);
	blocks_keep(first, sizeof(first), &r);
	assert_true(bits(first, sizeof(first)) > 500);
	assert_true(ran(first, "kvm_arch_vcpu_create"));
	assert_true(ran(first, "kvm_arch_vcpu_ioctl_get_mpstate"));
	assert_false(ran(first, "kvm_vm_ioctl_get_clock"));
	/* The same again, side by side with itself and with another one. */
	for (unsigned int i = 0; i < 24; i++) {
		assert_int_equal(fuzz_live_submit(live, seq, i), 0);
		assert_int_equal(fuzz_live_next(live, &r), 0);
		blocks_keep(again, sizeof(again), &r);
		if (memcmp(first, again, sizeof(first)))
			different++;
		else
			same++;
	}
	print_message("# same blocks: %u, not: %u; %u blocks; %zu left out as noise\n", same,
		      different, bits(first, sizeof(first)), fuzz_coverage_noisy(c));
	assert_true(different <= 1);
	fuzz_coverage_merge(c, first, sizeof(first) * 8);
	assert_int_equal(fuzz_coverage_merge(c, first, sizeof(first) * 8), 0);
	before = fuzz_coverage_covered(c);
	machine();
	put("KVM_GET_CLOCK", 1, 0, NULL, 0);
	play(&r);
	blocks_keep(other, sizeof(other), &r);
	assert_true(memcmp(first, other, sizeof(first)));
	assert_true(ran(other, "kvm_vm_ioctl_get_clock") || ran(other, "get_kvmclock"));
	assert_false(ran(other, "kvm_arch_vcpu_ioctl_get_mpstate"));
	assert_true(fuzz_coverage_merge(c, r.blocks, r.block_count) > 3);
	assert_true(fuzz_coverage_covered(c) > before);
	fuzz_coverage_copy(c, other, sizeof(other) * 8, map, sizeof(map));
	for (size_t i = 0; i < sizeof(map); i++)
		filled += map[i] != 0;
	assert_true(filled > bits(other, sizeof(other)) * 9 / 10);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conforms),   cmocka_unit_test(test_programs),
		cmocka_unit_test(test_kicked),	   cmocka_unit_test(test_threads),
		cmocka_unit_test(test_divergence), cmocka_unit_test(test_crash),
		cmocka_unit_test(test_coverage),
	};
	const char *why = probe("qemu-system-x86_64");
	char guest[80];

	kernel_name = argc > 1 ? argv[1] : "bookworm";
	snprintf(guest, sizeof(guest), "guest:%s", kernel_name);
	if (!why)
		why = probe(guest);
	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
