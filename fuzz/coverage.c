// SPDX-License-Identifier: BSD-2-Clause
/* The host side of the coverage plugin: addresses of modules, blocks that ran, and their names. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/hash.h"
#include "fuzz/coverage_internal.h"
#include "replayer/live/player/player.h"

#define MODULES_MAX  4
#define SECTIONS_MAX 8
#define NAME_MAX_    128

_Static_assert(PLAYER_MARKS == PLUGIN_MARKS, "marks");

struct section {
	char name[32];
	uint64_t from;
};

struct module {
	char name[32];
	size_t section_count;
	struct section sections[SECTIONS_MAX]; /* by address */
	uint64_t from, to;
};

struct symbol {
	uint64_t address;
	uint8_t module;
	char name[NAME_MAX_];
};

struct fuzz_coverage {
	struct plugin_area *area;
	int area_fd, plugin_fd;
	char argument[96];
	size_t module_count;
	struct module modules[MODULES_MAX];
	struct symbol *symbols; /* by address */
	size_t symbol_count, symbol_room;
	uint8_t seen[PLUGIN_MAP_SIZE];
	uint8_t noise[PLUGIN_MAP_SIZE];
	size_t covered;
};

extern const uint8_t fuzz_plugin[], fuzz_plugin_end[];

/* --- making ----------------------------------------------------------------------------------- */

static int plugin_unpack(struct fuzz_coverage *c)
{
	const uint8_t *at = fuzz_plugin;

	c->plugin_fd = memfd_create("kvmtape-plugin", MFD_CLOEXEC);
	if (c->plugin_fd < 0)
		return -errno;
	while (at < fuzz_plugin_end) {
		ssize_t n = write(c->plugin_fd, at, fuzz_plugin_end - at);

		if (n < 0)
			return -errno;
		at += n;
	}
	return 0;
}

int fuzz_coverage_new(struct fuzz_coverage **result)
{
	struct fuzz_coverage *c = calloc(1, sizeof(*c));
	int rc;

	*result = NULL;
	if (!c)
		return -ENOMEM;
	c->area = MAP_FAILED;
	c->plugin_fd = -1;
	c->area_fd = memfd_create("kvmtape-coverage", MFD_CLOEXEC);
	rc = c->area_fd < 0 || ftruncate(c->area_fd, sizeof(*c->area)) ? -errno : 0;
	if (!rc) {
		c->area = mmap(NULL, sizeof(*c->area), PROT_READ | PROT_WRITE, MAP_SHARED,
			       c->area_fd, 0);
		rc = c->area == MAP_FAILED ? -errno : plugin_unpack(c);
	}
	if (rc) {
		fuzz_coverage_free(c);
		return rc;
	}
	c->area->magic = PLUGIN_MAGIC;
	c->area->version = PLUGIN_VERSION;
	snprintf(c->argument, sizeof(c->argument), "/proc/self/fd/%d,area=/proc/self/fd/%d",
		 c->plugin_fd, c->area_fd);
	*result = c;
	return 0;
}

void fuzz_coverage_free(struct fuzz_coverage *c)
{
	if (!c)
		return;
	if (c->area != MAP_FAILED)
		munmap(c->area, sizeof(*c->area));
	if (c->area_fd >= 0)
		close(c->area_fd);
	if (c->plugin_fd >= 0)
		close(c->plugin_fd);
	free(c->symbols);
	free(c);
}

const char *fuzz_coverage_plugin(const struct fuzz_coverage *c, int *fds)
{
	fds[0] = c->plugin_fd;
	fds[1] = c->area_fd;
	fds[2] = -1;
	return c->argument;
}

/* --- where things are ------------------------------------------------------------------------- */

static struct module *module_of(struct fuzz_coverage *c, const char *name)
{
	for (size_t i = 0; i < c->module_count; i++) {
		if (!strcmp(c->modules[i].name, name))
			return &c->modules[i];
	}
	if (c->module_count == MODULES_MAX)
		return NULL;
	snprintf(c->modules[c->module_count].name, sizeof(c->modules[0].name), "%.31s", name);
	return &c->modules[c->module_count++];
}

static int section_compare(const void *left, const void *right)
{
	const struct section *a = left, *b = right;

	return a->from < b->from ? -1 : a->from > b->from;
}

