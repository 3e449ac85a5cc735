/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <linux/kvm.h> as of Linux 7.2, whatever header is installed: it adds what the table, the model
 * and the fuzzer need and the header of Linux 6.1 lacks. Include it instead of <linux/kvm.h>;
 * KVMAPI_ARCH_x86 and so on say for which architecture.
 *
 * Constants: those of the header are used if present; the numbers are ABI. Structs: the installed
 * one is renamed and the declaration here is always used, since no macro tells which members a
 * header's struct has. So the table and its BTF are the same with every header.
 * tests/unit/kvmapi_newer.c compares all of it with the newest header.
 */
#ifndef KVMAPI_KVM_NEWER_H
#define KVMAPI_KVM_NEWER_H

#if defined(__LINUX_KVM_H)
#error "include kvmapi/kvm_newer.h instead of <linux/kvm.h>, not behind it"
#endif

/* All architectures. */
#define kvm_create_guest_memfd	     kvm_create_guest_memfd_of_header
#define kvm_exit_snp_req_certs	     kvm_exit_snp_req_certs_of_header
#define kvm_memory_attributes	     kvm_memory_attributes_of_header
#define kvm_pre_fault_memory	     kvm_pre_fault_memory_of_header
#define kvm_run			     kvm_run_of_header
#define kvm_userspace_memory_region2 kvm_userspace_memory_region2_of_header
/* x86 */
#define kvm_lapic_state		     kvm_lapic_state_of_header
#define kvm_sev_attestation_report   kvm_sev_attestation_report_of_header
#define kvm_sev_cmd		     kvm_sev_cmd_of_header
#define kvm_sev_init		     kvm_sev_init_of_header
#define kvm_sev_launch_start	     kvm_sev_launch_start_of_header
#define kvm_sev_launch_update_data   kvm_sev_launch_update_data_of_header
#define kvm_sev_snp_launch_finish    kvm_sev_snp_launch_finish_of_header
#define kvm_sev_snp_launch_start     kvm_sev_snp_launch_start_of_header
#define kvm_sev_snp_launch_update    kvm_sev_snp_launch_update_of_header
#define kvm_svm_nested_state_hdr     kvm_svm_nested_state_hdr_of_header
#define kvm_nested_state	     kvm_nested_state_of_header
#define kvm_tdx_cmd		     kvm_tdx_cmd_of_header
#define kvm_tdx_init_mem_region	     kvm_tdx_init_mem_region_of_header
#define kvm_tdx_init_vm		     kvm_tdx_init_vm_of_header
#define kvm_xen_hvm_attr	     kvm_xen_hvm_attr_of_header
#define kvm_xen_vcpu_attr	     kvm_xen_vcpu_attr_of_header
/* arm64 */
#define kvm_arm_counter_offset	     kvm_arm_counter_offset_of_header
#define kvm_smccc_filter	     kvm_smccc_filter_of_header
#define reg_mask_range		     reg_mask_range_of_header
/* s390 */
#define kvm_s390_keyop		     kvm_s390_keyop_of_header
#define kvm_s390_mem_op		     kvm_s390_mem_op_of_header
#define kvm_s390_vm_cpu_subfunc	     kvm_s390_vm_cpu_subfunc_of_header
#define kvm_s390_vm_cpu_uv_feat	     kvm_s390_vm_cpu_uv_feat_of_header
/* of kvm_gone.h */
#define kvm_assigned_irq	     kvm_assigned_irq_of_header
#define kvm_assigned_msix_entry	     kvm_assigned_msix_entry_of_header
#define kvm_assigned_msix_nr	     kvm_assigned_msix_nr_of_header
#define kvm_assigned_pci_dev	     kvm_assigned_pci_dev_of_header
#define kvm_breakpoint		     kvm_breakpoint_of_header
#define kvm_debug_guest		     kvm_debug_guest_of_header
#define kvm_memory_alias	     kvm_memory_alias_of_header
#define kvm_memory_region	     kvm_memory_region_of_header
#define kvm_user_trace_setup	     kvm_user_trace_setup_of_header

/* An array at the end of a struct is a plain one, as it was up to Linux 6.0. */
#include <linux/stddef.h>
#undef __DECLARE_FLEX_ARRAY
#define __DECLARE_FLEX_ARRAY(type_, name_) type_ name_[0]

