/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the interrupt controllers, lines, routing, MSIs and the timer. */
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

static void split(void)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};

	IN(&h, vm, "KVM_ENABLE_CAP", cap, 0);
	GOOD(&h, "ENABLE_CAP_SUCCEEDS");
}

static void creation(void **state)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};

	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, -EINVAL);
	BAD(&h, "CREATE_IRQCHIP_SUCCEEDS");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	GOOD(&h, "CREATE_IRQCHIP_SUCCEEDS");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, -EEXIST);
	KNOWN(&h, "CREATE_IRQCHIP_ONCE");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	BAD(&h, "CREATE_IRQCHIP_ONCE");
	IN(&h, vm, "KVM_ENABLE_CAP", cap, -EEXIST);
	KNOWN(&h, "SPLIT_IRQCHIP_ONCE");
	IN(&h, vm, "KVM_ENABLE_CAP", cap, 0);
	BAD(&h, "SPLIT_IRQCHIP_ONCE");
	mh_close(&h);

	setup(state);
	mh_vcpu(&h, vm, 0);
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, -EINVAL);
	KNOWN(&h, "CREATE_IRQCHIP_BEFORE_VCPUS");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	BAD(&h, "CREATE_IRQCHIP_BEFORE_VCPUS");
	mh_close(&h);

	setup(state);
	mh_vcpu(&h, vm, 0);
	IN(&h, vm, "KVM_ENABLE_CAP", cap, -EEXIST);
	KNOWN(&h, "SPLIT_IRQCHIP_BEFORE_VCPUS");
	IN(&h, vm, "KVM_ENABLE_CAP", cap, 0);
	BAD(&h, "SPLIT_IRQCHIP_BEFORE_VCPUS");
}

static void line_status(uint32_t gsi, uint32_t level, int32_t status, uint32_t level_after)
{
	struct kvm_irq_level in = {.irq = gsi, .level = level},
			     out = {.status = status, .level = level_after};

	INOUT(&h, vm, "KVM_IRQ_LINE_STATUS", in, out, 0);
}

/* The return of a call was lost: what it did is unknown, where nothing was lost it is not. */
static void return_lost(void **state)
{
	struct tape_thread again = {.id = 3, .pid = 1, .tid = 1};
	struct mh_call lost = {.object = vm, .ioctl = "KVM_CREATE_IRQCHIP"};

	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	mh_expect(&h, MODEL_DIVERGES, NULL);
	mh_begin(&h, &lost);
	assert_int_equal(model_thread(h.model, &again), 0);
	lost.thread = 3;
	lost.ret = 0;
	mh_do(&h, &lost);
	GOOD(&h, "CREATE_IRQCHIP_SUCCEEDS");
}

static void lines(void **state)
{
	struct kvm_irq_level in = {.irq = 4, .level = 1};

	IN(&h, vm, "KVM_IRQ_LINE", in, -ENXIO);
	GOOD(&h, "IRQ_LINE_NEEDS_CHIP");
	IN(&h, vm, "KVM_IRQ_LINE", in, 0);
	BAD(&h, "IRQ_LINE_NEEDS_CHIP");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	mh_vcpu(&h, vm, 0);
	IN(&h, vm, "KVM_IRQ_LINE", in, 0);
	GOOD(&h, "IRQ_LINE_SUCCEEDS");
	IN(&h, vm, "KVM_IRQ_LINE", in, -ENXIO);
	BAD(&h, "IRQ_LINE_SUCCEEDS");
	line_status(4, 1, 2, 1);
	GOOD(&h, "IRQ_LINE_LEVEL_KEPT");
	assert_true(mh_held(&h, "IRQ_LINE_STATUS_RANGE"));
	line_status(4, 1, 1, 0);
	BAD(&h, "IRQ_LINE_LEVEL_KEPT");
	line_status(4, 1, 3, 1);
	BAD(&h, "IRQ_LINE_STATUS_RANGE");
	line_status(4, 1, -2, 1);
	BAD(&h, "IRQ_LINE_STATUS_RANGE");
	line_status(4, 0, 2, 0);
	GOOD(&h, "IRQ_LINE_SUCCEEDS");
	assert_true(mh_held(&h, "IRQ_LINE_STATUS_LOWERED"));
	line_status(4, 0, 0, 0);
	BAD(&h, "IRQ_LINE_STATUS_LOWERED");
	line_status(20, 0, 1, 0);
	GOOD(&h, "IRQ_LINE_SUCCEEDS");
	line_status(20, 0, 2, 0);
	BAD(&h, "IRQ_LINE_STATUS_RANGE");
	line_status(20, 0, 0, 0);
	BAD(&h, "IRQ_LINE_STATUS_LOWERED");
	line_status(50, 1, -1, 1);
	GOOD(&h, "IRQ_LINE_SUCCEEDS");
	assert_true(mh_held(&h, "IRQ_LINE_STATUS_UNROUTED"));
	line_status(50, 1, 1, 1);
	BAD(&h, "IRQ_LINE_STATUS_UNROUTED");
}

