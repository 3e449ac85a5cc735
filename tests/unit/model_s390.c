/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of s390: each kept once and broken once. All numbers of a tape of s390 are big-endian. */
#include "model_arch_test.h"

#define ADDR	 0x5000ull
#define BAD_ADDR (UINT64_MAX - 7)
#define MEM	 KVM_S390_VM_MEM_CTRL
#define CPU	 KVM_S390_VM_CPU_MODEL
#define TOD	 KVM_S390_VM_TOD
#define CRYPTO	 KVM_S390_VM_CRYPTO
#define MIGRATE	 KVM_S390_VM_MIGRATION
#define MB	 (1ull << 20)
#define GB	 (1ull << 30)

static struct mh h;
static uint32_t vm;

static void be(void *buf, size_t offset, size_t width, uint64_t value)
{
	for (size_t i = 0; i < width; i++)
		((uint8_t *)buf)[offset + i] = (uint8_t)(value >> 8 * (width - 1 - i));
}

static void host_open(const char *release)
{
	mh_open(&h, release, "");
	h.env.arch = KVMAPI_S390;
	mh_cap(&h, KVM_CAP_MAX_VCPUS, 8);
	mh_cap(&h, KVM_CAP_MAX_VCPU_ID, 8);
	mh_cap(&h, KVM_CAP_NR_MEMSLOTS, 32767);
	mh_cap(&h, KVM_CAP_MULTI_ADDRESS_SPACE, 0);
	mh_cap(&h, KVM_CAP_READONLY_MEM, 0);
	vm = mh_vm(&h);
	GOOD(&h, "ARCH_CREATE_VM");
}

static int setup_6_1(void **state)
{
	host_open("6.1.0");
	return 0;
}

static int setup_6_12(void **state)
{
	host_open("6.12.0");
	return 0;
}

static int setup_7_2(void **state)
{
	host_open("7.2.0");
	return 0;
}

static int teardown(void **state)
{
	mh_close(&h);
	return 0;
}

/* --- attributes --- */

static void attr_full(const char *ioctl, uint32_t flags, uint32_t group, uint64_t attr,
		      uint64_t addr, const void *data, uint32_t len, int64_t ret)
{
	bool set = !strcmp(ioctl, "KVM_SET_DEVICE_ATTR");
	uint8_t in[sizeof(struct kvm_device_attr)];
	struct tape_part part = {.role = set ? TAPE_NESTED_IN : TAPE_NESTED_OUT,
				 .want = len,
				 .have = len,
				 .addr = addr,
				 .data = data};
	struct mh_call c = {.object = vm,
			    .ioctl = ioctl,
			    .in = in,
			    .in_len = sizeof(in),
			    .in_parts = set && data ? &part : NULL,
			    .in_part_count = set && data,
			    .out_parts = !set && data && !ret ? &part : NULL,
			    .out_part_count = !set && data && !ret,
			    .ret = ret};

	be(in, offsetof(struct kvm_device_attr, flags), 4, flags);
	be(in, offsetof(struct kvm_device_attr, group), 4, group);
	be(in, offsetof(struct kvm_device_attr, attr), 8, attr);
	be(in, offsetof(struct kvm_device_attr, addr), 8, addr);
	mh_do(&h, &c);
}

static void set(uint32_t group, uint64_t attr, const void *data, uint32_t len, int64_t ret)
{
	attr_full("KVM_SET_DEVICE_ATTR", 0, group, attr, ADDR, data, len, ret);
}

static void get(uint32_t group, uint64_t attr, const void *data, uint32_t len, int64_t ret)
{
	attr_full("KVM_GET_DEVICE_ATTR", 0, group, attr, ADDR, data, len, ret);
}

/* No data, or none that was captured. */
static void do_it(uint32_t group, uint64_t attr, int64_t ret)
{
	set(group, attr, NULL, 0, ret);
}

static void has(uint32_t group, uint64_t attr, int64_t ret)
{
	attr_full("KVM_HAS_DEVICE_ATTR", 0, group, attr, 0, NULL, 0, ret);
}

static void set_u64(uint32_t group, uint64_t attr, uint64_t value, int64_t ret)
{
	uint8_t data[8];

	be(data, 0, 8, value);
	set(group, attr, data, 8, ret);
}

static void get_u64(uint32_t group, uint64_t attr, uint64_t value)
{
	uint8_t data[8];

	be(data, 0, 8, value);
	get(group, attr, data, 8, 0);
}

static void region(uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, uint64_t hva,
		   int64_t ret)
{
	uint8_t in[sizeof(struct kvm_userspace_memory_region)];

	be(in, 0, 4, slot);
	be(in, 4, 4, flags);
	be(in, 8, 8, gpa);
	be(in, 16, 8, size);
	be(in, 24, 8, hva);
	mh_io(&h, vm, "KVM_SET_USER_MEMORY_REGION", in, sizeof(in), NULL, 0, ret);
}

static void presence(void **state)
{
	static const struct {
		uint32_t group;
		uint64_t attr;
	} there[] = {
		{MEM, KVM_S390_VM_MEM_LIMIT_SIZE},
		{CPU, KVM_S390_VM_CPU_PROCESSOR},
		{CPU, KVM_S390_VM_CPU_MACHINE},
		{CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT},
		{CPU, KVM_S390_VM_CPU_MACHINE_FEAT},
		{CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC},
		{CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC},
		{TOD, KVM_S390_VM_TOD_LOW},
		{TOD, KVM_S390_VM_TOD_HIGH},
		{CRYPTO, KVM_S390_VM_CRYPTO_ENABLE_AES_KW},
		{CRYPTO, KVM_S390_VM_CRYPTO_DISABLE_DEA_KW},
		{MIGRATE, KVM_S390_VM_MIGRATION_STATUS},
	};
	static const uint32_t optional[][2] = {{MEM, KVM_S390_VM_MEM_ENABLE_CMMA},
					       {CRYPTO, KVM_S390_VM_CRYPTO_ENABLE_APIE}};

	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		has(there[i].group, there[i].attr, 0);
		GOOD(&h, "S390_HAS_ATTR");
		has(there[i].group, there[i].attr, -ENXIO);
		BAD(&h, "S390_HAS_ATTR");
	}
	has(MIGRATE, 77, 0);
	KNOWN(&h, "S390_HAS_MIGRATION_ANY");
	has(MIGRATE, 77, -ENXIO);
	BAD(&h, "S390_HAS_MIGRATION_ANY");
	has(TOD, KVM_S390_VM_TOD_EXT, -ENXIO);
	KNOWN(&h, "S390_HAS_TOD_EXT");
	has(TOD, KVM_S390_VM_TOD_EXT, 0);
	BAD(&h, "S390_HAS_TOD_EXT");
	for (size_t i = 0; i < 2; i++) {
		has(optional[i][0], optional[i][1], -ENXIO);
		ALLOWED(&h, "S390_ATTR_HARDWARE");
		has(optional[i][0], optional[i][1], -ENXIO);
		HOLDS(&h, "S390_HAS_ATTR_KEPT");
		has(optional[i][0], optional[i][1], 0);
		BAD(&h, "S390_HAS_ATTR_KEPT");
	}
	/* Now it is there. */
	do_it(MEM, KVM_S390_VM_MEM_ENABLE_CMMA, -ENXIO);
	BAD(&h, "S390_HAS_ATTR_KEPT");
}

