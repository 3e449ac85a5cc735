# SPDX-License-Identifier: BSD-2-Clause
# breaks A campaign does not go on where it was.
# file fuzz/campaign_state.c
# red fuzz/fuzz-campaign
/^[a-z].*\bqueue_read\(/,/^\}/ s/^\{$/{\n\treturn 0;/
