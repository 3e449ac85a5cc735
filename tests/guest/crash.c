// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs in the guest and misbehaves: the ways a guest can end, each for real.
 *
 *	crash panic | oom | oom-program | hang | loop | poweroff | reset | oops MODULE | warn MODULE
 *	crash say | fault | lines N | echo | exist PATH... | write PATH
 *
 * oops and warn need code in the kernel: a stock module whose first instruction of its init
 * function becomes an undefined one; for a warning it is also entered in the module's table of
 * warnings.  Debian's kernels load a module whose signature was cut off.  x86-64 only.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <elf.h>

static int fail(const char *what)
{
	fprintf(stderr, "crash: %s: %s\n", what, strerror(errno));
	return 1;
}

static int text_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return fail(path);
	close(fd);
	return 0;
}

/* --- a module that faults ------------------------------------------------------------------- */

struct module {
	unsigned char *data;
	size_t size;
	Elf64_Shdr *sections;
	const char *names;
	unsigned int count;
};

static Elf64_Shdr *section_find(struct module *m, const char *name)
{
	for (unsigned int i = 0; i < m->count; i++) {
		if (!strcmp(m->names + m->sections[i].sh_name, name))
			return &m->sections[i];
	}
	return NULL;
}

/* Relocations of the section with this number. */
static Elf64_Shdr *relocations_find(struct module *m, unsigned int number)
{
	for (unsigned int i = 0; i < m->count; i++) {
		if (m->sections[i].sh_type == SHT_RELA && m->sections[i].sh_info == number)
			return &m->sections[i];
	}
	return NULL;
}

static Elf64_Sym *symbol_find(struct module *m, const char *name, unsigned int *number)
{
	Elf64_Shdr *table = section_find(m, ".symtab");
	const char *names = (const char *)m->data + m->sections[table->sh_link].sh_offset;
	Elf64_Sym *symbols = (Elf64_Sym *)(m->data + table->sh_offset);

	for (unsigned int i = 0; i < table->sh_size / sizeof(*symbols); i++) {
		*number = i;
		if (!strcmp(names + symbols[i].st_name, name))
			return &symbols[i];
	}
	return NULL;
}

/* The place in the init function that ftrace does not look at. */
static uint64_t place_find(struct module *m, const Elf64_Sym *init)
{
	const unsigned char *code = m->data + m->sections[init->st_shndx].sh_offset;
	uint64_t at = init->st_value;

	if (!memcmp(code + at, "\xf3\x0f\x1e\xfa", 4))
		at += 4;
	if (code[at] == 0xe8 || !memcmp(code + at, "\x0f\x1f\x44\x00\x00", 5))
		at += 5;
	return at;
}

static int module_break(struct module *m, bool warn)
{
	Elf64_Ehdr *head = (Elf64_Ehdr *)m->data;
	unsigned int init_number;
	Elf64_Shdr *relocations, *bugs;
	Elf64_Sym *init;
	Elf64_Rela *r;
	size_t entry = 12;
	uint64_t at;

	m->sections = (Elf64_Shdr *)(m->data + head->e_shoff);
	m->count = head->e_shnum;
	m->names = (const char *)m->data + m->sections[head->e_shstrndx].sh_offset;
	init = symbol_find(m, "init_module", &init_number);
	if (!init)
		return fail("no init_module");
	at = place_find(m, init);
	memcpy(m->data + m->sections[init->st_shndx].sh_offset + at, "\x0f\x0b", 2);
	relocations = relocations_find(m, init->st_shndx);
	r = relocations ? (Elf64_Rela *)(m->data + relocations->sh_offset) : NULL;
	for (size_t i = 0; r && i < relocations->sh_size / sizeof(*r); i++) {
		if (r[i].r_offset + 4 > at && r[i].r_offset < at + 2)
			r[i].r_info = R_X86_64_NONE;
	}
	if (!warn)
		return 0;
	bugs = section_find(m, "__bug_table");
	relocations = bugs ? relocations_find(m, bugs - m->sections) : NULL;
	if (!relocations)
		return fail("no table of warnings");
	r = (Elf64_Rela *)(m->data + relocations->sh_offset);
	/* The first entry's address becomes ours; an entry ends with 16 bits of flags, 1 = a
	 * warning.  Since 7.0 it is larger by a format string, at 4. */
	for (size_t i = 0; i < relocations->sh_size / sizeof(*r); i++) {
		if (!r[i].r_offset) {
			r[i].r_info = ELF64_R_INFO(init_number, R_X86_64_PC32);
			r[i].r_addend = at - init->st_value;
		}
		if (r[i].r_offset == 8)
			entry = 16;
	}
	*(uint16_t *)(m->data + bugs->sh_offset + entry - 2) = 1;
	return 0;
}