#include <linux/kvm.h>

#undef kvm_create_guest_memfd
#undef kvm_exit_snp_req_certs
#undef kvm_memory_attributes
#undef kvm_pre_fault_memory
#undef kvm_run
#undef kvm_userspace_memory_region2
#undef kvm_lapic_state
#undef kvm_sev_attestation_report
#undef kvm_sev_cmd
#undef kvm_sev_init
#undef kvm_sev_launch_start
#undef kvm_sev_launch_update_data
#undef kvm_sev_snp_launch_finish
#undef kvm_sev_snp_launch_start
#undef kvm_sev_snp_launch_update
#undef kvm_svm_nested_state_hdr
#undef kvm_nested_state
#undef kvm_tdx_cmd
#undef kvm_tdx_init_mem_region
#undef kvm_tdx_init_vm
#undef kvm_xen_hvm_attr
#undef kvm_xen_vcpu_attr
#undef kvm_arm_counter_offset
#undef kvm_smccc_filter
#undef reg_mask_range
#undef kvm_s390_keyop
#undef kvm_s390_mem_op
#undef kvm_s390_vm_cpu_subfunc
#undef kvm_s390_vm_cpu_uv_feat
#undef kvm_assigned_irq
#undef kvm_assigned_msix_entry
#undef kvm_assigned_msix_nr
#undef kvm_assigned_pci_dev
#undef kvm_breakpoint
#undef kvm_debug_guest
#undef kvm_memory_alias
#undef kvm_memory_region
#undef kvm_user_trace_setup

/* --- capabilities: gen_caps.py reads these, too --- */

#ifndef KVM_CAP_S390_PROTECTED_ASYNC_DISABLE
#define KVM_CAP_S390_PROTECTED_ASYNC_DISABLE 224
#endif
#ifndef KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP
#define KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP 225
#endif
#ifndef KVM_CAP_PMU_EVENT_MASKED_EVENTS
#define KVM_CAP_PMU_EVENT_MASKED_EVENTS 226
#endif
#ifndef KVM_CAP_COUNTER_OFFSET
#define KVM_CAP_COUNTER_OFFSET 227
#endif
#ifndef KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE
#define KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE 228
#endif
#ifndef KVM_CAP_ARM_SUPPORTED_BLOCK_SIZES
#define KVM_CAP_ARM_SUPPORTED_BLOCK_SIZES 229
#endif
#ifndef KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES
#define KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES 230
#endif
#ifndef KVM_CAP_USER_MEMORY2
#define KVM_CAP_USER_MEMORY2 231
#endif
#ifndef KVM_CAP_MEMORY_FAULT_INFO
#define KVM_CAP_MEMORY_FAULT_INFO 232
#endif
#ifndef KVM_CAP_MEMORY_ATTRIBUTES
#define KVM_CAP_MEMORY_ATTRIBUTES 233
#endif
#ifndef KVM_CAP_GUEST_MEMFD
#define KVM_CAP_GUEST_MEMFD 234
#endif
#ifndef KVM_CAP_VM_TYPES
#define KVM_CAP_VM_TYPES 235
#endif
#ifndef KVM_CAP_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY 236
#endif
#ifndef KVM_CAP_X86_APIC_BUS_CYCLES_NS
#define KVM_CAP_X86_APIC_BUS_CYCLES_NS 237
#endif
#ifndef KVM_CAP_X86_GUEST_MODE
#define KVM_CAP_X86_GUEST_MODE 238
#endif
#ifndef KVM_CAP_ARM_WRITABLE_IMP_ID_REGS
#define KVM_CAP_ARM_WRITABLE_IMP_ID_REGS 239
#endif
#ifndef KVM_CAP_ARM_EL2
#define KVM_CAP_ARM_EL2 240
#endif
#ifndef KVM_CAP_ARM_EL2_E2H0
#define KVM_CAP_ARM_EL2_E2H0 241
#endif
#ifndef KVM_CAP_RISCV_MP_STATE_RESET
#define KVM_CAP_RISCV_MP_STATE_RESET 242
#endif
#ifndef KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED
#define KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED 243
#endif
#ifndef KVM_CAP_GUEST_MEMFD_FLAGS
#define KVM_CAP_GUEST_MEMFD_FLAGS 244
#endif
#ifndef KVM_CAP_ARM_SEA_TO_USER
#define KVM_CAP_ARM_SEA_TO_USER 245
#endif
#ifndef KVM_CAP_S390_USER_OPEREXEC
#define KVM_CAP_S390_USER_OPEREXEC 246
#endif
#ifndef KVM_CAP_S390_KEYOP
#define KVM_CAP_S390_KEYOP 247
#endif
#ifndef KVM_CAP_S390_VSIE_ESAMODE
#define KVM_CAP_S390_VSIE_ESAMODE 248
#endif
#ifndef KVM_CAP_S390_HPAGE_2G
#define KVM_CAP_S390_HPAGE_2G 249
#endif

