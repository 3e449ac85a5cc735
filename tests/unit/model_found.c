/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What campaigns against stock kernels found and changed the model for: calls that were judged
 * wrongly, each once as kernels answer and once as they must not.
 */
#include "model_vm_test.h"

static struct mh h;
static uint32_t vm, vcpu;

static void open_on(const char *release)
{
	host_open(&h, release, "kvm_amd");
	vm = mh_vm(&h);
}

static void open_with_vcpu(const char *release)
{
	open_on(release);
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	vcpu = mh_vcpu(&h, vm, 0);
}

static void ids(void **state)
{
	struct mh_call c = {.ioctl = "KVM_CREATE_VCPU", .arg = 1ull << 40 | 1};
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_RUNNABLE};

	open_on("6.1.0");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	mh_value(&h, vm, "KVM_SET_BOOT_CPU_ID", 1ull << 40 | 1, 0);
	c.object = vm;
	c.created = mh_object(&h, KVMAPI_VCPU, vm, 1ull << 40 | 1, 0);
	c.ret = 10 + c.created;
	mh_do(&h, &c);
	KNOWN(&h, "CREATE_VCPU_ID_CUT");
	/* It is number 1, the one that boots. */
	OUT(&h, c.created, "KVM_GET_MP_STATE", mp, 0);
	KNOWN(&h, "MP_STATE_AT_FIRST");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 1, -EEXIST);
	KNOWN(&h, "CREATE_VCPU_ID_TAKEN");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 1ull << 40 | 4096, 30);
	BAD(&h, "CREATE_VCPU_ID_RANGE");
	mh_expect_refused(&h, "CREATE_VCPU_ID_CUT");
	mh_close(&h);

	open_on("6.12.0");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 1ull << 40 | 1, -EINVAL);
	GOOD(&h, "CREATE_VCPU_ID_RANGE");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 1ull << 40 | 1, 30);
	BAD(&h, "CREATE_VCPU_ID_RANGE");
	mh_close(&h);
}

static void mmu_pages(void **state)
{
	open_on("6.1.0");
	mh_value(&h, vm, "KVM_SET_NR_MMU_PAGES", 100, 0);
	mh_value(&h, vm, "KVM_GET_NR_MMU_PAGES", 0, 100);
	KNOWN(&h, "GET_NR_MMU_PAGES_SET");
	mh_value(&h, vm, "KVM_GET_NR_MMU_PAGES", 0, 101);
	BAD(&h, "GET_NR_MMU_PAGES_SET");
	mh_value(&h, vm, "KVM_SET_NR_MMU_PAGES", UINT32_MAX, 0);
	mh_value(&h, vm, "KVM_GET_NR_MMU_PAGES", 0, -EPERM);
	KNOWN(&h, "GET_NR_MMU_PAGES_NEGATIVE");
	mh_value(&h, vm, "KVM_GET_NR_MMU_PAGES", 0, 5);
	BAD(&h, "GET_NR_MMU_PAGES_NEGATIVE");
	mh_value(&h, vm, "KVM_SET_NR_MMU_PAGES", 0xde4e2466, 0);
	mh_value(&h, vm, "KVM_GET_NR_MMU_PAGES", 0, (int32_t)0xde4e2466);
	KNOWN(&h, "GET_NR_MMU_PAGES_NEGATIVE");
	mh_value(&h, vm, "KVM_GET_NR_MMU_PAGES", 0, (int32_t)0xde4e2467);
	BAD(&h, "GET_NR_MMU_PAGES_NEGATIVE");
	mh_close(&h);
}

static void ioeventfd(void **state)
{
	struct kvm_ioeventfd e = {.fd = 5, .addr = 0x1000, .len = 4, .flags = 0x10};

	open_on("6.1.0");
	IN(&h, vm, "KVM_IOEVENTFD", e, 0);
	KNOWN(&h, "IOEVENTFD_FLAG_UNNAMED");
	e.fd = 6;
	e.flags = 0;
	IN(&h, vm, "KVM_IOEVENTFD", e, -EEXIST);
	KNOWN(&h, "IOEVENTFD_TAKEN");
	e.flags = 0x10;
	e.addr = 0x2000;
	IN(&h, vm, "KVM_IOEVENTFD", e, -EDOM);
	BAD(&h, "IOEVENTFD_FLAG_UNNAMED");
	e.flags = 0x20;
	IN(&h, vm, "KVM_IOEVENTFD", e, 0);
	BAD(&h, "IOEVENTFD_ARGUMENT");
	mh_close(&h);
}

