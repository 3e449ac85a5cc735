/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The version of the library.  KVMTAPE_VERSION_ABI is the number in its soname: it changes when a program that
 * was built with older headers would not run with the library any more.
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
