/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Minimising with a live kernel that is none: a player that answers wrong under a condition of its
 * own, in a share of the runs, or ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replayer/judge/minimise.h"
#include "kvmtape/asm.h"

/* Answers KVM_GET_API_VERSION wrongly once a vCPU exists and its rax was set to `state`. */
struct fake {
	uint32_t state;
	unsigned int each; /* in every each-th run only */
	bool ends;	   /* ends instead of answering wrongly */
	unsigned int plays, freshes;
	bool down;
};

static void *tape_of(const char *text, size_t *size)
{
	struct tape_asm_error error;
	int fd = memfd_create("test", MFD_CLOEXEC);
	void *data;

	assert_true(fd >= 0);
	if (tape_asm_write(text, fd, NULL, &error))
		fail_msg("line %u: %s", error.line, error.message);
	*size = lseek(fd, 0, SEEK_END);
	data = malloc(*size);
	assert_int_equal(pread(fd, data, *size, 0), *size);
	close(fd);
	return data;
}

static int fake_item(struct fake *f, struct tape_writer *w, const struct tape_item *item,
		     bool *armed)
{
	struct tape_return ret;
	const struct tape_part *in;

	switch (item->type) {
	case TAPE_THREAD:
		return tape_writer_thread(w, &item->u.thread);
	case TAPE_OBJECT:
		return tape_writer_object(w, &item->u.object);
	case TAPE_CALL:
		in = tape_part_find(item->u.call->parts, item->u.call->part_count, TAPE_ARG_IN);
		if (!strcmp(item->u.call->row->name, "KVM_SET_REGS") && in &&
		    !memcmp(in->data, &f->state, sizeof(f->state)))
			*armed = true;
		return tape_writer_call(w, item->u.call);
	case TAPE_RETURN:
		ret = *item->u.ret;
		if (!strcmp(ret.call->row->name, "KVM_GET_API_VERSION")) {
			ret.ret = 12;
			if (*armed && !(f->plays % f->each)) {
				if (f->ends)
					return -ENOTCONN;
				ret.ret = 13;
			}
		}
		return tape_writer_return(w, ret.call->thread, &ret);
	case TAPE_END:
		return tape_writer_finish(w, &item->u.end);
	default:
		return 0;
	}
}

static int fake_play(void *context, const void *tape, size_t size, int fd, char *end,
		     size_t end_size)
{
	struct fake *f = context;
	struct tape_reader *reader;
	struct tape_writer *writer;
	struct tape_item item;
	bool armed = false;
	int rc;

	assert_false(f->down);
	f->plays++;
	rc = tape_reader_open_memory(tape, size, &reader);
	if (rc)
		return rc;
	rc = tape_writer_open(fd, tape_reader_env(reader), NULL, &writer);
	while (!rc) {
		rc = tape_reader_next(reader, &item);
		if (rc || item.type == TAPE_END_OF_FILE)
			break;
		rc = fake_item(f, writer, &item, &armed);
	}
	tape_writer_close(writer);
	tape_reader_close(reader);
	if (rc == -ENOTCONN) {
		f->down = true;
		snprintf(
			end, end_size,
			"the guest ended: oops: BUG at 0xffffffff8100%04x pid %u in kvm_x+0x1f/0x90",
			f->plays, 100 + f->plays);
	}
	return rc;
}

static int fake_fresh(void *context)
{
	struct fake *f = context;

	f->freshes++;
	f->down = false;
	return 0;
}

static const char session[] =
	"kernel 6.1.0\nbackend kvm_amd\ncap KVM_CAP_USER_MEMORY = 1\ncap KVM_CAP_MP_STATE = 1\n"
	"kvm.KVM_GET_API_VERSION() = 12\n"
	"a = kvm.KVM_CREATE_VM(0)\n"
	"b = kvm.KVM_CREATE_VM(0)\n"
	"c = a.KVM_CREATE_VCPU(0)\n"
	"d = b.KVM_CREATE_VCPU(0)\n"
	"begin @1 c.KVM_SET_REGS({.rax = 3, .rflags = 2})\n"
	"d.KVM_SET_REGS({.rax = 1, .rflags = 2}) = 0\n"
	"end @1 c.KVM_SET_REGS = 0\n"
	"d.KVM_SET_REGS({.rax = 3, .rflags = 2}) = 0\n"
	"kvm.KVM_CHECK_EXTENSION(KVM_CAP_MP_STATE) = 1\n"
	"kvm.KVM_GET_API_VERSION() = 12\n"
	"kvm.KVM_CHECK_EXTENSION(KVM_CAP_MP_STATE) = 1\n";

static int minimise(struct fake *f, const char *text, struct minimise_report *report, void **tape,
		    size_t *tape_size)
{
	const struct minimise_player player = {
		.play = fake_play, .fresh = fake_fresh, .context = f};
	const struct minimise_options options = {
		.event = UINT64_MAX, .player = &player, .runs = 6, .where = "here"};
	int fd = memfd_create("out", MFD_CLOEXEC);
	size_t size;
	void *data = tape_of(text, &size);
	int rc;

	rc = minimise_tape(data, size, &options, fd, report);
	*tape_size = lseek(fd, 0, SEEK_END);
	*tape = malloc(*tape_size + 1);
	assert_int_equal(pread(fd, *tape, *tape_size, 0), *tape_size);
	close(fd);
	free(data);
	return rc;
}

