/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For inside a Power guest: how many bytes KVM_GET_ONE_REG really writes at kvm_one_reg.addr
 * (A-4.68-07). A tape holds as many as the id says; only the program that owns the buffer sees what
 * is written behind them.  Prints a line for each register: its name, and the number of bytes or
 * the error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

/* Bytes of the buffer that differ from what was there, for either of two fillings. */
static int written(int vcpu, uint64_t id)
{
	static const uint8_t fillings[] = {0xa5, 0x5a};
	int most = 0;

	for (int i = 0; i < 2; i++) {
		uint8_t buffer[64];
		struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)buffer};

		memset(buffer, fillings[i], sizeof(buffer));
		if (ioctl(vcpu, KVM_GET_ONE_REG, &reg))
			return -errno;
		for (int k = 0; k < (int)sizeof(buffer); k++) {
			if (buffer[k] != fillings[i] && k >= most)
				most = k + 1;
		}
	}
	return most;
}

int main(void)
{
	static const struct {
		const char *name;
		uint64_t id;
	} regs[] = {
		{"SPRG9", KVM_REG_PPC_SPRG9},
		{"DBSR", KVM_REG_PPC_DBSR},
		{"ARCH_COMPAT", KVM_REG_PPC_ARCH_COMPAT},
		{"DABRX", KVM_REG_PPC_DABRX},
		{"WORT", KVM_REG_PPC_WORT},
		{"TM_GPR0", KVM_REG_PPC_TM_GPR0},
		{"TM_GPR31", KVM_REG_PPC_TM_GPR31},
		{"DSISR", KVM_REG_PPC_DSISR},
		{"DAR", KVM_REG_PPC_DAR},
		{"VR0", KVM_REG_PPC_VR0},
	};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);

	if (vcpu < 0) {
		perror("KVM_CREATE_VCPU");
		return 1;
	}
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		int bytes = written(vcpu, regs[i].id);

		if (bytes < 0)
			printf("%s %s\n", regs[i].name, strerrorname_np(-bytes));
		else
			printf("%s %d\n", regs[i].name, bytes);
	}
	return 0;
}
