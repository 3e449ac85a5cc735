/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What x86 model-specific registers hold and take, by the table model/facts/msrs.def: for KVM_GET_MSRS
 * and KVM_SET_MSRS (msr.c), and for calls that show or change the same registers.
 */
#include "model/areas/msr.h"
#include "model/areas/vm.h"

#define EFER_REFUSED   0xffffffffffc002feull /* bits that no processor had by 2026 */
#define EFER_TAKEN     0x501ull		     /* SCE, LME, LMA: of each processor with long mode */
#define EFER_LMA_BIT   (1ull << 10)
#define APIC_ENABLED   (1ull << 11)
#define APIC_X2APIC    (1ull << 10)
#define APIC_BSP       (1ull << 8)
#define APIC_PLACE     0xfee00000ull
#define PHYSICAL_SURE  ((1ull << 32) - 1) /* each processor has these address bits */
#define PHYSICAL_FIRST ((1ull << 36) - 1) /* and a vCPU without CPUID has these */
#define PHYSICAL_NONE  (~0ull << 52)	  /* and none has these */
#define BANKS_AT_FIRST 32

bool msr_plain_presence(const struct question *q, const struct msr_row *row)
{
	if (row->presence == MSR_PARAVIRTUAL) {
		const struct state_set *caps = &q->vcpu->caps;

		return !caps->open && !state_set_find(caps, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 0);
	}
	return row->presence == MSR_EVERY || row->presence == MSR_CONSTANT;
}

/* How many banks of machine-check registers there are; false: not known. */
static bool banks_of(const struct question *q, uint64_t *banks)
{
	const uint64_t cap = q->vcpu->mcg_cap;

	*banks = cap == UINT64_MAX ? BANKS_AT_FIRST : cap & 0xff;
	return cap != UINT64_MAX || q->vcpu->msrs_reset;
}

/* The local APIC is in x2APIC mode, and so has MSRs. */
enum state_tri msr_x2apic_mode(const struct question *q)
{
	uint64_t base, mask;

	if (q->vcpu->has_lapic == STATE_NO)
		return STATE_NO;
	if (q_vcpu_ran(q) || !msr_known(q, MSR_APICBASE, &base, &mask) || !(mask & APIC_X2APIC))
		return STATE_UNKNOWN;
	return tri(base & APIC_X2APIC);
}

/* Registers of the local APIC that can be read, and written, in x2APIC mode: SDM 3, table 11-6. */
#define REG(index)	  (1ull << (index))
#define REGS(first, last) (((2ull << ((last) - (first))) - 1) << (first))
#define X2APIC_LVT	  (REG(0x2f) | REGS(0x32, 0x37))
static const uint64_t x2apic_read = REG(0x02) | REG(0x03) | REG(0x08) | REG(0x0a) | REG(0x0d) |
				    REG(0x0f) | REGS(0x10, 0x27) | REG(0x28) | REG(0x30) |
				    X2APIC_LVT | REG(0x38) | REG(0x39) | REG(0x3e);
static const uint64_t x2apic_write = REG(0x08) | REG(0x0b) | REG(0x0f) | REG(0x28) | REG(0x30) |
				     X2APIC_LVT | REG(0x38) | REG(0x3e) | REG(0x3f);
#define X2APIC_EOI	0x0b
#define X2APIC_ESR	0x28
#define X2APIC_CMCI	0x2f /* is there if MCG_CAP says so */
#define X2APIC_ICR	0x30
#define X2APIC_SELF_IPI 0x3f

static enum state_tri x2apic_there(const struct question *q, uint32_t index, uint64_t registers)
{
	const enum state_tri mode = msr_x2apic_mode(q);
	const uint32_t reg = index - MSR_X2APIC_FIRST;

	if (mode == STATE_NO || reg >= 64 || !(registers >> reg & 1))
		return STATE_NO;
	return reg == X2APIC_CMCI ? STATE_UNKNOWN : mode;
}

static enum state_tri x2apic_takes(const struct question *q, uint32_t index, uint64_t data)
{
	const uint32_t reg = index - MSR_X2APIC_FIRST;

	if ((reg == X2APIC_ESR && (uint32_t)data) || (reg == X2APIC_SELF_IPI && data >> 8))
		return STATE_NO;
	/* What else is reserved in a value, kernels do not look at. */
	if (reg == X2APIC_ICR || data >> 8 || (reg == X2APIC_EOI && data))
		return x2apic_there(q, index, x2apic_write) == STATE_NO ? STATE_NO : STATE_UNKNOWN;
	return x2apic_there(q, index, x2apic_write);
}

