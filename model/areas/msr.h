/* SPDX-License-Identifier: BSD-2-Clause */
/* x86 model-specific registers: what they hold and take. */
#ifndef MODEL_MSR_H
#define MODEL_MSR_H

#include "model/areas/vcpu.h"
#include "model/facts/msrs.h"

#define MSR_TSC		   0x10
#define MSR_KVM_CLOCK_OLD  0x12
#define MSR_APICBASE	   0x1b
#define MSR_TSC_ADJUST	   0x3b
#define MSR_MICROCODE	   0x8b
#define MSR_SMBASE	   0x9e
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_MCG_CAP	   0x179
#define MSR_MCG_CTL	   0x17b
#define MSR_MC0_CTL	   0x400
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_X2APIC_FIRST   0x800
#define MSR_X2APIC_LAST	   0x8ff
#define MSR_XSS		   0xda0
#define MSR_HV_VP_INDEX	   0x40000002
#define MSR_HV_VP_ASSIST   0x40000073
#define MSR_KVM_CLOCK	   0x4b564d01
#define MSR_KVM_PV_EOI	   0x4b564d04
#define MSR_EFER	   0xc0000080
#define MSR_FS_BASE	   0xc0000100
#define MSR_GS_BASE	   0xc0000101
#define MSR_VM_HSAVE_PA	   0xc0010117
#define MSR_VIRT_SPEC_CTRL 0xc001011f

/* The row says without condition that each vCPU has the register. */
bool msr_plain_presence(const struct question *q, const struct msr_row *row);
/* Of a row SOME: this vCPU has the register, whatever the module does with unknown ones. */
bool msr_some_known(const struct question *q, uint32_t index);
/* The local APIC is in x2APIC mode. */
enum state_tri msr_x2apic_mode(const struct question *q);
/* Userspace can read the register. */
enum state_tri msr_there(const struct question *q, const struct msr_row *row, uint32_t index);
/* Userspace can write this to it. */
enum state_tri msr_takes(const struct question *q, const struct msr_row *row, uint32_t index,
			 uint64_t data);
/* The rule by which the register, or a value, is refused. */
uint16_t msr_refusal(const struct msr_row *row, uint32_t index);
/* The bits `mask` of the register are those of `value`: as written, read, or after the reset. False:
 * nothing is known. */
bool msr_known(const struct question *q, uint32_t index, uint64_t *value, uint64_t *mask);
/* What the register holds after `data` was taken; false: nothing is known. */
bool msr_after_write(const struct question *q, const struct msr_row *row, uint32_t index,
		     uint64_t data, uint64_t *value, uint64_t *mask);

#endif
