// SPDX-License-Identifier: BSD-2-Clause
/* Tapes as text and back, and what the assembler says of a text that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "kvmtape/asm.h"
#include "fuzz/tape_dump.h"
#include "fuzz/tape_random.h"
#include "tests/unit/rounds.h"

static char *text_of(const void *tape, size_t size, int *result)
{
	struct tape_reader *r;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(tape_reader_open_memory(tape, size, &r), 0);
	*result = tape_asm_print(r, out);
	tape_reader_close(r);
	fclose(out);
	return text;
}

/* NULL and *error if the text is wrong. */
static uint8_t *tape_of(const char *text, size_t *size, struct tape_asm_error *error)
{
	int fd = memfd_create("tape", MFD_CLOEXEC);
	uint8_t *tape = NULL;
	int rc = tape_asm_write(text, fd, NULL, error);

	if (!rc)
		tape = tape_random_slurp(fd, size);
	else if (!error->line)
		fail_msg("%s", tape_strerror(rc));
	close(fd);
	return tape;
}

static uint8_t *must_tape_of(const char *text, size_t *size)
{
	struct tape_asm_error error;
	uint8_t *tape = tape_of(text, size, &error);

	if (!tape)
		fail_msg("%u:%u: %s", error.line, error.column, error.message);
	return tape;
}

/* What a tape holds but its environment, in which the unit of time is another. */
static const char *items_of(const char *dump)
{
	const char *at = strstr(dump, "\nthread ");

	return at ? at : dump;
}

static void round_trip(const void *tape, size_t size, unsigned long long which)
{
	uint8_t *back;
	size_t back_size;
	char *text, *a, *b;
	int rc;

	text = text_of(tape, size, &rc);
	assert_int_equal(rc, 0);
	back = must_tape_of(text, &back_size);
	a = tape_dump_memory(tape, size);
	b = tape_dump_memory(back, back_size);
	if (strcmp(items_of(a), items_of(b)) != 0) {
		print_message("%llu:\n%s", which, text);
		assert_string_equal(items_of(a), items_of(b));
	}
	free(a);
	free(b);
	free(back);
	free(text);
}

/* Whatever is on a tape is in its text. */
static void random_tapes(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < ROUNDS(150); seed++) {
		struct tape_random_options o = {.seed = seed,
						.items = 200,
						.timeless = true,
						.big_parts = seed % 9 ? 0 : 20,
						.frame_bytes = seed % 2 ? 3000 : 0,
						.unfinished = seed % 5 == 0};
		uint8_t *tape;
		size_t size;
		char *expected;

		tape_random_memory(&o, &tape, &size, &expected);
		round_trip(tape, size, seed);
		free(tape);
		free(expected);
	}
}

static uint32_t random_next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/*
 * A tape of one architecture on which every ioctl is called once, with bytes of chance, before and
 * after.
 */
static uint8_t *every_row(enum kvmapi_arch arch, uint32_t seed, size_t *size)
{
	static uint8_t bytes[2][16384];
	int fd = memfd_create("rows", MFD_CLOEXEC);
	const struct kvmapi_ioctl *rows;
	struct tape_writer *w;
	struct tape_env env;
	uint8_t *tape;
	size_t count;

	tape_env_init(&env);
	env.arch = arch;
	env.timeless = true;
	assert_int_equal(tape_writer_open(fd, &env, NULL, &w), 0);
	tape_env_release(&env);
	assert_int_equal(tape_writer_thread(w, &(struct tape_thread){.comm = "t"}), 0);
	for (uint32_t k = 0; k < KVMAPI_OBJECT_KINDS; k++)
		assert_int_equal(
			tape_writer_object(w, &(struct tape_object){.id = k + 1,
								    .kind = (uint8_t)(1u << k),
								    .fd = -1}),
			0);
	rows = kvmapi_ioctls(arch, &count);
	for (size_t n = 0; n < count; n++) {
		const struct kvmapi_ioctl *row = &rows[n];
		const bool run = row->payload == KVMAPI_RUNPAGE;
		struct tape_part parts[2];
		struct tape_call call = {.request = row->request, .arg = 0x10000, .part_count = 1};
		struct tape_return ret = {.part_count = 1};

		if (!row->type)
			continue;
		call.object = 1;
		while (!(row->scope & 1u << (call.object - 1)))
			call.object++;
		for (int half = 0; half < 2; half++) {
			struct tape_part *part = &parts[half];
			uint32_t len = run ? 300 : row->size + 3 * row->elem_size;

			if (len > sizeof(bytes[0]))
				len = sizeof(bytes[0]);
			/* Some small numbers, or unions and counts would never be what is known. */
			for (uint32_t i = 0; i < len; i++)
				bytes[half][i] = random_next(&seed) % 3
							 ? (uint8_t)(random_next(&seed) % 4)
							 : (uint8_t)random_next(&seed);
			if (seed & 64)
				len = random_next(&seed) % (len + 1);
			*part = (struct tape_part){
				.role = (uint8_t)(half + (run ? TAPE_RUN_IN : TAPE_ARG_IN)),
				.want = len + (seed & 256 ? 8 : 0),
				.have = len,
				.addr = run ? 0 : 0x10000,
				.data = len ? bytes[half] : NULL,
			};
		}
		call.parts = &parts[0];
		ret.parts = &parts[1];
		assert_int_equal(tape_writer_call(w, &call), 0);
		assert_int_equal(tape_writer_return(w, 0, &ret), 0);
	}
	assert_int_equal(tape_writer_finish(w, &(struct tape_end){.seen = 1}), 0);
	tape_writer_close(w);
	tape = tape_random_slurp(fd, size);
	close(fd);
	return tape;
}

