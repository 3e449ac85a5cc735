/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctls that KVM once had and that recent UAPI headers do not name any more. A VMM may still try
 * them (the answer is ENOTTY), and old kernels serve some, so the table keeps rows for them. A
 * request that <linux/kvm.h> still has takes precedence; kvm_newer.h renames its structs.
 */
#ifndef KVMAPI_KVM_GONE_H
#define KVMAPI_KVM_GONE_H

#include "kvmapi/kvm_newer.h"

/* Tracing by ioctl, up to Linux 2.6.29. */
struct kvm_user_trace_setup {
	__u32 buf_size;
	__u32 buf_nr;
};
#ifndef KVM_TRACE_ENABLE
#define KVM_TRACE_ENABLE  _IOW(KVMIO, 0x06, struct kvm_user_trace_setup)
#define KVM_TRACE_PAUSE	  _IO(KVMIO, 0x07)
#define KVM_TRACE_DISABLE _IO(KVMIO, 0x08)
#endif

/* Slots and aliases that the kernel allocated itself. */
struct kvm_memory_region {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
};
#ifndef KVM_SET_MEMORY_REGION
#define KVM_SET_MEMORY_REGION _IOW(KVMIO, 0x40, struct kvm_memory_region)
#endif

struct kvm_memory_alias {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 target_phys_addr;
};
#ifndef KVM_SET_MEMORY_ALIAS
#define KVM_SET_MEMORY_ALIAS _IOW(KVMIO, 0x43, struct kvm_memory_alias)
#endif

/* Before KVM_SET_GUEST_DEBUG. */
struct kvm_breakpoint {
	__u32 enabled;
	__u32 padding;
	__u64 address;
};
struct kvm_debug_guest {
	__u32 enabled;
	__u32 pad;
	struct kvm_breakpoint breakpoints[4];
	__u32 singlestep;
};
#ifndef KVM_DEBUG_GUEST
#define KVM_DEBUG_GUEST _IOW(KVMIO, 0x87, struct kvm_debug_guest)
#endif

/* Assignment of PCI devices without VFIO, up to Linux 4.11. */
struct kvm_assigned_pci_dev {
	__u32 assigned_dev_id;
	__u32 busnr;
	__u32 devfn;
	__u32 flags;
	__u32 segnr;
	__u32 reserved[11];
};
struct kvm_assigned_irq {
	__u32 assigned_dev_id;
	__u32 host_irq;
	__u32 guest_irq;
	__u32 flags;
	__u32 reserved[12];
};
struct kvm_assigned_msix_nr {
	__u32 assigned_dev_id;
	__u16 entry_nr;
	__u16 padding;
};
struct kvm_assigned_msix_entry {
	__u32 assigned_dev_id;
	__u32 gsi;
	__u16 entry;
	__u16 padding[3];
};
#ifndef KVM_ASSIGN_PCI_DEVICE
#define KVM_ASSIGN_PCI_DEVICE	  _IOR(KVMIO, 0x69, struct kvm_assigned_pci_dev)
#define KVM_ASSIGN_IRQ		  _IOR(KVMIO, 0x70, struct kvm_assigned_irq)
#define KVM_ASSIGN_DEV_IRQ	  _IOW(KVMIO, 0x70, struct kvm_assigned_irq)
#define KVM_DEASSIGN_PCI_DEVICE	  _IOW(KVMIO, 0x72, struct kvm_assigned_pci_dev)
#define KVM_ASSIGN_SET_MSIX_NR	  _IOW(KVMIO, 0x73, struct kvm_assigned_msix_nr)
#define KVM_ASSIGN_SET_MSIX_ENTRY _IOW(KVMIO, 0x74, struct kvm_assigned_msix_entry)
#define KVM_DEASSIGN_DEV_IRQ	  _IOW(KVMIO, 0x75, struct kvm_assigned_irq)
#define KVM_ASSIGN_SET_INTX_MASK  _IOW(KVMIO, 0xa4, struct kvm_assigned_pci_dev)
#endif

#endif
