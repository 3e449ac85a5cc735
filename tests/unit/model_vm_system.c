/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the calls on /dev/kvm, of KVM_CHECK_EXTENSION and of unknown requests. */
#include "model_vm_test.h"

#define SYSTEM 1

static void version(void **state)
{
	struct mh h;

	host_open(&h, "6.1.0", "kvm_intel");
	mh_value(&h, SYSTEM, "KVM_GET_API_VERSION", 0, 12);
	GOOD(&h, "API_VERSION_IS_12");
	mh_value(&h, SYSTEM, "KVM_GET_API_VERSION", 0, 13);
	BAD(&h, "API_VERSION_IS_12");
	mh_value(&h, SYSTEM, "KVM_GET_API_VERSION", 0, -EDOM);
	BAD(&h, "API_VERSION_IS_12");
	mh_value(&h, SYSTEM, "KVM_GET_API_VERSION", 1, -EINVAL);
	KNOWN(&h, "API_VERSION_NO_ARGUMENT");
	mh_value(&h, SYSTEM, "KVM_GET_API_VERSION", 1, 12);
	BAD(&h, "API_VERSION_NO_ARGUMENT");
	mh_close(&h);
}

static void create_vm(void **state)
{
	struct mh_call c = {.object = SYSTEM, .ioctl = "KVM_CREATE_VM"};
	struct mh h;

	host_open(&h, "6.1.0", "kvm_intel");
	mh_vm(&h);
	GOOD(&h, "CREATE_VM_SUCCEEDS");
	assert_true(mh_held(&h, "CREATED_DESCRIPTOR"));
	c.created = mh_object(&h, KVMAPI_VM, 0, UINT64_MAX, 0);
	c.ret = 77;
	mh_do(&h, &c);
	BAD(&h, "CREATED_DESCRIPTOR");
	mh_value(&h, SYSTEM, "KVM_CREATE_VM", 0, -EINVAL);
	BAD(&h, "CREATE_VM_SUCCEEDS");
	mh_value(&h, SYSTEM, "KVM_CREATE_VM", 0, -EMFILE);
	OPEN(&h);
	mh_value(&h, SYSTEM, "KVM_CREATE_VM", 5, -EINVAL);
	KNOWN(&h, "CREATE_VM_TYPE_UNSUPPORTED");
	mh_value(&h, SYSTEM, "KVM_CREATE_VM", 5, 30);
	BAD(&h, "CREATE_VM_TYPE_UNSUPPORTED");
	mh_close(&h);

	host_open(&h, "6.12.0", "kvm_amd");
	h.env.caps[KVM_CAP_VM_TYPES] = 0x19;
	mh_value(&h, SYSTEM, "KVM_CREATE_VM", 4, -EINVAL);
	OPEN(&h);
	mh_value(&h, SYSTEM, "KVM_CREATE_VM", 4, 12);
	ALLOWED(&h, "CREATE_VM_TYPE");
	mh_value(&h, SYSTEM, "KVM_CREATE_VM", 1, 12);
	mh_expect_refused(&h, "CREATE_VM_TYPE");
	mh_close(&h);
}

static void list(struct mh *h, const char *ioctl, uint32_t room, const uint32_t *out,
		 uint32_t words, int64_t ret)
{
	mh_io(h, SYSTEM, ioctl, &room, 4, out, words * 4, ret);
}