static void unknown(void **state)
{
	static const uint32_t wrong[][2] = {{99, 0}, {MEM, 9}, {CPU, 99}, {CRYPTO, 9}, {TOD, 9}};

	for (size_t i = 0; i < 5; i++) {
		has(wrong[i][0], wrong[i][1], -ENXIO);
		GOOD(&h, "S390_ATTR_UNKNOWN");
		has(wrong[i][0], wrong[i][1], 0);
		BAD(&h, "S390_ATTR_UNKNOWN");
		do_it(wrong[i][0], wrong[i][1], -ENXIO);
		GOOD(&h, "S390_ATTR_UNKNOWN");
		do_it(wrong[i][0], wrong[i][1], -EDOM);
		BAD(&h, "S390_ATTR_UNKNOWN");
		get(wrong[i][0], wrong[i][1], NULL, 0, -ENXIO);
		GOOD(&h, "S390_ATTR_UNKNOWN");
	}
	/* Of the topology nothing is documented. */
	has(KVM_S390_VM_CPU_TOPOLOGY, 0, -ENXIO);
	ALLOWED(&h, "S390_ATTR_HARDWARE");
	has(KVM_S390_VM_CPU_TOPOLOGY, 0, 0);
	ALLOWED(&h, "S390_ATTR_HARDWARE");
	do_it(MEM, KVM_S390_VM_MEM_ENABLE_CMMA, -EDOM);
	mh_expect_refused(&h, "S390_ATTR_HARDWARE");
}

static void directions(void **state)
{
	static const uint32_t no_get[][2] = {{MEM, KVM_S390_VM_MEM_ENABLE_CMMA},
					     {MEM, KVM_S390_VM_MEM_CLR_CMMA},
					     {CRYPTO, KVM_S390_VM_CRYPTO_ENABLE_AES_KW},
					     {CRYPTO, KVM_S390_VM_CRYPTO_ENABLE_DEA_KW},
					     {CRYPTO, KVM_S390_VM_CRYPTO_DISABLE_AES_KW},
					     {CRYPTO, KVM_S390_VM_CRYPTO_DISABLE_DEA_KW},
					     {MIGRATE, KVM_S390_VM_MIGRATION_START},
					     {MIGRATE, KVM_S390_VM_MIGRATION_STOP}};
	static const uint32_t no_set[][2] = {{CPU, KVM_S390_VM_CPU_MACHINE},
					     {CPU, KVM_S390_VM_CPU_MACHINE_FEAT},
					     {CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC},
					     {MIGRATE, KVM_S390_VM_MIGRATION_STATUS}};

	for (size_t i = 0; i < 8; i++) {
		get(no_get[i][0], no_get[i][1], NULL, 0, -ENXIO);
		KNOWN(&h, "S390_ATTR_DIRECTION");
		get(no_get[i][0], no_get[i][1], NULL, 0, -EDOM);
		BAD(&h, "S390_ATTR_DIRECTION");
		get(no_get[i][0], no_get[i][1], NULL, 0, 0);
		BAD(&h, "S390_ATTR_DIRECTION");
	}
	for (size_t i = 0; i < 4; i++) {
		do_it(no_set[i][0], no_set[i][1], -ENXIO);
		KNOWN(&h, "S390_ATTR_DIRECTION");
		do_it(no_set[i][0], no_set[i][1], 0);
		BAD(&h, "S390_ATTR_DIRECTION");
	}
}

static void faults(void **state)
{
	static const uint32_t of_get[][2] = {{MEM, KVM_S390_VM_MEM_LIMIT_SIZE},
					     {CPU, KVM_S390_VM_CPU_MACHINE},
					     {CPU, KVM_S390_VM_CPU_PROCESSOR},
					     {CPU, KVM_S390_VM_CPU_MACHINE_FEAT},
					     {CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT},
					     {CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC},
					     {CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC},
					     {TOD, KVM_S390_VM_TOD_HIGH},
					     {TOD, KVM_S390_VM_TOD_LOW},
					     {TOD, KVM_S390_VM_TOD_EXT},
					     {MIGRATE, KVM_S390_VM_MIGRATION_STATUS}};
	static const uint32_t of_set[][2] = {{MEM, KVM_S390_VM_MEM_LIMIT_SIZE},
					     {CPU, KVM_S390_VM_CPU_PROCESSOR},
					     {CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT},
					     {CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC},
					     {TOD, KVM_S390_VM_TOD_HIGH},
					     {TOD, KVM_S390_VM_TOD_LOW},
					     {TOD, KVM_S390_VM_TOD_EXT}};

	for (size_t i = 0; i < 11; i++) {
		attr_full("KVM_GET_DEVICE_ATTR", 0, of_get[i][0], of_get[i][1], BAD_ADDR, NULL, 0,
			  -EFAULT);
		GOOD(&h, "S390_ATTR_FAULT");
		attr_full("KVM_GET_DEVICE_ATTR", 0, of_get[i][0], of_get[i][1], BAD_ADDR, NULL, 0,
			  0);
		BAD(&h, "S390_ATTR_FAULT");
	}
	for (size_t i = 0; i < 7; i++) {
		attr_full("KVM_SET_DEVICE_ATTR", 0, of_set[i][0], of_set[i][1], BAD_ADDR, NULL, 0,
			  -EFAULT);
		GOOD(&h, "S390_ATTR_FAULT");
		attr_full("KVM_SET_DEVICE_ATTR", 0, of_set[i][0], of_set[i][1], BAD_ADDR, NULL, 0,
			  0);
		BAD(&h, "S390_ATTR_FAULT");
	}
	/* Data that was read at its address was accessible. */
	set_u64(TOD, KVM_S390_VM_TOD_LOW, 1, -EFAULT);
	BAD(&h, "S390_TOD_SET");
}

/* --- memory --- */

