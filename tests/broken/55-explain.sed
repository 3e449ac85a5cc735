# SPDX-License-Identifier: BSD-2-Clause
# breaks What a call might be answered is listed without what must come.
# file model/answer/list.c
# red cli/explain
s/\[ANSWER_MUST_FAIL\] = MODEL_MUST_FAIL/[ANSWER_MUST_FAIL] = -1/
