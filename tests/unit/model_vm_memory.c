/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of memory slots, the dirty log, and the addresses that a back end asks for. */
#include "model_vm_test.h"

#define MB (1ull << 20)

static struct mh h;
static uint32_t vm;

static int setup(void **state)
{
	host_open(&h, "6.1.0", "kvm_amd");
	vm = mh_vm(&h);
	return 0;
}

static int teardown(void **state)
{
	mh_close(&h);
	return 0;
}

static void slot(uint32_t id, uint32_t flags, uint64_t gpa, uint64_t size, uint64_t hva,
		 int64_t ret)
{
	struct kvm_userspace_memory_region r = {id, flags, gpa, size, hva};

	IN(&h, vm, "KVM_SET_USER_MEMORY_REGION", r, ret);
}

static void slots(void **state)
{
	static const struct {
		uint32_t id, flags;
		uint64_t gpa, size, hva;
		int right; /* the error that is demanded, 0 = success */
		const char *rule;
	} steps[] = {
		{0, 0, 0, MB, MB, 0, "MEMORY_REGION_SUCCEEDS"},
		{0, 0, 0, MB, MB, 0, "MEMORY_REGION_SUCCEEDS"},	     /* nothing to change */
		{0, 1, 0, MB, MB, 0, "MEMORY_REGION_SUCCEEDS"},	     /* flags */
		{0, 0, 4 * MB, MB, MB, 0, "MEMORY_REGION_SUCCEEDS"}, /* move */
		{0, 0, 4 * MB, 2 * MB, MB, EINVAL, "MEMORY_REGION_IMMUTABLE"},
		{0, 0, 4 * MB, MB, 2 * MB, EINVAL, "MEMORY_REGION_IMMUTABLE"},
		{0, 2, 4 * MB, MB, MB, EINVAL, "MEMORY_REGION_IMMUTABLE"},
		{1, 0, 4 * MB, 4096, 8 * MB, EEXIST, "MEMORY_REGION_OVERLAP"},
		{1, 0, 5 * MB - 4096, 8192, 8 * MB, EEXIST, "MEMORY_REGION_OVERLAP"},
		{1, 2, 5 * MB, 4096, 8 * MB, 0, "MEMORY_REGION_SUCCEEDS"},
		{1, 2, 4 * MB, 4096, 8 * MB, EEXIST,
		 "MEMORY_REGION_OVERLAP"}, /* a move onto another */
		{0x10001, 0, 4 * MB, 4096, 8 * MB, 0,
		 "MEMORY_REGION_SUCCEEDS"}, /* another address space */
		{0x20001, 0, 9 * MB, 4096, 8 * MB, EINVAL, "MEMORY_REGION_SPACE"},
		{32764, 0, 9 * MB, 4096, 8 * MB, EINVAL, "MEMORY_REGION_SLOT_ID"},
		{2, 4, 9 * MB, 4096, 8 * MB, EINVAL, "MEMORY_REGION_FLAGS"},
		{2, 64, 9 * MB, 4096, 8 * MB, EINVAL, "MEMORY_REGION_FLAGS"},
		{2, 0, 9 * MB, 4097, 8 * MB, EINVAL, "MEMORY_REGION_ALIGNED"},
		{2, 0, 9 * MB + 1, 4096, 8 * MB, EINVAL, "MEMORY_REGION_ALIGNED"},
		{2, 0, 9 * MB, 4096, 8 * MB + 1, EINVAL, "MEMORY_REGION_ALIGNED"},
		{2, 0, 9 * MB, 4096, 1ull << 63, EINVAL, "MEMORY_REGION_USER_ADDRESS"},
		{2, 0, -8192ull, 16384, 8 * MB, EINVAL, "MEMORY_REGION_RANGE"},
		{2, 0, 0, 1ull << 43, 4096, EINVAL, "MEMORY_REGION_RANGE"},
		{2, 0, 9 * MB, 0, 0, EINVAL, "MEMORY_REGION_DELETE_MISSING"},
		{0, 0, 0, 0, 0, 0, "MEMORY_REGION_SUCCEEDS"},		   /* delete */
		{1, 2, 4 * MB, 4096, 8 * MB, 0, "MEMORY_REGION_SUCCEEDS"}, /* now there is room */
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int right = steps[i].right;

		slot(steps[i].id, steps[i].flags, steps[i].gpa, steps[i].size, steps[i].hva,
		     -right);
		mh_expect_kept(&h, steps[i].rule);
		/* The wrong answer to the same call. */
		if (right) {
			slot(steps[i].id, steps[i].flags, steps[i].gpa, steps[i].size, steps[i].hva,
			     right == EINVAL ? -EEXIST : -EINVAL);
			BAD(&h, steps[i].rule);
		}
	}
	slot(7, 0, 64 * MB, MB, MB, -EINVAL);
	BAD(&h, "MEMORY_REGION_SUCCEEDS");
	slot(1, 0, 9 * MB, 4096, 8 * MB, 0);
	BAD(&h, "MEMORY_REGION_IMMUTABLE");
	slot(8, 0, 1ull << 45, MB, MB, -EINVAL);
	ALLOWED(&h, "MEMORY_REGION_HOST_LIMIT");
	slot(8, 0, 1ull << 45, MB, MB, -ENOENT);
	mh_expect_refused(&h, "MEMORY_REGION_HOST_LIMIT");
	slot(8, 0, 0xfee00000, 4096, MB, -EEXIST);
	ALLOWED(&h, "MEMORY_REGION_OVERLAP");
}

