// SPDX-License-Identifier: BSD-2-Clause
/*
 * The whole user space of the Linux that scripts/record-boot lets a recorded VMM boot: /init, which
 * says that it is up and powers the machine off.
 */
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <unistd.h>

int main(void)
{
	struct utsname name;

	if (!uname(&name))
		printf("user space of Linux %s is up\n", name.release);
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	/* Not reached, and the end of /init would be a panic. */
	for (;;)
		pause();
}
