/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of event descriptors, clocks, capabilities of a VM, vCPU creation, filters and devices. */
#include "model_vm_test.h"

static struct mh h;
static uint32_t vm;

static int setup(void **state)
{
	host_open(&h, "6.12.0", "kvm_amd");
	vm = mh_vm(&h);
	return 0;
}

static int teardown(void **state)
{
	mh_close(&h);
	return 0;
}

static void irqfd_call(uint32_t fd, uint32_t gsi, uint32_t flags, int64_t ret)
{
	struct kvm_irqfd f = {.fd = fd, .gsi = gsi, .flags = flags};

	IN(&h, vm, "KVM_IRQFD", f, ret);
}

static void irqfd(void **state)
{
	irqfd_call(5, 3, 0, -EINVAL);
	KNOWN(&h, "IRQFD_NEEDS_CHIP");
	irqfd_call(5, 3, 0, 0);
	BAD(&h, "IRQFD_NEEDS_CHIP");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	irqfd_call(5, 3, 0, 0);
	GOOD(&h, "IRQFD_SUCCEEDS");
	irqfd_call(5, 3, 0, -EBUSY);
	KNOWN(&h, "IRQFD_TAKEN");
	irqfd_call(6, 3, 0, -EBADF);
	ALLOWED(&h, "EVENTFD_DESCRIPTOR");
	irqfd_call(6, 3, 0, -ENOENT);
	BAD(&h, "IRQFD_SUCCEEDS");
	mh_expect_refused(&h, "IRQFD_TAKEN");
	irqfd_call(-1, 3, 0, 0);
	BAD(&h, "EVENTFD_DESCRIPTOR");
	irqfd_call(6, 3, 8, -EINVAL);
	KNOWN(&h, "IRQFD_FLAGS");
	irqfd_call(6, 3, 8, 0);
	BAD(&h, "IRQFD_FLAGS");
	irqfd_call(5, 3, KVM_IRQFD_FLAG_DEASSIGN, -EINVAL);
	BAD(&h, "IRQFD_SUCCEEDS");
	irqfd_call(5, 3, KVM_IRQFD_FLAG_DEASSIGN, 0);
	GOOD(&h, "IRQFD_SUCCEEDS");
	irqfd_call(5, 3, KVM_IRQFD_FLAG_DEASSIGN, 0);
	KNOWN(&h, "IRQFD_DEASSIGN_MISSING");
	irqfd_call(5, 3, KVM_IRQFD_FLAG_DEASSIGN, -ENOENT);
	BAD(&h, "IRQFD_DEASSIGN_MISSING");
}

static void ioeventfd_call(uint32_t fd, uint64_t addr, uint32_t len, uint64_t match, uint32_t flags,
			   int64_t ret)
{
	struct kvm_ioeventfd e = {
		.fd = fd, .addr = addr, .len = len, .datamatch = match, .flags = flags};

	IN(&h, vm, "KVM_IOEVENTFD", e, ret);
}