static void unknown_slots(void **state)
{
	struct tape_gap gap = {.events = 1};

	slot(0, 0, 0, MB, MB, 0);
	assert_int_equal(model_gap(h.model, &gap), 0);
	slot(0, 0, MB, 0, 0, -EINVAL);
	mh_expect(&h, MODEL_UNSPECIFIED, NULL);
	slot(3, 0, MB, MB, MB, -EEXIST);
	ALLOWED(&h, "MEMORY_REGION_OVERLAP");
	slot(3, 0, MB, MB, MB, 0);
	GOOD(&h, "MEMORY_REGION_SUCCEEDS");
	slot(4, 0, MB, MB, MB, 0);
	BAD(&h, "MEMORY_REGION_OVERLAP");
}

static void get_log(uint32_t number, uint8_t last, int64_t ret)
{
	struct kvm_dirty_log log = {.slot = number};
	uint8_t bits[16] = {1, [8] = last};
	struct tape_part nested = {.role = TAPE_NESTED_OUT, .want = 16, .have = 16, .data = bits};
	struct mh_call c = {.object = vm,
			    .ioctl = "KVM_GET_DIRTY_LOG",
			    .in = &log,
			    .in_len = sizeof(log),
			    .out_parts = &nested,
			    .out_part_count = !ret,
			    .ret = ret};

	mh_do(&h, &c);
}

/* A VM that was there before the tape began: nothing can be held against the kernel. */
static void attached(void **state)
{
	struct kvm_userspace_memory_region2 r = {
		.slot = 1, .flags = KVM_MEM_READONLY, .memory_size = MB};
	struct kvm_ioeventfd e = {
		.addr = 0x1000, .len = 4, .fd = 5, .flags = KVM_IOEVENTFD_FLAG_DEASSIGN};
	struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
	uint64_t map = 0xfeffc000;
	const int errors[] = {EINVAL, EEXIST, 0};

	vm = mh_object(&h, KVMAPI_VM, 0, UINT64_MAX, TAPE_OBJECT_PRE_EXISTING);
	for (size_t i = 0; i < 3; i++) {
		IN(&h, vm, "KVM_SET_USER_MEMORY_REGION2", r, -errors[i]);
		mh_expect(&h, errors[i] ? MODEL_UNSPECIFIED : MODEL_CONFORMS, NULL);
		IN(&h, vm, "KVM_ENABLE_CAP", split, errors[i] == EINVAL ? 0 : -EEXIST);
		mh_expect(&h, errors[i] == EINVAL ? MODEL_CONFORMS : MODEL_DEVIATION, NULL);
		mh_value(&h, vm, "KVM_CREATE_VCPU", 3, errors[i] ? -errors[i] : 40);
		mh_expect(&h,
			  errors[i] == EINVAL	? MODEL_UNSPECIFIED
			  : errors[i] == EEXIST ? MODEL_DEVIATION
						: MODEL_CONFORMS,
			  NULL);
	}
	IN(&h, vm, "KVM_IOEVENTFD", e, -ENOENT);
	KNOWN(&h, "IOEVENTFD_MISSING");
	IN(&h, vm, "KVM_IOEVENTFD", e, 0);
	GOOD(&h, "IOEVENTFD_SUCCEEDS");
	IN(&h, vm, "KVM_SET_IDENTITY_MAP_ADDR", map, -EINVAL);
	GOOD(&h, "SET_IDENTITY_MAP_BEFORE_VCPUS");
	get_log(0, 0, -ENOENT);
	KNOWN(&h, "DIRTY_LOG_NONE");
	get_log(0, 0, -ENXIO);
	KNOWN(&h, "DIRTY_LOG_RING_ONLY");
}

