// SPDX-License-Identifier: BSD-2-Clause
/* Kernels: the stock ones of Debian in the cache, and a user's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/internal.h"
#include "base/near.h"

const struct guest_stock guest_stocks[] = {
	{"bullseye", "bullseye", "amd64", "linux-image-cloud-amd64", GUEST_X86_64},
	{"bookworm", "bookworm", "amd64", "linux-image-cloud-amd64", GUEST_X86_64},
	{"trixie", "trixie", "amd64", "linux-image-cloud-amd64", GUEST_X86_64},
	{"sid", "sid", "amd64", "linux-image-cloud-amd64", GUEST_X86_64},
	{"bullseye-arm64", "bullseye", "arm64", "linux-image-cloud-arm64", GUEST_ARM64},
	{"bookworm-arm64", "bookworm", "arm64", "linux-image-cloud-arm64", GUEST_ARM64},
	{"trixie-arm64", "trixie", "arm64", "linux-image-cloud-arm64", GUEST_ARM64},
	{"sid-arm64", "sid", "arm64", "linux-image-cloud-arm64", GUEST_ARM64},
	{"trixie-riscv64", "trixie", "riscv64", "linux-image-riscv64", GUEST_RISCV64},
	{"sid-riscv64", "sid", "riscv64", "linux-image-riscv64", GUEST_RISCV64},
	{"bookworm-ppc64le", "bookworm", "ppc64el", "linux-image-powerpc64le", GUEST_PPC64LE},
	{"trixie-ppc64le", "trixie", "ppc64el", "linux-image-powerpc64le", GUEST_PPC64LE},
	{0},
};

static const struct {
	const char *name, *stock;
} aliases[] = {
	{"x86-64", "bookworm"},
	{"arm64", "bookworm-arm64"},
	{"riscv64", "trixie-riscv64"},
	{"ppc64le", "bookworm-ppc64le"},
};

/* The script that talks to apt, built in (fetch.sh). */
extern const char guest_fetch_script[], guest_fetch_script_end[];

#ifdef GUEST_AGENT_X86_64
extern const char guest_agent_x86_64[], guest_agent_x86_64_end[];
#endif
#ifdef GUEST_AGENT_ARM64
extern const char guest_agent_arm64[], guest_agent_arm64_end[];
#endif
#ifdef GUEST_AGENT_RISCV64
extern const char guest_agent_riscv64[], guest_agent_riscv64_end[];
#endif
#ifdef GUEST_AGENT_PPC64LE
extern const char guest_agent_ppc64le[], guest_agent_ppc64le_end[];
#endif

const void *guest_agent_find(enum guest_arch arch, size_t *size)
{
	static const struct {
		const char *start, *end;
	} agents[GUEST_ARCH_COUNT] = {
#ifdef GUEST_AGENT_X86_64
		[GUEST_X86_64] = {guest_agent_x86_64, guest_agent_x86_64_end},
#endif
#ifdef GUEST_AGENT_ARM64
		[GUEST_ARM64] = {guest_agent_arm64, guest_agent_arm64_end},
#endif
#ifdef GUEST_AGENT_RISCV64
		[GUEST_RISCV64] = {guest_agent_riscv64, guest_agent_riscv64_end},
#endif
#ifdef GUEST_AGENT_PPC64LE
		[GUEST_PPC64LE] = {guest_agent_ppc64le, guest_agent_ppc64le_end},
#endif
	};

	*size = agents[arch].end - agents[arch].start;
	return agents[arch].start;
}

const struct guest_stock *guest_stock_find(const char *name)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (!strcmp(aliases[i].name, name))
			name = aliases[i].stock;
	}
	for (const struct guest_stock *stock = guest_stocks; stock->name; stock++) {
		if (!strcmp(stock->name, name))
			return stock;
	}
	return NULL;
}

int guest_cache_path(char *path, size_t size)
{
	const char *own = getenv("KVMTAPE_CACHE"), *cache = getenv("XDG_CACHE_HOME"),
		   *home = getenv("HOME");
	int n;

	if (own && *own)
		n = snprintf(path, size, "%s/guest", own);
	else if (cache && *cache)
		n = snprintf(path, size, "%s/kvmtape/guest", cache);
	else
		n = snprintf(path, size, "%s/.cache/kvmtape/guest", home && *home ? home : "/root");
	return n >= (int)size ? -ENAMETOOLONG : 0;
}

static int stock_unknown(const char *name, struct guest_error *error)
{
	struct near near;
	char hint[NEAR_TEXT];

	near_begin(&near, name, strlen(name), "guest:");
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		near_offer(&near, aliases[i].name);
	for (const struct guest_stock *stock = guest_stocks; stock->name; stock++)
		near_offer(&near, stock->name);
	near_text(&near, "", hint, sizeof(hint));
	return guest_fail(error, -ENOENT, "no stock kernel '%s'%s", name,
			  hint[0] ? hint : "; 'kvmtape guest list' shows the names");
}