static void cmma(void **state)
{
	static const uint8_t zero[16], used[16] = {[7] = 1};
	uint8_t log[sizeof(struct kvm_s390_cmma_log)] = {0};
	struct tape_part part = {.role = TAPE_NESTED_OUT, .want = 16, .have = 16, .data = zero};
	struct mh_call bits = {.object = vm,
			       .ioctl = "KVM_S390_GET_CMMA_BITS",
			       .in = log,
			       .in_len = sizeof(log),
			       .out = log,
			       .out_len = sizeof(log),
			       .out_parts = &part,
			       .out_part_count = 1};
	uint8_t cap[sizeof(struct kvm_enable_cap)] = {0};

	do_it(MEM, KVM_S390_VM_MEM_CLR_CMMA, -EINVAL);
	GOOD(&h, "S390_CMMA_CLEAR_OFF");
	do_it(MEM, KVM_S390_VM_MEM_CLR_CMMA, 0);
	BAD(&h, "S390_CMMA_CLEAR_OFF");
	do_it(MEM, KVM_S390_VM_MEM_ENABLE_CMMA, -EINVAL);
	BAD(&h, "S390_CMMA_ENABLE");
	do_it(MEM, KVM_S390_VM_MEM_ENABLE_CMMA, 0);
	GOOD(&h, "S390_CMMA_ENABLE");
	do_it(MEM, KVM_S390_VM_MEM_CLR_CMMA, -EINVAL);
	BAD(&h, "S390_CMMA_CLEAR");
	do_it(MEM, KVM_S390_VM_MEM_CLR_CMMA, 0);
	GOOD(&h, "S390_CMMA_CLEAR");
	be(log, offsetof(struct kvm_s390_cmma_log, count), 4, 16);
	mh_do(&h, &bits);
	GOOD(&h, "S390_CMMA_CLEARED");
	part.data = used;
	mh_do(&h, &bits);
	BAD(&h, "S390_CMMA_CLEARED");
	mh_vcpu(&h, vm, 0);
	do_it(MEM, KVM_S390_VM_MEM_ENABLE_CMMA, -EBUSY);
	GOOD(&h, "S390_CMMA_ENABLE_BUSY");
	do_it(MEM, KVM_S390_VM_MEM_ENABLE_CMMA, 0);
	BAD(&h, "S390_CMMA_ENABLE_BUSY");
	/* Huge pages. */
	vm = mh_vm(&h);
	be(cap, 0, 4, KVM_CAP_S390_HPAGE_1M);
	mh_io(&h, vm, "KVM_ENABLE_CAP", cap, sizeof(cap), NULL, 0, 0);
	ALLOWED(&h, "S390_ENABLE_CAP");
	do_it(MEM, KVM_S390_VM_MEM_ENABLE_CMMA, -EINVAL);
	KNOWN(&h, "S390_CMMA_HUGE_PAGES");
	do_it(MEM, KVM_S390_VM_MEM_ENABLE_CMMA, 0);
	BAD(&h, "S390_CMMA_HUGE_PAGES");
}

static void limit(uint64_t value, int64_t ret)
{
	set_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, value, ret);
}

static void limits(void **state)
{
	const uint64_t most = 1ull << 43;
	uint32_t before = vm;

	get_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, most);
	GOOD(&h, "S390_LIMIT_GET");
	get_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, most);
	GOOD(&h, "S390_LIMIT_GET");
	get_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, most / 2);
	BAD(&h, "S390_LIMIT_GET");
	get(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, NULL, 0, -EINVAL);
	BAD(&h, "S390_LIMIT_GET");
	limit(most * 2, -E2BIG);
	GOOD(&h, "S390_LIMIT_TOO_BIG");
	limit(most * 2, 0);
	BAD(&h, "S390_LIMIT_TOO_BIG");
	limit(UINT64_MAX, -E2BIG);
	GOOD(&h, "S390_LIMIT_TOO_BIG");
	limit(0, -EINVAL);
	KNOWN(&h, "S390_LIMIT_ZERO");
	limit(0, 0);
	BAD(&h, "S390_LIMIT_ZERO");
	limit(3 * GB, -EBUSY);
	BAD(&h, "S390_LIMIT_SET");
	limit(GB, 0);
	GOOD(&h, "S390_LIMIT_SET");
	get_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, most);
	KNOWN(&h, "S390_LIMIT_KEPT");
	get_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, GB);
	BAD(&h, "S390_LIMIT_KEPT");
	/* Slots on both sides of the limit. */
	region(0, 0, GB, GB, 0x10000000, 0);
	GOOD(&h, "MEMORY_REGION_SUCCEEDS");
	region(1, 0, 2 * GB, MB, 0x80000000, 0);
	HOLDS(&h, "S390_LIMIT_NOT_ENFORCED");
	mh_expect(&h, MODEL_DEVIATION, "S390_LIMIT_NOT_ENFORCED");
	region(2, 0, 3 * GB, MB, 0x90000000, -EINVAL);
	BAD(&h, "S390_LIMIT_NOT_ENFORCED");
	region(2, 0, most, MB, 0x90000000, -EINVAL);
	KNOWN(&h, "S390_REGION_LIMIT");
	region(2, 0, most, MB, 0x90000000, 0);
	BAD(&h, "S390_REGION_LIMIT");
	region(2, 0, 3 * GB, MB / 2, 0x90000000, -EINVAL);
	KNOWN(&h, "S390_REGION_SEGMENT");
	region(2, 0, 3 * GB, MB, 0x90010000, 0);
	BAD(&h, "S390_REGION_SEGMENT");
	mh_vcpu(&h, vm, 0);
	limit(GB, -EBUSY);
	GOOD(&h, "S390_LIMIT_BUSY");
	limit(GB, 0);
	BAD(&h, "S390_LIMIT_BUSY");
	/* Several causes. */
	limit(most * 2, -E2BIG);
	mh_expect(&h, MODEL_DEVIATION, "S390_LIMIT_ORDER");
	limit(most * 2, -EBUSY);
	BAD(&h, "S390_LIMIT_ORDER");
	/* The limit is the host's, not the VM's. */
	vm = mh_vm(&h);
	assert_int_not_equal(vm, before);
	get_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, GB);
	BAD(&h, "S390_LIMIT_GET");
}

static void limits_new(void **state)
{
	const uint64_t most = 1ull << 43;

	get_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, most);
	GOOD(&h, "S390_LIMIT_GET");
	limit(UINT64_MAX, -EINVAL);
	KNOWN(&h, "S390_LIMIT_WRAPS");
	limit(UINT64_MAX, 0);
	BAD(&h, "S390_LIMIT_WRAPS");
	region(0, 0, 0, 2 * GB, 0x10000000, 0);
	GOOD(&h, "MEMORY_REGION_SUCCEEDS");
	limit(GB, -EBUSY);
	KNOWN(&h, "S390_LIMIT_SLOTS");
	limit(GB, 0);
	BAD(&h, "S390_LIMIT_SLOTS");
	region(0, 0, 0, 0, 0, 0);
	limit(GB, 0);
	GOOD(&h, "S390_LIMIT_SET");
	/* 1 GB became 2 GB. */
	region(0, 0, 0, 2 * GB, 0x10000000, 0);
	GOOD(&h, "MEMORY_REGION_SUCCEEDS");
	region(1, 0, 2 * GB, MB, 0x90000000, -EINVAL);
	KNOWN(&h, "S390_LIMIT_ROUNDED");
	region(1, 0, 2 * GB, MB, 0x90000000, 0);
	BAD(&h, "S390_LIMIT_ROUNDED");
	/* 3 GB became 4 TB. */
	limit(3 * GB, 0);
	region(1, 0, 4096 * GB - MB, MB, 0x90000000, 0);
	GOOD(&h, "MEMORY_REGION_SUCCEEDS");
	region(2, 0, 4096 * GB, MB, 0xa0000000, -EINVAL);
	KNOWN(&h, "S390_LIMIT_ROUNDED");
	/* Segments are no longer looked at. */
	region(2, 0, 4 * GB, 0x10000, 0xa0010000, 0);
	GOOD(&h, "MEMORY_REGION_SUCCEEDS");
}