static struct kvm_irqchip chip(uint32_t id, uint8_t fill)
{
	struct kvm_irqchip c = {.chip_id = id};

	memset(&c.chip, fill, sizeof(c.chip));
	return c;
}

static void chip_state(void **state)
{
	struct kvm_irqchip in, out;

	in = chip(0, 3);
	IN(&h, vm, "KVM_SET_IRQCHIP", in, -ENXIO);
	GOOD(&h, "IRQCHIP_STATE_NEEDS_CHIP");
	INOUT(&h, vm, "KVM_GET_IRQCHIP", in, in, 0);
	BAD(&h, "IRQCHIP_STATE_NEEDS_CHIP");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	for (uint32_t id = 0; id < 3; id++) {
		in = chip(id, (uint8_t)(3 + id));
		IN(&h, vm, "KVM_SET_IRQCHIP", in, 0);
		GOOD(&h, "SET_IRQCHIP_SUCCEEDS");
		out = in;
		INOUT(&h, vm, "KVM_GET_IRQCHIP", in, out, 0);
		GOOD(&h, "GET_IRQCHIP_READS_BACK");
		assert_true(mh_held(&h, "GET_IRQCHIP_SUCCEEDS") &&
			    mh_held(&h, "GET_IRQCHIP_ID_KEPT") &&
			    mh_held(&h, "GET_IRQCHIP_REST_KEPT"));
		/* Lines may move. */
		if (id < 2)
			out.chip.pic.irr ^= 1;
		else
			out.chip.ioapic.redirtbl[3].bits ^= 1 << 14;
		INOUT(&h, vm, "KVM_GET_IRQCHIP", in, out, 0);
		GOOD(&h, "GET_IRQCHIP_READS_BACK");
		if (id < 2)
			out.chip.pic.imr ^= 1;
		else
			out.chip.ioapic.redirtbl[3].bits ^= 1 << 15;
		INOUT(&h, vm, "KVM_GET_IRQCHIP", in, out, 0);
		BAD(&h, "GET_IRQCHIP_READS_BACK");
		out = in;
		out.chip_id ^= 1;
		INOUT(&h, vm, "KVM_GET_IRQCHIP", in, out, 0);
		BAD(&h, "GET_IRQCHIP_ID_KEPT");
		IN(&h, vm, "KVM_SET_IRQCHIP", in, 0);
		out = in;
		out.chip.dummy[500] ^= 1;
		INOUT(&h, vm, "KVM_GET_IRQCHIP", in, out, 0);
		BAD(&h, "GET_IRQCHIP_REST_KEPT");
		INOUT(&h, vm, "KVM_GET_IRQCHIP", in, in, -EINVAL);
		BAD(&h, "GET_IRQCHIP_SUCCEEDS");
		IN(&h, vm, "KVM_SET_IRQCHIP", in, -EINVAL);
		BAD(&h, "SET_IRQCHIP_SUCCEEDS");
	}
	in = chip(3, 0);
	IN(&h, vm, "KVM_SET_IRQCHIP", in, -EINVAL);
	GOOD(&h, "IRQCHIP_STATE_CHIP_ID");
	IN(&h, vm, "KVM_SET_IRQCHIP", in, 0);
	BAD(&h, "IRQCHIP_STATE_CHIP_ID");
}

