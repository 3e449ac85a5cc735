/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of Xen guests: configuration, attributes, event channels. */
#include "model_vm_test.h"

#define TWO_LEVEL 0xffffffffu

static struct mh h;
static uint32_t vm;

static void open_with(const char *release, int32_t cap)
{
	host_open(&h, release, "kvm_amd");
	h.env.caps[KVM_CAP_XEN_HVM] = cap;
	vm = mh_vm(&h);
}

static int setup(void **state)
{
	open_with("7.2.0", 511);
	return 0;
}

static int teardown(void **state)
{
	mh_close(&h);
	return 0;
}

static void config(void **state)
{
	static const struct {
		struct kvm_xen_hvm_config c;
		const char *rule; /* of the error, NULL = success */
	} steps[] = {
		{{.msr = 0x40000000}, NULL},
		{{.msr = 0}, NULL},
		{{.msr = 0x4fffffff,
		  .flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL | KVM_XEN_HVM_CONFIG_EVTCHN_SEND},
		 NULL},
		{{.msr = 0x40000000, .flags = KVM_XEN_HVM_CONFIG_SHARED_INFO}, "XEN_CONFIG_FLAGS"},
		{{.msr = 0x40000000, .flags = 1u << 20}, "XEN_CONFIG_FLAGS"},
		{{.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL, .blob_addr_64 = 1},
		 "XEN_CONFIG_BLOBS"},
		{{.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL, .blob_size_32 = 1},
		 "XEN_CONFIG_BLOBS"},
		{{.msr = 0x50000000}, "XEN_CONFIG_MSR"},
		{{.msr = 0x10}, "XEN_CONFIG_MSR"},
	};
	struct kvm_xen_hvm_config old = {.msr = 0x10};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct kvm_xen_hvm_config c = steps[i].c;

		IN(&h, vm, "KVM_XEN_HVM_CONFIG", c, steps[i].rule ? -EINVAL : 0);
		GOOD(&h, steps[i].rule ? steps[i].rule : "XEN_CONFIG_SUCCEEDS");
		IN(&h, vm, "KVM_XEN_HVM_CONFIG", c, steps[i].rule ? 0 : -EINVAL);
		BAD(&h, steps[i].rule ? steps[i].rule : "XEN_CONFIG_SUCCEEDS");
	}
	mh_close(&h);

	/* Older kernels take any MSR, some of their stable ones do not. */
	open_with("6.12.0", 511);
	IN(&h, vm, "KVM_XEN_HVM_CONFIG", old, 0);
	GOOD(&h, "XEN_CONFIG_SUCCEEDS");
	IN(&h, vm, "KVM_XEN_HVM_CONFIG", old, -EINVAL);
	ALLOWED(&h, "XEN_CONFIG_MSR");
	IN(&h, vm, "KVM_XEN_HVM_CONFIG", old, -EDOM);
	mh_expect_refused(&h, "XEN_CONFIG_MSR");
}

static void set(uint16_t type, uint64_t value, int64_t ret)
{
	struct kvm_xen_hvm_attr a = {.type = type};

	a.u.shared_info.gfn = value;
	IN(&h, vm, "KVM_XEN_HVM_SET_ATTR", a, ret);
}

static void get(uint16_t type, uint64_t value, int64_t ret)
{
	struct kvm_xen_hvm_attr a = {.type = type}, after = {.type = type};

	after.u.shared_info.gfn = value;
	INOUT(&h, vm, "KVM_XEN_HVM_GET_ATTR", a, after, ret);
}