static void msr_lists(void **state)
{
	static const char *const names[] = {"KVM_GET_MSR_INDEX_LIST",
					    "KVM_GET_MSR_FEATURE_INDEX_LIST"};
	const uint32_t three[] = {3, 0x10, 0x174, 0xc0000080},
		       other[] = {3, 0x10, 0x175, 0xc0000080};
	const uint32_t two[] = {2, 0x10, 0x174}, twice[] = {3, 0x10, 0x174, 0x10},
		       far[] = {3, 0x10, 0x174, 0x2000};
	struct mh h;

	for (size_t i = 0; i < 2; i++) {
		host_open(&h, "6.1.0", "kvm_intel");
		list(&h, names[i], 0, three, 1, -E2BIG);
		GOOD(&h, "MSR_LIST_TOO_SMALL");
		assert_true(mh_held(&h, "MSR_LIST_COUNT"));
		list(&h, names[i], 2, three, 1, -E2BIG);
		GOOD(&h, "MSR_LIST_COUNT");
		list(&h, names[i], 2, two, 3, 0);
		BAD(&h, "MSR_LIST_TOO_SMALL");
		list(&h, names[i], 3, three, 4, 0);
		GOOD(&h, "MSR_LIST_SUCCEEDS");
		assert_true(mh_held(&h, "MSR_LIST_ADDRESS") && mh_held(&h, "MSR_LIST_UNIQUE"));
		list(&h, names[i], 8, three, 4, 0);
		GOOD(&h, "MSR_LIST_CONSTANT");
		list(&h, names[i], 8, other, 4, 0);
		BAD(&h, "MSR_LIST_CONSTANT");
		list(&h, names[i], 8, two, 3, 0);
		BAD(&h, "MSR_LIST_COUNT");
		list(&h, names[i], 8, three, 1, -E2BIG);
		BAD(&h, "MSR_LIST_COUNT");
		list(&h, names[i], 8, NULL, 0, -E2BIG);
		BAD(&h, "MSR_LIST_SUCCEEDS");
		list(&h, names[i], 8, NULL, 0, -EINVAL);
		BAD(&h, "MSR_LIST_SUCCEEDS");
		mh_close(&h);
		host_open(&h, "6.1.0", "kvm_intel");
		list(&h, names[i], 5, three, 1, -E2BIG);
		BAD(&h, "MSR_LIST_COUNT");
		list(&h, names[i], 2, three, 4, 0);
		BAD(&h, "MSR_LIST_COUNT");
		list(&h, names[i], 3, twice, 4, 0);
		BAD(&h, "MSR_LIST_UNIQUE");
		mh_close(&h);
		host_open(&h, "6.1.0", "kvm_intel");
		list(&h, names[i], 3, far, 4, 0);
		BAD(&h, "MSR_LIST_ADDRESS");
		mh_close(&h);
	}
}

static void mmap_size(void **state)
{
	struct mh h;

	host_open(&h, "6.1.0", "kvm_intel");
	mh_value(&h, SYSTEM, "KVM_GET_VCPU_MMAP_SIZE", 0, 8192);
	BAD(&h, "MMAP_SIZE_POSITIVE");
	mh_value(&h, SYSTEM, "KVM_GET_VCPU_MMAP_SIZE", 0, 12289);
	BAD(&h, "MMAP_SIZE_POSITIVE");
	mh_value(&h, SYSTEM, "KVM_GET_VCPU_MMAP_SIZE", 0, 12288);
	GOOD(&h, "MMAP_SIZE_POSITIVE");
	mh_value(&h, SYSTEM, "KVM_GET_VCPU_MMAP_SIZE", 0, 12288);
	GOOD(&h, "MMAP_SIZE_CONSTANT");
	mh_value(&h, SYSTEM, "KVM_GET_VCPU_MMAP_SIZE", 0, 16384);
	BAD(&h, "MMAP_SIZE_CONSTANT");
	mh_value(&h, SYSTEM, "KVM_GET_VCPU_MMAP_SIZE", 1, -EINVAL);
	KNOWN(&h, "MMAP_SIZE_NO_ARGUMENT");
	mh_value(&h, SYSTEM, "KVM_GET_VCPU_MMAP_SIZE", 1, 12288);
	BAD(&h, "MMAP_SIZE_NO_ARGUMENT");
	mh_close(&h);
}

struct cpuid {
	uint32_t nent, padding;
	struct kvm_cpuid_entry2 e[6];
};

