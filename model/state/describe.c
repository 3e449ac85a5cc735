/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/state/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kvmapi/kvm_newer.h"

struct teller {
	model_fact_fn fn;
	void *context;
};

static void tell(const struct teller *t, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(const struct teller *t, const char *name, const char *format, ...)
{
	char value[160];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	t->fn(t->context, name, value);
}

static const char *tri_name(enum state_tri value)
{
	return value == STATE_UNKNOWN ? "not known" : value == STATE_YES ? "yes" : "no";
}

static void tell_block(const struct teller *t, const char *name, const struct state_block *b)
{
	uint32_t known = 0;

	for (uint32_t i = 0; i < b->size; i++)
		known += b->mask[i] != 0;
	if (known && b->origin == STATE_RESET)
		tell(t, name, "%u of %u bytes known, of the reset", known, b->size);
	else if (known && b->origin)
		tell(t, name, "%u of %u bytes known, of event %" PRIu64, known, b->size,
		     b->origin - 1);
	else if (known)
		tell(t, name, "%u of %u bytes known", known, b->size);
}

/* How many there are, and whether there may be more. */
static void tell_set(const struct teller *t, const char *name, const struct state_set *s)
{
	if (s->count || s->open)
		tell(t, name, "%u%s", s->count, s->open ? ", and maybe others" : "");
}

static void tell_caps(const struct teller *t, const struct state_set *caps)
{
	for (uint32_t i = 0; i < caps->count; i++) {
		const struct state_entry *e = &caps->entries[i];
		const char *name = kvmapi_cap_name((uint32_t)e->key);

		/* key2 tells what was enabled from what was answered. */
		if (e->key2)
			continue;
		if (e->known)
			tell(t, "enabled", "%s, %#" PRIx64, name ? name : "a capability",
			     e->value[0]);
		else
			tell(t, "enabled", "%s", name ? name : "a capability");
	}
	if (caps->open)
		tell(t, "enabled", "maybe other capabilities");
}

static void tell_khz(const struct teller *t, uint64_t khz)
{
	if (khz == STATE_KHZ_HOST)
		tell(t, "TSC", "the host's frequency");
	else if (khz != STATE_KHZ_UNKNOWN)
		tell(t, "TSC", "%" PRIu64 " kHz", khz);
}

void describe_system(const struct state_system *s, model_fact_fn fn, void *context)
{
	const struct teller t = {fn, context};

	tell_set(&t, "capabilities answered", &s->caps);
	tell_set(&t, "feature MSRs read", &s->msrs);
	tell_block(&t, "list of MSRs", &s->msr_list);
	tell_block(&t, "list of feature MSRs", &s->feature_list);
	tell_block(&t, "supported CPUID", &s->cpuid);
	tell_block(&t, "emulated CPUID", &s->emulated_cpuid);
}

static void tell_slots(const struct teller *t, const struct state_set *slots)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		const struct state_entry *e = &slots->entries[i];

		if (e->known)
			tell(t, "slot",
			     "%" PRIu64 ": guest %#" PRIx64 ", size %#" PRIx64 ", user %#" PRIx64
			     ", flags %#" PRIx64,
			     e->key, e->value[0], e->value[1], e->value[2], e->value[3]);
		else
			tell(t, "slot", "%" PRIu64 ", not known where", e->key);
	}
	if (slots->open)
		tell(t, "slot", "maybe others");
}

void describe_vm(const struct state_vm *vm, model_fact_fn fn, void *context)
{
	static const char *const chips[] = {"none", "in the kernel", "split", "not known"};
	static const char *const blocks[STATE_VM_BLOCKS] = {
		[STATE_PIC_MASTER] = "PIC, master",
		[STATE_PIC_SLAVE] = "PIC, slave",
		[STATE_IOAPIC] = "IOAPIC",
		[STATE_PIT] = "PIT's registers",
		[STATE_CLOCK] = "clock",
		[STATE_CPU_MODEL] = "CPU model",
		[STATE_CPU_MASK] = "facilities",
		[STATE_CPU_FEATURES] = "CPU features",
		[STATE_CPU_SUBFUNCTIONS] = "CPU subfunctions",
	};
	const struct teller t = {fn, context};

	tell(&t, "made on this tape", "%s", vm->fresh ? "yes" : "no, or something is missing");
	tell(&t, "interrupt controller", "%s", chips[vm->irqchip]);
	tell(&t, "PIT", "%s", tri_name(vm->pit));
	tell(&t, "vCPUs", "%s, %u seen", tri_name(vm->has_vcpus), vm->vcpu_count);
	tell(&t, "a vCPU ran", "%s%s", tri_name(vm->has_run), vm->running ? ", and runs now" : "");
	tell_slots(&t, &vm->slots);
	tell_set(&t, "ioeventfds", &vm->ioeventfds);
	tell_set(&t, "irqfds", &vm->irqfds);
	tell_set(&t, "coalesced zones", &vm->zones);
	if (vm->routes_known == STATE_YES)
		tell_set(&t, "routes", &vm->routes);
	tell_caps(&t, &vm->caps);
	tell_khz(&t, vm->tsc_khz);
	for (unsigned int i = 0; i < STATE_VM_BLOCKS; i++)
		tell_block(&t, blocks[i], &vm->blocks[i]);
}

void describe_vcpu(const struct state_vcpu *v, model_fact_fn fn, void *context)
{
	static const char *const blocks[STATE_VCPU_BLOCKS] = {
		[STATE_REGS] = "registers",
		[STATE_SREGS] = "special registers",
		[STATE_SREGS2] = "special registers (2)",
		[STATE_FPU] = "FPU",
		[STATE_XSAVE] = "extended state",
		[STATE_XCRS] = "extended control registers",
		[STATE_DEBUGREGS] = "debug registers",
		[STATE_EVENTS] = "events",
		[STATE_LAPIC] = "local APIC",
		[STATE_CPUID] = "CPUID",
		[STATE_MP_STATE] = "MP state",
		[STATE_NESTED] = "nested state",
	};
	const struct teller t = {fn, context};

	if (v->number != UINT64_MAX)
		tell(&t, "vCPU", "%" PRIu64 "%s", v->number,
		     v->fresh ? "" : ", not made on this tape, or something is missing");
	tell(&t, "has run", "%s%s", tri_name(v->has_run), v->running ? ", and runs now" : "");
	tell(&t, "has a local APIC", "%s", tri_name(v->has_lapic));
	tell(&t, "CPUID was set", "%s", tri_name(v->cpuid_set));
	if (v->pending_exit == STATE_YES)
		tell(&t, "exit to complete", "yes");
	for (unsigned int i = 0; i < STATE_VCPU_BLOCKS; i++)
		tell_block(&t, blocks[i], &v->blocks[i]);
	tell_set(&t, "MSRs or registers known", &v->msrs);
	tell_set(&t, "attributes known", &v->attrs);
	tell_caps(&t, &v->caps);
	tell_khz(&t, v->tsc_khz);
}

void describe_device(const struct state_device *d, model_fact_fn fn, void *context)
{
	const struct teller t = {fn, context};

	if (d->type != UINT64_MAX)
		tell(&t, "device type", "%" PRIu64, d->type);
	tell_set(&t, "attributes known", &d->attrs);
}