static void attributes(void **state)
{
	static const struct {
		uint16_t type;
		uint64_t fresh, set, read, wrong;
	} steps[] = {
		{KVM_XEN_ATTR_TYPE_LONG_MODE, 0, 3, 1, 0},
		{KVM_XEN_ATTR_TYPE_UPCALL_VECTOR, 0, 0xf3, 0xf3, 0xf2},
		{KVM_XEN_ATTR_TYPE_XEN_VERSION, 0, 0x4000c, 0x4000c, 0x4000d},
		{KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG, 0, 2, 1, 0},
		{KVM_XEN_ATTR_TYPE_SHARED_INFO, UINT64_MAX, 5, 5, 6},
		{KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA, 0, 0x7000, 0x7000, 0},
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		mh_close(&h);
		setup(state);
		get(steps[i].type, steps[i].fresh, 0);
		KNOWN(&h, "XEN_ATTR_DEFAULT");
		get(steps[i].type, steps[i].fresh ^ 1, 0);
		BAD(&h, "XEN_ATTR_DEFAULT");
		set(steps[i].type, steps[i].set, 0);
		GOOD(&h, "XEN_ATTR_SUCCEEDS");
		get(steps[i].type, steps[i].read, 0);
		GOOD(&h, "XEN_ATTR_READS_BACK");
		get(steps[i].type, steps[i].wrong, 0);
		BAD(&h, "XEN_ATTR_READS_BACK");
		set(steps[i].type, steps[i].set, -EDOM);
		BAD(&h, "XEN_ATTR_SUCCEEDS");
	}
	/* The page by address takes the place of the page by frame. */
	get(KVM_XEN_ATTR_TYPE_SHARED_INFO, UINT64_MAX, 0);
	GOOD(&h, "XEN_ATTR_READS_BACK");
	set(KVM_XEN_ATTR_TYPE_SHARED_INFO, 9, -EFAULT);
	KNOWN(&h, "XEN_ATTR_ADDRESS");
	set(KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA, 0x7001, -EINVAL);
	KNOWN(&h, "XEN_ATTR_ADDRESS");
	set(KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA, 0x7001, 0);
	BAD(&h, "XEN_ATTR_ADDRESS");
	set(KVM_XEN_ATTR_TYPE_SHARED_INFO, UINT64_MAX, -EFAULT);
	BAD(&h, "XEN_ATTR_SUCCEEDS");
	set(KVM_XEN_ATTR_TYPE_UPCALL_VECTOR, 0xf, -EINVAL);
	KNOWN(&h, "XEN_ATTR_VECTOR");
	set(KVM_XEN_ATTR_TYPE_UPCALL_VECTOR, 0xf, 0);
	BAD(&h, "XEN_ATTR_VECTOR");
	set(KVM_XEN_ATTR_TYPE_UPCALL_VECTOR, 0, 0);
	GOOD(&h, "XEN_ATTR_SUCCEEDS");
	get(KVM_XEN_ATTR_TYPE_EVTCHN, 0, -ENOENT);
	GOOD(&h, "XEN_EVTCHN_UNREADABLE");
	get(KVM_XEN_ATTR_TYPE_EVTCHN, 0, 0);
	BAD(&h, "XEN_EVTCHN_UNREADABLE");
	set(99, 0, -ENOENT);
	KNOWN(&h, "XEN_ATTR_UNKNOWN");
	set(99, 0, 0);
	BAD(&h, "XEN_ATTR_UNKNOWN");
	mh_close(&h);

	/* Announced by flags of the capability. */
	open_with("6.1.0", 0x1f);
	set(KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG, 1, -ENOENT);
	KNOWN(&h, "XEN_ATTR_UNKNOWN");
	set(KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA, 0, 0);
	BAD(&h, "XEN_ATTR_UNKNOWN");
	mh_close(&h);

	open_with("7.9.0", 511);
	set(99, 0, 0);
	ALLOWED(&h, "XEN_ATTR_OTHER");
	mh_value(&h, vm, "KVM_CREATE_VCPU", 0, -EEXIST);
	mh_expect_refused(&h, "XEN_ATTR_OTHER");
}