static void region_with_memfd(uint32_t id, uint32_t flags, uint64_t gpa, uint64_t size, int fd,
			      uint64_t offset, int64_t ret)
{
	struct kvm_userspace_memory_region2 r = {.slot = id,
						 .flags = flags | KVM_MEM_GUEST_MEMFD,
						 .guest_phys_addr = gpa,
						 .memory_size = size,
						 .userspace_addr = 64 * MB,
						 .guest_memfd = fd,
						 .guest_memfd_offset = offset};

	IN(&h, vm, "KVM_SET_USER_MEMORY_REGION2", r, ret);
}

static void regions_with_memfd(void **state)
{
	struct kvm_create_guest_memfd file = {.size = 2 * MB};
	struct mh_call create = {
		.ioctl = "KVM_CREATE_GUEST_MEMFD", .in = &file, .in_len = sizeof(file)};
	int fd;

	mh_close(&h);
	host_open(&h, "7.2.0", "kvm_amd");
	vm = mh_vm(&h);
	region_with_memfd(1, 0, 0, MB, 9, 0, 0);
	ALLOWED(&h, "MEMORY_REGION_MEMFD");
	region_with_memfd(2, 0, 0, MB, 9, 0, -EEXIST);
	GOOD(&h, "MEMORY_REGION_OVERLAP");
	region_with_memfd(2, 0, MB, MB, 9, 0, -EBADF);
	ALLOWED(&h, "MEMORY_REGION_MEMFD_DESCRIPTOR");
	region_with_memfd(2, KVM_MEM_LOG_DIRTY_PAGES, MB, MB, 9, 0, -EINVAL);
	KNOWN(&h, "MEMORY_REGION_MEMFD_ARGUMENT");
	region_with_memfd(2, 0, MB, MB, 9, 1, 0);
	BAD(&h, "MEMORY_REGION_MEMFD_ARGUMENT");
	region_with_memfd(2, 0, MB, MB, 9, -4096ull, 0);
	BAD(&h, "MEMORY_REGION_MEMFD_ARGUMENT");
	/* A file of a size that is known. */
	create.object = vm;
	create.created = mh_object(&h, KVMAPI_MEMFD, vm, UINT64_MAX, 0);
	create.ret = 10 + create.created;
	fd = (int)create.ret;
	mh_do(&h, &create);
	GOOD(&h, "GUEST_MEMFD_SUCCEEDS");
	region_with_memfd(2, 0, 16 * MB, MB, fd, 2 * MB, -EINVAL);
	GOOD(&h, "MEMORY_REGION_MEMFD_RANGE");
	region_with_memfd(2, 0, 16 * MB, MB, fd, 2 * MB, 0);
	BAD(&h, "MEMORY_REGION_MEMFD_RANGE");
	region_with_memfd(2, 0, 16 * MB, MB, fd, MB, 0);
	ALLOWED(&h, "MEMORY_REGION_MEMFD");
	region_with_memfd(3, 0, 32 * MB, MB, fd, MB / 2, -EEXIST);
	GOOD(&h, "MEMORY_REGION_MEMFD_OVERLAP");
	region_with_memfd(3, 0, 32 * MB, MB, fd, MB / 2, 0);
	BAD(&h, "MEMORY_REGION_MEMFD_OVERLAP");
	region_with_memfd(3, 0, 32 * MB, MB, fd, 0, 0);
	ALLOWED(&h, "MEMORY_REGION_MEMFD");
	region_with_memfd(2, 0, 48 * MB, MB, fd, MB, 0); /* such a slot stays as it is */
	BAD(&h, "MEMORY_REGION_IMMUTABLE");
	mh_expect_refused(&h, "MEMORY_REGION_MEMFD");
	mh_expect_refused(&h, "MEMORY_REGION_MEMFD_DESCRIPTOR");
	/* What was bound to it went with the file that had this number before. */
	slot(2, 0, 0, 0, 0, 0);
	create.created = 0;
	mh_do(&h, &create);
	region_with_memfd(2, 0, 16 * MB, MB, fd, 0, 0);
	ALLOWED(&h, "MEMORY_REGION_MEMFD");
}

