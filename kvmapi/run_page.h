/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets of struct kvm_run up to the exit union, in bytes, for code that reads pages of any
 * machine. They are the same on every architecture (table.c checks them against the headers); only
 * the offset of the union differs: KVMAPI_RUN_UNION.
 */
#ifndef KVMAPI_RUN_PAGE_H
#define KVMAPI_RUN_PAGE_H

#include "kvmtape/kvmapi.h"

enum {
	/* Userspace writes these two, and the kernel reads them. */
	RUN_WINDOW = 0,	   /* request_interrupt_window, 1 byte */
	RUN_IMMEDIATE = 1, /* immediate_exit, 1 byte */
	RUN_PADDING = 2,   /* padding1, 6 bytes */
	RUN_EXIT_REASON = 8,
	RUN_READY = 12,	     /* ready_for_interrupt_injection, 1 byte */
	RUN_IF = 13,	     /* if_flag, 1 byte */
	RUN_FLAGS = 14,	     /* 2 bytes */
	RUN_CR8 = 16,	     /* 8 bytes; userspace writes it, too */
	RUN_APIC_BASE = 24,  /* 8 bytes; as cr8 */
	RUN_UNION_S390 = 48, /* behind psw_mask and psw_addr */
};

#endif
