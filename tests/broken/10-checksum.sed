# SPDX-License-Identifier: BSD-2-Clause
# breaks The reader ignores the checksums of frames.
# file tape/reader.c
# red golden/golden
/^static int frame_decompress\(/,/^\}/ s/^\tn = ZSTD_decompressDCtx/\tZSTD_DCtx_setParameter(r->dctx, ZSTD_d_experimentalParam3, 1);\n&/