static void ioeventfd(void **state)
{
	enum {
		MATCH = KVM_IOEVENTFD_FLAG_DATAMATCH,
		PIO = KVM_IOEVENTFD_FLAG_PIO,
		OFF = KVM_IOEVENTFD_FLAG_DEASSIGN
	};

	ioeventfd_call(5, 0x1000, 4, 1, MATCH, 0);
	GOOD(&h, "IOEVENTFD_SUCCEEDS");
	ioeventfd_call(6, 0x1000, 4, 2, MATCH, 0);
	GOOD(&h, "IOEVENTFD_SUCCEEDS");
	ioeventfd_call(6, 0x1000, 2, 1, MATCH, 0);
	GOOD(&h, "IOEVENTFD_SUCCEEDS");
	ioeventfd_call(6, 0x1000, 4, 1, MATCH | PIO, 0);
	GOOD(&h, "IOEVENTFD_SUCCEEDS");
	ioeventfd_call(7, 0x1000, 4, 1, MATCH, -EEXIST);
	KNOWN(&h, "IOEVENTFD_TAKEN");
	ioeventfd_call(7, 0x1000, 4, 1, MATCH, 0);
	BAD(&h, "IOEVENTFD_TAKEN");
	ioeventfd_call(7, 0x1000, 0, 0, 0, 0);
	BAD(&h, "IOEVENTFD_TAKEN");
	ioeventfd_call(7, 0x1000, 4, 0, 0, 0);
	BAD(&h, "IOEVENTFD_TAKEN");
	ioeventfd_call(7, 0x2000, 3, 0, 0, -EINVAL);
	GOOD(&h, "IOEVENTFD_ARGUMENT");
	ioeventfd_call(7, 0x2000, 3, 0, 0, 0);
	BAD(&h, "IOEVENTFD_ARGUMENT");
	ioeventfd_call(7, 0x2000, 0, 0, MATCH, 0);
	BAD(&h, "IOEVENTFD_ARGUMENT");
	ioeventfd_call(7, -2ull, 4, 0, 0, 0);
	BAD(&h, "IOEVENTFD_ARGUMENT");
	ioeventfd_call(7, 0x2000, 4, 0, 64, 0);
	BAD(&h, "IOEVENTFD_ARGUMENT");
	ioeventfd_call(7, 0x2000, 4, 0, 0, -ENOENT);
	BAD(&h, "IOEVENTFD_SUCCEEDS");
	ioeventfd_call(7, 0x2000, 4, 0, 0, -EBADF);
	ALLOWED(&h, "EVENTFD_DESCRIPTOR");
	ioeventfd_call(5, 0x1000, 4, 1, MATCH | OFF, -ENOENT);
	BAD(&h, "IOEVENTFD_SUCCEEDS");
	ioeventfd_call(5, 0x1000, 4, 1, MATCH | OFF, 0);
	GOOD(&h, "IOEVENTFD_SUCCEEDS");
	ioeventfd_call(5, 0x1000, 4, 1, MATCH | OFF, -ENOENT);
	KNOWN(&h, "IOEVENTFD_MISSING");
	ioeventfd_call(5, 0x1000, 4, 1, MATCH | OFF, 0);
	BAD(&h, "IOEVENTFD_MISSING");
}

static void zones(void **state)
{
	struct kvm_coalesced_mmio_zone z = {.addr = 0xa0000, .size = 0x20000};

	IN(&h, vm, "KVM_REGISTER_COALESCED_MMIO", z, 0);
	GOOD(&h, "COALESCED_SUCCEEDS");
	IN(&h, vm, "KVM_REGISTER_COALESCED_MMIO", z, -ENOSPC);
	BAD(&h, "COALESCED_SUCCEEDS");
	mh_expect_refused(&h, "IO_BUS_FULL");
	IN(&h, vm, "KVM_UNREGISTER_COALESCED_MMIO", z, 0);
	GOOD(&h, "COALESCED_REMOVE_SUCCEEDS");
	IN(&h, vm, "KVM_UNREGISTER_COALESCED_MMIO", z, -ENOENT);
	BAD(&h, "COALESCED_REMOVE_SUCCEEDS");
	z.pio = 2;
	IN(&h, vm, "KVM_REGISTER_COALESCED_MMIO", z, -EINVAL);
	KNOWN(&h, "COALESCED_PIO_FLAG");
	IN(&h, vm, "KVM_UNREGISTER_COALESCED_MMIO", z, 0);
	BAD(&h, "COALESCED_PIO_FLAG");
	z.pio = 0;
	for (unsigned int i = 0; i < 950; i++) {
		z.addr += 0x1000;
		IN(&h, vm, "KVM_REGISTER_COALESCED_MMIO", z, 0);
	}
	IN(&h, vm, "KVM_REGISTER_COALESCED_MMIO", z, -ENOSPC);
	KNOWN(&h, "IO_BUS_FULL");
}

static void hyperv(void **state)
{
	struct kvm_hyperv_eventfd e = {.conn_id = 7, .fd = 9};

	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, -EEXIST);
	BAD(&h, "HYPERV_EVENTFD_SUCCEEDS");
	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, 0);
	GOOD(&h, "HYPERV_EVENTFD_SUCCEEDS");
	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, -EEXIST);
	GOOD(&h, "HYPERV_EVENTFD_TABLE");
	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, 0);
	BAD(&h, "HYPERV_EVENTFD_TABLE");
	e.flags = KVM_HYPERV_EVENTFD_DEASSIGN;
	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, -ENOENT);
	BAD(&h, "HYPERV_EVENTFD_SUCCEEDS");
	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, 0);
	GOOD(&h, "HYPERV_EVENTFD_SUCCEEDS");
	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, 0);
	BAD(&h, "HYPERV_EVENTFD_TABLE");
	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, -ENOENT);
	GOOD(&h, "HYPERV_EVENTFD_TABLE");
	e.flags = 0;
	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, -EBADF);
	ALLOWED(&h, "EVENTFD_DESCRIPTOR");
	e.conn_id = 1 << 24;
	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, -EINVAL);
	GOOD(&h, "HYPERV_EVENTFD_ARGUMENT");
	IN(&h, vm, "KVM_HYPERV_EVENTFD", e, 0);
	BAD(&h, "HYPERV_EVENTFD_ARGUMENT");
}