static const struct cpuid host_cpuid = {
	.nent = 6,
	.e = {{.function = 0, .eax = 4},
	      {.function = 1, .ecx = 5, .edx = 6},
	      {.function = 4, .index = 0, .flags = 1},
	      {.function = 4, .index = 1, .flags = 1},
	      {.function = 0x80000000, .eax = 0x80000000},
	      {.function = 0x40000000,
	       .eax = 0x40000001,
	       .ebx = 0x4b4d564b,
	       .ecx = 0x564b4d56,
	       .edx = 0x4d}},
};

/* Ask with room for `room` entries, get `after`. */
static void cpuid(struct mh *h, const char *ioctl, uint32_t room, const struct cpuid *after,
		  int64_t ret)
{
	struct cpuid before = {.nent = room};

	mh_io(h, SYSTEM, ioctl, &before, sizeof(before), after, after ? sizeof(*after) : 0, ret);
}

static void cpuid_protocol(void **state)
{
	static const char *const name = "KVM_GET_SUPPORTED_CPUID";
	struct cpuid c = host_cpuid;
	struct mh h;

	host_open(&h, "6.1.0", "kvm_intel");
	c.nent = 1;
	cpuid(&h, name, 1, &c, -E2BIG);
	ALLOWED(&h, "CPUID_NENT_TOO_LOW");
	assert_true(mh_held(&h, "CPUID_NENT_KEPT") && mh_held(&h, "CPUID_HEADER_KEPT"));
	c.nent = 6;
	cpuid(&h, name, 2, &c, -E2BIG);
	BAD(&h, "CPUID_NENT_KEPT");
	cpuid(&h, name, 300, &c, -ENOMEM);
	BAD(&h, "CPUID_NENT_TOO_HIGH");
	cpuid(&h, name, 6, &c, 0);
	GOOD(&h, "CPUID_SUCCEEDS");
	assert_true(mh_held(&h, "CPUID_NENT_COUNT") && mh_held(&h, "CPUID_NENT_CONSTANT"));
	cpuid(&h, name, 300, &c, 0);
	GOOD(&h, "CPUID_CONSTANT");
	assert_true(mh_held(&h, "CPUID_NENT_TOO_HIGH"));
	cpuid(&h, name, 5, &c, 0);
	BAD(&h, "CPUID_NENT_TOO_LOW");
	cpuid(&h, name, 0, NULL, -E2BIG);
	GOOD(&h, "CPUID_NENT_TOO_LOW");
	cpuid(&h, name, 6, NULL, -E2BIG);
	BAD(&h, "CPUID_SUCCEEDS");
	cpuid(&h, name, 6, NULL, -EINVAL);
	BAD(&h, "CPUID_SUCCEEDS");
	c.padding = 1;
	cpuid(&h, name, 20, &c, 0);
	BAD(&h, "CPUID_HEADER_KEPT");
	c.padding = 0;
	c.nent = 5;
	cpuid(&h, name, 20, &c, 0);
	BAD(&h, "CPUID_NENT_CONSTANT");
	mh_close(&h);

	host_open(&h, "6.1.0", "kvm_intel");
	cpuid(&h, name, 9, NULL, -E2BIG);
	c.nent = 6;
	cpuid(&h, name, 20, &c, 0);
	BAD(&h, "CPUID_NENT_CONSTANT");
	cpuid(&h, name, 5, &c, 0);
	BAD(&h, "CPUID_NENT_COUNT");
	mh_close(&h);
}

