// SPDX-License-Identifier: BSD-2-Clause
/* The code of the tiny guest programs, written by hand: an instruction a line. */
#include "replayer/live/programs.h"

#include <string.h>

#include "base/bytes.h"

/* The numbers are those of <linux/kvm.h>, the same on all architectures. */
enum {
	EXIT_IO = 2,
	EXIT_HYPERCALL = 3,
	EXIT_DEBUG = 4,
	EXIT_HLT = 5,
	EXIT_MMIO = 6,
	EXIT_IRQ_WINDOW_OPEN = 7,
	EXIT_SHUTDOWN = 8,
	EXIT_SYSTEM_EVENT = 24,
	EXIT_RDMSR = 29,
	EXIT_WRMSR = 30,
};

/* --- x86, real mode, code at 0x1000 ----------------------------------------------------------- */

/* clang-format off */

static const uint8_t x86_pio[] = {
	0xb0, 0x11,				/* mov al, 0x11 */
	0xe6, 0x10,				/* out 0x10, al */
	0xba, 0x10, 0x05,			/* mov dx, 0x510 */
	0xb8, 0x22, 0x33,			/* mov ax, 0x3322 */
	0xef,					/* out dx, ax */
	0x66, 0xb8, 0x44, 0x55, 0x66, 0x77,	/* mov eax, 0x77665544 */
	0x66, 0xef,				/* out dx, eax */
	0xe4, 0x10,				/* in al, 0x10 */
	0xed,					/* in ax, dx */
	0x66, 0xed,				/* in eax, dx */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

static const uint8_t x86_string[] = {
	0xfc,					/* cld */
	0xba, 0x10, 0x05,			/* mov dx, 0x510 */
	0xbe, 0x00, 0x18,			/* mov si, 0x1800 */
	0xb9, 0x04, 0x00,			/* mov cx, 4 */
	0xf3, 0x6e,				/* rep outsb */
	0xb9, 0x03, 0x00,			/* mov cx, 3 */
	0xf3, 0x6f,				/* rep outsw */
	0xb9, 0x02, 0x00,			/* mov cx, 2 */
	0xf3, 0x66, 0x6f,			/* rep outsd */
	0xbf, 0x00, 0x19,			/* mov di, 0x1900 */
	0xb9, 0x04, 0x00,			/* mov cx, 4 */
	0xf3, 0x6c,				/* rep insb */
	0xb9, 0x03, 0x00,			/* mov cx, 3 */
	0xf3, 0x6d,				/* rep insw */
	0xb9, 0x02, 0x00,			/* mov cx, 2 */
	0xf3, 0x66, 0x6d,			/* rep insd */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

static const uint8_t x86_mmio[] = {
	0xa2, 0x00, 0xd0,			/* mov [0xd000], al */
	0xa3, 0x00, 0xd0,			/* mov [0xd000], ax */
	0x66, 0xa3, 0x00, 0xd0,			/* mov [0xd000], eax */
	0xa0, 0x00, 0xd0,			/* mov al, [0xd000] */
	0xa1, 0x00, 0xd0,			/* mov ax, [0xd000] */
	0x66, 0xa1, 0x00, 0xd0,			/* mov eax, [0xd000] */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

static const uint8_t x86_hlt[] = {
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

/* With request_interrupt_window set, KVM_RUN returns as soon as interrupts are on. */
static const uint8_t x86_window[] = {
	0xfb,					/* sti */
	0x90,					/* nop: the shadow of sti ends behind it */
	0x90,					/* nop */
	0xeb, 0xfd,				/* jmp to the nop before */
};

/* To be run with KVM_GUESTDBG_SINGLESTEP. */
static const uint8_t x86_step[] = {
	0x90,					/* nop */
	0x40,					/* inc ax */
	0x43,					/* inc bx */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

/* To be run with KVM_GUESTDBG_USE_SW_BP. */
static const uint8_t x86_breakpoint[] = {
	0x90,					/* nop */
	0xcc,					/* int3 */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

/* To be run with KVM_CAP_X86_USER_SPACE_MSR for unknown registers. */
static const uint8_t x86_msr[] = {
	0x66, 0xb9, 0x78, 0x56, 0x34, 0x12,	/* mov ecx, 0x12345678 */
	0x0f, 0x32,				/* rdmsr */
	0x0f, 0x30,				/* wrmsr */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

/* To be run with KVM_CAP_EXIT_HYPERCALL for KVM_HC_MAP_GPA_RANGE. */
static const uint8_t x86_hypercall[] = {
	0x66, 0xb8, 0x0c, 0x00, 0x00, 0x00,	/* mov eax, 12: KVM_HC_MAP_GPA_RANGE */
	0x66, 0xbb, 0x00, 0x10, 0x00, 0x00,	/* mov ebx, 0x1000: guest address */
	0x66, 0xb9, 0x01, 0x00, 0x00, 0x00,	/* mov ecx, 1: pages */
	0x66, 0x31, 0xd2,			/* xor edx, edx: attributes */
	0x66, 0x31, 0xf6,			/* xor esi, esi */
	0x0f, 0x01, 0xc1,			/* vmcall; AMD's KVM makes a vmmcall of it */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

/* An interrupt table of no entries: the fault has no handler, nor has the double fault. */
static const uint8_t x86_shutdown[] = {
	0x0f, 0x01, 0x1e, 0x00, 0x18,		/* lidt [0x1800]: limit 0, base 0 */
	0xcd, 0x20,				/* int 0x20 */
};

/* --- arm64, MMU off, code at 0x40000000; words little-endian ----------------------------------- */

#define WORD(w) (uint8_t)(w), (uint8_t)((w) >> 8), (uint8_t)((w) >> 16), (uint8_t)((w) >> 24)

static const uint8_t arm64_mmio[] = {
	WORD(0xd2a20001u),			/* movz x1, #0x1000, lsl #16: 0x10000000 */
	WORD(0x39000020u),			/* strb w0, [x1] */
	WORD(0x79000020u),			/* strh w0, [x1] */
	WORD(0xb9000020u),			/* str w0, [x1] */
	WORD(0xf9000020u),			/* str x0, [x1] */
	WORD(0x39400020u),			/* ldrb w0, [x1] */
	WORD(0x79400020u),			/* ldrh w0, [x1] */
	WORD(0xb9400020u),			/* ldr w0, [x1] */
	WORD(0xf9400020u),			/* ldr x0, [x1] */
	WORD(0x52800100u),			/* movz w0, #8 */
	WORD(0x72b08000u),			/* movk w0, #0x8400, lsl #16: PSCI SYSTEM_OFF */
	WORD(0xd4000002u),			/* hvc #0 */
	WORD(0x14000000u),			/* b . */
};

static const uint8_t arm64_off[] = {
	WORD(0x52800100u),			/* movz w0, #8 */
	WORD(0x72b08000u),			/* movk w0, #0x8400, lsl #16: PSCI SYSTEM_OFF */
	WORD(0xd4000002u),			/* hvc #0 */
	WORD(0x14000000u),			/* b . */
};

static const uint8_t arm64_reset[] = {
	WORD(0x52800120u),			/* movz w0, #9 */
	WORD(0x72b08000u),			/* movk w0, #0x8400, lsl #16: PSCI SYSTEM_RESET */
	WORD(0xd4000002u),			/* hvc #0 */
	WORD(0x14000000u),			/* b . */
};

/* To be run with KVM_CAP_ARM_SYSTEM_SUSPEND. */
static const uint8_t arm64_suspend[] = {
	WORD(0x528001c0u),			/* movz w0, #14 */
	WORD(0x72b88000u),			/* movk w0, #0xc400, lsl #16: PSCI SYSTEM_SUSPEND, 64 bits */
	WORD(0xd2a80001u),			/* movz x1, #0x4000, lsl #16: entry 0x40000000 */
	WORD(0xd2800002u),			/* movz x2, #0: context */
	WORD(0xd4000002u),			/* hvc #0 */
	WORD(0x14000000u),			/* b . */
};

/* To be run with KVM_GUESTDBG_USE_SW_BP. */
static const uint8_t arm64_breakpoint[] = {
	WORD(0xd503201fu),			/* nop */
	WORD(0xd4200000u),			/* brk #0 */
	WORD(0x14000000u),			/* b . */
};

/* clang-format on */

/* --- the table -------------------------------------------------------------------------------- */

#define OUT(bytes, times)                       \
	{                                       \
		EXIT_IO, false, bytes, 1, times \
	}
#define IN(bytes, count, times)                    \
	{                                          \
		EXIT_IO, true, bytes, count, times \
	}
#define STORE(bytes)                          \
	{                                     \
		EXIT_MMIO, false, bytes, 1, 1 \
	}
#define LOAD(bytes)                          \
	{                                    \
		EXIT_MMIO, true, bytes, 1, 1 \
	}
#define BARE(reason, times)                \
	{                                  \
		reason, false, 0, 0, times \
	}

static const struct program_exit pio_exits[] = {OUT(1, 1),	   OUT(2, 1),	OUT(4, 1),
						IN(1, 1, 1),	   IN(2, 1, 1), IN(4, 1, 1),
						BARE(EXIT_HLT, 1), {0}};
/* Output leaves element by element, input comes in one piece. */
static const struct program_exit string_exits[] = {OUT(1, 4),	      OUT(2, 3),   OUT(4, 2),
						   IN(1, 4, 1),	      IN(2, 3, 1), IN(4, 2, 1),
						   BARE(EXIT_HLT, 1), {0}};
static const struct program_exit mmio_exits[] = {STORE(1), STORE(2), STORE(4),		LOAD(1),
						 LOAD(2),  LOAD(4),  BARE(EXIT_HLT, 1), {0}};
static const struct program_exit hlt_exits[] = {BARE(EXIT_HLT, 2), {0}};
static const struct program_exit window_exits[] = {BARE(EXIT_IRQ_WINDOW_OPEN, 1), {0}};
static const struct program_exit step_exits[] = {BARE(EXIT_DEBUG, 3), {0}};
static const struct program_exit breakpoint_exits[] = {BARE(EXIT_DEBUG, 1), {0}};
static const struct program_exit msr_exits[] = {
	BARE(EXIT_RDMSR, 1), BARE(EXIT_WRMSR, 1), BARE(EXIT_HLT, 1), {0}};
static const struct program_exit hypercall_exits[] = {
	BARE(EXIT_HYPERCALL, 1), BARE(EXIT_HLT, 1), {0}};
static const struct program_exit shutdown_exits[] = {BARE(EXIT_SHUTDOWN, 1), {0}};
static const struct program_exit arm64_mmio_exits[] = {
	STORE(1), STORE(2), STORE(4),
	STORE(8), LOAD(1),  LOAD(2),
	LOAD(4),  LOAD(8),  BARE(EXIT_SYSTEM_EVENT, 1),
	{0}};
static const struct program_exit event_exits[] = {BARE(EXIT_SYSTEM_EVENT, 1), {0}};

/* KVM_SET_GUEST_DEBUG: KVM_GUESTDBG_ENABLE with _SINGLESTEP, _USE_SW_BP or _USE_HW_BP. */
#define DEBUG_STEP     0x3
#define DEBUG_BP       0x10001
#define DEBUG_REGISTER 0x20001

#define CODE(name) name, sizeof(name)

static const struct program table[] = {
	{"pio", "port output and input of 1, 2 and 4 bytes", KVMAPI_X86, CODE(x86_pio), pio_exits,
	 0, 0, 0, 0, false},
	{"string", "string port output and input of each size", KVMAPI_X86, CODE(x86_string),
	 string_exits, 0, 0, 0, 0, false},
	{"mmio", "writes and reads of 1, 2 and 4 bytes where no memory is", KVMAPI_X86,
	 CODE(x86_mmio), mmio_exits, 0, 0, 0, 0, false},
	{"hlt", "halts, again and again", KVMAPI_X86, CODE(x86_hlt), hlt_exits, 0, 0, 0, 0, false},
	{"window", "turns interrupts on and goes round", KVMAPI_X86, CODE(x86_window), window_exits,
	 0, 0, 0, 0, true},
	{"step", "instructions to step through", KVMAPI_X86, CODE(x86_step), step_exits, 0, 0,
	 DEBUG_STEP, 0, false},
	{"breakpoint", "a breakpoint instruction", KVMAPI_X86, CODE(x86_breakpoint),
	 breakpoint_exits, 0, 0, DEBUG_BP, 0, false},
	/* The instruction behind the first one of the same code as "step". */
	{"watch", "a breakpoint register", KVMAPI_X86, CODE(x86_step), breakpoint_exits, 0, 0,
	 DEBUG_REGISTER, PROGRAMS_X86_GPA + 1, false},
	/* KVM_CAP_X86_USER_SPACE_MSR with KVM_MSR_EXIT_REASON_INVAL and _UNKNOWN. */
	{"msr", "reads and writes a register that no kernel knows", KVMAPI_X86, CODE(x86_msr),
	 msr_exits, 188, 3, 0, 0, false},
	/* KVM_CAP_EXIT_HYPERCALL for KVM_HC_MAP_GPA_RANGE. */
	{"hypercall", "asks to map a page as shared", KVMAPI_X86, CODE(x86_hypercall),
	 hypercall_exits, 201, 1 << 12, 0, 0, false},
	{"shutdown", "a triple fault", KVMAPI_X86, CODE(x86_shutdown), shutdown_exits, 0, 0, 0, 0,
	 false},
	{"mmio", "writes and reads of 1 to 8 bytes where no memory is, then off", KVMAPI_ARM64,
	 CODE(arm64_mmio), arm64_mmio_exits, 0, 0, 0, 0, false},
	{"off", "PSCI SYSTEM_OFF", KVMAPI_ARM64, CODE(arm64_off), event_exits, 0, 0, 0, 0, false},
	{"reset", "PSCI SYSTEM_RESET", KVMAPI_ARM64, CODE(arm64_reset), event_exits, 0, 0, 0, 0,
	 false},
	/* KVM_CAP_ARM_SYSTEM_SUSPEND. */
	{"suspend", "PSCI SYSTEM_SUSPEND", KVMAPI_ARM64, CODE(arm64_suspend), event_exits, 216, 0,
	 0, 0, false},
	{"breakpoint", "a breakpoint instruction", KVMAPI_ARM64, CODE(arm64_breakpoint),
	 breakpoint_exits, 0, 0, DEBUG_BP, 0, false},
};

const struct program *programs(size_t *count)
{
	*count = sizeof(table) / sizeof(table[0]);
	return table;
}

const struct program *programs_find(enum kvmapi_arch arch, const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].arch == arch && !strcmp(table[i].name, name))
			return &table[i];
	}
	return NULL;
}

bool programs_know(enum kvmapi_arch arch, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct program *p = &table[i];

		if (p->arch == arch && size >= p->size && !memcmp(bytes, p->code, p->size) &&
		    bytes_zero(bytes + p->size, size - p->size))
			return true;
	}
	return bytes_zero(bytes, size);
}
