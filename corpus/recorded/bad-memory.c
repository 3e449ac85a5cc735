/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * D-29, D-106: guest memory that userspace took away, and a dirty log that cannot be written: the
 * log is gone nevertheless.  Live play gives every slot memory, so this is to be recorded.
 */
#include <linux/kvm.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

/* A vCPU of a new VM whose first page is this one; real mode, at address 0. */
static int vcpu_at(int kvm, int *vm, void *page, __u32 flags)
{
	struct kvm_userspace_memory_region slot = {
		.flags = flags, .memory_size = PAGE, .userspace_addr = (unsigned long)page};
	struct kvm_regs regs = {.rflags = 2};
	struct kvm_sregs sregs;
	int vcpu;

	*vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (*vm < 0 || ioctl(*vm, KVM_SET_USER_MEMORY_REGION, &slot))
		return -1;
	vcpu = ioctl(*vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return -1;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_REGS, &regs))
		return -1;
	/* The recorder reads what happens to the run page through this mapping. */
	if (mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED,
		 vcpu, 0) == MAP_FAILED)
		return -1;
	return vcpu;
}

int main(void)
{
	/* mov [0x100], al;  hlt */
	static const unsigned char code[] = {0xa2, 0x00, 0x01, 0xf4};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	struct kvm_dirty_log log = {.slot = 0};
	__u64 bitmap = 0;
	void *page, *gone;
	int vm, vcpu;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	gone = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (kvm < 0 || page == MAP_FAILED || gone == MAP_FAILED)
		return 1;
	memcpy(page, code, sizeof(code));
	vcpu = vcpu_at(kvm, &vm, page, KVM_MEM_LOG_DIRTY_PAGES);
	if (vcpu < 0 || ioctl(vcpu, KVM_RUN, 0))
		return 1;
	/* Page 0 is dirty.  The first log cannot be written, the second says that nothing is. */
	log.dirty_bitmap = (void *)PAGE;
	ioctl(vm, KVM_GET_DIRTY_LOG, &log);
	log.dirty_bitmap = &bitmap;
	ioctl(vm, KVM_GET_DIRTY_LOG, &log);

	vcpu = vcpu_at(kvm, &vm, gone, 0);
	if (vcpu < 0 || munmap(gone, PAGE))
		return 1;
	ioctl(vcpu, KVM_RUN, 0);
	return 0;
}
