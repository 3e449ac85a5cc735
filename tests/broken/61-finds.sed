# SPDX-License-Identifier: BSD-2-Clause
# breaks A campaign forgets what it found.
# file fuzz/campaign_triage.c
# red fuzz/fuzz-campaign
/^[a-z].*\bcampaign_find_note\(/,/^\}/ s/^\{$/{\n\treturn 0;/