/* --- the shared page --- */

struct kvm_exit_snp_req_certs {
	__u64 gpa;
	__u64 npages;
	__u64 ret;
};

struct kvm_run {
	__u8 request_interrupt_window;
	__u8 immediate_exit;
	__u8 padding1[6];

	__u32 exit_reason;
	__u8 ready_for_interrupt_injection;
	__u8 if_flag;
	__u16 flags;

	__u64 cr8;
	__u64 apic_base;
#ifdef __KVM_S390
	__u64 psw_mask;
	__u64 psw_addr;
#endif
	union {
		struct {
			__u64 hardware_exit_reason;
		} hw;
		struct {
			__u64 hardware_entry_failure_reason;
			__u32 cpu;
		} fail_entry;
		struct {
			__u32 exception;
			__u32 error_code;
		} ex;
		struct {
			__u8 direction;
			__u8 size;
			__u16 port;
			__u32 count;
			__u64 data_offset;
		} io;
		struct {
			struct kvm_debug_exit_arch arch;
		} debug;
		struct {
			__u64 phys_addr;
			__u8 data[8];
			__u32 len;
			__u8 is_write;
		} mmio;
		struct {
			__u64 phys_addr;
			__u8 data[8];
			__u32 len;
			__u8 is_write;
		} iocsr_io; /* Linux 6.6 */
		struct {
			__u64 nr;
			__u64 args[6];
			__u64 ret;
			union {
				__u32 longmode;
				__u64 flags; /* Linux 6.4 */
			};
		} hypercall;
		struct {
			__u64 rip;
			__u32 is_write;
			__u32 pad;
		} tpr_access;
		struct {
			__u8 icptcode;
			__u16 ipa;
			__u32 ipb;
		} s390_sieic;
		__u64 s390_reset_flags;
		struct {
			__u64 trans_exc_code;
			__u32 pgm_code;
		} s390_ucontrol;
		struct {
			__u32 dcrn;
			__u32 data;
			__u8 is_write;
		} dcr;
		struct {
			__u32 suberror;
			__u32 ndata;
			__u64 data[16];
		} internal;
		struct {
			__u32 suberror;
			__u32 ndata;
			__u64 flags;
			union {
				struct {
					__u8 insn_size;
					__u8 insn_bytes[15];
				};
			};
		} emulation_failure;
		struct {
			__u64 gprs[32];
		} osi;
		struct {
			__u64 nr;
			__u64 ret;
			__u64 args[9];
		} papr_hcall;
		struct {
			__u16 subchannel_id;
			__u16 subchannel_nr;
			__u32 io_int_parm;
			__u32 io_int_word;
			__u32 ipb;
			__u8 dequeued;
		} s390_tsch;
		struct {
			__u32 epr;
		} epr;
		struct {
			__u32 type;
			__u32 ndata;
			union {
				__u64 flags;
				__u64 data[16];
			};
		} system_event;
		struct {
			__u64 addr;
			__u8 ar;
			__u8 reserved;
			__u8 fc;
			__u8 sel1;
			__u16 sel2;
		} s390_stsi;
		struct {
			__u8 vector;
		} eoi;
		struct kvm_hyperv_exit hyperv;
		struct {
			__u64 esr_iss;
			__u64 fault_ipa;
		} arm_nisv;
		struct {
			__u8 error;
			__u8 pad[7];
			__u32 reason;
			__u32 index;
			__u64 data;
		} msr;
		struct kvm_xen_exit xen;
		struct {
			unsigned long extension_id;
			unsigned long function_id;
			unsigned long args[6];
			unsigned long ret[2];
		} riscv_sbi;
		struct {
			unsigned long csr_num;
			unsigned long new_value;
			unsigned long write_mask;
			unsigned long ret_value;
		} riscv_csr;
		struct {
			__u32 flags;
		} notify;
		struct {
			__u64 flags;
			__u64 gpa;
			__u64 size;
		} memory_fault; /* Linux 6.8 */
		struct {
			__u64 flags;
			__u64 nr;
			union {
				struct {
					__u64 ret;
					__u64 data[5];
				} unknown;
				struct {
					__u64 ret;
					__u64 gpa;
					__u64 size;
				} get_quote;
				struct {
					__u64 ret;
					__u64 leaf;
					__u64 r11, r12, r13, r14;
				} get_tdvmcall_info;
				struct {
					__u64 ret;
					__u64 vector;
				} setup_event_notify;
			};
		} tdx; /* Linux 6.16 */
		struct {
			__u64 flags;
			__u64 esr;
			__u64 gva;
			__u64 gpa;
		} arm_sea;				     /* Linux 6.19 */
		struct kvm_exit_snp_req_certs snp_req_certs; /* Linux 7.0 */
		char padding[256];
	};

