/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line per statement of the seed documents, with tabs between: ID ARCHITECTURES ABOUT
 * REASON.
 */
#include <stdio.h>

int main(void)
{
#define SEED(id, archs, about, reason) printf("%s\t%s\t%s\t%s\n", id, archs, about, reason);
#include "model/rules/seed.def"
#undef SEED
	return 0;
}
