/* SPDX-License-Identifier: BSD-2-Clause */
/* What a second reading of the documents found missing or wrong in the model, see
 * docs/two-readers.md. */
#include "model_vcpu_test.h"

static int setup(void **state)
{
	vcpu_open("6.1.0", "kvm_amd", CHIP, 1);
	return 0;
}

/* The local APIC has the id of its vCPU until somebody writes another one. */
static void apic_id(void **state)
{
	struct kvm_lapic_state l = {0};
	uint32_t other = mh_vcpu(&h, vm, 5);

	l.regs[0x30] = 0x14;
	l.regs[0x23] = 5;
	OUT(&h, other, "KVM_GET_LAPIC", l, 0);
	GOOD(&h, "LAPIC_ID");
	l.regs[0x23] = 6;
	OUT(&h, other, "KVM_GET_LAPIC", l, 0);
	BAD(&h, "LAPIC_ID");
	OUT(&h, vcpu, "KVM_GET_LAPIC", l, 0);
	BAD(&h, "LAPIC_ID");
	IN(&h, other, "KVM_SET_LAPIC", l, 0);
	OUT(&h, other, "KVM_GET_LAPIC", l, 0);
	GOOD(&h, "LAPIC_GET_SUCCEEDS");
}

/* A vCPU begins with the frequency that its VM was given, and keeps it when the VM gets another. */
static void tsc_of_vm(void **state)
{
	uint32_t machine, first;

	machine = mh_vm(&h);
	mh_value(&h, machine, "KVM_SET_TSC_KHZ", 2000000, 0);
	first = mh_vcpu(&h, machine, 0);
	mh_value(&h, first, "KVM_GET_TSC_KHZ", 0, 2400000);
	BAD(&h, "TSC_KHZ_SAME");
	machine = mh_vm(&h);
	mh_value(&h, machine, "KVM_SET_TSC_KHZ", 2000000, 0);
	first = mh_vcpu(&h, machine, 0);
	mh_value(&h, machine, "KVM_SET_TSC_KHZ", 1000000, 0);
	mh_value(&h, first, "KVM_GET_TSC_KHZ", 0, 2000000);
	GOOD(&h, "TSC_KHZ_SAME");
}

/* A software interrupt is no external one: it shows in neither place. */
static void software_interrupt(void **state)
{
	struct kvm_vcpu_events e = {.interrupt = {.injected = 1, .nr = 0x80, .soft = 1}};
	struct kvm_sregs s = {.cr0 = 0x10, .apic_base = 0xfee00900};

	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, 0);
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	GOOD(&h, "SREGS_INTERRUPT_AS_EVENTS");
	mh_close(&h);
	setup(state);
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, 0);
	s.interrupt_bitmap[2] = 1;
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	BAD(&h, "SREGS_INTERRUPT_AS_EVENTS");
}

/* A kernel without the second form of special registers. */
static void no_second_form(void **state)
{
	struct kvm_sregs2 s = {.cr0 = 0x10, .apic_base = 0xfee00900};

	mh_close(&h);
	mh_open(&h, "5.10.0", "kvm_intel");
	mh_cap(&h, KVM_CAP_SREGS2, 0);
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	mh_io(&h, vcpu, "KVM_GET_SREGS2", NULL, 0, NULL, 0, -EINVAL);
	KNOWN(&h, "UNKNOWN_VCPU_EINVAL");
	IN(&h, vcpu, "KVM_SET_SREGS2", s, -EINVAL);
	KNOWN(&h, "UNKNOWN_VCPU_EINVAL");
	OUT(&h, vcpu, "KVM_GET_SREGS2", s, 0);
	BAD(&h, "UNKNOWN_VCPU_EINVAL");
}

/* Numbers far behind the last capability are none. */
static void no_capability(void **state)
{
	mh_value(&h, 1, "KVM_CHECK_EXTENSION", 5000, 0);
	GOOD(&h, "CHECK_EXTENSION_UNKNOWN");
	mh_value(&h, 1, "KVM_CHECK_EXTENSION", 5000, 1);
	BAD(&h, "CHECK_EXTENSION_UNKNOWN");
}

/* Kernels of this age may still assign devices; those that have it not say so. */
static void device_assignment(void **state)
{
	for (int known = 0; known < 2; known++) {
		mh_close(&h);
		mh_open(&h, "4.9.0", "kvm_intel");
		if (known)
			mh_cap(&h, 17, 0); /* KVM_CAP_DEVICE_ASSIGNMENT */
		vm = mh_vm(&h);
		mh_value(&h, vm, "KVM_ASSIGN_PCI_DEVICE", 0x1000, -ENOTTY);
		if (known)
			GOOD(&h, "UNKNOWN_REQUEST_ENOTTY");
		else
			mh_expect(&h, MODEL_UNSPECIFIED, NULL);
		mh_value(&h, vm, "KVM_ASSIGN_PCI_DEVICE", 0x1000, 0);
		if (known)
			BAD(&h, "UNKNOWN_REQUEST_ENOTTY");
		else
			mh_expect(&h, MODEL_UNSPECIFIED, NULL);
	}
	/* Newer ones have it not, whatever they say. */
	mh_close(&h);
	mh_open(&h, "6.1.0", "kvm_intel");
	vm = mh_vm(&h);
	mh_value(&h, vm, "KVM_ASSIGN_PCI_DEVICE", 0x1000, -ENOTTY);
	GOOD(&h, "REMOVED_ENOTTY");
	mh_value(&h, vm, "KVM_ASSIGN_PCI_DEVICE", 0x1000, 0);
	BAD(&h, "REMOVED_ENOTTY");
}

/* A slot that is there, and a space that the host says it has, are no reasons to refuse. */
static void slots(void **state)
{
	struct kvm_userspace_memory_region r = {.flags = KVM_MEM_LOG_DIRTY_PAGES,
						.memory_size = 0x100000,
						.userspace_addr = 0x10000000};
	struct kvm_clear_dirty_log log = {.num_pages = 64, .dirty_bitmap = (void *)0x20000};

	mh_close(&h);
	mh_open(&h, "6.1.0", "kvm_intel");
	mh_cap(&h, KVM_CAP_MULTI_ADDRESS_SPACE, 2);
	vm = mh_vm(&h);
	IN(&h, vm, "KVM_SET_USER_MEMORY_REGION", r, 0);
	GOOD(&h, "MEMORY_REGION_SUCCEEDS");
	IN(&h, vm, "KVM_CLEAR_DIRTY_LOG", log, -EINVAL);
	BAD(&h, "CLEAR_DIRTY_LOG_SUCCEEDS");
	r.slot = 0x10000;
	IN(&h, vm, "KVM_SET_USER_MEMORY_REGION", r, -EINVAL);
	BAD(&h, "MEMORY_REGION_SUCCEEDS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(apic_id, setup, teardown),
		cmocka_unit_test_setup_teardown(tsc_of_vm, setup, teardown),
		cmocka_unit_test_setup_teardown(software_interrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(no_second_form, setup, teardown),
		cmocka_unit_test_setup_teardown(no_capability, setup, teardown),
		cmocka_unit_test_setup_teardown(device_assignment, setup, teardown),
		cmocka_unit_test_setup_teardown(slots, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