	__u64 kvm_valid_regs;
	__u64 kvm_dirty_regs;
	union {
		struct kvm_sync_regs regs;
		char padding[SYNC_REGS_SIZE_BYTES];
	} s;
};

#ifndef KVM_EXIT_LOONGARCH_IOCSR
#define KVM_EXIT_LOONGARCH_IOCSR 38
#endif
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif
#ifndef KVM_EXIT_TDX
#define KVM_EXIT_TDX 40
#endif
#ifndef KVM_EXIT_ARM_SEA
#define KVM_EXIT_ARM_SEA 41
#endif
#ifndef KVM_EXIT_ARM_LDST64B
#define KVM_EXIT_ARM_LDST64B 42
#endif
#ifndef KVM_EXIT_SNP_REQ_CERTS
#define KVM_EXIT_SNP_REQ_CERTS 43
#endif
#ifndef KVM_SYSTEM_EVENT_TDX_FATAL
#define KVM_SYSTEM_EVENT_TDX_FATAL 7
#endif
#ifndef KVM_MEMORY_EXIT_FLAG_PRIVATE
#define KVM_MEMORY_EXIT_FLAG_PRIVATE (1ULL << 3)
#endif
#ifndef KVM_EXIT_ARM_SEA_FLAG_GPA_VALID
#define KVM_EXIT_ARM_SEA_FLAG_GPA_VALID (1ULL << 0)
#endif

/* --- memory --- */

struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};

struct kvm_memory_attributes {
	__u64 address;
	__u64 size;
	__u64 attributes;
	__u64 flags;
};

struct kvm_create_guest_memfd {
	__u64 size;
	__u64 flags;
	__u64 reserved[6];
};

struct kvm_pre_fault_memory {
	__u64 gpa;
	__u64 size;
	__u64 flags;
	__u64 padding[5];
};

#ifndef KVM_SET_USER_MEMORY_REGION2
#define KVM_SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif
#ifndef KVM_SET_MEMORY_ATTRIBUTES
#define KVM_SET_MEMORY_ATTRIBUTES _IOW(KVMIO, 0xd2, struct kvm_memory_attributes)
#endif
#ifndef KVM_CREATE_GUEST_MEMFD
#define KVM_CREATE_GUEST_MEMFD _IOWR(KVMIO, 0xd4, struct kvm_create_guest_memfd)
#endif
#ifndef KVM_PRE_FAULT_MEMORY
#define KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif
#ifndef KVM_MEM_GUEST_MEMFD
#define KVM_MEM_GUEST_MEMFD (1UL << 2)
#endif
#ifndef KVM_MEMORY_ATTRIBUTE_PRIVATE
#define KVM_MEMORY_ATTRIBUTE_PRIVATE (1ULL << 3)
#endif
#ifndef GUEST_MEMFD_FLAG_MMAP
#define GUEST_MEMFD_FLAG_MMAP (1ULL << 0)
#endif
#ifndef GUEST_MEMFD_FLAG_INIT_SHARED
#define GUEST_MEMFD_FLAG_INIT_SHARED (1ULL << 1)
#endif