static void clock(void **state)
{
	struct kvm_clock_data c = {.clock = 5, .flags = 6, .realtime = 1700000000000000000ull};

	OUT(&h, vm, "KVM_GET_CLOCK", c, 0);
	GOOD(&h, "GET_CLOCK_FLAGS");
	assert_true(mh_held(&h, "GET_CLOCK_REALTIME") && mh_held(&h, "GET_CLOCK_SUCCEEDS"));
	assert_true(mh_held(&h, "GET_CLOCK_EMPTY"));
	OUT(&h, vm, "KVM_GET_CLOCK", c, -EINVAL);
	BAD(&h, "GET_CLOCK_SUCCEEDS");
	c.realtime = 4;
	OUT(&h, vm, "KVM_GET_CLOCK", c, 0);
	BAD(&h, "GET_CLOCK_REALTIME");
	c.flags = 0;
	OUT(&h, vm, "KVM_GET_CLOCK", c, 0);
	BAD(&h, "GET_CLOCK_EMPTY");
	c.realtime = 0;
	c.pad[2] = 1;
	OUT(&h, vm, "KVM_GET_CLOCK", c, 0);
	BAD(&h, "GET_CLOCK_EMPTY");
	c.pad[2] = 0;
	c.flags = 1;
	OUT(&h, vm, "KVM_GET_CLOCK", c, 0);
	BAD(&h, "GET_CLOCK_FLAGS");
	IN(&h, vm, "KVM_SET_CLOCK", c, -EINVAL);
	KNOWN(&h, "SET_CLOCK_FLAGS");
	IN(&h, vm, "KVM_SET_CLOCK", c, 0);
	BAD(&h, "SET_CLOCK_FLAGS");
	c.flags = 2;
	IN(&h, vm, "KVM_SET_CLOCK", c, 0);
	GOOD(&h, "SET_CLOCK_SUCCEEDS");
	IN(&h, vm, "KVM_SET_CLOCK", c, -EINVAL);
	BAD(&h, "SET_CLOCK_SUCCEEDS");
	c.flags = 0;
	c.clock = 9000000000;
	OUT(&h, vm, "KVM_GET_CLOCK", c, 0);
	GOOD(&h, "GET_CLOCK_FLAGS");
	c.clock = 8500000000;
	OUT(&h, vm, "KVM_GET_CLOCK", c, 0);
	GOOD(&h, "GET_CLOCK_ADVANCES");
	c.clock = 5000000000;
	OUT(&h, vm, "KVM_GET_CLOCK", c, 0);
	BAD(&h, "GET_CLOCK_ADVANCES");
	IN(&h, vm, "KVM_SET_CLOCK", c, 0);
	OUT(&h, vm, "KVM_GET_CLOCK", c, 0);
	GOOD(&h, "GET_CLOCK_FLAGS");
	/* It goes on from what was set. */
	c.clock = 100000000000;
	IN(&h, vm, "KVM_SET_CLOCK", c, 0);
	c.clock = 5000000000;
	OUT(&h, vm, "KVM_GET_CLOCK", c, 0);
	BAD(&h, "GET_CLOCK_ADVANCES");
}

