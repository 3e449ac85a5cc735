# SPDX-License-Identifier: BSD-2-Clause
# breaks Calls of which no rule says anything conform.
# file model/frame/model.c
# red verdicts/verdicts
s/: j->strong([ \t]*)\? MODEL_CONFORMS/: true\1? MODEL_CONFORMS/
