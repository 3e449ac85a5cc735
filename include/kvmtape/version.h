/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The version of the library.  KVMTAPE_VERSION_ABI is the number in its soname: it changes when a program that
 * was built with older headers would not run with the library any more.
 *
 * While it stays the same, functions, members of enums and new rows of tables may be added, and a struct that begins with
 * its size may get members at its end.  The caller sets the size to sizeof() of the struct that it was built with.  What
 * a smaller one lacks is zero to the library.  What a larger one has beyond must be zero, or the function fails with
 * -E2BIG.  All other structs stay as they are.
 */
#ifndef KVMTAPE_VERSION_H
#define KVMTAPE_VERSION_H

#define KVMTAPE_VERSION_MAJOR 0
#define KVMTAPE_VERSION_MINOR 1
#define KVMTAPE_VERSION_PATCH 0
#define KVMTAPE_VERSION_ABI   0

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* "0.1.0", of the library that runs. */
const char *kvmtape_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