static void tsc_khz(void **state)
{
	mh_value(&h, vm, "KVM_SET_TSC_KHZ", 90000, 0);
	GOOD(&h, "VM_TSC_KHZ_SUCCEEDS");
	mh_value(&h, vm, "KVM_SET_TSC_KHZ", 90000, -EDOM);
	BAD(&h, "VM_TSC_KHZ_SUCCEEDS");
	mh_value(&h, vm, "KVM_SET_TSC_KHZ", 9000000, -EINVAL);
	ALLOWED(&h, "VM_TSC_KHZ_REFUSED");
	mh_value(&h, vm, "KVM_GET_TSC_KHZ", 0, 90000);
	GOOD(&h, "VM_TSC_KHZ_READ_BACK");
	mh_value(&h, vm, "KVM_GET_TSC_KHZ", 0, 90001);
	BAD(&h, "VM_TSC_KHZ_READ_BACK");
	assert_true(mh_held(&h, "VM_TSC_KHZ_GIVEN"));
	mh_value(&h, vm, "KVM_GET_TSC_KHZ", 0, -EINVAL);
	BAD(&h, "VM_TSC_KHZ_GIVEN");
	mh_expect_refused(&h, "VM_TSC_KHZ_UNSTABLE");
	mh_value(&h, vm, "KVM_GET_TSC_KHZ", 0, -EIO);
	ALLOWED(&h, "VM_TSC_KHZ_UNSTABLE");
	mh_value(&h, vm, "KVM_SET_TSC_KHZ", 90000, -EINVAL);
	BAD(&h, "VM_TSC_KHZ_SUCCEEDS");
	mh_expect_refused(&h, "VM_TSC_KHZ_REFUSED");
	/* The host's own frequency, which is not known. */
	mh_value(&h, vm, "KVM_SET_TSC_KHZ", 0, 0);
	mh_value(&h, vm, "KVM_GET_TSC_KHZ", 0, 2000000);
	GOOD(&h, "VM_TSC_KHZ_GIVEN");
	/* Since 6.17 only before the first vCPU. */
	mh_vcpu(&h, vm, 0);
	mh_value(&h, vm, "KVM_SET_TSC_KHZ", 90000, 0);
	GOOD(&h, "VM_TSC_KHZ_SUCCEEDS");
	mh_close(&h);

	host_open(&h, "7.2.0", "kvm_amd");
	vm = mh_vm(&h);
	mh_vcpu(&h, vm, 0);
	mh_value(&h, vm, "KVM_SET_TSC_KHZ", 90000, -EINVAL);
	GOOD(&h, "VM_TSC_KHZ_BEFORE_VCPUS");
	mh_value(&h, vm, "KVM_SET_TSC_KHZ", 90000, 0);
	BAD(&h, "VM_TSC_KHZ_BEFORE_VCPUS");
}

static void enable_cap(void **state)
{
	static const struct {
		uint32_t cap, flags;
		uint64_t arg;
		bool vcpus; /* there is a vCPU */
		int right;  /* errno that is demanded */
		const char *rule;
	} steps[] = {
		{KVM_CAP_EXCEPTION_PAYLOAD, 0, 1, true, 0, "ENABLE_CAP_SUCCEEDS"},
		{KVM_CAP_EXCEPTION_PAYLOAD, 1, 1, true, EINVAL, "ENABLE_CAP_FLAGS"},
		{KVM_CAP_X86_TRIPLE_FAULT_EVENT, 0, 1, true, 0, "ENABLE_CAP_SUCCEEDS"},
		{KVM_CAP_X86_USER_SPACE_MSR, 0, 7, true, 0, "ENABLE_CAP_SUCCEEDS"},
		{KVM_CAP_X86_USER_SPACE_MSR, 0, 8, true, EINVAL, "ENABLE_CAP_ARGUMENT"},
		{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 0, 3, true, 0, "ENABLE_CAP_SUCCEEDS"},
		{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 0, 2, true, EINVAL, "ENABLE_CAP_ARGUMENT"},
		{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 0, 5, true, EINVAL, "ENABLE_CAP_ARGUMENT"},
		{KVM_CAP_HALT_POLL, 0, 1ull << 32, false, EINVAL, "ENABLE_CAP_ARGUMENT"},
		{KVM_CAP_X86_DISABLE_EXITS, 0, 13, false, 0, "ENABLE_CAP_SUCCEEDS"},
		{KVM_CAP_X86_DISABLE_EXITS, 0, 64, false, EINVAL, "ENABLE_CAP_INVALID"},
		{KVM_CAP_X86_BUS_LOCK_EXIT, 0, 3, false, EINVAL, "ENABLE_CAP_INVALID"},
		{KVM_CAP_X86_BUS_LOCK_EXIT, 0, 1, false, 0, "ENABLE_CAP_SUCCEEDS"},
		{KVM_CAP_EXIT_HYPERCALL, 0, 4096, true, 0, "ENABLE_CAP_SUCCEEDS"},
		{KVM_CAP_EXIT_HYPERCALL, 0, 1, true, EINVAL, "ENABLE_CAP_INVALID"},
		{KVM_CAP_PMU_CAPABILITY, 0, 1, false, 0, "ENABLE_CAP_SUCCEEDS"},
		{KVM_CAP_PMU_CAPABILITY, 0, 1, true, EINVAL, "ENABLE_CAP_BEFORE_VCPUS"},
		{KVM_CAP_MAX_VCPU_ID, 0, 3, false, 0, "ENABLE_CAP_SUCCEEDS"},
		{KVM_CAP_MAX_VCPU_ID, 0, 17, false, EINVAL, "ENABLE_CAP_INVALID"},
		{KVM_CAP_X86_NOTIFY_VMEXIT, 0, 1, false, EINVAL, "ENABLE_CAP_UNSUPPORTED"},
		{KVM_CAP_IMMEDIATE_EXIT, 0, 0, false, EINVAL, "ENABLE_CAP_UNSUPPORTED"},
		{KVM_CAP_X86_APIC_BUS_CYCLES_NS, 0, 10, false, ENXIO, "APIC_BUS_NEEDS_CHIP"},
		{9999, 0, 0, false, EINVAL, "ENABLE_CAP_UNSUPPORTED"},
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct kvm_enable_cap c = {
			.cap = steps[i].cap, .flags = steps[i].flags, .args = {steps[i].arg}};

		for (int wrong = 0; wrong < 2; wrong++) {
			mh_close(&h);
			setup(state);
			if (steps[i].vcpus)
				mh_vcpu(&h, vm, 0);
			if (steps[i].right)
				IN(&h, vm, "KVM_ENABLE_CAP", c, wrong ? 0 : -steps[i].right);
			else
				IN(&h, vm, "KVM_ENABLE_CAP", c, wrong ? -EDOM : 0);
			if (wrong) {
				mh_expect(&h, MODEL_DIVERGES, steps[i].rule);
			} else {
				mh_expect_kept(&h, steps[i].rule);
			}
		}
	}
}