static void ucontrol(void **state)
{
	uint32_t id = mh_object(&h, KVMAPI_VM, 0, UINT64_MAX, 0);
	struct mh_call c = {.object = 1,
			    .ioctl = "KVM_CREATE_VM",
			    .arg = KVM_VM_S390_UCONTROL,
			    .ret = 10 + id,
			    .created = id};

	mh_do(&h, &c);
	GOOD(&h, "ARCH_CREATE_VM_TYPE");
	vm = id;
	get_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, UINT64_MAX);
	GOOD(&h, "S390_LIMIT_NONE");
	get_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, GB);
	BAD(&h, "S390_LIMIT_NONE");
	limit(GB, -EINVAL);
	GOOD(&h, "S390_LIMIT_UCONTROL");
	limit(GB, 0);
	BAD(&h, "S390_LIMIT_UCONTROL");
	attr_full("KVM_SET_DEVICE_ATTR", 0, MEM, KVM_S390_VM_MEM_LIMIT_SIZE, BAD_ADDR, NULL, 0,
		  -EINVAL);
	KNOWN(&h, "S390_LIMIT_ORDER");
	attr_full("KVM_SET_DEVICE_ATTR", 0, MEM, KVM_S390_VM_MEM_LIMIT_SIZE, BAD_ADDR, NULL, 0,
		  -EFAULT);
	BAD(&h, "S390_LIMIT_ORDER");
	region(0, 0, 0, MB, 0x10000000, -EINVAL);
	GOOD(&h, "S390_REGION_UCONTROL");
	region(0, 0, 0, MB, 0x10000000, -EEXIST);
	GOOD(&h, "S390_REGION_UCONTROL");
	region(0, 0, 0, MB, 0x10000000, 0);
	BAD(&h, "S390_REGION_UCONTROL");
}

/* --- CPU model --- */

static uint8_t machine[4112], processor[2064], feat[128], subfunc[2048];

static void facility_set(uint8_t *list, unsigned int number)
{
	list[number / 8] |= 0x80 >> number % 8;
}

/* A machine with these facilities, all of which KVM enables. */
static void machine_make(const unsigned int *facilities, size_t count)
{
	memset(machine, 0, sizeof(machine));
	be(machine, 0, 8, 0xff12345629648000);
	be(machine, 8, 4, 0x02000250);
	for (size_t i = 0; i < count; i++) {
		facility_set(machine + 16, facilities[i]);
		facility_set(machine + 2064, facilities[i]);
	}
}

static void machine_get(void)
{
	get(CPU, KVM_S390_VM_CPU_MACHINE, machine, sizeof(machine), 0);
}

static void processor_make(uint16_t ibc)
{
	memset(processor, 0, sizeof(processor));
	be(processor, 0, 8, 0xff00000029640000);
	be(processor, 8, 2, ibc);
	memcpy(processor + 16, machine + 16, 2048);
}

static void model(void **state)
{
	static const unsigned int facilities[] = {17, 28, 76, 77, 139};

	machine_make(facilities, 5);
	machine_get();
	GOOD(&h, "S390_MACHINE_GET");
	machine_get();
	HOLDS(&h, "S390_MACHINE_SAME");
	machine[2064] ^= 1;
	machine_get();
	BAD(&h, "S390_MACHINE_SAME");
	machine[2064] ^= 1;
	get(CPU, KVM_S390_VM_CPU_MACHINE, NULL, 0, -EBUSY);
	BAD(&h, "S390_MACHINE_GET");
	machine_get();
	/* Within the range of IBC values. */
	processor_make(0x220);
	set(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), -EINVAL);
	BAD(&h, "S390_PROCESSOR_SET");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), 0);
	GOOD(&h, "S390_PROCESSOR_SET");
	get(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), 0);
	GOOD(&h, "S390_PROCESSOR_GET");
	HOLDS(&h, "S390_PROCESSOR_SAME");
	get(CPU, KVM_S390_VM_CPU_PROCESSOR, NULL, 0, -EBUSY);
	BAD(&h, "S390_PROCESSOR_GET");
	processor[100] ^= 1;
	get(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), 0);
	BAD(&h, "S390_PROCESSOR_SAME");
	/* Above it. */
	processor_make(0x300);
	set(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), 0);
	get(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), 0);
	BAD(&h, "S390_PROCESSOR_IBC");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), 0);
	be(processor, 8, 2, 0x250);
	get(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), 0);
	KNOWN(&h, "S390_PROCESSOR_IBC");
	mh_vcpu(&h, vm, 0);
	set(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), -EBUSY);
	GOOD(&h, "S390_PROCESSOR_BUSY");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), 0);
	BAD(&h, "S390_PROCESSOR_BUSY");
	attr_full("KVM_SET_DEVICE_ATTR", 0, CPU, KVM_S390_VM_CPU_PROCESSOR, BAD_ADDR, NULL, 0,
		  -EBUSY);
	KNOWN(&h, "S390_MODEL_ORDER");
	attr_full("KVM_SET_DEVICE_ATTR", 0, CPU, KVM_S390_VM_CPU_PROCESSOR, BAD_ADDR, NULL, 0,
		  -EFAULT);
	BAD(&h, "S390_MODEL_ORDER");
	get(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), 0);
	HOLDS(&h, "S390_MODEL_READ");
	get(CPU, KVM_S390_VM_CPU_PROCESSOR, NULL, 0, -EBUSY);
	BAD(&h, "S390_MODEL_READ");
}

static void features(void **state)
{
	uint8_t more[128] = {0xc0};

	memset(feat, 0, sizeof(feat));
	feat[0] = 0x80;
	get(CPU, KVM_S390_VM_CPU_MACHINE_FEAT, feat, sizeof(feat), 0);
	GOOD(&h, "S390_FEAT_GET");
	get(CPU, KVM_S390_VM_CPU_MACHINE_FEAT, NULL, 0, -EINVAL);
	BAD(&h, "S390_FEAT_GET");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, more, sizeof(more), -EINVAL);
	GOOD(&h, "S390_FEAT_UNAVAILABLE");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, more, sizeof(more), 0);
	BAD(&h, "S390_FEAT_UNAVAILABLE");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, feat, sizeof(feat), -EINVAL);
	BAD(&h, "S390_FEAT_SET");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, feat, sizeof(feat), 0);
	GOOD(&h, "S390_FEAT_SET");
	get(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, feat, sizeof(feat), 0);
	GOOD(&h, "S390_FEAT_SAME");
	HOLDS(&h, "S390_FEAT_WITHIN");
	feat[0] = 0;
	get(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, feat, sizeof(feat), 0);
	BAD(&h, "S390_FEAT_SAME");
	/* In a new VM nothing is known of those that are enabled, but that they are available. */
	vm = mh_vm(&h);
	get(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, more, sizeof(more), 0);
	BAD(&h, "S390_FEAT_WITHIN");
	mh_vcpu(&h, vm, 0);
	feat[0] = 0x80;
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, feat, sizeof(feat), -EBUSY);
	GOOD(&h, "S390_FEAT_BUSY");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, feat, sizeof(feat), 0);
	BAD(&h, "S390_FEAT_BUSY");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, more, sizeof(more), -EINVAL);
	KNOWN(&h, "S390_MODEL_ORDER");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, more, sizeof(more), -EBUSY);
	BAD(&h, "S390_MODEL_ORDER");
	get(CPU, KVM_S390_VM_CPU_PROCESSOR_FEAT, NULL, 0, -EBUSY);
	BAD(&h, "S390_MODEL_READ");
}