/* --- devices --- */

#ifndef KVM_DEV_TYPE_RISCV_AIA
#define KVM_DEV_TYPE_RISCV_AIA 11
#endif
#ifndef KVM_DEV_TYPE_LOONGARCH_IPI
#define KVM_DEV_TYPE_LOONGARCH_IPI 12
#endif
#ifndef KVM_DEV_TYPE_LOONGARCH_EIOINTC
#define KVM_DEV_TYPE_LOONGARCH_EIOINTC 13
#endif
#ifndef KVM_DEV_TYPE_LOONGARCH_PCHPIC
#define KVM_DEV_TYPE_LOONGARCH_PCHPIC 14
#endif
#ifndef KVM_DEV_TYPE_LOONGARCH_DMSINTC
#define KVM_DEV_TYPE_LOONGARCH_DMSINTC 15
#endif
#ifndef KVM_DEV_TYPE_ARM_VGIC_V5
#define KVM_DEV_TYPE_ARM_VGIC_V5 16
#endif
#ifndef KVM_DEV_VFIO_FILE
#define KVM_DEV_VFIO_FILE 1
#endif
#ifndef KVM_DEV_VFIO_FILE_ADD
#define KVM_DEV_VFIO_FILE_ADD 1
#endif
#ifndef KVM_DEV_VFIO_FILE_DEL
#define KVM_DEV_VFIO_FILE_DEL 2
#endif

#if defined(KVMAPI_ARCH_x86)

/* --- x86 --- */

/* A local APIC by its registers, each in 16 bytes of its own.  Names of the SDM, in short. */
#define KVMAPI_APIC(name_) \
	__u32 name_;       \
	__u8 gap_##name_[12];
struct kvm_lapic_state {
	union {
		char regs[KVM_APIC_REG_SIZE];
		struct {
			__u8 gap_000[0x20];
			KVMAPI_APIC(id)
			KVMAPI_APIC(version)
			__u8 gap_040[0x40];
			KVMAPI_APIC(tpr)
			KVMAPI_APIC(apr)
			KVMAPI_APIC(ppr)
			KVMAPI_APIC(eoi)
			KVMAPI_APIC(rrd)
			KVMAPI_APIC(ldr)
			KVMAPI_APIC(dfr)
			KVMAPI_APIC(svr)
			KVMAPI_APIC(isr0)
			KVMAPI_APIC(isr1)
			KVMAPI_APIC(isr2)
			KVMAPI_APIC(isr3)
			KVMAPI_APIC(isr4)
			KVMAPI_APIC(isr5)
			KVMAPI_APIC(isr6)
			KVMAPI_APIC(isr7)
			KVMAPI_APIC(tmr0)
			KVMAPI_APIC(tmr1)
			KVMAPI_APIC(tmr2)
			KVMAPI_APIC(tmr3)
			KVMAPI_APIC(tmr4)
			KVMAPI_APIC(tmr5)
			KVMAPI_APIC(tmr6)
			KVMAPI_APIC(tmr7)
			KVMAPI_APIC(irr0)
			KVMAPI_APIC(irr1)
			KVMAPI_APIC(irr2)
			KVMAPI_APIC(irr3)
			KVMAPI_APIC(irr4)
			KVMAPI_APIC(irr5)
			KVMAPI_APIC(irr6)
			KVMAPI_APIC(irr7)
			KVMAPI_APIC(esr)
			__u8 gap_290[0x60];
			KVMAPI_APIC(lvt_cmci)
			KVMAPI_APIC(icr)
			KVMAPI_APIC(icr2)
			KVMAPI_APIC(lvt_timer)
			KVMAPI_APIC(lvt_thermal)
			KVMAPI_APIC(lvt_pmc)
			KVMAPI_APIC(lvt_lint0)
			KVMAPI_APIC(lvt_lint1)
			KVMAPI_APIC(lvt_error)
			KVMAPI_APIC(timer_initial)
			KVMAPI_APIC(timer_current)
			__u8 gap_3a0[0x40];
			KVMAPI_APIC(timer_divide)
			__u8 gap_3f0[0x10];
		};
	};
};
#undef KVMAPI_APIC

struct kvm_svm_nested_state_hdr {
	__u64 vmcb_pa;
	__u64 gpat; /* Linux 7.2 */
};

