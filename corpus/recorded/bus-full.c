/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * D-50: a bus of a VM takes a thousand coalesced zones, then there is ENOSPC; event descriptors do
 * not count.  A program, since a text of it would be two thousand lines.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	struct kvm_ioeventfd event = {
		.fd = eventfd(0, EFD_CLOEXEC), .len = 2, .flags = KVM_IOEVENTFD_FLAG_PIO};
	struct kvm_coalesced_mmio_zone zone = {.size = 16};

	if (vm < 0 || event.fd < 0)
		return 1;
	for (event.addr = 0; event.addr < 1010; event.addr += 1)
		ioctl(vm, KVM_IOEVENTFD, &event);
	for (zone.addr = 0x100000; zone.addr < 0x100000 + 1002 * 16; zone.addr += 16)
		ioctl(vm, KVM_REGISTER_COALESCED_MMIO, &zone);
	return 0;
}