static void other_caps(void **state)
{
	struct kvm_enable_cap c = {.cap = KVM_CAP_SGX_ATTRIBUTE};

	IN(&h, vm, "KVM_ENABLE_CAP", c, 0);
	ALLOWED(&h, "ENABLE_CAP_OTHER");
	IN(&h, vm, "KVM_ENABLE_CAP", c, -EDOM);
	BAD(&h, "ENABLE_CAP_OTHER");
	mh_expect_refused(&h, "SGX_ATTRIBUTE");
	IN(&h, vm, "KVM_ENABLE_CAP", c, -EINVAL);
	ALLOWED(&h, "SGX_ATTRIBUTE");
}

static void vcpus(void **state)
{
	struct mh_call c = {.object = vm, .ioctl = "KVM_CREATE_VCPU", .arg = 1};
	struct kvm_enable_cap limit = {.cap = KVM_CAP_MAX_VCPU_ID, .args = {3}};

	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 1, 0);
	GOOD(&h, "SET_BOOT_CPU_SUCCEEDS");
	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 1, -EBUSY);
	BAD(&h, "SET_BOOT_CPU_SUCCEEDS");
	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 4097, -EINVAL);
	KNOWN(&h, "SET_BOOT_CPU_RANGE");
	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 4097, 0);
	BAD(&h, "SET_BOOT_CPU_RANGE");
	mh_vcpu(&h, vm, 0);
	GOOD(&h, "CREATE_VCPU_SUCCEEDS");
	assert_true(mh_held(&h, "CREATE_VCPU_ID_GIVEN"));
	c.created = mh_object(&h, KVMAPI_VCPU, vm, 2, 0);
	c.ret = 10 + c.created;
	mh_do(&h, &c);
	BAD(&h, "CREATE_VCPU_ID_GIVEN");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 0, -EEXIST);
	KNOWN(&h, "CREATE_VCPU_ID_TAKEN");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 0, 30);
	BAD(&h, "CREATE_VCPU_ID_TAKEN");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 16, -EINVAL);
	GOOD(&h, "CREATE_VCPU_ID_RANGE");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 16, 30);
	BAD(&h, "CREATE_VCPU_ID_RANGE");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 5, -EINVAL);
	BAD(&h, "CREATE_VCPU_SUCCEEDS");
	mh_vcpu(&h, vm, 3);
	mh_vcpu(&h, vm, 4);
	mh_value(&h, vm, "KVM_CREATE_VCPU", 5, -EINVAL);
	GOOD(&h, "CREATE_VCPU_TOO_MANY");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 5, 30);
	BAD(&h, "CREATE_VCPU_TOO_MANY");
	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 1, -EBUSY);
	GOOD(&h, "SET_BOOT_CPU_BEFORE_VCPUS");
	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 1, 0);
	BAD(&h, "SET_BOOT_CPU_BEFORE_VCPUS");
	mh_close(&h);

	setup(state);
	IN(&h, vm, "KVM_ENABLE_CAP", limit, 0);
	mh_value(&h, vm, "KVM_CREATE_VCPU", 3, -EINVAL);
	GOOD(&h, "CREATE_VCPU_ID_LIMIT");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 3, 30);
	BAD(&h, "CREATE_VCPU_ID_LIMIT");
}