static void cpuid_entries(void **state)
{
	static const struct {
		const char *rule;
		size_t at; /* byte that is falsified */
		uint8_t flip;
	} cases[] = {
		{"CPUID_FLAGS", offsetof(struct cpuid, e[1].flags), 8},
		{"CPUID_FLAGS", offsetof(struct cpuid, e[1].flags), KVM_CPUID_FLAG_STATE_READ_NEXT},
		{"CPUID_FLAGS", offsetof(struct cpuid, e[1].index), 1},
		{"CPUID_PADDING_ZERO", offsetof(struct cpuid, e[1].padding[2]), 1},
		{"CPUID_UNIQUE", offsetof(struct cpuid, e[3].index), 1},
		{"CPUID_IN_RANGE", offsetof(struct cpuid, e[3].function), 0x10},
		{"CPUID_IN_RANGE", offsetof(struct cpuid, e[0].eax), 2 | 4},
		{"CPUID_KVM_SIGNATURE", offsetof(struct cpuid, e[5].ecx), 1},
		{"CPUID_CONSTANT", offsetof(struct cpuid, e[0].ebx), 1},
		{"CPUID_CONSTANT", offsetof(struct cpuid, e[1].edx), 1},
	};
	struct mh h;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cpuid c = host_cpuid;

		host_open(&h, "6.12.0", "kvm_amd");
		cpuid(&h, "KVM_GET_SUPPORTED_CPUID", 6, &c, 0);
		GOOD(&h, "CPUID_UNIQUE");
		assert_true(mh_held(&h, "CPUID_FLAGS") && mh_held(&h, "CPUID_PADDING_ZERO") &&
			    mh_held(&h, "CPUID_IN_RANGE") && mh_held(&h, "CPUID_KVM_SIGNATURE"));
		((uint8_t *)&c)[cases[i].at] ^= cases[i].flip;
		cpuid(&h, "KVM_GET_SUPPORTED_CPUID", 6, &c, 0);
		BAD(&h, cases[i].rule);
		/* The APIC id and sub-leaves of this processor may differ. */
		c = host_cpuid;
		c.e[1].ebx = 0x1234;
		c.e[2].eax = 9;
		cpuid(&h, "KVM_GET_SUPPORTED_CPUID", 6, &c, 0);
		GOOD(&h, "CPUID_CONSTANT");
		mh_close(&h);
	}
}

static void cpuid_emulated(void **state)
{
	static const char *const name = "KVM_GET_EMULATED_CPUID";
	struct cpuid c = {.nent = 2, .e = {{.function = 1}, {.function = 7, .flags = 1}}},
		     dirty = {.nent = 4};
	struct mh h;

	host_open(&h, "6.1.0", "kvm_intel");
	cpuid(&h, name, 6, &c, 0);
	GOOD(&h, "CPUID_SUCCEEDS");
	cpuid(&h, name, 2, NULL, -E2BIG);
	KNOWN(&h, "CPUID_EMULATED_SPARE");
	cpuid(&h, name, 1, NULL, -E2BIG);
	GOOD(&h, "CPUID_NENT_TOO_LOW");
	cpuid(&h, name, 6, NULL, -E2BIG);
	BAD(&h, "CPUID_SUCCEEDS");
	mh_expect_refused(&h, "CPUID_EMULATED_SPARE");
	dirty.e[2].padding[0] = 1;
	mh_io(&h, SYSTEM, name, &dirty, sizeof(dirty), NULL, 0, -EINVAL);
	KNOWN(&h, "CPUID_EMULATED_PADDING");
	mh_io(&h, SYSTEM, name, &dirty, sizeof(dirty), &c, sizeof(c), 0);
	BAD(&h, "CPUID_EMULATED_PADDING");

	/* MOVBE is emulated; x2APIC is, but well; an FPU is not. */
	for (size_t i = 0; i < 3; i++) {
		mh_close(&h);
		host_open(&h, "6.1.0", "kvm_intel");
		c.e[0].ecx = i ? 0 : 1u << 22;
		c.e[0].ecx |= i == 1 ? 1u << 21 : 0;
		c.e[0].edx = i == 2;
		cpuid(&h, name, 6, &c, 0);
		if (i)
			BAD(&h, "CPUID_EMULATED_ONLY");
		else
			GOOD(&h, "CPUID_EMULATED_ONLY");
	}
	mh_close(&h);
}