static void subfunctions(void **state)
{
	static const unsigned int facilities[] = {17, 28, 57, 76, 77, 146, 155};
	/* Blocks by the facility at the same place in the list. */
	static const uint16_t first[] = {48, 32, 208, 128, 144, 224, 240};
	uint8_t other[2048];

	machine_make(facilities, 7);
	machine_get();
	memset(subfunc, 0, sizeof(subfunc));
	subfunc[0] = 0xf0;
	for (size_t at = 32; at <= 240; at += 16)
		subfunc[at] = 0x80;
	get(CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC, subfunc, sizeof(subfunc), 0);
	HOLDS(&h, "S390_SUBFUNC_GET");
	HOLDS(&h, "S390_SUBFUNC_VALID");
	HOLDS(&h, "S390_SUBFUNC_ABSENT");
	HOLDS(&h, "S390_SUBFUNC_RESERVED");
	get(CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC, subfunc, sizeof(subfunc), 0);
	HOLDS(&h, "S390_SUBFUNC_SAME");
	for (size_t i = 0; i < 7; i++) {
		memcpy(other, subfunc, sizeof(other));
		other[first[i]] = 0;
		get(CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC, other, sizeof(other), 0);
		BAD(&h, "S390_SUBFUNC_VALID");
	}
	memcpy(other, subfunc, sizeof(other));
	other[0] = 0;
	get(CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC, other, sizeof(other), 0);
	BAD(&h, "S390_SUBFUNC_VALID");
	memcpy(other, subfunc, sizeof(other));
	other[offsetof(struct kvm_s390_vm_cpu_subfunc, sortl)] = 0x80;
	get(CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC, other, sizeof(other), 0);
	BAD(&h, "S390_SUBFUNC_ABSENT");
	memcpy(other, subfunc, sizeof(other));
	other[2047] = 1;
	get(CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC, other, sizeof(other), 0);
	BAD(&h, "S390_SUBFUNC_RESERVED");
	get(CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC, NULL, 0, -EINVAL);
	BAD(&h, "S390_SUBFUNC_GET");
	get(CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC, subfunc, sizeof(subfunc), 0);
	/* Before a write. */
	get(CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, subfunc, sizeof(subfunc), 0);
	KNOWN(&h, "S390_SUBFUNC_UNWRITTEN");
	get(CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, NULL, 0, -EINVAL);
	BAD(&h, "S390_SUBFUNC_UNWRITTEN");
	memcpy(other, subfunc, sizeof(other));
	other[1] = 0xff;
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, other, sizeof(other), -EINVAL);
	BAD(&h, "S390_SUBFUNC_SET");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, other, sizeof(other), 0);
	GOOD(&h, "S390_SUBFUNC_SET");
	get(CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, other, sizeof(other), 0);
	GOOD(&h, "S390_SUBFUNC_SAME");
	get(CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, subfunc, sizeof(subfunc), 0);
	BAD(&h, "S390_SUBFUNC_SAME");
	mh_vcpu(&h, vm, 0);
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, other, sizeof(other), -EBUSY);
	GOOD(&h, "S390_SUBFUNC_BUSY");
	set(CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, other, sizeof(other), 0);
	BAD(&h, "S390_SUBFUNC_BUSY");
	attr_full("KVM_SET_DEVICE_ATTR", 0, CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, BAD_ADDR, NULL,
		  0, -EBUSY);
	KNOWN(&h, "S390_MODEL_ORDER");
	get(CPU, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC, NULL, 0, -EBUSY);
	BAD(&h, "S390_MODEL_READ");
	/* Of another machine, without any of it. */
	mh_close(&h);
	host_open("6.1.0");
	machine_make(NULL, 0);
	machine_get();
	for (size_t i = 0; i < 7; i++) {
		memset(other, 0, sizeof(other));
		other[0] = 0xf0;
		other[first[i]] = 0x80;
		get(CPU, KVM_S390_VM_CPU_MACHINE_SUBFUNC, other, sizeof(other), 0);
		BAD(&h, "S390_SUBFUNC_ABSENT");
	}
}

/* --- clock, keys, migration --- */

static void clock_ext(bool to_set, uint8_t extension, uint64_t tod, int64_t ret)
{
	uint8_t data[sizeof(struct kvm_s390_vm_tod_clock)] = {extension};

	be(data, offsetof(struct kvm_s390_vm_tod_clock, tod), 8, tod);
	(to_set ? set : get)(TOD, KVM_S390_VM_TOD_EXT, data, sizeof(data), ret);
}

/* The CPU model of the VM becomes known, with or without a facility. */
static void model_known(unsigned int facility, bool there)
{
	machine_make(&facility, there);
	machine_get();
	processor_make(0);
	get(CPU, KVM_S390_VM_CPU_PROCESSOR, processor, sizeof(processor), 0);
}

static void tod(void **state)
{
	static const uint8_t zero, one = 1;

	get(TOD, KVM_S390_VM_TOD_HIGH, &zero, 1, 0);
	HOLDS(&h, "S390_TOD_GET");
	KNOWN(&h, "S390_TOD_HIGH");
	get(TOD, KVM_S390_VM_TOD_HIGH, &one, 1, 0);
	BAD(&h, "S390_TOD_HIGH");
	get(TOD, KVM_S390_VM_TOD_LOW, NULL, 0, -EINVAL);
	BAD(&h, "S390_TOD_GET");
	set(TOD, KVM_S390_VM_TOD_HIGH, &zero, 1, 0);
	GOOD(&h, "S390_TOD_SET");
	set(TOD, KVM_S390_VM_TOD_HIGH, &zero, 1, -EINVAL);
	BAD(&h, "S390_TOD_SET");
	set(TOD, KVM_S390_VM_TOD_HIGH, &one, 1, -EINVAL);
	KNOWN(&h, "S390_TOD_HIGH");
	set(TOD, KVM_S390_VM_TOD_HIGH, &one, 1, 0);
	BAD(&h, "S390_TOD_HIGH");
	set_u64(TOD, KVM_S390_VM_TOD_LOW, 1000, 0);
	GOOD(&h, "S390_TOD_SET");
	get_u64(TOD, KVM_S390_VM_TOD_LOW, 1200);
	HOLDS(&h, "S390_TOD_RUNS");
	get_u64(TOD, KVM_S390_VM_TOD_LOW, 999);
	BAD(&h, "S390_TOD_RUNS");
	attr_full("KVM_GET_DEVICE_ATTR", 1, TOD, KVM_S390_VM_TOD_LOW, ADDR, NULL, 0, -EINVAL);
	KNOWN(&h, "S390_TOD_FLAGS");
	attr_full("KVM_SET_DEVICE_ATTR", 1, TOD, 9, ADDR, NULL, 0, -EINVAL);
	KNOWN(&h, "S390_TOD_FLAGS");
	attr_full("KVM_GET_DEVICE_ATTR", 1, TOD, KVM_S390_VM_TOD_LOW, ADDR, NULL, 0, 0);
	BAD(&h, "S390_TOD_FLAGS");
}

