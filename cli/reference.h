/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules refer to: findings (docs/findings.md) and statements of the founding documents. */
#ifndef CLI_REFERENCE_H
#define CLI_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

struct cli_reference {
	const char *id;	   /* "D-36", "A-4.24-06", "V-1.1-02" */
	const char *title; /* of a finding; what a statement is about */
	const char *text;  /* a finding's entry, lines with newlines between; of a statement why it
			      cannot be observed, "" = it can */
	bool finding;
};

/* The reference with this id, in any case; NULL = there is none. */
const struct cli_reference *cli_reference_find(const char *id);
/* Looks like one, whether or not there is one. */
bool cli_is_reference(const char *word);
/* The id is one of a list like "A-4.25-02 D-43". */
bool cli_refers_to(const char *refs, const char *id);

#endif