struct msrs {
	uint32_t n, pad;
	struct kvm_msr_entry e[2];
};

static void feature_msrs(void **state)
{
	const uint32_t features[] = {2, 0x10a, 0x485};
	struct msrs in = {.n = 2, .e = {{.index = 0x10a}, {.index = 0x485}}}, out = in,
		    more = {.n = 256};
	struct mh h;

	host_open(&h, "6.1.0", "kvm_intel");
	out.e[0].data = 5;
	INOUT(&h, SYSTEM, "KVM_GET_MSRS", in, out, 2);
	GOOD(&h, "FEATURE_MSRS_OTHER");
	INOUT(&h, SYSTEM, "KVM_GET_MSRS", in, out, 3);
	BAD(&h, "FEATURE_MSRS_OTHER");
	list(&h, "KVM_GET_MSR_FEATURE_INDEX_LIST", 8, features, 3, 0);
	INOUT(&h, SYSTEM, "KVM_GET_MSRS", in, out, 2);
	GOOD(&h, "FEATURE_MSRS_READ");
	assert_true(mh_held(&h, "FEATURE_MSRS_CONSTANT") &&
		    mh_held(&h, "FEATURE_MSRS_INDEX_KEPT") &&
		    mh_held(&h, "FEATURE_MSRS_REST_KEPT"));
	INOUT(&h, SYSTEM, "KVM_GET_MSRS", in, out, 1);
	BAD(&h, "FEATURE_MSRS_READ");
	out.e[0].data = 6;
	INOUT(&h, SYSTEM, "KVM_GET_MSRS", in, out, 2);
	BAD(&h, "FEATURE_MSRS_CONSTANT");
	out = in;
	out.e[1].index ^= 1;
	out.e[0].data = 5;
	INOUT(&h, SYSTEM, "KVM_GET_MSRS", in, out, 2);
	BAD(&h, "FEATURE_MSRS_INDEX_KEPT");
	out = in;
	out.n = 1;
	INOUT(&h, SYSTEM, "KVM_GET_MSRS", in, out, 2);
	BAD(&h, "FEATURE_MSRS_INDEX_KEPT");
	out = in;
	out.e[0].data = 5;
	out.e[1].reserved = 1;
	INOUT(&h, SYSTEM, "KVM_GET_MSRS", in, out, 2);
	BAD(&h, "FEATURE_MSRS_REST_KEPT");
	IN(&h, SYSTEM, "KVM_GET_MSRS", more, -E2BIG);
	KNOWN(&h, "FEATURE_MSRS_TOO_MANY");
	IN(&h, SYSTEM, "KVM_GET_MSRS", more, 0);
	BAD(&h, "FEATURE_MSRS_TOO_MANY");
	mh_close(&h);
}

static void mce_cap(void **state)
{
	uint64_t cap = 0x1000100;
	struct mh h;

	host_open(&h, "6.1.0", "kvm_intel");
	OUT(&h, SYSTEM, "KVM_X86_GET_MCE_CAP_SUPPORTED", cap, 0);
	GOOD(&h, "MCE_CAP_FORMAT");
	assert_true(mh_held(&h, "MCE_CAP_SUCCEEDS") && mh_held(&h, "MCE_CAP_OF_KVM"));
	OUT(&h, SYSTEM, "KVM_X86_GET_MCE_CAP_SUPPORTED", cap, 0);
	GOOD(&h, "MCE_CAP_CONSTANT");
	cap |= 0x400;
	OUT(&h, SYSTEM, "KVM_X86_GET_MCE_CAP_SUPPORTED", cap, 0);
	BAD(&h, "MCE_CAP_CONSTANT");
	cap |= 1 << 9;
	OUT(&h, SYSTEM, "KVM_X86_GET_MCE_CAP_SUPPORTED", cap, 0);
	BAD(&h, "MCE_CAP_OF_KVM");
	cap |= 1ull << 40;
	OUT(&h, SYSTEM, "KVM_X86_GET_MCE_CAP_SUPPORTED", cap, 0);
	BAD(&h, "MCE_CAP_FORMAT");
	OUT(&h, SYSTEM, "KVM_X86_GET_MCE_CAP_SUPPORTED", cap, -EINVAL);
	BAD(&h, "MCE_CAP_SUCCEEDS");
	mh_close(&h);
}

