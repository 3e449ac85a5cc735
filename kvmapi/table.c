/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of one architecture, from the .def files and that architecture's UAPI headers.
 * Compiled once per architecture; KVMAPI_ARCH is its name.  The only file that expands
 * kvm_ioctls.def into rows.
 */
#include <stddef.h>

#include "kvmapi/kvm_newer.h"

#include "kvmapi/internal.h"
#include "kvmapi/kvm_gone.h"
#include "kvmapi/on.h"
#include "kvmapi/run_page.h"

#define SYSTEM KVMAPI_SYSTEM
#define VM     KVMAPI_VM
#define VCPU   KVMAPI_VCPU
#define DEVICE KVMAPI_DEVICE
#define STATS  KVMAPI_STATS
#define MEMFD  KVMAPI_MEMFD
#define OTHER  KVMAPI_OTHER
#define NONE   KVMAPI_NONE
#define IN     KVMAPI_IN
#define OUT    KVMAPI_OUT
#define INOUT  KVMAPI_INOUT

#define SIZE_OF(type, field)   sizeof(((type *)0)->field)
#define COUNT_OF(element, ...) (sizeof((const element[]){__VA_ARGS__}) / sizeof(element))
#define ARRAY_COUNT(array)     (sizeof(array) / sizeof((array)[0]))

/* --- first pass: is the size in the request word the size of the type? --- */

#define IOCTL(name_, on_, ...)		    IOCTL_(#name_, name_, on_, __VA_ARGS__)
#define IOCTL_(string_, request_, on_, ...) CAT(CHECK_, on_)(string_, request_, __VA_ARGS__)
#define CHECK_0(...)
#define CHECK_1(string_, request_, scope_, dir_, size_, ...) CHECK_2(string_, request_, size_)
#define CHECK_2(string_, request_, size_)              \
	_Static_assert(_IOC_SIZE(request_) == (size_), \
		       string_ ": not the size that the request says");
#define VALUE				 0
#define VALUE_AS(size_)			 (size_)
#define RUNPAGE				 0
#define FIXED(type_)			 sizeof(type_)
#define FIXED_AS(type_, size_)		 (size_)
#define COUNTED(type_, count_, element_) sizeof(type_)
#define BLOB_CAP(type_, cap_)		 sizeof(type_)
#define BLOB_FIELD(type_, field_)	 sizeof(type_)
#define DOC(...)
#define CAP(...)
#define CREATES(...)
#define CREATES_IN(...)
#define NESTED(...)
#define MACHINE(...)

#include "kvmapi/kvm_ioctls.def"

#undef IOCTL_
#undef VALUE
#undef VALUE_AS
#undef RUNPAGE
#undef FIXED
#undef FIXED_AS
#undef COUNTED
#undef BLOB_CAP
#undef BLOB_FIELD
#undef DOC
#undef CAP
#undef CREATES
#undef CREATES_IN
#undef NESTED
#undef MACHINE

/* --- second pass: the rows --- */

#define IOCTL_(string_, request_, on_, ...) CAT(ROW_, on_)(string_, request_, __VA_ARGS__)
#define ROW_0(...)
#define ROW_1(string_, request_, scope_, dir_, ...) \
	{.name = string_,                           \
	 .request = (uint32_t)(request_),           \
	 .scope = scope_,                           \
	 .dir = dir_,                               \
	 __VA_ARGS__},

#define VALUE		       .payload = KVMAPI_VALUE
#define VALUE_AS(size_)	       .payload = KVMAPI_VALUE
#define RUNPAGE		       .payload = KVMAPI_RUNPAGE, .type = "struct kvm_run"
#define STRUCT(type_)	       .size = sizeof(type_), .type = #type_
#define FIXED(type_)	       .payload = KVMAPI_FIXED, STRUCT(type_)
#define FIXED_AS(type_, size_) .payload = KVMAPI_FIXED, STRUCT(type_)
#define COUNTER(type_, field_) \
	.count_offset = offsetof(type_, field_), .count_width = SIZE_OF(type_, field_)