/* Without a vCPU an IOAPIC counts a line that goes down as delivered, one that goes up not. */
static void irq_line_status(void **state)
{
	struct kvm_irq_level level = {.irq = 5}, after = {.level = 0};

	open_on("6.1.0");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	after.status = 2;
	INOUT(&h, vm, "KVM_IRQ_LINE_STATUS", level, after, 0);
	assert_true(mh_held(&h, "IRQ_LINE_STATUS_RANGE") && mh_held(&h, "IRQ_LINE_STATUS_LOWERED"));
	after.status = 3;
	INOUT(&h, vm, "KVM_IRQ_LINE_STATUS", level, after, 0);
	BAD(&h, "IRQ_LINE_STATUS_RANGE");
	level.level = after.level = 1;
	after.status = 2;
	INOUT(&h, vm, "KVM_IRQ_LINE_STATUS", level, after, 0);
	BAD(&h, "IRQ_LINE_STATUS_RANGE");
	mh_close(&h);
}

static void feature_msrs(void **state)
{
	struct {
		uint32_t n, pad;
		struct kvm_msr_entry e[2];
	} in = {.n = 2, .e = {{.index = 1, .data = 7}, {.index = 2, .data = 8}}}, out = in;

	open_on("6.1.0");
	out.e[0].data = 0;
	INOUT(&h, 1, "KVM_GET_MSRS", in, out, 0);
	KNOWN(&h, "FEATURE_MSRS_FIRST_CLEARED");
	out.e[1].data = 0;
	INOUT(&h, 1, "KVM_GET_MSRS", in, out, 0);
	BAD(&h, "FEATURE_MSRS_REST_KEPT");
	INOUT(&h, 1, "KVM_GET_MSRS", in, in, 0);
	BAD(&h, "FEATURE_MSRS_FIRST_CLEARED");
	mh_close(&h);
}

static void mce(void **state)
{
	struct {
		uint32_t n, pad;
		struct kvm_msr_entry e[1];
	} in = {.n = 1, .e = {{.index = 0x179}}}, out = in;
	uint64_t cap = 1 << 24 | 2;

	open_with_vcpu("6.1.0");
	IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, 0);
	out.e[0].data = cap;
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
	BAD(&h, "MSRS_MCG_CAP_CUT");
	out.e[0].data = 2;
	IN(&h, vcpu, "KVM_X86_SETUP_MCE", cap, 0);
	INOUT(&h, vcpu, "KVM_GET_MSRS", in, out, 1);
	KNOWN(&h, "MSRS_MCG_CAP_CUT");
	mh_close(&h);
}

/* Ranges are looked at one after the other, each with its bitmap. */
static void msr_filter(void **state)
{
	struct kvm_msr_filter f = {.ranges = {{.flags = 1, .nmsrs = 64}, {.nmsrs = 1}}};

	open_on("6.1.0");
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, -EFAULT);
	mh_expect(&h, MODEL_UNSPECIFIED, NULL);
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, -EINVAL);
	KNOWN(&h, "MSR_FILTER_RANGE");
	f.ranges[1] = f.ranges[0];
	f.ranges[0] = (struct kvm_msr_filter_range){.nmsrs = 1};
	IN(&h, vm, "KVM_X86_SET_MSR_FILTER", f, -EFAULT);
	BAD(&h, "MSR_FILTER_RANGE");
	mh_close(&h);
}

/* An INIT that was put in is taken by KVM_GET_MP_STATE, and resets what was set meanwhile. */
static void latched_init(void **state)
{
	struct kvm_vcpu_events e = {.flags = KVM_VCPUEVENT_VALID_SMM, .smi = {.latched_init = 1}};
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_INIT_RECEIVED};
	struct kvm_regs regs = {.rax = 1, .rflags = 2}, reset = {.rflags = 2};

	open_with_vcpu("6.1.0");
	vcpu = mh_vcpu(&h, vm, 1);
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, 0);
	IN(&h, vcpu, "KVM_SET_REGS", regs, 0);
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	OUT(&h, vcpu, "KVM_GET_REGS", reset, 0);
	assert_int_equal(h.diverged, 0);
	mh_close(&h);

	/* Without the flag nothing waits. */
	open_with_vcpu("6.1.0");
	vcpu = mh_vcpu(&h, vm, 1);
	e.flags = 0;
	IN(&h, vcpu, "KVM_SET_VCPU_EVENTS", e, 0);
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	BAD(&h, "MP_STATE_AT_FIRST");
	mh_close(&h);
}

