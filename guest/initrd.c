// SPDX-License-Identifier: BSD-2-Clause
/*
 * The initramfs of a guest: the agent as /init, a few nodes and folders, and the modules with what
 * they depend on, uncompressed, in the order of loading.  Format "newc":
 * Documentation/driver-api/early-userspace/buffer-format.rst.
 *
 * Debian's packages have no modules.dep (depmod makes it on installation), so dependencies are read
 * from the modules themselves: their .modinfo section says "depends=a,b".
 */
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "guest/internal.h"

/* Wanted on every architecture, as far as the kernel has them. */
static const struct guest_module wanted[] = {
	{"virtio_pci", ""}, {"virtio_console", ""}, {"pvpanic_pci", ""}, {"kvm", ""},
	{"kvm_amd", ""},    {"kvm_intel", ""},	    {"kvm_hv", ""},
};

/*
 * nx_huge_pages off: zapping shadow pages in the background costs more than half of the rate of
 * VMs.
 */
static const struct guest_module parameters_x86[] = {
	{"kvm", "nx_huge_pages=never"},
	{"kvm_amd", "nested=1"},
	{"kvm_intel", "nested=1"},
};

struct archive {
	FILE *out;
	unsigned int inode;
};

static int entry_put(struct archive *archive, const char *name, unsigned int mode,
		     unsigned int major, unsigned int minor, const void *data, size_t size)
{
	static const char zeros[4];
	size_t name_size = strlen(name) + 1;
	int head;

	head = fprintf(archive->out, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
		       archive->inode++, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name_size, 0);
	fwrite(name, 1, name_size, archive->out);
	fwrite(zeros, 1, -(head + name_size) & 3, archive->out);
	fwrite(data, 1, size, archive->out);
	fwrite(zeros, 1, -size & 3, archive->out);
	return ferror(archive->out) ? -EIO : 0;
}

/* --- modules -------------------------------------------------------------------------------- */

struct found {
	char *name; /* with '_' for '-', without .ko */
	char *path;
};

/* All modules of a kernel; nftw() has no context argument. */
static __thread struct {
	struct found *items;
	size_t count, capacity;
	int error;
} tree;

static void name_make(const char *file, char *name, size_t size)
{
	size_t length;

	snprintf(name, size, "%s", file);
	length = strcspn(name, ".");
	name[length] = 0;
	for (char *at = name; *at; at++) {
		if (*at == '-')
			*at = '_';
	}
}

static int tree_visit(const char *path, const struct stat *st, int type, struct FTW *where)
{
	const char *file = path + where->base;
	const char *end = strstr(file, ".ko");
	char name[64];

	if (type != FTW_F || !end ||
	    (end[3] && strcmp(end, ".ko.xz") && strcmp(end, ".ko.zst") && strcmp(end, ".ko.gz")))
		return 0;
	tree.error = array_grow(&tree.items, &tree.capacity, tree.count);
	if (tree.error)
		return 1;
	name_make(file, name, sizeof(name));
	tree.items[tree.count].name = strdup(name);
	tree.items[tree.count].path = strdup(path);
	tree.count++;
	return 0;
}

static void tree_free(void)
{
	for (size_t i = 0; i < tree.count; i++) {
		free(tree.items[i].name);
		free(tree.items[i].path);
	}
	free(tree.items);
	memset(&tree, 0, sizeof(tree));
}

static const char *tree_find(const char *name)
{
	for (size_t i = 0; i < tree.count; i++) {
		if (tree.items[i].name && !strcmp(tree.items[i].name, name))
			return tree.items[i].path;
	}
	return NULL;
}

/* Read a module, uncompressed. */
static int module_read(const char *path, char **data, size_t *size)
{
	const char *tool = NULL;

	if (strstr(path, ".ko.xz"))
		tool = "xz";
	else if (strstr(path, ".ko.zst"))
		tool = "zstd";
	else if (strstr(path, ".ko.gz"))
		tool = "gzip";
	if (!tool)
		return guest_file_read(path, data, size);
	return guest_command_read((const char *const[]){tool, "-dc", path, NULL}, data, size);
}

struct load {
	struct archive *archive;
	enum guest_arch arch;
	char list[4096]; /* the file /kvmtape/modules */
	struct guest_error *error;
};

static const char *module_parameters(const struct load *load, const char *name)
{
	if (load->arch != GUEST_X86_64)
		return "";
	for (size_t i = 0; i < sizeof(parameters_x86) / sizeof(parameters_x86[0]); i++) {
		if (!strcmp(parameters_x86[i].name, name))
			return parameters_x86[i].parameters;
	}
	return "";
}