/* Every struct of every architecture, whatever its bytes, also those that no field holds. */
static void every_type(void **state)
{
	(void)state;
	for (enum kvmapi_arch arch = 0; arch < KVMAPI_ARCHS; arch++) {
		for (uint32_t seed = 0; seed < 12; seed++) {
			size_t size;
			uint8_t *tape = every_row(arch, seed * 77 + 1, &size);

			round_trip(tape, size, (unsigned long long)arch << 32 | seed);
			free(tape);
		}
	}
}

/* Text of a canonical tape becomes the same bytes. */
static void same_bytes(void **state)
{
	(void)state;
	for (uint64_t seed = 1000; seed < 1020; seed++) {
		struct tape_random_options o = {.seed = seed, .items = 200};
		int fd = memfd_create("canonical", MFD_CLOEXEC), rc;
		struct tape_reader *r;
		uint8_t *tape, *canonical, *back;
		size_t size, canonical_size, back_size;
		char *expected, *text;

		tape_random_memory(&o, &tape, &size, &expected);
		assert_int_equal(tape_reader_open_memory(tape, size, &r), 0);
		assert_int_equal(tape_canonicalise(r, fd, NULL), 0);
		tape_reader_close(r);
		canonical = tape_random_slurp(fd, &canonical_size);
		text = text_of(canonical, canonical_size, &rc);
		assert_int_equal(rc, 0);
		back = must_tape_of(text, &back_size);
		assert_int_equal(back_size, canonical_size);
		assert_memory_equal(back, canonical, back_size);
		free(tape);
		free(canonical);
		free(back);
		free(expected);
		free(text);
		close(fd);
	}
}

/* The last call of a text and its return; the reader is still open for what they point to. */
static struct tape_reader *last_call(const uint8_t *tape, size_t size, struct tape_item *last)
{
	struct tape_item item;
	struct tape_reader *r, *at_last = NULL;
	unsigned int returns = 0;

	assert_int_equal(tape_reader_open_memory(tape, size, &r), 0);
	while (!tape_reader_next(r, &item) && item.type != TAPE_END_OF_FILE)
		returns += item.type == TAPE_RETURN;
	tape_reader_close(r);
	assert_true(returns > 0);
	assert_int_equal(tape_reader_open_memory(tape, size, &at_last), 0);
	while (returns) {
		assert_int_equal(tape_reader_next(at_last, last), 0);
		returns -= last->type == TAPE_RETURN;
	}
	return at_last;
}

#define HEAD "vm = kvm.KVM_CREATE_VM(0)\nvcpu = vm.KVM_CREATE_VCPU(3)\n"

