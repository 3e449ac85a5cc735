/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suggestions ("did you mean") for a word that is not one of the known names.
 *
 *	struct near near;
 *
 *	near_begin(&near, word, strlen(word), "KVM_");
 *	for (...)
 *		near_offer(&near, names[i]);
 *	near_text(&near, "", buf, sizeof(buf));	"; did you mean KVM_GET_LAPIC or KVM_SET_LAPIC?"
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include <stdbool.h>
#include <stddef.h>

#define NEAR_MAX  3   /* names that are suggested at most */
#define NEAR_TEXT 256 /* room for what near_text() says */

struct near {
	const char *prefix; /* prefix that words may leave out, "" = none */
	bool prefixed;	    /* the word has the prefix */
	char word[65];	    /* the word without prefix; "" = nothing is near */
	unsigned int count;
	struct {
		const char *name;
		unsigned int far;
	} best[NEAR_MAX]; /* nearest first */
};

void near_begin(struct near *near, const char *word, size_t len, const char *prefix);
/* Offer one of the existing names; it must live as long as *near. Case makes no difference. */
void near_offer(struct near *near, const char *name);
/* The same for functions that give names to a callback: `near` is a struct near. */
void near_offer_name(void *near, const char *name);
/*
 * Text to append to a message, "" if no name is near; `lead` is put before each name. Returns buf.
 */
const char *near_text(const struct near *near, const char *lead, char *buf, size_t size);

#endif
