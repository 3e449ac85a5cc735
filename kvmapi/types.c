/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names every UAPI type of the tables, so that clang puts it into BTF.  Compiled by clang for BPF,
 * once per architecture, only for its .BTF section: no object code of this file is ever run or
 * linked.
 */
#include "kvmapi/kvm_newer.h"

#include "kvmapi/kvm_gone.h"
#include "kvmapi/on.h"

/* A variable of each type keeps the whole type in BTF. */
#define KEEP(line_, which_, type_) type_ CAT(CAT(which_, line_), _value);
#define KEEP_AT(which_, type_)	   KEEP(__LINE__, which_, type_)

#define IOCTL(name_, on_, scope_, dir_, payload_, ...) CAT(IOCTL_, on_)(payload_)
#define IOCTL_0(payload_)
#define IOCTL_1(payload_) payload_
#define VALUE
#define VALUE_AS(size_)
#define RUNPAGE				 KEEP_AT(run_, struct kvm_run)
#define FIXED(type_)			 KEEP_AT(row_, type_)
#define FIXED_AS(type_, size_)		 KEEP_AT(row_, type_)
#define COUNTED(type_, count_, element_) KEEP_AT(row_, type_) KEEP_AT(tail_, element_)
#define BLOB_CAP(type_, cap_)		 KEEP_AT(row_, type_)
#define BLOB_FIELD(type_, field_)	 KEEP_AT(row_, type_)
#define CREATES(...)
#define CREATES_IN(...)
#define NESTED(...)
#define MACHINE(...)
#define CAP(...)
#define DOC(...)
#include "kvmapi/kvm_ioctls.def"

#define ATTRIBUTE(on_, kind_, group_, attr_, type_) CAT(ATTRIBUTE_, on_)(type_)
#define ATTRIBUTE_ANY(on_, kind_, group_, type_)    CAT(ATTRIBUTE_, on_)(type_)
#define ATTRIBUTE_LENGTH(...)
#define ATTRIBUTE_0(type_)
#define ATTRIBUTE_1(type_) KEEP_AT(attribute_, type_)
#include "kvmapi/kvm_attrs.def"

/* Types that no row names: contents of shared pages, or behind a command. */
struct kvm_coalesced_mmio_ring coalesced_mmio_ring;
struct kvm_dirty_gfn dirty_gfn;
__u8 byte;
__u16 half;
__s64 signed_word;
#if defined(KVMAPI_ARCH_x86)
struct kvm_tdx_cmd tdx_cmd;
struct kvm_tdx_init_vm tdx_init_vm;
struct kvm_tdx_init_mem_region tdx_init_mem_region;
struct kvm_sev_init sev_init;
struct kvm_sev_launch_start sev_launch_start;
struct kvm_sev_launch_update_data sev_launch_update_data;
struct kvm_sev_snp_launch_start sev_snp_launch_start;
struct kvm_sev_snp_launch_update sev_snp_launch_update;
struct kvm_sev_snp_launch_finish sev_snp_launch_finish;
#endif
/* Types that ids of registers refer to. */
#if defined(KVMAPI_ARCH_arm64)
struct kvm_regs core_regs;
#endif
#if defined(KVMAPI_ARCH_riscv)
struct kvm_riscv_core riscv_core;
struct kvm_riscv_timer riscv_timer;
#endif
#if defined(KVMAPI_ARCH_s390)
struct kvm_hw_breakpoint hw_breakpoint;
struct kvm_s390_pv_sec_parm pv_sec_parm;
struct kvm_s390_pv_unp pv_unp;
struct kvm_s390_pv_dmp pv_dmp;
struct kvm_s390_pv_info pv_info;
#endif
