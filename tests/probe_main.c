// SPDX-License-Identifier: BSD-2-Clause
/* probe WHAT...: for shells; 0 if all of it is here, or 1 and the reason. */
#include <stdio.h>

#include "probe.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *why = probe(argv[i]);

		if (why) {
			puts(why);
			return 1;
		}
	}
	return 0;
}
