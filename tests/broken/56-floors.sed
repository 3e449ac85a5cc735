# SPDX-License-Identifier: BSD-2-Clause
# breaks A file of model/ includes and calls what stands on a higher floor.
# file model/state/describe.c
# red style/includes style/floors
/^#include "model\/state\/describe\.h"/a\
#include "model/frame/frame.h"\
\
const struct model_facts *describe_upward(const struct model *m);\
\
const struct model_facts *describe_upward(const struct model *m)\
{\
	return model_facts_of(m);\
}