static void chip_state_after_create(void **state)
{
	struct kvm_irqchip pic = chip(1, 0), ioapic = chip(2, 0);

	pic.chip.pic.elcr_mask = 0xde;
	ioapic.chip.ioapic.base_address = 0xfec00000;
	for (unsigned int i = 0; i < 24; i++)
		ioapic.chip.ioapic.redirtbl[i].bits = 0x10000;
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	INOUT(&h, vm, "KVM_GET_IRQCHIP", pic, pic, 0);
	KNOWN(&h, "GET_IRQCHIP_AFTER_CREATE");
	INOUT(&h, vm, "KVM_GET_IRQCHIP", ioapic, ioapic, 0);
	KNOWN(&h, "GET_IRQCHIP_AFTER_CREATE");
	INOUT(&h, vm, "KVM_GET_IRQCHIP", ioapic, ioapic, 0);
	GOOD(&h, "GET_IRQCHIP_READS_BACK");
	pic.chip_id = 0;
	INOUT(&h, vm, "KVM_GET_IRQCHIP", pic, pic, 0);
	BAD(&h, "GET_IRQCHIP_AFTER_CREATE");
}

static void chip_state_split(void **state)
{
	struct kvm_irqchip in = chip(0, 3);

	split();
	IN(&h, vm, "KVM_SET_IRQCHIP", in, -ENXIO);
	GOOD(&h, "IRQCHIP_STATE_NEEDS_CHIP");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, -EEXIST);
	KNOWN(&h, "CREATE_IRQCHIP_ONCE");
}

struct routing {
	uint32_t nr, flags;
	struct kvm_irq_routing_entry e[3];
};

static struct routing two_chips(void)
{
	struct routing r = {.nr = 3};

	for (uint32_t i = 0; i < 2; i++) {
		r.e[i].gsi = 5;
		r.e[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		r.e[i].u.irqchip.irqchip = i ? KVM_IRQCHIP_IOAPIC : KVM_IRQCHIP_PIC_MASTER;
		r.e[i].u.irqchip.pin = 5;
	}
	r.e[2].gsi = 30;
	r.e[2].type = KVM_IRQ_ROUTING_MSI;
	return r;
}

static void routing(void **state)
{
	struct routing r = two_chips();

	IN(&h, vm, "KVM_SET_GSI_ROUTING", r, -EINVAL);
	KNOWN(&h, "GSI_ROUTING_NEEDS_CHIP");
	IN(&h, vm, "KVM_SET_GSI_ROUTING", r, 0);
	BAD(&h, "GSI_ROUTING_NEEDS_CHIP");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	mh_vcpu(&h, vm, 0);
	IN(&h, vm, "KVM_SET_GSI_ROUTING", r, 0);
	GOOD(&h, "GSI_ROUTING_SUCCEEDS");
	IN(&h, vm, "KVM_SET_GSI_ROUTING", r, -EINVAL);
	BAD(&h, "GSI_ROUTING_SUCCEEDS");
	/* The new table is in force: only GSIs 5 and 30 lead somewhere. */
	line_status(4, 1, -1, 1);
	GOOD(&h, "IRQ_LINE_SUCCEEDS");
	line_status(4, 1, 1, 1);
	BAD(&h, "IRQ_LINE_STATUS_UNROUTED");
	line_status(5, 0, 2, 0);
	GOOD(&h, "IRQ_LINE_SUCCEEDS");
	line_status(30, 0, 1, 0);
	BAD(&h, "IRQ_LINE_STATUS_LOWERED");
	r.flags = 1;
	IN(&h, vm, "KVM_SET_GSI_ROUTING", r, -EINVAL);
	GOOD(&h, "GSI_ROUTING_FLAGS");
	IN(&h, vm, "KVM_SET_GSI_ROUTING", r, 0);
	BAD(&h, "GSI_ROUTING_FLAGS");
}

static void routing_entries(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
	} wrong[] = {
		{offsetof(struct routing, nr), 4097},
		{offsetof(struct routing, e[2].gsi), 4096},
		{offsetof(struct routing, e[2].gsi), 5},
		{offsetof(struct routing, e[2].type), 0},
		{offsetof(struct routing, e[2].type), KVM_IRQ_ROUTING_S390_ADAPTER},
		{offsetof(struct routing, e[0].flags), 1},
		{offsetof(struct routing, e[2].flags), 2},
		{offsetof(struct routing, e[0].u.irqchip.irqchip), 3},
		{offsetof(struct routing, e[0].u.irqchip.irqchip), KVM_IRQCHIP_IOAPIC},
		{offsetof(struct routing, e[0].u.irqchip.pin), 8},
		{offsetof(struct routing, e[1].u.irqchip.pin), 24},
	};

	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct routing r = two_chips();