static void channel(uint32_t port, uint32_t type, uint32_t flags, uint32_t to, uint32_t priority,
		    int64_t ret)
{
	struct kvm_xen_hvm_attr a = {.type = KVM_XEN_ATTR_TYPE_EVTCHN};

	a.u.evtchn.send_port = port;
	a.u.evtchn.type = type;
	a.u.evtchn.flags = flags;
	a.u.evtchn.deliver.port.port = to;
	a.u.evtchn.deliver.port.priority = priority;
	IN(&h, vm, "KVM_XEN_HVM_SET_ATTR", a, ret);
}

static void channels(void **state)
{
	enum { DOMAIN = 2, IPI = 5 };
	static const struct {
		uint32_t port, type, flags, to, priority;
		int right; /* errno, 0 = success */
		bool deviates;
		const char *rule;
	} steps[] = {
		{10, IPI, 0, 10, TWO_LEVEL, 0, false, "XEN_EVTCHN_SUCCEEDS"},
		{10, IPI, 0, 10, TWO_LEVEL, EEXIST, true, "XEN_EVTCHN_TAKEN"},
		{11, DOMAIN, 0, 12, TWO_LEVEL, 0, false, "XEN_EVTCHN_SUCCEEDS"},
		{12, DOMAIN, 0, 0, 0, 0, false, "XEN_EVTCHN_SUCCEEDS"},
		{13, IPI, 0, 14, TWO_LEVEL, EINVAL, true, "XEN_EVTCHN_ARGUMENT"},
		{13, IPI, 0, 13, 16, EINVAL, true, "XEN_EVTCHN_ARGUMENT"},
		{13, 3, 0, 13, TWO_LEVEL, EINVAL, true, "XEN_EVTCHN_ARGUMENT"},
		{0, IPI, 0, 0, TWO_LEVEL, EINVAL, true, "XEN_EVTCHN_ARGUMENT"},
		{5000, IPI, 0, 5000, TWO_LEVEL, EINVAL, true, "XEN_EVTCHN_ARGUMENT"},
		{13, DOMAIN, 0, 5000, TWO_LEVEL, EINVAL, true, "XEN_EVTCHN_ARGUMENT"},
		{10, IPI, KVM_XEN_EVTCHN_UPDATE, 10, TWO_LEVEL, 0, false, "XEN_EVTCHN_SUCCEEDS"},
		{10, IPI, KVM_XEN_EVTCHN_UPDATE, 11, TWO_LEVEL, EINVAL, false, "XEN_EVTCHN_UPDATE"},
		{10, DOMAIN, KVM_XEN_EVTCHN_UPDATE, 10, TWO_LEVEL, EINVAL, false,
		 "XEN_EVTCHN_UPDATE"},
		{20, IPI, KVM_XEN_EVTCHN_UPDATE, 20, TWO_LEVEL, ENOENT, true, "XEN_EVTCHN_MISSING"},
		{10, IPI, KVM_XEN_EVTCHN_UPDATE | KVM_XEN_EVTCHN_DEASSIGN, 10, TWO_LEVEL, EINVAL,
		 false, "XEN_EVTCHN_FLAGS"},
		{10, 0, KVM_XEN_EVTCHN_DEASSIGN, 0, 0, 0, false, "XEN_EVTCHN_SUCCEEDS"},
		{10, 0, KVM_XEN_EVTCHN_DEASSIGN, 0, 0, ENOENT, true, "XEN_EVTCHN_MISSING"},
		{0, 0, KVM_XEN_EVTCHN_RESET, 0, 0, 0, false, "XEN_EVTCHN_SUCCEEDS"},
		{11, 0, KVM_XEN_EVTCHN_DEASSIGN, 0, 0, ENOENT, true, "XEN_EVTCHN_MISSING"},
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		/* The wrong answer changes nothing. */
		channel(steps[i].port, steps[i].type, steps[i].flags, steps[i].to,
			steps[i].priority, steps[i].right ? -ENOTTY : -EDOM);
		BAD(&h, steps[i].rule);
		channel(steps[i].port, steps[i].type, steps[i].flags, steps[i].to,
			steps[i].priority, -steps[i].right);
		mh_expect(&h, steps[i].deviates ? MODEL_DEVIATION : MODEL_CONFORMS, steps[i].rule);
	}
	channel(30, DOMAIN, 0, 0, 0, -EBADF);
	ALLOWED(&h, "EVENTFD_DESCRIPTOR");
}

