# SPDX-License-Identifier: BSD-2-Clause
# breaks The name of an ioctl in a table of handlers is misspelt.
# file model/areas/irqchip.c
# red rules/ioctl_names
s/"KVM_GET_PIT2", KVMAPI_VM/"KVM_GET_PTI2", KVMAPI_VM/
