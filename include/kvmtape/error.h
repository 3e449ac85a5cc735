/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors of the library.  A function that can fail returns 0 or more if it did not, and one of these numbers if it did: a
 * negative errno of the system, or one of enum tape_error.  Those of the functions of one header are named beside them.
 */
#ifndef KVMTAPE_ERROR_H
#define KVMTAPE_ERROR_H

enum tape_error {
	TAPE_E_NOT_A_TAPE = -2001, /* no magic */
	TAPE_E_NEWER = -2002,	/* a major version or a required feature that this reader lacks */
	TAPE_E_CORRUPT = -2003, /* checksum or structure; the message names the frame */
	TAPE_E_TRUNCATED =
		-2004,	      /* the file ends within a frame: everything before was delivered */
	TAPE_E_LIMIT = -2005, /* a size that the format forbids */
	TAPE_E_ORDER = -2006, /* writer: a return without its call, an unknown object or thread */
};

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * Either kind in words, with or without its sign: "corrupt", "No such file or directory". The text
 * is valid until the thread calls this again.
 */
const char *tape_strerror(int error);
/* Its name, "TAPE_E_CORRUPT" or "ENOMEM"; NULL: there is no such error. */
const char *tape_error_name(int error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