static int module_crash(const char *path, bool warn)
{
	static const char signature[] = "~Module signature appended~\n";
	struct module m = {0};
	FILE *in = fopen(path, "re");

	if (!in)
		return fail(path);
	m.data = malloc(16 << 20);
	m.size = m.data ? fread(m.data, 1, 16 << 20, in) : 0;
	fclose(in);
	if (m.size < sizeof(Elf64_Ehdr))
		return fail(path);
	if (!memcmp(m.data + m.size - strlen(signature), signature, strlen(signature))) {
		const unsigned char *info = m.data + m.size - strlen(signature) - 12;

		m.size -= strlen(signature) + 12 +
			  ((uint32_t)info[8] << 24 | info[9] << 16 | info[10] << 8 | info[11]);
	}
	if (module_break(&m, warn))
		return 1;
	syscall(SYS_init_module, m.data, m.size, "");
	return fail("init_module");
}

/* --- the other ways ------------------------------------------------------------------------- */

static int memory_eat(void)
{
	const size_t piece = 4 << 20;

	for (;;) {
		void *at = mmap(NULL, piece, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (at == MAP_FAILED)
			return fail("mmap");
	}
}

static int hang(void)
{
	static const char fair[] = "/sys/kernel/debug/sched/fair_server/cpu0/runtime";
	const struct sched_param most = {.sched_priority = 99};

	/* Since 6.12 ordinary tasks get a share all the same. */
	if (!access(fair, F_OK) && text_write(fair, "0"))
		return 1;
	if (text_write("/proc/sys/kernel/sched_rt_runtime_us", "-1") ||
	    sched_setscheduler(0, SCHED_FIFO, &most))
		return fail("real-time priority");
	for (;;)
		;
}

/* Things that a test wants of a well-behaved program. */
static int behave(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	char line[256];
	FILE *out;

	if (!strcmp(how, "say")) {
		fputs("out\n", stdout);
		fputs("err\n", stderr);
		return 7;
	}
	if (!strcmp(how, "fault"))
		return raise(SIGSEGV);
	if (!strcmp(how, "lines") && argc > 2) {
		for (long i = atol(argv[2]); i > 0; i--)
			puts("0123456789");
		return 0;
	}
	if (!strcmp(how, "echo")) {
		while (fgets(line, sizeof(line), stdin))
			printf("<%.*s>\n", (int)strcspn(line, "\n"), line);
		return 0;
	}
	if (!strcmp(how, "exist")) {
		for (int i = 2; i < argc; i++) {
			if (access(argv[i], F_OK))
				return fail(argv[i]);
		}
		return 0;
	}
	if (!strcmp(how, "write") && argc > 2) {
		out = fopen(argv[2], "we");
		return !out || fputs("new\n", out) == EOF || fclose(out) ? fail(argv[2]) : 0;
	}
	fprintf(stderr, "crash: no way '%s'\n", how);
	return 2;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (!strcmp(how, "panic"))
		return text_write("/proc/sysrq-trigger", "c");
	if (!strcmp(how, "oom"))
		return text_write("/proc/self/oom_score_adj", "-1000") || memory_eat();
	if (!strcmp(how, "oom-program"))
		return memory_eat();
	if (!strcmp(how, "hang"))
		return hang();
	if (!strcmp(how, "poweroff"))
		return reboot(RB_POWER_OFF);
	if (!strcmp(how, "reset"))
		return reboot(RB_AUTOBOOT);
	if (!strcmp(how, "oops") && argc > 2)
		return module_crash(argv[2], false);
	if (!strcmp(how, "warn") && argc > 2)
		return module_crash(argv[2], true);
	for (; !strcmp(how, "loop");)
		;
	return behave(argc, argv);
}
