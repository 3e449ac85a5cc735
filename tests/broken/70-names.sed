# SPDX-License-Identifier: BSD-2-Clause
# breaks Errors have other names.
# file kvmapi/names.c
# red unit/kvmapi_names cli/print
/^[a-z].*\bkvmapi_errno_name\(/,/^\}/ s/^\{$/{\n\terror++;/
