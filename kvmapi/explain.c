/* SPDX-License-Identifier: BSD-2-Clause */
/* Text for exits that report a failure, and for requests on the wrong kind of object. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "kvmtape/kvmapi.h"

struct number {
	uint32_t number;
	const char *text;
};

static const struct number vmx_reasons[] = {
#define VMX(number, text) {number, text},
#include "kvmapi/hardware.def"
};
static const struct number vmx_errors[] = {
#define VMX_ERROR(number, text) {number, text},
#include "kvmapi/hardware.def"
};
static const struct number svm_codes[] = {
#define SVM(number, text) {number, text},
#include "kvmapi/hardware.def"
};
static const struct number events[] = {
#define EVENT(vector, name) {vector, name},
#include "kvmapi/hardware.def"
};
#define FIND(table, number) find(table, sizeof(table) / sizeof((table)[0]), number)

static const char *find(const struct number *table, size_t count, uint64_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].number == number)
			return table[i].text;
	}
	return "unknown";
}

struct text {
	char *buf;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(t->buf + t->len, t->size - t->len, format, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n < t->size - t->len ? (size_t)n : t->size - t->len - 1;
}

/* struct kvm_run of x86 is little-endian. */
static uint64_t number_at(const uint8_t *run, size_t offset, size_t width)
{
	uint64_t value = 0;

	for (size_t i = 0; i < width; i++)
		value |= (uint64_t)run[offset + i] << 8 * i;
	return value;
}
#define RUN(member) \
	number_at(run, offsetof(struct kvm_run, member), sizeof(((struct kvm_run *)0)->member))

static bool is_amd(const char *backend)
{
	return backend && !strcmp(backend, "kvm_amd");
}

/* The hardware exit reason; bit 31 of VMX's reason: VM entry failed. */
static void put_reason(struct text *t, const char *backend, uint64_t reason)
{
	if (is_amd(backend))
		put(t, "exit code 0x%" PRIx64 ": %s", reason, FIND(svm_codes, reason));
	else
		put(t, "exit reason %" PRIu64 ": %s", reason & 0xffff,
		    FIND(vmx_reasons, reason & 0xffff));
}

/* An event as VMX and SVM describe it: vector in bits 7-0, type in bits 10-8. */
static void put_event(struct text *t, uint64_t info)
{
	unsigned int vector = info & 0xff, type = info >> 8 & 7;

	if (type == 3)
		put(t, "exception %u (%s)", vector, FIND(events, vector));
	else
		put(t, "%s%u",
		    type == 0	? "interrupt "
		    : type == 2 ? "NMI, vector "
		    : type == 4 ? "software interrupt "
				: "event of another type, vector ",
		    vector);
}

