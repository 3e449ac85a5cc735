/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ON(X86, ARM64) is 1 when compiled for one of these architectures, else 0: a token that CAT can
 * paste. -DKVMAPI_ARCH=x86 -DKVMAPI_ARCH_x86 come from meson.build.
 */
#ifndef KVMAPI_ON_H
#define KVMAPI_ON_H

#define CAT(a, b)  CAT_(a, b)
#define CAT_(a, b) a##b

/* The name of this architecture expands to a second argument, 1, before the 0. */
#define ON(...)			       ON_(__VA_ARGS__, , , , , , )
#define ON_(a, b, c, d, e, ...)	       ON_SECOND(~HERE_##a HERE_##b HERE_##c HERE_##d HERE_##e, 0, ~)
#define ON_SECOND(...)		       ON_SECOND_(__VA_ARGS__)
#define ON_SECOND_(first, second, ...) second

#define HERE_
#define HERE_ALL , 1
#if defined(KVMAPI_ARCH_x86)
#define HERE_X86 , 1
#else
#define HERE_X86
#endif
#if defined(KVMAPI_ARCH_arm64)
#define HERE_ARM64 , 1
#else
#define HERE_ARM64
#endif
#if defined(KVMAPI_ARCH_s390)
#define HERE_S390 , 1
#else
#define HERE_S390
#endif
#if defined(KVMAPI_ARCH_powerpc)
#define HERE_POWERPC , 1
#else
#define HERE_POWERPC
#endif
#if defined(KVMAPI_ARCH_riscv)
#define HERE_RISCV , 1
#else
#define HERE_RISCV
#endif

#endif