static void attributes(void **state)
{
	static const struct {
		struct kvm_memory_attributes a;
		const char *rule; /* of EINVAL; NULL = success */
	} steps[] = {
		{{.size = MB}, NULL},
		{{.size = MB, .attributes = KVM_MEMORY_ATTRIBUTE_PRIVATE},
		 "MEMORY_ATTRIBUTES_UNSUPPORTED"},
		{{.size = MB, .attributes = 1}, "MEMORY_ATTRIBUTES_UNSUPPORTED"},
		{{.size = 1}, "MEMORY_ATTRIBUTES_RANGE"},
		{{.size = 0}, "MEMORY_ATTRIBUTES_RANGE"},
		{{.size = MB, .address = 1}, "MEMORY_ATTRIBUTES_RANGE"},
		{{.size = MB, .flags = 1}, "MEMORY_ATTRIBUTES_RANGE"},
	};
	struct kvm_memory_attributes none = {.size = MB};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct kvm_memory_attributes a = steps[i].a;

		IN(&h, vm, "KVM_SET_MEMORY_ATTRIBUTES", a, steps[i].rule ? -EINVAL : 0);
		GOOD(&h, steps[i].rule ? steps[i].rule : "MEMORY_ATTRIBUTES_SUCCEEDS");
		IN(&h, vm, "KVM_SET_MEMORY_ATTRIBUTES", a, steps[i].rule ? 0 : -EINVAL);
		BAD(&h, steps[i].rule ? steps[i].rule : "MEMORY_ATTRIBUTES_SUCCEEDS");
	}
	mh_close(&h);
	host_open(&h, "6.12.0", "kvm_amd");
	h.env.caps[KVM_CAP_MEMORY_ATTRIBUTES] = 0;
	vm = mh_vm(&h);
	IN(&h, vm, "KVM_SET_MEMORY_ATTRIBUTES", none, 0);
	BAD(&h, "UNKNOWN_REQUEST_ENOTTY");
}

static void clear_log(uint32_t number, uint64_t first, uint32_t count, int64_t ret)
{
	struct kvm_clear_dirty_log log = {.slot = number, .first_page = first, .num_pages = count};

	IN(&h, vm, "KVM_CLEAR_DIRTY_LOG", log, ret);
}

static void dirty_log(void **state)
{
	slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 70 * 4096, MB, 0);
	slot(1, 0, 16 * MB, MB, 4 * MB, 0);
	mh_vcpu(&h, vm, 0);
	get_log(0, 0x20, 0);
	GOOD(&h, "DIRTY_LOG_WITHIN");
	assert_true(mh_held(&h, "DIRTY_LOG_SUCCEEDS"));
	mh_value(&h, vm, "KVM_CHECK_EXTENSION", KVM_CAP_IMMEDIATE_EXIT, 1);
	get_log(0, 0x40, 0);
	BAD(&h, "DIRTY_LOG_WITHIN");
	get_log(0, 0, -ENOENT);
	BAD(&h, "DIRTY_LOG_SUCCEEDS");
	get_log(1, 0, -ENOENT);
	KNOWN(&h, "DIRTY_LOG_NONE");
	get_log(1, 0, 0);
	BAD(&h, "DIRTY_LOG_NONE");
	get_log(5, 0, 0);
	BAD(&h, "DIRTY_LOG_NONE");
	get_log(0x50000, 0, -EINVAL);
	KNOWN(&h, "DIRTY_LOG_SLOT");
	get_log(0x50000, 0, 0);
	BAD(&h, "DIRTY_LOG_SLOT");
	clear_log(0, 0, 64, 0);
	GOOD(&h, "CLEAR_DIRTY_LOG_SUCCEEDS");
	clear_log(0, 64, 6, 0);
	GOOD(&h, "CLEAR_DIRTY_LOG_SUCCEEDS");
	clear_log(0, 64, 6, -EINVAL);
	BAD(&h, "CLEAR_DIRTY_LOG_SUCCEEDS");
	clear_log(0, 0, 6, -EINVAL);
	GOOD(&h, "CLEAR_DIRTY_LOG_RANGE");
	clear_log(0, 64, 7, 0);
	BAD(&h, "CLEAR_DIRTY_LOG_RANGE");
	clear_log(0, 3, 64, -EINVAL);
	KNOWN(&h, "DIRTY_LOG_SLOT");
	clear_log(1, 0, 64, -ENOENT);
	KNOWN(&h, "DIRTY_LOG_NONE");
	mh_value(&h, vm, "KVM_RESET_DIRTY_RINGS", 0, -EINVAL);
	KNOWN(&h, "RESET_DIRTY_RINGS_NONE");
	mh_value(&h, vm, "KVM_RESET_DIRTY_RINGS", 0, 0);
	BAD(&h, "RESET_DIRTY_RINGS_NONE");
}