struct kvm_nested_state {
	__u16 flags;
	__u16 format;
	__u32 size;
	union {
		struct kvm_vmx_nested_state_hdr vmx;
		struct kvm_svm_nested_state_hdr svm;
		__u8 pad[120];
	} hdr;
	union {
		struct kvm_vmx_nested_state_data vmx[0];
		struct kvm_svm_nested_state_data svm[0];
	} data;
};

struct kvm_xen_hvm_attr {
	__u16 type;
	__u16 pad[3];
	union {
		__u8 long_mode;
		__u8 vector;
		__u8 runstate_update_flag; /* Linux 6.3 */
		union {
			__u64 gfn;
			__u64 hva; /* Linux 6.9 */
		} shared_info;
		struct {
			__u32 send_port;
			__u32 type;
			__u32 flags;
			union {
				struct {
					__u32 port;
					__u32 vcpu;
					__u32 priority;
				} port;
				struct {
					__u32 port;
					__s32 fd;
				} eventfd;
				__u32 padding[4];
			} deliver;
		} evtchn;
		__u32 xen_version;
		__u64 pad[8];
	} u;
};

struct kvm_xen_vcpu_attr {
	__u16 type;
	__u16 pad[3];
	union {
		__u64 gpa;
		__u64 hva; /* Linux 6.9 */
		__u64 pad[8];
		struct {
			__u64 state;
			__u64 state_entry_time;
			__u64 time_running;
			__u64 time_runnable;
			__u64 time_blocked;
			__u64 time_offline;
		} runstate;
		__u32 vcpu_id;
		struct {
			__u32 port;
			__u32 priority;
			__u64 expires_ns;
		} timer;
		__u8 vector;
	} u;
};

/* The padding has names since Linux 6.10. */
struct kvm_sev_cmd {
	__u32 id;
	__u32 pad0;
	__u64 data;
	__u32 error;
	__u32 sev_fd;
};

struct kvm_sev_init {
	__u64 vmsa_features;
	__u32 flags;
	__u16 ghcb_version;
	__u16 pad1;
	__u32 pad2[8];
};

struct kvm_sev_launch_start {
	__u32 handle;
	__u32 policy;
	__u64 dh_uaddr;
	__u32 dh_len;
	__u32 pad0;
	__u64 session_uaddr;
	__u32 session_len;
	__u32 pad1;
};

struct kvm_sev_launch_update_data {
	__u64 uaddr;
	__u32 len;
	__u32 pad0;
};

struct kvm_sev_attestation_report {
	__u8 mnonce[16];
	__u64 uaddr;
	__u32 len;
	__u32 pad0;
};

struct kvm_sev_snp_launch_start {
	__u64 policy;
	__u8 gosvw[16];
	__u16 flags;
	__u8 pad0[6];
	__u64 pad1[4];
};

struct kvm_sev_snp_launch_update {
	__u64 gfn_start;
	__u64 uaddr;
	__u64 len;
	__u8 type;
	__u8 pad0;
	__u16 flags;
	__u32 pad1;
	__u64 pad2[4];
};

#define KVM_SEV_SNP_FINISH_DATA_SIZE 32
struct kvm_sev_snp_launch_finish {
	__u64 id_block_uaddr;
	__u64 id_auth_uaddr;
	__u8 id_block_en;
	__u8 auth_key_en;
	__u8 vcek_disabled;
	__u8 host_data[KVM_SEV_SNP_FINISH_DATA_SIZE];
	__u8 pad0[3];
	__u16 flags;
	__u64 pad1[4];
};

struct kvm_tdx_cmd {
	__u32 id;
	__u32 flags;
	__u64 data;
	__u64 hw_error;
};

struct kvm_tdx_init_vm {
	__u64 attributes;
	__u64 xfam;
	__u64 mrconfigid[6];
	__u64 mrowner[6];
	__u64 mrownerconfig[6];
	__u64 reserved[12];
	struct kvm_cpuid2 cpuid;
};

struct kvm_tdx_init_mem_region {
	__u64 source_addr;
	__u64 gpa;
	__u64 nr_pages;
};