/* 5.10 keeps any MP state, also over a KVM_RUN that runs nothing, and lacks later calls. */
static void old_kernel(void **state)
{
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_LOAD};
	struct kvm_run run = {.immediate_exit = 1};
	struct kvm_sregs2 sregs = {.apic_base = 0xfee00900};

	open_with_vcpu("5.10.0");
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
	KNOWN(&h, "MP_STATE_ANY");
	mh_run(&h, vcpu, &run, KVMAPI_RUN_UNION, &run, KVMAPI_RUN_UNION, -EINTR);
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	KNOWN(&h, "MP_STATE_ANY");
	mh_value(&h, vcpu, "KVM_GET_XSAVE2", 0x1000, -EINVAL);
	KNOWN(&h, "UNKNOWN_VCPU_EINVAL");
	OUT(&h, vcpu, "KVM_GET_SREGS2", sregs, -EINVAL);
	KNOWN(&h, "UNKNOWN_VCPU_EINVAL");
	IN(&h, vcpu, "KVM_SET_SREGS2", sregs, 0);
	BAD(&h, "UNKNOWN_VCPU_EINVAL");
	mh_close(&h);

	open_with_vcpu("6.1.0");
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	BAD(&h, "MP_STATE_OF_X86");
	mh_close(&h);
}

/* Without a local APIC 5.10 makes every vCPU the boot processor. */
static void apic_base(void **state)
{
	struct kvm_sregs set = {.apic_base = 0}, got = {.apic_base = 0x100};

	open_on("5.10.0");
	vcpu = mh_vcpu(&h, vm, 0);
	IN(&h, vcpu, "KVM_SET_SREGS", set, 0);
	OUT(&h, vcpu, "KVM_GET_SREGS", got, 0);
	GOOD(&h, "SREGS_SAME");
	mh_close(&h);
	open_on("6.1.0");
	vcpu = mh_vcpu(&h, vm, 0);
	IN(&h, vcpu, "KVM_SET_SREGS", set, 0);
	OUT(&h, vcpu, "KVM_GET_SREGS", got, 0);
	BAD(&h, "SREGS_SAME");
	mh_close(&h);
}

/* A SIPI that userspace set waits for KVM_GET_MP_STATE, whatever is set after it. */
static void waiting_sipi(void **state)
{
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_SIPI_RECEIVED};

	open_with_vcpu("6.1.0");
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
	mp.mp_state = KVM_MP_STATE_INIT_RECEIVED;
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
	mp.mp_state = KVM_MP_STATE_UNINITIALIZED;
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	BAD(&h, "MP_STATE_SIPI_TAKEN");
	mh_close(&h);

	open_with_vcpu("6.1.0");
	mp.mp_state = KVM_MP_STATE_SIPI_RECEIVED;
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
	mp.mp_state = KVM_MP_STATE_INIT_RECEIVED;
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
	mp.mp_state = KVM_MP_STATE_RUNNABLE;
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	KNOWN(&h, "MP_STATE_SIPI_TAKEN");
	/* It is gone now. */
	mp.mp_state = KVM_MP_STATE_INIT_RECEIVED;
	IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
	mp.mp_state = KVM_MP_STATE_RUNNABLE;
	OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
	BAD(&h, "MP_STATE_SAME");
	mh_close(&h);
}

static void task_priority_page(void **state)
{
	struct kvm_userspace_memory_region slot = {
		.memory_size = 0x1000, .flags = KVM_MEM_READONLY, .userspace_addr = 0x7f0000000000};
	struct kvm_vapic_addr addr = {.vapic_addr = 0x800};

	open_with_vcpu("6.1.0");
	IN(&h, vm, "KVM_SET_USER_MEMORY_REGION", slot, 0);
	IN(&h, vcpu, "KVM_SET_VAPIC_ADDR", addr, -EINVAL);
	KNOWN(&h, "VAPIC_NOT_MEMORY");
	IN(&h, vcpu, "KVM_SET_VAPIC_ADDR", addr, 0);
	BAD(&h, "VAPIC_NOT_MEMORY");
	slot = (struct kvm_userspace_memory_region){.slot = 1,
						    .guest_phys_addr = 0x1000,
						    .memory_size = 0x1000,
						    .userspace_addr = 0x7f0000001000};
	IN(&h, vm, "KVM_SET_USER_MEMORY_REGION", slot, 0);
	addr.vapic_addr = 0x1ffc;
	IN(&h, vcpu, "KVM_SET_VAPIC_ADDR", addr, 0);
	KNOWN(&h, "VAPIC_SUCCEEDS");
	addr.vapic_addr = 0x1ffd;
	IN(&h, vcpu, "KVM_SET_VAPIC_ADDR", addr, -EINVAL);
	KNOWN(&h, "VAPIC_NOT_MEMORY");
	mh_close(&h);
}