		memcpy((uint8_t *)&r + wrong[i].at, &wrong[i].value, 4);
		IN(&h, vm, "KVM_SET_GSI_ROUTING", r, -EINVAL);
		KNOWN(&h, "GSI_ROUTING_ENTRY");
		IN(&h, vm, "KVM_SET_GSI_ROUTING", r, 0);
		BAD(&h, "GSI_ROUTING_ENTRY");
	}
	mh_close(&h);

	/* Hyper-V's and Xen's, by capability. */
	for (int with = 0; with < 2; with++) {
		struct routing r = {.nr = 1, .e = {{.gsi = 3, .type = KVM_IRQ_ROUTING_HV_SINT}}};

		host_open(&h, "6.12.0", "kvm_amd");
		h.env.caps[KVM_CAP_HYPERV_SYNIC] = with;
		h.env.caps[KVM_CAP_XEN_HVM] = with ? KVM_XEN_HVM_CONFIG_EVTCHN_2LEVEL : 0;
		vm = mh_vm(&h);
		mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
		IN(&h, vm, "KVM_SET_GSI_ROUTING", r, with ? -EINVAL : 0);
		BAD(&h, with ? "GSI_ROUTING_SUCCEEDS" : "GSI_ROUTING_ENTRY");
		r.e[0].type = KVM_IRQ_ROUTING_XEN_EVTCHN;
		r.e[0].u.xen_evtchn.priority = 0xffffffff;
		IN(&h, vm, "KVM_SET_GSI_ROUTING", r, with ? -EINVAL : 0);
		BAD(&h, with ? "GSI_ROUTING_SUCCEEDS" : "GSI_ROUTING_ENTRY");
		r.e[0].u.xen_evtchn.priority = KVM_XEN_HVM_CONFIG_EVTCHN_2LEVEL;
		IN(&h, vm, "KVM_SET_GSI_ROUTING", r, -EINVAL);
		KNOWN(&h, "GSI_ROUTING_ENTRY");
		mh_close(&h);
	}
	setup(state);
	split();
	for (uint32_t type = KVM_IRQ_ROUTING_IRQCHIP; type <= KVM_IRQ_ROUTING_MSI; type++) {
		struct routing r = {.nr = 1, .e = {{.gsi = 3, .type = type}}};

		IN(&h, vm, "KVM_SET_GSI_ROUTING", r, type == KVM_IRQ_ROUTING_MSI ? 0 : -EINVAL);
		if (type == KVM_IRQ_ROUTING_MSI)
			GOOD(&h, "GSI_ROUTING_SUCCEEDS");
		else
			KNOWN(&h, "GSI_ROUTING_ENTRY");
		IN(&h, vm, "KVM_SET_GSI_ROUTING", r, type == KVM_IRQ_ROUTING_MSI ? -EINVAL : 0);
		BAD(&h, type == KVM_IRQ_ROUTING_MSI ? "GSI_ROUTING_SUCCEEDS" : "GSI_ROUTING_ENTRY");
	}
}

static void msi(void **state)
{
	struct kvm_msi m = {.address_lo = 0xfee00000, .data = 0x30};
	struct kvm_enable_cap wide = {.cap = KVM_CAP_X2APIC_API,
				      .args = {KVM_X2APIC_API_USE_32BIT_IDS}};

	IN(&h, vm, "KVM_SIGNAL_MSI", m, -EINVAL);
	GOOD(&h, "SIGNAL_MSI_NEEDS_CHIP");
	IN(&h, vm, "KVM_SIGNAL_MSI", m, 1);
	BAD(&h, "SIGNAL_MSI_NEEDS_CHIP");
	split();
	mh_vcpu(&h, vm, 0);
	IN(&h, vm, "KVM_SIGNAL_MSI", m, 1);
	GOOD(&h, "SIGNAL_MSI_DELIVERED");
	IN(&h, vm, "KVM_SIGNAL_MSI", m, 2);
	BAD(&h, "SIGNAL_MSI_DELIVERED");
	IN(&h, vm, "KVM_SIGNAL_MSI", m, -EPERM);
	KNOWN(&h, "SIGNAL_MSI_NOBODY");
	IN(&h, vm, "KVM_SIGNAL_MSI", m, -ENODEV);
	mh_expect_refused(&h, "SIGNAL_MSI_NOBODY");
	/* Bits 7 to 0 of the high address count with destinations of 32 bits only. */
	m.address_hi = 1;
	IN(&h, vm, "KVM_SIGNAL_MSI", m, 0);
	GOOD(&h, "SIGNAL_MSI_DELIVERED");
	IN(&h, vm, "KVM_ENABLE_CAP", wide, 0);
	IN(&h, vm, "KVM_SIGNAL_MSI", m, -EINVAL);
	GOOD(&h, "SIGNAL_MSI_FLAGS");
	IN(&h, vm, "KVM_SIGNAL_MSI", m, 0);
	BAD(&h, "SIGNAL_MSI_FLAGS");
	m.address_hi = 0;
	m.flags = 2;
	IN(&h, vm, "KVM_SIGNAL_MSI", m, -EINVAL);
	GOOD(&h, "SIGNAL_MSI_FLAGS");
	IN(&h, vm, "KVM_SIGNAL_MSI", m, 1);
	BAD(&h, "SIGNAL_MSI_FLAGS");
}