/* One call on the log of slot 0 that gives these bytes. */
static void log_bits(uint64_t first, uint64_t second)
{
	struct kvm_dirty_log log = {.slot = 0};
	uint64_t bits[] = {first, second};
	struct tape_part nested = {
		.role = TAPE_NESTED_OUT, .want = 16, .have = 16, .data = (uint8_t *)bits};
	struct mh_call c = {.object = vm,
			    .ioctl = "KVM_GET_DIRTY_LOG",
			    .in = &log,
			    .in_len = sizeof(log),
			    .out_parts = &nested,
			    .out_part_count = 1};

	mh_do(&h, &c);
}

static void dirty_log_bits(void **state)
{
	struct kvm_enable_cap full = {.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = {3}};
	uint32_t vcpu;

	/* Without vCPUs nothing is written. */
	slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 70 * 4096, MB, 0);
	log_bits(0, 0);
	GOOD(&h, "DIRTY_LOG_CLEARED");
	log_bits(0, 1);
	BAD(&h, "DIRTY_LOG_CLEARED");
	/* A guest may write, and what it wrote is told once. */
	vcpu = mh_vcpu(&h, vm, 0);
	mh_run(&h, vcpu, NULL, 0, NULL, 0, -EINTR);
	log_bits(7, 1);
	GOOD(&h, "DIRTY_LOG_WITHIN");
	log_bits(0, 0);
	GOOD(&h, "DIRTY_LOG_CLEARED");
	log_bits(2, 0);
	BAD(&h, "DIRTY_LOG_CLEARED");
	mh_run(&h, vcpu, NULL, 0, NULL, 0, -EINTR);
	log_bits(2, 0);
	GOOD(&h, "DIRTY_LOG_WITHIN");
	mh_close(&h);

	/* A log that begins full, and is emptied by KVM_CLEAR_DIRTY_LOG only. */
	setup(state);
	IN(&h, vm, "KVM_ENABLE_CAP", full, 0);
	slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 70 * 4096, MB, 0);
	log_bits(UINT64_MAX, 0x3f);
	GOOD(&h, "DIRTY_LOG_INITIALLY_SET");
	log_bits(UINT64_MAX, 0x3e);
	BAD(&h, "DIRTY_LOG_INITIALLY_SET");
	clear_log(0, 0, 64, 0);
	log_bits(0, 0x3f);
	GOOD(&h, "DIRTY_LOG_WITHIN");
	/* Logging that begins anew begins full again. */
	slot(0, 0, 0, 70 * 4096, MB, 0);
	slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 70 * 4096, MB, 0);
	log_bits(0, 0x3f);
	BAD(&h, "DIRTY_LOG_INITIALLY_SET");
}

static void reset_rings(const struct kvm_dirty_gfn *entries, uint32_t count, int64_t ret)
{
	struct tape_part ring = {.role = TAPE_NESTED_IN,
				 .want = count * (uint32_t)sizeof(*entries),
				 .have = count * (uint32_t)sizeof(*entries),
				 .data = (const void *)entries};

	mh_do(&h, &(struct mh_call){.object = vm,
				    .ioctl = "KVM_RESET_DIRTY_RINGS",
				    .ret = ret,
				    .in_parts = &ring,
				    .in_part_count = 1});
}