static void attr(struct mh *h, const char *ioctl, uint32_t group, uint64_t number, uint64_t data,
		 int64_t ret)
{
	struct kvm_device_attr a = {.group = group, .attr = number, .addr = 0x2000};
	struct tape_part nested = {
		.role = TAPE_NESTED_OUT, .want = 8, .have = 8, .data = (uint8_t *)&data};
	struct mh_call c = {.object = SYSTEM,
			    .ioctl = ioctl,
			    .in = &a,
			    .in_len = sizeof(a),
			    .out_parts = &nested,
			    .out_part_count = !ret,
			    .ret = ret};

	mh_do(h, &c);
}

static void system_attributes(void **state)
{
	struct mh h;

	host_open(&h, "6.12.0", "kvm_amd");
	attr(&h, "KVM_GET_DEVICE_ATTR", 0, 0, 7, 0);
	GOOD(&h, "SYSTEM_ATTR_XCOMP");
	attr(&h, "KVM_GET_DEVICE_ATTR", 0, 0, 7, 0);
	GOOD(&h, "SYSTEM_ATTR_CONSTANT");
	attr(&h, "KVM_GET_DEVICE_ATTR", 0, 0, 3, 0);
	BAD(&h, "SYSTEM_ATTR_CONSTANT");
	attr(&h, "KVM_GET_DEVICE_ATTR", 0, 0, 0, -ENXIO);
	BAD(&h, "SYSTEM_ATTR_XCOMP");
	attr(&h, "KVM_HAS_DEVICE_ATTR", 0, 1, 0, -ENXIO);
	GOOD(&h, "SYSTEM_ATTR_UNKNOWN");
	attr(&h, "KVM_HAS_DEVICE_ATTR", 0, 1, 0, 0);
	BAD(&h, "SYSTEM_ATTR_UNKNOWN");
	mh_expect_refused(&h, "SYSTEM_ATTR_OTHER");
	attr(&h, "KVM_GET_DEVICE_ATTR", 1, 0, 0, -ENXIO);
	ALLOWED(&h, "SYSTEM_ATTR_UNKNOWN");
	attr(&h, "KVM_GET_DEVICE_ATTR", 1, 0, 9, 0);
	ALLOWED(&h, "SYSTEM_ATTR_OTHER");
	mh_close(&h);

	host_open(&h, "5.10.0", "kvm_amd");
	h.env.caps[KVM_CAP_SYS_ATTRIBUTES] = 0;
	attr(&h, "KVM_GET_DEVICE_ATTR", 0, 0, 0, -EINVAL);
	KNOWN(&h, "SYSTEM_ATTR_UNSUPPORTED");
	attr(&h, "KVM_GET_DEVICE_ATTR", 0, 0, 0, 0);
	BAD(&h, "SYSTEM_ATTR_UNSUPPORTED");
	mh_close(&h);
}