static int symbol_compare(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

static void section_add(struct fuzz_coverage *c, const char *module, const char *name,
			uint64_t from)
{
	struct module *m = module_of(c, module);

	if (!m || m->section_count == SECTIONS_MAX)
		return;
	snprintf(m->sections[m->section_count].name, sizeof(m->sections[0].name), "%.31s", name);
	m->sections[m->section_count++].from = from;
	if (!m->from || from < m->from)
		m->from = from;
}

static void core_symbol(struct fuzz_coverage *c, const char *name, uint64_t address)
{
	if (!strcmp(name, "__switch_to_asm"))
		c->area->task_switch = address;
	else if (!strcmp(name, "irq_enter_rcu"))
		c->area->irq_enter = address;
	else if (!strcmp(name, "irqentry_exit"))
		c->area->irq_exit = address;
}

static int symbol_add(struct fuzz_coverage *c, const char *module, const char *name,
		      uint64_t address)
{
	struct module *m = module_of(c, module);
	struct symbol *symbols;

	if (!m || address < m->from)
		return 0;
	if (array_grow(&c->symbols, &c->symbol_room, c->symbol_count))
		return -ENOMEM;
	symbols = &c->symbols[c->symbol_count++];
	symbols->address = address;
	symbols->module = m - c->modules;
	snprintf(symbols->name, sizeof(symbols->name), "%.127s", name);
	/* To the end of the page that the last function begins in. */
	if (address >= m->to)
		m->to = (address | 4095) + 1;
	return 0;
}

int fuzz_coverage_symbols(struct fuzz_coverage *c, char *text)
{
	char *rest = NULL;
	int rc = 0;

	for (char *line = strtok_r(text, "\n", &rest); line && !rc;
	     line = strtok_r(NULL, "\n", &rest)) {
		char module[32], name[NAME_MAX_];
		uint64_t address;

		if (sscanf(line, "section %31s %31s %" SCNx64, module, name, &address) == 3)
			section_add(c, module, name, address);
		else if (sscanf(line, "symbol %" SCNx64 " - %127s", &address, name) == 2)
			core_symbol(c, name, address);
		else if (sscanf(line, "symbol %" SCNx64 " %31s %127s", &address, module, name) == 3)
			rc = symbol_add(c, module, name, address);
	}
	if (rc)
		return rc;
	if (!c->module_count || !c->symbol_count)
		return -ENOENT;
	qsort(c->symbols, c->symbol_count, sizeof(*c->symbols), symbol_compare);
	for (size_t i = 0; i < c->module_count; i++) {
		struct module *m = &c->modules[i];

		qsort(m->sections, m->section_count, sizeof(m->sections[0]), section_compare);
		if (m->from >= m->to)
			continue;
		c->area->ranges[c->area->range_count].from = m->from;
		c->area->ranges[c->area->range_count++].to = m->to;
	}
	c->area->marks_at = PLAYER_MARKS_AT;
	c->area->mark_bytes = PLAYER_MARK_BYTES;
	c->area->mark_count = PLAYER_MARKS;
	__atomic_store_n(&c->area->ready, 1, __ATOMIC_RELEASE);
	return 0;
}

/* --- what ran --------------------------------------------------------------------------------- */

void fuzz_coverage_take(const struct fuzz_coverage *c, unsigned int mark, uint8_t *blocks)
{
	const uint8_t *map = c->area->maps[mark];

	for (size_t i = 0; i < PLUGIN_MAP_SIZE; i++)
		blocks[i] = map[i] & ~c->noise[i];
}

void fuzz_coverage_noise(struct fuzz_coverage *c, size_t number)
{
	c->noise[number / 8] |= 1u << number % 8;
}

size_t fuzz_coverage_noisy(const struct fuzz_coverage *c)
{
	size_t count = 0;

	for (size_t i = 0; i < PLUGIN_MAP_SIZE; i++)
		count += __builtin_popcount(c->noise[i]);
	return count;
}

void fuzz_coverage_clear(struct fuzz_coverage *c, unsigned int mark)
{
	memset(c->area->maps[mark], 0, (c->area->blocks + 7) / 8);
}

size_t fuzz_coverage_blocks(const struct fuzz_coverage *c)
{
	uint32_t blocks = __atomic_load_n(&c->area->blocks, __ATOMIC_ACQUIRE);

	return blocks < PLUGIN_BLOCKS ? blocks : PLUGIN_BLOCKS;
}

const struct plugin_area *fuzz_coverage_area(const struct fuzz_coverage *c)
{
	return c->area;
}

static const struct symbol *symbol_find(const struct fuzz_coverage *c, uint64_t address)
{
	size_t from = 0, to = c->symbol_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (c->symbols[middle].address <= address)
			from = middle + 1;
		else
			to = middle;
	}
	return from ? &c->symbols[from - 1] : NULL;
}