static void last_address(void **state)
{
	struct kvm_translation t = {.linear_address = UINT64_MAX}, got = t;
	struct kvm_sregs s = {.apic_base = 0xfee00900};

	open_with_vcpu("6.1.0");
	OUT(&h, vcpu, "KVM_GET_SREGS", s, 0);
	got.physical_address = UINT64_MAX;
	got.writeable = 1;
	INOUT(&h, vcpu, "KVM_TRANSLATE", t, got, 0);
	KNOWN(&h, "TRANSLATE_LAST_ADDRESS");
	got.valid = 1;
	INOUT(&h, vcpu, "KVM_TRANSLATE", t, got, 0);
	BAD(&h, "TRANSLATE_LAST_ADDRESS");
	mh_close(&h);
}

static void shared_info(void **state)
{
	struct kvm_xen_hvm_attr a = {.type = KVM_XEN_ATTR_TYPE_SHARED_INFO}, got = a;

	host_open(&h, "7.2.0", "kvm_amd");
	h.env.caps[KVM_CAP_XEN_HVM] = KVM_XEN_HVM_CONFIG_SHARED_INFO;
	vm = mh_vm(&h);
	a.u.shared_info.gfn = 9;
	IN(&h, vm, "KVM_XEN_HVM_SET_ATTR", a, -EFAULT);
	KNOWN(&h, "XEN_ATTR_ADDRESS");
	INOUT(&h, vm, "KVM_XEN_HVM_GET_ATTR", got, a, 0);
	KNOWN(&h, "XEN_ATTR_KEPT_REFUSED");
	a.u.shared_info.gfn = UINT64_MAX;
	INOUT(&h, vm, "KVM_XEN_HVM_GET_ATTR", got, a, 0);
	BAD(&h, "XEN_ATTR_KEPT_REFUSED");
	/* What was refused because of its own form was never there. */
	mh_close(&h);
	host_open(&h, "7.2.0", "kvm_amd");
	h.env.caps[KVM_CAP_XEN_HVM] = KVM_XEN_HVM_CONFIG_SHARED_INFO;
	vm = mh_vm(&h);
	IN(&h, vm, "KVM_XEN_HVM_SET_ATTR", got, -EINVAL);
	INOUT(&h, vm, "KVM_XEN_HVM_GET_ATTR", got, got, 0);
	BAD(&h, "XEN_ATTR_DEFAULT");
	mh_close(&h);
}

static void no_buffer(void **state)
{
	struct kvm_one_reg reg = {.id = KVM_REG_X86 | KVM_REG_SIZE_U64};

	open_with_vcpu("7.2.0");
	IN(&h, vcpu, "KVM_GET_ONE_REG", reg, -EFAULT);
	mh_expect(&h, MODEL_UNSPECIFIED, NULL);
	IN(&h, vcpu, "KVM_SET_ONE_REG", reg, -EFAULT);
	mh_expect(&h, MODEL_UNSPECIFIED, NULL);
	IN(&h, vcpu, "KVM_SET_ONE_REG", reg, -EDOM);
	BAD(&h, "ONE_REG_SUCCEEDS");
	mh_close(&h);
}

/*
 * Two calls overlap, nothing contradicts either order, and they leave different things behind:
 * afterwards both are possible.  What both leave behind the same is known.
 */