#define COUNTED(type_, count_, element_)                                  \
	.payload = KVMAPI_COUNTED, STRUCT(type_), COUNTER(type_, count_), \
	.elem_size = sizeof(element_), .elem_type = #element_
#define BLOB_CAP(type_, cap_)	  .payload = KVMAPI_BLOB, STRUCT(type_), .size_cap = cap_
#define BLOB_FIELD(type_, field_) .payload = KVMAPI_BLOB, STRUCT(type_), COUNTER(type_, field_)

#define DOC(section_)			 .doc = section_
/* The capability must be one of the header. */
#define CAP(cap_)			 .cap = &#cap_[0 * (cap_)]
#define CREATES(kind_)			 .creates = kind_, .fd_offset = -1
#define CREATES_IN(kind_, type_, field_) .creates = kind_, .fd_offset = offsetof(type_, field_)

#define NESTED(...) \
	.nested = {__VA_ARGS__}, .nested_count = COUNT_OF(struct kvmapi_nested, __VA_ARGS__)
#define LENGTH(type_, field_) \
	.len_offset = offsetof(type_, field_), .len_width = SIZE_OF(type_, field_)
#define BYTES(type_, ptr_, len_, unit_, dir_)                                       \
	{                                                                           \
		.ptr_offset = offsetof(type_, ptr_), LENGTH(type_, len_),           \
		.length = KVMAPI_LEN_BYTES, .unit = unit_, .dir = dir_, .repeat = 1 \
	}
#define BITS(type_, ptr_, len_, dir_)                                     \
	{                                                                 \
		.ptr_offset = offsetof(type_, ptr_), LENGTH(type_, len_), \
		.length = KVMAPI_LEN_BITS, .dir = dir_, .repeat = 1       \
	}
#define BITS_EACH(type_, array_, ptr_, len_, dir_)                                            \
	{                                                                                     \
		.ptr_offset = offsetof(type_, array_[0].ptr_), LENGTH(type_, array_[0].len_), \
		.length = KVMAPI_LEN_BITS, .dir = dir_, .stride = SIZE_OF(type_, array_[0]),  \
		.repeat = SIZE_OF(type_, array_) / SIZE_OF(type_, array_[0])                  \
	}
#define ONE_REG(type_, ptr_, id_, dir_)                                  \
	{                                                                \
		.ptr_offset = offsetof(type_, ptr_), LENGTH(type_, id_), \
		.length = KVMAPI_LEN_ONE_REG, .dir = dir_, .repeat = 1   \
	}
#define SLOT(type_, ptr_, slot_, dir_)                                     \
	{                                                                  \
		.ptr_offset = offsetof(type_, ptr_), LENGTH(type_, slot_), \
		.length = KVMAPI_LEN_SLOT, .dir = dir_, .repeat = 1        \
	}
#define CONST(type_, ptr_, bytes_, dir_)                                                         \
	{                                                                                        \
		.ptr_offset = offsetof(type_, ptr_), .length = KVMAPI_LEN_CONST, .unit = bytes_, \
		.dir = dir_, .repeat = 1                                                         \
	}
#define ATTR(type_, ptr_, dir_)                                                              \
	{                                                                                    \
		.ptr_offset = offsetof(type_, ptr_), .length = KVMAPI_LEN_ATTR, .dir = dir_, \
		.repeat = 1                                                                  \
	}

#define MACHINE(...)              \
	.machine = {__VA_ARGS__}, \
	.machine_count = COUNT_OF(struct kvmapi_machine_field, __VA_ARGS__)
#define FD(type_, field_)                                              \
	{                                                              \
		.offset = offsetof(type_, field_), .what = KVMAPI_M_FD \
	}
#define PTR(type_, field_)                                              \
	{                                                               \
		.offset = offsetof(type_, field_), .what = KVMAPI_M_PTR \
	}
#define REGION(type_, address_, size_)                                                      \
	{                                                                                   \
		.offset = offsetof(type_, address_), .size_offset = offsetof(type_, size_), \
		.what = KVMAPI_M_REGION                                                     \
	}