static void tod_extension(void **state)
{
	/* A refusal shows that the model has no extension, until it is another model. */
	clock_ext(true, 1, 500, -EINVAL);
	ALLOWED(&h, "S390_TOD_EXTENSION");
	clock_ext(false, 1, 500, 0);
	BAD(&h, "S390_TOD_EXTENSION");
	clock_ext(true, 1, 500, 0);
	BAD(&h, "S390_TOD_EXTENSION");
	mh_close(&h);
	host_open("6.1.0");
	clock_ext(true, 1, 500, 0);
	GOOD(&h, "S390_TOD_SET");
	clock_ext(true, 2, 500, -EINVAL);
	BAD(&h, "S390_TOD_SET");
	mh_close(&h);
	host_open("6.1.0");
	model_known(139, false);
	clock_ext(true, 1, 500, -EINVAL);
	GOOD(&h, "S390_TOD_EXTENSION");
	clock_ext(true, 1, 500, 0);
	BAD(&h, "S390_TOD_EXTENSION");
	clock_ext(true, 0, 500, 0);
	GOOD(&h, "S390_TOD_SET");
	clock_ext(false, 0, 600, 0);
	HOLDS(&h, "S390_TOD_EXTENSION");
	clock_ext(false, 1, 600, 0);
	BAD(&h, "S390_TOD_EXTENSION");
	mh_close(&h);
	host_open("6.1.0");
	model_known(139, true);
	clock_ext(true, 1, 500, -EINVAL);
	BAD(&h, "S390_TOD_SET");
	clock_ext(true, 1, 500, 0);
	GOOD(&h, "S390_TOD_SET");
	clock_ext(false, 1, 600, 0);
	GOOD(&h, "S390_TOD_RUNS");
	clock_ext(false, 0, 600, 0);
	BAD(&h, "S390_TOD_RUNS");
}

static void keys(void **state)
{
	model_known(76, true);
	for (uint64_t i = 0; i < 4; i++) {
		do_it(CRYPTO, i, 0);
		GOOD(&h, "S390_CRYPTO");
		do_it(CRYPTO, i, -EINVAL);
		BAD(&h, "S390_CRYPTO");
	}
	mh_vcpu(&h, vm, 0);
	do_it(CRYPTO, KVM_S390_VM_CRYPTO_DISABLE_AES_KW, 0);
	GOOD(&h, "S390_CRYPTO");
	do_it(CRYPTO, KVM_S390_VM_CRYPTO_ENABLE_APIE, -EOPNOTSUPP);
	ALLOWED(&h, "S390_CRYPTO_APIE");
	mh_close(&h);
	host_open("6.1.0");
	model_known(76, false);
	for (uint64_t i = 0; i < 4; i++) {
		do_it(CRYPTO, i, -EINVAL);
		KNOWN(&h, "S390_CRYPTO_FACILITY");
		do_it(CRYPTO, i, 0);
		BAD(&h, "S390_CRYPTO_FACILITY");
	}
	/* That AP instructions may be missing is no excuse for the others. */
	do_it(CRYPTO, KVM_S390_VM_CRYPTO_ENABLE_AES_KW, -EOPNOTSUPP);
	mh_expect_refused(&h, "S390_CRYPTO_APIE");
}

static void status(uint64_t value)
{
	get_u64(MIGRATE, KVM_S390_VM_MIGRATION_STATUS, value);
}

static void migration(void **state)
{
	status(0);
	GOOD(&h, "S390_MIGRATION_STATUS");
	status(2);
	BAD(&h, "S390_MIGRATION_STATUS");
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_STOP, 0);
	GOOD(&h, "S390_MIGRATION_STOP");
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_STOP, -EINVAL);
	BAD(&h, "S390_MIGRATION_STOP");
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, -EINVAL);
	GOOD(&h, "S390_MIGRATION_NO_MEMORY");
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, 0);
	BAD(&h, "S390_MIGRATION_NO_MEMORY");
	region(0, KVM_MEM_LOG_DIRTY_PAGES, 0, MB, 0x10000000, 0);
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, -EINVAL);
	BAD(&h, "S390_MIGRATION_START");
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, 0);
	GOOD(&h, "S390_MIGRATION_START");
	status(1);
	GOOD(&h, "S390_MIGRATION_STATUS");
	status(0);
	BAD(&h, "S390_MIGRATION_STATUS");
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, 0);
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, 0);
	GOOD(&h, "S390_MIGRATION_START");
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_STOP, 0);
	status(0);
	GOOD(&h, "S390_MIGRATION_STATUS");
	/* Without dirty tracking, which only CMMA asks for. */
	region(1, 0, MB, MB, 0x20000000, 0);
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, 0);
	KNOWN(&h, "S390_MIGRATION_WITHOUT_CMMA");
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_STOP, 0);
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, -EINVAL);
	BAD(&h, "S390_MIGRATION_WITHOUT_CMMA");
	do_it(MEM, KVM_S390_VM_MEM_ENABLE_CMMA, 0);
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_STOP, 0);
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, -EINVAL);
	GOOD(&h, "S390_MIGRATION_UNTRACKED");
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, 0);
	BAD(&h, "S390_MIGRATION_UNTRACKED");
}

static void migration_ends(void **state)
{
	region(0, KVM_MEM_LOG_DIRTY_PAGES, 0, MB, 0x10000000, 0);
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, 0);
	region(0, 0, 0, MB, 0x10000000, 0);
	status(0);
	HOLDS(&h, "S390_MIGRATION_AUTO_STOP");
	region(0, KVM_MEM_LOG_DIRTY_PAGES, 0, MB, 0x10000000, 0);
	do_it(MIGRATE, KVM_S390_VM_MIGRATION_START, 0);
	region(1, 0, MB, MB, 0x20000000, 0);
	status(1);
	BAD(&h, "S390_MIGRATION_AUTO_STOP");
}

/* A dirty log is of 64-bit words, whose bytes are in the order of s390. */
static void dirty_log(void **state)
{
	uint8_t in[sizeof(struct kvm_dirty_log)] = {0}, bits[8] = {[7] = 1};
	struct tape_part part = {.role = TAPE_NESTED_OUT, .want = 8, .have = 8, .data = bits};
	struct mh_call c = {.object = vm,
			    .ioctl = "KVM_GET_DIRTY_LOG",
			    .in = in,
			    .in_len = sizeof(in),
			    .out_parts = &part,
			    .out_part_count = 1};

	/* Half a word of pages: this kernel does not ask for whole segments. */
	region(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 32 * 4096, 0x10000000, 0);
	GOOD(&h, "MEMORY_REGION_SUCCEEDS");
	mh_do(&h, &c);
	HOLDS(&h, "DIRTY_LOG_WITHIN");
	bits[7] = 0;
	bits[0] = 0x80;
	mh_do(&h, &c);
	BAD(&h, "DIRTY_LOG_WITHIN");
}

