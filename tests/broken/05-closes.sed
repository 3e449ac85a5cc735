# SPDX-License-Identifier: BSD-2-Clause
# breaks The closing of an object is not written.
# file recorder/recorder.c
# red guest/record
/^[a-z].*\bclose_object\(/,/^\}/ s/^\{$/{\n\tobject->closed = true;\n\tif (time)\n\t\treturn;/