static void either_order(void **state)
{
	struct kvm_regs one = {.rax = 1, .rbx = 3, .rflags = 2},
			two = {.rax = 2, .rbx = 3, .rflags = 2},
			other = {.rax = 1, .rbx = 4, .rflags = 2};
	struct mh_call a = {
		.ioctl = "KVM_SET_REGS", .in = &one, .in_len = sizeof(one), .thread = 1};
	struct mh_call b = {
		.ioctl = "KVM_SET_REGS", .in = &two, .in_len = sizeof(two), .thread = 2};

	open_with_vcpu("6.1.0");
	a.object = b.object = vcpu;
	for (unsigned int i = 0; i < 2; i++) {
		mh_begin(&h, &a);
		mh_begin(&h, &b);
		mh_end(&h, &a);
		mh_end(&h, &b);
		OUT(&h, vcpu, "KVM_GET_REGS", one, 0);
		GOOD(&h, "REGS_SAME");
		mh_begin(&h, &a);
		mh_begin(&h, &b);
		mh_end(&h, &a);
		mh_end(&h, &b);
		OUT(&h, vcpu, "KVM_GET_REGS", two, 0);
		GOOD(&h, "REGS_SAME");
		/* From here on it is known which one it was. */
		OUT(&h, vcpu, "KVM_GET_REGS", one, 0);
		BAD(&h, "REGS_SAME");
	}
	mh_begin(&h, &a);
	mh_begin(&h, &b);
	mh_end(&h, &a);
	mh_end(&h, &b);
	OUT(&h, vcpu, "KVM_GET_REGS", other, 0);
	BAD(&h, "REGS_SAME");
	mh_close(&h);
}

/* Two threads in KVM_RUN of one vCPU share its page, also with immediate_exit. */
static void run_page_shared(void **state)
{
	struct kvm_run in = {.immediate_exit = 1,
			     .apic_base = 0xfee00900,
			     .ready_for_interrupt_injection = 1},
		       out = in;
	struct tape_part before = {
		.role = TAPE_RUN_IN, .want = 288, .have = 288, .data = (const uint8_t *)&in};
	struct tape_part after = {
		.role = TAPE_RUN_OUT, .want = 288, .have = 288, .data = (const uint8_t *)&out};
	struct mh_call a = {.ioctl = "KVM_RUN",
			    .in_parts = &before,
			    .in_part_count = 1,
			    .out_parts = &after,
			    .out_part_count = 1,
			    .ret = -EINTR,
			    .thread = 1};
	struct mh_call b = a;

	out.exit_reason = KVM_EXIT_INTR;
	out.immediate_exit = 0;
	b.thread = 2;
	for (unsigned int shared = 0; shared < 2; shared++) {
		open_with_vcpu("6.1.0");
		a.object = b.object = vcpu;
		mh_begin(&h, &a);
		if (shared)
			mh_begin(&h, &b);
		mh_end(&h, &a);
		if (shared)
			mh_expect(&h, MODEL_CONFORMS, NULL);
		else
			assert_true(mh_unusual(&h, "RUN_REQUESTS_STAY"));
		mh_close(&h);
	}
}

/* The frequency of a VM reads as an int, too. */
static void vm_frequency(void **state)
{
	open_on("6.1.0");
	mh_value(&h, vm, "KVM_SET_TSC_KHZ", 0xffffffff, 0);
	mh_value(&h, vm, "KVM_GET_TSC_KHZ", 0, -1);
	KNOWN(&h, "TSC_KHZ_NEGATIVE");
	mh_value(&h, vm, "KVM_GET_TSC_KHZ", 0, -2);
	BAD(&h, "TSC_KHZ_NEGATIVE");
	mh_close(&h);
}

/* After a gap a frequency may be one that reads as a negative number; the host's own never is. */
static void frequency_forgotten(void **state)
{
	const struct tape_gap gap = {.events = 1};

	open_with_vcpu("6.1.0");
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, INT32_MIN);
	BAD(&h, "TSC_KHZ_GET_SUCCEEDS");
	mh_value(&h, vm, "KVM_GET_TSC_KHZ", 0, -EINVAL);
	BAD(&h, "VM_TSC_KHZ_GIVEN");
	model_gap(h.model, &gap);
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, -EINVAL);
	OPEN(&h);
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, -EIO);
	OPEN(&h);
	assert_true(mh_held(&h, "TSC_KHZ_UNSTABLE"));
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, INT32_MIN);
	KNOWN(&h, "TSC_KHZ_NEGATIVE");
	/* Now it is known. */
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, INT32_MIN + 1);
	BAD(&h, "TSC_KHZ_NEGATIVE");
	mh_value(&h, vm, "KVM_GET_TSC_KHZ", 0, -9254268);
	KNOWN(&h, "TSC_KHZ_NEGATIVE");
	/* The host's own again. */
	mh_value(&h, vcpu, "KVM_SET_TSC_KHZ", 0, 0);
	mh_value(&h, vcpu, "KVM_GET_TSC_KHZ", 0, INT32_MIN);
	BAD(&h, "TSC_KHZ_GET_SUCCEEDS");
	mh_close(&h);
}