static void check_extension(void **state)
{
	struct mh h;
	uint32_t vm;

	host_open(&h, "6.1.0", "kvm_intel");
	vm = mh_vm(&h);
	mh_value(&h, SYSTEM, "KVM_CHECK_EXTENSION", KVM_CAP_COALESCED_MMIO, 2);
	GOOD(&h, "CHECK_EXTENSION_SAME");
	mh_value(&h, SYSTEM, "KVM_CHECK_EXTENSION", KVM_CAP_COALESCED_MMIO, 0);
	BAD(&h, "CHECK_EXTENSION_SAME");
	mh_value(&h, SYSTEM, "KVM_CHECK_EXTENSION", KVM_CAP_COALESCED_MMIO, -EINVAL);
	BAD(&h, "CHECK_EXTENSION_ANSWERS");
	mh_value(&h, vm, "KVM_CHECK_EXTENSION", KVM_CAP_IMMEDIATE_EXIT, 1);
	GOOD(&h, "CHECK_EXTENSION_VM_SAME");
	mh_value(&h, vm, "KVM_CHECK_EXTENSION", KVM_CAP_IMMEDIATE_EXIT, 2);
	BAD(&h, "CHECK_EXTENSION_VM_SAME");
	/* What the environment does not have is what the first answer was. */
	mh_value(&h, SYSTEM, "KVM_CHECK_EXTENSION", KVM_CAP_USER_MEMORY, 1);
	GOOD(&h, "CHECK_EXTENSION_ANSWERS");
	mh_value(&h, SYSTEM, "KVM_CHECK_EXTENSION", KVM_CAP_USER_MEMORY, 0);
	BAD(&h, "CHECK_EXTENSION_SAME");
	mh_value(&h, vm, "KVM_CHECK_EXTENSION", KVM_CAP_MAX_VCPUS, 2);
	GOOD(&h, "CHECK_EXTENSION_ANSWERS");
	mh_value(&h, SYSTEM, "KVM_CHECK_EXTENSION", KVM_CAP_NR_VCPUS, 3);
	GOOD(&h, "CHECK_EXTENSION_NR_VCPUS");
	mh_value(&h, SYSTEM, "KVM_CHECK_EXTENSION", KVM_CAP_NR_VCPUS, 5);
	BAD(&h, "CHECK_EXTENSION_NR_VCPUS");
	mh_value(&h, SYSTEM, "KVM_CHECK_EXTENSION", UINT64_MAX, 0);
	GOOD(&h, "CHECK_EXTENSION_UNKNOWN");
	mh_value(&h, SYSTEM, "KVM_CHECK_EXTENSION", UINT64_MAX, 1);
	BAD(&h, "CHECK_EXTENSION_UNKNOWN");
	mh_close(&h);
}