enum state_tri msr_there(const struct question *q, const struct msr_row *row, uint32_t index)
{
	uint64_t banks;

	switch (row->presence) {
	case MSR_ABSENT:
		return STATE_NO;
	case MSR_BANK:
		if (!banks_of(q, &banks))
			return STATE_UNKNOWN;
		return tri(index < MSR_MC0_CTL + 4 * banks);
	case MSR_X2APIC:
		return x2apic_there(q, index, x2apic_read);
	default:
		return msr_plain_presence(q, row) ? STATE_YES : STATE_UNKNOWN;
	}
}

/* The register of a vCPU as it was made; false: nothing is said of it. */
static bool reset_value(const struct question *q, const struct msr_row *row, uint32_t index,
			uint64_t *value, uint64_t *mask)
{
	*value = row->reset;
	*mask = UINT64_MAX;
	switch (index) {
	case MSR_APICBASE:
		/* 5.10 leaves the register zero where there is no local APIC. */
		*value = APIC_PLACE | APIC_ENABLED;
		*mask = q->vcpu->has_lapic == STATE_YES ? ~APIC_BSP : ~(APIC_BSP | *value);
		return q->vcpu->has_lapic != STATE_UNKNOWN;
	case MSR_MICROCODE:
		*value = q_back_end(q, MODEL_KVM_AMD) == STATE_YES ? 0x01000065 : 1ull << 32;
		return q_back_end(q, MODEL_KVM_AMD) == STATE_YES ||
		       q_back_end(q, MODEL_KVM_INTEL) == STATE_YES;
	default:
		break;
	}
	if (row->presence == MSR_BANK)
		/* KVM_X86_SETUP_MCE sets the control registers. */
		return q->vcpu->mcg_cap == UINT64_MAX || index % 4;
	return row->flags & MSR_FLAG_RESET;
}

bool msr_known(const struct question *q, uint32_t index, uint64_t *value, uint64_t *mask)
{
	const struct state_vcpu *v = q->vcpu;
	const struct state_entry *e = state_set_find(&v->msrs, index, 0);
	const struct msr_row *row = msr_row(index);

	if (row->presence == MSR_CONSTANT) {
		*value = row->reset;
		*mask = UINT64_MAX;
		return true;
	}
	if (e) {
		*value = e->value[0];
		*mask = e->value[1];
		return e->known;
	}
	if (!v->msrs_reset || v->msrs.open || v->has_run != STATE_NO)
		return false;
	if (row->flags & MSR_FLAG_MODEL && v->cpuid_set != STATE_NO)
		return false;
	if (row->presence == MSR_SOME && !(index == MSR_SMBASE && q_cap(q, KVM_CAP_X86_SMM) > 0))
		return false;
	return reset_value(q, row, index, value, mask);
}

static bool canonical(uint64_t data, unsigned int bits)
{
	const uint64_t high = data >> (bits - 1);

	return !high || high == ~0ull >> (bits - 1);
}

/* The lowest byte is a memory type of this set. */
static bool memory_type(uint64_t data, unsigned int types)
{
	return (data & 0xff) < 8 && types >> (data & 7) & 1;
}

/* All eight bytes are. */
static bool memory_types(uint64_t data, unsigned int types)
{
	for (unsigned int i = 0; i < 8; i++, data >>= 8) {
		if (!memory_type(data, types))
			return false;
	}
	return true;
}

/* Bits that are refused, bits that are taken, and others, of which it is not known. */
static enum state_tri by_bits(uint64_t data, uint64_t refused, uint64_t taken)
{
	if (data & refused)
		return STATE_NO;
	return data & ~taken ? STATE_UNKNOWN : STATE_YES;
}

#define MTRR_TYPES 0x73 /* uncacheable, write-combining, -through, -protected, -back */
#define PAT_TYPES  0xf3 /* and UC- */

static enum state_tri mtrr_range_takes(const struct question *q, uint32_t index, uint64_t data)
{
	const uint64_t sure = q->vcpu->cpuid_set == STATE_NO ? PHYSICAL_FIRST : PHYSICAL_SURE;

