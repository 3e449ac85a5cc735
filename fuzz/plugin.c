// SPDX-License-Identifier: BSD-2-Clause
/*
 * A plugin for QEMU's TCG that notes which blocks of the guest's KVM modules run, and in which
 * marked task.
 *
 * A task says that it plays something by calling one of the addresses of plugin_area.marks_at;
 * which task runs is seen where the kernel switches: __switch_to_asm loads the stack pointer from
 * the struct task_struct of the next one, so the address of that load tells tasks apart.  Blocks
 * that run in other tasks, or while an interrupt is served, do not count.
 *
 * The plugin API's header is not packaged; what is used of it (version 1, QEMU 4.2 to 8.x) is
 * declared here, after docs/devel/tcg-plugins.rst of QEMU.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/plugin.h"

/* --- QEMU's side ------------------------------------------------------------------------------ */

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum {
	CALLBACK_NO_REGISTERS = 0,
	MEMORY_ANY = 3, /* QEMU 7.2 does not call for reads alone */
};

#define EXPORT __attribute__((visibility("default")))

extern EXPORT int qemu_plugin_version;
int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
					   void (*call)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*call)(unsigned int cpu, void *context), int flags,
					  void *context);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
				      void (*call)(unsigned int cpu, uint32_t info,
						   uint64_t address, void *context),
				      int flags, int access, void *context);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

/* --- what runs -------------------------------------------------------------------------------- */

static struct plugin_area *area;

/* Which task has which mark; open addressing, 0 = free.  One CPU at a time runs (thread=single). */
#define TASKS 4096
static struct {
	uint64_t task;
	uint32_t mark;
} tasks[TASKS];
static uint64_t task_now;
static uint32_t mark_now;
static unsigned int irq_depth;

/* The place of a task, or a free one. */
static size_t task_find(uint64_t task)
{
	size_t at = (task >> 6) * 0x9e3779b97f4a7c15ull >> 52;
	size_t tries = 0;

	while (tasks[at].task && tasks[at].task != task && tries++ < TASKS)
		at = (at + 1) % TASKS;
	return at;
}

static void on_switch(unsigned int cpu, uint32_t info, uint64_t address, void *context)
{
	size_t at;

	(void)cpu;
	(void)info;
	(void)context;
	task_now = address;
	irq_depth = 0;
	at = task_find(address);
	mark_now = tasks[at].task == address ? tasks[at].mark : 0;
	area->switches++;
}

/* A task's entry stays when it has no mark any more: tasks are few, and the table is not. */
static void on_mark(unsigned int cpu, void *context)
{
	size_t at = task_find(task_now);

	(void)cpu;
	mark_now = (uintptr_t)context;
	tasks[at].task = task_now;
	tasks[at].mark = mark_now;
}

static void on_irq_enter(unsigned int cpu, void *context)
{
	(void)cpu;
	(void)context;
	irq_depth++;
}

static void on_irq_exit(unsigned int cpu, void *context)
{
	(void)cpu;
	(void)context;
	/* Exceptions end here, too, without having begun there. */
	if (irq_depth)
		irq_depth--;
}

static void on_block(unsigned int cpu, void *context)
{
	uintptr_t block = (uintptr_t)context;

	(void)cpu;
	if (!mark_now) {
		area->other_tasks++;
	} else if (irq_depth) {
		area->in_interrupts++;
	} else {
		area->maps[mark_now][block / 8] |= 1u << block % 8;
		area->counted++;
	}
}

/* --- what is translated ----------------------------------------------------------------------- */

/* Number plus 1 by address: open addressing over twice as many places. */
static uint32_t places[2 * PLUGIN_BLOCKS];

static size_t place_of(uint64_t address)
{
	size_t at = address * 0x9e3779b97f4a7c15ull >> 47;

	while (places[at] && area->block_at[places[at] - 1] != address)
		at = (at + 1) % (2 * PLUGIN_BLOCKS);
	return at;
}

/* The number of a block; PLUGIN_BLOCKS: there is no room. */
static uint32_t block_number(uint64_t address)
{
	size_t at = place_of(address);

	if (places[at])
		return places[at] - 1;
	if (area->blocks == PLUGIN_BLOCKS) {
		area->blocks_lost++;
		return PLUGIN_BLOCKS;
	}
	area->block_at[area->blocks] = address;
	places[at] = ++area->blocks;
	return places[at] - 1;
}

static bool is_inside(uint64_t address)
{
	for (uint32_t i = 0; i < area->range_count && i < PLUGIN_RANGES; i++) {
		if (address >= area->ranges[i].from && address < area->ranges[i].to)
			return true;
	}
	return false;
}

/* mov TASK_threadsp(%rsi), %rsp: of the next task. */
static bool loads_stack(const struct qemu_plugin_insn *insn)
{
	static const uint8_t code[] = {0x48, 0x8b, 0xa6};

	return qemu_plugin_insn_size(insn) == 7 &&
	       !memcmp(qemu_plugin_insn_data(insn), code, sizeof(code));
}

static void switch_watch(struct qemu_plugin_tb *tb)
{
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (loads_stack(insn))
			qemu_plugin_register_vcpu_mem_cb(insn, on_switch, CALLBACK_NO_REGISTERS,
							 MEMORY_ANY, NULL);
	}
}

static void on_translate(plugin_id id, struct qemu_plugin_tb *tb)
{
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	uint64_t mark = address - area->marks_at;
	uint32_t block;

	(void)id;
	if (!__atomic_load_n(&area->ready, __ATOMIC_ACQUIRE))
		return;
	if (is_inside(address)) {
		area->translations++;
		block = block_number(address);
		if (block < PLUGIN_BLOCKS)
			qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, CALLBACK_NO_REGISTERS,
							     (void *)(uintptr_t)block);
	} else if (address == area->task_switch) {
		switch_watch(tb);
	} else if (address == area->irq_enter) {
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_irq_enter, CALLBACK_NO_REGISTERS, NULL);
	} else if (address == area->irq_exit) {
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_irq_exit, CALLBACK_NO_REGISTERS, NULL);
	} else if (area->mark_bytes && mark < (uint64_t)area->mark_bytes * area->mark_count &&
		   mark % area->mark_bytes == 0 && mark / area->mark_bytes < PLUGIN_MARKS) {
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_mark, CALLBACK_NO_REGISTERS,
						     (void *)(uintptr_t)(mark / area->mark_bytes));
	}
}

/* --- beginning -------------------------------------------------------------------------------- */

/* argv: "area=FILE". */
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	const char *path = argc == 1 && !strncmp(argv[0], "area=", 5) ? argv[0] + 5 : NULL;
	struct stat st;
	int fd;

	(void)info;
	fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0 || fstat(fd, &st) || (size_t)st.st_size < sizeof(*area)) {
		fprintf(stderr, "coverage plugin: no memory file to share (area=FILE)\n");
		return -1;
	}
	area = mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (area == MAP_FAILED || area->magic != PLUGIN_MAGIC || area->version != PLUGIN_VERSION) {
		fprintf(stderr, "coverage plugin: the memory file is of another program\n");
		return -1;
	}
	for (uint32_t i = 0; i < area->blocks; i++)
		places[place_of(area->block_at[i])] = i + 1;
	area->loaded++;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	return 0;
}
