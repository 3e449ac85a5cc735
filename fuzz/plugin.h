/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the coverage plugin inside QEMU (plugin.c) and the program outside (coverage.c) share: one
 * memory file, mapped by both.  The program outside fills in the first part before it sets `ready`;
 * blocks get numbers in the order in which QEMU first translates them, and keep them when QEMU is
 * started anew with the same file.
 */
#ifndef FUZZ_PLUGIN_H
#define FUZZ_PLUGIN_H

#include <stdint.h>

#define PLUGIN_MAGIC	0x4750564bu /* "KVPG" */
#define PLUGIN_VERSION	1u
#define PLUGIN_RANGES	16u
#define PLUGIN_BLOCKS	65536u /* most blocks of KVM that are known by number */
#define PLUGIN_MARKS	256u   /* mark 0 is "none" */
#define PLUGIN_MAP_SIZE (PLUGIN_BLOCKS / 8)

struct plugin_area {
	/* Written by the host side. */
	uint32_t magic, version;
	uint32_t ready; /* the rest of this part is filled in */
	uint32_t range_count;
	struct {
		uint64_t from, to;
	} ranges[PLUGIN_RANGES]; /* code of the modules */
	uint64_t task_switch;	 /* __switch_to_asm; 0: tasks are not told apart */
	uint64_t irq_enter;	 /* irq_enter_rcu; 0: interrupts count as what they interrupt */
	uint64_t irq_exit;	 /* irqentry_exit */
	uint64_t marks_at;	 /* marks: calls of address marks_at + n * mark_bytes */
	uint32_t mark_bytes, mark_count;
	/* Written by the plugin. */
	uint32_t loaded;	/* times that a QEMU has begun with this file */
	uint32_t blocks;	/* known so far */
	uint64_t blocks_lost;	/* that found no room */
	uint64_t translations;	/* of blocks of the modules */
	uint64_t switches;	/* of tasks, seen */
	uint64_t counted;	/* executions of blocks that counted */
	uint64_t other_tasks;	/* that did not, since no marked task ran */
	uint64_t in_interrupts; /* that did not, since an interrupt was being served */
	uint64_t block_at[PLUGIN_BLOCKS];
	/* By mark: a bit for each block.  Cleared from the outside. */
	uint8_t maps[PLUGIN_MARKS][PLUGIN_MAP_SIZE];
};

#endif