#define PTR_EACH4(type_, array_, at_, ptr_)                                     \
	PTR(type_, array_[(at_) + 0].ptr_), PTR(type_, array_[(at_) + 1].ptr_), \
		PTR(type_, array_[(at_) + 2].ptr_), PTR(type_, array_[(at_) + 3].ptr_)
#define PTR_EACH16(type_, array_, ptr_)                                       \
	PTR_EACH4(type_, array_, 0, ptr_), PTR_EACH4(type_, array_, 4, ptr_), \
		PTR_EACH4(type_, array_, 8, ptr_), PTR_EACH4(type_, array_, 12, ptr_)

static const struct kvmapi_ioctl ioctls[] = {
#include "kvmapi/kvm_ioctls.def"
};

/* --- exit reasons --- */

#define UNION_AT offsetof(struct kvm_run, hw)
#define EXIT(reason_, member_) \
	{.name = #reason_,     \
	 .member = #member_,   \
	 .reason = reason_,    \
	 .out = SIZE_OF(struct kvm_run, member_)},
#define EXIT_ANSWER(reason_, member_, last_)      \
	{.name = #reason_,                        \
	 .member = #member_,                      \
	 .reason = reason_,                       \
	 .out = SIZE_OF(struct kvm_run, member_), \
	 .in = offsetof(struct kvm_run, last_) + SIZE_OF(struct kvm_run, last_) - UNION_AT},
#define EXIT_BARE(reason_) {.name = #reason_, .reason = reason_},

static const struct kvmapi_exit exits[] = {
#include "kvmapi/exits.def"
};

#define RUN_FIELD(at, field) _Static_assert(offsetof(struct kvm_run, field) == (at), #field)
RUN_FIELD(RUN_WINDOW, request_interrupt_window);
RUN_FIELD(RUN_IMMEDIATE, immediate_exit);
RUN_FIELD(RUN_PADDING, padding1);
RUN_FIELD(RUN_EXIT_REASON, exit_reason);
RUN_FIELD(RUN_READY, ready_for_interrupt_injection);
RUN_FIELD(RUN_IF, if_flag);
RUN_FIELD(RUN_FLAGS, flags);
RUN_FIELD(RUN_CR8, cr8);
RUN_FIELD(RUN_APIC_BASE, apic_base);
#if defined(KVMAPI_ARCH_s390)
RUN_FIELD(RUN_UNION_S390, hw);
#else
RUN_FIELD(KVMAPI_RUN_UNION, hw);
RUN_FIELD(KVMAPI_RUN_VALID_REGS, kvm_valid_regs);
RUN_FIELD(KVMAPI_RUN_SYNC, s);
_Static_assert(SIZE_OF(struct kvm_run, s) == KVMAPI_RUN_SYNC_MAX, "sync regs");
_Static_assert(offsetof(struct kvm_run, kvm_valid_regs) == offsetof(struct kvm_run, padding) + 256,
	       "the union has 256 bytes");
#endif

/* --- device attributes --- */