int guest_kernel_find(const char *name, struct guest_kernel *kernel, struct guest_error *error)
{
	const struct guest_stock *stock = guest_stock_find(name);
	char path[GUEST_PATH_MAX / 2], file[GUEST_PATH_MAX];
	char *release;
	size_t size;
	int rc;

	memset(kernel, 0, sizeof(*kernel));
	if (!stock)
		return stock_unknown(name, error);
	rc = guest_cache_path(path, sizeof(path));
	if (rc)
		return guest_fail(error, rc, "the cache's path is too long");
	snprintf(file, sizeof(file), "%s/kernels/%s/release", path, stock->name);
	rc = guest_file_read(file, &release, &size);
	if (rc)
		return guest_fail(error, -ENOENT,
				  "kernel %s is not here; get it with 'kvmtape guest fetch %s'",
				  stock->name, stock->name);
	snprintf(kernel->name, sizeof(kernel->name), "%s", stock->name);
	snprintf(kernel->release, sizeof(kernel->release), "%.*s", (int)strcspn(release, "\n"),
		 release);
	free(release);
	snprintf(kernel->vmlinuz, sizeof(kernel->vmlinuz), "%s/kernels/%s/vmlinuz", path,
		 stock->name);
	snprintf(kernel->modules, sizeof(kernel->modules), "%s/kernels/%s/modules", path,
		 stock->name);
	kernel->arch = stock->arch;
	return 0;
}

/* Run the script; what it said last becomes the error's line. */
static int script_run(const char *const *arguments, const char *name, struct guest_error *error)
{
	int script = memfd_create("kvmtape-guest-fetch", 0);
	int said = memfd_create("kvmtape-guest-said", MFD_CLOEXEC);
	size_t size = guest_fetch_script_end - guest_fetch_script;
	char path[32], text[512] = "no word from it";
	const char *all[8] = {"bash", path};
	ssize_t length;
	int status;
	char *last;
	pid_t pid;
	int rc = 0;

	for (int i = 0; i < 5; i++)
		all[2 + i] = arguments[i];
	if (script < 0 || said < 0 || write(script, guest_fetch_script, size) != (ssize_t)size) {
		rc = guest_fail(error, -errno, "cannot fetch kernel %s: %s", name, strerror(errno));
		goto out;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", script);
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, 0);
		dup2(null, 1);
		dup2(said, 2);
		execvp(all[0], (char *const *)all);
		_exit(127);
	}
	if (pid < 0) {
		rc = guest_fail(error, -errno, "cannot fetch kernel %s: %s", name, strerror(errno));
		goto out;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		goto out;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		snprintf(text, sizeof(text), "bash is not here");
	length = lseek(said, 0, SEEK_END);
	length = pread(said, text, sizeof(text) - 1, length > 500 ? length - 500 : 0);
	if (length > 0) {
		text[length] = 0;
		while (length && text[length - 1] == '\n')
			text[--length] = 0;
	}
	last = strrchr(text, '\n');
	rc = guest_fail(error, -EIO, "cannot fetch kernel %s: %s", name, last ? last + 1 : text);
out:
	if (script >= 0)
		close(script);
	if (said >= 0)
		close(said);
	return rc;
}

int guest_fetch(const char *name, struct guest_kernel *kernel, struct guest_error *error)
{
	const struct guest_stock *stock = guest_stock_find(name);
	char path[GUEST_PATH_MAX / 2];
	int rc;

	if (!stock)
		return stock_unknown(name, error);
	rc = guest_cache_path(path, sizeof(path));
	if (!rc)
		rc = guest_folders_make(path);
	if (rc)
		return guest_fail(error, rc, "cannot make the cache %s: %s", path, strerror(-rc));
	rc = script_run((const char *const[]){path, stock->name, stock->suite, stock->deb_arch,
					      stock->package},
			stock->name, error);
	return rc ? rc : guest_kernel_find(stock->name, kernel, error);
}

/* Architecture of a kernel image; GUEST_ARCH_COUNT = not known. */
static enum guest_arch image_arch(const unsigned char *head, size_t size)
{
	/*
	 * Documentation/arch/x86/boot.rst, arch/arm64/booting.rst, arch/riscv/boot-image-header.rst
	 */
	if (size >= 0x206 && !memcmp(head + 0x202, "HdrS", 4))
		return GUEST_X86_64;
	if (size >= 0x3c && !memcmp(head + 0x38, "ARM\x64", 4))
		return GUEST_ARM64;
	if (size >= 0x3c && !memcmp(head + 0x38, "RSC\x05", 4))
		return GUEST_RISCV64;
	return guest_elf_arch(head, size);
}

int guest_kernel_own(const char *vmlinuz, const char *modules, struct guest_kernel *kernel,
		     struct guest_error *error)
{
	unsigned char head[0x300];
	struct stat st;
	const char *name;
	ssize_t n;
	int fd;
	int rc;

	memset(kernel, 0, sizeof(*kernel));
	fd = open(vmlinuz, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, head, sizeof(head));
	rc = n < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (rc)
		return guest_fail(error, rc, "cannot read the kernel %s: %s", vmlinuz,
				  strerror(-rc));
	kernel->arch = image_arch(head, n);
	if (kernel->arch == GUEST_ARCH_COUNT)
		return guest_fail(
			error, -ENOEXEC,
			"%s is no kernel that can be started (x86 bzImage; arm64 or riscv64 Image, not "
			"compressed; ppc64le vmlinux)",
			vmlinuz);
	if (!realpath(vmlinuz, kernel->vmlinuz))
		return guest_fail(error, -errno, "%s: %s", vmlinuz, strerror(errno));
	if (modules && (stat(modules, &st) || !S_ISDIR(st.st_mode)))
		return guest_fail(error, -ENOENT, "no folder %s with modules", modules);
	if (modules && !realpath(modules, kernel->modules))
		return guest_fail(error, -errno, "%s: %s", modules, strerror(errno));
	name = strrchr(kernel->vmlinuz, '/');
	snprintf(kernel->name, sizeof(kernel->name), "%s", name + 1);
	return 0;
}