static void requests_that_are_not(void **state)
{
	static const char *const gone[] = {
		"KVM_ASSIGN_PCI_DEVICE",     "KVM_DEASSIGN_PCI_DEVICE",	 "KVM_ASSIGN_IRQ",
		"KVM_ASSIGN_DEV_IRQ",	     "KVM_DEASSIGN_DEV_IRQ",	 "KVM_ASSIGN_SET_MSIX_NR",
		"KVM_ASSIGN_SET_MSIX_ENTRY", "KVM_ASSIGN_SET_INTX_MASK",
	};
	struct kvm_device_attr set = {.group = 0};
	struct mh h;
	uint32_t vm, vcpu, device;

	host_open(&h, "6.1.0", "kvm_intel");
	vm = mh_vm(&h);
	vcpu = mh_vcpu(&h, vm, 0);
	device = mh_object(&h, KVMAPI_DEVICE, vm, KVM_DEV_TYPE_VFIO, TAPE_OBJECT_PRE_EXISTING);
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		mh_value(&h, vm, gone[i], 0, -ENOTTY);
		GOOD(&h, "REMOVED_ENOTTY");
		mh_value(&h, vm, gone[i], 0, -EINVAL);
		BAD(&h, "REMOVED_ENOTTY");
		mh_value(&h, vm, gone[i], 0, 0);
		BAD(&h, "REMOVED_ENOTTY");
	}
	mh_value(&h, vm, "KVM_SET_MEMORY_ALIAS", 0, -ENOTTY);
	GOOD(&h, "OBSOLETE_VM_ENOTTY");
	mh_value(&h, vm, "KVM_SET_MEMORY_REGION", 0, 0);
	BAD(&h, "OBSOLETE_VM_ENOTTY");
	mh_value(&h, SYSTEM, "KVM_TRACE_PAUSE", 0, -EOPNOTSUPP);
	KNOWN(&h, "TRACE_UNSUPPORTED");
	mh_value(&h, SYSTEM, "KVM_TRACE_PAUSE", 0, -EINVAL);
	KNOWN(&h, "TRACE_UNSUPPORTED");
	mh_value(&h, SYSTEM, "KVM_TRACE_PAUSE", 0, 0);
	BAD(&h, "TRACE_UNSUPPORTED");
	/* The harness takes names that no row has for the request 0xaeff. */
	mh_value(&h, SYSTEM, "KVM_NO_SUCH", 0, -EINVAL);
	KNOWN(&h, "UNKNOWN_SYSTEM_EINVAL");
	mh_value(&h, SYSTEM, "KVM_NO_SUCH", 0, -ENOTTY);
	BAD(&h, "UNKNOWN_SYSTEM_EINVAL");
	mh_value(&h, vm, "KVM_NO_SUCH", 0, -ENOTTY);
	GOOD(&h, "UNKNOWN_REQUEST_ENOTTY");
	mh_value(&h, vm, "KVM_NO_SUCH", 0, 0);
	BAD(&h, "UNKNOWN_REQUEST_ENOTTY");
	mh_value(&h, vcpu, "KVM_NO_SUCH", 0, -EINVAL);
	KNOWN(&h, "UNKNOWN_VCPU_EINVAL");
	mh_value(&h, vcpu, "KVM_NO_SUCH", 0, -ENOTTY);
	BAD(&h, "UNKNOWN_VCPU_EINVAL");
	mh_value(&h, device, "KVM_NO_SUCH", 0, -ENOTTY);
	GOOD(&h, "UNKNOWN_REQUEST_ENOTTY");
	IN(&h, SYSTEM, "KVM_SET_DEVICE_ATTR", set, -EINVAL);
	KNOWN(&h, "UNKNOWN_SYSTEM_EINVAL");
	mh_close(&h);

	/* A newer kernel may know what this table does not. */
	host_open(&h, "7.9.0", "kvm_intel");
	mh_value(&h, SYSTEM, "KVM_NO_SUCH", 0, 0);
	mh_expect(&h, MODEL_SKIPPED, NULL);
	mh_close(&h);
}

/* A tape that names an object only while a call on it is under way. */
static void announced_late(void **state)
{
	struct kvm_userspace_memory_region r = {.memory_size = 4096};
	struct mh_call c = {
		.ioctl = "KVM_SET_USER_MEMORY_REGION", .in = &r, .in_len = sizeof(r), .thread = 1};
	struct mh h;

	host_open(&h, "6.12.0", "kvm_intel");
	mh_vm(&h);
	for (c.ret = 0; c.ret >= -EINVAL; c.ret -= EINVAL) {
		c.object = h.objects + 1;
		h.kinds[c.object] = KVMAPI_VM;
		mh_begin(&h, &c);
		mh_object(&h, KVMAPI_VM, 0, UINT64_MAX, 0);
		mh_end(&h, &c);
		if (c.ret)
			mh_expect(&h, MODEL_SKIPPED, NULL);
		else
			BAD(&h, "OBJECT_MUST_EXIST");
	}
	mh_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version),	   cmocka_unit_test(create_vm),
		cmocka_unit_test(msr_lists),	   cmocka_unit_test(mmap_size),
		cmocka_unit_test(cpuid_protocol),  cmocka_unit_test(cpuid_entries),
		cmocka_unit_test(cpuid_emulated),  cmocka_unit_test(feature_msrs),
		cmocka_unit_test(mce_cap),	   cmocka_unit_test(system_attributes),
		cmocka_unit_test(check_extension), cmocka_unit_test(requests_that_are_not),
		cmocka_unit_test(announced_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
