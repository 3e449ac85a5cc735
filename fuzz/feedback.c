/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which rules held, and which verdict named which rule, as coverage for the engines.
 *
 * libFuzzer reads counters of ours in a section that it knows. AFL++ supports edges only, so there
 * is a block of code for each pair, with a mark that keeps the compiler from merging blocks.
 */
#include "fuzz/target.h"
#include "kvmtape/model.h"

enum { OUTCOMES = 1 + MODEL_VERDICT_KINDS };

#ifdef FUZZ_AFL

enum {
#define RULE(id, ...) RULE_##id,
#include "model/rules/rules.def"
#undef RULE
};

#define PAIR(rule_, outcome_)                                                          \
	case (rule_)*OUTCOMES + (outcome_):                                            \
		__asm__ volatile("# pair %c0" : : "i"((rule_)*OUTCOMES + (outcome_))); \
		break;

void fuzz_feedback(unsigned int rule, unsigned int outcome)
{
	switch (rule * OUTCOMES + outcome) {
#define RULE(id, ...)      \
	PAIR(RULE_##id, 0) \
	PAIR(RULE_##id, 1) \
	PAIR(RULE_##id, 2) PAIR(RULE_##id, 3) PAIR(RULE_##id, 4) PAIR(RULE_##id, 5)
#include "model/rules/rules.def"
#undef RULE
	}
}

#else

/* More than there are rules. */
static uint8_t counters[2048 * OUTCOMES]
#ifdef FUZZ_LIBFUZZER
	__attribute__((section("__libfuzzer_extra_counters")))
#endif
	;

void fuzz_feedback(unsigned int rule, unsigned int outcome)
{
	uint8_t *counter = &counters[(rule * OUTCOMES + outcome) % sizeof(counters)];

	/* Once or more: the count does not matter. */
	*counter = 1;
}

#endif