static void send(uint32_t port, uint32_t vcpu, uint32_t priority, int64_t ret)
{
	struct kvm_irq_routing_xen_evtchn e = {.port = port, .vcpu = vcpu, .priority = priority};

	IN(&h, vm, "KVM_XEN_HVM_EVTCHN_SEND", e, ret);
}

static void sending(void **state)
{
	static const uint32_t wrong[][3] = {
		{0, 0, TWO_LEVEL}, {5000, 0, TWO_LEVEL}, {5, 0, 16}, {5, 7, TWO_LEVEL}};

	mh_vcpu(&h, vm, 0);
	for (size_t i = 0; i < 4; i++) {
		send(wrong[i][0], wrong[i][1], wrong[i][2], -EINVAL);
		KNOWN(&h, "XEN_SEND_ARGUMENT");
		send(wrong[i][0], wrong[i][1], wrong[i][2], 0);
		BAD(&h, "XEN_SEND_ARGUMENT");
	}
	send(5, 0, TWO_LEVEL, -EINVAL);
	KNOWN(&h, "XEN_SEND_NO_PAGE");
	set(KVM_XEN_ATTR_TYPE_SHARED_INFO, 5, 0);
	send(5, 0, TWO_LEVEL, 0);
	GOOD(&h, "XEN_SEND_SUCCEEDS");
	send(5, 0, TWO_LEVEL, -EINVAL);
	BAD(&h, "XEN_SEND_SUCCEEDS");
	mh_expect_refused(&h, "XEN_SEND_NO_PAGE");
	set(KVM_XEN_ATTR_TYPE_SHARED_INFO, UINT64_MAX, 0);
	send(5, 0, TWO_LEVEL, -EINVAL);
	KNOWN(&h, "XEN_SEND_NO_PAGE");
	mh_close(&h);

	/* Of 5.10 is the hypercall page only. */
	open_with("5.10.0", KVM_XEN_HVM_CONFIG_HYPERCALL_MSR);
	get(KVM_XEN_ATTR_TYPE_LONG_MODE, 0, -ENOTTY);
	GOOD(&h, "UNKNOWN_REQUEST_ENOTTY");
	send(5, 0, TWO_LEVEL, -ENOTTY);
	GOOD(&h, "UNKNOWN_REQUEST_ENOTTY");
	send(5, 0, TWO_LEVEL, 0);
	BAD(&h, "UNKNOWN_REQUEST_ENOTTY");
}

/* Of a VM that was there before the tape began nothing is known. */
static void attached(void **state)
{
	vm = mh_object(&h, KVMAPI_VM, 0, UINT64_MAX, TAPE_OBJECT_PRE_EXISTING);
	get(KVM_XEN_ATTR_TYPE_UPCALL_VECTOR, 0x40, 0);
	GOOD(&h, "XEN_ATTR_SUCCEEDS");
	channel(10, 5, 0, 10, TWO_LEVEL, -EEXIST);
	KNOWN(&h, "XEN_EVTCHN_TAKEN");
	channel(10, 5, KVM_XEN_EVTCHN_UPDATE, 10, TWO_LEVEL, -EINVAL);
	mh_expect(&h, MODEL_UNSPECIFIED, NULL);
	channel(10, 0, KVM_XEN_EVTCHN_DEASSIGN, 0, 0, -ENOENT);
	KNOWN(&h, "XEN_EVTCHN_MISSING");
	send(5, 3, TWO_LEVEL, 0);
	ALLOWED(&h, "XEN_SEND_SUCCEEDS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(config, setup, teardown),
		cmocka_unit_test_setup_teardown(attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(channels, setup, teardown),
		cmocka_unit_test_setup_teardown(sending, setup, teardown),
		cmocka_unit_test_setup_teardown(attached, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