/* What the VMM harvested meanwhile is not on the tape: only what the rings hold is a limit. */
static void dirty_ring_entries(void **state)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_DIRTY_LOG_RING, .args = {65536}};
	const struct kvm_dirty_gfn entries[] = {
		{.flags = KVM_DIRTY_GFN_F_DIRTY | KVM_DIRTY_GFN_F_RESET, .slot = 1, .offset = 5},
		{.flags = KVM_DIRTY_GFN_F_DIRTY, .slot = 1, .offset = 6},
	};

	IN(&h, vm, "KVM_ENABLE_CAP", cap, 0);
	reset_rings(entries, 2, 1);
	GOOD(&h, "RESET_DIRTY_RINGS_COUNT");
	assert_true(mh_held(&h, "RESET_DIRTY_RINGS_HARVESTED"));
	for (int64_t ret = 0; ret <= 2; ret += 2) {
		reset_rings(entries, 2, ret);
		GOOD(&h, "RESET_DIRTY_RINGS_COUNT");
		assert_true(mh_unusual(&h, "RESET_DIRTY_RINGS_HARVESTED"));
	}
	reset_rings(entries, 2, 3);
	BAD(&h, "RESET_DIRTY_RINGS_COUNT");
}

static void dirty_ring(void **state)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_DIRTY_LOG_RING, .args = {65536}};

	IN(&h, vm, "KVM_ENABLE_CAP", cap, 0);
	GOOD(&h, "ENABLE_CAP_SUCCEEDS");
	get_log(0, 0, -ENXIO);
	KNOWN(&h, "DIRTY_LOG_RING_ONLY");
	get_log(0, 0, -ENOENT);
	BAD(&h, "DIRTY_LOG_RING_ONLY");
	mh_value(&h, vm, "KVM_RESET_DIRTY_RINGS", 0, 3);
	GOOD(&h, "RESET_DIRTY_RINGS_SUCCEEDS");
	mh_value(&h, vm, "KVM_RESET_DIRTY_RINGS", 0, -EINVAL);
	BAD(&h, "RESET_DIRTY_RINGS_SUCCEEDS");
	IN(&h, vm, "KVM_ENABLE_CAP", cap, -EINVAL);
	KNOWN(&h, "DIRTY_RING_ONCE");
	IN(&h, vm, "KVM_ENABLE_CAP", cap, 0);
	BAD(&h, "DIRTY_RING_ONCE");
	cap.args[0] = 65537;
	IN(&h, vm, "KVM_ENABLE_CAP", cap, -EINVAL);
	KNOWN(&h, "DIRTY_RING_SIZE");
	IN(&h, vm, "KVM_ENABLE_CAP", cap, 0);
	BAD(&h, "DIRTY_RING_SIZE");
	cap.args[0] = 1 << 21;
	IN(&h, vm, "KVM_ENABLE_CAP", cap, -E2BIG);
	KNOWN(&h, "DIRTY_RING_TOO_BIG");
	IN(&h, vm, "KVM_ENABLE_CAP", cap, 0);
	BAD(&h, "DIRTY_RING_TOO_BIG");
}

