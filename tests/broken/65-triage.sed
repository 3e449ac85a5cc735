# SPDX-License-Identifier: BSD-2-Clause
# breaks A find is not played again to see whether it shows.
# file fuzz/campaign_triage.c
# red fuzz/fuzz-campaign
s/f\.shown = report\.shown;/f.shown = 0;/