static void protected_guest(void **state)
{
	uint8_t cmd[sizeof(struct kvm_pv_cmd)] = {0};

	be(cmd, 0, 4, KVM_PV_ENABLE);
	mh_io(&h, vm, "KVM_S390_PV_COMMAND", cmd, sizeof(cmd), cmd, sizeof(cmd), 0);
	set_u64(TOD, KVM_S390_VM_TOD_LOW, 1000, -EOPNOTSUPP);
	GOOD(&h, "S390_TOD_PROTECTED");
	set_u64(TOD, KVM_S390_VM_TOD_LOW, 1000, 0);
	BAD(&h, "S390_TOD_PROTECTED");
	region(0, 0, 0, MB, 0x10000000, -EINVAL);
	GOOD(&h, "S390_REGION_PROTECTED");
	region(0, 0, 0, MB, 0x10000000, 0);
	BAD(&h, "S390_REGION_PROTECTED");
}

/* --- the other calls --- */

static void cap(uint32_t number, uint32_t flags, int64_t ret)
{
	uint8_t in[sizeof(struct kvm_enable_cap)] = {0};

	be(in, 0, 4, number);
	be(in, 4, 4, flags);
	mh_io(&h, vm, "KVM_ENABLE_CAP", in, sizeof(in), NULL, 0, ret);
}

static void irqchip(void **state)
{
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, -EINVAL);
	KNOWN(&h, "S390_IRQCHIP_DISABLED");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	BAD(&h, "S390_IRQCHIP_DISABLED");
	cap(KVM_CAP_S390_IRQCHIP, 1, -EINVAL);
	GOOD(&h, "S390_ENABLE_CAP_FLAGS");
	cap(KVM_CAP_S390_IRQCHIP, 1, 0);
	BAD(&h, "S390_ENABLE_CAP_FLAGS");
	mh_expect_refused(&h, "S390_ENABLE_CAP");
	cap(KVM_CAP_S390_IRQCHIP, 0, -EINVAL);
	BAD(&h, "S390_ENABLE_CAP_IRQCHIP");
	cap(KVM_CAP_S390_IRQCHIP, 0, 0);
	GOOD(&h, "S390_ENABLE_CAP_IRQCHIP");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, 0);
	GOOD(&h, "S390_IRQCHIP");
	mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, -EINVAL);
	BAD(&h, "S390_IRQCHIP");
}

static void route(uint32_t type, uint64_t indicator, uint64_t summary, int64_t ret)
{
	const size_t adapter = 8 + offsetof(struct kvm_irq_routing_entry, u);
	uint8_t in[8 + sizeof(struct kvm_irq_routing_entry)] = {0};

	be(in, 0, 4, 1);
	be(in, 8 + offsetof(struct kvm_irq_routing_entry, type), 4, type);
	be(in, adapter + offsetof(struct kvm_irq_routing_s390_adapter, ind_addr), 8, indicator);
	be(in, adapter + offsetof(struct kvm_irq_routing_s390_adapter, summary_addr), 8, summary);
	mh_io(&h, vm, "KVM_SET_GSI_ROUTING", in, sizeof(in), NULL, 0, ret);
}

static void routes(void **state)
{
	static const uint8_t none[8];

	region(0, 0, 0, MB, 0x10000000, 0);
	mh_io(&h, vm, "KVM_SET_GSI_ROUTING", none, sizeof(none), NULL, 0, 0);
	GOOD(&h, "S390_ROUTING");
	route(KVM_IRQ_ROUTING_S390_ADAPTER, 0x1000, 0x2000, 0);
	GOOD(&h, "S390_ROUTING");
	route(KVM_IRQ_ROUTING_S390_ADAPTER, 0x1000, 0x2000, -EINVAL);
	BAD(&h, "S390_ROUTING");
	route(KVM_IRQ_ROUTING_IRQCHIP, 0x1000, 0x2000, -EINVAL);
	KNOWN(&h, "S390_ROUTING_TYPE");
	route(KVM_IRQ_ROUTING_IRQCHIP, 0x1000, 0x2000, 0);
	BAD(&h, "S390_ROUTING_TYPE");
	route(KVM_IRQ_ROUTING_S390_ADAPTER, MB, 0x2000, -EFAULT);
	KNOWN(&h, "S390_ROUTING_ADDRESS");
	route(KVM_IRQ_ROUTING_S390_ADAPTER, 0x1000, MB, 0);
	BAD(&h, "S390_ROUTING_ADDRESS");
}

static void mp(uint32_t vcpu, uint32_t value, int64_t ret)
{
	uint8_t in[4];

	be(in, 0, 4, value);
	mh_io(&h, vcpu, "KVM_SET_MP_STATE", in, sizeof(in), NULL, 0, ret);
}

static void mp_is(uint32_t vcpu, int64_t ret)
{
	mh_io(&h, vcpu, "KVM_GET_MP_STATE", NULL, 0, NULL, 0, ret);
}

static void running(uint32_t vcpu, bool immediate, uint32_t reason, int64_t ret)
{
	uint8_t in[sizeof(struct kvm_run)] = {0}, out[sizeof(struct kvm_run)] = {0};

	in[offsetof(struct kvm_run, immediate_exit)] = immediate;
	be(out, offsetof(struct kvm_run, exit_reason), 4, reason);
	mh_run(&h, vcpu, in, sizeof(in), out, sizeof(out), ret);
}

static void mp_states(void **state)
{
	uint32_t vcpu = mh_vcpu(&h, vm, 0), other = mh_vcpu(&h, vm, 1);
	uint8_t out[4];

	mp_is(vcpu, KVM_MP_STATE_STOPPED);
	HOLDS(&h, "S390_MP_STATE_NEW");
	HOLDS(&h, "S390_MP_STATE_RESULT");
	HOLDS(&h, "S390_MP_STATE_VALUES");
	mp_is(other, KVM_MP_STATE_OPERATING);
	BAD(&h, "S390_MP_STATE_NEW");
	be(out, 0, 4, KVM_MP_STATE_STOPPED);
	mh_io(&h, vcpu, "KVM_GET_MP_STATE", NULL, 0, out, sizeof(out), 0);
	BAD(&h, "S390_MP_STATE_RESULT");
	mp_is(vcpu, 1);
	BAD(&h, "S390_MP_STATE_VALUES");
	mp(vcpu, KVM_MP_STATE_OPERATING, -EINVAL);
	BAD(&h, "S390_MP_STATE_SET");
	mp(vcpu, KVM_MP_STATE_OPERATING, 0);
	GOOD(&h, "S390_MP_STATE_SET");
	mp_is(vcpu, KVM_MP_STATE_OPERATING);
	HOLDS(&h, "S390_MP_STATE_SAME");
	mp_is(vcpu, KVM_MP_STATE_STOPPED);
	BAD(&h, "S390_MP_STATE_SAME");
	for (uint32_t i = 0; i < 4; i++) {
		static const uint32_t refused[] = {KVM_MP_STATE_CHECK_STOP, KVM_MP_STATE_LOAD,
						   KVM_MP_STATE_RUNNABLE, KVM_MP_STATE_HALTED};

		mp(vcpu, refused[i], -ENXIO);
		KNOWN(&h, "S390_MP_STATE_REFUSED");
		mp(vcpu, refused[i], 0);
		BAD(&h, "S390_MP_STATE_REFUSED");
	}
	mp(vcpu, KVM_MP_STATE_STOPPED, 0);
	running(vcpu, false, 0, -EINVAL);
	KNOWN(&h, "S390_RUN_STOPPED");
	mp(vcpu, KVM_MP_STATE_STOPPED, 0);
	running(vcpu, false, KVM_EXIT_S390_SIEIC, 0);
	BAD(&h, "S390_RUN_STOPPED");
}