/* What is not said is as a VMM and the kernel would have it. */
static void silence(void **state)
{
	const struct tape_part *in, *out;
	const struct tape_object *object;
	struct tape_item item;
	struct tape_reader *r;
	uint8_t *tape;
	size_t size;

	(void)state;
	tape = must_tape_of(HEAD, &size);
	r = last_call(tape, size, &item);
	assert_int_equal(item.u.ret->created, 3);
	object = tape_reader_object(r, 3);
	assert_int_equal(object->parent, 2);
	assert_int_equal(object->number, 3);
	assert_int_equal(object->fd, 5);
	assert_int_equal(item.u.ret->ret, 5);
	tape_reader_close(r);
	free(tape);

	/* The count of the tail, and its size. */
	tape = must_tape_of(
		HEAD "vcpu.KVM_SET_MSRS({.entries = [{.index = EFER, .data = 0x500}, {}]}) = 2\n",
		&size);
	r = last_call(tape, size, &item);
	in = tape_arg_in(item.u.ret);
	assert_int_equal(item.u.ret->call->arg, 0x10000);
	assert_int_equal(in->addr, 0x10000);
	assert_int_equal(in->want, 8 + 2 * 16);
	assert_memory_equal(in->data, "\x02\0\0\0\0\0\0\0\x80\0\0\xc0\0\0\0\0\0\x05", 18);
	tape_reader_close(r);
	free(tape);

	/* A pointer to a buffer, and where the buffer is. */
	tape = must_tape_of(HEAD "vm.KVM_GET_DIRTY_LOG({.slot = 1}) => [0]: u64 0x8000 = 0\n",
			    &size);
	r = last_call(tape, size, &item);
	in = tape_arg_in(item.u.ret);
	out = tape_part_find(item.u.ret->parts, item.u.ret->part_count, TAPE_NESTED_OUT);
	assert_memory_equal(in->data, "\x01\0\0\0\0\0\0\0\0\0\x02\0\0\0\0", 16);
	assert_int_equal(out->addr, 0x20000);
	assert_int_equal(out->have, 8);
	assert_memory_equal(out->data, "\0\x80\0\0\0\0\0\0", 8);
	tape_reader_close(r);
	free(tape);

	/* The descriptor of a device, its type. */
	tape = must_tape_of(HEAD "dev = vm.KVM_CREATE_DEVICE({.type = KVM_DEV_TYPE_VFIO}) => "
				 "{.type = KVM_DEV_TYPE_VFIO} = 0\n",
			    &size);
	r = last_call(tape, size, &item);
	out = tape_part_find(item.u.ret->parts, item.u.ret->part_count, TAPE_ARG_OUT);
	assert_memory_equal(out->data, "\x04\0\0\0\x06\0\0\0\0\0\0\0", 12);
	assert_int_equal(tape_reader_object(r, item.u.ret->created)->number, 4);
	tape_reader_close(r);
	free(tape);

	/* The run page is one page: what the VMM finds there is what the kernel left. */
	tape = must_tape_of(
		HEAD
		"vcpu.KVM_RUN() => {.exit_reason = KVM_EXIT_MMIO, .mmio = {.phys_addr = 0xfee00000,\n"
		"\t.len = 4}} = 0\n"
		"vcpu.KVM_RUN({.mmio.data = hex\"efbe\"}) => {.exit_reason = KVM_EXIT_HLT} = 0\n",
		&size);
	r = last_call(tape, size, &item);
	in = tape_part_find(item.u.ret->call->parts, item.u.ret->call->part_count, TAPE_RUN_IN);
	assert_int_equal(in->have, 32 + 24);
	assert_int_equal(in->data[8], 6);
	assert_memory_equal(in->data + 32, "\0\0\xe0\xfe\0\0\0\0\xef\xbe\0\0\0\0\0\0\x04", 17);
	out = tape_part_find(item.u.ret->parts, item.u.ret->part_count, TAPE_RUN_OUT);
	assert_int_equal(out->have, 32);
	assert_int_equal(out->data[8], 5);
	tape_reader_close(r);
	free(tape);
}

static void without_results(void **state)
{
	struct tape_item item;
	struct tape_reader *r;
	uint8_t *tape;
	size_t size;
	char *text;
	int rc;

	(void)state;
	tape = must_tape_of("results none\n" HEAD "vcpu.KVM_GET_REGS()\nvcpu.KVM_RUN()\n", &size);
	r = last_call(tape, size, &item);
	assert_string_equal(tape_env_get(tape_reader_env(r), "results"), "none");
	assert_int_equal(item.u.ret->ret, 0);
	assert_int_equal(item.u.ret->part_count, 0);
	tape_reader_close(r);
	text = text_of(tape, size, &rc);
	assert_int_equal(rc, 0);
	assert_non_null(strstr(text, "\nresults none\n"));
	assert_null(strstr(text, "= 0\n"));
	free(tape);
	tape = must_tape_of(text, &size);
	free(tape);
	free(text);
}