/* How many calls a tape has; the value of a pair of its environment goes to `value`. */
static unsigned int calls_of(const void *tape, size_t size, const char *key, char *value)
{
	struct tape_reader *reader;
	struct tape_item item;
	const char *text;
	unsigned int calls = 0;

	assert_int_equal(tape_reader_open_memory(tape, size, &reader), 0);
	text = tape_env_get(tape_reader_env(reader), key);
	snprintf(value, 100, "%s", text ? text : "");
	do {
		assert_int_equal(tape_reader_next(reader, &item), 0);
		calls += item.type == TAPE_CALL;
		if (item.type == TAPE_RETURN)
			assert_false(item.u.ret->overlapped);
	} while (item.type != TAPE_END_OF_FILE);
	tape_reader_close(reader);
	return calls;
}

/* The tape itself does not diverge: what the kernel does now counts. */
static void test_live(void **state)
{
	struct fake f = {.state = 3, .each = 1};
	struct minimise_report report;
	char text[320], value[100];
	void *tape;
	size_t size;

	assert_int_equal(minimise(&f, session, &report, &tape, &size), 1);
	assert_string_equal(minimise_signature_text(&report.signature, text, sizeof(text)),
			    "API_VERSION_IS_12 KVM_GET_API_VERSION (system) success");
	/* A VM, a vCPU, its state, the question. */
	assert_int_equal(report.calls_after, 4);
	assert_int_equal(calls_of(tape, size, "minimised.reliability", value), 4);
	assert_string_equal(value, "6 of 6 runs on here");
	assert_int_equal(report.runs, 6);
	assert_int_equal(report.shown, 6);
	assert_int_equal(report.shown_after, 6);
	assert_int_equal(report.plays, f.plays);
	assert_int_equal(f.freshes, 12);
	free(tape);
}

static void test_unreliable(void **state)
{
	struct fake f = {.state = 3, .each = 3};
	struct minimise_report report;
	char value[100];
	void *tape;
	size_t size;

	assert_int_equal(minimise(&f, session, &report, &tape, &size), 1);
	assert_int_equal(report.calls_after, 4);
	assert_int_equal(report.shown, 2);
	assert_int_equal(report.runs_after, 6);
	assert_int_equal(report.shown_after, 2);
	assert_int_equal(calls_of(tape, size, "minimised.reliability", value), 4);
	assert_string_equal(value, "2 of 6 runs on here");
	free(tape);
}

static void test_crash(void **state)
{
	struct fake f = {.state = 3, .each = 1, .ends = true};
	struct minimise_report report;
	char text[320], value[100];
	void *tape;
	size_t size;

	assert_int_equal(minimise(&f, session, &report, &tape, &size), 1);
	assert_int_equal(report.signature.rule, MINIMISE_NO_RULE);
	/* What changes from one crash to the next is not in it. */
	assert_string_equal(minimise_signature_text(&report.signature, text, sizeof(text)),
			    "the guest ended: oops: BUG at # pid # in kvm_x+#/#");
	minimise_signature_name(&report.signature, text, sizeof(text));
	assert_null(strpbrk(text, "/ :#"));
	assert_int_equal(report.calls_after, 4);
	assert_int_equal(calls_of(tape, size, "minimised.from", value), 4);
	assert_string_equal(value, "11 calls");
	free(tape);
}

static void test_nothing(void **state)
{
	struct fake f = {.state = 77, .each = 1};
	struct minimise_report report;
	void *tape;
	size_t size;

	assert_int_equal(minimise(&f, session, &report, &tape, &size), 0);
	assert_int_equal(size, 0);
	assert_int_equal(report.runs, 6);
	assert_int_equal(report.shown, 0);
	free(tape);
}

static void test_signatures(void **state)
{
	struct minimise_signature a, b;
	char one[160], two[160];

	minimise_signature_end("WARNING: CPU: 0 PID: 71 at arch/x86/kvm/x86.c:1234 f+0x1/0x2", &a);
	minimise_signature_end("WARNING: CPU: 1 PID: 9123 at arch/x86/kvm/x86.c:1234 f+0x1/0x2",
			       &b);
	assert_true(minimise_signature_same(&a, &b));
	minimise_signature_end("WARNING: CPU: 1 PID: 9123 at arch/x86/kvm/x86.c:1234 g+0x1/0x2",
			       &b);
	assert_false(minimise_signature_same(&a, &b));
	minimise_signature_name(&a, one, sizeof(one));
	minimise_signature_name(&b, two, sizeof(two));
	assert_string_not_equal(one, two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live),	   cmocka_unit_test(test_unreliable),
		cmocka_unit_test(test_crash),	   cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