#ifndef KVM_RUN_X86_GUEST_MODE
#define KVM_RUN_X86_GUEST_MODE (1 << 2)
#endif
#ifndef KVM_EXIT_HYPERCALL_LONG_MODE
#define KVM_EXIT_HYPERCALL_LONG_MODE (1ULL << 0)
#endif
#ifndef KVM_X86_GRP_SYSTEM
#define KVM_X86_GRP_SYSTEM 0
#endif
#ifndef KVM_X86_GRP_SEV
#define KVM_X86_GRP_SEV 1
#endif
#ifndef KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG
#define KVM_XEN_HVM_CONFIG_RUNSTATE_UPDATE_FLAG (1 << 6)
#endif
#ifndef KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE
#define KVM_XEN_HVM_CONFIG_PVCLOCK_TSC_UNSTABLE (1 << 7)
#endif
#ifndef KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA
#define KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA (1 << 8)
#endif
#ifndef KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG
#define KVM_XEN_ATTR_TYPE_RUNSTATE_UPDATE_FLAG 0x5
#endif
#ifndef KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA
#define KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA 0x6
#endif
#ifndef KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA
#define KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO_HVA 0x9
#endif
#ifndef KVM_XEN_INVALID_GFN
#define KVM_XEN_INVALID_GFN ((__u64)-1)
#endif
#ifndef KVM_XEN_INVALID_GPA
#define KVM_XEN_INVALID_GPA ((__u64)-1)
#endif
#ifndef KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST
#define KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST (1ULL << 2)
#endif
#ifndef KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST
#define KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST (1ULL << 3)
#endif
#ifndef KVM_PMU_EVENT_FLAG_MASKED_EVENTS
#define KVM_PMU_EVENT_FLAG_MASKED_EVENTS (1UL << 0)
#endif
/* Enumerators where the header has them. */
#ifndef KVM_SEV_INIT2
#define KVM_SEV_INIT2 22
#endif
#ifndef KVM_SEV_SNP_LAUNCH_START
#define KVM_SEV_SNP_LAUNCH_START 100
#endif
#ifndef KVM_SEV_SNP_LAUNCH_UPDATE
#define KVM_SEV_SNP_LAUNCH_UPDATE 101
#endif
#ifndef KVM_SEV_SNP_LAUNCH_FINISH
#define KVM_SEV_SNP_LAUNCH_FINISH 102
#endif

#endif

#if defined(KVMAPI_ARCH_arm64)

/* --- arm64 --- */

struct kvm_arm_counter_offset {
	__u64 counter_offset;
	__u64 reserved;
};

struct reg_mask_range {
	__u64 addr;
	__u32 range;
	__u32 reserved[13];
};

struct kvm_smccc_filter {
	__u32 base;
	__u32 nr_functions;
	__u8 action;
	__u8 pad[15];
};

#ifndef KVM_ARM_SET_COUNTER_OFFSET
#define KVM_ARM_SET_COUNTER_OFFSET _IOW(KVMIO, 0xb5, struct kvm_arm_counter_offset)
#endif
#ifndef KVM_ARM_GET_REG_WRITABLE_MASKS
#define KVM_ARM_GET_REG_WRITABLE_MASKS _IOR(KVMIO, 0xb6, struct reg_mask_range)
#endif
#ifndef KVM_ARM_VM_SMCCC_CTRL
#define KVM_ARM_VM_SMCCC_CTRL 0
#endif
#ifndef KVM_ARM_VM_SMCCC_FILTER
#define KVM_ARM_VM_SMCCC_FILTER 0
#endif
#ifndef KVM_ARM_VCPU_HAS_EL2
#define KVM_ARM_VCPU_HAS_EL2 7
#endif
#ifndef KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ
#define KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ 9
#endif
#ifndef KVM_ARM_VCPU_PMU_V3_SET_NR_COUNTERS
#define KVM_ARM_VCPU_PMU_V3_SET_NR_COUNTERS 4
#endif

#endif

#if defined(KVMAPI_ARCH_s390)

/* --- s390 --- */

struct kvm_s390_keyop {
	__u64 guest_addr;
	__u8 key;
	__u8 operation;
	__u8 pad[6];
};

struct kvm_s390_mem_op {
	__u64 gaddr;
	__u64 flags;
	__u32 size;
	__u32 op;
	__u64 buf;
	union {
		struct {
			__u8 ar;
			__u8 key;
			__u8 pad1[6];
			__u64 old_addr; /* Linux 6.4 */
		};
		__u32 sida_offset;
		__u8 reserved[32];
	};
};

