# file virt/kvm/eventfd.c
# SPDX-License-Identifier: BSD-2-Clause
# rule IRQFD_FLAGS
# Missing check: unknown flags of KVM_IRQFD are taken.
/^kvm_irqfd(/,/^}/ s/args->flags & ~(.*))$/0)/
