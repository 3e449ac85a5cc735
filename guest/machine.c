// SPDX-License-Identifier: BSD-2-Clause
/*
 * QEMU's arguments for each architecture, and texts on the serial console that tell how a guest
 * ended.
 */
#include <string.h>
#include <sys/utsname.h>

#include <elf.h>

#include "guest/internal.h"

/*
 * thread=single: with several vCPUs and one host thread each, x86 hangs (stale translations after
 * the kernel patches its text). pauth, sve and lpa2 off: emulating them makes an arm64 guest 6 to
 * 18 times slower.
 *
 * cx16=off: double faults on 6.12 with a VM running inside, one of them logged with a garbage flags
 * register right behind a cmpxchg16b, came in 2 of about 9 runs and in none of 14 without the
 * instruction. The cause within QEMU 7.2 was not investigated.
 */
const struct guest_machine guest_machines[GUEST_ARCH_COUNT] = {
	[GUEST_X86_64] =
		{
			.name = "x86-64",
			.uname = "x86_64",
			.qemu = "qemu-system-x86_64",
			.package = "qemu-system-x86",
			.board = "pc",
			.cpu = "max,cx16=off",
			.threads = "single",
			.board_kvm = "pc",
			.console = "ttyS0",
			.append = "rcupdate.rcu_expedited=1 mitigations=off",
			.elf_machine = EM_X86_64,
		},
	[GUEST_ARM64] =
		{
			.name = "arm64",
			.uname = "aarch64",
			.qemu = "qemu-system-aarch64",
			.package = "qemu-system-arm",
			.board = "virt,virtualization=on,gic-version=3",
			.cpu = "max,pauth=off,sve=off,lpa2=off",
			.threads = "single",
			.board_kvm = "virt,gic-version=host",
			.console = "ttyAMA0",
			.append = "rcupdate.rcu_expedited=1",
			.elf_machine = EM_AARCH64,
		},
	[GUEST_RISCV64] =
		{
			.name = "riscv64",
			.uname = "riscv64",
			.qemu = "qemu-system-riscv64",
			.package = "qemu-system-misc",
			.board = "virt",
			.cpu = "rv64,h=true",
			.threads = "single",
			.board_kvm = "virt",
			.console = "ttyS0",
			.append = "rcupdate.rcu_expedited=1",
			.elf_machine = EM_RISCV,
		},
	[GUEST_PPC64LE] =
		{
			.name = "ppc64le",
			.uname = "ppc64le",
			.qemu = "qemu-system-ppc64",
			.package = "qemu-system-ppc",
			.board =
				"pseries,cap-nested-hv=true,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,"
				"cap-ccf-assist=off",
			.cpu = "POWER9",
			.threads = "single",
			.board_kvm = "pseries",
			.console = "hvc0",
			.append = "rcupdate.rcu_expedited=1",
			.elf_machine = EM_PPC64,
		},
};

const char *guest_arch_name(enum guest_arch arch)
{
	return arch < GUEST_ARCH_COUNT ? guest_machines[arch].name : "unknown";
}

enum guest_arch guest_arch_host(void)
{
	struct utsname name;
	enum guest_arch arch;

	if (uname(&name))
		return GUEST_ARCH_COUNT;
	for (arch = 0; arch < GUEST_ARCH_COUNT; arch++) {
		if (!strcmp(name.machine, guest_machines[arch].uname))
			break;
	}
	return arch;
}

static const char *const outcome_names[] = {
	[GUEST_RUNNING] = "running",
	[GUEST_STOPPED] = "stopped",
	[GUEST_POWERED_OFF] = "powered off",
	[GUEST_RESET] = "reset",
	[GUEST_PANIC] = "panic",
	[GUEST_OOPS] = "oops",
	[GUEST_WARN] = "warning",
	[GUEST_OOM] = "out of memory",
	[GUEST_HANG] = "hang",
	[GUEST_KILLED] = "killed",
	[GUEST_QEMU_FAILED] = "QEMU failed",
};

bool guest_kernel_died(enum guest_outcome outcome)
{
	switch (outcome) {
	case GUEST_RESET:
	case GUEST_PANIC:
	case GUEST_OOPS:
	case GUEST_WARN:
	case GUEST_HANG:
		return true;
	default:
		return false;
	}
}

const char *guest_outcome_name(enum guest_outcome outcome)
{
	return outcome_names[outcome];
}

/*
 * Texts of the kernels 5.10 to 7.x (kernel/panic.c, lib/bug.c, mm/oom_kill.c, kernel/watchdog.c,
 * kernel/hung_task.c, arch fault handlers).  An oops or a WARN ends in a panic here, so what came
 * first and what the panic gives as its reason both count; the table's order is the order of
 * precedence.
 */
static const struct {
	const char *text;
	enum guest_outcome outcome;
} signs[] = {
	{"Kernel panic - not syncing: System is deadlocked on memory", GUEST_OOM},
	{"Kernel panic - not syncing: Out of memory", GUEST_OOM},
	{"Kernel panic - not syncing: panic_on_warn set", GUEST_WARN},
	{"Kernel panic - not syncing: kernel: panic_on_warn set", GUEST_WARN},
	{"Kernel panic - not syncing: softlockup: hung tasks", GUEST_HANG},
	{"Kernel panic - not syncing: hung_task: blocked tasks", GUEST_HANG},
	{"Kernel panic - not syncing: RCU Stall", GUEST_HANG},
	{"Kernel panic - not syncing: Hard LOCKUP", GUEST_HANG},
	{"watchdog: BUG: soft lockup", GUEST_HANG},
	{"BUG: unable to handle", GUEST_OOPS},
	{"BUG: kernel NULL pointer dereference", GUEST_OOPS},
	{"kernel BUG at ", GUEST_OOPS},
	{"general protection fault, ", GUEST_OOPS},
	{"general protection fault: ", GUEST_OOPS},
	{"Unable to handle kernel ", GUEST_OOPS},
	{"Internal error: ", GUEST_OOPS},
	{"Oops: ", GUEST_OOPS},
	{"Oops [#", GUEST_OOPS},
	{"stack segment: 0000", GUEST_OOPS},
	{"invalid opcode: 0000", GUEST_OOPS},
	{"divide error: 0000", GUEST_OOPS},
	{"double fault: 0000", GUEST_OOPS},
	{"Kernel panic - not syncing", GUEST_PANIC},
};

/* Copy the line around at, without "[    1.234567] " before it. */
static void line_copy(const char *text, const char *at, char *line, size_t size)
{
	size_t length;

	while (at > text && at[-1] != '\n')
		at--;
	if (*at == '[') {
		const char *close = strpbrk(at, "]\n");

		if (close && *close == ']')
			at = close + 1 + strspn(close + 1, " ");
	}
	length = strcspn(at, "\r\n");
	snprintf(line, size, "%.*s", (int)length, at);
}

enum guest_outcome guest_outcome_read(const char *text, char *line, size_t line_size)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		const char *at = strstr(text, signs[i].text);

		if (!at)
			continue;
		/* For a WARN the warning itself has the details, not the panic. */
		if (signs[i].outcome == GUEST_WARN) {
			const char *warning = strstr(text, "WARNING: ");

			at = warning ? warning : at;
		}
		if (line && line_size)
			line_copy(text, at, line, line_size);
		return signs[i].outcome;
	}
	return GUEST_RUNNING;
}
