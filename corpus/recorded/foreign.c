/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * D-04, D-07, D-34, D-49, D-50: what live play cannot do, to be recorded: another process calls on
 * a VM, /dev/kvm is open for reading only, and descriptors are no event descriptors.  Says nothing;
 * scripts/play-corpus records it in a guest.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void descriptors(int vm, int other, int closed)
{
	struct kvm_irqfd irqfd = {.fd = other, .gsi = 4};
	struct kvm_ioeventfd ioeventfd = {.fd = other, .addr = 0x100, .len = 2, .flags = 2};

	ioctl(vm, KVM_IRQFD, &irqfd);
	ioctl(vm, KVM_IOEVENTFD, &ioeventfd);
	irqfd.fd = closed;
	ioeventfd.fd = closed;
	ioctl(vm, KVM_IRQFD, &irqfd);
	ioctl(vm, KVM_IOEVENTFD, &ioeventfd);
}

/* Everything of a VM answers EIO here, also what nobody knows; /dev/kvm does not care. */
static void another_process(int kvm, int vm, int vcpu)
{
	struct kvm_regs regs;

	ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY);
	ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY);
	ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	ioctl(vm, _IO(KVMIO, 0xff), 0);
	ioctl(vcpu, KVM_GET_REGS, &regs);
	ioctl(vcpu, _IO(KVMIO, 0xff), 0);
	ioctl(vcpu, KVM_RUN, 1);
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDONLY | O_CLOEXEC);
	int null = open("/dev/null", O_RDWR);
	struct kvm_regs regs;
	int vm, vcpu;
	pid_t child;

	if (kvm < 0 || null < 0 || ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return 1;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0))
		return 1;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		return 1;
	descriptors(vm, null, 1000);
	child = fork();
	if (!child) {
		another_process(kvm, vm, vcpu);
		_exit(0);
	}
	if (child < 0 || waitpid(child, NULL, 0) != child)
		return 1;
	/* The process that made it goes on, also when the VM's descriptor is closed. */
	ioctl(vcpu, KVM_GET_REGS, &regs);
	close(vm);
	ioctl(vcpu, KVM_GET_REGS, &regs);
	return 0;
}
