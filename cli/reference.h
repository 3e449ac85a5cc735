/* SPDX-License-Identifier: BSD-2-Clause */
/* References of rules: findings (docs/findings.md) and statements of the seed documents. */
#ifndef CLI_REFERENCE_H
#define CLI_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

struct cli_reference {
	const char *id;	   /* "D-36", "A-4.24-06", "V-1.1-02" */
	const char *title; /* of a finding; what a statement is about */
	const char *text;  /* a finding's entry; why a statement cannot be observed, "" = it can */
	bool finding;
};

/* The reference with this id, in any case; NULL = there is none. */
const struct cli_reference *cli_reference_find(const char *id);
/* Does it look like a reference, whether or not it exists? */
bool cli_is_reference(const char *word);
/* Is the id in a list like "A-4.25-02 D-43"? */
bool cli_refers_to(const char *refs, const char *id);

#endif
