/* SPDX-License-Identifier: BSD-2-Clause */
/* A file as two symbols, FILE_NAME and FILE_NAME_end. */
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

	.section .rodata
	.balign 16
	.globl FILE_NAME
FILE_NAME:
	.incbin FILE_PATH
	.globl JOIN(FILE_NAME, _end)
JOIN(FILE_NAME, _end):
	.byte 0
	.section .note.GNU-stack, "", %progbits
