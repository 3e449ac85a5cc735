# SPDX-License-Identifier: BSD-2-Clause
# breaks The model predicts another result than it demands.
# file model/answer/make.c
# red unit/model_predict
s/ret->ret = \(int64_t\)i->value;/ret->ret = (int64_t)i->value + 1;/