/* As after KVM_CREATE_PIT2. */
static struct kvm_pit_state2 new_pit(void)
{
	struct kvm_pit_state2 p = {0};

	for (int i = 0; i < 3; i++) {
		p.channels[i].count = 0x10000;
		p.channels[i].mode = 0xff;
		p.channels[i].gate = i != 2;
		p.channels[i].count_load_time = 1000 + i;
	}
	return p;
}

static void pit(void **state)
{
	struct kvm_pit_config config = {0};
	struct kvm_pit_state2 p = new_pit(), q;
	struct kvm_pit_state old;
	struct kvm_reinject_control control = {1, {0}};
	uint32_t vcpu;

	IN(&h, vm, "KVM_CREATE_PIT2", config, -ENOENT);
	GOOD(&h, "CREATE_PIT_NEEDS_CHIP");
	IN(&h, vm, "KVM_CREATE_PIT2", config, 0);
	BAD(&h, "CREATE_PIT_NEEDS_CHIP");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	OUT(&h, vm, "KVM_GET_PIT2", p, -ENXIO);
	GOOD(&h, "PIT_STATE_NEEDS_PIT");
	OUT(&h, vm, "KVM_GET_PIT2", p, 0);
	BAD(&h, "PIT_STATE_NEEDS_PIT");
	IN(&h, vm, "KVM_REINJECT_CONTROL", control, -ENXIO);
	GOOD(&h, "REINJECT_NEEDS_PIT");
	IN(&h, vm, "KVM_REINJECT_CONTROL", control, 0);
	BAD(&h, "REINJECT_NEEDS_PIT");
	IN(&h, vm, "KVM_CREATE_PIT2", config, -EINVAL);
	BAD(&h, "CREATE_PIT_SUCCEEDS");
	IN(&h, vm, "KVM_CREATE_PIT2", config, 0);
	GOOD(&h, "CREATE_PIT_SUCCEEDS");
	IN(&h, vm, "KVM_CREATE_PIT2", config, -EEXIST);
	KNOWN(&h, "CREATE_PIT_ONCE");
	IN(&h, vm, "KVM_CREATE_PIT2", config, 0);
	BAD(&h, "CREATE_PIT_ONCE");
	IN(&h, vm, "KVM_REINJECT_CONTROL", control, 0);
	GOOD(&h, "REINJECT_SUCCEEDS");
	IN(&h, vm, "KVM_REINJECT_CONTROL", control, -EINVAL);
	BAD(&h, "REINJECT_SUCCEEDS");
	OUT(&h, vm, "KVM_GET_PIT2", p, 0);
	KNOWN(&h, "GET_PIT_AFTER_CREATE");
	OUT(&h, vm, "KVM_GET_PIT2", p, 0);
	GOOD(&h, "GET_PIT_READS_BACK");
	assert_true(mh_held(&h, "GET_PIT_SUCCEEDS") && mh_held(&h, "GET_PIT_FLAGS") &&
		    mh_held(&h, "GET_PIT_VALUES") && mh_held(&h, "GET_PIT_RESERVED"));
	OUT(&h, vm, "KVM_GET_PIT2", p, -EINVAL);
	BAD(&h, "GET_PIT_SUCCEEDS");
	p.channels[1].count_load_time++;
	OUT(&h, vm, "KVM_GET_PIT2", p, 0);
	BAD(&h, "GET_PIT_READS_BACK");
	p.channels[1].mode = 3;
	p.channels[1].count = 0;
	IN(&h, vm, "KVM_SET_PIT2", p, 0);
	GOOD(&h, "SET_PIT_SUCCEEDS");
	IN(&h, vm, "KVM_SET_PIT2", p, -EINVAL);
	BAD(&h, "SET_PIT_SUCCEEDS");
	q = p;
	q.channels[1].count = 0x10000;
	q.channels[2].count_load_time = 99;
	OUT(&h, vm, "KVM_GET_PIT2", q, 0);
	GOOD(&h, "GET_PIT_READS_BACK");
	memcpy(&old, q.channels, sizeof(old));
	INOUT(&h, vm, "KVM_GET_PIT", old, old, 0);
	GOOD(&h, "GET_PIT_READS_BACK");
	old.channels[0].mode = 2;
	IN(&h, vm, "KVM_SET_PIT", old, 0);
	GOOD(&h, "SET_PIT_SUCCEEDS");
	OUT(&h, vm, "KVM_GET_PIT2", q, 0);
	BAD(&h, "GET_PIT_READS_BACK");
	q.reserved[4] = 1;
	OUT(&h, vm, "KVM_GET_PIT2", q, 0);
	assert_int_equal(h.verdict.kind, MODEL_DIVERGES);
	mh_close(&h);

	setup(state);
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	config.flags = 2;
	IN(&h, vm, "KVM_CREATE_PIT2", config, -EINVAL);
	BAD(&h, "CREATE_PIT_FLAGS");
	IN(&h, vm, "KVM_CREATE_PIT2", config, 0);
	KNOWN(&h, "CREATE_PIT_FLAGS");
	mh_close(&h);

	setup(state);
	config.flags = 0;
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	mh_value(&h, vm, "KVM_CREATE_PIT", 0, 0);
	GOOD(&h, "CREATE_PIT_SUCCEEDS");
	p = new_pit();
	p.channels[0].mode = 2;
	OUT(&h, vm, "KVM_GET_PIT2", p, 0);
	BAD(&h, "GET_PIT_AFTER_CREATE");
	p = new_pit();
	IN(&h, vm, "KVM_SET_PIT2", p, 0);
	p.reserved[4] = 1;
	OUT(&h, vm, "KVM_GET_PIT2", p, 0);
	BAD(&h, "GET_PIT_RESERVED");
	mh_close(&h);

	/* What no i8254 has is only there when it was set. */
	for (int set = 0; set < 2; set++) {
		setup(state);
		mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
		IN(&h, vm, "KVM_CREATE_PIT2", config, 0);
		vcpu = mh_vcpu(&h, vm, 0);
		p = new_pit();
		p.flags = set ? 4 : 0;
		IN(&h, vm, "KVM_SET_PIT2", p, 0);
		OUT(&h, vm, "KVM_GET_PIT2", p, 0);
		GOOD(&h, "GET_PIT_READS_BACK");
		mh_run(&h, vcpu, NULL, 0, NULL, 0, -EINTR); /* a guest ran */
		p.flags = 4;
		OUT(&h, vm, "KVM_GET_PIT2", p, 0);
		mh_expect(&h, set ? MODEL_CONFORMS : MODEL_DIVERGES, set ? NULL : "GET_PIT_FLAGS");
		mh_run(&h, vcpu, NULL, 0, NULL, 0, -EINTR); /* a guest ran */
		p.flags = 0;
		p.channels[2].rw_mode = 9;
		OUT(&h, vm, "KVM_GET_PIT2", p, 0);
		mh_expect(&h, set ? MODEL_CONFORMS : MODEL_DIVERGES, set ? NULL : "GET_PIT_VALUES");
		if (!set)
			mh_close(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(creation, setup, teardown),
		cmocka_unit_test_setup_teardown(return_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(lines, setup, teardown),
		cmocka_unit_test_setup_teardown(chip_state, setup, teardown),
		cmocka_unit_test_setup_teardown(chip_state_after_create, setup, teardown),
		cmocka_unit_test_setup_teardown(chip_state_split, setup, teardown),
		cmocka_unit_test_setup_teardown(routing, setup, teardown),
		cmocka_unit_test_setup_teardown(routing_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(msi, setup, teardown),
		cmocka_unit_test_setup_teardown(pit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