/* A limit that may have been set is looked at before the id is found to be taken. */
static void id_limit_forgotten(void **state)
{
	const struct tape_gap gap = {.events = 1};

	open_on("6.1.0");
	mh_vcpu(&h, vm, 3);
	mh_value(&h, vm, "KVM_CREATE_VCPU", 3, -EINVAL);
	BAD(&h, "CREATE_VCPU_ID_TAKEN");
	model_gap(h.model, &gap);
	mh_value(&h, vm, "KVM_CREATE_VCPU", 3, -EINVAL);
	GOOD(&h, "CREATE_VCPU_TOO_MANY");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 3, -EEXIST);
	KNOWN(&h, "CREATE_VCPU_ID_TAKEN");
	mh_close(&h);
}

/* Without a local APIC in the kernel CR8 is looked at; whether there is one may not be known. */
static void cr8_forgotten(void **state)
{
	struct mh_call khz = {.ioctl = "KVM_SET_TSC_KHZ", .arg = 1000000, .thread = 1};
	struct kvm_run in = {.cr8 = 1ull << 34};

	open_with_vcpu("6.1.0");
	mh_run(&h, vcpu, &in, 288, NULL, 0, -EINVAL);
	BAD(&h, "RUN_SUCCEEDS");
	/* Which of the two came last is not known: nothing of the vCPU is, then. */
	khz.object = vcpu;
	mh_begin(&h, &khz);
	mh_value(&h, vcpu, "KVM_SET_TSC_KHZ", 2000000, 0);
	mh_end(&h, &khz);
	mh_run(&h, vcpu, &in, 288, NULL, 0, -EINVAL);
	KNOWN(&h, "RUN_CR8_INVALID");
	in.cr8 = 0;
	mh_run(&h, vcpu, &in, 288, NULL, 0, -EINVAL);
	BAD(&h, "RUN_SUCCEEDS");
	mh_close(&h);
}

/* An INIT may be latched where nobody saw it: until the events say that there is none. */
static void init_forgotten(void **state)
{
	struct kvm_vcpu_events events = {.flags = 0xd};
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_HALTED};

	for (unsigned int told = 0; told < 2; told++) {
		open_with_vcpu("6.1.0");
		/* What was set is not known: an INIT may wait. */
		mh_value(&h, vcpu, "KVM_SET_VCPU_EVENTS", 0x1000, 0);
		if (told)
			OUT(&h, vcpu, "KVM_GET_VCPU_EVENTS", events, 0);
		mp.mp_state = KVM_MP_STATE_HALTED;
		IN(&h, vcpu, "KVM_SET_MP_STATE", mp, 0);
		mp.mp_state = KVM_MP_STATE_RUNNABLE;
		OUT(&h, vcpu, "KVM_GET_MP_STATE", mp, 0);
		if (told)
			BAD(&h, "MP_STATE_SAME");
		else
			GOOD(&h, "MP_STATE_GET_SUCCEEDS");
		mh_close(&h);
	}
}

/* PDPTRS_VALID follows from EFER, which KVM_SET_MSRS writes, too. */
static void sregs2_flags(void **state)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = {.head = {.nmsrs = 1}, .entry = {.index = 0xc0000080}};
	struct kvm_sregs2 s = {.cr0 = 0x80000011, .cr4 = 0x20, .efer = 0x500};

	open_with_vcpu("6.1.0");
	OUT(&h, vcpu, "KVM_GET_SREGS2", s, 0);
	mh_expect(&h, MODEL_CONFORMS, NULL);
	IN(&h, vcpu, "KVM_SET_MSRS", msrs, 1);
	s.efer = 0;
	OUT(&h, vcpu, "KVM_GET_SREGS2", s, 0);
	BAD(&h, "SREGS2_PDPTRS_FLAG");
	s.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	OUT(&h, vcpu, "KVM_GET_SREGS2", s, 0);
	GOOD(&h, "SREGS2_GET_SUCCEEDS");
	mh_close(&h);
}

/* A device that was closed need not be there any more: without a call on it, or before the call
 * that made it was judged. */