static void runs(void **state)
{
	uint32_t vcpu = mh_vcpu(&h, vm, 0);
	struct mh_call c = {.object = vcpu, .ioctl = "KVM_RUN", .arg = 1, .ret = -EINVAL};
	uint8_t debug[sizeof(struct kvm_guest_debug)] = {0};

	mh_do(&h, &c);
	KNOWN(&h, "ARCH_RUN_NO_ARGUMENT");
	running(vcpu, true, 0, -EINTR);
	GOOD(&h, "S390_RUN_IMMEDIATE");
	running(vcpu, true, KVM_EXIT_S390_SIEIC, 0);
	BAD(&h, "S390_RUN_IMMEDIATE");
	running(vcpu, false, KVM_EXIT_S390_SIEIC, 0);
	GOOD(&h, "S390_RUN_REASON");
	running(vcpu, false, KVM_EXIT_MMIO, 0);
	BAD(&h, "S390_RUN_REASON");
	running(vcpu, false, KVM_EXIT_DEBUG, 0);
	BAD(&h, "S390_RUN_DEBUG");
	be(debug, 0, 4, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, sizeof(debug), NULL, 0, -EINVAL);
	HOLDS(&h, "S390_GUEST_DEBUG_MACHINE");
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, sizeof(debug), NULL, 0, 0);
	GOOD(&h, "S390_GUEST_DEBUG");
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, sizeof(debug), NULL, 0, -EINVAL);
	BAD(&h, "S390_GUEST_DEBUG");
	mh_expect_refused(&h, "S390_GUEST_DEBUG_MACHINE");
	mh_expect_refused(&h, "S390_GUEST_DEBUG_BREAKPOINTS");
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, sizeof(debug), NULL, 0, 0);
	running(vcpu, false, KVM_EXIT_DEBUG, 0);
	GOOD(&h, "S390_RUN_DEBUG");
	be(debug, 0, 4, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP);
	be(debug, offsetof(struct kvm_guest_debug, arch.nr_hw_bp), 4, 99);
	mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, sizeof(debug), NULL, 0, -EINVAL);
	HOLDS(&h, "S390_GUEST_DEBUG_BREAKPOINTS");
	/* What the document calls KVM_GUESTDBG_EXIT_PENDING, and a bit of x86. */
	for (uint32_t i = 0; i < 2; i++) {
		be(debug, 0, 4, KVM_GUESTDBG_ENABLE | (i ? 0x10000000 : 0x40000));
		mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, sizeof(debug), NULL, 0, -EINVAL);
		KNOWN(&h, "S390_GUEST_DEBUG_BITS");
		mh_io(&h, vcpu, "KVM_SET_GUEST_DEBUG", debug, sizeof(debug), NULL, 0, 0);
		BAD(&h, "S390_GUEST_DEBUG_BITS");
	}
}

#define NOT_HELD_AGAINST(h)                                                          \
	do {                                                                         \
		if ((h)->verdict.kind == MODEL_DIVERGES)                             \
			mh_expect(h, MODEL_CONFORMS, NULL); /* says by which rule */ \
	} while (0)

/* After a gap nothing is known: whatever the kernel answers may be right. */
static void attached(void **state)
{
	static const int64_t answers[] = {0, -EBUSY, -EINVAL, -ENXIO};
	static const uint32_t sets[][2] = {{MEM, KVM_S390_VM_MEM_ENABLE_CMMA},
					   {MEM, KVM_S390_VM_MEM_CLR_CMMA},
					   {MIGRATE, KVM_S390_VM_MIGRATION_START}};
	uint32_t vcpu = mh_vcpu(&h, vm, 0);
	struct tape_gap gap = {.events = 1};

	/* That there is a vCPU stays known. */
	vm = mh_vm(&h);
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < 3; k++) {
			assert_int_equal(model_gap(h.model, &gap), 0);
			do_it(sets[k][0], sets[k][1], i % 2 ? 0 : k ? -EINVAL : -EBUSY);
			NOT_HELD_AGAINST(&h);
		}
		assert_int_equal(model_gap(h.model, &gap), 0);
		status(i % 2);
		NOT_HELD_AGAINST(&h);
		mp_is(vcpu, i % 2 ? KVM_MP_STATE_STOPPED : KVM_MP_STATE_OPERATING);
		NOT_HELD_AGAINST(&h);
		mh_value(&h, vm, "KVM_CREATE_IRQCHIP", 0, i % 2 ? 0 : -EINVAL);
		NOT_HELD_AGAINST(&h);
		region(0, 0, 0, MB, 0x10000000, i % 2 ? 0 : -EINVAL);
		NOT_HELD_AGAINST(&h);
		get_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, i << 31);
		NOT_HELD_AGAINST(&h);
		set_u64(MEM, KVM_S390_VM_MEM_LIMIT_SIZE, MB, i < 3 ? answers[i] : -E2BIG);
		NOT_HELD_AGAINST(&h);
		mh_io(&h, vm, "KVM_SET_DEVICE_ATTR", NULL, 0, NULL, 0, answers[i]);
		NOT_HELD_AGAINST(&h);
	}
}

int main(void)
{
#define TEST(name, version) cmocka_unit_test_setup_teardown(name, setup_##version, teardown)
	const struct CMUnitTest tests[] = {
		TEST(presence, 6_1),
		TEST(unknown, 6_1),
		TEST(directions, 6_1),
		TEST(faults, 6_1),
		TEST(cmma, 6_1),
		TEST(limits, 6_12),
		TEST(limits_new, 7_2),
		TEST(ucontrol, 6_1),
		TEST(model, 6_1),
		TEST(features, 6_12),
		TEST(subfunctions, 6_1),
		TEST(tod, 6_1),
		TEST(tod_extension, 6_12),
		TEST(keys, 6_1),
		TEST(migration, 6_1),
		TEST(migration_ends, 6_12),
		TEST(protected_guest, 6_12),
		TEST(dirty_log, 7_2),
		TEST(irqchip, 6_1),
		TEST(routes, 6_1),
		TEST(mp_states, 6_1),
		TEST(runs, 6_1),
		TEST(attached, 6_1),
		TEST(attached, 7_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
