/* SPDX-License-Identifier: BSD-2-Clause */
/* A file (FILE_PATH) as data of the program: FILE_NAME and FILE_NAME_end. */
#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
	.section .rodata
	.balign 16
	.globl FILE_NAME
	.globl PASTE(FILE_NAME, _end)
FILE_NAME:
	.incbin FILE_PATH
PASTE(FILE_NAME, _end):
	.byte 0
	.section .note.GNU-stack,"",%progbits