void fuzz_coverage_block(const struct fuzz_coverage *c, size_t number, struct fuzz_block *block)
{
	uint64_t address = c->area->block_at[number];
	const struct symbol *symbol = symbol_find(c, address);

	*block = (struct fuzz_block){
		.address = address, .module = "", .section = "", .function = ""};
	for (size_t i = 0; i < c->module_count; i++) {
		const struct module *m = &c->modules[i];

		if (address < m->from || address >= m->to)
			continue;
		block->module = m->name;
		for (size_t k = 0; k < m->section_count; k++) {
			if (m->sections[k].from > address)
				break;
			block->section = m->sections[k].name;
			block->offset = address - m->sections[k].from;
		}
		if (symbol && symbol->module == i) {
			block->function = symbol->name;
			block->into = address - symbol->address;
		}
	}
}

size_t fuzz_coverage_covered(const struct fuzz_coverage *c)
{
	return c->covered;
}

size_t fuzz_coverage_merge(struct fuzz_coverage *c, const uint8_t *blocks, size_t count)
{
	size_t fresh = 0;

	for (size_t i = 0; i < (count + 7) / 8 && i < sizeof(c->seen); i++) {
		uint8_t more = blocks[i] & ~c->seen[i];

		fresh += __builtin_popcount(more);
		c->seen[i] |= more;
	}
	c->covered += fresh;
	return fresh;
}

/* A number for a block that depends on nothing but the kernel. */
static uint64_t block_hash(const struct fuzz_block *block)
{
	uint64_t hash = HASH64_BEGIN;

	hash = hash64_add(hash, block->module, strlen(block->module));
	hash = hash64_add(hash, block->section, strlen(block->section));
	hash = (hash ^ block->offset) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

void fuzz_coverage_copy(const struct fuzz_coverage *c, const uint8_t *blocks, size_t count,
			uint8_t *map, size_t size)
{
	struct fuzz_block block;

	for (size_t i = 0; i < count; i++) {
		if (!(blocks[i / 8] & 1u << i % 8))
			continue;
		fuzz_coverage_block(c, i, &block);
		map[block_hash(&block) % size] = 1;
	}
}

/* --- reports ---------------------------------------------------------------------------------- */

static int number_compare(const void *left, const void *right, void *context)
{
	const struct fuzz_coverage *c = context;
	uint64_t a = c->area->block_at[*(const uint32_t *)left];
	uint64_t b = c->area->block_at[*(const uint32_t *)right];

	return a < b ? -1 : a > b;
}

/* Numbers of covered blocks by address; allocated. */
static uint32_t *covered_list(const struct fuzz_coverage *c, size_t *count)
{
	uint32_t *list = calloc(c->covered + 1, sizeof(*list));

	*count = 0;
	for (uint32_t i = 0; list && i < PLUGIN_BLOCKS; i++) {
		if (c->seen[i / 8] & 1u << i % 8)
			list[(*count)++] = i;
	}
	if (list)
		qsort_r(list, *count, sizeof(*list), number_compare, (void *)c);
	return list;
}

int fuzz_coverage_write(const struct fuzz_coverage *c, FILE *out)
{
	struct fuzz_block block;
	size_t count;
	uint32_t *list = covered_list(c, &count);

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		fuzz_coverage_block(c, list[i], &block);
		fprintf(out, "%s %s+0x%" PRIx64 " %s+0x%" PRIx64 "\n", block.module, block.section,
			block.offset, block.function[0] ? block.function : "?", block.into);
	}
	free(list);
	return ferror(out) ? -EIO : 0;
}

int fuzz_coverage_functions(const struct fuzz_coverage *c, FILE *out)
{
	struct fuzz_block block, last = {.function = ""};
	size_t count, blocks = 0;
	uint32_t *list = covered_list(c, &count);

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i <= count; i++) {
		if (i < count)
			fuzz_coverage_block(c, list[i], &block);
		if (blocks && (i == count || strcmp(block.function, last.function))) {
			fprintf(out, "%6zu %s %s\n", blocks, last.module, last.function);
			blocks = 0;
		}
		last = block;
		blocks++;
	}
	free(list);
	return ferror(out) ? -EIO : 0;
}