	if (index & 1)
		return by_bits(data, PHYSICAL_NONE | 0x7ff, sure);
	if (!memory_type(data, MTRR_TYPES))
		return STATE_NO;
	return by_bits(data, PHYSICAL_NONE | 0xf00, sure);
}

static enum state_tri mtrr_default_takes(uint64_t data)
{
	return tri(memory_type(data, MTRR_TYPES) && !(data & ~0xcffull));
}

static enum state_tri apic_base_takes(const struct question *q, uint64_t data)
{
	uint64_t base, mask;

	if (data & (PHYSICAL_NONE | APIC_BASE_NONE) ||
	    (data & (APIC_X2APIC | APIC_ENABLED)) == APIC_X2APIC)
		return STATE_NO;
	if (msr_known(q, MSR_APICBASE, &base, &mask) && mask == UINT64_MAX && base == data)
		return STATE_YES;
	return (data & ~(APIC_BSP | APIC_ENABLED)) == APIC_PLACE ? STATE_YES : STATE_UNKNOWN;
}

/* KVM takes all ones but for bit 10, which old guests clear, and newer kernels but for bit 0. */
static enum state_tri bank_takes(const struct question *q, uint32_t index, uint64_t data)
{
	uint64_t banks;

	if (!banks_of(q, &banks))
		return STATE_UNKNOWN;
	if (index >= MSR_MC0_CTL + 4 * banks)
		return STATE_NO;
	if (index % 4 || !data || !~data)
		return STATE_YES;
	return ~(data | 0x401) ? STATE_NO : STATE_UNKNOWN;
}

/* KVM_CAP_HYPERV_SYNIC or its second form was enabled. */
static bool synic_enabled(const struct question *q)
{
	const struct state_set *caps = &q->vcpu->caps;

	return caps->open || state_set_find(caps, KVM_CAP_HYPERV_SYNIC, 0) ||
	       state_set_find(caps, KVM_CAP_HYPERV_SYNIC2, 0);
}

bool msr_some_known(const struct question *q, uint32_t index)
{
	switch (index) {
	case MSR_XSS: /* newer kernels look into CPUID first */
		return q_applies(q, R_MSRS_XSS_USER);
	case MSR_VIRT_SPEC_CTRL:
		return q_back_end(q, MODEL_KVM_AMD) == STATE_YES;
	case MSR_HV_VP_INDEX:
		return q_cap(q, KVM_CAP_HYPERV_VP_INDEX) > 0;
	default:
		return false;
	}
}

/* Of a register that there is. */
static enum state_tri value_taken(const struct question *q, const struct msr_row *row,
				  uint32_t index, uint64_t data)
{
	switch (row->check) {
	case MSR_CHECK_APIC_BASE:
		return apic_base_takes(q, data);
	case MSR_CHECK_EFER:
		return by_bits(data, EFER_REFUSED, EFER_TAKEN);
	case MSR_CHECK_CANONICAL:
		if (!canonical(data, 57))
			return STATE_NO;
		return canonical(data, 48) ? STATE_YES : STATE_UNKNOWN;
	case MSR_CHECK_PAT:
		return tri(memory_types(data, PAT_TYPES));
	case MSR_CHECK_MTRR_FIXED:
		return tri(memory_types(data, MTRR_TYPES));
	case MSR_CHECK_MTRR_RANGE:
		return mtrr_range_takes(q, index, data);
	case MSR_CHECK_MTRR_DEFAULT:
		return mtrr_default_takes(data);
	case MSR_CHECK_ALL_OR_NONE:
		return data && ~data ? STATE_NO : STATE_UNKNOWN;
	case MSR_CHECK_BANK:
		return bank_takes(q, index, data);
	case MSR_CHECK_PLATFORM:
		/* Without the bit CPUID faulting must be off. */
		return data >> 31 & 1 ? STATE_YES : STATE_UNKNOWN;
	case MSR_CHECK_SYNIC:
		return data && q_cap(q, KVM_CAP_HYPERV_SYNIC) > 0 && !synic_enabled(q)
			       ? STATE_NO
			       : STATE_UNKNOWN;
	case MSR_CHECK_VM_CR:
		return data & ~0x1full && q_back_end(q, MODEL_KVM_AMD) == STATE_YES ? STATE_NO
										    : STATE_UNKNOWN;
	case MSR_CHECK_X2APIC:
		return x2apic_takes(q, index, data);
	default:
		break;
	}
	if (data & row->refused)
		return STATE_NO;
	return row->taken && !(data & ~row->taken) ? STATE_YES : STATE_UNKNOWN;
}