static void filters(void **state)
{
	struct kvm_msr_filter f = {.flags = 0};
	struct kvm_pmu_event_filter p = {.action = KVM_PMU_EVENT_DENY};
	static const uint64_t event = 0xff000000000000c0;
	union {
		struct kvm_pmu_event_filter p;
		uint8_t bytes[sizeof(struct kvm_pmu_event_filter) + sizeof(event)];
	} masked = {.p = {.action = 0}};

	memcpy(masked.bytes + sizeof(masked.p), &event, sizeof(event));
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, 0);
	GOOD(&h, "MSR_FILTER_SUCCEEDS");
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, -EINVAL);
	BAD(&h, "MSR_FILTER_SUCCEEDS");
	f.flags = 1;
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, -EINVAL);
	GOOD(&h, "MSR_FILTER_EMPTY_DENY");
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, 0);
	BAD(&h, "MSR_FILTER_EMPTY_DENY");
	f.flags = 2;
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, -EINVAL);
	KNOWN(&h, "MSR_FILTER_FLAGS");
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, 0);
	BAD(&h, "MSR_FILTER_FLAGS");
	f.flags = 1;
	f.ranges[3] = (struct kvm_msr_filter_range){.nmsrs = 8, .flags = 4};
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, -EINVAL);
	KNOWN(&h, "MSR_FILTER_RANGE");
	f.ranges[3].flags = 3;
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, 0);
	GOOD(&h, "MSR_FILTER_SUCCEEDS");
	f.ranges[3].nmsrs = 0x600 * 8 + 1;
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, 0);
	BAD(&h, "MSR_FILTER_RANGE");
	mh_close(&h);
	host_open(&h, "5.10.0", "kvm_amd");
	vm = mh_vm(&h);
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, -EFAULT);
	KNOWN(&h, "MSR_FILTER_RANGE_OLD");
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, 0);
	BAD(&h, "MSR_FILTER_RANGE_OLD");
	mh_close(&h);
	setup(state);
	IN(&h, vm, "KVM_SET_PMU_EVENT_FILTER", p, 0);
	GOOD(&h, "PMU_FILTER_SUCCEEDS");
	IN(&h, vm, "KVM_SET_PMU_EVENT_FILTER", p, -EINVAL);
	BAD(&h, "PMU_FILTER_SUCCEEDS");
	masked.p.flags = KVM_PMU_EVENT_FLAG_MASKED_EVENTS;
	masked.p.nevents = 1;
	IN(&h, vm, "KVM_SET_PMU_EVENT_FILTER", masked, 0);
	GOOD(&h, "PMU_FILTER_SUCCEEDS");
	masked.bytes[sizeof(masked.p) + 5] |= 1;
	IN(&h, vm, "KVM_SET_PMU_EVENT_FILTER", masked, -EINVAL);
	GOOD(&h, "PMU_FILTER_MASKED");
	IN(&h, vm, "KVM_SET_PMU_EVENT_FILTER", masked, 0);
	BAD(&h, "PMU_FILTER_MASKED");
	p.nevents = 301;
	IN(&h, vm, "KVM_SET_PMU_EVENT_FILTER", p, -E2BIG);
	GOOD(&h, "PMU_FILTER_TOO_MANY");
	IN(&h, vm, "KVM_SET_PMU_EVENT_FILTER", p, 0);
	BAD(&h, "PMU_FILTER_TOO_MANY");
	p.nevents = 0;
	p.action = 2;
	IN(&h, vm, "KVM_SET_PMU_EVENT_FILTER", p, -EINVAL);
	GOOD(&h, "PMU_FILTER_ARGUMENT");
	IN(&h, vm, "KVM_SET_PMU_EVENT_FILTER", p, 0);
	BAD(&h, "PMU_FILTER_ARGUMENT");
}