static void put_emulation(struct text *t, const uint8_t *run, uint64_t ndata)
{
	uint64_t flags = RUN(emulation_failure.flags), size = RUN(emulation_failure.insn_size);
	const uint8_t *bytes = run + offsetof(struct kvm_run, emulation_failure.insn_bytes);

	put(t, "instruction could not be emulated");
	if (ndata < 3 || !(flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
		return;
	put(t, ":");
	for (uint64_t i = 0;
	     i < size && i < sizeof(((struct kvm_run *)0)->emulation_failure.insn_bytes); i++)
		put(t, " %02x", bytes[i]);
}

static void put_internal(struct text *t, const uint8_t *run, const char *backend)
{
	uint64_t ndata = RUN(internal.ndata);

	switch (RUN(internal.suberror)) {
	case KVM_INTERNAL_ERROR_EMULATION:
		put_emulation(t, run, ndata);
		break;
	case KVM_INTERNAL_ERROR_SIMUL_EX:
		put(t, "an exception while another one was delivered");
		if (ndata >= 2) {
			put(t, ": ");
			put_event(t, RUN(internal.data[0]));
			put(t, " and ");
			put_event(t, RUN(internal.data[1]));
		}
		break;
	case KVM_INTERNAL_ERROR_DELIVERY_EV:
		put(t, "an exit while an event was delivered");
		if (ndata >= 2) {
			put(t, ": ");
			put_event(t, RUN(internal.data[0]));
			put(t, ", ");
			put_reason(t, backend, RUN(internal.data[1]));
		}
		break;
	case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
		put(t, "an exit that KVM does not know");
		if (ndata >= 1) {
			put(t, ": ");
			put_reason(t, backend, RUN(internal.data[0]));
		}
		break;
	default:
		put(t, "suberror %" PRIu64, RUN(internal.suberror));
	}
}

static void put_fail_entry(struct text *t, const uint8_t *run, const char *backend)
{
	uint64_t reason = RUN(fail_entry.hardware_entry_failure_reason);

	put(t, "the processor refused to enter the guest: ");
	if (is_amd(backend))
		put(t, "%s",
		    reason == UINT64_MAX || reason == UINT32_MAX ? "invalid VMCB"
								 : "no reason that is known");
	else if (reason >> 31 & 1)
		put(t, "%s", FIND(vmx_reasons, reason & 0xffff));
	else
		put(t, "VM-instruction error %" PRIu64 ": %s", reason, FIND(vmx_errors, reason));
}

int kvmapi_exit_explain(enum kvmapi_arch arch, const char *backend, const void *run, size_t have,
			char *buf, size_t size)
{
	/* Bytes that were not captured are zero; counts tell what is valid. */
	uint8_t page[sizeof(((struct kvm_run *)0)->internal) + offsetof(struct kvm_run, internal)] =
		{0};
	struct text t = {.buf = buf, .size = size};

	if (arch != KVMAPI_X86)
		return -ENOENT;
	memcpy(page, run, have < sizeof(page) ? have : sizeof(page));
	switch (number_at(page, offsetof(struct kvm_run, exit_reason), 4)) {
	case KVM_EXIT_INTERNAL_ERROR:
		if (have < offsetof(struct kvm_run, internal.data))
			return -ENOENT;
		put_internal(&t, page, backend);
		return 0;
	case KVM_EXIT_FAIL_ENTRY:
		if (have < offsetof(struct kvm_run, fail_entry.cpu))
			return -ENOENT;
		put_fail_entry(&t, page, backend);
		return 0;
	default:
		return -ENOENT;
	}
}

/* Bits of a request beside its size. */
#define SIZE_MASK (0x3fffu << 16)

int kvmapi_request_hint(enum kvmapi_arch arch, enum kvmapi_object kind, uint32_t request, char *buf,
			size_t size)
{
	const struct kvmapi_ioctl *rows, *other = NULL;
	struct text t = {.buf = buf, .size = size};
	size_t count;

	rows = kvmapi_ioctls(arch, &count);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].request != request)
			continue;
		if (rows[i].scope & kind)
			return -ENOENT;
		put(&t, "%s%s is a call of ", t.len ? "; " : "", rows[i].name);
		for (unsigned int k = 0, n = 0; k < KVMAPI_OBJECT_KINDS; k++) {
			if (rows[i].scope & 1u << k)
				put(&t, "%s%s", n++ ? ", " : "", kvmapi_object_name(1u << k));
		}
	}
	if (t.len)
		return 0;
	for (size_t i = 0; i < count && !other; i++) {
		if (((rows[i].request ^ request) & 0xffff) == 0 && rows[i].scope & kind)
			other = &rows[i];
	}
	if (!other)
		return -ENOENT;
	if ((other->request ^ request) & SIZE_MASK)
		put(&t, "%s is 0x%08x: its argument has %u bytes, not %u", other->name,
		    other->request, other->request >> 16 & 0x3fff, request >> 16 & 0x3fff);
	else
		put(&t, "%s is 0x%08x: the direction differs", other->name, other->request);
	return 0;
}