#define ATTRIBUTE(on_, ...)	   CAT(ATTRIBUTE_, on_)(__VA_ARGS__)
#define ATTRIBUTE_ANY(on_, ...)	   CAT(ATTRIBUTE_ANY_, on_)(__VA_ARGS__)
#define ATTRIBUTE_LENGTH(on_, ...) CAT(ATTRIBUTE_LENGTH_, on_)(__VA_ARGS__)
#define ATTRIBUTE_0(...)
#define ATTRIBUTE_ANY_0(...)
#define ATTRIBUTE_LENGTH_0(...)
#define ATTRIBUTE_1(kind_, group_, attr_, type_) \
	{.kind = kind_, .group = group_, .attr = attr_, .size = sizeof(type_), .type = #type_},
#define ATTRIBUTE_ANY_1(kind_, group_, type_) \
	{.kind = kind_, .group = group_, .any = true, .size = sizeof(type_), .type = #type_},
#define ATTRIBUTE_LENGTH_1(kind_, group_, maximum_) \
	{.kind = kind_,                             \
	 .group = group_,                           \
	 .any = true,                               \
	 .by_length = true,                         \
	 .size = maximum_,                          \
	 .type = "struct kvm_s390_irq"},

static const struct kvmapi_attr attrs[] = {
#include "kvmapi/kvm_attrs.def"
};

/* --- how values are shown --- */

/* The field must be one of the type, the constant one of the header. */
#define FIELD_NAME(type_, path_) &#path_[0 * offsetof(type_, path_)]
#define NAMED(constant_)	 {#constant_, (uint64_t)(constant_)},
#define BIT(constant_)		 {#constant_, 1ull << (constant_)},
#define CONSTANTS(...)                   \
	(const struct kvmapi_constant[]) \
	{                                \
		__VA_ARGS__              \
		{                        \
		}                        \
	}
#define FLAGS(on_, ...)	  CAT(FLAGS_, on_)(__VA_ARGS__)
#define ENUM(on_, ...)	  CAT(ENUM_, on_)(__VA_ARGS__)
#define SHOW_AS(on_, ...) CAT(SHOW_AS_, on_)(__VA_ARGS__)
#define FLAGS_0(...)
#define ENUM_0(...)
#define SHOW_AS_0(...)
#define FLAGS_1(type_, path_, ...) \
	{#type_, FIELD_NAME(type_, path_), KVMAPI_STYLE_FLAGS, CONSTANTS(__VA_ARGS__)},
#define ENUM_1(type_, path_, ...) \
	{#type_, FIELD_NAME(type_, path_), KVMAPI_STYLE_ENUM, CONSTANTS(__VA_ARGS__)},
#define SHOW_AS_1(style_, type_, path_) \
	{#type_, FIELD_NAME(type_, path_), KVMAPI_STYLE_##style_, NULL},

static const struct kvmapi_field fields[] = {
#include "kvmapi/fields.def"
};

/* --- registers --- */

/* Names become strings before they are expanded to constants. */
#define REG(on_, constant_)		CAT(REG_, on_)(#constant_, constant_)
#define REG_PART(on_, constant_, mask_) CAT(REG_PART_, on_)(#constant_, constant_, mask_)
#define REG_MACRO(on_, macro_, ...)	CAT(REG_MACRO_, on_)(#macro_, __VA_ARGS__)
#define REG_FIELDS(on_, constant_, mask_, macro_, ...) \
	CAT(REG_FIELDS_, on_)(#constant_, constant_, mask_, #macro_, __VA_ARGS__)
#define REG_0(...)
#define REG_PART_0(...)
#define REG_MACRO_0(...)
#define REG_FIELDS_0(...)
#define REG_1(name_, value_) \
	{.name = name_, .value = value_, .mask = UINT64_MAX, .kind = KVMAPI_REG_WHOLE},
#define REG_PART_1(name_, value_, mask_) \
	{.name = name_, .value = value_, .mask = mask_, .kind = KVMAPI_REG_PART},
#define ARG(shift_, bits_) {shift_, bits_},
#define REG_MACRO_1(name_, base_, ...) \
	{.name = name_,                \
	 .value = base_,               \
	 .kind = KVMAPI_REG_MACRO,     \
	 .args = {__VA_ARGS__},        \
	 .arg_count = ARRAY_COUNT(((const struct kvmapi_reg_arg[]){__VA_ARGS__}))},
#define REG_FIELDS_1(name_, value_, mask_, macro_, type_, unit_) \
	{.name = name_,                                          \
	 .value = value_,                                        \
	 .mask = mask_,                                          \
	 .kind = KVMAPI_REG_FIELDS,                              \
	 .macro = macro_,                                        \
	 .type = #type_,                                         \
	 .unit = sizeof(unit_)},

/* x86 has no registers, but an array needs an element. */
static const struct kvmapi_reg regs[] = {
#include "kvmapi/regs.def"
	{.name = NULL},
};

/* --- names of device attributes --- */

#define GROUP(on_, kind_, device_, group_) CAT(GROUP_, on_)(kind_, device_, #group_, group_)
#undef ATTR
#define ATTR(on_, kind_, device_, group_, attr_) \
	CAT(ATTR_, on_)(kind_, device_, group_, #attr_, attr_)
#define GROUP_0(...)
#define ATTR_0(...)
#define GROUP_1(kind_, device_, name_, group_) \
	{.name = name_, .kind = kind_, .device = device_, .group = group_},
#define ATTR_1(kind_, device_, group_, name_, attr_) \
	{.name = name_,                              \
	 .kind = kind_,                              \
	 .device = device_,                          \
	 .group = group_,                            \
	 .attr = attr_,                              \
	 .attribute = true},

static const struct kvmapi_attr_name attr_names[] = {
#include "kvmapi/attr_names.def"
};

#define CASE(value_, member_) {(uint64_t)(value_), #member_, false},
#define CASE_NONE(value_)     {(uint64_t)(value_), "", false},
#define CASE_ELSE(member_)    {0, #member_, true},
#define CASES(...)                   \
	(const struct kvmapi_case[]) \
	{                            \
		__VA_ARGS__          \
		{                    \
		}                    \
	}
#define UNION(on_, ...)	   CAT(UNION_, on_)(__VA_ARGS__)
#define UNION_IS(on_, ...) CAT(UNION_IS_, on_)(__VA_ARGS__)
#define UNION_0(...)
#define UNION_IS_0(...)
#define UNION_1(type_, path_, by_, ...) \
	{#type_, FIELD_NAME(type_, path_), FIELD_NAME(type_, by_), CASES(__VA_ARGS__)},
#define UNION_IS_1(type_, path_, member_) \
	{#type_, FIELD_NAME(type_, path_), NULL, CASES(CASE(0, member_))},

static const struct kvmapi_union unions[] = {
#include "kvmapi/unions.def"
};

_Static_assert(ARRAY_COUNT(ioctls) <= KVMAPI_ROWS_MAX, "kvmapi_find() finds all rows");

/* --- what is alive --- */

#define IGNORED(on_, ...)      CAT(USE_, on_)(KVMAPI_USE_IGNORED, __VA_ARGS__)
#define ALIVE(on_, ...)	       CAT(USE_, on_)(KVMAPI_USE_ALIVE, __VA_ARGS__)
#define WHEN(on_, ...)	       CAT(USE_BY_, on_)(KVMAPI_USE_WHEN, __VA_ARGS__)
#define UNLESS(on_, ...)       CAT(USE_BY_, on_)(KVMAPI_USE_UNLESS, __VA_ARGS__)
#define WRITTEN_WHEN(on_, ...) CAT(USE_BY_, on_)(KVMAPI_USE_WRITTEN_WHEN, __VA_ARGS__)
#define COUNTED_BY(on_, ...)   CAT(USE_COUNT_, on_)(__VA_ARGS__)
#define SYNCED(on_, ...)       CAT(USE_SYNC_, on_)(__VA_ARGS__)
#define NAMES_FD(on_, ...)     CAT(USE_BY_, on_)(KVMAPI_USE_FD, __VA_ARGS__)
#define NAMES_PTR(on_, ...)    CAT(USE_BY_, on_)(KVMAPI_USE_PTR, __VA_ARGS__)
#define USE_0(...)
#define USE_BY_0(...)
#define USE_COUNT_0(...)
#define USE_SYNC_0(...)
/* As FIELD_NAME, for bits too. */
#define MEMBER_NAME(type_, path_) &#path_[0 * sizeof((void)((type_ *)0)->path_, 0)]
#define USE_1(kind_, type_, path_) \
	{.type = #type_, .path = MEMBER_NAME(type_, path_), .kind = kind_},
#define USE_BY_1(kind_, type_, path_, by_, mask_, value_) \
	{.type = #type_,                                  \
	 .path = FIELD_NAME(type_, path_),                \
	 .by = FIELD_NAME(type_, by_),                    \
	 .kind = kind_,                                   \
	 .mask = mask_,                                   \
	 .value = value_},
#define USE_COUNT_1(type_, path_, by_)     \
	{.type = #type_,                   \
	 .path = FIELD_NAME(type_, path_), \
	 .by = FIELD_NAME(type_, by_),     \
	 .kind = KVMAPI_USE_COUNTED},
#define USE_SYNC_1(path_, mask_)                          \
	{.type = "struct kvm_sync_regs",                  \
	 .path = FIELD_NAME(struct kvm_sync_regs, path_), \
	 .kind = KVMAPI_USE_SYNCED,                       \
	 .mask = mask_},
#define ARGS(...)
#define READS(...)
#define LIMIT(...)
#define FILLS(...)
#define ANSWERS_ERRORS(...)
#define FIRST_BY_RESULT(...)

static const struct kvmapi_use uses[] = {
#include "kvmapi/live.def"
};

#undef IGNORED
#undef ALIVE
#undef WHEN
#undef UNLESS
#undef WRITTEN_WHEN
#undef COUNTED_BY
#undef SYNCED
#undef NAMES_FD
#undef NAMES_PTR
#undef ARGS
#define IGNORED(...)
#define ALIVE(...)
#define WHEN(...)
#define UNLESS(...)
#define WRITTEN_WHEN(...)
#define COUNTED_BY(...)
#define SYNCED(...)
#define NAMES_FD(...)
#define NAMES_PTR(...)
#define ARGS(on_, cap_, count_) {cap_, count_},

static const struct kvmapi_cap_args cap_args[] = {
#include "kvmapi/live.def"
};

#undef ARGS
#undef READS
#undef LIMIT
#undef FILLS
#undef ANSWERS_ERRORS
#undef FIRST_BY_RESULT
#define ARGS(...)
/* The name must be one of the header. */
#define REQUEST_NAME(string_, request_) &string_[0 * sizeof(char[(request_) ? 1 : 2])]
#define READS(on_, ioctl_, ...)		CAT(READS_, on_)(#ioctl_, ioctl_, __VA_ARGS__)
#define LIMIT(on_, ioctl_, limit_)	CAT(LIMIT_, on_)(#ioctl_, ioctl_, limit_)
#define FILLS(on_, ioctl_)		CAT(SAYS_, on_)(#ioctl_, ioctl_, KVMAPI_TRAFFIC_FILLS)
#define ANSWERS_ERRORS(on_, ioctl_)	CAT(SAYS_, on_)(#ioctl_, ioctl_, KVMAPI_TRAFFIC_ANSWERS_ERRORS)
#define FIRST_BY_RESULT(on_, ioctl_) \
	CAT(SAYS_, on_)(#ioctl_, ioctl_, KVMAPI_TRAFFIC_FIRST_BY_RESULT)
#define READS_0(...)
#define LIMIT_0(...)
#define SAYS_0(...)
#define NOTHING
#define FIELD(type_, path_) FIELD_NAME(type_, path_),
#define READS_1(string_, request_, ...)            \
	{.ioctl = REQUEST_NAME(string_, request_), \
	 .kind = KVMAPI_TRAFFIC_READS,             \
	 .reads = (const char *const[]){__VA_ARGS__ NULL}},
#define LIMIT_1(string_, request_, limit_) \
	{.ioctl = REQUEST_NAME(string_, request_), .kind = KVMAPI_TRAFFIC_LIMIT, .limit = limit_},
#define SAYS_1(string_, request_, kind_) {.ioctl = REQUEST_NAME(string_, request_), .kind = kind_},

static const struct kvmapi_traffic traffic[] = {
#include "kvmapi/live.def"
};

const struct kvmapi_table CAT(kvmapi_table_, KVMAPI_ARCH) = {
	.ioctls = ioctls,
	.exits = exits,
	.attrs = attrs,
	.fields = fields,
	.unions = unions,
	.regs = regs,
	.attr_names = attr_names,
	.uses = uses,
	.cap_args = cap_args,
	.traffic = traffic,
	.ioctl_count = ARRAY_COUNT(ioctls),
	.exit_count = ARRAY_COUNT(exits),
	.attr_count = ARRAY_COUNT(attrs),
	.field_count = ARRAY_COUNT(fields),
	.union_count = ARRAY_COUNT(unions),
	.reg_count = ARRAY_COUNT(regs) - 1,
	.attr_name_count = ARRAY_COUNT(attr_names),
	.use_count = ARRAY_COUNT(uses),
	.cap_args_count = ARRAY_COUNT(cap_args),
	.traffic_count = ARRAY_COUNT(traffic),
	.run_union = UNION_AT,
};