static void big_endian(void **state)
{
	struct tape_item item;
	struct tape_reader *r;
	uint8_t *tape;
	size_t size;

	(void)state;
	tape = must_tape_of(
		"arch s390\n" HEAD
		"vcpu.KVM_S390_INTERRUPT({.type = KVM_S390_PROGRAM_INT, .parm = 0x12, .parm64 = 0x345}) = 0\n",
		&size);
	r = last_call(tape, size, &item);
	assert_memory_equal(tape_arg_in(item.u.ret)->data,
			    "\xff\xfe\x00\x01\0\0\0\x12\0\0\0\0\0\0\x03\x45", 16);
	tape_reader_close(r);
	free(tape);
}

static void errors(void **state)
{
	static const struct {
		const char *text;
		unsigned int line, column;
		const char *says;
	} wrong[] = {
		{"kernel\n", 1, 7, "release"},
		{"text 2\n", 1, 6, "version 1"},
		{"arch vax\n", 1, 6, "no architecture 'vax'"},
		{"cap KVM_CAP_NOTHING = 1\n", 1, 5, "KVM_CAP_NOTHING"},
		{"vm.KVM_CREATE_VCPU(0) = 5\n", 1, 1, "no object 'vm' yet"},
		{"kvm.KVM_CREATE_WM(0) = 5\n", 1, 5, "no ioctl 'KVM_CREATE_WM' on x86"},
		{"kvm.KVM_S390_IRQ(0) = 5\n", 1, 5, "no ioctl"},
		{"kvm.KVM_GET_API_VERSION(0)\n", 1, 27, "result"},
		{"kvm.KVM_GET_API_VERSION(0) = 12 13\n", 1, 33, "'13' does not belong here"},
		{"kvm.KVM_GET_API_VERSION(0) = -ENOTHING\n", 1, 31, "no error 'ENOTHING'"},
		{"kvm.KVM_GET_API_VERSION(0 = 12\n", 1, 27, "')' should come after"},
		{"kvm.KVM_GET_API_VERSION(0) = 12\nkernel 6.1.0\n", 2, 1, "belongs before"},
		{"  kvm.KVM_GET_API_VERSION(0) = 12\n", 1, 3, "beginning of its line"},
		{"a = kvm.KVM_GET_API_VERSION(0) = 12\n", 1, 1, "makes no object"},
		{HEAD "vm.KVM_SET_USER_MEMORY_REGION({.slott = 1}) = 0\n", 3, 33,
		 "no field 'slott' there in struct kvm_userspace_memory_region"},
		{HEAD "vm.KVM_SET_USER_MEMORY_REGION({.slot = 1,\n\t.flags = KVM_MEM_NONE}) = 0\n",
		 4, 11, "no constant or name 'KVM_MEM_NONE'"},
		{HEAD "vm.KVM_SET_USER_MEMORY_REGION({.slot = 0x100000000}) = 0\n", 3, 40,
		 "does not fit into 32 bits"},
		{HEAD "vm.KVM_SET_USER_MEMORY_REGION({.slot = 1 .flags = 0}) = 0\n", 3, 42,
		 "'}' should come"},
		{HEAD "vm.KVM_SET_USER_MEMORY_REGION({.slot = [1]}) = 0\n", 3, 40, "no array"},
		{HEAD "vm.KVM_SET_USER_MEMORY_REGION({@32 = hex\"01\"}) = 0\n", 3, 31,
		 "goes to byte 33, but there are 32"},
		{HEAD "vm.KVM_SET_USER_MEMORY_REGION(hex\"0\") = 0\n", 3, 35, "two hex digits"},
		{HEAD "vcpu.KVM_SET_LAPIC({.regs = {}}) = 0\n", 3, 29, "[...]"},
		{HEAD "vcpu.KVM_SET_MSRS({.entries = [{.index = 1}, .data = 2]}) = 0\n", 3, 46,
		 "'{' or hex"},
		{HEAD "vcpu.KVM_SET_REGS({.rip = 99999999999999999999}) = 0\n", 3, 27, "64 bits"},
		{HEAD "vcpu.KVM_SET_SREGS({.interrupt_bitmap = [1, 2, 3, 4, 5]}) = 0\n", 3, 54,
		 "no element 4"},
		{HEAD "vm.KVM_CREATE_IRQCHIP() => same = 0\n", 3, 28, "the same as what"},
		{HEAD "vcpu.KVM_RUN({.immediate_exit = 1}, {}) = 0\n", 3, 37, "second time"},
		{HEAD "vcpu.KVM_SET_REGS({.rip = 1}, [16]: u8 1) = 0\n", 3, 31, "below 16"},
		{"results none\n" HEAD "vcpu.KVM_RUN() = 0\n", 4, 16, "results none"},
		{"begin kvm.KVM_GET_API_VERSION()\nend kvm.KVM_CREATE_VM = 0\n", 2, 5,
		 "another ioctl"},
		{"end kvm.KVM_CREATE_VM = 0\n", 1, 5, "no call that could end"},
		{"cut\nkvm.KVM_GET_API_VERSION() = 12\n", 2, 1, "nothing can follow"},
		{"thread 1 \"x\"\n", 1, 8, "thread 0 comes next"},
		{"thread 0 \"a name that is too long\"\n", 1, 10, "at most 15"},
		{"object a thing\n", 1, 10, "kind"},
		{"gap 5 hunger\n", 1, 7, "cause"},
		{"let x = 1 +\n", 1, 12, "a number should come here"},
		{"env a = \"b\n", 1, 9, "no end"},
		{"@2000000 kvm.KVM_GET_API_VERSION() = 12\n", 1, 1, "at most"},
		{"memory kvm 0 5\n", 1, 14, "hex"},
		{"# only \"\n\n\t# and blanks\nx\n", 4, 1, "no object 'x' yet"},
		{"kvm\n", 1, 4, "'.' should come"},
		/* What a person is likely to write, and what would be right. */
		{"vm = KVM_CREATE_VM(0)\n", 1, 6, "as in kvm.KVM_CREATE_VM(0)"},
		{"ioctl(5, KVM_RUN, 0) = 0\n", 1, 1, "OBJECT.IOCTL(ARGUMENT) = RESULT"},
		{"kernal 6.12.0\n", 1, 1, "did you mean kernel?"},
		{"kernel = 6.12.0\n", 1, 10, "'kernel' is followed by what it says"},
		{"arch arm46\n", 1, 6, "did you mean arm64?"},
		{"cap USER_MEMRY = 1\n", 1, 5, "no constant or name 'USER_MEMRY'"},
		{"cap KVM_CAP_USER_MEMRY = 1\n", 1, 5, "did you mean KVM_CAP_USER_MEMORY?"},
		{"// a comment\n", 1, 1, "begins with '#'"},
		{"kvm.KVM_GET_API_VERSION() = 12 // it is\n", 1, 32, "begins with '#'"},
		{"kvm.KVM_GET_API_VERSION() = 12;\n", 1, 31, "ends with its line"},
		{"kvm.KVM_GET_API_VERSION() = EINVAL\n", 1, 29, "an error is negative: -EINVAL"},
		{"kvm.KVM_GET_API_VERSION() = -EINVALL\n", 1, 30, "did you mean -EINVAL?"},
		{"kvm.KVM_GET_API_VERSION({12}) = 12\n", 1, 25, "takes a number, not a struct"},
		{"kvm.KVM_GET_API_VERSION() => 12\n", 1, 30, "the result is written '= 1"},
		{HEAD "Vm.KVM_CREATE_IRQCHIP() = 0\n", 3, 1, "did you mean vm?"},
		{HEAD "vm.KVM_SET_TSS_ADDRESS(0) = 0\n", 3, 4, "did you mean KVM_SET_TSS_ADDR?"},
		{HEAD "vm.KVM_CREATE_DEVICE(KVM_DEV_TYPE_VFIO) = 0\n", 3, 22, "takes a struct"},
		{HEAD "vm.KVM_GET_REGS() => {.rax = 1} = 0\n", 3, 22, "is a call of vcpu"},
		{HEAD "vm.KVM_ENABLE_CAP({.args[4] = 1}) = 0\n", 3, 25, "has 4, from 0 on"},
		{HEAD "x = begin vcpu.KVM_RUN()\n", 3, 5, "at the beginning of its line"},
		{HEAD "begin vcpu.KVM_RUN() = 0\n", 3, 22, "where the call ends"},
		{HEAD "begin vcpu.KVM_RUN()\nend vcpu.KVM_RUN() = 0\n", 4, 17,
		 "stand with 'begin'"},
		{HEAD "thread 0 \"late\"\n", 3, 8, "there already"},
		{HEAD "vcpu.KVM_SET_REGS({rax = 1}) = 0\n", 3, 20, "did you mean .rax?"},
		{HEAD "vcpu.KVM_SET_REGS({.eax = 1}) = 0\n", 3, 21, "did you mean .rax?"},
		{HEAD "vcpu.KVM_SET_MSRS({.entries = [{EFER, 1}]}) = 1\n", 3, 33,
		 "there are .index, .reserved, .data"},
		{HEAD "vcpu.KVM_SET_MP_STATE({.mp_state = RUNNABLE}) = 0\n", 3, 36,
		 "did you mean KVM_MP_STATE_RUNNABLE?"},
		{HEAD "vcpu.KVM_GET_REGS() = {.rax = 1}\n", 3, 23, "behind '=>'"},
		{HEAD "vcpu.KVM_SET_ONE_REG({.id = 1}, u64 5) = 0\n", 3, 33, "'[0]: VALUE'"},
		{HEAD "vcpu.KVM_RUN() => {.exit_reason = KVM_EXIT_HLT, .io.size = 1} = 0\n", 3, 19,
		 "say the .exit_reason that has this member"},
		/* The exit reason is not to blame: an error leaves the member out. */
		{HEAD "vcpu.KVM_RUN() => {.exit_reason = KVM_EXIT_IO, .io.size = 1} = -EINTR\n", 3,
		 19, "after an error the page ends before the member"},
	};

	(void)state;
	for (size_t n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
		struct tape_asm_error error;
		size_t size;

		if (tape_of(wrong[n].text, &size, &error))
			fail_msg("taken: %s", wrong[n].text);
		if (error.line != wrong[n].line || error.column != wrong[n].column ||
		    !strstr(error.message, wrong[n].says))
			fail_msg("%s\nsays %u:%u: %s", wrong[n].text, error.line, error.column,
				 error.message);
	}
}