static void descriptors(void **state)
{
	struct kvm_create_guest_memfd g = {.size = 1};
	struct mh_call c = {.object = vm, .ioctl = "KVM_GET_STATS_FD"};

	c.created = mh_object(&h, KVMAPI_STATS, vm, UINT64_MAX, 0);
	c.ret = 10 + c.created;
	mh_do(&h, &c);
	GOOD(&h, "STATS_FD_SUCCEEDS");
	c.ret++;
	mh_do(&h, &c);
	BAD(&h, "CREATED_DESCRIPTOR");
	mh_value(&h, vm, "KVM_GET_STATS_FD", 0, -ENOTTY);
	BAD(&h, "STATS_FD_SUCCEEDS");
	IN(&h, vm, "KVM_CREATE_GUEST_MEMFD", g, -EINVAL);
	KNOWN(&h, "GUEST_MEMFD_SIZE");
	IN(&h, vm, "KVM_CREATE_GUEST_MEMFD", g, 0);
	BAD(&h, "GUEST_MEMFD_SIZE");
	g.size = 4096;
	g.flags = 4;
	IN(&h, vm, "KVM_CREATE_GUEST_MEMFD", g, -EINVAL);
	GOOD(&h, "GUEST_MEMFD_FLAGS");
	IN(&h, vm, "KVM_CREATE_GUEST_MEMFD", g, 40);
	BAD(&h, "GUEST_MEMFD_FLAGS");
	g.flags = 3;
	IN(&h, vm, "KVM_CREATE_GUEST_MEMFD", g, 40);
	GOOD(&h, "GUEST_MEMFD_SUCCEEDS");
	IN(&h, vm, "KVM_CREATE_GUEST_MEMFD", g, -EDOM);
	BAD(&h, "GUEST_MEMFD_SUCCEEDS");
}

static void encryption(void **state)
{
	struct kvm_enc_region r = {.size = 4096};
	struct kvm_create_device new_type = {.type = 1000};

	IN(&h, vm, "KVM_MEMORY_ENCRYPT_REG_REGION", r, -ENOTTY);
	KNOWN(&h, "MEMORY_ENCRYPT_NONE");
	IN(&h, vm, "KVM_MEMORY_ENCRYPT_REG_REGION", r, 0);
	BAD(&h, "MEMORY_ENCRYPT_NONE");
	mh_value(&h, vm, "KVM_MEMORY_ENCRYPT_OP", 0, 0);
	ALLOWED(&h, "MEMORY_ENCRYPT_DONE");
	IN(&h, vm, "KVM_MEMORY_ENCRYPT_REG_REGION", r, 0);
	ALLOWED(&h, "MEMORY_ENCRYPT_DONE");
	mh_close(&h);

	/* Types beyond the table of today, of a kernel beyond it. */
	host_open(&h, "7.9.0", "kvm_amd");
	vm = mh_vm(&h);
	IN(&h, vm, "KVM_CREATE_DEVICE", new_type, 0);
	ALLOWED(&h, "CREATE_DEVICE_OTHER");
	mh_close(&h);
	host_open(&h, "7.2.0", "kvm_amd");
	vm = mh_vm(&h);
	IN(&h, vm, "KVM_CREATE_DEVICE", new_type, 0);
	mh_expect_refused(&h, "CREATE_DEVICE_OTHER");
	mh_close(&h);

	host_open(&h, "6.18.0", "kvm_pvm");
	vm = mh_vm(&h);
	IN(&h, vm, "KVM_MEMORY_ENCRYPT_REG_REGION", r, 0);
	BAD(&h, "MEMORY_ENCRYPT_NONE");
	mh_expect_refused(&h, "MEMORY_ENCRYPT_DONE");
}

static void device_attr(uint32_t object, const char *ioctl, uint32_t group, uint64_t attr,
			int64_t ret)
{
	struct kvm_device_attr a = {.group = group, .attr = attr};

	IN(&h, object, ioctl, a, ret);
}