struct kvm_s390_vm_cpu_subfunc {
	__u8 plo[32];
	__u8 ptff[16];
	__u8 kmac[16];
	__u8 kmc[16];
	__u8 km[16];
	__u8 kimd[16];
	__u8 klmd[16];
	__u8 pckmo[16];
	__u8 kmctr[16];
	__u8 kmf[16];
	__u8 kmo[16];
	__u8 pcc[16];
	__u8 ppno[16];
	__u8 kma[16];
	__u8 kdsa[16];
	__u8 sortl[32];
	__u8 dfltcc[32];
	__u8 pfcr[16]; /* Linux 6.13 */
	__u8 reserved[1712];
};

struct kvm_s390_vm_cpu_uv_feat {
	union {
		struct {
			__u64 : 4;
			__u64 ap : 1;
			__u64 ap_intr : 1;
			__u64 : 58;
		};
		__u64 feat;
	};
};

#ifndef KVM_S390_KEYOP
#define KVM_S390_KEYOP _IOWR(KVMIO, 0x53, struct kvm_s390_keyop)
#endif
#ifndef KVM_S390_KEYOP_ISKE
#define KVM_S390_KEYOP_ISKE 0x01
#endif
#ifndef KVM_S390_KEYOP_RRBE
#define KVM_S390_KEYOP_RRBE 0x02
#endif
#ifndef KVM_S390_KEYOP_SSKE
#define KVM_S390_KEYOP_SSKE 0x03
#endif
#ifndef KVM_S390_MEMOP_ABSOLUTE_CMPXCHG
#define KVM_S390_MEMOP_ABSOLUTE_CMPXCHG 6
#endif
#ifndef KVM_S390_VM_CPU_PROCESSOR_UV_FEAT_GUEST
#define KVM_S390_VM_CPU_PROCESSOR_UV_FEAT_GUEST 6
#endif
#ifndef KVM_S390_VM_CPU_MACHINE_UV_FEAT_GUEST
#define KVM_S390_VM_CPU_MACHINE_UV_FEAT_GUEST 7
#endif
/* Enumerators where the header has them. */
#ifndef KVM_PV_ASYNC_CLEANUP_PREPARE
#define KVM_PV_ASYNC_CLEANUP_PREPARE 9
#endif
#ifndef KVM_PV_ASYNC_CLEANUP_PERFORM
#define KVM_PV_ASYNC_CLEANUP_PERFORM 10
#endif

#endif

#if defined(KVMAPI_ARCH_riscv)

/* --- riscv --- */

#ifndef KVM_CAP_SET_GUEST_DEBUG
#define KVM_CAP_SET_GUEST_DEBUG 23 /* of all architectures since Linux 6.15 */
#endif
#ifndef KVM_REG_RISCV_SBI_EXT
#define KVM_REG_RISCV_SBI_EXT (0x08 << KVM_REG_RISCV_TYPE_SHIFT)
#endif
#ifndef KVM_REG_RISCV_VECTOR
#define KVM_REG_RISCV_VECTOR (0x09 << KVM_REG_RISCV_TYPE_SHIFT)
#endif
#ifndef KVM_REG_RISCV_SBI_STATE
#define KVM_REG_RISCV_SBI_STATE (0x0a << KVM_REG_RISCV_TYPE_SHIFT)
#endif
#ifndef KVM_DEV_RISCV_AIA_GRP_CONFIG
#define KVM_DEV_RISCV_AIA_GRP_CONFIG 0
#endif
#ifndef KVM_DEV_RISCV_AIA_GRP_ADDR
#define KVM_DEV_RISCV_AIA_GRP_ADDR 1
#endif
#ifndef KVM_DEV_RISCV_AIA_GRP_CTRL
#define KVM_DEV_RISCV_AIA_GRP_CTRL 2
#endif
#ifndef KVM_DEV_RISCV_AIA_GRP_APLIC
#define KVM_DEV_RISCV_AIA_GRP_APLIC 3
#endif
#ifndef KVM_DEV_RISCV_AIA_GRP_IMSIC
#define KVM_DEV_RISCV_AIA_GRP_IMSIC 4
#endif

#endif

#endif