static void device_closed(void **state)
{
	struct kvm_create_device in = {.type = KVM_DEV_TYPE_VFIO},
				 out = {.type = KVM_DEV_TYPE_VFIO};
	struct mh_call open = {.ioctl = "KVM_NMI", .thread = 1};
	struct mh_call make = {.ioctl = "KVM_CREATE_DEVICE",
			       .in = &in,
			       .in_len = sizeof(in),
			       .out = &out,
			       .out_len = sizeof(out)};

	for (unsigned int overlap = 0; overlap < 2; overlap++) {
		open_with_vcpu("6.1.0");
		open.object = vcpu;
		make.object = vm;
		if (overlap)
			mh_begin(&h, &open);
		for (unsigned int i = 0; i < 2; i++) {
			make.created = mh_object(&h, KVMAPI_DEVICE, vm, KVM_DEV_TYPE_VFIO, 0);
			out.fd = 10 + make.created;
			mh_do(&h, &make);
			if (!i)
				model_closed(h.model, make.created);
		}
		if (overlap)
			mh_end(&h, &open);
		assert_int_equal(h.diverged, 0);
		/* The second one is open. */
		make.created = mh_object(&h, KVMAPI_DEVICE, vm, KVM_DEV_TYPE_VFIO, 0);
		out.fd = 10 + make.created;
		mh_do(&h, &make);
		BAD(&h, "CREATE_DEVICE_ONCE");
		mh_close(&h);
	}
}

/* What does not fit by what is known of its size is refused. */
static void known_size(void **state)
{
	struct kvm_nested_state room = {.size = 4224}, got = {.size = 128, .format = 1};
	struct kvm_reg_list few = {.n = 1}, need = {.n = 2};

	host_open(&h, "6.1.0", "kvm_amd");
	mh_cap(&h, KVM_CAP_NESTED_STATE, 4352);
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, got, 0);
	assert_int_not_equal(h.verdict.kind, MODEL_DIVERGES);
	room.size = 127;
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, got, -E2BIG);
	GOOD(&h, "NESTED_TOO_SMALL");
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, got, 0);
	BAD(&h, "NESTED_TOO_SMALL");
	got.size = 129;
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, got, -E2BIG);
	BAD(&h, "NESTED_SIZE_WRITTEN");
	mh_close(&h);

	/* Whether there is nested virtualisation may not be on the tape. */
	host_open(&h, "6.1.0", "kvm_amd");
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	room.size = 4224;
	got.size = 8192;
	INOUT(&h, vcpu, "KVM_GET_NESTED_STATE", room, got, -E2BIG);
	assert_int_not_equal(h.verdict.kind, MODEL_DIVERGES);
	mh_close(&h);

	host_open(&h, "7.2.0", "kvm_amd");
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	INOUT(&h, vcpu, "KVM_GET_REG_LIST", few, need, -E2BIG);
	assert_int_not_equal(h.verdict.kind, MODEL_DIVERGES);
	INOUT(&h, vcpu, "KVM_GET_REG_LIST", few, need, -E2BIG);
	GOOD(&h, "REG_LIST_TOO_SMALL");
	INOUT(&h, vcpu, "KVM_GET_REG_LIST", few, few, 0);
	BAD(&h, "REG_LIST_SAME");
	mh_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test(mmu_pages),
		cmocka_unit_test(ioeventfd),
		cmocka_unit_test(irq_line_status),
		cmocka_unit_test(feature_msrs),
		cmocka_unit_test(msr_filter),
		cmocka_unit_test(latched_init),
		cmocka_unit_test(task_priority_page),
		cmocka_unit_test(waiting_sipi),
		cmocka_unit_test(mce),
		cmocka_unit_test(old_kernel),
		cmocka_unit_test(apic_base),
		cmocka_unit_test(last_address),
		cmocka_unit_test(shared_info),
		cmocka_unit_test(no_buffer),
		cmocka_unit_test(either_order),
		cmocka_unit_test(run_page_shared),
		cmocka_unit_test(vm_frequency),
		cmocka_unit_test(frequency_forgotten),
		cmocka_unit_test(id_limit_forgotten),
		cmocka_unit_test(cr8_forgotten),
		cmocka_unit_test(init_forgotten),
		cmocka_unit_test(sregs2_flags),
		cmocka_unit_test(device_closed),
		cmocka_unit_test(known_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
