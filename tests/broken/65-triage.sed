# SPDX-License-Identifier: BSD-2-Clause
# breaks A find is not played again to see whether it shows.
# file fuzz/campaign_triage.c
# red fuzz/fuzz-campaign
/^[a-z].*\bcampaign_find_triage\(/,/^\}/ s/^\{$/{\n\treturn 0;/
