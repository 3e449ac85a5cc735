/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether this machine has what a test needs.
 *
 * A test is skipped for what these say, and for nothing else.  They use none of what is tested: a
 * recorder that cannot be opened on a machine where a program of two instructions loads is broken,
 * and a test of it fails.
 */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

/*
 * NULL if it is here, or why not: one line, valid until the next call.
 *
 *   kvm           /dev/kvm can be opened and answers
 *   bpf           the kernel describes its types, and takes a ring buffer and a program for a raw
 *                 tracepoint
 *   fentry        it also attaches a program to a function, and describes those of KVM
 *   guest:NAME    the kernel of that guest is in the cache (docs/guest.md)
 *   PROGRAM       an executable of that name is in PATH
 */
const char *probe(const char *what);

#endif