enum state_tri msr_takes(const struct question *q, const struct msr_row *row, uint32_t index,
			 uint64_t data)
{
	const enum state_tri taken = value_taken(q, row, index, data);
	enum state_tri there;

	if (row->presence == MSR_X2APIC)
		return taken;
	there = msr_there(q, row, index);
	if (there == STATE_NO)
		return STATE_NO;
	if (taken == STATE_YES && there != STATE_YES)
		return STATE_UNKNOWN;
	/* Where the module ignores registers that it does not know, they take anything. */
	if (taken == STATE_NO && there != STATE_YES && row->check == MSR_CHECK_BITS &&
	    !msr_some_known(q, index))
		return STATE_UNKNOWN;
	return taken;
}

uint16_t msr_refusal(const struct msr_row *row, uint32_t index)
{
	switch (row->check) {
	case MSR_CHECK_CANONICAL:
		return R_MSRS_NO_ADDRESS;
	case MSR_CHECK_PAT:
	case MSR_CHECK_MTRR_FIXED:
	case MSR_CHECK_MTRR_RANGE:
	case MSR_CHECK_MTRR_DEFAULT:
		return R_MSRS_NO_MEMORY_TYPE;
	case MSR_CHECK_ALL_OR_NONE:
	case MSR_CHECK_BANK:
		return R_MSRS_NO_BANK;
	case MSR_CHECK_SYNIC:
		return R_MSRS_NO_SYNIC;
	case MSR_CHECK_X2APIC:
		return R_MSRS_NO_X2APIC;
	default:
		break;
	}
	if (row->presence == MSR_ABSENT)
		return R_MSRS_NO_RANGE;
	if (index == MSR_XSS)
		return R_MSRS_XSS_USER;
	return row->presence == MSR_PARAVIRTUAL ? R_MSRS_PARAVIRTUAL_BITS : R_MSRS_RESERVED;
}

/* Where an unknown register takes anything, it reads as zero. */
static bool whole_if_zero(uint64_t data, uint64_t *mask)
{
	*mask = data ? 0 : UINT64_MAX;
	return !data;
}

bool msr_after_write(const struct question *q, const struct msr_row *row, uint32_t index,
		     uint64_t data, uint64_t *value, uint64_t *mask)
{
	uint64_t before, known;

	*value = data & ~row->cleared;
	*mask = row->kept | row->cleared;
	switch (index) {
	case MSR_EFER:
		/* LMA follows CR0.PG, whatever is written. */
		if (msr_known(q, index, &before, &known) && known & EFER_LMA_BIT) {
			*value = (data & ~EFER_LMA_BIT) | (before & EFER_LMA_BIT);
			*mask = UINT64_MAX;
		}
		return true;
	case MSR_APICBASE:
		*mask = vcpu_apic_base_completed(q, data) ? ~APIC_BSP : UINT64_MAX;
		return true;
	case MSR_SYSENTER_ESP:
	case MSR_SYSENTER_EIP:
		/* A processor of AMD keeps 32 bits; KVM makes an address canonical. */
		return canonical(data, 48);
	case MSR_VM_HSAVE_PA:
		*value = data & ~0xfffull;
		*mask = q_back_end(q, MODEL_KVM_AMD) == STATE_YES &&
					q_changed(q, CHANGE_HSAVE_PAGE) == STATE_YES
				? UINT64_MAX
				: ~data;
		return !data || *mask == UINT64_MAX;
	case MSR_TSC_DEADLINE:
		return whole_if_zero(data, mask);
	case MSR_TSC_ADJUST:
		/* Without the feature a write is ignored. */
		if (msr_known(q, index, &before, &known) && known == UINT64_MAX && before == data)
			*mask = UINT64_MAX;
		return *mask != 0;
	default:
		break;
	}
	if (row->presence == MSR_SOME && index != MSR_SMBASE && !msr_some_known(q, index))
		return row->flags & MSR_FLAG_ALONE && whole_if_zero(data, mask);
	if ((row->presence == MSR_PARAVIRTUAL && !msr_plain_presence(q, row)) ||
	    (row->presence == MSR_BANK && msr_there(q, row, index) != STATE_YES))
		return whole_if_zero(data, mask);
	return *mask != 0;
}