/*
 * A text that is cut, doubled or changed anywhere is taken or refused, and no more (the sanitizers
 * see it).
 */
static void damaged_text(void **state)
{
	struct tape_random_options o = {.seed = 4, .items = 60};
	uint8_t *tape, *back;
	uint32_t random = 5;
	size_t size, len;
	char *expected, *text, *damaged;
	unsigned int taken = 0, refused = 0;
	int rc;

	(void)state;
	tape_random_memory(&o, &tape, &size, &expected);
	text = text_of(tape, size, &rc);
	assert_int_equal(rc, 0);
	len = strlen(text);
	damaged = malloc(2 * len + 1);
	assert_non_null(damaged);
	for (unsigned int n = 0; n < ROUNDS(1500); n++) {
		static const char chars[] = "{}[]()<>=.,@|-+\"?# \n\t0x9fhexsame~";
		struct tape_asm_error error;
		size_t at = random_next(&random) % len;
		size_t more = random_next(&random) % 40;

		memcpy(damaged, text, len + 1);
		switch (random_next(&random) % 4) {
		case 0:
			damaged[at] = 0;
			break;
		case 1:
			more = more < len - at ? more : len - at;
			memmove(damaged + at, text + at + more, len + 1 - at - more);
			break;
		case 2:
			more = more < at ? more : at;
			memcpy(damaged + at, text + at - more, len + 1 - at + more);
			break;
		default:
			damaged[at] = chars[random_next(&random) % (sizeof(chars) - 1)];
		}
		back = tape_of(damaged, &size, &error);
		taken += back != NULL;
		refused += back == NULL;
		free(back);
	}
	assert_true(taken > ROUNDS(1500) / 30 && refused > ROUNDS(1500) / 3);
	free(damaged);
	free(text);
	free(tape);
	free(expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_tapes),	   cmocka_unit_test(every_type),
		cmocka_unit_test(same_bytes),	   cmocka_unit_test(silence),
		cmocka_unit_test(without_results), cmocka_unit_test(big_endian),
		cmocka_unit_test(errors),	   cmocka_unit_test(damaged_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
