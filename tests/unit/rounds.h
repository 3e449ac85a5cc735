/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KVMTAPE_TESTS_ROUNDS_H
#define KVMTAPE_TESTS_ROUNDS_H
/*
 * How often a test does what is made at random.  With the address sanitizer, which makes it several
 * times slower, a tenth.
 */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define ROUNDS(n) ((n) / 10)
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ROUNDS(n) ((n) / 10)
#endif
#ifndef ROUNDS
#define ROUNDS(n) (n)
#endif
#endif
