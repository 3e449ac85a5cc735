# SPDX-License-Identifier: BSD-2-Clause
# breaks Everything that a rule mentions counts as promised.
# file model/answer/promise.c
# red unit/model_promises
/^[a-z].*\bcounts\(/,/^\}/ s/^\{$/{\n\treturn true;/
