# SPDX-License-Identifier: BSD-2-Clause
# breaks One rule demands another errno.
# file model/eventfd.c
# red unit/model_vm_events rules/rules_tested
s/j_must_fail\(j, R_IOEVENTFD_TAKEN, EEXIST\)/j_must_fail(j, R_IOEVENTFD_TAKEN, EINVAL)/