/* Put a module behind those it depends on.  depth: a circle in the files must not end our stack. */
static int module_put(struct load *load, const char *name, unsigned int depth)
{
	const char *path = tree_find(name);
	char *data = NULL, *depends = NULL, *rest = NULL;
	char entry[96], line[320];
	size_t size;
	int rc;

	snprintf(entry, sizeof(entry), "kvmtape/%s.ko", name);
	snprintf(line, sizeof(line), "/%s ", entry);
	if (!path || depth > 16 || strstr(load->list, line))
		return 0;
	rc = module_read(path, &data, &size);
	if (rc)
		return guest_fail(load->error, rc, "cannot read module %s: %s", path,
				  strerror(-rc));
	depends = memmem(data, size, "\0depends=", 9);
	/* The first entry of the section has no NUL before it that belongs to it. */
	depends = depends ? strdup(depends + 9) : strdup("");
	if (!depends) {
		rc = -ENOMEM;
		goto out;
	}
	for (char *one = strtok_r(depends, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		char plain[64];

		name_make(one, plain, sizeof(plain));
		rc = module_put(load, plain, depth + 1);
		if (rc)
			goto out;
	}
	rc = entry_put(load->archive, entry, S_IFREG | 0644, 0, 0, data, size);
	if (rc)
		goto out;
	snprintf(line, sizeof(line), "/%s %s\n", entry, module_parameters(load, name));
	if (strlen(load->list) + strlen(line) >= sizeof(load->list)) {
		rc = -E2BIG;
		goto out;
	}
	strcat(load->list, line);
out:
	free(depends);
	free(data);
	return rc;
}

static int modules_put(struct archive *archive, const struct guest_kernel *kernel, const char *own,
		       struct guest_error *error)
{
	struct load load = {.archive = archive, .arch = kernel->arch, .error = error};
	int rc = 0;

	/* The first of a name is taken. */
	if (own && nftw(own, tree_visit, 32, 0) < 0)
		rc = guest_fail(error, -errno, "cannot read the module %s: %s", own,
				strerror(errno));
	else if (own && !tree.count && !tree.error)
		rc = guest_fail(error, -ENOENT, "%s is no module (*.ko), and there is none in it",
				own);
	if (!rc && kernel->modules[0] && nftw(kernel->modules, tree_visit, 32, 0) < 0)
		rc = guest_fail(error, -errno, "cannot read %s: %s", kernel->modules,
				strerror(errno));
	if (tree.error)
		rc = tree.error;
	for (size_t i = 0; !rc && i < sizeof(wanted) / sizeof(wanted[0]); i++)
		rc = module_put(&load, wanted[i].name, 0);
	tree_free();
	if (rc)
		return rc;
	return entry_put(archive, "kvmtape/modules", S_IFREG | 0644, 0, 0, load.list,
			 strlen(load.list));
}

/* --- the whole ------------------------------------------------------------------------------ */

static const char *const folders[] = {
	"dev",	   "proc", "sys",     "run",	  "tmp",     "root",	  "etc", "work",
	"kvmtape", "usr",  "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "var", "var/tmp"};

/* As on every Debian since bookworm: libraries and programs are found by both names. */
static const char *const merged[] = {"bin", "sbin", "lib", "lib64"};

int guest_initrd_write(int fd, const struct guest_kernel *kernel, const char *own,
		       const void *agent, size_t agent_size, struct guest_error *error)
{
	static const char users[] = "root:x:0:0:root:/root:/bin/sh\n";
	static const char groups[] = "root:x:0:\n";
	struct archive archive = {.inode = 1};
	char target[32];
	int copy;
	int rc;

	copy = dup(fd);
	archive.out = copy < 0 ? NULL : fdopen(copy, "w");
	if (!archive.out) {
		rc = -errno;
		if (copy >= 0)
			close(copy);
		return guest_fail(error, rc, "cannot write the initramfs: %s", strerror(-rc));
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		entry_put(&archive, folders[i], S_IFDIR | 0755, 0, 0, "", 0);
	for (size_t i = 0; i < sizeof(merged) / sizeof(merged[0]); i++) {
		snprintf(target, sizeof(target), "usr/%s", merged[i]);
		entry_put(&archive, merged[i], S_IFLNK | 0777, 0, 0, target, strlen(target));
	}
	/* The kernel opens it for us before devtmpfs is there. */
	entry_put(&archive, "dev/console", S_IFCHR | 0600, 5, 1, "", 0);
	entry_put(&archive, "etc/passwd", S_IFREG | 0644, 0, 0, users, strlen(users));
	entry_put(&archive, "etc/group", S_IFREG | 0644, 0, 0, groups, strlen(groups));
	entry_put(&archive, "init", S_IFREG | 0755, 0, 0, agent, agent_size);
	rc = modules_put(&archive, kernel, own, error);
	if (!rc)
		rc = entry_put(&archive, "TRAILER!!!", 0, 0, 0, "", 0);
	if (fclose(archive.out) && !rc)
		rc = -EIO;
	if (rc == -EIO || rc == -ENOMEM)
		guest_fail(error, rc, "cannot write the initramfs: %s", strerror(-rc));
	return rc;
}