static void devices(void **state)
{
	struct kvm_create_device d = {.type = KVM_DEV_TYPE_VFIO, .fd = 1}, e = d;
	struct mh_call c = {.object = vm,
			    .ioctl = "KVM_CREATE_DEVICE",
			    .in = &d,
			    .in_len = sizeof(d),
			    .out = &e,
			    .out_len = sizeof(e)};
	uint32_t device;

	d.flags = e.flags = KVM_CREATE_DEVICE_TEST;
	INOUT(&h, vm, "KVM_CREATE_DEVICE", d, e, 0);
	GOOD(&h, "CREATE_DEVICE_TEST");
	e.fd = 2;
	INOUT(&h, vm, "KVM_CREATE_DEVICE", d, e, 0);
	BAD(&h, "CREATE_DEVICE_TEST");
	d.flags = e.flags = 0;
	INOUT(&h, vm, "KVM_CREATE_DEVICE", d, e, -EINVAL);
	BAD(&h, "CREATE_DEVICE_SUCCEEDS");
	d.flags = 2;
	INOUT(&h, vm, "KVM_CREATE_DEVICE", d, e, -EINVAL);
	BAD(&h, "CREATE_DEVICE_FLAGS");
	INOUT(&h, vm, "KVM_CREATE_DEVICE", d, e, 0);
	KNOWN(&h, "CREATE_DEVICE_FLAGS");
	d.flags = 0;
	device = mh_object(&h, KVMAPI_DEVICE, vm, KVM_DEV_TYPE_VFIO, 0);
	c.created = device;
	e.fd = 10 + device;
	mh_do(&h, &c);
	GOOD(&h, "CREATE_DEVICE_SUCCEEDS");
	INOUT(&h, vm, "KVM_CREATE_DEVICE", d, e, -EBUSY);
	KNOWN(&h, "CREATE_DEVICE_ONCE");
	INOUT(&h, vm, "KVM_CREATE_DEVICE", d, e, 0);
	BAD(&h, "CREATE_DEVICE_ONCE");
	d.type = KVM_DEV_TYPE_XICS;
	INOUT(&h, vm, "KVM_CREATE_DEVICE", d, e, -ENODEV);
	GOOD(&h, "CREATE_DEVICE_TYPE");
	INOUT(&h, vm, "KVM_CREATE_DEVICE", d, e, 0);
	BAD(&h, "CREATE_DEVICE_TYPE");

	device_attr(device, "KVM_HAS_DEVICE_ATTR", 1, 1, 0);
	GOOD(&h, "VFIO_HAS");
	device_attr(device, "KVM_HAS_DEVICE_ATTR", 1, 1, -ENXIO);
	BAD(&h, "VFIO_HAS");
	device_attr(device, "KVM_HAS_DEVICE_ATTR", 2, 1, -ENXIO);
	GOOD(&h, "DEVICE_ATTR_UNKNOWN");
	device_attr(device, "KVM_HAS_DEVICE_ATTR", 2, 1, 0);
	BAD(&h, "DEVICE_ATTR_UNKNOWN");
	device_attr(device, "KVM_GET_DEVICE_ATTR", 1, 1, -EPERM);
	GOOD(&h, "DEVICE_ATTR_NO_ACCESS");
	device_attr(device, "KVM_GET_DEVICE_ATTR", 1, 1, 0);
	BAD(&h, "DEVICE_ATTR_NO_ACCESS");
	device_attr(device, "KVM_SET_DEVICE_ATTR", 1, 1, 0);
	GOOD(&h, "VFIO_SET");
	device_attr(device, "KVM_SET_DEVICE_ATTR", 1, 1, -EBADF);
	ALLOWED(&h, "VFIO_DESCRIPTOR");
	device_attr(device, "KVM_SET_DEVICE_ATTR", 1, 1, -EDOM);
	BAD(&h, "VFIO_SET");
	mh_expect_refused(&h, "VFIO_DESCRIPTOR");
	device_attr(device, "KVM_GET_DEVICE_ATTR", 1, 1, 0);
	mh_expect_refused(&h, "DEVICE_ATTR_OTHER");
	device_attr(device, "KVM_SET_DEVICE_ATTR", 1, 9, 0);
	BAD(&h, "DEVICE_ATTR_UNKNOWN");
	device_attr(vm, "KVM_HAS_DEVICE_ATTR", 0, 0, -ENOTTY);
	KNOWN(&h, "VM_ATTR_NONE");
	device_attr(vm, "KVM_SET_DEVICE_ATTR", 0, 0, 0);
	BAD(&h, "VM_ATTR_NONE");
	device_attr(mh_object(&h, KVMAPI_DEVICE, vm, UINT64_MAX, TAPE_OBJECT_PRE_EXISTING),
		    "KVM_GET_DEVICE_ATTR", 0, 0, 0);
	ALLOWED(&h, "DEVICE_ATTR_OTHER");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(irqfd, setup, teardown),
		cmocka_unit_test_setup_teardown(ioeventfd, setup, teardown),
		cmocka_unit_test_setup_teardown(zones, setup, teardown),
		cmocka_unit_test_setup_teardown(hyperv, setup, teardown),
		cmocka_unit_test_setup_teardown(clock, setup, teardown),
		cmocka_unit_test_setup_teardown(tsc_khz, setup, teardown),
		cmocka_unit_test_setup_teardown(enable_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(other_caps, setup, teardown),
		cmocka_unit_test_setup_teardown(vcpus, setup, teardown),
		cmocka_unit_test_setup_teardown(filters, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(encryption, setup, teardown),
		cmocka_unit_test_setup_teardown(devices, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
