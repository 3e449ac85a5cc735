# SPDX-License-Identifier: BSD-2-Clause
# breaks Values in JSON are empty.
# file kvmapi/value_json.c
# red unit/kvmapi_value
s/json_integer\(\(json_int_t\)number->value\)/json_integer(0)/