static void addresses(void **state)
{
	uint64_t map = 0xfeffc000, far = 1ull << 32, zero = 0;

	mh_value(&h, vm, "KVM_SET_TSS_ADDR", 0xfeffd000, 0);
	GOOD(&h, "SET_TSS_ADDR_SUCCEEDS");
	mh_value(&h, vm, "KVM_SET_TSS_ADDR", 0xfeffd000, -EINVAL);
	BAD(&h, "SET_TSS_ADDR_SUCCEEDS");
	mh_value(&h, vm, "KVM_SET_TSS_ADDR", 0xffffd001, -EINVAL);
	GOOD(&h, "SET_TSS_ADDR_RANGE");
	mh_value(&h, vm, "KVM_SET_TSS_ADDR", 0xffffd001, 0);
	BAD(&h, "SET_TSS_ADDR_RANGE");
	IN(&h, vm, "KVM_SET_IDENTITY_MAP_ADDR", map, 0);
	GOOD(&h, "SET_IDENTITY_MAP_SUCCEEDS");
	IN(&h, vm, "KVM_SET_IDENTITY_MAP_ADDR", map, -EINVAL);
	BAD(&h, "SET_IDENTITY_MAP_SUCCEEDS");
	IN(&h, vm, "KVM_SET_IDENTITY_MAP_ADDR", far, 0);
	KNOWN(&h, "SET_IDENTITY_MAP_ANYWHERE");
	IN(&h, vm, "KVM_SET_IDENTITY_MAP_ADDR", far, -EINVAL);
	BAD(&h, "SET_IDENTITY_MAP_ANYWHERE");
	mh_value(&h, vm, "KVM_SET_NR_MMU_PAGES", 64, 0);
	KNOWN(&h, "SET_NR_MMU_PAGES_SUCCEEDS");
	mh_value(&h, vm, "KVM_SET_NR_MMU_PAGES", 64, -EINVAL);
	BAD(&h, "SET_NR_MMU_PAGES_SUCCEEDS");
	mh_value(&h, vm, "KVM_SET_NR_MMU_PAGES", 63, -EINVAL);
	KNOWN(&h, "SET_NR_MMU_PAGES_MINIMUM");
	mh_value(&h, vm, "KVM_SET_NR_MMU_PAGES", 63, 0);
	BAD(&h, "SET_NR_MMU_PAGES_MINIMUM");
	mh_value(&h, vm, "KVM_GET_NR_MMU_PAGES", 0, 64);
	KNOWN(&h, "GET_NR_MMU_PAGES_SET");
	assert_true(mh_held(&h, "GET_NR_MMU_PAGES_VALUE"));
	mh_value(&h, vm, "KVM_GET_NR_MMU_PAGES", 0, -ENOTTY);
	KNOWN(&h, "GET_NR_MMU_PAGES_REMOVED");
	mh_value(&h, vm, "KVM_GET_NR_MMU_PAGES", 0, -EINVAL);
	BAD(&h, "GET_NR_MMU_PAGES_VALUE");
	mh_expect_refused(&h, "GET_NR_MMU_PAGES_REMOVED");
	mh_vcpu(&h, vm, 0);
	IN(&h, vm, "KVM_SET_IDENTITY_MAP_ADDR", map, -EINVAL);
	GOOD(&h, "SET_IDENTITY_MAP_BEFORE_VCPUS");
	IN(&h, vm, "KVM_SET_IDENTITY_MAP_ADDR", map, 0);
	BAD(&h, "SET_IDENTITY_MAP_BEFORE_VCPUS");
	mh_close(&h);

	/* On Intel the three pages may be a slot. */
	host_open(&h, "6.1.0", "kvm_intel");
	vm = mh_vm(&h);
	slot(0, 0, 0, MB, MB, 0);
	mh_value(&h, vm, "KVM_SET_TSS_ADDR", 0, -EEXIST);
	ALLOWED(&h, "SET_TSS_ADDR_CONFLICT");
	mh_value(&h, vm, "KVM_SET_TSS_ADDR", 16 * MB, -EEXIST);
	BAD(&h, "SET_TSS_ADDR_SUCCEEDS");
	mh_expect_refused(&h, "SET_TSS_ADDR_CONFLICT");
	/* And the first vCPU brings the identity map. */
	mh_value(&h, vm, "KVM_CREATE_VCPU", 0, -EEXIST);
	BAD(&h, "CREATE_VCPU_SUCCEEDS");
	mh_expect_refused(&h, "SET_IDENTITY_MAP_CONFLICT");
	IN(&h, vm, "KVM_SET_IDENTITY_MAP_ADDR", far, 0);
	mh_value(&h, vm, "KVM_CREATE_VCPU", 0, -EINVAL);
	ALLOWED(&h, "SET_IDENTITY_MAP_CONFLICT");
	IN(&h, vm, "KVM_SET_IDENTITY_MAP_ADDR", zero, 0); /* the default again */
	mh_value(&h, vm, "KVM_CREATE_VCPU", 0, -EINVAL);
	BAD(&h, "CREATE_VCPU_SUCCEEDS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(slots, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_slots, setup, teardown),
		cmocka_unit_test_setup_teardown(attached, setup, teardown),
		cmocka_unit_test_setup_teardown(regions_with_memfd, setup, teardown),
		cmocka_unit_test_setup_teardown(attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(dirty_log, setup, teardown),
		cmocka_unit_test_setup_teardown(dirty_log_bits, setup, teardown),
		cmocka_unit_test_setup_teardown(dirty_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(dirty_ring_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
