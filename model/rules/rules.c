/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "kvmapi/kvm_newer.h"
#include "model/rules/rules.h"

#define PROMISE	 MODEL_PROMISE
#define RIGHT	 MODEL_RIGHT
#define WEAK	 MODEL_WEAK
#define DEVIATES MODEL_DEVIATES
#define ADVICE	 MODEL_ADVICE
#define USUAL	 MODEL_USUAL

#define X86	(1 << KVMAPI_X86)
#define ARM64	(1 << KVMAPI_ARM64)
#define S390	(1 << KVMAPI_S390)
#define POWERPC (1 << KVMAPI_POWERPC)
#define RISCV	(1 << KVMAPI_RISCV)
#define ALL	((1 << KVMAPI_ARCHS) - 1)

#define K(major, minor) MODEL_KERNEL(major, minor)
#define E(...)              \
	{                   \
		__VA_ARGS__ \
	}

#define KVM_AMD	  MODEL_KVM_AMD
#define KVM_INTEL MODEL_KVM_INTEL
#define KVM_PVM	  MODEL_KVM_PVM

#define BACK_ENDS(mask) .back_ends = (mask)
#define WITH(cap)	.with_cap = 1 + (cap)
#define WITHOUT(cap)	.without_cap = 1 + (cap)

#define API	"api.rst"
#define UAPI	"uapi/kvm.h"
#define VMDEV	"devices/vm.rst"
#define VCPUDEV "devices/vcpu.rst"
#define VFIO	"devices/vfio.rst"
#define VGIC	"devices/arm-vgic.rst"
#define VGICV3	"devices/arm-vgic-v3.rst"
#define ITS	"devices/arm-vgic-its.rst"
#define MSRDOC	"x86/msr.rst"
#define APM2	"AMD64 APM 2"
#define SDM3	"Intel SDM 3"
#define TLFS	"Hyper-V TLFS"

static const struct model_rule rules[] = {
/* The statement, and the conditions behind it. */
#define RULE(id, kind, archs, since, until, document, section, refs, ...) \
	{#id, kind, archs, since, until, document, section, refs, .statement = __VA_ARGS__},
#define REFUSAL(id, kind, archs, since, until, errs, document, section, refs, ...) \
	{#id,	   kind,    archs, since,	   until,                          \
	 document, section, refs,  .errors = errs, .statement = __VA_ARGS__},
#include "model/rules/rules.def"
#undef RULE
};

const struct model_rule *model_rules(size_t *count)
{
	*count = sizeof(rules) / sizeof(rules[0]);
	return rules;
}

const char *model_section_title(const char *document, const char *section, size_t length)
{
	static const struct {
		const char *document, *number, *title;
	} sections[] = {
#define SECTION(document, number, title) {document, number, title},
#include "model/rules/sections.def"
#undef SECTION
	};

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (!strncmp(sections[i].number, section, length) && !sections[i].number[length] &&
		    !strcmp(sections[i].document, document))
			return sections[i].title;
	}
	return NULL;
}

static const struct model_stable stables[] = {
#define STABLE(rule, series, patch) {R_##rule, series, patch},
#include "model/rules/stable.def"
#undef STABLE
};

const struct model_stable *model_stables(size_t *count)
{
	*count = sizeof(stables) / sizeof(stables[0]);
	return stables;
}

const char *model_back_end_name(enum model_back_end back_end)
{
	switch (back_end) {
	case MODEL_KVM_AMD:
		return "kvm_amd";
	case MODEL_KVM_INTEL:
		return "kvm_intel";
	case MODEL_KVM_PVM:
		return "kvm_pvm";
	}
	return NULL;
}

const char *model_verdict_name(enum model_verdict_kind kind)
{
	static const char *const names[] = {
		[MODEL_CONFORMS] = "conforms", [MODEL_DEVIATION] = "deviation",
		[MODEL_DIVERGES] = "diverges", [MODEL_UNSPECIFIED] = "unspecified",
		[MODEL_SKIPPED] = "skipped",
	};

	return (unsigned int)kind < MODEL_VERDICT_KINDS ? names[kind] : "?";
}

const char *model_rule_kind_name(enum model_rule_kind kind)
{
	static const char *const names[] = {
		[MODEL_PROMISE] = "promise",	[MODEL_RIGHT] = "right",   [MODEL_WEAK] = "weak",
		[MODEL_DEVIATES] = "deviation", [MODEL_ADVICE] = "advice", [MODEL_USUAL] = "usual",
	};

	return (unsigned int)kind < MODEL_RULE_KINDS ? names[kind] : "?";
}

bool rule_has_error(uint16_t rule, int error)
{
	const uint8_t *errors = rule_errors(rule);

	for (unsigned int i = 0; i < MODEL_RULE_ERRORS && errors[i]; i++) {
		if (errors[i] == error)
			return true;
	}
	return !errors[0];
}
